"""Computes the statistics from the rows; every number is exact."""

from collections.abc import Iterator, Sequence

from imgbudget.auditing.copies import duplicates_of
from imgbudget.auditing.costs import cost_rows, model_rows, sums_of_tiers, tier_rows, usd
from imgbudget.auditing.offenders import worst_images
from imgbudget.auditing.statistics import (
    AuditStatistics,
    AxisMarker,
    Bin,
    Distribution,
    FolderRow,
    FormatRow,
    RuleRow,
    SizeRow,
    SkipRow,
    Totals,
)
from imgbudget.auditing.store import SHARES, NumberSummary, Store, places_of
from imgbudget.auditing.trials import EXPONENT, ResizedImages, bytes_after
from imgbudget.discovery.walk import SAME_FILE
from imgbudget.limits.bound import Limits
from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import Size, Tier
from imgbudget.limits.platforms import TRAINING
from imgbudget.linter.evaluate import page_of
from imgbudget.model.subjects import NOT_IMAGE
from imgbudget.namedtuples import NamedTuple
from imgbudget.registry import AnyRule


def axis_markers_of(
    name: str, limits: Limits, data: LimitsData, rules: Sequence[RuleRow]
) -> tuple[AxisMarker, ...]:
    """The limits on the axis of a metric, ascending; limits of the same value become one marker."""
    match name:
        case "long_edge":
            found = _edges(limits, data)
        case "megapixels":
            pixels = limits.latency_pixels
            found = iter(
                [AxisMarker(pixels.value / 1e6, "advised for a fast answer", "told")]
                if pixels is not None
                else []
            )
        case "bytes":
            found = _bytes(limits, data)
        case "tokens":
            found = (
                AxisMarker(tier.max_tokens, f"most on the {tier.name} tier", "told")
                for tier in _tiers(limits, data)
                if tier.max_tokens is not None
            )
        case "quality":
            found = (
                AxisMarker(rule.limit, rule.code, "told", least=True)
                for rule in rules
                if rule.unit == "quality" and rule.limit is not None
            )
        case _:
            found = iter(())
    return tuple(_merged(sorted(found)))


def _tiers(limits: Limits, data: LimitsData) -> Sequence[Tier]:
    """The tiers to compare: all of Claude's for a Claude model, else only that of the model."""
    return data.tiers if limits.uses_claude_patches else (limits.tier,)


def _edges(limits: Limits, data: LimitsData) -> Iterator[AxisMarker]:
    for tier in _tiers(limits, data):
        if tier.max_edge is not None:
            kind = "seen" if tier.name == limits.tier.name else "told"
            yield AxisMarker(tier.max_edge, f"{tier.name} tier", kind)
    many, few = limits.many_image_edge, limits.many_image_count
    if many is not None and few is not None:
        yield AxisMarker(many.value, f"over {few.value} images", "told")
    if limits.max_edge is not None:
        yield AxisMarker(limits.max_edge.value, "refused", "refused")


def _bytes(limits: Limits, data: LimitsData) -> Iterator[AxisMarker]:
    """The longest files whose base64 text each platform accepts, grouped by limit."""
    owners: dict[int, list[str]] = {}
    for platform in data.platforms:
        if platform in TRAINING.values() and platform != limits.platform:
            continue
        bound = data.bind(limits.model, platform)
        if bound.platform != platform or (bound.is_gateway and platform != limits.platform):
            continue
        if bound.image_raw_bytes is not None:
            owners.setdefault(bound.image_raw_bytes, []).append(platform)
    for value, platforms in owners.items():
        named = ", ".join(platforms[:2]) + (" …" if platforms[2:] else "")
        kind = "refused" if limits.platform in platforms else "told"
        yield AxisMarker(value, f"refused by {limits.platform if kind == 'refused' else named}", kind)


def _merged(markers: Sequence[AxisMarker]) -> Iterator[AxisMarker]:
    by_value: dict[float, list[AxisMarker]] = {}
    for marker in markers:
        by_value.setdefault(marker.value, []).append(marker)
    for same in by_value.values():
        kinds = {marker.kind for marker in same}
        kind = next(name for name in ("refused", "seen", "told") if name in kinds)
        yield same[0]._replace(label=", ".join(marker.label for marker in same), kind=kind)


class Metric(NamedTuple):
    """A number of each image: an SQL expression over the columns, and the edges between bins.

    `{tier}` in `sql` stands for the column prefix of the model's tier. `step` is the smallest difference
    between two values; a value equal to a limit belongs to the bin below it.
    """

    name: str
    title: str
    unit: str
    sql: str
    edges: tuple[float, ...]
    step: float = 1


METRICS = (
    Metric(
        "long_edge",
        "long edge",
        "px",
        "case when width > height then width else height end",
        (100, 200, 400, 800, 1200, 4000, 6000, 12_000),
    ),
    Metric(
        "megapixels",
        "megapixels",
        "MP",
        "cast(width as hugeint) * height / 1e6",
        (0.05, 0.1, 0.25, 0.5, 2, 4, 8, 12, 24, 48),
        1e-6,
    ),
    Metric(
        "aspect_ratio",
        "aspect ratio, width to height",
        "",
        "cast(width as double) / nullif(height, 0)",
        (0.25, 0.5, 0.56, 0.66, 0.74, 0.9, 1.1, 1.34, 1.51, 1.78, 2, 4),
    ),
    Metric(
        "bytes",
        "file size",
        "bytes",
        "bytes",
        (1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 2e6, 2e7),
    ),
    Metric(
        "tokens",
        "visual tokens",
        "tokens",
        "{tier}tokens",
        (100, 200, 400, 600, 800, 1000, 1200, 1400, 2000, 2500, 3000, 3500, 4000),
    ),
    Metric(
        "quality",
        "JPEG quality",
        "",
        "quality",
        (10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 100),
    ),
)
"""In the order of the report."""


def distributions(store: Store, markers: Sequence[tuple[AxisMarker, ...]]) -> tuple[Distribution, ...]:
    """The exact distribution of each metric over all images that have it; its markers split bins too."""
    edges = [
        sorted({*metric.edges, *(edge_of(marker, metric.step) for marker in some)})
        for metric, some in zip(METRICS, markers, strict=True)
    ]
    values = [metric.sql.replace("{tier}", store.tier) for metric in METRICS]
    found = store.summaries(list(zip(values, edges, strict=True)))
    return tuple(
        _distribution(metric, edges, some, numbers, doubtful=bool(store.limits.tier.alternatives))
        for metric, edges, some, numbers in zip(METRICS, edges, markers, found, strict=True)
    )


def _distribution(
    metric: Metric,
    edges: Sequence[float],
    markers: tuple[AxisMarker, ...],
    found: NumberSummary,
    *,
    doubtful: bool,
) -> Distribution:
    bins = tuple(map(Bin, (None, *edges), (*edges, None), found.bins))
    return Distribution(
        name=metric.name,
        title=f"{metric.title}, at most" if metric.unit == "tokens" and doubtful else metric.title,
        unit=metric.unit,
        images=found.images,
        minimum=found.lowest,
        maximum=found.highest,
        mean=found.mean,
        quantiles=tuple(zip(SHARES, found.quantiles, strict=False)),
        bins=_trimmed(bins, [edge_of(marker, metric.step) for marker in markers]),
        marks=markers,
    )


def edge_of(marker: AxisMarker, step: float = 1) -> float:
    """The bin edge for a marker: a value equal to the limit belongs to the images within it."""
    return marker.value if marker.least else marker.value + step / 2


def _trimmed(bins: tuple[Bin, ...], markers: Sequence[float]) -> tuple[Bin, ...]:
    """The bins without the empty ones at both ends, but up to the first marker that no image reaches."""
    filled = [i for i, item in enumerate(bins) if item.images]
    if not filled:
        return ()
    end = bins[filled[-1]].high
    beyond = min((marker for marker in markers if end is not None and marker >= end), default=None)
    last = filled[-1] if beyond is None else [item.low for item in bins].index(beyond)
    return bins[filled[0] : last + 1]


FOLDERS = 200
SIZES = 50

_EXAMPLES = "first_places(source, member, row, pointer)"
_IS_LINK = f"coalesce(skipped like '{SAME_FILE}%', false)"
OTHER_NAMES = "another name of a file that is read: a link, or a file that a list names"
"""The reason that all other names of files have together."""


class AuditContext(NamedTuple):
    """What the rows do not contain: the limits data, the rules, the names of the sources, notes for readers.

    `models` are the models to compare.
    """

    data: LimitsData
    rules: Sequence[AnyRule]
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    models: tuple[Limits, ...] = ()


def aggregate(store: Store, about: AuditContext) -> AuditStatistics:
    """The statistics of all rows in the store."""
    limits = store.limits
    folders, folders_total = _folders(store)
    sizes, sizes_total = _sizes(store)
    rules = _rules(store, about.rules)
    tiers = sums_of_tiers(store, about.data)
    return AuditStatistics(
        model=limits.model,
        platform=limits.platform,
        tier=limits.tier.name,
        sources=about.sources,
        totals=totals_of(store),
        distributions=distributions(
            store, [axis_markers_of(metric.name, limits, about.data, rules) for metric in METRICS]
        ),
        folders=folders,
        folders_total=folders_total,
        formats=_formats(store),
        sizes=sizes,
        sizes_total=sizes_total,
        rules=rules,
        costs=cost_rows(store, about.data, tiers),
        models=model_rows(store, about.models),
        tiers=tier_rows(about.data, tiers),
        duplicates=duplicates_of(store),
        offenders=worst_images(store, rules),
        skips=_skips(store),
        notes=about.notes,
    )


def totals_of(store: Store) -> Totals:
    """The headline numbers."""
    tier, limits = store.tier, store.limits
    area = "cast(width as hugeint) * height"
    planned = f"cast({tier}planned_width as hugeint) * {tier}planned_height"
    resized = f"{planned} < {area}"
    *counts, unchanged, base64, pixels, tokens, tokens_after, doubt, doubt_after, links = store.one(
        f"""select count(*) filter (where subject = 'image'), count(*) filter (where subject = 'request'),
        count(*) filter (where subject = 'document'), count(*) filter (where subject = 'skip'),
        count(*) filter (where missed), count(*) filter (where subject = 'image' and damage is not null),
        count(*) filter (where subject = 'image' and damage is null and {tier}tokens is null),
        count(*) filter (where subject = 'image' and errors > 0),
        count(*) filter (where subject = 'image' and ({tier}width <> width or {tier}height <> height)),
        count(*) filter (where errors + warnings + infos > 0),
        coalesce(sum(errors), 0), coalesce(sum(warnings), 0), coalesce(sum(infos), 0),
        coalesce(sum(silenced), 0),
        coalesce(sum(bytes) filter (where subject = 'image'), 0),
        coalesce(sum(bytes) filter (where subject = 'image' and ({resized}) is not true), 0),
        coalesce(sum(base64_bytes) filter (where subject = 'image'), 0),
        coalesce(sum_of_products(case when subject = 'image' then width end, height), 0),
        coalesce(sum({tier}tokens), 0), coalesce(sum({tier}planned_tokens), 0),
        {store.doubts}, count(*) filter (where {_IS_LINK}) from rows"""  # noqa: S608 - ours
    )
    cost, cost_after = usd(limits, tokens), usd(limits, tokens_after)
    batch = limits.batch_factor.value if limits.batch_factor else None
    costs = (cost, cost_after, *(None if batch is None else amount * batch for amount in (cost, cost_after)))
    groups = store.all(
        f"""select count(*), sum(bytes), sum(x), count(tried_bytes),
        coalesce(sum(bytes) filter (where tried_bytes is not null), 0),
        coalesce(sum(x) filter (where tried_bytes is not null), 0),
        coalesce(sum(tried_bytes), 0),
        coalesce(sum_of_products(case when tried_bytes is not null then x end, x), 0),
        coalesce(sum_of_products(x, tried_bytes), 0), coalesce(sum_of_products(tried_bytes, tried_bytes), 0)
        from (select format, bytes, tried_bytes,
            cast(round(bytes * pow(cast({planned} as double) / ({area}), {EXPONENT})) as hugeint) as x
            from rows where subject = 'image' and bytes is not null and ({resized}))
        group by format order by format nulls last"""  # noqa: S608 - ours
    )
    after = bytes_after(unchanged, (ResizedImages(*map(int, group)) for group in groups))
    return Totals._make(
        (
            *counts,
            after.bytes,
            base64,
            int(pixels),
            tokens,
            tokens_after,
            *costs,
            after.low,
            after.high,
            after.tried,
            doubt,
            doubt_after,
            links,
        )
    )


def _sums(store: Store) -> str:
    tier = store.tier
    return (
        f"count(*), coalesce(sum(bytes), 0), coalesce(sum({tier}tokens), 0), "
        f"coalesce(sum({tier}planned_tokens), 0)"
    )


def _folders(store: Store) -> tuple[tuple[FolderRow, ...], int]:
    """The folders with the highest cost, and the number of all folders."""
    found = store.all(
        f"""select folder_of(source, member) as folder, {_sums(store)}, sum(errors), sum(warnings),
        {store.doubts}, count(*) over () from rows where subject = 'image' group by folder
        order by 4 desc, 2 desc, folder limit {FOLDERS}"""  # noqa: S608 - ours
    )
    rows = tuple(
        FolderRow(
            folder=folder,
            images=images,
            byte_size=byte_size,
            tokens=tokens,
            tokens_after=after,
            cost_usd=usd(store.limits, tokens),
            cost_after_usd=usd(store.limits, after),
            errors=errors,
            warnings=warnings,
            tokens_doubt=doubt,
            after_doubt=doubt_after,
        )
        for folder, images, byte_size, tokens, after, errors, warnings, doubt, doubt_after, _ in found
    )
    return rows, found[0][-1] if found else 0


_FORMAT = "coalesce(format, case when width is not null then 'pdf page' end)"
"""A page of a document is the only image of a known size without a format."""


def _formats(store: Store) -> tuple[FormatRow, ...]:
    found = store.all(
        f"""select {_FORMAT}, {_sums(store)}, sum(errors), sum(warnings), {store.doubts}
        from rows where subject = 'image' group by 1 order by 2 desc, 1 nulls last"""  # noqa: S608 - ours
    )
    return tuple(FormatRow(*values) for values in found)


def _sizes(store: Store) -> tuple[tuple[SizeRow, ...], int]:
    """The most frequent stored sizes, and the number of all sizes."""
    tier = store.tier
    found = store.all(
        f"""select width, height, count(*), coalesce(sum({tier}tokens), 0),
        coalesce(sum({tier}planned_tokens), 0), {store.doubts}, count(*) over ()
        from rows where subject = 'image' and width is not null group by width, height
        order by 3 desc, width, height limit {SIZES}"""  # noqa: S608 - ours
    )
    rows = tuple(SizeRow(Size(width, height), *numbers) for width, height, *numbers, _ in found)
    return rows, found[0][-1] if found else 0


def _rules(store: Store, rules: Sequence[AnyRule]) -> tuple[RuleRow, ...]:
    known = {rule.code: rule for rule in rules}
    found = store.all(
        f"""select code, severity, count(*), count_places(source, member, row, row_pointer), {_EXAMPLES},
        case when min("limit") = max("limit") and count("limit") = count(*) then min("limit") end, min(unit)
        from found group by code, severity
        order by case severity when 'error' then 0 when 'warning' then 1 else 2 end, 3 desc, code"""  # noqa: S608 - ours
    )
    return tuple(
        RuleRow(
            code=code,
            name=known[code].name if code in known else code,
            summary=known[code].summary if code in known else "",
            severity=severity,
            url=page_of(known[code]) if code in known else None,
            findings=findings,
            rows=rows,
            examples=places_of(examples),
            limit=limit,
            unit=unit,
        )
        for code, severity, findings, rows, examples, limit, unit in found
    )


def _skips(store: Store) -> tuple[SkipRow, ...]:
    found = store.all(
        f"""select case when {_IS_LINK} then '{OTHER_NAMES}'
        else coalesce(skipped, damage, 'could not be read') end as reason, missed, count(*), {_EXAMPLES}
        from rows where subject = 'skip' or missed or damage like '{NOT_IMAGE} %'
        group by reason, missed order by missed desc, 3 desc, reason"""  # noqa: S608 - ours
    )
    return tuple(
        SkipRow(reason, bool(missed), items, places_of(places)) for reason, missed, items, places in found
    )
