"""The measures whose distribution an audit shows: where their values come from, and where their bins part."""

from collections.abc import Sequence
from typing import NamedTuple

from imgbudget.audit.statistics import Bin, Distribution, Mark
from imgbudget.audit.store import Store

SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""The quantiles that are told."""


class Measure(NamedTuple):
    """A number of each image: `sql` over the columns, edges between bins; `{tier}` is the model's tier.

    `step` is the smallest difference between two values: a bin that ends at a limit holds what is at it.
    """

    name: str
    title: str
    unit: str
    sql: str
    edges: tuple[float, ...]
    step: float = 1


MEASURES = (
    Measure(
        "long_edge",
        "long edge",
        "px",
        "greatest(width, height)",
        (100, 200, 400, 800, 1200, 4000, 6000, 12_000),
    ),
    Measure(
        "megapixels",
        "megapixels",
        "MP",
        "width::bigint * height / 1e6",
        (0.05, 0.1, 0.25, 0.5, 2, 4, 8, 12, 24, 48),
        1e-6,
    ),
    Measure(
        "aspect_ratio",
        "aspect ratio, width to height",
        "",
        "width / nullif(height, 0)",
        (0.25, 0.5, 0.56, 0.66, 0.74, 0.9, 1.1, 1.34, 1.51, 1.78, 2, 4),
    ),
    Measure(
        "bytes",
        "file size",
        "bytes",
        "bytes",
        (1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 2e6, 2e7),
    ),
    Measure(
        "tokens",
        "visual tokens",
        "tokens",
        "{tier}tokens",
        (100, 200, 400, 600, 800, 1000, 1200, 1400, 2000, 2500, 3000, 3500, 4000),
    ),
    Measure(
        "quality",
        "JPEG quality",
        "",
        "quality",
        (10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 100),
    ),
)
"""In the order in which they are shown."""


def distribution(store: Store, measure: Measure, marks: tuple[Mark, ...] = ()) -> Distribution:
    """The exact distribution of a measure over all images that have it, its bins parted at the marks too.

    The mean sums millionths as whole numbers: a sum of fractions would depend on the order of the rows.
    """
    value = measure.sql.format(tier=store.tier)
    edges = sorted({*measure.edges, *(edge_of(mark, measure.step) for mark in marks)})
    pairs = tuple(zip((None, *edges), (*edges, None), strict=True))
    counts = ", ".join(f"count(*) filter (where {_between(low, high)})" for low, high in pairs)
    number, lowest, highest, mean, quantiles, *binned = store.one(
        f"""select count(v), min(v), max(v), sum(round(v * 1e6)::hugeint)::double / 1e6 / count(v),
        quantile_disc(v, {list(SHARES)}), {counts}
        from (select {value} as v from rows where subject = 'image') where v is not null"""  # noqa: S608 - ours
    )
    bins = tuple(Bin(low, high, count) for (low, high), count in zip(pairs, binned, strict=True))
    return Distribution(
        name=measure.name,
        title=measure.title,
        unit=measure.unit,
        images=number,
        minimum=lowest,
        maximum=highest,
        mean=mean,
        quantiles=tuple(zip(SHARES, quantiles or (), strict=False)),
        bins=_trimmed(bins, [edge_of(mark, measure.step) for mark in marks]),
        marks=marks,
    )


def edge_of(mark: Mark, step: float = 1) -> float:
    """Where bins part at a mark: a value at the limit stands with those that keep it."""
    return mark.value if mark.least else mark.value + step / 2


def _between(low: float | None, high: float | None) -> str:
    tests = [f"v >= {low}"] if low is not None else []
    tests += [f"v < {high}"] if high is not None else []
    return " and ".join(tests)


def _trimmed(bins: tuple[Bin, ...], marks: Sequence[float]) -> tuple[Bin, ...]:
    """The bins without the empty ones at both ends, up to the first mark that no image reaches."""
    filled = [i for i, item in enumerate(bins) if item.images]
    if not filled:
        return ()
    end = bins[filled[-1]].high
    beyond = min((mark for mark in marks if end is not None and mark >= end), default=None)
    last = filled[-1] if beyond is None else [item.low for item in bins].index(beyond)
    return bins[filled[0] : last + 1]
