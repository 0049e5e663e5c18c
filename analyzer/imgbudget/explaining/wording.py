"""The wording of an error message, its expression, and the rule, meaning, source and date that it has."""

import re
from functools import lru_cache
from typing import NamedTuple

NUMBER = (
    r"(?:\d{1,3}(?:[,_'\u2019\u00a0\u2009\u202f]\d{3})+(?!\d)(?:\.\d+)?|\d{1,3}(?:[.]\d{3}){2,}(?!\d)"
    r"|\d{1,3}(?:[ ]\d{3})+(?!\d)|\d+(?:\.\d+)?)"
)
"""A number with any separator of thousands; one dot alone is that of decimals."""

PLACE = r"(?:\w{1,40}\.)?\b(?:messages|input|contents)[.\[][\w.\[\]]{0,150}?\d[\w.\[\]]{0,150}"
"""A place in a request, as `messages.1.content.0.image.source` or `input[37].content[0].image_url`."""

FIELDS = {
    "maximum": NUMBER,
    "measured": NUMBER,
    "limit": NUMBER,
    "height": NUMBER,
    "width": NUMBER,
    "pages": NUMBER,
    "images": NUMBER,
    "resource": r"(?:url\b|https?:|resource|image|\S{1,300}\.(?:png|jpe?g|gif|webp|bmp|avif|heic)\b)",
    "picture": r"['\"`]?(?:image/[\w.+-]+|png|jpe?g|gif|webp|bmp|tiff?|svg(?:\+xml)?|heic|heif|avif)\b",
    "declared": r"[\w.+-]+/[\w.+-]+",
    "actual": r"[\w.+-]+/[\w.+-]+",
    "size": r"\d+x\d+",
    "target": r"\d+x\d+",
    "tag": r"\w+",
    "gap": r"[ \t]?",
    "place": PLACE,
    "image_place": rf"{PLACE}image[\w.]{{0,40}}",
    "reason": r"[^\n\"]{1,80}?(?=[.\"\n]|$)",
    "problem": r"\b(?:invalid|missing|unknown|unsupported)[a-z ]{0,30}:?\s?",
    "file_id": r"files?[-_][a-z0-9_-]{6,80}",
    "missing": r"(?:(?:was |could )?not (?:be )?found|does not exist|(?:has |is )?expired|no longer exists)",
    "toolset": r"(?:computer|browser)_toolset_\d+",
    "too_large": r"(?:request entity|payload|content) too large",
    "undetermined": r"(?:could not|cannot|can ?not|couldn't|can't) be determined",
    "exceeds": r"(?:exceeds?|larger than|too large)",
    "between": r"[^\n]{0,120}?",
    "page": r"(?:.{0,2000}?</html>)?",
}
"""The expression for each name in braces of a wording; sizes are px x px, numbers may have separators."""

_QUOTE = "['\"`\u2018\u2019\u201c\u201d]?"  # shells and logs drop quotes, or change them
_PART = re.compile(r"\{(\w+)\}|(\s+)|(['\"])|([^{\s'\"]+)")


class RuleName(NamedTuple):
    """A rule's code and name."""

    code: str
    name: str


class ErrorPattern(NamedTuple):
    """An error message as the API, or a server in front of it, words it.

    `wording` is the message with names of FIELDS in braces. `rule` is None if no rule can find the cause
    before sending; `also` has the codes of other rules that may report it. `flat` marks messages whose
    location counts the blocks inside tool results as blocks of the turn. `typed` marks a code in the details
    of an error, which gives way to a known message of the same error; if the details have a limit, `by_limit`
    has the rule for it. `source_type` is the only type of
    image source that can cause it. `structural` marks a kind of error that is known by its words, in any
    wording; it yields to all others. `loose` marks a wording that is not known verbatim: it matches only on a
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
    typed: bool = False
    by_limit: tuple[tuple[float, RuleName], ...] = ()
    source_type: str | None = None
    loose: bool = False
    structural: bool = False
    era: str = "current"

    @property
    def codes(self) -> tuple[str, ...]:
        """The rules that may report the cause, the most likely first."""
        return (self.rule.code, *self.also) if self.rule else self.also

    @property
    def plain(self) -> str:
        """The wording with 0 for each number and name, for comparing other messages with it."""
        return re.sub(r"\{\w+\}", "0", self.wording)


@lru_cache(maxsize=512)
def pattern(wording: str) -> re.Pattern[str]:
    """A wording as an expression for text in lower case, with any white space and optional quotes.

    In lower case the search for its first word is ten times as fast as ignoring case, which matters for logs.
    """
    parts: list[str] = []
    names: set[str] = set()
    for found in _PART.finditer(wording.lower()):
        name, blank, quote, words = found.groups()
        if name:
            parts.append(f"(?:{FIELDS[name]})" if name in names else f"(?P<{name}>{FIELDS[name]})")
            names.add(name)
        elif blank:
            parts.append(r"\s+")
        else:
            # a terminal breaks a line behind a hyphen
            parts.append(_QUOTE if quote else re.escape(words).replace(r"\-", r"\-\s*"))
    return re.compile("".join(parts), re.DOTALL)


@lru_cache(maxsize=512)
def fixed_part(wording: str) -> str:
    """The longest part of a wording that each of its texts has as it is, in lower case; may be empty.

    Most texts have that of no wording: to look for it takes less time than to compile the expression.
    """
    words = (found[4] or "" for found in _PART.finditer(wording.lower()))
    return max((part for word in words for part in word.split("-")), key=len, default="")


UNREADABLE = RuleName("IB001", "unreadable-image")
DIMENSION = RuleName("IB101", "dimension-over-limit")
MANY_IMAGES = RuleName("IB102", "many-image-dimension")
IMAGE_BYTES = RuleName("IB103", "image-bytes-over-limit")
FORMAT = RuleName("IB104", "unsupported-format")
MEDIA_TYPE = RuleName("IB105", "media-type-mismatch")
BASE64 = RuleName("IB106", "malformed-base64")
TOOLSET = RuleName("IB107", "toolset-screenshot-oversized")
STRICT = RuleName("IB108", "oversized-and-strict")
PAYLOAD = RuleName("IB401", "payload-over-limit")
MEDIA_COUNT = RuleName("IB402", "too-many-images")
SOURCE = RuleName("IB403", "source-not-supported")
MISPLACED = RuleName("IB404", "misplaced-image")
CONTEXT = RuleName("IB405", "context-overflow")
MALFORMED = RuleName("IB002", "malformed-request")
EMPTY_TEXT = RuleName("IB407", "empty-text")
UNFETCHABLE = RuleName("IB409", "unfetchable-url")
SURROGATE = RuleName("IB410", "lone-surrogate")
TEXT_ONLY = RuleName("IB413", "text-only-model")

SMALLER = "make the image smaller: fewer pixels, or JPEG; `imgbudget plan` gives the size"
DECLARE = "declare the actual type of the image; `imgbudget check` names it"
SHRINK_BODY = "shrink the images, drop those of earlier turns, or send them through the Files API"
