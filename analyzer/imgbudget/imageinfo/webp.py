"""WebP (RFC 9649): VP8, VP8L and the extended VP8X, with canvas, frames and EXIF."""

from struct import Struct
from typing import NamedTuple

from imgbudget.imageinfo.exif import BLOCK_LIMIT, orientation, read_exif, xmp_orientation
from imgbudget.imageinfo.reader import Read, Source, facts_of, sound_facts
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.model.subjects import ImageFacts, ProbeField

_ORIENTATION, _FRAMES, _LOCATION = (
    int(ProbeField.ORIENTATION),
    int(ProbeField.FRAMES),
    int(ProbeField.LOCATION),
)
_METADATA, _INTEGRITY = int(ProbeField.METADATA), int(ProbeField.INTEGRITY)

_CHUNKS = range(10_000)
"""Maximum number of chunks."""

_REFILL = 256

# form, kind; for VP8: first byte, start code, width, height
_header = Struct("<8x4s4s4xB2x3sHH").unpack_from
_long = Struct("<I").unpack_from
_sides = Struct("<HH").unpack_from
_chunk = Struct("<4sI").unpack_from

_ANIMATION_FLAG, _XMP_FLAG, _EXIF_FLAG = 0x02, 0x04, 0x08
_PICTURES = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
_NO_METADATA = _PICTURES | {b"VP8X", b"ALPH", b"ANIM", b"ICCP"}


def probe_webp(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:
    """The facts of a WebP file; `head` are its first bytes, `fields` the bits of the needed `ProbeField`s."""
    if len(head) < 30:
        return _probe_short(head, read, size, fields)
    form, kind, first, start, width, height = _header(head)
    if form != b"WEBP":
        return _probe_other(head, read, size, fields)
    if kind == b"VP8X":
        return _probe_extended(head, read, size, fields)
    if kind == b"VP8 ":
        # two scaling bits are above 14 bits of size (RFC 6386, section 9.1)
        width, height = width & 0x3FFF, height & 0x3FFF
        sound = start == b"\x9d\x01\x2a" and width and height and not first & 1
    elif kind == b"VP8L":
        bits = _long(head, 21)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        sound = first == 0x2F and not bits >> 29
    else:
        return ImageFacts(byte_size=size, format="webp", damage="has no image after its header")
    if not sound:
        damage = f"has a broken image header ({width}x{height})"
        return ImageFacts(byte_size=size, format="webp", damage=damage)
    if fields < 2:
        return sound_facts(size, "webp", (width, height), 1, 1)
    return ImageFacts(
        byte_size=size,
        format="webp",
        size=Size(width, height),
        metadata_bytes=0 if fields & _METADATA else None,
        damage=_cut(head, size, 20 + _long(head, 16)[0]) if fields & _INTEGRITY else None,
    )


def _probe_short(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:
    """The facts of a file of less than 30 bytes; only tiny lossless images are that short."""
    if head[8:16] == b"WEBPVP8L" and len(head) > 25:
        return probe_webp(head.ljust(30, b"\0"), read, size, fields)
    if head[8:12] in {b"", b"WEBP"}:
        damage = f"ends inside its header ({figure(size)} bytes)"
        return ImageFacts(byte_size=size, format="webp", damage=damage)
    return _probe_other(head, read, size, fields)


def _probe_other(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:
    """The facts of a RIFF file that is no WebP: audio or video."""
    from imgbudget.imageinfo.other_formats import probe_other  # noqa: PLC0415 - image format

    return probe_other(head, read, size, fields)


class _Chunks(NamedTuple):
    """Data of the chunks after a VP8X header; `end` is the expected end of the last one.

    `inner` is the size of the picture of a still image, in px, as its own header has it.
    """

    frames: int
    turn: int
    has_location: bool
    metadata: int
    has_picture: bool
    end: int
    in_xmp: bool
    inner: tuple[int, int] | None


def _probe_extended(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:
    bits = int.from_bytes(head[24:30], "little")
    area = (bits & 0xFFFFFF) + 1, (bits >> 24) + 1
    if fields < 2 and not head[20] & (_ANIMATION_FLAG | _EXIF_FLAG | (_XMP_FLAG if fields else 0)):
        return sound_facts(size, "webp", area, 1, 1)
    chunks = _walk(head, read, size, fields)
    if fields < 2:
        facts = sound_facts(size, "webp", area, chunks.turn or 1, chunks.frames)
        return facts._replace(in_xmp=True) if chunks.in_xmp else facts
    damage = None
    if fields & _INTEGRITY:
        damage = _cut(head, size, chunks.end)
        if damage is None and not chunks.has_picture:
            damage = "has no image after its header"
        if damage is None and chunks.inner not in {None, area}:
            damage = f"has a canvas of {Size(*area)} px and a picture of {Size(*(chunks.inner or area))} px"
    metadata = min(chunks.metadata, size) if fields & _METADATA else None
    turn, frames, has_location = chunks.turn or 1, chunks.frames, chunks.has_location
    facts = facts_of(size, "webp", area, turn, frames, has_location, None, metadata, damage)
    return facts._replace(in_xmp=True) if chunks.in_xmp else facts


def _walk(head: bytes, read: Read, size: int, fields: int) -> _Chunks:  # noqa: C901 - one branch per chunk kind
    """Walk the chunks, to the end or until everything needed is known."""
    flags = head[20]
    animated = bool(flags & _ANIMATION_FLAG)
    exif_left = bool(flags & _EXIF_FLAG) and bool(fields & (_ORIENTATION | _LOCATION))
    xmp_left, xmp = bool(flags & _XMP_FLAG) and bool(fields & _ORIENTATION), None
    enough = 0x7FFFFFFF if fields & _FRAMES else 2
    whole = fields & (_METADATA | _INTEGRITY)
    frames, turn, metadata, has_location, has_picture = 0, 0, 0, False, False
    inner: tuple[int, int] | None = None
    # a VP8X chunk longer than today's ten bytes is legal
    buffer, base, i, n = head, 0, 20 + _long(head, 16)[0], len(head)
    for _ in _CHUNKS:
        if i + 8 > n:
            base, i = base + i, 0
            buffer = read(_REFILL, base) if base + 8 <= size else b""
            n = len(buffer)
            if n < 8:
                break
        kind, length = _chunk(buffer, i)
        if kind in _PICTURES:
            has_picture = True
            frames += kind == b"ANMF"
            if whole and not animated and inner is None:
                inner = _picture_size(kind, buffer[i + 8 : i + 18] if i + 18 <= n else read(10, base + i + 8))
        elif kind == b"EXIF" and exif_left:
            found = orientation(buffer, i + 8, min(n, i + 8 + length)) if fields & _ORIENTATION else 0
            if found is None or fields & _LOCATION:
                found, has_location = read_exif(Source(head, read, size), base + i + 8, length)
            turn, exif_left = found, False
            xmp_left = xmp_left and not turn
        elif kind == b"XMP " and xmp_left:
            xmp, xmp_left = (base + i + 8, length), False
        if whole:
            metadata += 0 if kind in _NO_METADATA else 8 + length + (length & 1)
        elif not exif_left and not xmp_left and (not animated or frames >= enough):
            break
        i += 8 + length + (length & 1)
    frames = min(frames, enough) if animated and frames else 1
    in_xmp = False
    if xmp and not turn:
        turn = xmp_orientation(read(min(xmp[1], BLOCK_LIMIT), xmp[0]))
        in_xmp = turn > 1
    return _Chunks(frames, turn, has_location, metadata, has_picture, base + i, in_xmp, inner)


def _picture_size(kind: bytes, start: bytes) -> tuple[int, int] | None:
    """The size of a still picture, in px, by the first bytes of its chunk; None if it is not known."""
    if kind == b"VP8 " and start[3:6] == b"\x9d\x01\x2a" and len(start) > 9:
        width, height = _sides(start, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and start[:1] == b"\x2f":
        bits = int.from_bytes(start[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _cut(head: bytes, size: int, end: int) -> str | None:
    """A clause if the file is shorter than its RIFF header or its last chunk requires."""
    promised = max(_long(head, 4)[0] + 8, end)
    if promised > size:
        return f"is cut off: it has {figure(size)} of {figure(promised)} bytes"
    return None
