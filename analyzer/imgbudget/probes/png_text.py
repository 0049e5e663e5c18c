"""EXIF and XMP in the text chunks of a PNG file, where programs put them before there was an eXIf chunk."""

import re
import zlib

TEXT_LIMIT = 1 << 20
"""Bytes of text that are inflated: Pillow 13 (MAX_TEXT_CHUNK) refuses a file with more in one chunk."""

_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def text_of(kind: bytes, data: bytes) -> bytes:
    """The text of a tEXt, zTXt or iTXt chunk without its keyword; empty when it cannot be read.

    One byte longer than the limit when it is longer than that.
    """
    _, _, rest = data.partition(b"\0")
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return _inflate(rest[1:])
    compressed, _, rest = rest[:1] == b"\1", b"", rest[2:]
    text = rest.split(b"\0", 2)[-1]
    return _inflate(text) if compressed else text


def _inflate(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, TEXT_LIMIT + 1)
    except zlib.error:
        return b""


def exif_profile(text: bytes) -> bytes:
    """The EXIF block of ImageMagick's "Raw profile type exif": three lines, then hexadecimal digits."""
    digits = text.split(b"\n", 3)[3:]
    try:
        return bytes.fromhex(b"".join(digits).decode("ascii"))
    except ValueError:
        return b""


def xmp_orientation(packet: bytes) -> int:
    """tiff:Orientation of an XMP packet, 1 to 8; 0 when there is none."""
    found = _XMP_ORIENTATION.search(packet)
    if found is None:
        return 0
    value = int(found[1])
    return value if 1 <= value <= 8 else 1
