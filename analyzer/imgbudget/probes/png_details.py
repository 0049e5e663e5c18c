"""What a PNG file says beside its header: orientation, position, metadata, and whether it is whole."""

from struct import Struct
from typing import NamedTuple
from zlib import crc32

from imgbudget.model import Fact, ImageFacts
from imgbudget.probes.exif import BLOCK_LIMIT, Exif, parse_exif, read_exif
from imgbudget.probes.png_text import TEXT_LIMIT, exif_profile, text_of, xmp_orientation
from imgbudget.probes.reader import Read, Source, facts_of

_ORIENTATION, _LOCATION = int(Fact.ORIENTATION), int(Fact.LOCATION)
_METADATA, _INTEGRITY = int(Fact.METADATA), int(Fact.INTEGRITY)

KEYWORDS = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")
"""Of text chunks that hold an orientation: ImageMagick's EXIF in hexadecimal digits, and XMP."""

_TAIL_LIMIT = 10_000
_WINDOW = 4096
_KEYWORD_ROOM = 24

_CHECKED_BYTES = 1 << 13
"""First bytes of a file in which chunks are checked, not only stepped over."""

_SPARE = 4
"""Bytes that may be missing of the last chunk: the checksum of its data, which decoders do without."""

_chunk = Struct(">I4s").unpack_from
_long = Struct(">I").unpack_from

_COMPRESSED = frozenset({b"zTXt", b"iTXt"})
_TEXT = _COMPRESSED | {b"tEXt"}
_RENDERING = frozenset(b"tRNS gAMA cHRM sRGB sBIT bKGD hIST pHYs sPLT cICP mDCV cLLI acTL fcTL fdAT".split())
"""Ancillary chunks that a picture is shown by."""

_END = b"\0\0\0\0IEND\xaeB`\x82"
"""The end chunk, whole."""

_FRAME_DATA = frozenset({b"fcTL", b"fdAT"})

Chunk = tuple[bytes, int, int]
"""Kind, offset of the chunk (of its length field), length of its data."""

Data = tuple[int, int]
"""A chunk of picture data: its offset and the length of its data."""


class Tail(NamedTuple):
    """What stands behind the picture data: the chunks, and a clause where a chunk is cut."""

    chunks: list[Chunk]
    damage: str | None


_NO_CHUNKS: list[Chunk] = []


def detailed_facts(  # noqa: PLR0913, PLR0917 - each file comes by here: a named tuple costs more than the rest
    area: tuple[int, int],
    frames: int,
    chunks: list[Chunk],
    told: list[Chunk],
    first: Data,
    head: bytes,
    read: Read,
    size: int,
    want: int,
) -> ImageFacts:
    """The facts of a file of which is known what stands up to the picture.

    `chunks` are all chunks, `told` those with EXIF or XMP, `first` is the first IDAT.
    """
    # with the end chunk, 24 bytes are no data: mostly, nothing else stands behind the picture
    last = first if first[0] + first[1] + 24 == size else last_data_chunk(first, read, size)
    behind, damage = _NO_CHUNKS, None
    if not (last[0] + last[1] + 24 == size and first[1] and read(12, size - 12) == _END):
        behind, damage = behind_picture(first, last, Source(head, read, size))
    turn, has_location, metadata = 1, False, None
    if (told or behind) and want & (_ORIENTATION | _LOCATION):
        source = Source(head, read, size)
        exif = _exif(told + _telling(behind, source), source)
        turn = exif.orientation or 1 if want & _ORIENTATION else 1
        has_location = exif.has_location and bool(want & _LOCATION)
    if want & _METADATA:
        metadata = 0
        for kind, _, length in chunks + behind if behind else chunks:
            # ancillary (a small first letter, PNG section 5.4) and of no use for showing the picture
            if kind[0] & 0x20 and kind not in _RENDERING:
                metadata += 12 + length
        metadata = metadata if metadata < size else size  # noqa: FURB136 - twice as fast
    if not want & _INTEGRITY:
        damage = None
    elif chunks and damage is None:
        damage = _chunk_damage(chunks, head, read)
    return facts_of(size, "png", area, turn, frames, has_location, None, metadata, damage)


def told_orientation(told: list[Chunk], first: Data, last: Data, source: Source) -> int:
    """The orientation by EXIF, or by XMP where there is none; 0 when there is neither.

    An eXIf chunk may also stand behind the picture data, from its `first` to its `last` chunk.
    """
    if not any(kind == b"eXIf" for kind, _, _ in told):
        told = told + _telling(behind_picture(first, last, source).chunks, source)
    return _exif(told, source).orientation if told else 0


def last_data_chunk(first: Data, read: Read, size: int) -> Data:
    """The last chunk of picture data that a stride of the first one's length leads to.

    Encoders cut the data into chunks of one length but for the last, so that the cost need not grow with
    the picture: a search from the file's end, in steps that double, and then a binary one. Mostly the
    first step is the last.
    """
    at, length = first
    step = 12 + length
    low, high = 0, (size - 24 - at) // step if length else 0
    middle, back = high, 1
    while low < high:
        header = read(8, at + middle * step)
        if header[4:] == b"IDAT":
            low, back, length = middle, size, _long(header)[0]
        else:
            high = middle - 1
        middle = max(high - back + 1, (low + high + 1) // 2)
        back *= 2
    return at + low * step, length


def behind_picture(first: Data, last: Data, source: Source) -> Tail:
    """Step over the chunks behind the picture data and list them, without those of an animation."""
    at, length = last
    kind, empty = b"IDAT", not first[1]
    buffer, base, end = b"", 0, -1
    chunks: list[Chunk] = []
    for _ in range(_TAIL_LIMIT):
        if kind not in _FRAME_DATA:
            if kind == b"IEND" or not kind.isalpha():
                # behind what is no chunk decoders look no further either
                break
            if at + 8 + length > source.size + _SPARE and at + 8 != source.size:
                return Tail(chunks, f"is cut off inside its {kind.decode()} chunk ({source.size:,} bytes)")
            if kind != b"IDAT":
                chunks.append((kind, at, length))
            elif chunks:
                return Tail(chunks, f"has a {chunks[-1][0].decode()} chunk inside its picture data")
            elif length:
                empty = False
        at += 12 + length
        if not base <= at <= end:
            # frames of an animation may be small and many
            base, buffer = at, source.read(_WINDOW, at)
            end = base + len(buffer) - 8
            if end < base:
                # without an end chunk, but nothing of the picture is known to be missing
                break
        length, kind = _chunk(buffer, at - base)
    return Tail(chunks, "has no picture data" if empty else None)


def _telling(chunks: list[Chunk], source: Source) -> list[Chunk]:
    """Those of the chunks that hold EXIF or XMP."""
    return [
        chunk
        for chunk in chunks
        if chunk[0] == b"eXIf"
        or (chunk[0] in _TEXT and source.bytes_at(chunk[1] + 8, _KEYWORD_ROOM).startswith(KEYWORDS))
    ]


def _exif(told: list[Chunk], source: Source) -> Exif:
    """Orientation and position out of the chunks that hold EXIF or XMP.

    An eXIf chunk comes before a profile in a text chunk; the orientation in XMP counts only where EXIF
    has none. That is Pillow's order.
    """
    exif: Exif | None = None
    texts: dict[bytes, bytes] = {}
    for kind, offset, length in told:
        if kind == b"eXIf":
            exif = exif or read_exif(source, offset + 8, length)
            continue
        start = source.bytes_at(offset + 8, _KEYWORD_ROOM)
        keyword = start[: start.find(b"\0") + 1]
        if keyword not in texts:
            texts[keyword] = text_of(kind, source.bytes_at(offset + 8, min(length, BLOCK_LIMIT)))
    if exif is None:
        exif = parse_exif(exif_profile(texts.get(KEYWORDS[0], b"")))
    if exif.orientation or KEYWORDS[1] not in texts:
        return exif
    return exif._replace(orientation=xmp_orientation(texts[KEYWORDS[1]]))


def _chunk_damage(chunks: list[Chunk], head: bytes, read: Read) -> str | None:
    """A clause when a chunk before the picture, as far as they are looked into, would stop a decoder."""
    start = head
    if chunks and chunks[-1][1] + chunks[-1][2] + 12 > len(start):
        start = read(_CHECKED_BYTES, 0)
    for kind, offset, length in chunks:
        end = offset + 8 + length
        if end + 4 > len(start):
            break
        if crc32(start[offset + 4 : end]) != _long(start, end)[0]:
            return f"has a wrong checksum in its {_name(kind)} chunk"
        if kind in _COMPRESSED and len(text_of(kind, start[offset + 8 : end])) > TEXT_LIMIT:
            return f"has more than {TEXT_LIMIT:,} bytes of text compressed in its {_name(kind)} chunk"
    return None


def _name(kind: bytes) -> str:
    """A chunk's kind for people: four letters, or their escapes."""
    return kind.decode("ascii", "backslashreplace") if kind.isalpha() else repr(kind)[2:-1]
