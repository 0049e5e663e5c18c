"""PNG (W3C PNG, third edition) and APNG: the header, the chunks around the picture, EXIF and XMP in text."""

import re
import zlib
from struct import Struct
from zlib import crc32

from imgbudget.imageinfo.exif import BLOCK_LIMIT, Exif, orientation, parse_exif, read_exif
from imgbudget.imageinfo.reader import Read, Source, facts_of, sound_facts
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.namedtuples import NamedTuple

TEXT_LIMIT = 1 << 20
"""Bytes of text that are inflated: Pillow 13 (MAX_TEXT_CHUNK) refuses a file with more in one chunk."""

_XMP_ORIENTATION = rb'tiff:Orientation(?:="|>)([0-9])'


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
    found = re.search(_XMP_ORIENTATION, packet)
    if found is None:
        return 0
    value = int(found[1])
    return value if 1 <= value <= 8 else 1


_ORIENTATION, _LOCATION = int(ProbeField.ORIENTATION), int(ProbeField.LOCATION)
_METADATA, _INTEGRITY = int(ProbeField.METADATA), int(ProbeField.INTEGRITY)

KEYWORDS = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")
"""Of text chunks that hold an orientation: ImageMagick's EXIF in hexadecimal digits, and XMP."""

_TAIL_LIMIT = 10_000
_WINDOW = 4096
_KEYWORD_ROOM = 24

_CHECKED_BYTES = 1 << 13
"""First bytes of a file in which chunks are checked, not only stepped over."""

_SPARE = 4
"""Bytes that may be missing of the last chunk: the checksum of its data, which decoders do without."""

_chunk_head = Struct(">I4s").unpack_from
_uint32 = Struct(">I").unpack_from

_COMPRESSED = frozenset({b"zTXt", b"iTXt"})
_TEXT_CHUNKS = _COMPRESSED | {b"tEXt"}
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
    fields: int,
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
    if (told or behind) and fields & (_ORIENTATION | _LOCATION):
        source = Source(head, read, size)
        exif = _exif(told + _telling(behind, source), source)
        turn = exif.orientation or 1 if fields & _ORIENTATION else 1
        has_location = exif.has_location and bool(fields & _LOCATION)
    if fields & _METADATA:
        metadata = 0
        for kind, _, length in chunks + behind if behind else chunks:
            # ancillary (a small first letter, PNG section 5.4) and of no use for showing the picture
            if kind[0] & 0x20 and kind not in _RENDERING:
                metadata += 12 + length
        metadata = metadata if metadata < size else size  # noqa: FURB136 - twice as fast
    if not fields & _INTEGRITY:
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
            low, back, length = middle, size, _uint32(header)[0]
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
                return Tail(
                    chunks, f"is cut off inside its {kind.decode()} chunk ({figure(source.size)} bytes)"
                )
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
        length, kind = _chunk_head(buffer, at - base)
    return Tail(chunks, "has no picture data" if empty else None)


def _telling(chunks: list[Chunk], source: Source) -> list[Chunk]:
    """Those of the chunks that hold EXIF or XMP."""
    return [
        chunk
        for chunk in chunks
        if chunk[0] == b"eXIf"
        or (chunk[0] in _TEXT_CHUNKS and source.bytes_at(chunk[1] + 8, _KEYWORD_ROOM).startswith(KEYWORDS))
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
        if crc32(start[offset + 4 : end]) != _uint32(start, end)[0]:
            return f"has a wrong checksum in its {_name(kind)} chunk"
        if kind in _COMPRESSED and len(text_of(kind, start[offset + 8 : end])) > TEXT_LIMIT:
            return f"has more than {figure(TEXT_LIMIT)} bytes of text compressed in its {_name(kind)} chunk"
    return None


def _name(kind: bytes) -> str:
    """A chunk's kind for people: four letters, or their escapes."""
    return kind.decode("ascii", "backslashreplace") if kind.isalpha() else repr(kind)[2:-1]


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
_FRAMES_FACT = int(ProbeField.FRAMES)


def probe_png(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:  # noqa: C901, PLR0912 - a chunk a branch
    """The facts of a PNG file; `head` holds its first bytes, `fields` the bits of the facts asked for."""
    i = 8
    if not head.startswith(_START):
        if not head.startswith(_APPLE):
            return _misfit(head, size)
        i = 24
    if len(head) < i + 25:
        return ImageFacts(
            byte_size=size, format="png", damage=f"ends inside its header ({figure(size)} bytes)"
        )
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
    deep = fields > 1
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
            if fields:
                turn = orientation(buffer, i + 8, min(n, i + 8 + length)) or 0
        elif kind in _TEXT and buffer.startswith(KEYWORDS, i + 8):
            told.append((kind, base + i, length))
        if deep:
            chunks.append((kind, base + i, length))
        i += 12 + length
    if kind != b"IDAT":
        damage = f"{'has no picture data' if kind else 'ends before its picture data'} ({figure(size)} bytes)"
        return ImageFacts(byte_size=size, format="png", size=Size(width, height), damage=damage)
    # the picture before an animation is one more frame where no control chunk makes it the first
    frames = frames + (not controlled) if 0 < frames <= _FRAME_LIMIT else 1
    if frames > 2 and not fields & _FRAMES_FACT:
        frames = 2
    first = base + i, length
    if deep:
        return detailed_facts((width, height), frames, chunks, told, first, head, read, size, fields)
    if fields and not turn:
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
        damage = f"ends inside its header ({figure(size)} bytes)"
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
