"""JPEG quality as the IJG library counts it, estimated from a file's quantisation tables."""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from struct import iter_unpack

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
