"""The tables of JPEG files (ITU-T T.81): the quality they show, and whether frame and scan fit to them.

What is reported as damage, libjpeg and its descendants refuse with an error, and so do all common readers,
which use them. What they take with a warning, or mend, is not reported.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache, lru_cache
from operator import mul
from struct import iter_unpack

from imgbudget.imageinfo.reader import Read

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


_QUALITIES = range(100, 0, -1)
"""In the order of ascending sums of the standard tables."""


@cache
def _luminance_sum(quality: int) -> int:
    """Sum of the standard table at a quality (jpeg_quality_scaling, jpeg_add_quant_table of libjpeg 6b)."""
    return _scaled_sum(_LUMINANCE, quality)


@cache
def _sum_of_both(quality: int) -> int:
    return _luminance_sum(quality) + _scaled_sum(_CHROMINANCE, quality)


def _scaled_sum(table: tuple[int, ...], quality: int) -> int:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return sum(min(max((entry * scale + 50) // 100, 1), 255) for entry in table)


def estimate_quality(segments: Sequence[bytes], selectors: bytes) -> int | None:
    """The quality, 1 to 100, whose standard tables are closest in sum to those of the file.

    Exact for tables made by the IJG library. `segments` are the payloads of the DQT segments, `selectors` the
    table of each colour component. None if there is no complete table.
    """
    sums = _table_sums(segments)
    if not selectors or selectors[0] not in sums:
        return None
    luminance = sums[selectors[0]]
    others = [table for table in selectors[1:3] if table != selectors[0] and table in sums]
    if others:
        sum_at, measured = _sum_of_both, luminance + sums[others[0]]
    else:
        sum_at, measured = _luminance_sum, luminance
    # the sums are computed as needed: those of all qualities would take 5 ms at every start
    at = bisect_left(_QUALITIES, measured, key=sum_at)
    if at == len(_QUALITIES) or (
        at and measured - sum_at(_QUALITIES[at - 1]) < sum_at(_QUALITIES[at]) - measured
    ):
        at -= 1
    return _QUALITIES[at]


def _table_sums(segments: Sequence[bytes]) -> dict[int, int]:
    """Sum of the 64 entries of each table, by table number."""
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


VARIANTS = {
    0xFFC3: "lossless JPEG (SOF3)",
    **{0xFFC0 + number: f"hierarchical JPEG (SOF{number})" for number in (5, 6, 7, 13, 14, 15)},
    0xFFC9: "arithmetic-coded JPEG (SOF9)",
    0xFFCA: "arithmetic-coded JPEG (SOF10)",
    0xFFCB: "lossless arithmetic-coded JPEG (SOF11)",
    0xFFDE: "hierarchical JPEG",
    0xFFF7: "JPEG-LS",
}
"""Frames of other codings than the usual ones (baseline, extended, progressive), by marker."""

LUMINANCE_CODES = bytes.fromhex(
    "ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b51000020103030204030505"
    "04040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718"
    "191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a83"
    "8485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6"
    "d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
)
CHROMINANCE_CODES = bytes.fromhex(
    "ffc4001f0100030101010101010101010000000000000102030405060708090a0bffc400b51100020102040403040705"
    "040400010277000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125"
    "f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a"
    "82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4"
    "d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
)
"""The segments of the Huffman tables of T.81, Annex K (tables K.3 to K.6), as libjpeg writes them."""

STANDARD_LUMINANCE, STANDARD_ALL = 1 << 0x00 | 1 << 0x10, 1 << 0x00 | 1 << 0x10 | 1 << 0x01 | 1 << 0x11
"""Sets of Huffman tables, as bits: class 0 (DC) or 1 (AC) times 16, and the number."""

_PROGRESSIVE = 0xFFC2
MOST_SIDE = 65_500
_MOST_SCANNED, _MOST_BLOCKS, _MOST_FACTOR, _MOST_TABLES = 4, 10, 4, 4
"""Limits: components of a scan, blocks of a unit in it, sampling factors, tables (T.81, sections B.2.2 and
B.2.3); the longest side is that of libjpeg."""

_LAST_COEFFICIENT, _MOST_SHIFT, _MOST_CATEGORY = 63, 13, 15

_MOST_CODES = 256
_WEIGHTS = tuple(1 << 16 - length for length in range(1, 17))
"""The share of the code space that a code has, by its length."""

_FULL = 1 << 16
"""The whole code space; the code of ones only is reserved, so that it is never used up."""

_HEADS = frozenset({*range(_MOST_TABLES), *range(0x10, 0x10 + _MOST_TABLES)})


def quantisation_damage(payloads: Sequence[bytes]) -> str | None:
    """A clause if a segment of quantisation tables (DQT) is none."""
    for payload in payloads:
        at, end = 0, len(payload)
        while at < end:
            if payload[at] & 15 >= _MOST_TABLES:
                return f"has a quantisation table of number {payload[at] & 15}; there are {_MOST_TABLES}"
            at += 129 if payload[at] >> 4 else 65
        if at != end:
            return "has a quantisation table of the wrong length"
    return None


@lru_cache(maxsize=256)
def huffman_tables(payloads: tuple[bytes, ...]) -> tuple[int, int, str | None]:
    """The set of Huffman tables in segments (DHT), and the set of those that are no codes.

    The third is a clause if a segment is damaged as a whole. Cached, because the first scan of progressive
    files and the tables of cameras are often the same.
    """
    known = broken = 0
    for payload in payloads:
        at, end = 0, len(payload)
        while at + 16 < end:
            head, counts = payload[at], payload[at + 1 : at + 17]
            first = at + 17
            at = first + sum(counts)
            if at > end or at - first > _MOST_CODES:
                break
            if head not in _HEADS:
                return 0, 0, f"has a Huffman table of number {head & 0xEF}; there are {_MOST_TABLES}"
            known |= 1 << head
            if sum(map(mul, counts, _WEIGHTS)) >= _FULL or (
                head < _MOST_TABLES and max(payload[first:at], default=0) > _MOST_CATEGORY
            ):
                broken |= 1 << head
            elif broken:  # a later table of the same number replaces it
                broken &= ~(1 << head)
        if at != end:
            return 0, 0, "has a Huffman table of the wrong length"
    return known, broken, None


def frame_damage(area: tuple[int, int], components: bytes, length: int) -> str | None:
    """A clause if a frame header of that length, whose components have three bytes each, is damaged."""
    if length != 8 + len(components):
        return "has a frame header of the wrong length"
    if max(area) > MOST_SIDE:
        return f"is {area[0]}x{area[1]} px; decoders take at most {MOST_SIDE:,} px on a side"
    return None


@lru_cache(maxsize=256)
def tables_of(  # noqa: PLR0913, PLR0917 - cached by all they depend on
    marker: int, components: bytes, scan: bytes, quantisation: tuple[bytes, ...], known: int, broken: int
) -> tuple[int | None, str | None]:
    """The quality that the tables show, and a clause if the first scan cannot be decoded with them.

    `components` has three bytes for each component of the frame, `scan` is the content of the scan header,
    `quantisation` the segments of quantisation tables; `known` and `broken` are of `huffman_tables`. Cached,
    because few encoder settings account for most files; saves 3 us a file.
    """
    quality = estimate_quality(quantisation, components[2::3])
    return quality, _scan_damage(marker, components, scan, quantisation, known, broken)


def _scan_damage(  # noqa: C901, PLR0913, PLR0917 - one check after the other
    marker: int, components: bytes, scan: bytes, quantisation: tuple[bytes, ...], known: int, broken: int
) -> str | None:
    count = scan[0] if scan else 0
    if not 1 <= count <= _MOST_SCANNED or len(scan) != 4 + 2 * count:
        return "has a scan header of the wrong length"
    for factors in components[1::3]:
        if not (0 < factors >> 4 <= _MOST_FACTOR and 0 < factors & 15 <= _MOST_FACTOR):
            return f"has impossible sampling factors ({factors >> 4}x{factors & 15})"
    used = _scanned(components, scan[1 : 1 + 2 * count : 2])
    if used is None:
        return "has a scan of a component that its frame header does not have"
    if marker in VARIANTS:
        return None
    if (damage := quantisation_damage(quantisation)) is not None:
        return damage
    if count > 1 and sum((part[1] >> 4) * (part[1] & 15) for part in used) > _MOST_BLOCKS:
        return "has sampling factors that make too many blocks of a unit"
    numbers = {number for payload in quantisation for number in _table_numbers(payload)}
    if any(part[2] not in numbers for part in used):
        return "has no quantisation table for a component"
    wanted = _wanted(marker, scan, count)
    if wanted is None:
        return "has a progressive scan of impossible parameters"
    for head in wanted:
        if broken >> head & 1:
            return "has a damaged Huffman table"
        # decoders use the tables of Annex K if a file of Motion JPEG has none
        if head & 15 >= _MOST_TABLES or (
            not known >> head & 1 and (marker == _PROGRESSIVE or not STANDARD_ALL >> head & 1)
        ):
            return "has no Huffman table for a component"
    return None


def _table_numbers(payload: bytes) -> list[int]:
    numbers, at = [], 0
    while at < len(payload):
        numbers.append(payload[at] & 15)
        at += 129 if payload[at] >> 4 else 65
    return numbers


def _scanned(components: bytes, selectors: bytes) -> list[bytes] | None:
    """The components of a scan; None if one is missing, or is there twice."""
    parts = [components[at : at + 3] for at in range(0, len(components), 3)]
    used = []
    for selector in selectors:
        # several components may have the same number: each is used once
        found = next((part for part in parts if part[0] == selector), None)
        if found is None:
            return None
        parts.remove(found)
        used.append(found)
    return used


def _wanted(marker: int, scan: bytes, count: int) -> list[int] | None:
    """The Huffman tables that a scan uses; None if its parameters are impossible (progressive only)."""
    tables = scan[2 : 2 + 2 * count : 2]
    low, high = [0x00 | table >> 4 for table in tables], [0x10 | table & 15 for table in tables]
    if marker != _PROGRESSIVE:
        # other parameters than those of one scan of everything are a warning
        return low + high
    first, last, shifts = scan[-3], scan[-2], scan[-1]
    before, now = shifts >> 4, shifts & 15
    possible = last == 0 if first == 0 else first <= last <= _LAST_COEFFICIENT and count == 1
    if not possible or (before and now != before - 1) or now > _MOST_SHIFT:
        return None
    if first:
        return high
    return [] if before else low


_KEPT_TABLES = 4
"""Maximum number of quantisation tables (T.81, section B.2.4.1)."""

_SEGMENTS = 8
"""The same of segments with Huffman tables, if each has one."""

_DQT_BYTES = 4 * 129
"""Bytes of four tables with 16 bits per entry."""

Segment = tuple[int, int]
"""Offset of the marker, and the length in the segment (without the two bytes of the marker)."""


class JpegOutline:
    """Data of the segments before the scan.

    `marker` and `length` are those of the frame header, `components` has three bytes per component of the
    frame. `tables` are payloads of quantisation tables, `huffman` those of Huffman tables, except for the
    tables of Annex K, which are in the set `known`. `apps` are the first APP1 segments, `index` is the MP
    index, `scan` the offset of the scan (0 if there is none), `header` the content of its header, `flaw` a
    clause about a damaged segment; `is_usual`: no segment of Huffman tables is too long to keep. Class
    attributes as defaults halve the time to create an instance.
    """

    apps: tuple[Segment, ...] = ()
    huffman: tuple[bytes, ...] = ()
    header = b""
    known = marker = length = 0
    flaw: str | None = None
    index: Segment | None = None
    components = b""
    metadata = 0
    scan = 0
    has_location = False
    is_usual = True

    def __init__(self) -> None:
        self.tables: list[bytes] = []


def table_payload(buffer: bytes, at: int, length: int, base: int, read: Read) -> bytes:
    """The quantisation tables of the segment at `at` of a buffer that starts at `base` of the input."""
    payload = buffer[at + 4 : at + 2 + length]
    if len(payload) < length - 2:
        return read(min(length - 2, _DQT_BYTES), base + at + 4)
    return payload


def checked_tables(outline: JpegOutline, area: tuple[int, int]) -> tuple[int | None, str | None]:
    """The quality, and a clause if decoders refuse a segment, the frame header or the scan header."""
    known, broken, damage = outline.known, 0, outline.flaw
    if outline.huffman:
        usual = outline.is_usual and len(outline.huffman) <= _SEGMENTS
        checked = huffman_tables if usual else huffman_tables.__wrapped__
        added, broken, flaw = checked(outline.huffman)
        known, damage = known | added, damage or flaw
    # a key of many tables is not worth to be kept
    found = tables_of if len(outline.tables) <= _KEPT_TABLES else tables_of.__wrapped__
    quality, flaw = found(
        outline.marker, outline.components, outline.header, tuple(outline.tables), known, broken
    )
    if outline.length != 8 + len(outline.components) or max(area) > MOST_SIDE:
        damage = damage or frame_damage(area, outline.components, outline.length)
    return quality, damage or flaw
