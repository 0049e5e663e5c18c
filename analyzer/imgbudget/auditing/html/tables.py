"""The tables of the page, each computed from the statistics."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imgbudget.auditing.ends import tokens_after_text, tokens_text, usd_text
from imgbudget.auditing.figures import size, usd
from imgbudget.auditing.formats import saved_text
from imgbudget.auditing.html.grid import Cell, Grid, GridColumn
from imgbudget.auditing.html.names import display_name, measured, percent, plain
from imgbudget.auditing.savings import savings
from imgbudget.auditing.statistics import AuditStatistics, CostRow
from imgbudget.model.subjects import NOT_IMAGE
from imgbudget.output.base import count, figure


class PriceGroup(NamedTuple):
    """Models that cost the same on the same platforms; `row` is one of theirs.

    `batch` is the row of a platform with batches, None if none has them; `batching` are those platforms.
    """

    models: tuple[str, ...]
    platforms: tuple[str, ...]
    row: CostRow
    batch: CostRow | None
    batching: tuple[str, ...]


def price_groups(costs: Sequence[CostRow]) -> tuple[PriceGroup, ...]:
    """All priced models in service, the cheapest first."""
    by_model: dict[str, list[CostRow]] = {}
    for row in costs:
        if row.retired is None and row.cost_usd is not None:
            by_model.setdefault(row.model, []).append(row)
    alike: dict[tuple[object, ...], list[PriceGroup]] = {}
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
    """The values by which rows are grouped, apart from batches."""
    return (
        row.tier,
        row.usd_per_million,
        row.tokens,
        row.tokens_after,
        row.cost_usd,
        row.cost_after_usd,
    )


def _of_model(rows: Sequence[CostRow]) -> Iterator[PriceGroup]:
    """The platforms of a model, grouped by price, with and without batches."""
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
            yield PriceGroup((part[0].model,), platforms, part[0], next(iter(batches), None), batching)


def cost_grid(statistics: AuditStatistics) -> Grid:
    """The matrix; the row of the audit's own model is marked."""
    found = price_groups(statistics.costs)
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
            GridColumn("Model"),
            GridColumn("Platforms"),
            GridColumn("USD per million tokens", number=True),
            GridColumn("plain", number=True, group="now"),
            GridColumn("in batches", number=True, group="now"),
            GridColumn("plain", number=True, group="after the plan"),
            GridColumn("in batches", number=True, group="after the plan"),
        ),
        tuple(_row(offer, every, most) for offer in found),
        _note(statistics),
        marked,
    )


def _row(offer: PriceGroup, every: set[str], most: float) -> tuple[Cell, ...]:
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


def _note(statistics: AuditStatistics) -> str:
    retired = dict.fromkeys(row.model for row in statistics.costs if row.retired is not None)
    unpriced = dict.fromkeys(
        row.model for row in statistics.costs if row.retired is None and row.cost_usd is None
    )
    text = (
        "Input tokens of the images only, at list price, one image per prompt. "
        "Models with the same costs share a row."
    )
    if retired:
        text += f" Out of service: {', '.join(retired)}."
    if unpriced:
        text += f" No price known: {', '.join(unpriced)}."
    return text


def model_grid(statistics: AuditStatistics) -> Grid:
    """The models to compare, each by the rule of its provider."""
    most = max((row.cost_usd or 0 for row in statistics.models), default=0)
    rows = tuple(
        (
            Cell(row.model, more=row.tier),
            Cell(row.platform),
            Cell(tokens_text(row)),
            Cell(_cost(row, "cost_usd"), share=(row.cost_usd or 0) / most if most else 0),
            Cell("–" if row.batch_cost_usd is None else usd_text(row, "batch_cost_usd", usd)),
            Cell(_cost(row, "cost_after_usd")),
            Cell(figure(row.resized)),
            Cell(figure(row.refused) if row.refused else "–", severity="error" if row.refused else ""),
        )
        for row in statistics.models
    )
    columns = (
        GridColumn("Model"),
        GridColumn("Platform"),
        GridColumn("Tokens", number=True),
        GridColumn("Plain", number=True),
        GridColumn("In batches", number=True),
        GridColumn("After the plan", number=True),
        GridColumn("Downscaled", number=True),
        GridColumn("Rejected", number=True),
    )
    note = "How certain the rule and price of a provider are: imgbudget limits --model ID."
    own = ((row.model, row.platform) for row in statistics.models)
    marked = next((i for i, pair in enumerate(own) if pair == (statistics.model, statistics.platform)), None)
    return Grid(
        "models",
        "Cost of sending every image once, for the models to compare",
        columns,
        rows,
        note,
        marked,
    )


def _cost(row: CostRow, name: str) -> str:
    return usd_text(row, name, usd) or "unknown"


def platform_grid(statistics: AuditStatistics) -> Grid:
    """How many images each platform rejects, for any model, and whether it has batches."""
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
    columns = (
        GridColumn("Platform"),
        GridColumn("Images rejected", number=True),
        GridColumn("Batches at a discount"),
    )
    note = (
        "Rejected for their own bytes, edges, format or damage; errors of their requests and exceeded "
        "budgets do not count."
    )
    return Grid("platforms", "Images that each platform rejects", columns, rows, note, marked)


def _refused(numbers: Sequence[int], images: int) -> Cell:
    least, most = min(numbers), max(numbers)
    text = figure(most) if least == most else f"{figure(least)} to {figure(most)}"
    return Cell(text, percent(most, images) if most else "", severity="error" if most else "")


_LOCATIONS = 3


def findings(statistics: AuditStatistics) -> Grid:
    """The findings by rule, with an explanation and an example."""
    totals = statistics.totals
    most = max((rule.findings for rule in statistics.rules), default=1)
    rows = tuple(
        (
            Cell(rule.code, more=rule.name, link=rule.url),
            Cell(rule.severity, severity=rule.severity),
            Cell(figure(rule.findings), share=rule.findings / most),
            Cell(percent(rule.rows, totals.images + totals.requests + totals.documents)),
            Cell(rule.summary, more=_against(rule.limit, rule.unit)),
            locations(rule.examples[:1]),
        )
        for rule in statistics.rules
    )
    columns = (
        GridColumn("Rule"),
        GridColumn("Severity"),
        GridColumn("Findings", number=True),
        GridColumn("Share", number=True),
        GridColumn("What it means"),
        GridColumn("For example"),
    )
    note = "Share: of all images and requests. A rule's page says why it matters and what to do."
    return Grid("rules", "Findings by rule", columns, rows, note)


def _against(limit: float | None, unit: str | None) -> str:
    return f"limit {measured(limit, None, unit)}" if limit is not None and unit == "px" else ""


def tiers(statistics: AuditStatistics) -> Grid:
    """What each tier uses and bills."""
    rows = tuple(
        (
            Cell(row.tier, more=f"at most {row.max_edge} px and {figure(row.max_tokens)} tokens"),
            Cell(figure(row.tokens)),
            Cell("–" if row.times is None else f"{row.times:.2f}×"),
            Cell(figure(row.tokens_after)),
            Cell(figure(row.resized), more=percent(row.resized, statistics.totals.images)),
            Cell(percent(row.pixels_seen, row.pixels)),
        )
        for row in statistics.tiers
    )
    columns = (
        GridColumn("Resolution tier"),
        GridColumn("Tokens", number=True),
        GridColumn("Times the smallest", number=True),
        GridColumn("Tokens after the plan", number=True),
        GridColumn("Images downscaled", number=True),
        GridColumn("Pixels used", number=True),
    )
    marked = next((i for i, row in enumerate(statistics.tiers) if row.tier == statistics.tier), None)
    return Grid("tier-rows", "The resolution tiers of Claude in comparison", columns, rows, marked=marked)


def formats(statistics: AuditStatistics) -> Grid:
    """By format, read from the content."""
    most = max((row.images for row in statistics.formats), default=1)
    rows = tuple(
        (
            Cell(row.format or "not known"),
            Cell(figure(row.images), share=row.images / most),
            Cell(size(row.byte_size)),
            Cell(tokens_text(row)),
            Cell(tokens_after_text(row)),
            _problems(row.errors, "error"),
            _problems(row.warnings, "warning"),
        )
        for row in statistics.formats
    )
    columns = (
        GridColumn("Format"),
        GridColumn("Images", number=True),
        GridColumn("Size", number=True),
        GridColumn("Tokens", number=True),
        GridColumn("After the plan", number=True),
        GridColumn("Errors", number=True),
        GridColumn("Warnings", number=True),
    )
    return Grid("format-rows", "By format, read from the content", columns, rows)


def folders(statistics: AuditStatistics) -> Grid:
    """By folder or archive, the most expensive first."""
    most = max((row.cost_usd for row in statistics.folders), default=1) or 1
    rows = tuple(
        (
            Cell(display_name(row.folder), name=True),
            Cell(figure(row.images)),
            Cell(size(row.byte_size)),
            Cell(tokens_text(row)),
            Cell(usd_text(row, "cost_usd", usd), share=row.cost_usd / most),
            Cell(usd_text(row, "cost_after_usd", usd)),
            _problems(row.errors, "error"),
            _problems(row.warnings, "warning"),
        )
        for row in statistics.folders
    )
    columns = (
        GridColumn("Folder"),
        GridColumn("Images", number=True),
        GridColumn("Size", number=True),
        GridColumn("Tokens", number=True),
        GridColumn("Cost", number=True),
        GridColumn("After the plan", number=True),
        GridColumn("Errors", number=True),
        GridColumn("Warnings", number=True),
    )
    more = statistics.folders_total - len(rows)
    note = f"And {count(more, 'folder')} more that cost less." if more > 0 else ""
    return Grid("folder-rows", "By folder, the most expensive first", columns, rows, note)


def sizes(statistics: AuditStatistics) -> Grid:
    """The most frequent stored sizes."""
    most = max((row.images for row in statistics.sizes), default=1)
    rows = tuple(
        (
            Cell(f"{row.size.width}\u00a0×\u00a0{row.size.height}"),
            Cell(figure(row.images), share=row.images / most),
            Cell(tokens_text(row)),
            Cell(tokens_after_text(row)),
        )
        for row in statistics.sizes[:10]
    )
    columns = (
        GridColumn("Size, px"),
        GridColumn("Images", number=True),
        GridColumn("Tokens", number=True),
        GridColumn("After the plan", number=True),
    )
    more = statistics.sizes_total - len(rows)
    note = f"And {count(more, 'size')} more." if more > 0 else ""
    return Grid("size-rows", "The most frequent sizes", columns, rows, note)


_SECTIONS = {"copies": "#duplicates", "near": "#near"}


def saved(statistics: AuditStatistics) -> Grid:
    """What would save money or bytes, the largest first."""
    found = savings(statistics)
    most = max((item.cost_usd for item in found), default=0)
    rows = tuple(
        (
            Cell(item.title, item.advice, link=_SECTIONS.get(item.name, "#cost")),
            Cell(figure(item.images)),
            Cell(usd(item.cost_usd) if item.cost_usd else "–", share=item.cost_usd / most if most else 0),
            Cell(percent(item.cost_usd, statistics.totals.cost_usd)),
            Cell(figure(item.tokens) if item.tokens else "–"),
            Cell(saved_text(item) or "–"),
        )
        for item in found
    )
    columns = (
        GridColumn("What"),
        GridColumn("Images", number=True),
        GridColumn("Saves", number=True),
        GridColumn("Of the bill", number=True),
        GridColumn("Tokens", number=True),
        GridColumn("Upload", number=True),
    )
    note = "Each by itself; together they are less than the sum." if len(rows) > 1 else ""
    return Grid("saving-rows", "Savings, the largest first", columns, rows, note)


def duplicates(statistics: AuditStatistics) -> Grid:
    """Groups of images with the same bytes, the most wasteful first."""
    most = max((group.extra_cost_usd for group in statistics.duplicates.largest), default=0)
    rows = tuple(
        (
            locations(group.places[:_LOCATIONS]),
            Cell(figure(group.images)),
            Cell(size(group.byte_size)),
            Cell(tokens_text(group)),
            Cell(size(group.byte_size * (group.images - 1))),
            Cell(tokens_text(group, group.images - 1)),
            Cell(usd(group.extra_cost_usd), share=group.extra_cost_usd / most if most else 0),
            Cell("all bytes" if group.certain else "samples: probably"),
        )
        for group in statistics.duplicates.largest
    )
    columns = (
        GridColumn("Locations"),
        GridColumn("Images", number=True),
        GridColumn("Size each", number=True),
        GridColumn("Tokens each", number=True),
        GridColumn("size", number=True, group="copies"),
        GridColumn("tokens", number=True, group="copies"),
        GridColumn("cost", number=True, group="copies"),
        GridColumn("Compared"),
    )
    more = statistics.duplicates.groups - len(rows)
    note = f"And {count(more, 'group')} more." if more > 0 else ""
    if statistics.duplicates.unhashed:
        unread = count(statistics.duplicates.unhashed, "image")
        note += f" {unread} not compared: their bytes are not known, or were not read completely."
    return Grid("duplicate-rows", "Images that occur more than once", columns, rows, note.strip())


def skips(statistics: AuditStatistics) -> Grid:
    """What was skipped, and why."""
    rows = tuple(
        (
            Cell(display_name(row.reason), severity="warning" if row.missed else ""),
            Cell(figure(row.items)),
            locations(row.examples[:1]),
        )
        for row in statistics.skips[:100]
    )
    columns = (GridColumn("Reason"), GridColumn("Items", number=True), GridColumn("For example"))
    more = len(statistics.skips) - len(rows)
    note = f"And {count(more, 'reason')} more." if more > 0 else ""
    none = any(row.reason.startswith(NOT_IMAGE) for row in statistics.skips)
    title = "What was skipped, or is no image" if none else "What was skipped"
    return Grid("skip-rows", title, columns, rows, note)


def quantiles(statistics: AuditStatistics) -> Grid:
    """The distributions as numbers."""
    shares = next((item.quantiles for item in statistics.distributions if item.quantiles), ())
    rows = tuple(
        (
            Cell(item.title, more=item.unit if item.unit not in item.title else ""),
            *(
                Cell("" if value is None else plain(value))
                for value in (item.minimum, *(value for _, value in item.quantiles), item.maximum)
            ),
        )
        for item in statistics.distributions
        if item.images
    )
    columns = (
        GridColumn("Metric"),
        GridColumn("min", number=True),
        *(GridColumn(f"{share:.0%}", number=True) for share, _ in shares),
        GridColumn("max", number=True),
    )
    note = "The given share of the images has at most this value."
    return Grid("quantile-rows", "The distributions as numbers", columns, rows, note)


def _problems(number: int, severity: str) -> Cell:
    return Cell(figure(number) if number else "–", severity=severity if number else "")


def locations(places: tuple[str, ...]) -> Cell:
    """A cell with locations, each on its line."""
    if not places:
        return Cell("")
    return Cell("\n".join(display_name(place) for place in places), name=True)
