"""What is known of one error text: its wording, the rule it belongs to, its meaning and where it was seen."""

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
"""What may stand for a name in braces of a wording; sizes are px x px, numbers may have separators."""

_QUOTE = "['\"\u2018\u2019\u201c\u201d]?"  # a shell or a log takes quotes away, or turns them round
_PIECE = re.compile(r"\{(\w+)\}|(\s+)|(['\"])|([^{\s'\"]+)")


class RuleName(NamedTuple):
    """A rule's code and name."""

    code: str
    name: str


class Known(NamedTuple):
    """An error text as the API, or a server before it, words it.

    `wording` is the text with names of FIELDS in braces. `rule` is None where no rule can see the cause
    before sending, and `also` holds codes of other rules that may report it. `flat` marks texts whose
    location counts the blocks inside tool results flat. `source_type` names the image sources that alone
    can be meant. `loose` marks a wording that was not seen verbatim: it counts only on a line without any
    other known text. `unit` is that of the numbers `measured` and `limit`.
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
        """The rules that may report the cause, the likeliest first."""
        return (self.rule.code, *self.also) if self.rule else self.also

    @property
    def plain(self) -> str:
        """The wording with 0 for each number and name, to measure likeness against."""
        return re.sub(r"\{\w+\}", "0", self.wording)


@lru_cache(maxsize=64)
def pattern(wording: str) -> re.Pattern[str]:
    """A wording as an expression for text in lower case: any blanks between words, quotes optional.

    Without letters of either case the search for its first word is ten times as quick, which a log notices.
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
