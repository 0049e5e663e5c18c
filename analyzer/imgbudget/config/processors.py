"""The table `processors` of a configuration: bounds that a server sets for the image processors of models."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from imgbudget.config.load import UncheckedSettings
from imgbudget.config.settings import ConfigOrigin, ModelProcessor
from imgbudget.config.shapes import (
    Amount,
    ChoiceShape,
    Flag,
    JsonSchema,
    Key,
    Reading,
    Record,
    Shape,
    kind_of,
)
from imgbudget.config.shapes import Values as Found
from imgbudget.config.suggest import nearest, plain, quoted
from imgbudget.config.tree import Node, Table
from imgbudget.config.units import TOKENS_PATTERN, count_pattern, parse_count, parse_tokens
from imgbudget.errors import ConfigProblem
from imgbudget.limits.data import LimitsData
from imgbudget.limits.fields import DETAILS
from imgbudget.limits.options import LEVELS, NUMBERS, PAN_AND_SCAN, Processors, with_option


def _amount(unit: str) -> Shape[Any]:
    if unit == "tokens":
        return Amount("a number of tokens", parse_tokens, TOKENS_PATTERN, "integer")
    return Amount(f"a number of {unit}", lambda text: parse_count(text, unit), count_pattern(unit), "integer")


_KEYS: tuple[Key[Any], ...] = (
    *(Key(name, _amount(unit), about) for name, (unit, about) in NUMBERS.items()),
    *(
        Key(
            name,
            ChoiceShape("a level of detail", DETAILS, "which of them a model has, `imgbudget size` shows"),
            "The level of images that request none.",
        )
        for name in LEVELS
    ),
    Key(PAN_AND_SCAN, Flag(), "Whether Gemma 3 cuts images into tiles; their tokens are then not known."),
)
_RECORD: Record[Found] = Record("a table of bounds (name: number)", _KEYS, lambda values: values)


@dataclass(frozen=True, slots=True)
class ProcessorsShape:
    """A table of bounds by patterns of model ids."""

    def read(self, node: Node, at: str, reading: Reading) -> "ProcessorTable | None":
        """The valid ones, in order."""
        if not isinstance(node, Table):
            where = f"{at}: expected a table (model: bounds), found {kind_of(node)}"
            reading.report(node.origin, where)
            return None
        found = []
        for pattern, item, origin in node:
            values = _RECORD.read(item, f"{at}.{plain(pattern)}", reading)
            if values is not None:
                options = {
                    name: value for name, value in values.found.items() if isinstance(value, (int, str))
                }
                found.append(ModelProcessor(pattern, options, origin))
        return ProcessorTable(tuple(found))

    def schema(self) -> JsonSchema:
        """An object of such tables."""
        return {"type": "object", "additionalProperties": _RECORD.schema()}


@dataclass(frozen=True, slots=True)
class ProcessorTable:
    """The bounds that a configuration sets, in order."""

    rows: tuple[ModelProcessor, ...]

    def on(self, data: LimitsData, loaded: UncheckedSettings) -> LimitsData:
        """The data with these bounds.

        Raises:
            ConfigError: the configuration has mistakes, here or elsewhere; it contains all of them.
        """
        if problems := tuple(_mistakes(self.rows, data)):
            loaded._replace(problems=(*loaded.problems, *problems)).validate()
        rows = ((data.pattern_of(row.pattern), row.options, _source(row.origin)) for row in self.rows)
        return data.with_processors(Processors(tuple(rows)))


def _source(origin: ConfigOrigin) -> str:
    """Where a bound is set, for `imgbudget limits`."""
    return origin.path if origin.line is None else f"{origin.path} line {origin.line}"


def _mistakes(rows: Sequence[ModelProcessor], data: LimitsData) -> Iterator[ConfigProblem]:
    """A mistake for each pattern that matches no known model, and each bound that none of its models has."""
    for pattern, options, origin in rows:
        at, lower = f"processors.{plain(pattern)}", data.pattern_of(pattern)
        matched = [model for model in data.models if fnmatchcase(model.lower(), lower)]
        if not matched:
            near = nearest(pattern, data.models)
            hint = f"did you mean {quoted(near)}?" if near else "`imgbudget size --model all` lists them"
            yield ConfigProblem(origin.path, origin.line, f"{at}: matches no known model; {hint}")
            continue
        bound = [data.bind(model, "") for model in matched]
        for name, value in options.items():
            if not any(with_option(limits, name, value, "") for limits in bound):
                names = [key.name for key in _KEYS if key.name != name]
                possible = [
                    other
                    for other in names
                    if any(with_option(limits, other, _example(other), "") for limits in bound)
                ]
                hint = f"it has {', '.join(possible)}" if possible else "no bound of its images can be set"
                whose = matched[0] if len(matched) == 1 else f"any of {len(matched)} models"
                flaw = f"{name} has no effect on {whose}; {hint}"
                yield ConfigProblem(origin.path, origin.line, f"{at}: {flaw}")


def _example(name: str) -> int | str:
    return "low" if name in LEVELS else 1
