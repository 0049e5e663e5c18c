"""Whether the encoded blocks of a JPEG file can be turned without decoding them, from its segments."""

import re
from struct import Struct

from imgbudget.imageinfo.reader import Source
from imgbudget.limits.values import figure

_ABOUT_PICTURES = (
    *(b"hdrgm", b"HDRGainMap", b"photos/1.0/container", b"GDepth", b"GImage"),
    *(b"MicroVideo", b"MotionPhoto", b"depthmap"),
)
ABOUT_PICTURES = b"|".join(map(re.escape, _ABOUT_PICTURES))
"""In XMP: what readers need to find or show the other pictures of a file, or the pictures themselves."""

_BLOCK = 8
_WIDTH_COUNTS, _HEIGHT_COUNTS = frozenset({2, 3, 7, 8}), frozenset({3, 4, 6, 7})
"""Orientations whose turn moves the incomplete blocks of the right or lower edge to the other side."""

MOVABLE = frozenset({0xFFC0, 0xFFC1, 0xFFC2})
"""Frames of Huffman coded blocks: baseline, extended and progressive."""

OF_STORED_PIXELS = (b"FLIR\0", b"MPF\0", b"urn:iso:std:iso:ts:21496:")
"""How segments begin that hold more for the pixels as they are stored."""

_MORE_PICTURES = "it has a gain map, other data or a signature for its pixels as they are stored"

_APP0, _APP1, _APP3, _APP11, _SCAN, _FILL = 0xFFE0, 0xFFE1, 0xFFE3, 0xFFEB, 0xFFDA, 0xFFFF
_FRAMES = frozenset({*range(0xFFC0, 0xFFD0)} - {0xFFC4, 0xFFC8, 0xFFCC} | {0xFFDE})
_TABLES = frozenset({0xFFC4, 0xFFDB, 0xFFDD, _APP0})
_READS = range(400)
_PIECE = 960

_segment = Struct(">HH").unpack_from  # marker, length
_frame = Struct(">BHHB").unpack_from  # bits per sample, height, width, components


def unturnable(turn: int, source: Source) -> str:  # noqa: C901 - one branch per kind of segment
    """What prevents that the blocks are turned, in a clause; empty if nothing in the segments does.

    Data for the pixels as stored cannot be turned with them: XMP and MP index of other pictures, gain maps,
    thermal data (FLIR, and APP3 of DJI), JPEG XT, and JUMBF with a signature (C2PA).
    """
    buffer, base, i, obstacle = source.head, 0, 2, "it has no frame of blocks"
    for _ in _READS:
        while i + 20 <= len(buffer):
            marker, length = _segment(buffer, i)
            if marker in _TABLES:
                pass
            elif marker in _FRAMES:
                if marker not in MOVABLE:
                    return "its data is not Huffman coded blocks (arithmetic, lossless or hierarchical)"
                _, height, width, count = _frame(buffer, i + 4)
                obstacle = off_grid(turn, (width, height), buffer[i + 10 : i + 10 + 3 * count])
            elif marker == _SCAN:
                return obstacle
            elif marker == _APP1 and buffer.startswith(b"Exif\0\0", i + 4):
                pass
            elif marker > _APP0 and _is_of_stored_pixels(marker, buffer[i + 4 : i + 32], source, base + i):
                return _MORE_PICTURES
            elif marker < 0xFFC0:
                return "its segments are damaged"
            i += 1 if marker == _FILL else 2 + length
        base += i
        buffer, i = source.read(_PIECE, base), 0
        if len(buffer) < 20:
            break
    return "its segments are damaged"


def _is_of_stored_pixels(marker: int, start: bytes, source: Source, at: int) -> bool:
    """Whether a segment at an offset, whose data starts so, describes or holds more for the same pixels."""
    if marker == _APP1 and start.startswith(b"http://ns.adobe.com/x"):
        _, length = _segment(source.bytes_at(at, 4), 0)
        packet = source.bytes_at(at + 4, length - 2)
        return any(word in packet for word in _ABOUT_PICTURES)  # 20 times as fast as the expression
    return marker in {_APP3, _APP11} or start.startswith(OF_STORED_PIXELS)


def off_grid(turn: int, area: tuple[int, int], components: bytes) -> str:
    """The edge that ends in a part of a block, in a clause; `components` have three bytes each."""
    width, height = area
    factors = components[1::3] if len(components) > 3 else b"\x11"
    if turn in _WIDTH_COUNTS:
        block = _BLOCK * (max(factors) >> 4)
        if not block or width % block:
            return _ending_in_part("width", width, block)
    if turn in _HEIGHT_COUNTS:
        block = _BLOCK * max([factor & 15 for factor in factors])
        if not block or height % block:
            return _ending_in_part("height", height, block)
    return ""


def _ending_in_part(name: str, edge: int, block: int) -> str:
    return f"its {name} of {figure(edge)} px is not a multiple of its blocks of {block} px"
