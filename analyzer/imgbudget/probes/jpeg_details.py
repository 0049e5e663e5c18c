"""What a JPEG file says beside its size: frames, position, quality, metadata, and whether it ends."""

from struct import Struct
from typing import NamedTuple

from imgbudget.geometry import Size
from imgbudget.model import Fact, ImageFacts
from imgbudget.probes.exif import directory, read_exif
from imgbudget.probes.quality import estimate_quality
from imgbudget.probes.reader import Source

Segment = tuple[int, int, int, bytes]
"""Marker, offset of the marker, length as the segment gives it (without the marker's two bytes), and the
payload as far as it was in hand: its first six bytes, or a whole quantisation table."""

_LOCATION, _QUALITY = int(Fact.LOCATION), int(Fact.QUALITY)
_METADATA, _INTEGRITY, _FRAMES = int(Fact.METADATA), int(Fact.INTEGRITY), int(Fact.FRAMES)

_DQT, _APP0, _APP1, _APP2, _APP14, _APP15 = 0xFFDB, 0xFFE0, 0xFFE1, 0xFFE2, 0xFFEE, 0xFFEF
_COMMENT, _SCAN = 0xFFFE, 0xFFDA

_APP1_LIMIT = 16
"""Segments with EXIF and XMP that are read; one or two are usual."""

_DQT_BYTES = 4 * 129
"""Bytes of the four tables that there may be, with 16 bits an entry."""

_TAIL = 256
_SEARCH_PIECE = 1 << 18
_SEARCH_LIMIT = 1 << 22
"""Bytes searched backwards for the end marker. Data of any other kind (the video behind a motion photo)
holds its two bytes by chance every 64 KiB; a scan that goes on never does."""

_IMAGE_COUNT, _IMAGE_ENTRIES = 0xB001, 0xB002
"""Tags of the MP index (CIPA DC-007, section 5.2.3)."""


class Frame(NamedTuple):
    """The frame header: the stored size; the colour components, three bytes each, and where they stand."""

    area: Size
    components: bytes
    offset: int


def detailed_facts(frame: Frame, turn: int, segments: list[Segment], source: Source, want: int) -> ImageFacts:
    """The facts of a file whose segments up to the scan are known."""
    frames = _frames(frame, segments, source)
    return ImageFacts(
        byte_size=source.size,
        format="jpeg",
        size=frame.area,
        orientation=turn,
        frames=frames if want & _FRAMES else min(frames, 2),
        has_location=bool(want & _LOCATION) and _has_location(segments, source),
        quality=_quality(frame, segments, source) if want & _QUALITY else None,
        metadata_bytes=min(_metadata_bytes(segments), source.size) if want & _METADATA else None,
        damage=_damage(segments, source) if want & _INTEGRITY else None,
    )


def _of(segments: list[Segment], kind: int) -> list[Segment]:
    """The segments with a marker."""
    return [segment for segment in segments if segment[0] == kind]


def _frames(frame: Frame, segments: list[Segment], source: Source) -> int:
    """Pictures in the file's MP index; 1 when there is none, or Pillow does not take the file for MPO."""
    for marker, offset, length, start in segments:
        if marker == _APP2 and offset < frame.offset and start.startswith(b"MPF\0"):
            count = _index_count(source.bytes_at(offset + 8, length - 6))
            return 1 if count > 1 and _has_gain_map(segments, source) else count
    return 1


def _index_count(block: bytes) -> int:
    """Pictures that an MP index lists; 1 where it is broken, as Pillow has it."""
    index = directory(block)
    if index is None:
        return 1
    count = index.number(_IMAGE_COUNT) or 1
    entries = index.data(_IMAGE_ENTRIES)
    if count <= 1 or len(entries) < 16 * count:
        return 1
    attributes = Struct(index.order.sign + "I12x")
    # bits 24 to 26 are the picture's format, 0 is JPEG
    if any(kind[0] >> 24 & 7 for kind in attributes.iter_unpack(entries[: 16 * count])):
        return 1
    return count


def _has_gain_map(segments: list[Segment], source: Source) -> bool:
    """Whether the XMP tells of an Ultra HDR gain map: then the other picture is no frame of its own."""
    return any(
        b' hdrgm:Version="' in source.bytes_at(offset + 4, length - 2)
        for _, offset, length, _ in _of(segments, _APP1)[:_APP1_LIMIT]
    )


def _has_location(segments: list[Segment], source: Source) -> bool:
    return any(
        start == b"Exif\0\0" and read_exif(source, offset + 10, length - 8).has_location
        for _, offset, length, start in _of(segments, _APP1)[:_APP1_LIMIT]
    )


def _quality(frame: Frame, segments: list[Segment], source: Source) -> int | None:
    tables = [
        payload if len(payload) == length - 2 else source.bytes_at(offset + 4, min(length - 2, _DQT_BYTES))
        for _, offset, length, payload in _of(segments, _DQT)
    ]
    # three bytes a component, the last one is the number of its table; few files cut the read there
    components = frame.components if len(frame.components) % 3 == 0 else source.bytes_at(frame.offset, 12)
    return estimate_quality(tables, components[2::3])


def _metadata_bytes(segments: list[Segment]) -> int:
    """Bytes of segments that a decoder can do without: APP1 to APP15 but Adobe's, comments, thumbnails."""
    total = 0
    for marker, _, length, start in segments:
        if _APP1 <= marker <= _APP15 or marker == _COMMENT:
            if marker != _APP14 or not start.startswith(b"Adobe"):
                total += 2 + length
        elif marker == _APP0:
            # the JFIF header is 16 bytes; what stands behind them is a thumbnail
            total += max(length - 16, 0) if start.startswith(b"JFIF\0") else 2 + length
    return total


def _damage(segments: list[Segment], source: Source) -> str | None:
    """A clause when the file has no scan, no table for it, or no end marker behind it."""
    if not segments or segments[-1][0] != _SCAN:
        return f"ends before its picture data ({source.size:,} bytes)"
    if not _of(segments, _DQT):
        return "has no quantisation table"
    scan = segments[-1][1]
    if b"\xff\xd9" in source.read(_TAIL, max(scan, source.size - _TAIL)):
        return None
    stop = max(scan, source.size - _SEARCH_LIMIT)
    at = source.size
    while at > stop:
        at = max(at - _SEARCH_PIECE, stop)
        # one byte more than the step: the marker may stand across the border
        if b"\xff\xd9" in source.read(_SEARCH_PIECE + 1, at):
            return None
    return f"is cut off inside its picture data ({source.size:,} bytes, no end marker)"
