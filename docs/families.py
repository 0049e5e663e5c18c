"""How the images of each family of models are counted: docs/providers.md, from the data and the vectors."""

import csv
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import Size, Tier
from imgbudget.limits.processors import Processor, strategy
from imgbudget.limits.values import figure
from imgbudget_rules.limits import DATA

VECTORS = Path(__file__).resolve().parents[1] / "tests" / "vectors.csv"
BEGIN, END = "<!-- families: generated -->\n", "<!-- end of families -->\n"
_ON_SERVICE = {"served since 2026-08": "mistral"}

_WORDS = {
    "": (
        "Claude",
        "downscaled to the edge and the tokens of the tier, then padded to patches of 28 px, each a token",
    ),
    "flat": ("One number for every size", "an image costs the same, however large it is"),
    "unknown": ("Rule not known", "the number of tokens is given as unknown, never by another model's rule"),
}
"""Family and rule, where the docstring of the strategy is about how it is used."""

_KINDS = (
    ("recorded usage", "recorded usage"),
    ("same", "recorded usage"),
    ("live usage", "recorded usage"),
    ("measured by others", "counts measured by others"),
    ("ran the real processor", "the released image processor"),
    ("rule of", "the released image processor"),
    ("read source", "its source code"),
)
"""How a number is known, by the words that it begins with in the file."""


class Vector(NamedTuple):
    """A row of the vectors: the family's model, how the number is known, and how far ours is off."""

    model: str
    kind: str
    error: int


def limits_of(data: LimitsData, row: dict[str, str]) -> Limits:
    """The limits of a row's model, as its configuration sets them, at its level of detail."""
    limits = data.bind(row["model"], _ON_SERVICE.get(row["config"], ""))
    name, _, value = row["config"].partition("=")
    if value:
        number = int(value)
        if name == "max_tokens":
            name, number = "max_pixels", number * int(limits.tier.number("patch_edge")) ** 2
        tiers = {"tiers": {limits.tier.name: {name: {"value": number}}}}
        limits = data.overlay(tiers, "vectors.csv").bind(row["model"], "")
    return limits.at(row["detail"] or None)


def vectors(data: LimitsData) -> Iterator[Vector]:
    """Every row, with the distance between its tokens and those that are predicted."""
    with VECTORS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            kind = next(kind for words, kind in _KINDS if row["how_known"].lstrip('"').startswith(words))
            found = limits_of(data, row).tokens(Size(int(row["width"]), int(row["height"])))
            if found is None:
                raise ValueError(f"{row['model']}: {row['width']}x{row['height']} has no tokens")
            yield Vector(data.normalize(row["model"]).id, kind, abs(found - int(row["expected_tokens"])))


def words_of(name: str) -> tuple[str, str]:
    """The family and its rule, from the docstring of what counts the tokens."""
    if name in _WORDS:
        return _WORDS[name]
    found = strategy(name)
    text = inspect.getdoc(found.function if isinstance(found, Processor) else found) or ""
    first, *rest = re.split(r"\n\n", text)
    family, _, rule = first.rstrip(".").partition(": ")
    more = [" ".join(part.split()) for part in rest if not part.startswith("Uses ")]
    return family, ". ".join([" ".join(rule.split()), *more])


def families() -> str:
    """A section for each family: the rule, and for each set of numbers its models, sources and vectors."""
    data = LimitsData.from_mapping(DATA, day="2026-11-28")
    known = list(vectors(data))
    groups: dict[str, dict[str, list[Limits]]] = {}
    for model in data.models:
        limits = data.bind(model, "")
        groups.setdefault(limits.tier.strategy, {}).setdefault(limits.tier.name, []).append(limits)
    parts = []
    for name, tiers in groups.items():
        family, rule = words_of(name)
        parts.append(
            f"### {family}\n\n{rule[:1].upper()}{rule[1:].rstrip('.')}.\n\n"
            "| models | numbers | source | compared with | vectors | largest error |\n"
            "|---|---|---|---|---|---|\n" + "".join(_row(same, known) for same in tiers.values())
        )
    return "\n".join(parts)


def _row(same: list[Limits], known: list[Vector]) -> str:
    """The models that have the same numbers, in one row."""
    models = [limits.model for limits in same]
    mine = [vector for vector in known if vector.model in models]
    kinds: dict[str, int] = {}
    for vector in mine:
        kinds[vector.kind] = kinds.get(vector.kind, 0) + 1
    limits = same[0]
    numbers = _numbers(limits.tier)
    others = [_numbers(tier) for tier in limits.tier.alternatives]
    texts = [_text(numbers), *(f"or {_text(_differing(other, numbers))}" for other in others)]
    rule = limits.tier_values or (limits.values["tier"],)
    sources = dict.fromkeys(
        f"{value.source} ({value.status})" for value in rule if value.name != "alternatives"
    )
    cells = (
        ", ".join(models),
        ", ".join(texts),
        "; ".join(sources),
        ", ".join(f"{kind} ({count})" for kind, count in kinds.items()) or "–",
        str(len(mine)) if mine else "–",
        (f"{error} tokens" if (error := max(vector.error for vector in mine)) != 1 else "1 token")
        if mine
        else "–",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _numbers(tier: Tier) -> dict[str, float]:
    """What the rule calculates with, by name; edges in px, areas in pixels."""
    bounds = {"edge": tier.max_edge, "tokens": tier.max_tokens}
    return {name: value for name, value in bounds.items() if value} | dict(tier.numbers)


def _text(numbers: dict[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {figure(value)}" for name, value in numbers.items())


def _differing(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """The numbers of one that the other does not have."""
    return {name: value for name, value in one.items() if other.get(name) != value}


def with_families(page: str) -> str:
    """The page with the sections of all families between the two comments."""
    if BEGIN not in page:
        return page
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{families()}\n{END}{rest.split(END)[1]}"
