"""The cost matrix as people can read it: platforms and models that cost the same stand in one row."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imgbudget.audit.formats.sections import usd
from imgbudget.audit.html.grids import Cell, Column, Grid
from imgbudget.audit.html.shown import percent
from imgbudget.audit.statistics import CostRow, Statistics
from imgbudget.reporters.base import figure


class Offer(NamedTuple):
    """Models that cost the same on the same platforms; `row` is one of theirs.

    `batch` is the row of a platform that has batches, None where none has; `batching` are those platforms.
    """

    models: tuple[str, ...]
    platforms: tuple[str, ...]
    row: CostRow
    batch: CostRow | None
    batching: tuple[str, ...]


def offers(costs: Sequence[CostRow]) -> tuple[Offer, ...]:
    """All priced models in service, the cheapest first."""
    by_model: dict[str, list[CostRow]] = {}
    for row in costs:
        if row.retired is None and row.cost_usd is not None:
            by_model.setdefault(row.model, []).append(row)
    alike: dict[tuple[object, ...], list[Offer]] = {}
    for rows in by_model.values():
        for offer in _of_model(rows):
            row, batch = offer.row, offer.batch
            batches = None if batch is None else (batch.batch_cost_usd, batch.batch_cost_after_usd)
            key = (offer.platforms, offer.batching, batches, *_numbers(row))
            alike.setdefault(key, []).append(offer)
    joined = (
        group[0]._replace(models=tuple(name for offer in group for name in offer.models))
        for group in alike.values()
    )
    return tuple(sorted(joined, key=lambda offer: (offer.row.cost_usd, offer.models)))


def _numbers(row: CostRow) -> tuple[object, ...]:
    """What must be equal for two rows to be one, but for batches."""
    return (
        row.tier,
        row.usd_per_million,
        row.tokens,
        row.tokens_after,
        row.cost_usd,
        row.cost_after_usd,
    )


def _of_model(rows: Sequence[CostRow]) -> Iterator[Offer]:
    """The platforms of a model, those alike together, whether they have batches or not."""
    alike: dict[tuple[object, ...], list[CostRow]] = {}
    for row in rows:
        alike.setdefault(_numbers(row), []).append(row)
    for group in alike.values():
        prices = {row.batch_cost_usd for row in group if row.batch_cost_usd is not None}
        parts = [group] if len(prices) <= 1 else [[row] for row in group]
        for part in parts:
            batches = [row for row in part if row.batch_cost_usd is not None]
            batching = tuple(row.platform for row in batches)
            platforms = tuple(row.platform for row in part)
            yield Offer((part[0].model,), platforms, part[0], next(iter(batches), None), batching)


def cost_grid(statistics: Statistics) -> Grid:
    """The matrix; the row of the audit's own model is marked."""
    found = offers(statistics.costs)
    most = max((offer.row.cost_usd or 0 for offer in found), default=0)
    every = {row.platform for row in statistics.costs}
    marked = next(
        (
            i
            for i, offer in enumerate(found)
            if statistics.model in offer.models and statistics.platform in offer.platforms
        ),
        None,
    )
    return Grid(
        "costs",
        "Cost of sending every image once, by model and platform",
        (
            Column("Model"),
            Column("Platforms"),
            Column("USD per million tokens", number=True),
            Column("plain", number=True, group="as it is"),
            Column("in batches", number=True, group="as it is"),
            Column("plain", number=True, group="after the plan"),
            Column("in batches", number=True, group="after the plan"),
        ),
        tuple(_row(offer, every, most) for offer in found),
        _note(statistics),
        marked,
    )


def _row(offer: Offer, every: set[str], most: float) -> tuple[Cell, ...]:
    row, batch = offer.row, offer.batch
    platforms = "all" if every == set(offer.platforms) else ", ".join(offer.platforms)
    part = 0 < len(offer.batching) < len(offer.platforms)
    batching = f"batches on {', '.join(offer.batching)}" if part else "" if batch else "no batches"
    return (
        Cell(", ".join(offer.models), more=f"{row.tier}, {figure(row.tokens)} tokens"),
        Cell(platforms, more=batching),
        Cell(f"{row.usd_per_million:g}" if row.usd_per_million is not None else ""),
        Cell(usd(row.cost_usd), share=(row.cost_usd or 0) / most if most else 0),
        Cell(usd(batch.batch_cost_usd) if batch else "–"),
        Cell(usd(row.cost_after_usd)),
        Cell(usd(batch.batch_cost_after_usd) if batch else "–"),
    )


def _note(statistics: Statistics) -> str:
    retired = dict.fromkeys(row.model for row in statistics.costs if row.retired is not None)
    unpriced = dict.fromkeys(
        row.model for row in statistics.costs if row.retired is None and row.cost_usd is None
    )
    text = "Input tokens of the images alone, at list price, one image a prompt. Rows that are alike are one."
    if retired:
        text += f" Out of service: {', '.join(retired)}."
    if unpriced:
        text += f" No price known: {', '.join(unpriced)}."
    return text


def model_grid(statistics: Statistics) -> Grid:
    """The models that were asked for side by side, each by its own provider's rule."""
    most = max((row.cost_usd or 0 for row in statistics.models), default=0)
    rows = tuple(
        (
            Cell(row.model, more=row.tier),
            Cell(row.platform),
            Cell(figure(row.tokens)),
            Cell(_cost(row.cost_usd), share=(row.cost_usd or 0) / most if most else 0),
            Cell("–" if row.batch_cost_usd is None else usd(row.batch_cost_usd)),
            Cell(_cost(row.cost_after_usd)),
            Cell(figure(row.resized)),
            Cell(figure(row.refused) if row.refused else "–", severity="error" if row.refused else ""),
        )
        for row in statistics.models
    )
    columns = (
        Column("Model"),
        Column("Platform"),
        Column("Tokens", number=True),
        Column("Plain", number=True),
        Column("In batches", number=True),
        Column("After its plan", number=True),
        Column("Scaled down", number=True),
        Column("Refused", number=True),
    )
    note = "What of a provider's rule or price is in doubt: imgbudget limits --model ID."
    own = ((row.model, row.platform) for row in statistics.models)
    marked = next((i for i, pair in enumerate(own) if pair == (statistics.model, statistics.platform)), None)
    return Grid(
        "models",
        "Cost of sending every image once, on the models that were asked for",
        columns,
        rows,
        note,
        marked,
    )


def _cost(amount_usd: float | None) -> str:
    return "unknown" if amount_usd is None else usd(amount_usd)


def platform_grid(statistics: Statistics) -> Grid:
    """What each platform refuses, whatever the model, and whether it has batches."""
    by_platform: dict[str, list[CostRow]] = {}
    for row in statistics.costs:
        if row.retired is None:
            by_platform.setdefault(row.platform, []).append(row)
    rows = tuple(
        (
            Cell(platform),
            _refused([row.refused for row in mine], statistics.totals.images),
            Cell("yes" if any(row.batch_cost_usd is not None for row in mine) else "no"),
        )
        for platform, mine in by_platform.items()
    )
    marked = next((i for i, name in enumerate(by_platform) if name == statistics.platform), None)
    columns = (Column("Platform"), Column("Images refused", number=True), Column("Batches at a discount"))
    note = "Refused for their bytes, edge or format, or because they cannot be decoded."
    return Grid("platforms", "What each platform takes", columns, rows, note, marked)


def _refused(numbers: Sequence[int], images: int) -> Cell:
    least, most = min(numbers), max(numbers)
    text = figure(most) if least == most else f"{figure(least)} to {figure(most)}"
    return Cell(text, percent(most, images) if most else "", severity="error" if most else "")
