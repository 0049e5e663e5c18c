"""Bodies that recordings and logs keep packed: JSON in base64 or in hexadecimal digits, also in gzip."""

import re
import zlib
from binascii import a2b_base64, a2b_hex
from functools import cache

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.document import Document
from imgbudget.requests.inflating import inflated_parts

_LONGEST = 64 << 20
"""Most bytes of what is read out of a packed text: two of the largest bodies."""

GZIP = b"\x1f\x8b"
_JSON = r"eyJ|eyAi|ewo|ewog|ew0K|W3s|Wwo|Wwog"
_JSON_DIGITS = r"(?:7[bB]|5[bB])(?:0[dD]0[aA]|0[aA]|20|22|7[bB]|5[bB])"


@cache
def _head() -> re.Pattern[bytes]:
    """How packed JSON begins: an object or an array of objects, on one line or indented; gzip and zstd."""
    digits = rf"{_JSON_DIGITS}|(?P<gzip_digits>1[fF]8[bB]08)|(?P<zstd_digits>28[bB]52[fF][fF][dD])"
    return re.compile(
        rf"(?P<digits>{digits})(?=[\da-fA-F]{{64}})|{_JSON}|(?P<gzip>H4sI)|(?P<zstd>KLUv/)".encode()
    )


_FIRST = (b"7", b"5", b"1", b"2", b"e", b"W", b"H", b"K")
"""The first characters of all these: hardly an image begins with one of them."""

_RATIO, _LEAST = 100, 1 << 16
"""How many times longer the content of gzip may be, as base64 of images shrinks little; bytes always read."""


def is_packed(document: Document, text: str) -> bool:
    """Whether a string of a document is a packed body, by its beginning and its characters."""
    long_string = document.long_strings.get(text)
    stats = long_string and long_string.stats
    if not stats or not stats.head.startswith(_FIRST) or stats.length > 2 * _LONGEST:
        return False
    if _head().match(stats.head) is None:
        return False
    return all(char in "=\n\r" for char in stats.foreign)


def unpacked(document: Document, text: str) -> bytes | None:
    """What a packed string of a document holds; None if it is damaged, too large, or compressed otherwise.

    Raises as `StringPayload.read` does.
    """
    payload = document.payload(text)
    match = _head().match(payload.read(128, 0))
    if match is None or match["zstd"] or match["zstd_digits"]:
        return None
    raw = payload.read(payload.length, 0)
    try:
        data = a2b_hex(raw.translate(None, b"\r\n")) if match["digits"] else a2b_base64(raw)
    except ValueError:
        return None
    return inflated(data) if match["gzip"] or match["gzip_digits"] else data


def inflated(data: bytes) -> bytes | None:
    """The content of all members of a gzip text; None if it is cut, damaged or too large."""
    most = min(_LONGEST, max(_RATIO * len(data), _LEAST))
    parts: list[bytes] = []
    try:
        for part in inflated_parts(data):
            most -= len(part)
            if most < 0:
                return None
            parts.append(part)
    except (zlib.error, EOFError, UnreadableError):
        return None
    return b"".join(parts)
