"""The page's tables out of the statistics, each one a function."""

from imgbudget.audit.formats.sections import size, usd
from imgbudget.audit.html.grids import Cell, Column, Grid
from imgbudget.audit.html.shown import measured, percent, plain, shown
from imgbudget.audit.statistics import Statistics
from imgbudget.reporters.base import count, figure

_PLACES = 3


def findings(statistics: Statistics) -> Grid:
    """By rule, with where it is explained and for example found."""
    totals = statistics.totals
    most = max((rule.findings for rule in statistics.rules), default=1)
    rows = tuple(
        (
            Cell(rule.code, more=rule.name, link=rule.url),
            Cell(rule.severity, severity=rule.severity),
            Cell(figure(rule.findings), share=rule.findings / most),
            Cell(percent(rule.rows, totals.images + totals.requests + totals.documents)),
            Cell(rule.summary, more=_against(rule.limit, rule.unit)),
            _places(rule.examples[:1]),
        )
        for rule in statistics.rules
    )
    columns = (
        Column("Rule"),
        Column("Severity"),
        Column("Findings", number=True),
        Column("Share", number=True),
        Column("What it means"),
        Column("For example"),
    )
    note = "Share: of all images and requests. A rule's page says why it matters and what to do."
    return Grid("rules", "Findings by rule", columns, rows, note)


def _against(limit: float | None, unit: str | None) -> str:
    return f"limit {measured(limit, None, unit)}" if limit is not None and unit == "px" else ""


def tiers(statistics: Statistics) -> Grid:
    """What each tier looks at and bills."""
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
        Column("Resolution tier"),
        Column("Tokens", number=True),
        Column("Times the smallest", number=True),
        Column("Tokens after the plan", number=True),
        Column("Images scaled down", number=True),
        Column("Pixels it sees", number=True),
    )
    marked = next((i for i, row in enumerate(statistics.tiers) if row.tier == statistics.tier), None)
    return Grid("tier-rows", "Moving between the resolution tiers of Claude", columns, rows, marked=marked)


def formats(statistics: Statistics) -> Grid:
    """By format, as the bytes have it."""
    most = max((row.images for row in statistics.formats), default=1)
    rows = tuple(
        (
            Cell(row.format or "no image"),
            Cell(figure(row.images), share=row.images / most),
            Cell(size(row.byte_size)),
            Cell(figure(row.tokens)),
            Cell(figure(row.tokens_after)),
            _problems(row.errors, "error"),
            _problems(row.warnings, "warning"),
        )
        for row in statistics.formats
    )
    columns = (
        Column("Format"),
        Column("Images", number=True),
        Column("Size", number=True),
        Column("Tokens", number=True),
        Column("After the plan", number=True),
        Column("Errors", number=True),
        Column("Warnings", number=True),
    )
    return Grid("format-rows", "By format, read from the content", columns, rows)


def folders(statistics: Statistics) -> Grid:
    """By folder or archive, the dearest first."""
    most = max((row.cost_usd for row in statistics.folders), default=1) or 1
    rows = tuple(
        (
            Cell(shown(row.folder), name=True),
            Cell(figure(row.images)),
            Cell(size(row.byte_size)),
            Cell(figure(row.tokens)),
            Cell(usd(row.cost_usd), share=row.cost_usd / most),
            Cell(usd(row.cost_after_usd)),
            _problems(row.errors, "error"),
            _problems(row.warnings, "warning"),
        )
        for row in statistics.folders
    )
    columns = (
        Column("Folder"),
        Column("Images", number=True),
        Column("Size", number=True),
        Column("Tokens", number=True),
        Column("Cost", number=True),
        Column("After the plan", number=True),
        Column("Errors", number=True),
        Column("Warnings", number=True),
    )
    more = statistics.folders_total - len(rows)
    note = f"And {count(more, 'folder')} more that cost less." if more > 0 else ""
    return Grid("folder-rows", "By folder, the dearest first", columns, rows, note)


def sizes(statistics: Statistics) -> Grid:
    """The most frequent stored sizes."""
    most = max((row.images for row in statistics.sizes), default=1)
    rows = tuple(
        (
            Cell(f"{row.size.width}\u00a0×\u00a0{row.size.height}"),
            Cell(figure(row.images), share=row.images / most),
            Cell(figure(row.tokens)),
            Cell(figure(row.tokens_after)),
        )
        for row in statistics.sizes[:10]
    )
    columns = (
        Column("Size, px"),
        Column("Images", number=True),
        Column("Tokens", number=True),
        Column("After the plan", number=True),
    )
    more = statistics.sizes_total - len(rows)
    note = f"And {count(more, 'size')} more." if more > 0 else ""
    return Grid("size-rows", "The most frequent sizes", columns, rows, note)


def duplicates(statistics: Statistics) -> Grid:
    """Groups of images with the same bytes, those that waste most first."""
    rows = tuple(
        (
            _places(group.places[:_PLACES]),
            Cell(figure(group.images)),
            Cell(size(group.byte_size)),
            Cell(figure(group.tokens)),
            Cell(figure((group.images - 1) * group.tokens)),
        )
        for group in statistics.duplicates.largest
    )
    columns = (
        Column("Places"),
        Column("Copies", number=True),
        Column("Size each", number=True),
        Column("Tokens each", number=True),
        Column("Tokens too many", number=True),
    )
    more = statistics.duplicates.groups - len(rows)
    note = f"And {count(more, 'group')} more." if more > 0 else ""
    if statistics.duplicates.unhashed:
        unread = count(statistics.duplicates.unhashed, "image")
        note += f" {unread} not read whole: nothing is known of them."
    return Grid("duplicate-rows", "Images that stand more than once", columns, rows, note.strip())


def skips(statistics: Statistics) -> Grid:
    """What was passed over, and why."""
    rows = tuple(
        (
            Cell(shown(row.reason), severity="warning" if row.missed else ""),
            Cell(figure(row.items)),
            _places(row.examples[:1]),
        )
        for row in statistics.skips[:100]
    )
    columns = (Column("Reason"), Column("Items", number=True), Column("For example"))
    more = len(statistics.skips) - len(rows)
    note = f"And {count(more, 'reason')} more." if more > 0 else ""
    return Grid("skip-rows", "What was passed over", columns, rows, note)


def quantiles(statistics: Statistics) -> Grid:
    """The distributions in numbers."""
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
        Column("Measure"),
        Column("least", number=True),
        *(Column(f"{share:.0%}", number=True) for share, _ in shares),
        Column("most", number=True),
    )
    note = "Each value is one that occurs; the given share of the images is at or below it."
    return Grid("quantile-rows", "The distributions in numbers", columns, rows, note)


def _problems(number: int, severity: str) -> Cell:
    return Cell(figure(number) if number else "–", severity=severity if number else "")


def _places(places: tuple[str, ...]) -> Cell:
    if not places:
        return Cell("")
    return Cell("\n".join(shown(place) for place in places), name=True)
