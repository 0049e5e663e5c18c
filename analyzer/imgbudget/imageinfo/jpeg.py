"""JPEG (ITU-T T.81): size, orientation, frames, quality, metadata, and whether the file is complete."""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache, lru_cache
from struct import Struct, iter_unpack

from imgbudget.imageinfo.exif import directory, names_position, orientation, read_exif
from imgbudget.imageinfo.reader import Read, Source, facts_of, sound_facts
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.model.subjects import ImageFacts, ProbeField

# ITU-T T.81 (1992), Annex K, tables K.1 and K.2, in the order of rows
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    *(17, 18, 24, 47, 99, 99, 99, 99),
    *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)


def _scaled_sum(table: tuple[int, ...], quality: int) -> int:
    """Sum of the standard table at a quality: jpeg_quality_scaling and jpeg_add_quant_table of libjpeg 6b."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return sum(min(max((entry * scale + 50) // 100, 1), 255) for entry in table)


@cache
def _sums(*tables: tuple[int, ...]) -> tuple[int, ...]:
    """Sums of the standard tables together, from quality 100 down to 1: they rise."""
    return tuple(sum(_scaled_sum(table, quality) for table in tables) for quality in range(100, 0, -1))


def estimate_quality(segments: Sequence[bytes], selectors: bytes) -> int | None:
    """The quality, 1 to 100, whose standard tables are nearest in sum to those of the file.

    Exact for tables that the IJG library made. `segments` are the payloads of the DQT segments,
    `selectors` the table of each colour component. None when there is no whole table.
    """
    sums = _table_sums(segments)
    if not selectors or selectors[0] not in sums:
        return None
    luminance = sums[selectors[0]]
    others = [table for table in selectors[1:3] if table != selectors[0] and table in sums]
    if others:
        known, measured = _sums(_LUMINANCE, _CHROMINANCE), luminance + sums[others[0]]
    else:
        known, measured = _sums(_LUMINANCE), luminance
    at = bisect_left(known, measured)
    if at == len(known) or (at and measured - known[at - 1] < known[at] - measured):
        at -= 1
    return 100 - at


def _table_sums(segments: Sequence[bytes]) -> dict[int, int]:
    """Sum of the 64 entries of each table, by its number."""
    sums: dict[int, int] = {}
    for payload in segments:
        at = 0
        while at < len(payload):
            wide, number = divmod(payload[at], 16)
            entries = payload[at + 1 : at + (129 if wide else 65)]
            if len(entries) < (128 if wide else 64):
                break
            sums[number] = sum(value for (value,) in iter_unpack(">H", entries)) if wide else sum(entries)
            at += 1 + len(entries)
    return sums


_QUALITY, _METADATA = int(ProbeField.QUALITY), int(ProbeField.METADATA)
_INTEGRITY, _FRAME_COUNTS = int(ProbeField.INTEGRITY), int(ProbeField.FRAMES)

_FIRST_APP, _SECOND_APP, _APP14, _APP15, _COMMENT = 0xFFE0, 0xFFE1, 0xFFEE, 0xFFEF, 0xFFFE

APPS = 16
"""APP1 segments, with EXIF or XMP, that are looked into; one or two are usual."""

_TABLES = 4
"""Quantisation tables that a file may have (T.81, section B.2.4.1)."""

_DQT_BYTES = 4 * 129
"""Bytes of the four tables that there may be, with 16 bits an entry."""

_END_OF_IMAGE = b"\xff\xd9"
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


class JpegOutline:
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


NOTHING = JpegOutline()
"""Stands where nothing is noted."""


def metadata_of(marker: int, length: int, buffer: bytes, start: int) -> int:
    """Bytes of a segment that a decoder can do without: APP1 to APP15 but Adobe's, comments, thumbnails.

    Its payload begins at `start` of the buffer.
    """
    if marker == _FIRST_APP:
        # the JFIF header is 16 bytes; what stands behind them is a thumbnail
        return max(length - 16, 0) if buffer.startswith(b"JFIF\0", start) else 2 + length
    if marker == _COMMENT or (_SECOND_APP <= marker <= _APP15):
        return 0 if marker == _APP14 and buffer.startswith(b"Adobe", start) else 2 + length
    return 0


def table_payload(buffer: bytes, at: int, length: int, base: int, read: Read) -> bytes:
    """The quantisation tables of the segment at `at` of a buffer, which stands at `base` of the input."""
    payload = buffer[at + 4 : at + 2 + length]
    if len(payload) < length - 2:
        return read(min(length - 2, _DQT_BYTES), base + at + 4)
    return payload


def detailed_facts(  # noqa: PLR0913, PLR0917 - each file comes by here: a named tuple costs more than the rest
    seen: JpegOutline, area: tuple[int, int], turn: int, head: bytes, read: Read, size: int, fields: int
) -> ImageFacts:
    """The facts of a file whose segments up to the scan are known."""
    frames, quality, metadata, damage = 1, None, None, None
    if seen.index is not None:
        frames = _frames(seen.index, seen.apps, Source(head, read, size))
        if not fields & _FRAME_COUNTS:
            frames = min(frames, 2)
    if fields & _QUALITY:
        # three bytes a component, the last one is the number of its table
        estimate = _quality if len(seen.tables) <= _TABLES else estimate_quality
        quality = estimate(tuple(seen.tables), seen.components[2::3])
    if fields & _METADATA:
        metadata = min(seen.metadata, size)
    if fields & _INTEGRITY:
        tail = size - _TAIL
        if not (
            seen.scan
            and seen.tables
            and _END_OF_IMAGE in read(_TAIL, tail if tail > seen.scan else seen.scan)  # noqa: FURB136 - twice as fast
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


def _damage(seen: JpegOutline, read: Read, size: int) -> str | None:
    """A clause when the file has no scan, no table for it, or no end marker behind it.

    The last bytes have no end marker; it may stand before other data.
    """
    if not seen.scan:
        return f"ends before its picture data ({figure(size)} bytes)"
    if not seen.tables:
        return "has no quantisation table"
    stop = max(seen.scan, size - _SEARCH_LIMIT)
    at = size
    while at > stop:
        at = max(at - _SEARCH_PIECE, stop)
        # one byte more than the step: the marker may stand across the border
        if _END_OF_IMAGE in read(_SEARCH_PIECE + 1, at):
            return None
    return f"is cut off inside its picture data ({figure(size)} bytes, no end marker)"


_READS = range(400)
"""Reads beside the first one: segments take one each as a rule, and a large ICC profile has 255."""

_REFILL = 960

_segment = Struct(">HH").unpack_from  # marker, length
_two_segments = Struct(">HH65xHH").unpack_from  # markers and lengths, the first one's 67
_five_segments = Struct(">HH29xHH179xHH29xHH179xH").unpack_from  # as _STANDARD has them
_frame = Struct(">BHHB").unpack_from  # bits a sample, height, width, components

_FRAMES = frozenset({*range(0xFFC0, 0xFFD0)} - {0xFFC4, 0xFFC8, 0xFFCC} | {0xFFDE})
_PLAIN = frozenset({0xFFC4, 0xFFCC, 0xFFDB, 0xFFDC, 0xFFDD, 0xFFDF, 0xFFE0, *range(0xFFE3, 0xFFF0), 0xFFFE})
"""Segments that say nothing of size, orientation or animation."""

_DQT, _DHT, _SCAN, _END, _FILL = 0xFFDB, 0xFFC4, 0xFFDA, 0xFFD9, 0xFFFF
_APP0, _APP1, _APP2 = 0xFFE0, 0xFFE1, 0xFFE2

_JFIF = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
"""The start of a file whose first segment is a JFIF header of the usual 16 bytes, which says nothing."""

_TABLE = 67
"""Length of a segment with one quantisation table of 8 bits an entry."""

_STANDARD = (_DHT, 31, _DHT, 181, _DHT, 31, _DHT, 181, _SCAN)
"""Markers and lengths of the Huffman tables of T.81, Annex K, that most baseline files have, and the scan."""

_STANDARD_BYTES = 2 * (2 + 31) + 2 * (2 + 181)

_FRAMES_FACT, _LOCATION = int(ProbeField.FRAMES), int(ProbeField.LOCATION)


def probe_jpeg(  # noqa: C901, PLR0912, PLR0915 - one pass, a marker a branch
    head: bytes, read: Read, size: int, fields: int
) -> ImageFacts:
    """The facts of a JPEG file; `head` holds its first bytes, `fields` the bits of the facts asked for."""
    buffer, base, n = head, 0, len(head)
    i = 20 if head.startswith(_JFIF) else 2
    deep, turn = fields > 1, 0
    # EXIF is asked for the orientation once, and for a position until one is found
    turning, looking, locating = True, fields > 0, fields & _LOCATION
    area: tuple[int, int] | None = None
    seen = JpegOutline() if deep else NOTHING
    for _ in _READS:
        while i + 10 <= n:
            marker, length = _segment(buffer, i)
            if marker == _DQT:
                if length == _TABLE and i + 148 <= n:
                    second, same, behind, its_length = _two_segments(buffer, i + 69)
                    if second == _DQT and same == _TABLE:
                        # the IJG library writes two tables of this length: both are one step
                        if deep:
                            seen.tables += (buffer[i + 4 : i + 69], buffer[i + 73 : i + 138])
                        marker, length, i = behind, its_length, i + 138
            elif marker == _DHT and length == 31 and i + 442 <= n and _five_segments(buffer, i) == _STANDARD:
                # four tables in one step, which saves a microsecond
                marker, i = _SCAN, i + _STANDARD_BYTES
            if marker in _PLAIN:
                if deep:
                    if marker == _DQT:
                        seen.tables.append(table_payload(buffer, i, length, base, read))
                    elif marker >= _APP0:
                        seen.metadata += metadata_of(marker, length, buffer, i + 4)
            elif marker in _FRAMES:
                if area is None:
                    bits, height, width, components = _frame(buffer, i + 4)
                    if bits != 8 or not width or not height or components not in {1, 3, 4}:
                        return _refused(size, bits, Size(width, height), components)
                    area = width, height
                    if not deep:
                        return sound_facts(size, "jpeg", area, turn or 1, 1)
                    seen.components = buffer[i + 10 : i + 10 + 3 * components]
                    if i + 10 + 3 * components > n:  # few files cut the read there
                        seen.components = read(3 * components, base + i + 10)
            elif marker == _APP1:
                if deep:
                    seen.metadata += 2 + length
                    if len(seen.apps) < APPS:
                        seen.apps += ((base + i, length),)
                    else:
                        locating = 0
                if looking and buffer.startswith(b"Exif\0\0", i + 4):
                    end = i + 2 + length
                    end = end if end < n else n  # noqa: FURB136 - twice as fast
                    found, here = orientation(buffer, i + 10, end), False
                    if found is None or (locating and names_position(buffer, i + 10)):
                        found, here = read_exif(Source(head, read, size), base + i + 10, length - 8)
                    # the orientation counts before the frame header only (Exif 2.32, section 4.5.4)
                    if turning and area is None:
                        turn = found
                    turning = False
                    if here and locating:
                        seen.has_location, locating = True, 0
                    looking = turning or locating > 0
            elif marker == _APP2:
                if deep:
                    seen.metadata += 2 + length
                    if seen.index is None and area is None and buffer.startswith(b"MPF\0", i + 4):
                        seen.index = base + i, length
                elif buffer.startswith(b"MPF\0", i + 4):
                    # whether its pictures count as frames, the segments behind it may say
                    facts = probe_jpeg(head, read, size, fields | _FRAMES_FACT)
                    return facts._replace(frames=min(facts.frames, 2))
            elif marker < 0xFF00:
                # decoders skip junk between segments
                i = buffer.find(b"\xff", i + 1)
                if i < 0:
                    i = n
                continue
            elif marker == _FILL:
                i = n - len(buffer[i:].lstrip(b"\xff")) - 1
                continue
            elif marker in {_SCAN, _END}:
                if area is None:
                    return _damaged(size, "has no frame header before its picture data")
                seen.scan = base + i if marker == _SCAN else 0
                return detailed_facts(seen, area, turn or 1, head, read, size, fields)
            else:
                i += 2
                continue
            i += 2 + length
        base += i
        buffer = read(_REFILL, base)
        i, n = 0, len(buffer)
        if n < 10:
            break
    if area is not None:
        return detailed_facts(seen, area, turn or 1, head, read, size, fields)
    if n < 10:
        return _damaged(size, f"ends inside its header ({figure(size)} bytes)")
    return _damaged(size, "has no frame header within reason")


def _damaged(size: int, damage: str) -> ImageFacts:
    return ImageFacts(byte_size=size, format="jpeg", damage=damage)


def _refused(size: int, bits: int, area: Size, components: int) -> ImageFacts:
    """The facts of a file whose frame header no 8-bit decoder takes."""
    if not all(area):
        return _damaged(size, f"has a frame header without a size ({area})")
    if bits != 8:
        damage = f"has {bits} bits a sample; decoders take 8"
    else:
        damage = f"has {components} colour components; decoders take 1, 3 or 4"
    return ImageFacts(byte_size=size, format="jpeg", size=area, damage=damage)
