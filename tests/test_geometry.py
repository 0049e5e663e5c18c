"""The resize and token rule against the published vectors, recorded refusals, and an exhaustive scan."""

from math import gcd

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbudget.limits.geometry import (
    CoordinateMap,
    Size,
    Tier,
    area_tokens,
    fits,
    largest_exact,
    native_size,
    padded_size,
    patches,
    planned_size,
    ratio_table,
    table_row,
    tokens,
)

STANDARD = Tier("standard", 1568, 1568)
HIGH = Tier("high", 2576, 4784)
TIERS = (STANDARD, HIGH)

sizes = st.builds(Size, st.integers(1, 9000), st.integers(1, 9000))
tiers = st.sampled_from(TIERS)

# width, height, standard size and tokens, high-resolution size and tokens: the vision guide of 2026-09, with
# the size of 2000x1500 by the guide's own reference code, and vectors derived from the rule
VECTORS = [
    (200, 200, (200, 200), 64, (200, 200), 64),
    (1000, 1000, (1000, 1000), 1296, (1000, 1000), 1296),
    (1092, 1092, (1092, 1092), 1521, (1092, 1092), 1521),
    (1920, 1080, (1456, 819), 1560, (1920, 1080), 2691),
    (2000, 1500, (1270, 952), 1564, (2000, 1500), 3888),
    (3840, 2160, (1456, 819), 1560, (2576, 1449), 4784),
    (1075, 1520, (924, 1307), 1551, (1075, 1520), 2145),
    (1093, 1093, (1092, 1092), 1521, (1093, 1093), 1600),
    (1280, 720, (1280, 720), 1196, (1280, 720), 1196),
    (1366, 768, (1366, 768), 1372, (1366, 768), 1372),
    (1568, 1568, (1092, 1092), 1521, (1568, 1568), 3136),
    (2560, 1440, (1456, 819), 1560, (2560, 1440), 4784),
    (2560, 1600, (1389, 868), 1550, (2420, 1512), 4698),
    (2576, 1457, (1456, 824), 1560, (2575, 1456), 4784),
    (3024, 1964, (1372, 891), 1568, (2380, 1546), 4760),
    (3456, 2234, (1372, 887), 1568, (2383, 1540), 4730),
    (1290, 2796, (723, 1568), 1456, (1188, 2576), 3956),
    (4032, 3024, (1270, 952), 1564, (2212, 1659), 4740),
    (4000, 1500, (1568, 588), 1176, (2576, 966), 3220),
    (1191, 1684, (924, 1307), 1551, (1191, 1684), 2623),
    (1654, 2339, (924, 1307), 1551, (1624, 2296), 4756),
    (8000, 2000, (1568, 392), 784, (2576, 644), 2116),
    (8000, 8000, (1092, 1092), 1521, (1932, 1932), 4761),
    # both roundings of 4608x3456 are discussed beside 2000x1500
    (4608, 3456, (1270, 952), 1564, (2212, 1659), 4740),
    # degenerate strips
    (8000, 1, (1568, 1), 56, (2576, 1), 92),
    (1, 1, (1, 1), 1, (1, 1), 1),
    # live refusals quoted in public: 4000x4000 on a standard model
    (4000, 4000, (1092, 1092), 1521, (1932, 1932), 4761),
]

# The largest size of exactly that ratio, and the largest when the short edge may be rounded
RATIOS = [
    ((1, 1), (1092, 1092), 1521, (1932, 1932), 4761),
    ((3, 4), (951, 1268), 1564, (1659, 2212), 4740),
    ((2, 3), (896, 1344), 1536, (1568, 2352), 4704),
    ((9, 16), (819, 1456), 1560, (1449, 2576), 4784),
    ((1, 2), (784, 1568), 1568, (1288, 2576), 4232),
    ((4, 5), (980, 1225), 1540, (1724, 2155), 4774),
    ((10, 16), (865, 1384), 1550, (1510, 2416), 4698),
    ((5, 7), (920, 1288), 1518, (1620, 2268), 4698),
    ((9, 21), (672, 1568), 1344, (1104, 2576), 3680),
    ((1, 3), (522, 1566), 1064, (858, 2574), 2852),
    ((1, 4), (392, 1568), 784, (644, 2576), 2116),
    ((210, 297), (910, 1287), 1518, (1610, 2277), 4756),
]

ROUNDED = [
    ((3, 4), (952, 1270), (1659, 2212)),
    ((4, 5), (980, 1225), (1725, 2156)),
    ((10, 16), (868, 1389), (1512, 2420)),
    ((5, 7), (924, 1294), (1624, 2274)),
    ((1, 3), (523, 1568), (859, 2576)),
    ((210, 297), (924, 1307), (1623, 2296)),
]

# Tokens counted by the live endpoint for one PNG without text (2026-08-12); what remains over the
# rule is the same in each row: 8 on the high-resolution model, 10 on the standard ones
MEASURED = [
    (256, 256, 108, 110),
    (512, 512, 369, 371),
    (1000, 1000, 1304, 1306),
    (1092, 1092, 1529, 1531),
    (1280, 800, 1342, 1344),
    (1920, 1080, 2699, 1570),
    (1536, 1536, 3033, 1531),
    (2560, 1440, 4792, 1570),
    (2048, 2048, 4769, 1531),
    (4000, 3000, 4748, 1574),
]


@pytest.mark.parametrize("vector", VECTORS)
def test_published_vectors_come_out_exactly(
    vector: tuple[int, int, tuple[int, int], int, tuple[int, int], int],
) -> None:
    """Resized size and tokens equal the guide's on both tiers."""
    width, height, standard, cheap, high, dear = vector
    size = Size(width, height)
    assert native_size(size, STANDARD) == standard
    assert tokens(size, STANDARD) == cheap
    assert native_size(size, HIGH) == high
    assert tokens(size, HIGH) == dear


@pytest.mark.parametrize(("width", "height", "opus", "sonnet"), MEASURED)
def test_counted_tokens_differ_from_the_rule_by_a_constant(
    width: int, height: int, opus: int, sonnet: int
) -> None:
    """The live counts are the rule plus the envelope of one message."""
    assert opus - tokens(Size(width, height), HIGH) == 8
    assert sonnet - tokens(Size(width, height), STANDARD) == 10


def test_published_table_is_derived_from_the_rule() -> None:
    """The five published rows come out of the rule, in the published order."""
    assert [row for _, row in ratio_table(STANDARD)] == [
        (1092, 1092),
        (951, 1268),
        (896, 1344),
        (819, 1456),
        (784, 1568),
    ]


@pytest.mark.parametrize(("ratio", "standard", "cheap", "high", "dear"), RATIOS)
def test_exact_ratios_of_both_tiers(
    ratio: tuple[int, int], standard: tuple[int, int], cheap: int, high: tuple[int, int], dear: int
) -> None:
    """Every row of the derived tables, with its tokens."""
    assert largest_exact(*ratio, STANDARD) == standard
    assert tokens(Size(*standard), STANDARD) == cheap
    assert largest_exact(*ratio, HIGH) == high
    assert tokens(Size(*high), HIGH) == dear


@pytest.mark.parametrize(("ratio", "standard", "high"), ROUNDED)
def test_native_size_of_a_huge_image_of_that_ratio(
    ratio: tuple[int, int], standard: tuple[int, int], high: tuple[int, int]
) -> None:
    """Where the short edge may be rounded, the native size is a little larger than the exact row."""
    huge = Size(ratio[0] * 5000, ratio[1] * 5000)
    assert native_size(huge, STANDARD) == standard
    assert native_size(huge, HIGH) == high


@given(sizes, tiers)
def test_largest_exact_is_the_largest(size: Size, tier: Tier) -> None:
    """No larger multiple of the reduced ratio fits."""
    short, long = sorted(size)
    row = largest_exact(short, long, tier)
    step_short, step_long = row.width, row.height
    assert step_short * long == step_long * short
    unit = gcd(short, long)
    larger = Size(row.width + short // unit, row.height + long // unit)
    assert not fits(larger, tier)


@settings(max_examples=300)
@given(sizes, tiers)
def test_native_size_equals_an_exhaustive_scan(size: Size, tier: Tier) -> None:
    """The binary search finds what trying every long edge from the top finds."""
    if fits(size, tier):
        assert native_size(size, tier) == size
        return
    upright = size if size.width >= size.height else size.transposed
    ratio = upright.width / upright.height
    best = next(
        candidate
        for long in range(min(upright.width, tier.bounds[0]), 0, -1)
        if fits(candidate := Size(long, max(round(long / ratio), 1)), tier)
    )
    assert native_size(size, tier) == (best if upright == size else best.transposed)


@given(sizes, tiers)
def test_rule_is_the_same_for_both_orientations(size: Size, tier: Tier) -> None:
    """Transposing before or after resizing gives the same: EXIF rotation never changes the tokens."""
    assert native_size(size.transposed, tier) == native_size(size, tier).transposed
    assert tokens(size.transposed, tier) == tokens(size, tier)


@given(sizes, tiers)
def test_native_size_fits_and_never_enlarges(size: Size, tier: Tier) -> None:
    """The result fits, is within the original, and is its own native size."""
    native = native_size(size, tier)
    assert fits(native, tier)
    assert native.width <= size.width
    assert native.height <= size.height
    assert native_size(native, tier) == native


@given(sizes, tiers)
def test_one_pixel_more_on_the_long_edge_overflows(size: Size, tier: Tier) -> None:
    """A resized image is the largest: with one px more on the long edge it no longer fits."""
    native = native_size(size, tier)
    if native == size:
        return
    upright = size if size.width >= size.height else size.transposed
    long = native.long_edge + 1
    assert not fits(Size(long, max(round(long / (upright.width / upright.height)), 1)), tier)


@given(sizes, tiers, st.integers(1, 3000))
def test_edge_limit_binds_beside_the_tier(size: Size, tier: Tier, limit: int) -> None:
    """Within a request's own edge limit the result obeys both, and without need nothing changes."""
    bound = native_size(size, tier, limit)
    assert bound.long_edge <= limit
    assert fits(bound, tier)
    if native_size(size, tier).long_edge <= limit:
        assert bound == native_size(size, tier)


@given(sizes)
def test_padding_is_less_than_a_patch(size: Size) -> None:
    """Padding rounds up to whole patches and does not add one."""
    padded = padded_size(size)
    assert padded.width % 28 == padded.height % 28 == 0
    assert 0 <= padded.width - size.width < 28
    assert 0 <= padded.height - size.height < 28
    assert patches(padded) == patches(size) == padded.width * padded.height // 784


def test_padding_of_the_worked_example() -> None:
    """1075x1520 is resized to 924x1307 and padded to 924x1316 (vision-coordinates guide)."""
    assert padded_size(native_size(Size(1075, 1520), STANDARD)) == (924, 1316)


def test_older_estimate() -> None:
    """Width x height / 750, rounded up: 54, 1334 and 1590 for the guide's three sizes."""
    assert [area_tokens(Size(edge, edge)) for edge in (200, 1000, 1092)] == [54, 1334, 1590]
    assert area_tokens(Size(1270, 952)) == 1613


def test_plan_takes_the_row_of_the_table_where_it_keeps_the_ratio() -> None:
    """4000x3000 goes to the row 3:4 turned over; 4001x2999 is off by more than half a px and goes native."""
    row = table_row(Size(4000, 3000), STANDARD)
    assert row is not None
    assert (row.label, row.size) == ("3:4", (1268, 951))
    assert planned_size(Size(4000, 3000), STANDARD) == (1268, 951)
    assert table_row(Size(4001, 2999), STANDARD) is None
    assert planned_size(Size(4001, 2999), STANDARD) == native_size(Size(4001, 2999), STANDARD) == (1270, 952)


@given(sizes, tiers, st.none() | st.integers(1, 3000))
def test_plan_never_enlarges_fits_and_is_stable(size: Size, tier: Tier, limit: int | None) -> None:
    """A planned size fits, is within the original, keeps a size that fits, and plans to itself."""
    planned = planned_size(size, tier, limit)
    assert fits(planned, tier)
    assert planned.width <= size.width
    assert planned.height <= size.height
    assert planned_size(planned, tier, limit) == planned
    if fits(size, tier) and (limit is None or size.long_edge <= limit):
        assert planned == size


@given(sizes, tiers)
def test_plan_keeps_the_ratio_to_within_half_a_pixel(size: Size, tier: Tier) -> None:
    """The short edge is off by half a pixel at most, degenerate strips apart that are one px high."""
    planned = planned_size(size, tier)
    exact = planned.long_edge * size.short_edge / size.long_edge
    assert abs(planned.short_edge - exact) <= 0.5 + 1e-9 or planned.short_edge == 1


def test_coordinates_of_the_worked_example() -> None:
    """(462, 653.5) on the resized A4 page is (537.5, 760) on the original (vision-coordinates guide)."""
    page = Size(1075, 1520)
    both = CoordinateMap(page, native_size(page, STANDARD))
    assert both.to_original(462, 653.5) == pytest.approx((537.5, 760.0))
    assert both.to_original(2000, -5) == (1075, 0)


@given(sizes, tiers, st.floats(0, 1), st.floats(0, 1))
def test_coordinates_round_trip(size: Size, tier: Tier, u: float, v: float) -> None:
    """A point of the original comes back from the resized image within a thousandth of a pixel."""
    both = CoordinateMap(size, native_size(size, tier))
    x, y = u * size.width, v * size.height
    assert both.to_original(*both.to_resized(x, y)) == pytest.approx((x, y), abs=1e-3)
    assert both.scale[0] >= 1
