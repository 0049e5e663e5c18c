"""Image payloads in text of any shape: how one begins, and whether the base64 text is that of an image.

A payload is a data URI, or base64 whose first bytes are those of an image format.
"""

import re
from collections.abc import Iterator
from enum import Enum
from functools import cache

from imgbudget.imageinfo.dispatch import probe_reader
from imgbudget.jsontext.base64text import BLANK, Base64Text, inspect
from imgbudget.jsontext.strings import StringPayload
from imgbudget.model.location import Location
from imgbudget.model.subjects import ImageFacts, ImageUse, Origin, ProbeField
from imgbudget.namedtuples import NamedTuple

LEAST = 48
"""Fewest characters of a payload: the base64 of the smallest images that programs write (GIF, 1x1)."""

LEAST_DAMAGED = 1024
"""Fewest characters of a payload that cannot be decoded: shorter ones are samples in documentation."""

_LONGEST_PREFIX = 160
HEAD = _LONGEST_PREFIX + LEAST
"""Characters of a text that show whether it is a payload."""

_REST = r"(?:VBORw0KGgo|[/\\]*9j[/_\\]|0lGOD|klGR|k[0-3]|UkqA|U0AK|AAA[\w+/-]{2}Z0eX)"
MAGIC = rf"[/_\\iRUQSTA]{_REST}"
"""How base64 of PNG, JPEG, GIF, WebP, BMP, TIFF (both byte orders), HEIC and AVIF begins."""

_HIGH_BLANKS = r"1680|180[eE]|20(?:0\w|2[89fF]|5[fF]|60)|3000|[fF][eE][fF]{2}"
ESCAPED_BLANK = rf"\\++(?:[bfnrtv]|x[aA][0dD]|u(?:00(?:0[9a-dA-D]|1[c-fC-F]|20|85|[aA][0dD])|{_HIGH_BLANKS}))"
BLANKS = rf"(?:{BLANK}|{ESCAPED_BLANK})*+"
"""What may be before a payload in a string of JSON text: blanks, and escapes of them at any level."""

_MOST_BLANKS = 1 << 16
_PLAIN_HEADS = (b"iVBORw0KGgo", b"/9j/", b"R0lGOD", b"UklGR")
_OTHER_HEADS = frozenset(bytes((byte,)) for byte in range(0x21, 0x80)) - frozenset(
    bytes((byte,)) for byte in b"/_\\iRUQSTAd"
)
"""First bytes of payloads as most are, and bytes that none begins with."""

_FARTHEST = 1 << 12


@cache
def _quoted_magic() -> re.Pattern[str]:
    # most strings begin with another character, and the first look at it is fast
    return re.compile(rf'"(?=[^!-.0-9:-@B-HJ-PVW-Z\[\]^`a-hj-~]){BLANKS}{MAGIC}')


@cache
def _begins() -> re.Pattern[str]:
    return re.compile(rf"{BLANKS}(?:data:[^,;]{{0,127}};|{MAGIC}|\Z)")


@cache
def _magic() -> re.Pattern[str]:
    return re.compile(MAGIC)


@cache
def _uri() -> re.Pattern[str]:
    return re.compile(r"\s*data:([^,;\s]*)(?:;[^,;]*)*;base64,", re.IGNORECASE)


@cache
def _may_begin() -> re.Pattern[str]:
    return re.compile(rf"{BLANK}*+(?:data:|{MAGIC})", re.IGNORECASE)


def begins_payload(text: str) -> bool:
    """Whether a text may begin with a payload; `form_of` looks closer."""
    return _may_begin().match(text) is not None


@cache
def _blank() -> re.Pattern[str]:
    return re.compile(rf"{BLANK}*+")


_ICONS = frozenset(("image/svg+xml", "image/x-icon", "image/vnd.microsoft.icon", "image/icns"))
"""Types of the icons of web pages, which nobody sends to a model."""

_CUT_MARKS = frozenset(".…<>[]{}()*$")
"""Characters of placeholders and of what marks a text as cut."""


class Form(Enum):
    """How a payload is written."""

    URI = "data URI"
    BARE = "base64"


class Signs(NamedTuple):
    """Where in a JSON text payloads may be: as data URIs, as whole strings, as strings of JSON in strings."""

    uri: bool
    bare: bool
    nested: bool


_SHORT = 1 << 13
"""Characters of a text from which on it is faster to look for rare characters."""

_RARE = 9
"""Characters that are rarer than one in two to the power of this are faster to find than to read the text."""

_SAMPLES, _SAMPLE = 32, 256


class _Pivot(NamedTuple):
    """A character of MAGIC, and those that may be `step` characters from it."""

    character: str
    step: int
    beside: str


_URI_PIVOTS = (_Pivot(";", 1, "b"), _Pivot("6", 1, "4"), _Pivot("4", -1, "6"))
_PIVOTS = (
    (_Pivot("9", 1, "j"), _Pivot("j", -1, "9")),  # JPEG
    (_Pivot("G", 1, "gOR"),),  # PNG, GIF, WebP
    (_Pivot("Q", 1, "k"), _Pivot("k", -1, "Q")),  # BMP
    (_Pivot("U", 1, "k0"), _Pivot("A", -1, "q0")),  # TIFF
    (_Pivot("Z", 1, "0"), _Pivot("X", -1, "e")),  # HEIC, AVIF
)
"""Groups of formats, each with a choice of pivots that all of its payloads have."""


def signs_in(text: str) -> Signs:
    """The signs of payloads in a JSON text: a first look at text that is mostly something else."""
    is_bare = is_nested = False
    for match in _quoted(text):
        start = match.start()
        if start and text[start - 1] == "\\":
            is_nested = True
        else:
            is_bare = True
        if is_bare and is_nested:
            break
    return Signs(_has_uri(text), is_bare, is_nested)


def may_hold_payload(text: str, *, uri: bool = True, nested: bool = True) -> bool:
    """Whether a payload may begin in a JSON text: with a data URI, or at the beginning of a string.

    Without `uri` or `nested`, one of them is not looked for.
    """
    return (uri and _has_uri(text)) or (nested and next(_quoted(text), None) is not None)


def _has_uri(text: str) -> bool:
    """Whether `;base64,` is in the text."""
    pivots = _rare(text, (_URI_PIVOTS,)) if len(text) >= _SHORT else []
    if not pivots:
        return ";base64," in text
    return any(text.find(";base64,", max(at - 8, 0), at + 8) >= 0 for at in _places(text, pivots[0]))


def _quoted(text: str) -> Iterator[re.Match[str]]:
    """The places where a string begins like base64 of an image."""
    pivots = _rare(text, _PIVOTS) if len(text) >= _SHORT else []
    if not pivots:
        yield from _quoted_magic().finditer(text)
    for pivot in pivots:
        for at in _places(text, pivot):
            before = text.rfind('"', max(at - _FARTHEST, 0), at)
            if before >= 0 and (match := _quoted_magic().match(text, before)):
                yield match


def _rare(text: str, groups: tuple[tuple[_Pivot, ...], ...]) -> list[_Pivot]:
    """The rarest pivot of each group; empty if to find them all takes longer than to read the text."""
    parts = [text[at : at + _SAMPLE] for at in range(0, len(text), len(text) // _SAMPLES)]
    sample = "".join(parts)
    counted = [min((sample.count(pivot.character), pivot) for pivot in group) for group in groups]
    if sum(count for count, _ in counted) > len(sample) >> _RARE:
        return []
    return [pivot for _, pivot in counted]


def _places(text: str, pivot: _Pivot) -> Iterator[int]:
    """The places of a pivot with the right character beside it."""
    character, step, beside = pivot
    find, at = text.find, text.find(character)
    while at >= 0:
        if text[at + step : at + step + 1] in beside:
            yield at
        at = find(character, at + 1)


def form_of(head: str) -> Form | None:
    """The form of the payload that a text is, by its beginning; None if it is none."""
    if match := _uri().match(head):
        declared = match[1].lower()
        is_image = declared.startswith("image/") and declared not in _ICONS
        return Form.URI if is_image or _magic().match(head, match.end()) else None
    return Form.BARE if _magic().match(head) else None


def without_blanks(text: str) -> str:
    """A text without the blanks before it, those of Unicode too."""
    match = _blank().match(text)
    return text[match.end() :] if match else text


def head_of(payload: StringPayload) -> str:
    """The beginning of a payload that shows its form. Raises as `StringPayload.read` does."""
    head = without_blanks(payload.text(HEAD))
    if len(head) < LEAST <= payload.length and payload.length > HEAD:
        head = without_blanks(payload.text(_MOST_BLANKS))[:HEAD]
    return head


def begins_like_payload(head: bytes) -> bool:
    """Whether a string may begin with a payload, by its first raw bytes."""
    if head.startswith(_PLAIN_HEADS):
        return True
    return head[:1] not in _OTHER_HEADS and _begins().match(head.decode("utf-8", "replace")) is not None


def is_image_type(media_type: str) -> bool:
    """Whether base64 declared as of this type is read as an image whatever it begins with."""
    return media_type.startswith("image/") and media_type not in _ICONS


def facts_of(text: Base64Text, fields: ProbeField) -> ImageFacts:
    """The facts of an image in base64, probed once for equal texts of a file. Raises as `text.read` does."""
    key = "facts", int(fields)
    facts = text.known.get(key)
    if not isinstance(facts, ImageFacts):
        facts = text.known[key] = probe_reader(text, text.byte_size, fields)
    return facts


def image_of(  # noqa: PLR0913 - what the surroundings of a payload show
    payload: StringPayload,
    location: Location,
    fields: ProbeField,
    *,
    form: Form,
    declared: str | None = None,
    wrapped: bool = False,
    cut: bool = False,
) -> ImageUse | None:
    """The image of a payload; None if it is none, or a sample that is too short to be checked.

    `declared` is the media type beside bare base64. `wrapped`: lines are broken by the format of the file, so
    that breaks are no flaw. `cut`: a mark of omission follows. The url-safe alphabet is no flaw, since some
    SDKs write it. Raises as `StringPayload.read` does.
    """
    text = inspect(payload, prefixed=form is Form.URI, url_safe=True, wrapped=wrapped)
    length = text.length - len(text.prefix)
    if length < LEAST:
        return None
    is_sample = cut or length < LEAST_DAMAGED
    needed = fields | ProbeField.INTEGRITY if is_sample else fields
    facts = facts_of(text, needed) if text.repairable else None
    if not _is_intact(facts) and (
        is_sample or not _is_damaged_image(payload, text, facts, is_uri=form is Form.URI)
    ):
        return None
    declared = text.prefix_media_type or declared
    return ImageUse(
        location=location,
        origin=Origin.BASE64,
        facts=facts,
        declared=declared if declared and declared.startswith("image/") else None,
        base64_size=length,
        flaws=text.flaws,
        repairable=text.repairable,
        source_type="base64",
    )


def _is_intact(facts: ImageFacts | None) -> bool:
    return facts is not None and facts.format is not None and facts.damage is None


def _is_damaged_image(
    payload: StringPayload, text: Base64Text, facts: ImageFacts | None, *, is_uri: bool
) -> bool:
    """Whether a payload that cannot be decoded is meant as an image, not cut or a template."""
    if facts is None:
        return _CUT_MARKS.isdisjoint(payload.foreign()) or not _CUT_MARKS.isdisjoint(text.prefix)
    return is_uri or (facts.format is not None and facts.size is not None)
