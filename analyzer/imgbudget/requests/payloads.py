"""Image payloads in text of any shape: how one begins, and whether the base64 text is that of an image.

A payload is a data URI, or base64 whose first bytes are those of an image format.
"""

import re
from enum import Enum

from imgbudget.imageinfo.dispatch import probe_reader
from imgbudget.jsontext.base64text import Base64Text, inspect
from imgbudget.jsontext.strings import StringPayload
from imgbudget.model.location import Location
from imgbudget.model.subjects import ImageFacts, ImageUse, Origin, ProbeField

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

BLANKS = r"(?:\s|\\++[nrt])*+"
"""What may be before a payload in a string of JSON text: blanks, and escapes of them at any level."""

_quoted_magic = re.compile(f'"{BLANKS}{MAGIC}').search
_magic = re.compile(MAGIC).match
_uri = re.compile(r"\s*data:([^,;\s]*)(?:;[^,;]*)*;base64,", re.IGNORECASE).match
begins_payload = re.compile(rf"\s*(?:data:|{MAGIC})", re.IGNORECASE).match
"""Whether a text may begin with a payload; `form_of` looks closer."""

_ICONS = frozenset(("image/svg+xml", "image/x-icon", "image/vnd.microsoft.icon", "image/icns"))
"""Types of the icons of web pages, which nobody sends to a model."""

_SEMICOLONS = 1000
_CUT_MARKS = frozenset(".…<>[]{}()*$")
"""Characters of placeholders and of what marks a text as cut."""


class Form(Enum):
    """How a payload is written."""

    URI = "data URI"
    BARE = "base64"


def may_hold_payload(text: str) -> bool:
    """Whether a payload may begin in a JSON text: at the beginning of a string, or with a data URI.

    A first look at text that is mostly something else, so it does not try every character.
    """
    return _has_uri(text) or _quoted_magic(text) is not None


def _has_uri(text: str) -> bool:
    """Whether `;base64,` is in the text; semicolons are rare in most texts, and finding one is fast."""
    at = text.find(";")
    for _ in range(_SEMICOLONS):
        if at < 0 or text.startswith("base64,", at + 1):
            return at >= 0
        at = text.find(";", at + 1)
    return text.find(";base64,", max(at, 0)) >= 0


def form_of(head: str) -> Form | None:
    """The form of the payload that a text is, by its beginning; None if it is none."""
    if match := _uri(head):
        declared = match[1].lower()
        is_image = declared.startswith("image/") and declared not in _ICONS
        return Form.URI if is_image or _magic(head, match.end()) else None
    return Form.BARE if _magic(head) else None


def is_image_type(media_type: str) -> bool:
    """Whether base64 declared as of this type is read as an image whatever it begins with."""
    return media_type.startswith("image/") and media_type not in _ICONS


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
    facts = probe_reader(text, text.byte_size, needed) if text.repairable else None
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
