"""Gathers the statistics from the rows, question by question; all that is told is exact."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from imgbudget.audit.costs import cost_rows, model_rows, tier_rows, usd
from imgbudget.audit.marks import marks_of
from imgbudget.audit.measures import MEASURES, distribution
from imgbudget.audit.statistics import (
    DuplicateGroup,
    Duplicates,
    FolderRow,
    FormatRow,
    RuleRow,
    SizeRow,
    SkipRow,
    Statistics,
    Totals,
    place_text,
)
from imgbudget.audit.store import PLACE_ORDER, Store
from imgbudget.engine.findings import page_of
from imgbudget.geometry import Size
from imgbudget.limits import Limits, LimitsData
from imgbudget.registry import AnyRule

FOLDERS = 200
SIZES = 50
GROUPS = 50
OFFENDERS = 48
EXAMPLES = 5

_PLACE = "{'source': source, 'member': member, 'row': row, 'pointer': pointer}"
_EXAMPLES = f"min_by({_PLACE}, ({PLACE_ORDER}), {EXAMPLES})"
_FOLDER = """case when member is null then source
    when parse_dirpath(member) = '' then source
    when source = '.' then parse_dirpath(member)
    else rtrim(source, '/') || '/' || parse_dirpath(member) end"""


class About(NamedTuple):
    """What the rows do not hold: the limits data, the rules, the names of the sources, notes for readers.

    `models` are those that the dataset is to be shown on side by side.
    """

    data: LimitsData
    rules: Sequence[AnyRule]
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    models: tuple[Limits, ...] = ()


def gather(store: Store, about: About) -> Statistics:
    """The statistics of all rows in the store."""
    limits = store.limits
    folders, folders_total = _folders(store)
    sizes, sizes_total = _sizes(store)
    rules = _rules(store, about.rules)
    return Statistics(
        model=limits.model,
        platform=limits.platform,
        tier=limits.tier.name,
        sources=about.sources,
        totals=_totals(store),
        distributions=tuple(
            distribution(store, measure, marks_of(measure.name, limits, about.data, rules))
            for measure in MEASURES
        ),
        folders=folders,
        folders_total=folders_total,
        formats=_formats(store),
        sizes=sizes,
        sizes_total=sizes_total,
        rules=rules,
        costs=cost_rows(store, about.data),
        models=model_rows(store, about.models),
        tiers=tier_rows(store, about.data),
        duplicates=_duplicates(store),
        offenders=tuple(store.worst("subject = 'image' and errors + warnings > 0", OFFENDERS)),
        skips=_skips(store),
        notes=about.notes,
    )


def _totals(store: Store) -> Totals:
    tier, limits = store.tier, store.limits
    area, planned = "width::bigint * height", f"{tier}planned_width::bigint * {tier}planned_height"
    *counts, tokens, tokens_after = store.one(
        f"""select count(*) filter (where subject = 'image'), count(*) filter (where subject = 'request'),
        count(*) filter (where subject = 'document'), count(*) filter (where subject = 'skip'),
        count(*) filter (where missed), count(*) filter (where subject = 'image' and damage is not null),
        count(*) filter (where subject = 'image' and damage is null and {tier}tokens is null),
        count(*) filter (where subject = 'image' and errors > 0),
        count(*) filter (where subject = 'image' and ({tier}width, {tier}height) <> (width, height)),
        count(*) filter (where errors + warnings + infos > 0),
        coalesce(sum(errors), 0)::bigint, coalesce(sum(warnings), 0)::bigint, coalesce(sum(infos), 0)::bigint,
        coalesce(sum(silenced), 0)::bigint,
        coalesce(sum(bytes) filter (where subject = 'image'), 0)::bigint,
        coalesce(sum(case when {planned} < {area} then ceil(bytes::double * ({planned}) / ({area}))
            else bytes end) filter (where subject = 'image'), 0)::bigint,
        coalesce(sum(base64_bytes) filter (where subject = 'image'), 0)::bigint,
        coalesce(sum({area}) filter (where subject = 'image'), 0)::bigint,
        coalesce(sum({tier}tokens), 0)::bigint, coalesce(sum({tier}planned_tokens), 0)::bigint from rows"""  # noqa: S608 - ours
    )
    cost, cost_after = usd(limits, tokens), usd(limits, tokens_after)
    batch = limits.batch_factor.value if limits.batch_factor else None
    costs = (cost, cost_after, *(None if batch is None else amount * batch for amount in (cost, cost_after)))
    return Totals._make((*counts, tokens, tokens_after, *costs))


def _sums(store: Store) -> str:
    tier = store.tier
    return (
        f"count(*), coalesce(sum(bytes), 0)::bigint, coalesce(sum({tier}tokens), 0)::bigint, "
        f"coalesce(sum({tier}planned_tokens), 0)::bigint"
    )


def _folders(store: Store) -> tuple[tuple[FolderRow, ...], int]:
    """The folders that cost most, and how many there are."""
    found = store.all(
        f"""select {_FOLDER} as folder, {_sums(store)}, sum(errors)::bigint, sum(warnings)::bigint,
        count(*) over () from rows where subject = 'image' group by folder
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
        )
        for folder, images, byte_size, tokens, after, errors, warnings, _ in found
    )
    return rows, found[0][-1] if found else 0


def _formats(store: Store) -> tuple[FormatRow, ...]:
    found = store.all(
        f"""select format, {_sums(store)}, sum(errors)::bigint, sum(warnings)::bigint
        from rows where subject = 'image' group by format order by 2 desc, format"""  # noqa: S608 - ours
    )
    return tuple(FormatRow(*values) for values in found)


def _sizes(store: Store) -> tuple[tuple[SizeRow, ...], int]:
    """The most frequent stored sizes, and how many there are."""
    tier = store.tier
    found = store.all(
        f"""select width, height, count(*), coalesce(sum({tier}tokens), 0)::bigint,
        coalesce(sum({tier}planned_tokens), 0)::bigint, count(*) over ()
        from rows where subject = 'image' and width is not null group by width, height
        order by 3 desc, width, height limit {SIZES}"""  # noqa: S608 - ours
    )
    rows = tuple(SizeRow(Size(width, height), *numbers) for width, height, *numbers, _ in found)
    return rows, found[0][-1] if found else 0


def _rules(store: Store, rules: Sequence[AnyRule]) -> tuple[RuleRow, ...]:
    known = {rule.code: rule for rule in rules}
    found = store.all(
        f"""select f.code, f.severity, count(*), count(distinct (source, member, row, pointer)), {_EXAMPLES},
        case when min(f."limit") = max(f."limit") and count(f."limit") = count(*) then min(f."limit") end,
        min(f.unit)
        from (select source, member, row, pointer, unnest(findings) as f from rows
            where errors + warnings + infos > 0)
        group by f.code, f.severity
        order by case f.severity when 'error' then 0 when 'warning' then 1 else 2 end, 3 desc, f.code"""  # noqa: S608 - ours
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
            examples=_places(examples),
            limit=limit,
            unit=unit,
        )
        for code, severity, findings, rows, examples, limit, unit in found
    )


def _duplicates(store: Store) -> Duplicates:
    """Groups by half of the hash first, which fits a register, then exactly."""
    store.connection.execute(
        """create or replace temp table halves as select hash_low from rows
        where subject = 'image' and hash_low is not null group by hash_low having count(*) > 1"""
    )
    store.connection.execute(
        f"""create or replace temp table copies as
        select hash_high, hash_low, count(*) as images, min(bytes) as bytes,
        coalesce(min({store.tier}tokens), 0) as tokens, {_EXAMPLES} as places
        from rows semi join halves using (hash_low) where subject = 'image'
        group by hash_high, hash_low having count(*) > 1"""  # noqa: S608 - ours
    )
    groups, images, extra_bytes, tokens = store.one(
        """select count(*), coalesce(sum(images - 1), 0)::bigint,
        coalesce(sum((images - 1) * bytes), 0)::bigint, coalesce(sum((images - 1) * tokens), 0)::bigint
        from copies"""
    )
    unhashed = store.one("select count(*) from rows where subject = 'image' and hash_low is null")[0]
    largest = store.all(
        f"""select printf('%016x%016x', hash_high, hash_low) as digest, images, bytes, tokens, places
        from copies order by (images - 1) * bytes desc, digest limit {GROUPS}"""  # noqa: S608 - ours
    )
    return Duplicates(
        groups=groups,
        extra_images=images,
        extra_bytes=extra_bytes,
        extra_tokens=tokens,
        unhashed=unhashed,
        largest=tuple(DuplicateGroup._make((*values, _places(places))) for *values, places in largest),
    )


def _skips(store: Store) -> tuple[SkipRow, ...]:
    found = store.all(
        f"""select skipped, missed, count(*), {_EXAMPLES} from rows where subject = 'skip'
        group by skipped, missed order by missed desc, 3 desc, skipped"""  # noqa: S608 - ours
    )
    return tuple(SkipRow._make((*values, _places(places))) for *values, places in found)


def _places(examples: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(place_text(**place) for place in examples)
