"""The parts of a structured error around its message: code, parameter, paths of blocks, limit."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imgbudget.explaining.wording import ErrorPattern

UNKNOWN_CODE = ErrorPattern(
    wording="an error code or parameter with places",
    rule=None,
    meaning="the API refuses the blocks that the error names; its code is not known here",
    remedy="correct these blocks as the message says; `imgbudget check` may report them",
    source="the form of typed errors in anthropic 2.14.0 (Python SDK)",
    date="2026-11-24",
    typed=True,
)
"""The explanation of a code that is new, if its details name blocks."""

_NEIGHBOURS = 3
"""Most known messages in one structured error: its type, its message and its code."""

_WIDEST = 100_000
_BRACE = re.compile(r"[{}()]")
_CODE = re.compile(r"\b(?:error_code|param)[\"']?\s*[:=]\s*[\"']?(\w{1,100})")
_MESSAGE = re.compile(r"\bmessage[\"']?\s*[:=]\s*b?([\"'])(.{1,2000}?)\1\s*(?:[,})]|$)", re.DOTALL)
_PATHS = re.compile(
    r"\bpaths[\"']?\s*[:=]\s*[\[(]\s*((?:[\"'][^\"'\n]{1,300}[\"']\s{0,200},?\s{0,200}){0,10000})"
)
_QUOTED = re.compile(r"[\"']([^\"'\n]+)[\"']")
_PARAM = re.compile(r"\bparam[\"']?\s*[:=]\s*[\"']([\w.\[\]]{1,300})[\"']")
_LIMIT = re.compile(r"\bmax_\w{1,60}[\"']?\s*[:=]\s*(\d{1,12})\b")


class Bounds(NamedTuple):
    """Where a structured error starts and ends in the text."""

    start: int
    end: int


class Details(NamedTuple):
    """What a structured error says besides its message."""

    message: str | None = None
    paths: tuple[str, ...] = ()
    param: str | None = None
    limit: int | None = None


def bounds_of(text: str, spans: Sequence[tuple[int, int]]) -> list[Bounds | None]:
    """The structured error around each text; None where there is none.

    A code is in the details of an error: its error is the object around them, which has the message. `spans`
    are in order, and an object is searched as far as the third span before and after: that keeps it linear.
    """
    found: list[Bounds | None] = []
    for i, (start, end) in enumerate(spans):
        low = spans[i - _NEIGHBOURS][1] if i >= _NEIGHBOURS else 0
        high = spans[i + _NEIGHBOURS][0] if i + _NEIGHBOURS < len(spans) else len(text)
        low, high = max(low, start - _WIDEST, 0), min(high, end + _WIDEST)
        inner = _object_around(text, start, end, low, high)
        if inner and not _MESSAGE.search(text, inner.start, inner.end):
            outer = _object_around(text, inner.start, inner.end, low, high)
            if outer and _MESSAGE.search(text, outer.start, outer.end):
                inner = outer
        found.append(inner)
    return found


def details_in(text: str, bounds: Bounds) -> Details:
    """The details of the error within these bounds."""
    message = _MESSAGE.search(text, *bounds)
    paths = _PATHS.search(text, *bounds)
    param, limit = _PARAM.search(text, *bounds), _LIMIT.search(text, *bounds)
    return Details(
        message=message[2] if message else None,
        paths=tuple(dict.fromkeys(_QUOTED.findall(paths[1]))) if paths else (),
        param=param[1] if param else None,
        limit=int(limit[1]) if limit else None,
    )


def error_codes(text: str) -> Iterator[re.Match[str]]:
    """The codes and parameters of structured errors, each as its first group."""
    return _CODE.finditer(text)


def _object_around(text: str, start: int, end: int, low: int, high: int) -> Bounds | None:
    """The innermost braces or parentheses around a part of the text; what is cut off ends at `high`."""
    depth = 0
    opened = -1
    for brace in reversed(list(_BRACE.finditer(text, low, start))):
        depth += 1 if brace[0] in ")}" else -1
        if depth < 0:
            opened = brace.start()
            break
    if opened < 0:
        return None
    depth = 0
    for brace in _BRACE.finditer(text, end, high):
        depth += 1 if brace[0] in "({" else -1
        if depth < 0:
            return Bounds(opened, brace.end())
    return Bounds(opened, high)
