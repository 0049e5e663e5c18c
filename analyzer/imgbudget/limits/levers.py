"""What reduces the tokens of an image where its size is not billed: a level of detail."""

from imgbudget.limits.bound import Limits
from imgbudget.limits.fields import DETAILS
from imgbudget.limits.geometry import Size, bills_size
from imgbudget.limits.values import figure
from imgbudget.namedtuples import NamedTuple

_OF_GEMINI = frozenset({"medium", "ultra_high"})
"""Levels that only Gemini's media resolution has."""


class Lever(NamedTuple):
    """A level of detail that a request may set: the parameter, the level, the most tokens by it."""

    name: str
    level: str
    tokens: int


def levers(limits: Limits, size: Size) -> tuple[Lever, ...]:
    """The levels by which an image takes fewer tokens; empty where its size is billed, or there are none."""
    now = limits.tokens(size)
    if now is None or bills_size(limits.tier):
        return ()
    levels = dict(limits.details)
    name = "media_resolution" if _OF_GEMINI & levels.keys() else "detail"
    found = ((level, limits.at(level).tokens(size)) for level in DETAILS if level in levels)
    return tuple(Lever(name, level, tokens) for level, tokens in found if tokens is not None and tokens < now)


def lever_advice(limits: Limits, size: Size) -> str:
    """What helps instead of fewer pixels, as a clause; empty where those help."""
    if bills_size(limits.tier) or not limits.counts(size):
        return ""
    found = levers(limits, size)
    if not found:
        return f"{limits.model} does not bill the size"
    levels = ", ".join(f"{lever.level} ({figure(lever.tokens)} tokens)" for lever in found)
    return f"{limits.model} does not bill the size: request {found[0].name} {levels}"
