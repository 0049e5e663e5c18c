"""What an image will take once it is encoded anew: its format, and the bytes that suffice."""

from imgbudget.geometry import Size
from imgbudget.model import ImageFacts

_PHOTOGRAPHIC = ("avif", "heic", "heif", "jp2", "jxl")
"""Formats of photos that the API does not take: written as JPEG, all others as PNG."""

_LOSSY = ("jpeg", "webp")
_GROWTH = 3
"""How many times more bytes a pixel a picture may take once it is smaller: details lie closer together."""

_LEAST_RATE = 0.25
"""Bytes a pixel that a picture may take however few it took before: resampling softens flat edges."""

_MOST_RATE_LOSSY = 1.5
_MOST_RATE = 4.0
"""Bytes a pixel that suffice for any picture: lossy at quality 95, and RGBA that nothing compresses."""

_HEAD = 4096
"""Bytes for headers, tables and a colour profile."""

_LEAST_LEGIBLE_RATE = 0.25
"""Bytes a pixel that a small photograph takes as JPEG of quality 80, the least that a fix goes down to."""

_LEAST_HEAD = 1024
"""Bytes of the headers and tables of a small JPEG."""


def written_format(form: str, media_types: tuple[str, ...]) -> str | None:
    """The format to write an image of format `form` in where its own is not taken; None keeps its own."""
    if f"image/{form}" in media_types:
        return None
    return "jpeg" if form in _PHOTOGRAPHIC else "png"


def enough_bytes(facts: ImageFacts, size: Size, form: str) -> int:
    """Bytes that an encoding of the image as `form` at `size` px takes at most, by what it takes now.

    An estimate on the generous side, imgbudget's own: only an encoder knows.
    """
    pixels = size.width * size.height
    now = facts.size or size
    rate = facts.byte_size / (now.width * now.height)
    if form in _LOSSY and facts.format not in _LOSSY:
        rate = _MOST_RATE_LOSSY
    most = _MOST_RATE_LOSSY if form in _LOSSY else _MOST_RATE
    enough = int(pixels * min(max(rate * _GROWTH, _LEAST_RATE), most)) + _HEAD
    return max(enough, facts.byte_size) if size == facts.size and form == facts.format else enough


def least_bytes(facts: ImageFacts, least_edge: int) -> int:
    """Bytes that an image can be brought down to and still be looked at: `least_edge` px of short edge.

    No more than it has; an estimate, imgbudget's own.
    """
    size = facts.size
    if size is None:
        return facts.byte_size
    scale = min(1.0, least_edge / size.short_edge)
    pixels = size.width * size.height * scale * scale
    return min(facts.byte_size, int(pixels * _LEAST_LEGIBLE_RATE) + _LEAST_HEAD)


def text_length(byte_size: int) -> int:
    """Characters of the base64 text of that many bytes, with padding and without line breaks."""
    return (byte_size + 2) // 3 * 4


def raw_bytes(characters: int) -> int:
    """The most bytes whose base64 text has no more than that many characters."""
    return characters // 4 * 3
