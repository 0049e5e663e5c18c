"""The text of a first configuration for a folder, with budgets 25 % above what was measured."""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from imgbudget import version
from imgbudget.model.budgets import Budgets

ROOM = 1.25
"""Ratio of a proposed budget to the largest amount measured."""

_COMMENT = 32
_OTHERS = 3
_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))


class Proposal(NamedTuple):
    """The contents of a first configuration.

    `models` and `platforms` count the requests that name each, `excluded` the files below each excluded
    folder. `measured` has the amounts of the largest image, the largest request and the whole run; an amount
    is None if there was nothing to measure.
    """

    model: str
    platform: str
    models: Mapping[str, int] = {}
    platforms: Mapping[str, int] = {}
    excluded: Mapping[str, int] = {}
    images: int = 0
    requests: int = 0
    measured: Budgets = Budgets()


def starter(proposal: Proposal) -> str:
    """The text of `.imgbudget.yaml`."""
    return "\n".join(_lines(proposal)) + "\n"


def _lines(proposal: Proposal) -> Iterator[str]:
    yield "# Settings of imgbudget for the images and vision-model requests of this project."
    if version.HOME is not None:
        yield f"# All keys: {version.HOME}/blob/main/docs/configuration.md"
    yield ""
    yield _line(f"model: {json.dumps(proposal.model)}", _named(proposal.models))
    yield _line(f"platform: {json.dumps(proposal.platform)}", _named(proposal.platforms))
    if proposal.excluded:
        yield ""
        yield "exclude:"
        for folder, files in proposal.excluded.items():
            pattern = json.dumps(f"/{_escaped(folder)}/**", ensure_ascii=False)
            yield _line(f"  - {pattern}", f"third-party: {_count(files, 'file')}")
    yield ""
    yield from _budgets(proposal)


def _named(counts: Mapping[str, int]) -> str:
    """How many requests use the first, and how many use the others."""
    if not counts:
        return "default (no request names one)"
    first, *others = counts.items()
    text = f"used by {_count(first[1], 'request')}"
    if others:
        text += "; others: " + ", ".join(f"{name} ({count:,})" for name, count in others[:_OTHERS])
    return f"{text} and {len(others) - _OTHERS} more" if len(others) > _OTHERS else text


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def _budgets(proposal: Proposal) -> Iterator[str]:
    found = {
        scope: amounts
        for scope, budget in proposal.measured._asdict().items()
        if (amounts := {unit: amount for unit, amount in budget._asdict().items() if amount})
    }
    if not found:
        yield "# Nothing to measure yet. Example of budgets:"
        yield "# budgets:"
        yield "#   image: {tokens: 1600, bytes: 5 MB}"
        yield "#   request: {tokens: 20k, cost: $0.05}"
        return
    subjects = f"{_count(proposal.images, 'image')} and {_count(proposal.requests, 'request')}"
    yield f"# 25 % above the largest amounts measured in {subjects}."
    yield "# Raise what is too tight, delete what does not matter."
    yield "budgets:"
    for scope, amounts in found.items():
        yield f"  {scope}:"
        for unit, amount in amounts.items():
            yield _line(f"    {unit}: {_AMOUNTS[unit](amount * ROOM)}", f"measured: {_exact(unit, amount)}")


def _line(text: str, comment: str) -> str:
    return f"{text.ljust(_COMMENT)}  # {comment}"


def _exact(unit: str, amount: float) -> str:
    return f"${amount:.6f}" if unit == "cost" else f"{amount:,}"


def rounded_up(amount: float) -> float:
    """The amount rounded up to two significant digits: 1955 gives 2000, 0.00587 gives 0.0059."""
    digits = f"{amount:.12e}"
    mantissa, exponent = float(digits[: digits.index("e")]), int(digits[digits.index("e") + 1 :])
    tenths = int(mantissa * 10)
    if tenths < mantissa * 10 - 1e-9:
        tenths += 1
    return float(f"{tenths}e{exponent - 1}")


def _tokens(amount: float) -> str:
    return f"{rounded_up(amount):.0f}" if amount > 1 else "2"


def _bytes(amount: float) -> str:
    for factor, unit in _UNITS:
        if amount >= factor:
            return f"{rounded_up(amount / factor):g} {unit}"
    return f"{rounded_up(amount):.0f}"


def _cost(amount: float) -> str:
    text = f"{rounded_up(max(amount, 1e-8)):.9f}".rstrip("0").rstrip(".")
    return f"${text}"


_AMOUNTS = {"tokens": _tokens, "bytes": _bytes, "cost": _cost}


def _escaped(folder: str) -> str:
    """A folder's name as a pattern that matches only this name."""
    return "".join(f"\\{char}" if char in "\\*?[]!#" else char for char in folder)
