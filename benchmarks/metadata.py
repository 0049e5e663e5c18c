"""Metadata put into encoded pictures byte by byte, so that one picture makes many files that differ."""

import struct
import zlib
from functools import cache
from random import Random
from typing import NamedTuple

from PIL import ImageCms

from exifblock import exif_block
from pictures import Picture

ORIENTATIONS = (1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 6, 7, 8, 8)


class Dressed(NamedTuple):
    """The bytes of a file, the orientation that they tell, and what is special about them."""

    data: bytes
    orientation: int
    note: str


def dress(picture: Picture, rng: Random) -> Dressed:
    """A picture with metadata as cameras, editors and image generators write it."""
    return {"jpeg": _jpeg, "png": _png, "gif": _gif, "webp": _webp}[picture.format](picture, rng)


def _exif(picture: Picture, rng: Random) -> tuple[int, bytes]:
    """An orientation and its EXIF block."""
    turn = rng.choice(ORIENTATIONS)
    # a maker's note of up to 40 KB, as cameras have it; a segment of a JPEG holds 65,533 bytes
    note = rng.randrange(500, 40_000) if rng.random() < 0.6 else 0
    thumbnail = picture.thumbnail if rng.random() < 0.5 else b""
    return turn, exif_block(rng, turn, note=note, thumbnail=thumbnail, has_position=rng.random() < 0.3)


@cache
def _colours() -> bytes:
    """A small ICC profile."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # bytes 24 to 35 are the time of its making (ICC.1, section 7.2.8), which must not differ from run to run
    return profile[:24] + bytes(12) + profile[36:]


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _jpeg(picture: Picture, rng: Random) -> Dressed:
    """JFIF first where it is; then EXIF, Photoshop, XMP, a profile, a comment."""
    rest, turn, parts = picture.data[2:], 1, []
    if rest.startswith(b"\xff\xe0"):
        length = 2 + int.from_bytes(rest[2:4], "big")
        jfif, rest = rest[:length], rest[length:]
        if rng.random() < 0.7:
            # the pixels an inch make one file differ from the next
            parts.append(jfif[:12] + rng.randbytes(4) + jfif[16:])
    if rng.random() < 0.45:
        turn, block = _exif(picture, rng)
        parts.append(_segment(0xE1, b"Exif\0\0" + block))
    if rng.random() < 0.15:
        parts.append(_segment(0xED, b"Photoshop 3.0\0" + bytes(rng.randrange(50, 10_000))))
    if rng.random() < 0.15:
        xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>" + b" " * rng.randrange(2000, 30_000)
        parts.append(_segment(0xE1, xmp))
    parts += _profile(rng)
    if rng.random() < 0.1 or len(parts) < 2:
        parts.append(_segment(0xFE, _title(rng)))
    if rng.random() < 0.05:
        # fill bytes may precede any marker (T.81, section B.1.1.2)
        parts.append(b"\xff" * rng.randrange(1, 4))
    return Dressed(picture.data[:2] + b"".join(parts) + rest, turn, "")


def _profile(rng: Random) -> list[bytes]:
    """A screen's ICC profile of one segment, a printer's of many, or none."""
    chance = rng.random()
    if chance < 0.3:
        return [_segment(0xE2, b"ICC_PROFILE\0\1\1" + _colours())]
    count = rng.randrange(2, 10) if chance < 0.38 else 0
    pieces = [rng.randbytes(64) * rng.randrange(500, 1000) for _ in range(count)]
    return [
        _segment(0xE2, b"ICC_PROFILE\0" + bytes((number, count)) + piece)
        for number, piece in enumerate(pieces, 1)
    ]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _title(rng: Random) -> bytes:
    """Text of any length: files of one picture are to differ in length too, as files of two pictures do."""
    return (b"made for a benchmark " * 50)[: rng.randrange(1, 1000)]


def _png(picture: Picture, rng: Random) -> Dressed:
    """Chunks behind the header, and EXIF before the picture data or behind it."""
    # the pixels a metre make one file differ from the next
    parts = [_chunk(b"pHYs", struct.pack(">IIB", *[rng.randrange(1 << 20) for _ in range(2)], 1))]
    if rng.random() < 0.2:
        parts.insert(0, _chunk(b"iCCP", b"profile\0\0" + zlib.compress(_colours())))
    texts = rng.random()
    if texts < 0.1:
        # what image generators write: the whole recipe
        parts.append(_chunk(b"tEXt", b"workflow\0" + b'{"node": 1}' * rng.randrange(100, 15_000)))
    elif texts < 0.15:
        parts.append(_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"made for a benchmark " * 100)))
    else:
        parts.append(_chunk(b"tEXt", b"Title\0" + _title(rng)))
    turn, behind, where = 1, b"", rng.random()
    if where < 0.16:
        turn, block = _exif(picture, rng)
        if where < 0.11:
            parts.append(_chunk(b"eXIf", block))
        else:
            behind = _chunk(b"eXIf", block)
    head, rest, end = picture.data[:33], picture.data[33:-12], picture.data[-12:]
    note = ("eXIf behind the frames" if picture.frames > 1 else "eXIf behind IDAT") if behind else ""
    return Dressed(head + b"".join(parts) + rest + behind + end, turn, note)


def _gif(picture: Picture, rng: Random) -> Dressed:
    """A background colour and an aspect ratio that no viewer applies, and a comment."""
    data = picture.data[:11] + rng.randbytes(2) + picture.data[13:]
    at = 13 + (6 << (data[10] & 7) if data[10] & 0x80 else 0)
    text = _title(rng) * (rng.randrange(2, 5) if rng.random() < 0.3 else 1)
    pieces = [text[start : start + 255] for start in range(0, len(text), 255)]
    comment = b"!\xfe" + b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\0"
    return Dressed(data[:at] + comment + data[at:], 1, "")


def _riff(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def _webp(picture: Picture, rng: Random) -> Dressed:
    """Some stay as they are: a plain WebP has no room for metadata. The others get the extended header."""
    if rng.random() < 0.05:
        return Dressed(picture.data, 1, "")
    flags, chunks = 0, picture.data[12:]
    if chunks.startswith(b"VP8X"):
        flags, chunks = chunks[8], chunks[18:]
    elif chunks.startswith(b"VP8L") and chunks[12] & 0x10:
        flags = 0x10
    turn, before, behind = 1, b"", b""
    if rng.random() < 0.5 and not flags & 0x20:
        flags, before = flags | 0x20, _riff(b"ICCP", _colours())
    if rng.random() < 0.7:
        turn, block = _exif(picture, rng)
        flags, behind = flags | 0x08, _riff(b"EXIF", block)
    if rng.random() < 0.3 or not behind:
        flags |= 0x04
        behind += _riff(b"XMP ", b"<x:xmpmeta/>" + b" " * rng.randrange(1000, 6000))
    canvas = (picture.width - 1).to_bytes(3, "little") + (picture.height - 1).to_bytes(3, "little")
    body = b"WEBP" + _riff(b"VP8X", struct.pack("<I", flags) + canvas) + before + chunks + behind
    return Dressed(_riff(b"RIFF", body), turn, "")
