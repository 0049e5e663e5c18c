"""What a JPEG file says beside its size: frames, position, quality, metadata, and whether it ends."""

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct

from imgbudget.model import Fact, ImageFacts
from imgbudget.probes.exif import directory
from imgbudget.probes.quality import estimate_quality
from imgbudget.probes.reader import Read, Source, facts_of

_QUALITY, _METADATA = int(Fact.QUALITY), int(Fact.METADATA)
_INTEGRITY, _FRAMES = int(Fact.INTEGRITY), int(Fact.FRAMES)

_APP0, _APP1, _APP14, _APP15, _COMMENT = 0xFFE0, 0xFFE1, 0xFFEE, 0xFFEF, 0xFFFE

APPS = 16
"""APP1 segments, with EXIF or XMP, that are looked into; one or two are usual."""

_TABLES = 4
"""Quantisation tables that a file may have (T.81, section B.2.4.1)."""

_DQT_BYTES = 4 * 129
"""Bytes of the four tables that there may be, with 16 bits an entry."""

_END = b"\xff\xd9"
_TAIL = 256
"""Last bytes of a file in which its end marker stands, but for what was put behind."""

_SEARCH_PIECE = 1 << 18
_SEARCH_LIMIT = 1 << 22
"""Bytes searched backwards for the end marker. Data of any other kind (the video behind a motion photo)
holds its two bytes by chance every 64 KiB; a scan that goes on never does."""

_IMAGE_COUNT, _IMAGE_ENTRIES = 0xB001, 0xB002
"""Tags of the MP index (CIPA DC-007, section 5.2.3)."""

Segment = tuple[int, int]
"""Offset of the marker, length as the segment gives it (without the marker's two bytes)."""


class Outline:
    """What the segments up to the scan say, noted while they are stepped over.

    The components of the frame are three bytes each. `tables` are payloads of
    quantisation tables, `apps` the first APP1 segments, `index` is the MP index, `scan` the offset of the
    scan, 0 when there is none. What is seldom noted has its value from the class, which makes an instance in
    half the time.
    """

    apps: tuple[Segment, ...] = ()
    index: Segment | None = None
    components = b""
    metadata = 0
    scan = 0
    has_location = False

    def __init__(self) -> None:
        self.tables: list[bytes] = []


NOTHING = Outline()
"""Stands where nothing is noted."""


def metadata_of(marker: int, length: int, buffer: bytes, start: int) -> int:
    """Bytes of a segment that a decoder can do without: APP1 to APP15 but Adobe's, comments, thumbnails.

    Its payload begins at `start` of the buffer.
    """
    if marker == _APP0:
        # the JFIF header is 16 bytes; what stands behind them is a thumbnail
        return max(length - 16, 0) if buffer.startswith(b"JFIF\0", start) else 2 + length
    if marker == _COMMENT or (_APP1 <= marker <= _APP15):
        return 0 if marker == _APP14 and buffer.startswith(b"Adobe", start) else 2 + length
    return 0


def table_payload(buffer: bytes, at: int, length: int, base: int, read: Read) -> bytes:
    """The quantisation tables of the segment at `at` of a buffer, which stands at `base` of the input."""
    payload = buffer[at + 4 : at + 2 + length]
    if len(payload) < length - 2:
        return read(min(length - 2, _DQT_BYTES), base + at + 4)
    return payload


def detailed_facts(  # noqa: PLR0913, PLR0917 - each file comes by here: a named tuple costs more than the rest
    seen: Outline, area: tuple[int, int], turn: int, head: bytes, read: Read, size: int, want: int
) -> ImageFacts:
    """The facts of a file whose segments up to the scan are known."""
    frames, quality, metadata, damage = 1, None, None, None
    if seen.index is not None:
        frames = _frames(seen.index, seen.apps, Source(head, read, size))
        if not want & _FRAMES:
            frames = min(frames, 2)
    if want & _QUALITY:
        # three bytes a component, the last one is the number of its table
        estimate = _quality if len(seen.tables) <= _TABLES else estimate_quality
        quality = estimate(tuple(seen.tables), seen.components[2::3])
    if want & _METADATA:
        metadata = min(seen.metadata, size)
    if want & _INTEGRITY:
        tail = size - _TAIL
        if not (
            seen.scan and seen.tables and _END in read(_TAIL, tail if tail > seen.scan else seen.scan)  # noqa: FURB136 - twice as fast
        ):
            damage = _damage(seen, read, size)
    return facts_of(size, "jpeg", area, turn, frames, seen.has_location, quality, metadata, damage)


def _frames(index: Segment, apps: Sequence[Segment], source: Source) -> int:
    """Pictures in the file's MP index; 1 when Pillow does not take the file for MPO."""
    offset, length = index
    count = _index_count(source.bytes_at(offset + 8, length - 6))
    return 1 if count > 1 and _has_gain_map(apps, source) else count


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


def _has_gain_map(apps: Sequence[Segment], source: Source) -> bool:
    """Whether the XMP tells of an Ultra HDR gain map: then the other picture is no frame of its own."""
    return any(b' hdrgm:Version="' in source.bytes_at(offset + 4, length - 2) for offset, length in apps)


@lru_cache(maxsize=256)
def _quality(tables: tuple[bytes, ...], selectors: bytes) -> int | None:
    """The same tables are met again and again, as many as settings of encoders; saves 3 us a file."""
    return estimate_quality(tables, selectors)


def _damage(seen: Outline, read: Read, size: int) -> str | None:
    """A clause when the file has no scan, no table for it, or no end marker behind it.

    The last bytes have no end marker; it may stand before other data.
    """
    if not seen.scan:
        return f"ends before its picture data ({size:,} bytes)"
    if not seen.tables:
        return "has no quantisation table"
    stop = max(seen.scan, size - _SEARCH_LIMIT)
    at = size
    while at > stop:
        at = max(at - _SEARCH_PIECE, stop)
        # one byte more than the step: the marker may stand across the border
        if _END in read(_SEARCH_PIECE + 1, at):
            return None
    return f"is cut off inside its picture data ({size:,} bytes, no end marker)"
