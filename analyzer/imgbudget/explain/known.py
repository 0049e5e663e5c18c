"""A known error message: its wording, the rule that finds its cause, its meaning and its source."""

import re
from functools import lru_cache
from typing import NamedTuple

FIELDS = {
    "maximum": r"[\d.]+",
    "measured": r"[\d,]+",
    "limit": r"[\d,]+",
    "pages": r"[\d,]+",
    "images": r"[\d,]+",
    "declared": r"[\w.+-]+/[\w.+-]+",
    "actual": r"[\w.+-]+/[\w.+-]+",
    "size": r"\d+x\d+",
    "target": r"\d+x\d+",
    "tag": r"\w+",
    "toolset": r"(?:computer|browser)_toolset_\d+",
    "too_large": r"(?:request entity|payload|content) too large",
    "undetermined": r"(?:could not|cannot|can ?not|couldn't|can't) be determined",
    "exceeds": r"(?:exceeds?|larger than|too large)",
    "between": r"[^\n]{0,120}?",
    "page": r"(?:(?:(?!</html>).){0,2000}?</html>)?",
}
"""The expression for each name in braces of a wording; sizes are px x px, numbers may have separators."""

_QUOTE = "['\"\u2018\u2019\u201c\u201d]?"  # shells and logs drop quotes, or change them
_PIECE = re.compile(r"\{(\w+)\}|(\s+)|(['\"])|([^{\s'\"]+)")


class RuleName(NamedTuple):
    """A rule's code and name."""

    code: str
    name: str


class ErrorPattern(NamedTuple):
    """An error message as the API, or a server in front of it, words it.

    `wording` is the message with names of FIELDS in braces. `rule` is None if no rule can find the cause
    before sending; `also` has the codes of other rules that may report it. `flat` marks messages whose
    location counts the blocks inside tool results as blocks of the turn. `source_type` is the only type of
    image source that can cause it. `loose` marks a wording that was not seen verbatim: it matches only on a
    line without any other known message. `unit` is that of the numbers `measured` and `limit`.
    """

    wording: str
    rule: RuleName | None
    meaning: str
    remedy: str
    source: str
    date: str
    status: int = 400
    unit: str | None = None
    also: tuple[str, ...] = ()
    flat: bool = False
    source_type: str | None = None
    loose: bool = False
    era: str = "current"

    @property
    def codes(self) -> tuple[str, ...]:
        """The rules that may report the cause, the most likely first."""
        return (self.rule.code, *self.also) if self.rule else self.also

    @property
    def plain(self) -> str:
        """The wording with 0 for each number and name, for comparing other messages with it."""
        return re.sub(r"\{\w+\}", "0", self.wording)


@lru_cache(maxsize=64)
def pattern(wording: str) -> re.Pattern[str]:
    """A wording as an expression for text in lower case, with any white space and optional quotes.

    In lower case the search for its first word is ten times as fast as ignoring case, which matters for logs.
    """
    parts = []
    for found in _PIECE.finditer(wording.lower()):
        name, blank, quote, words = found.groups()
        if name:
            parts.append(f"(?P<{name}>{FIELDS[name]})")
        elif blank:
            parts.append(r"\s+")
        else:
            parts.append(_QUOTE if quote else re.escape(words))
    return re.compile("".join(parts), re.DOTALL)
