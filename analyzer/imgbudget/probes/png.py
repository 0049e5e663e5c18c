"""PNG (W3C PNG, third edition) and APNG: the header, the chunks before the picture and those behind it."""

from struct import Struct
from zlib import crc32

from imgbudget.geometry import Size
from imgbudget.model import Fact, ImageFacts
from imgbudget.probes.exif import orientation
from imgbudget.probes.png_details import (
    KEYWORDS,
    Chunk,
    detailed_facts,
    last_data_chunk,
    told_orientation,
)
from imgbudget.probes.reader import Read, Source, sound_facts

_CHUNKS = range(10_000)
"""Chunks before the picture that are looked at."""

_REFILL = 512
_ROOM = 40
"""Bytes at a chunk's start that say what it holds: length, kind and the longest keyword."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_START = _SIGNATURE + b"\0\0\0\x0dIHDR"
_APPLE = _SIGNATURE + b"\0\0\0\4CgBI"
"""Apple's own variant puts a chunk before the header."""

_header = Struct(">II2s3sI").unpack_from  # width, height, kind of pixels, methods, checksum
_chunk = Struct(">I4s").unpack_from
_long = Struct(">I").unpack_from

_PIXELS = frozenset(
    bytes((depth, colour))
    for colour, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16)))
    for depth in depths
)
"""Bit depth and colour type that may stand together (PNG, table 12)."""

_METHODS = frozenset({b"\0\0\0", b"\0\0\1"})
"""Compression, filter and interlace methods that there are."""

_STOPS = frozenset({b"IDAT", b"IEND"})
_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_FRAME_LIMIT = 0x80000000
_FRAMES_FACT = int(Fact.FRAMES)


def probe_png(head: bytes, read: Read, size: int, want: int) -> ImageFacts:  # noqa: C901, PLR0912 - a chunk a branch
    """The facts of a PNG file; `head` holds its first bytes, `want` the bits of the facts asked for."""
    i = 8
    if not head.startswith(_START):
        if not head.startswith(_APPLE):
            return _misfit(head, size)
        i = 24
    if len(head) < i + 25:
        return ImageFacts(byte_size=size, format="png", damage=f"ends inside its header ({size:,} bytes)")
    width, height, pixels, methods, checksum = _header(head, i + 8)
    if (
        crc32(head[i + 4 : i + 21]) != checksum
        or pixels not in _PIXELS
        or methods not in _METHODS
        or not width
        or not height
        or (width | height) >> 31
    ):
        return _refused(head, i, size)
    buffer, base, i, n = head, 0, i + 25, len(head)
    deep = want > 1
    turn, frames, controlled = 0, 0, False
    told: list[Chunk] = []
    chunks: list[Chunk] = []
    kind, length = b"", 0
    for _ in _CHUNKS:
        if i + _ROOM > n:
            base += i
            buffer = read(_REFILL, base)
            i, n = 0, len(buffer)
            if n < 12:
                kind = b""
                break
        length, kind = _chunk(buffer, i)
        if kind in _STOPS:
            break
        if kind == b"acTL":
            frames = _long(buffer, i + 8)[0]
        elif kind == b"fcTL":
            controlled = True
        elif kind == b"eXIf":
            told.append((kind, base + i, length))
            if want:
                turn = orientation(buffer, i + 8, min(n, i + 8 + length)) or 0
        elif kind in _TEXT and buffer.startswith(KEYWORDS, i + 8):
            told.append((kind, base + i, length))
        if deep:
            chunks.append((kind, base + i, length))
        i += 12 + length
    if kind != b"IDAT":
        damage = f"{'has no picture data' if kind else 'ends before its picture data'} ({size:,} bytes)"
        return ImageFacts(byte_size=size, format="png", size=Size(width, height), damage=damage)
    # the picture before an animation is one more frame where no control chunk makes it the first
    frames = frames + (not controlled) if 0 < frames <= _FRAME_LIMIT else 1
    if frames > 2 and not want & _FRAMES_FACT:
        frames = 2
    first = base + i, length
    if deep:
        return detailed_facts((width, height), frames, chunks, told, first, head, read, size, want)
    if want and not turn:
        at, length = first
        # with the end chunk, 24 bytes are no data: mostly, nothing else stands behind
        if at + length + 24 != size:
            at, length = last_data_chunk(first, read, size)
        if told or at + length + 24 != size:
            turn = told_orientation(told, first, (at, length), Source(head, read, size))
    return sound_facts(size, "png", (width, height), turn or 1, frames)


def _misfit(head: bytes, size: int) -> ImageFacts:
    """The facts of a file that only starts like a PNG file."""
    if _START.startswith(head):
        damage = f"ends inside its header ({size:,} bytes)"
    elif head.startswith(_SIGNATURE):
        damage = "does not start with a header chunk"
    else:
        damage = "has a broken PNG signature, as a transfer in text mode leaves it"
    return ImageFacts(byte_size=size, format="png", damage=damage)


def _refused(head: bytes, at: int, size: int) -> ImageFacts:
    """The facts of a file whose header chunk, at offset `at`, no decoder takes."""
    width, height, pixels, _, checksum = _header(head, at + 8)
    area = Size(width, height)
    if crc32(head[at + 4 : at + 21]) != checksum:
        damage = "has a header with a wrong checksum"
    elif not width or not height or (width | height) >> 31:
        damage = f"has a header without a possible size ({area})"
    elif pixels not in _PIXELS:
        damage = f"has a header with {pixels[0]} bits a sample of colour type {pixels[1]}, which there is not"
    else:
        damage = "has a header with an unknown compression, filter or interlace method"
    known = area if width and height and not (width | height) >> 31 else None
    return ImageFacts(byte_size=size, format="png", size=known, damage=damage)
