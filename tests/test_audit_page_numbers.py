"""The numbers that the page of an audit draws and says: bars, shares, and what the plan does to the bill."""

import re
from pathlib import Path

import pytest

from imgbudget.auditing.aggregate import AuditContext, aggregate
from imgbudget.auditing.formats import markdown
from imgbudget.auditing.html.charts import PLOT, histogram
from imgbudget.auditing.html.page import _bill
from imgbudget.auditing.html.tables import cost_grid, model_grid
from imgbudget.auditing.rowfiles import write_rows
from imgbudget.auditing.savings import savings
from imgbudget.auditing.statistics import AuditStatistics
from imgbudget.auditing.store import open_rows
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.linter.models import counted_models
from tests.reportpages import SESSION, image


def statistics_of(path: Path, *models: Limits) -> AuditStatistics:
    """The statistics of three small images and one large one."""
    sizes = [Size(300, 200)] * 3 + [Size(3000, 2000)]
    records = [image(f"{i}.jpg", size, 1000 + i) for i, size in enumerate(sizes)]
    path.write_bytes(write_rows(records, SESSION.limits.tiers, dict))
    with open_rows([str(path)], SESSION.context.limits()) as store:
        about = AuditContext(SESSION.limits, SESSION.registry.rules, ("x",), (), models)
        return aggregate(store, about)


def test_bars_of_a_chart_are_as_high_as_their_numbers(tmp_path: Path) -> None:
    """The axis ends at the last tick, and no bar is higher than the plot."""
    statistics = statistics_of(tmp_path / "x.parquet")
    drawn = [item for item in statistics.distributions if item.images and item.bins]
    assert drawn
    for distribution in drawn:
        numbers = [item.images for item in distribution.bins if item.images]
        found = re.findall(r'<rect class="bar [^"]*"[^>]* height="([\d.]+)"', histogram(distribution))
        heights = [float(height) for height in found]
        assert PLOT / 2 <= max(heights) <= PLOT
        for number, height in zip(numbers, heights, strict=True):
            assert height == pytest.approx(max(heights) * number / max(numbers), abs=0.1)


def test_bars_of_models_are_their_share_of_the_highest_cost(tmp_path: Path) -> None:
    """The most expensive one is whole."""
    names = ("claude-haiku-4-5", "claude-opus-4-8")
    statistics = statistics_of(tmp_path / "x.parquet", *counted_models(SESSION, names)[0])
    costs = [row.cost_usd or 0 for row in statistics.models]
    shares = [row[3].share for row in model_grid(statistics).rows]
    assert len(shares) == len(names)
    assert shares == [pytest.approx(cost / max(costs)) for cost in costs]
    assert 0 < min(costs) < max(costs)


@pytest.mark.parametrize(
    ("after", "text"),
    [
        (100.0, "the bill stays the same"),
        (99.005, "the bill falls by less than 1%"),
        (98.9, "the bill falls by $1.10 (1.1%)"),
        (40.0, "the bill falls by $60.00 (60%)"),
    ],
)
def test_what_the_plan_does_to_the_bill_is_said_from_one_percent(
    tmp_path: Path, after: float, text: str
) -> None:
    """Below it the sum says nothing."""
    totals = statistics_of(tmp_path / "x.parquet").totals
    exact = totals._replace(cost_usd=100.0, cost_after_usd=after, tokens_doubt=0, after_doubt=0)
    assert _bill(exact) == text


def test_savings_are_what_is_before_less_what_is_after(tmp_path: Path) -> None:
    """In bytes, tokens and dollars; what a plan makes larger is none."""
    statistics = statistics_of(tmp_path / "x.parquet")
    totals = statistics.totals._replace(tokens=100, byte_size=1000, cost_usd=1.0, batch_cost_usd=0.5)
    smaller = totals._replace(tokens_after=40, bytes_after=300, cost_after_usd=0.25)
    larger = totals._replace(tokens_after=400, bytes_after=3000, cost_after_usd=2.5)
    found = [
        {item.name: (item.byte_size, item.tokens, item.cost_usd) for item in savings(one)}
        for one in (statistics._replace(totals=smaller), statistics._replace(totals=larger))
    ]
    assert (found[0]["plan"], "plan" in found[1]) == ((700, 60, 0.75), False)
    assert found[0]["batches"] == found[1]["batches"] == (0, 0, 0.5)


def test_columns_of_numbers_are_flush_right_in_markdown(tmp_path: Path) -> None:
    """Names stay flush left, in every table."""
    text = markdown(statistics_of(tmp_path / "x.parquet"))
    tables = [part.splitlines() for part in text.split("\n\n") if part.startswith("|")]
    assert len(tables) > 5
    for _, rule, *_ in tables:
        assert rule.startswith("| --- | ")
        assert " --: |" in rule
    assert "| format | images | size | tokens | errors |\n| --- | --: | --: | --: | --: |\n" in text


def test_costs_name_the_platforms_unless_they_are_all(tmp_path: Path) -> None:
    """A model that one of them does not serve is shown with the others."""
    statistics = statistics_of(tmp_path / "x.parquet")
    served = [row for row in statistics.costs if (row.model, row.platform) != ("claude-haiku-4-5", "bedrock")]
    assert len(served) == len(statistics.costs) - 1
    rows = cost_grid(statistics._replace(costs=tuple(served))).rows
    platforms = {model: row[1].text for row in rows for model in row[0].text.split(", ")}
    assert platforms["claude-sonnet-4-6"] == "all"
    assert set(platforms["claude-haiku-4-5"].split(", ")) == {
        row.platform for row in served if row.model == "claude-haiku-4-5"
    }
