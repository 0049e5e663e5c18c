"""The shapes that values of a configuration may have, from single values to tables.

A shape reads a node, reports what is wrong with it, and describes itself as JSON Schema: one source for all
three.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, cast

from imgbudget.config.load import MISSING, beside, is_within, why_no_file
from imgbudget.config.settings import ConfigOrigin, NameKind, NameReference, PatternUse
from imgbudget.config.suggest import MAX_HINTS, nearest, plain, quoted
from imgbudget.config.tree import Items, Kind, Node, Scalar, Table
from imgbudget.errors import ConfigProblem

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
JsonSchema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """Collects the mistakes of the files that are read, names that only the caller can check, and patterns.

    Files that a configuration names must be in or below its folder in `boundaries`, which has no symbolic
    links; the names of configurations are those of their values' origins.
    """

    boundaries: Mapping[str, str]
    problems: list[ConfigProblem] = field(default_factory=list)
    references: list[NameReference] = field(default_factory=list)
    patterns: list[PatternUse] = field(default_factory=list)

    def report(self, origin: ConfigOrigin, message: str) -> None:
        """Add a mistake."""
        self.problems.append(ConfigProblem(origin.path, origin.line, message))


class Shape(Protocol[T_co]):
    """A kind of value."""

    def read(self, node: Node, at: str, reading: Reading) -> T_co | None:
        """The value of the node at the path `at`; None, with the mistake reported, if it is invalid."""

    def schema(self) -> JsonSchema:
        """The shape as JSON Schema."""


def kind_of(node: Node) -> str:
    """The type of a node as messages name it."""
    if isinstance(node, Items):
        return "a list"
    return "a table" if isinstance(node, Table) else node.kind.value


def _mismatch(node: Node, at: str, wanted: str) -> str:
    """The message for a node of another type than is wanted."""
    where = f"{at}: " if at else ""
    return f"{where}expected {wanted}, found {kind_of(node)}"


@dataclass(frozen=True, slots=True)
class TextShape:
    """Text in which a regular expression finds a match; by default any text that is not blank.

    `flaw` says what is wrong with other text, as a clause. `kind` marks a name that the caller must check.
    """

    wanted: str
    kind: NameKind | None = None
    pattern: str = r"\S"
    flaw: str = "is blank"

    def read(self, node: Node, at: str, reading: Reading) -> str | None:
        """The text, unchanged."""
        if not isinstance(node, Scalar) or node.kind is not Kind.TEXT:
            reading.report(node.origin, self._not_text(node, at))
            return None
        if re.search(self.pattern, node.text) is None:
            reading.report(node.origin, f"{at}: expected {self.wanted}, but {quoted(node.text)} {self.flaw}")
            return None
        if self.kind:
            reading.references.append(NameReference(self.kind, at, node.text, node.origin))
        return node.text

    def _not_text(self, node: Node, at: str) -> str:
        """The message for another type, and how to quote the value if only quotes are missing."""
        if not isinstance(node, Scalar) or node.kind is Kind.NOTHING:
            return _mismatch(node, at, self.wanted)
        misread = f"{node.text} without quotes is {node.kind.value}"
        return f"{at}: expected {self.wanted}, but {misread}; quote it: {quoted(node.text)}"

    def schema(self) -> JsonSchema:
        """A string."""
        return {"type": "string", "pattern": self.pattern}


class PatternShape(TextShape):
    """A file pattern, as in a .gitignore, that matches some name."""

    __slots__ = ()

    def read(self, node: Node, at: str, reading: Reading) -> str | None:
        """The pattern, unchanged."""
        text = TextShape.read(self, node, at, reading)
        if text is None:
            return None
        from imgbudget.discovery.gitignore import why_never  # noqa: PLC0415 - rare

        if reason := why_never(text):
            reading.report(node.origin, f"{at}: {quoted(text)} never matches: {reason}")
            return None
        written = node.moved_from if isinstance(node, Scalar) else None
        reading.patterns.append(PatternUse(at, written or text, text, node.origin))
        return text


@dataclass(frozen=True, slots=True)
class ChoiceShape:
    """One of a few words. `hint` is the advice for a value that is close to none of them."""

    wanted: str
    words: tuple[str, ...]
    hint: str

    def read(self, node: Node, at: str, reading: Reading) -> str | None:
        """The word."""
        if isinstance(node, Scalar) and node.kind is Kind.TEXT and node.text in self.words:
            return node.text
        listed = ", ".join(self.words[:-1]) + " or " + self.words[-1]
        near = None
        if not isinstance(node, Scalar) or node.kind not in (Kind.TEXT, Kind.BOOLEAN):
            what = f"expected {self.wanted}, found {kind_of(node)}"
        elif node.kind is Kind.BOOLEAN:
            what = f"{node.text} without quotes is a boolean, not {self.wanted}"
        else:
            near = nearest(node.text, self.words) if len(reading.problems) < MAX_HINTS else None
            what = f"{quoted(node.text)} is not {self.wanted}"
        advice = f"did you mean {quoted(near)}?" if near else f"use {listed}; {self.hint}"
        reading.report(node.origin, f"{at}: {what}; {advice}")
        return None

    def schema(self) -> JsonSchema:
        """An enumeration."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Amount(Generic[T]):
    """A number with its unit. `parse` raises ValueError with a clause that lists the valid spellings.

    It is more than 0, or with `zero` at least 0, and at most `most`.
    """

    wanted: str
    parse: Callable[[str], T]
    pattern: str
    number: str
    zero: bool = False
    most: int | None = None

    def read(self, node: Node, at: str, reading: Reading) -> T | None:
        """The amount in its base unit."""
        if not isinstance(node, Scalar) or node.kind not in (Kind.TEXT, Kind.WHOLE, Kind.NUMBER):
            reading.report(node.origin, _mismatch(node, at, self.wanted))
            return None
        try:
            return self.parse(node.text)
        except ValueError as error:
            reading.report(node.origin, f"{at}: {error}")
            return None

    def schema(self) -> JsonSchema:
        """A plain number, or text with a unit."""
        bounds: JsonSchema = {"minimum" if self.zero else "exclusiveMinimum": 0}
        if self.most is not None:
            bounds["maximum"] = self.most
        return {
            "anyOf": [
                {"type": self.number, **bounds},
                {"type": "string", "pattern": self.pattern},
            ]
        }


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def read(self, node: Node, at: str, reading: Reading) -> bool | None:
        """The boolean."""
        if isinstance(node, Scalar) and node.kind is Kind.BOOLEAN and node.text.lower() in ("true", "false"):
            return node.text.lower() == "true"
        here = quoted(node.text) if isinstance(node, Scalar) and node.text else kind_of(node)
        reading.report(node.origin, f"{at}: expected true or false, found {here}")
        return None

    def schema(self) -> JsonSchema:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class FileName:
    """The name of a file, relative to the folder of the configuration; with `exists` the file must exist.

    A file out of the repository can be named with the `option` of the command line only.
    """

    wanted: str
    option: str
    exists: bool = True

    def read(self, node: Node, at: str, reading: Reading) -> str | None:
        """The absolute path."""
        name = TextShape(self.wanted).read(node, at, reading)
        if name is None:
            return None
        path = beside(node.origin.path, name)
        where = f"paths are relative to the folder of {node.origin.path}"
        flaw: str | None
        if not is_within(path, reading.boundaries[node.origin.path]):
            flaw = "is outside of the repository, or without one of the configuration's folder"
            where = f"such a file is read only if the command line names it: {self.option} FILE"
        else:
            flaw = why_no_file(path)
            if flaw == MISSING and not self.exists and "\0" not in path:
                flaw = None
        if flaw is None:
            return path
        reading.report(node.origin, f"{at}: {quoted(name)} {flaw}; {where}")
        return None

    def schema(self) -> JsonSchema:
        """A string."""
        return TextShape(self.wanted).schema()


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list of values of one shape. `empty` says why it must not be empty, as a clause."""

    wanted: str
    item: Shape[T]
    empty: str = ""

    def read(self, node: Node, at: str, reading: Reading) -> tuple[T, ...] | None:
        """The valid values, in order; None if it is no list, or empty where it must not be."""
        if not isinstance(node, Items):
            message = _mismatch(node, at, self.wanted)
            if isinstance(node, Scalar):
                item = "" if node.kind is Kind.NOTHING else quoted(node.text)
                message += f"; write [{item}]"
            reading.report(node.origin, message)
            return None
        if not node.items and self.empty:
            reading.report(node.origin, f"{at}: the list is empty; {self.empty}")
            return None
        values = (self.item.read(item, f"{at}[{index}]", reading) for index, item in enumerate(node.items))
        return tuple(value for value in values if value is not None)

    def schema(self) -> JsonSchema:
        """An array."""
        schema: JsonSchema = {"type": "array", "items": self.item.schema()}
        return {**schema, "minItems": 1} if self.empty else schema


@dataclass(frozen=True, slots=True)
class MapOf(Generic[T]):
    """A table whose keys the user chooses; they are names of this kind, which the caller must check."""

    wanted: str
    value: Shape[T]
    kind: NameKind

    def read(self, node: Node, at: str, reading: Reading) -> Mapping[str, T] | None:
        """The valid entries, in order."""
        if not isinstance(node, Table):
            reading.report(node.origin, _mismatch(node, at, self.wanted))
            return None
        values: dict[str, T] = {}
        for key, item, origin in node:
            route = f"{at}.{plain(key)}"
            reading.references.append(NameReference(self.kind, route, key, origin))
            value = self.value.read(item, route, reading)
            if value is not None:
                values[key] = value
        return values

    def schema(self) -> JsonSchema:
        """An object."""
        return {"type": "object", "additionalProperties": self.value.schema()}


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """A key of a record. `required` says why it must not be missing, as a clause."""

    name: str
    shape: Shape[T]
    about: str
    required: str = ""


@dataclass(frozen=True, slots=True)
class Values:
    """The valid values of a record by key; `origin` is the position of the record."""

    found: Mapping[str, object]
    origin: ConfigOrigin

    def get(self, key: Key[T]) -> T | None:
        """The value of a key."""
        return cast("T | None", self.found.get(key.name))

    def get_or(self, key: Key[T], default: T) -> T:
        """The value of a key, or the default."""
        value = self.get(key)
        return default if value is None else value


@dataclass(frozen=True, slots=True)
class Record(Generic[T]):
    """A table with a fixed set of keys; `make` turns its values into one."""

    wanted: str
    keys: tuple[Key[Any], ...]
    make: Callable[[Values], T]

    def read(self, node: Node, at: str, reading: Reading) -> T | None:
        """The value; None if it is no table, or if a required key is missing or invalid."""
        if not isinstance(node, Table):
            reading.report(node.origin, _mismatch(node, at, self.wanted))
            return None
        known = {key.name: key for key in self.keys}
        found: dict[str, object] = {}
        for name, item, origin in node:
            route = f"{at}.{name}" if at else name
            if name not in known:
                hint = len(reading.problems) < MAX_HINTS
                reading.report(origin, self._unknown(name, route, hint=hint))
                continue
            value = known[name].shape.read(item, route, reading)
            if value is not None:
                found[name] = value
        complete = True
        for key in self.keys:
            if key.required and node.get(key.name) is None:
                reading.report(node.origin, f"{at}: missing key {quoted(key.name)}; {key.required}")
            complete = complete and not (key.required and key.name not in found)
        return self.make(Values(found, node.origin)) if complete else None

    def _unknown(self, name: str, route: str, *, hint: bool) -> str:
        names = [key.name for key in self.keys]
        near = nearest(name, names) if hint else None
        advice = f"did you mean {quoted(near)}?" if near else f"valid keys: {', '.join(names)}"
        return f"unknown key {quoted(route)}; {advice}"

    def schema(self) -> JsonSchema:
        """An object with these keys and no others."""
        schema: JsonSchema = {
            "type": "object",
            "properties": {key.name: {"description": key.about, **key.shape.schema()} for key in self.keys},
            "additionalProperties": False,
        }
        required = [key.name for key in self.keys if key.required]
        return {**schema, "required": required} if required else schema
