"""What the report of an audit makes of numbers: bars, the cost matrix, short figures."""

import re
from pathlib import Path

import pytest

from imgbudget.auditing.aggregate import AuditContext, aggregate, axis_markers_of
from imgbudget.auditing.figures import usd
from imgbudget.auditing.html.charts import histogram
from imgbudget.auditing.html.names import dollars, percent, short
from imgbudget.auditing.html.tables import cost_grid, model_grid, price_groups
from imgbudget.auditing.statistics import AxisMarker, Bin, CostRow, Distribution
from imgbudget.auditing.store import open_rows, row_files
from tests.reportpages import SESSION, many, page_of


def test_bars_beyond_a_limit_are_marked() -> None:
    """An image at the limit is within it; bars beyond the model's or platform's limit are marked."""
    marks = (AxisMarker(1568, "standard tier", "seen"), AxisMarker(8000, "refused", "refused"))
    half = ((0.5, 100),)
    bins = (Bin(None, 1568.5, 10), Bin(1568.5, 8000.5, 5), Bin(8000.5, None, 1))
    drawn = histogram(Distribution("long_edge", "long edge", "px", 16, 1, 9000, 1, half, bins, marks))
    assert drawn.count('<text class="mark') == 2
    bars = re.findall(r'class="bar ([a-z]+)".*?<title>(.*?)</title>', drawn)
    assert bars == [
        ("kept", "under 1568 px: 10 images, 62%"),
        ("over", "1568 to 8000 px: 5 images, 31%"),
        ("refused", "8000 px and more: 1 image, 6.2%"),
    ]


def cost(model: str, platform: str, price: float | None, batch: float | None = None) -> CostRow:
    """A row of the matrix for 1,000,000 tokens."""
    half = None if batch is None or price is None else price * batch
    return CostRow(model, platform, "standard", None, price, 0, 0, 10**6, 10**6, price, price, half, half)


def test_matrix_merges_equal_rows_only() -> None:
    """Platforms and models with the same price share a row; other prices, batches and tiers do not."""
    rows = [
        cost("a", "p", 3, 0.5),
        cost("a", "q", 3),
        cost("b", "p", 3, 0.5),
        cost("b", "q", 3),
        cost("c", "p", 3, 0.25),
        cost("c", "q", 3, 0.5),
        cost("d", "p", 1),
        cost("d", "q", 2),
        cost("e", "p", 3, 0.5)._replace(tier="high"),
        cost("f", "p", 3, 0.25),
        cost("f", "q", 3),
        cost("gone", "p", None)._replace(retired="2025-01-01"),
    ]
    told = [
        (offer.models, offer.platforms, offer.batching, offer.row.cost_usd) for offer in price_groups(rows)
    ]
    assert told == [
        (("d",), ("p",), (), 1),
        (("d",), ("q",), (), 2),
        (("a", "b"), ("p", "q"), ("p",), 3),
        (("c",), ("p",), ("p",), 3),
        (("c",), ("q",), ("q",), 3),
        (("e",), ("p",), ("p",), 3),
        (("f",), ("p", "q"), ("p",), 3),
    ]


def test_matrix_has_every_model_in_service_and_names_the_others(tmp_path: Path) -> None:
    """No model of Claude's matrix is missing."""
    page_of(tmp_path / "rows", many(10))
    with open_rows(row_files(str(tmp_path / "rows")), SESSION.context.limits()) as store:
        statistics = aggregate(store, AuditContext(SESSION.limits, SESSION.registry.rules))
    grid = cost_grid(statistics)
    named = {name for row in grid.rows for name in row[0].text.split(", ")}
    assert named | set(re.findall(r"claude-[a-z0-9-]+", grid.note)) == {row.model for row in statistics.costs}
    assert grid.marked is not None
    assert "claude-sonnet-4-6" in grid.rows[grid.marked][0].text


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        ([cost("a", "p", 3)], ""),
        ([cost("a", "p", 3), cost("new", "p", None), cost("new", "q", None)], " No price known: new."),
        ([cost("gone", "p", None)._replace(retired="2025-01-01")], " Out of service: gone."),
    ],
)
def test_matrix_names_models_without_a_price_below_it(tmp_path: Path, rows: list[CostRow], note: str) -> None:
    """Each once; a model out of service is named as such, whatever its price."""
    page_of(tmp_path / "rows", many(1))
    with open_rows(row_files(str(tmp_path / "rows")), SESSION.context.limits()) as store:
        statistics = aggregate(store, AuditContext(SESSION.limits, SESSION.registry.rules))
    text = cost_grid(statistics._replace(costs=tuple(rows))).note
    assert text.endswith("Models with the same costs share a row." + note)


def test_requested_models_are_compared(tmp_path: Path) -> None:
    """Models of any provider have their own markers; limits that no image reaches are not drawn."""
    page_of(tmp_path / "rows", many(10))
    models = tuple(
        SESSION.limits.bind(*pair) for pair in (("gpt-4o", "openai"), ("claude-sonnet-4-6", "anthropic"))
    )
    with open_rows(row_files(str(tmp_path / "rows")), SESSION.context.limits()) as store:
        statistics = aggregate(store, AuditContext(SESSION.limits, SESSION.registry.rules, models=models))
    grid = model_grid(statistics)
    assert [row[0].text for row in grid.rows] == ["gpt-4o", "claude-sonnet-4-6"]
    assert grid.marked == 1
    other = models[0]
    assert [mark.value for mark in axis_markers_of("long_edge", other, SESSION.limits, ())] == [
        other.tier.max_edge
    ]
    for name in ("megapixels", "tokens"):
        assert axis_markers_of(name, other, SESSION.limits, ()) == ()
    [elsewhere] = axis_markers_of("bytes", other, SESSION.limits, ())
    assert (elsewhere.label, elsewhere.value) == ("refused by azure-openai", 15 << 20)


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (dollars(0), "$0.00"),
        (dollars(1234.5), "$1,234.50"),
        (dollars(0.0123), "$0.012"),
        (dollars(0.00000123), "$0.0000012"),
        (percent(0, 5), "0%"),
        (percent(1, 100_000), "under 0.1%"),
        (percent(99_999, 100_000), "over 99.9%"),
        (percent(5, 5), "100%"),
        (short(1568.5, "px"), "1568"),
        (short(12_000, "px"), "12k"),
        (short(3_932_160.5, "bytes"), "3.93 MB"),
    ],
)
def test_numbers_are_short_and_not_misleading(told: str, text: str) -> None:
    """Shares, amounts and axis labels."""
    assert told == text


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "$0.00"), (0.00004, "< $0.0001"), (0.00006, "$0.0001"), (1.5, "$1.50")]
)
def test_small_costs_are_not_shown_as_zero(amount: float, text: str) -> None:
    """Only a cost of nothing is $0.00."""
    assert usd(amount) == text
