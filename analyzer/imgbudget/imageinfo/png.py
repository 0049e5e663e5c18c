"""PNG (W3C PNG, third edition) and APNG: the header, the chunks around the image data, EXIF and XMP."""

import zlib
from struct import Struct
from zlib import crc32

from imgbudget.imageinfo.exif import (
    BLOCK_LIMIT,
    Exif,
    orientation,
    parse_exif,
    read_exif,
    xmp_orientation,
)
from imgbudget.imageinfo.reader import Read, Source, facts_of, sound_facts
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.namedtuples import NamedTuple

TEXT_LIMIT = 1 << 20
"""Maximum bytes of inflated text: Pillow 13 (MAX_TEXT_CHUNK) rejects a file with more in one chunk."""


def text_of(kind: bytes, data: bytes) -> bytes:
    """The text of a tEXt, zTXt or iTXt chunk without its keyword; empty if it cannot be read.

    Cut one byte after `TEXT_LIMIT`.
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


_ORIENTATION, _LOCATION = int(ProbeField.ORIENTATION), int(ProbeField.LOCATION)
_METADATA, _INTEGRITY = int(ProbeField.METADATA), int(ProbeField.INTEGRITY)
_FRAMES = int(ProbeField.FRAMES)

KEYWORDS = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")
"""Keywords of text chunks with an orientation: ImageMagick's EXIF in hexadecimal digits, and XMP."""

_TAIL_LIMIT = 10_000
_WINDOW = 4096
_KEYWORD_ROOM = 24

_CHECKED_BYTES = 1 << 13
"""First bytes of a file in which the content of chunks is checked."""

_SPARE = 4
"""Bytes that the last chunk may lack: its checksum, which decoders do not need."""

_chunk_head = Struct(">I4s").unpack_from
_uint32 = Struct(">I").unpack_from

_COMPRESSED = frozenset({b"zTXt", b"iTXt"})
_TEXT_CHUNKS = _COMPRESSED | {b"tEXt"}
_RENDERING = frozenset(b"tRNS gAMA cHRM sRGB sBIT bKGD hIST pHYs sPLT cICP mDCV cLLI acTL fcTL fdAT".split())
"""Ancillary chunks that affect how an image is shown."""

_END = b"\0\0\0\0IEND\xaeB`\x82"
"""The complete end chunk."""

_FRAME_DATA = frozenset({b"fcTL", b"fdAT"})

Chunk = tuple[bytes, int, int]
"""Kind, offset of the chunk (of its length field), length of its data."""

Data = tuple[int, int]
"""A chunk of image data (IDAT): its offset and the length of its data."""


class Tail(NamedTuple):
    """The chunks after the image data, and a clause if one is cut off."""

    chunks: list[Chunk]
    damage: str | None


class MetadataFacts(NamedTuple):
    """The orientation in metadata (0 for none), whether it has a position; `in_xmp`: the former is XMP's."""

    orientation: int
    has_location: bool
    in_xmp: bool = False


_NO_CHUNKS: list[Chunk] = []


def detailed_facts(  # noqa: PLR0913, PLR0917 - runs for each file: a named tuple would cost more than the rest
    area: tuple[int, int],
    frames: int,
    chunks: list[Chunk],
    metadata_chunks: list[Chunk],
    first: Data,
    head: bytes,
    read: Read,
    size: int,
    fields: int,
) -> ImageFacts:
    """The facts of a file whose chunks before the image data are known.

    `chunks` are all of them, `metadata_chunks` those with EXIF or XMP; `first` is the first IDAT.
    """
    # 24 bytes besides the data: the frame of this chunk and the end chunk; usually the file ends here
    last = first if first[0] + first[1] + 24 == size else last_data_chunk(first, read, size)
    after_data, damage = _NO_CHUNKS, None
    if not (last[0] + last[1] + 24 == size and first[1] and read(12, size - 12) == _END):
        after_data, damage = chunks_after_data(first, last, Source(head, read, size))
    turn, has_location, metadata, in_xmp = 1, False, None, False
    if (metadata_chunks or after_data) and fields & (_ORIENTATION | _LOCATION):
        source = Source(head, read, size)
        exif = _exif(metadata_chunks + _with_metadata(after_data, source), source)
        if fields & _ORIENTATION:
            turn, in_xmp = exif.orientation or 1, exif.in_xmp
        has_location = exif.has_location and bool(fields & _LOCATION)
    if fields & _METADATA:
        metadata = 0
        for kind, _, length in chunks + after_data if after_data else chunks:
            # ancillary (lower-case first letter, PNG section 5.4) and not needed to show the image
            if kind[0] & 0x20 and kind not in _RENDERING:
                metadata += 12 + length
        metadata = metadata if metadata < size else size  # noqa: FURB136 - twice as fast
    if not fields & _INTEGRITY:
        damage = None
    elif chunks and damage is None:
        damage = _chunk_damage(chunks, head, read)
    facts = facts_of(size, "png", area, turn, frames, has_location, None, metadata, damage)
    return facts._replace(in_xmp=True) if in_xmp else facts


def metadata_orientation(
    metadata_chunks: list[Chunk], first: Data, last: Data, source: Source
) -> MetadataFacts:
    """The orientation in EXIF, else in XMP; 0 if there is neither.

    An eXIf chunk may also follow the image data, which extends from chunk `first` to chunk `last`.
    """
    if not any(kind == b"eXIf" for kind, _, _ in metadata_chunks):
        metadata_chunks = metadata_chunks + _with_metadata(
            chunks_after_data(first, last, source).chunks, source
        )
    return _exif(metadata_chunks, source) if metadata_chunks else MetadataFacts(0, has_location=False)


def last_data_chunk(first: Data, read: Read, size: int) -> Data:
    """The last chunk of image data that is reached in strides of the length of the first one.

    Encoders write chunks of the same length except the last, so the cost need not grow with the image: this
    searches from the end of the file in doubling steps, then binarily. Usually the first step succeeds.
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


def chunks_after_data(first: Data, last: Data, source: Source) -> Tail:
    """The chunks after the image data, without those of an animation."""
    at, length = last
    kind, empty = b"IDAT", not first[1]
    buffer, base, end = b"", 0, -1
    chunks: list[Chunk] = []
    for _ in range(_TAIL_LIMIT):
        if kind not in _FRAME_DATA:
            if kind == b"IEND" or not kind.isalpha():
                # decoders also stop at what is not a chunk
                break
            if at + 8 + length > source.size + _SPARE and at + 8 != source.size:
                return Tail(
                    chunks, f"is cut off inside its {kind.decode()} chunk ({figure(source.size)} bytes)"
                )
            if kind != b"IDAT":
                chunks.append((kind, at, length))
            elif chunks:
                return Tail(chunks, f"has a {chunks[-1][0].decode()} chunk inside its image data")
            elif length:
                empty = False
        at += 12 + length
        if not base <= at <= end:
            # an animation may have many small frames
            base, buffer = at, source.read(_WINDOW, at)
            end = base + len(buffer) - 8
            if end < base:
                # no end chunk, but the image may be complete
                break
        length, kind = _chunk_head(buffer, at - base)
    return Tail(chunks, "has no image data" if empty else None)


def _with_metadata(chunks: list[Chunk], source: Source) -> list[Chunk]:
    """Those of the chunks that contain EXIF or XMP."""
    return [
        chunk
        for chunk in chunks
        if chunk[0] == b"eXIf"
        or (chunk[0] in _TEXT_CHUNKS and source.bytes_at(chunk[1] + 8, _KEYWORD_ROOM).startswith(KEYWORDS))
    ]


def _exif(metadata_chunks: list[Chunk], source: Source) -> MetadataFacts:
    """Orientation and position from the chunks with EXIF or XMP.

    In the order of Pillow: an eXIf chunk takes precedence over a profile in a text chunk, and the orientation
    in XMP is used only if EXIF has none.
    """
    exif: Exif | None = None
    texts: dict[bytes, bytes] = {}
    for kind, offset, length in metadata_chunks:
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
        return MetadataFacts(exif.orientation, exif.has_location)
    turn = xmp_orientation(texts[KEYWORDS[1]])
    return MetadataFacts(turn, exif.has_location, in_xmp=turn > 1)


def _chunk_damage(chunks: list[Chunk], head: bytes, read: Read) -> str | None:
    """A clause if one of the checked chunks before the image data would make a decoder fail."""
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
    """The kind of a chunk for messages: four letters, or escapes."""
    return kind.decode("ascii", "backslashreplace") if kind.isalpha() else repr(kind)[2:-1]


_CHUNKS = range(10_000)
"""Maximum number of chunks before the image data."""

_REFILL = 512
_ROOM = 40
"""Bytes at the start of a chunk: length, kind and the longest keyword."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_START = _SIGNATURE + b"\0\0\0\x0dIHDR"
_APPLE = _SIGNATURE + b"\0\0\0\4CgBI"
"""Apple's variant has a chunk before the header."""

_header = Struct(">II2s3sI").unpack_from  # width, height, pixel type, methods, checksum

_PIXELS = frozenset(
    bytes((depth, colour))
    for colour, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16)))
    for depth in depths
)
"""Valid combinations of bit depth and colour type (PNG, table 12)."""

_METHODS = frozenset({b"\0\0\0", b"\0\0\1"})
"""Valid compression, filter and interlace methods."""

_STOPS = frozenset({b"IDAT", b"IEND"})
_FRAME_LIMIT = 0x80000000


def probe_png(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:  # noqa: C901, PLR0912, PLR0915 - one branch per chunk kind
    """The facts of a PNG file; `head` are its first bytes, `fields` the bits of the needed `ProbeField`s."""
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
    metadata_chunks: list[Chunk] = []
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
        length, kind = _chunk_head(buffer, i)
        if kind in _STOPS:
            break
        if kind == b"acTL":
            frames = _uint32(buffer, i + 8)[0]
        elif kind == b"fcTL":
            controlled = True
        elif kind == b"eXIf":
            metadata_chunks.append((kind, base + i, length))
            if fields:
                turn = orientation(buffer, i + 8, min(n, i + 8 + length)) or 0
        elif kind in _TEXT_CHUNKS and buffer.startswith(KEYWORDS, i + 8):
            metadata_chunks.append((kind, base + i, length))
        if deep:
            chunks.append((kind, base + i, length))
        i += 12 + length
    if kind != b"IDAT":
        damage = f"{'has no image data' if kind else 'ends before its image data'} ({figure(size)} bytes)"
        return ImageFacts(byte_size=size, format="png", size=Size(width, height), damage=damage)
    # the default image is an additional frame unless a control chunk makes it the first
    frames = frames + (not controlled) if 0 < frames <= _FRAME_LIMIT else 1
    if frames > 2 and not fields & _FRAMES:
        frames = 2
    first = base + i, length
    if deep:
        return detailed_facts(
            (width, height), frames, chunks, metadata_chunks, first, head, read, size, fields
        )
    if fields and not turn:
        at, length = first
        # 24 bytes besides the data: the frame of this chunk and the end chunk
        if at + length + 24 != size:
            at, length = last_data_chunk(first, read, size)
        if metadata_chunks or at + length + 24 != size:
            exif = metadata_orientation(metadata_chunks, first, (at, length), Source(head, read, size))
            turn = exif.orientation
            if exif.in_xmp:
                return sound_facts(size, "png", (width, height), turn, frames)._replace(in_xmp=True)
    return sound_facts(size, "png", (width, height), turn or 1, frames)


def _misfit(head: bytes, size: int) -> ImageFacts:
    """The facts of a file with the first bytes of PNG but without a valid header."""
    if _START.startswith(head):
        damage = f"ends inside its header ({figure(size)} bytes)"
    elif head.startswith(_SIGNATURE):
        damage = "does not start with a header chunk"
    else:
        damage = "has a broken PNG signature, as after a transfer in text mode"
    return ImageFacts(byte_size=size, format="png", damage=damage)


def _refused(head: bytes, at: int, size: int) -> ImageFacts:
    """The facts of a file whose header chunk, at offset `at`, no decoder accepts."""
    width, height, pixels, _, checksum = _header(head, at + 8)
    area = Size(width, height)
    if crc32(head[at + 4 : at + 21]) != checksum:
        damage = "has a header with a wrong checksum"
    elif not width or not height or (width | height) >> 31:
        damage = f"has a header with an impossible size ({area})"
    elif pixels not in _PIXELS:
        damage = f"has a header with {pixels[0]} bits per sample of colour type {pixels[1]}, which is invalid"
    else:
        damage = "has a header with an unknown compression, filter or interlace method"
    known = area if width and height and not (width | height) >> 31 else None
    return ImageFacts(byte_size=size, format="png", size=known, damage=damage)
