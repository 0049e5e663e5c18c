"""The output formats of an audit: text for a terminal, JSON, Markdown. CSV is in `csvtable`."""

from collections.abc import Iterator
from typing import Any

from imgbudget.auditing.changes import changes_text, comparison_sections
from imgbudget.auditing.empty import EmptyArgument
from imgbudget.auditing.ends import ranged_record, tokens_after_text, tokens_text, usd_text
from imgbudget.auditing.figures import Section, amount, part, size, usd
from imgbudget.auditing.savings import DatasetSaving, savings
from imgbudget.auditing.statistics import (
    AuditStatistics,
    Bin,
    CopyCost,
    CostRow,
    Distribution,
    Duplicates,
    Totals,
)
from imgbudget.model.subjects import NOT_IMAGE
from imgbudget.namedtuples import NamedTuple
from imgbudget.output.base import TextTable, count, figure, paragraphs
from imgbudget.output.records import TOOL, VERSION, indented
from imgbudget.printable import blocks, joined, painted
from imgbudget.printable import markdown as words

SHOWN = 10
"""Rows of a table that are shown at most."""


def headline(statistics: AuditStatistics) -> tuple[str, ...]:
    """The most important results, one sentence per line."""
    totals = statistics.totals
    subjects = [count(totals.images, "image")]
    if totals.requests:
        subjects.append(count(totals.requests, "request"))
    batches = usd_text(totals, "batch_cost_usd", usd)
    lines = [
        f"{', '.join(subjects)}, {size(totals.byte_size)}, {tokens_text(totals)} visual tokens on "
        f"{statistics.model} ({statistics.platform}): {usd_text(totals, 'cost_usd', usd)}"
        + (f", {batches} in batches" if batches else "")
    ]
    if totals.refused:
        lines.append(f"{count(totals.refused, 'image')} with errors ({part(totals.refused, totals.images)})")
    if totals.resized:
        lines.append(
            f"{count(totals.resized, 'image')} larger than the model uses "
            f"({part(totals.resized, totals.images)}): resized before sending, {size(totals.byte_size)} "
            f"become {after_text(totals)}"
        )
    if totals.tokens_after != totals.tokens:
        cost = usd_text(totals, "cost_after_usd", usd)
        lines.append(f"after the plan {tokens_after_text(totals)} visual tokens, {cost}")
    if statistics.duplicates.extra_images:
        lines += _copies(statistics)
    lines += (*_asked(statistics), *_changes(statistics))
    if totals.unreadable:
        lines.append(f"{count(totals.unreadable, 'image')} that cannot be decoded; not included in the costs")
    if totals.unmeasured:
        unsized = count(totals.unmeasured, "image")
        lines.append(f"{unsized} of unknown size (vectors, URLs, file ids); not included in the costs")
    lines += _skipped(totals)
    if totals.missed:
        lines.append(f"{count(totals.missed, 'item')} could not be read")
    return tuple(lines)


def _skipped(totals: Totals) -> Iterator[str]:
    """How many items were skipped, and how many of them are other names of files."""
    if totals.skipped > totals.links:
        yield f"{count(totals.skipped - totals.links, 'item')} skipped"
    if totals.links:
        yield f"{count(totals.links, 'other name')} of files that are read (links): each file is counted once"


def _copies(statistics: AuditStatistics) -> tuple[str, str]:
    """What copies cost, and what is left of the plan without them."""
    totals, copies = statistics.totals, statistics.duplicates
    cost = copies.cost
    rest = _without(totals, cost)
    tokens, share = tokens_text(cost), part(cost.tokens, totals.tokens)
    money, after = usd_text(cost, "cost_usd", usd), usd_text(rest, "cost_after_usd", usd)
    return (
        f"{copies_text(copies)}: {size(cost.byte_size)}, {tokens} tokens, {money} ({share} of the tokens)",
        f"without copies, and after the plan, {tokens_after_text(rest)} visual tokens, {after}",
    )


def _asked(statistics: AuditStatistics) -> Iterator[str]:
    """What near duplicates cost, which images are in several sets, and which rows are too long, if asked."""
    near, long = statistics.near, statistics.long_rows
    if near is not None and near.images:
        yield (
            f"{count(near.images, 'near duplicate')} of other images: {size(near.byte_size)}, "
            f"{figure(near.tokens)} tokens, {usd(near.cost_usd)}"
        )
    if near is not None and (missing := statistics.totals.images - near.compared):
        why = "their pixels are not stored, or cannot be decoded"
        yield f"{count(missing, 'image')} not compared with others: {why}"
    if near is not None and near.leaks:
        yield f"{count(near.leaks, 'image')} that several parts of a split have, or another set (IB912)"
    if long is not None:
        yield (
            f"{figure(long.rows)} of {count(long.of, 'row')} with more than {figure(long.max_length)} image "
            f"tokens on {statistics.model}: cut or left out in training, whatever their text"
        )


def _changes(statistics: AuditStatistics) -> tuple[str, ...]:
    """What has changed since the earlier audit, if there is one."""
    comparison = statistics.comparison
    return () if comparison is None else (f"compared with {comparison.folder}: {changes_text(comparison)}",)


def copies_text(copies: Duplicates) -> str:
    """How many copies there are, with how certain that is."""
    probable, images = copies.probable.images, copies.extra_images
    of = "of other images"
    if not probable:
        return f"{count(images, 'copy', 'copies')} {of}"
    if probable == images:
        return f"probably {count(images, 'copy', 'copies')} {of} (only samples of their bytes were compared)"
    return (
        f"{count(images, 'copy', 'copies')} {of}, {figure(probable)} of them probably (only samples of their "
        "bytes were compared)"
    )


def _without(totals: Totals, cost: CopyCost) -> Totals:
    """The totals after the plan without copies."""
    return totals._replace(
        tokens_after=totals.tokens_after - cost.tokens_after,
        after_doubt=totals.after_doubt - cost.after_doubt,
        cost_after_usd=totals.cost_after_usd - cost.cost_after_usd,
    )


def after_text(totals: Totals) -> str:
    """The bytes after the plan, or the range that they are in and how many images it follows from."""
    low, high = size(totals.bytes_after_low), size(totals.bytes_after_high)
    if totals.bytes_after_low == totals.bytes_after_high:
        return low
    tried = f"{figure(totals.tried)} of {count(totals.resized, 'image')} encoded"
    return f"{low if low == high else f'{low} to {high}'} ({tried})"


def sections(statistics: AuditStatistics) -> Iterator[Section]:
    """The tables that are not empty, the most important first."""
    made = (
        *comparison_sections(statistics),
        _savings(statistics),
        _rules(statistics),
        _models(statistics),
        _costs(statistics),
        _tiers(statistics),
        _quantiles(statistics),
        _formats(statistics),
        _folders(statistics),
        _offenders(statistics),
        _duplicates(statistics),
        _near(statistics),
        _long_rows(statistics),
        _skips(statistics),
    )
    for section in made:
        if section.rows:
            yield section


def _savings(statistics: AuditStatistics) -> Section:
    rows = tuple(
        (
            item.title,
            figure(item.images),
            saved_text(item),
            figure(item.tokens) if item.tokens else "",
            usd(item.cost_usd) if item.cost_usd else "",
            item.advice,
        )
        for item in savings(statistics)
    )
    note = "each by itself; together they are less than the sum" if len(rows) > 1 else ""
    head = ("what", "images", "bytes", "tokens", "cost", "what to do")
    return Section("Savings, the largest first", head, rows, frozenset({1, 2, 3, 4}), note)


def saved_text(item: DatasetSaving) -> str:
    """The bytes that a change saves, empty for none."""
    return f"{'about ' * item.estimated}{size(item.byte_size)}" if item.byte_size else ""


def _rules(statistics: AuditStatistics) -> Section:
    rows = tuple(
        (
            rule.code,
            rule.name,
            rule.severity,
            figure(rule.findings),
            figure(rule.rows),
            next(iter(rule.examples), ""),
        )
        for rule in statistics.rules
    )
    return Section(
        "Findings", ("rule", "name", "severity", "findings", "images", "for example"), rows, frozenset({3, 4})
    )


def _costs(statistics: AuditStatistics) -> Section:
    """One row per model and group of platforms with the same costs and rejections."""
    alike: dict[tuple[str, ...], list[CostRow]] = {}
    for row in statistics.costs:
        if row.retired is None and row.cost_usd is not None:
            numbers = (figure(row.tokens), usd(row.cost_usd), usd(row.cost_after_usd), figure(row.refused))
            alike.setdefault((row.model, row.tier, *numbers), []).append(row)
    platforms = {row.platform for row in statistics.costs}
    rows = []
    for (model, tier, tokens, plain, after, refused), group in alike.items():
        names = "all" if len(group) == len(platforms) else ", ".join(row.platform for row in group)
        batch = next((usd(row.batch_cost_usd) for row in group if row.batch_cost_usd is not None), "")
        rows.append((model, names, tier, tokens, plain, batch, after, refused))
    head = ("model", "platforms", "tier", "tokens", "plain", "batch", "after the plan", "refused")
    note = (
        "input tokens of the images only, at list price; refused: images that the platform rejects for their "
        "own bytes, edges, format or damage (errors of requests and budgets do not count)"
    )
    return Section("Cost by model", head, tuple(rows), frozenset({3, 4, 5, 6, 7}), note)


def _models(statistics: AuditStatistics) -> Section:
    """The models to compare, each by the rule of its provider."""
    rows = tuple(
        (
            row.model,
            row.platform,
            row.tier,
            tokens_text(row),
            "unknown" if row.cost_usd is None else usd_text(row, "cost_usd", usd),
            usd_text(row, "batch_cost_usd", usd),
            "unknown" if row.cost_after_usd is None else usd_text(row, "cost_after_usd", usd),
            figure(row.resized),
            figure(row.refused),
        )
        for row in statistics.models
    )
    head = (
        *("model", "platform", "tier", "tokens", "plain", "batch"),
        *("after the plan", "resized", "refused"),
    )
    note = "each model by the rule of its provider; imgbudget limits --model ID shows how certain it is"
    return Section("Models side by side", head, rows, frozenset({3, 4, 5, 6, 7, 8}), note)


def _tiers(statistics: AuditStatistics) -> Section:
    rows = tuple(
        (
            row.tier,
            f"{row.max_edge} px, {row.max_tokens} tokens",
            figure(row.resized),
            figure(row.tokens),
            "" if row.times is None else f"{row.times:.2f}",
            part(row.pixels_seen, row.pixels),
        )
        for row in statistics.tiers
    )
    head = ("tier", "at most", "images resized", "tokens", "times", "pixels used")
    return Section("Resolution tiers", head, rows, frozenset({2, 3, 4, 5}))


def _quantiles(statistics: AuditStatistics) -> Section:
    shares = next((item.quantiles for item in statistics.distributions if item.quantiles), ())
    rows = tuple(
        (
            item.title if item.unit in item.title else f"{item.title}, {item.unit}",
            figure(item.images),
            *(
                amount(value)
                for value in (item.minimum, *(value for _, value in item.quantiles), item.maximum)
            ),
        )
        for item in statistics.distributions
        if item.images
    )
    head = ("metric", "images", "min", *(f"{share:.0%}" for share, _ in shares), "max")
    return Section("Distributions", head, rows, frozenset(range(1, len(head))))


def _formats(statistics: AuditStatistics) -> Section:
    rows = tuple(
        (
            row.format or "not known",
            figure(row.images),
            size(row.byte_size),
            tokens_text(row),
            figure(row.errors),
        )
        for row in statistics.formats
    )
    return Section("Formats", ("format", "images", "size", "tokens", "errors"), rows, frozenset({1, 2, 3, 4}))


def _folders(statistics: AuditStatistics) -> Section:
    rows = tuple(
        (
            row.folder,
            figure(row.images),
            size(row.byte_size),
            tokens_text(row),
            usd_text(row, "cost_usd", usd),
            figure(row.errors),
        )
        for row in statistics.folders[:SHOWN]
    )
    more = statistics.folders_total - len(rows)
    note = f"and {count(more, 'folder')} more" if more > 0 else ""
    head = ("folder", "images", "size", "tokens", "cost", "errors")
    return Section("Folders by tokens", head, rows, frozenset({1, 2, 3, 4, 5}), note)


def _offenders(statistics: AuditStatistics) -> Section:
    rows = tuple(
        (
            row.place,
            str(row.size or ""),
            size(row.byte_size) if row.byte_size is not None else "",
            " ".join(dict.fromkeys(finding.code for finding in row.findings)),
        )
        for row in statistics.offenders[:SHOWN]
    )
    return Section("Worst images", ("image", "px", "size", "findings"), rows, frozenset({1, 2}))


def _duplicates(statistics: AuditStatistics) -> Section:
    rows = tuple(
        (
            figure(group.images),
            size(group.byte_size),
            size(group.byte_size * (group.images - 1)),
            tokens_text(group, group.images - 1),
            usd(group.extra_cost_usd),
            "all bytes" if group.certain else "samples",
            ", ".join(group.places[:3]),
        )
        for group in statistics.duplicates.largest[:SHOWN]
    )
    more = statistics.duplicates.groups - len(rows)
    note = f"and {count(more, 'group')} more; " if more > 0 else ""
    note += "copies: all images of a group but one; --dedupe-list FILE lists which to keep"
    head = ("images", "size each", "copies", "tokens", "cost", "compared", "locations")
    return Section("Duplicates", head, rows, frozenset({0, 1, 2, 3, 4}), note)


def _near(statistics: AuditStatistics) -> Section:
    near = statistics.near
    groups = near.largest[:SHOWN] if near else ()
    rows = tuple(
        (figure(group.images), size(group.byte_size), figure(group.tokens), ", ".join(group.places[:3]))
        for group in groups
    )
    more = near.groups - len(rows) if near else 0
    note = f"and {count(more, 'group')} more; " if more > 0 else ""
    note += "size and tokens are those of all but the first; images with the same bytes count once"
    head = ("images", "size", "tokens", "locations")
    return Section("Near duplicates", head, rows, frozenset({0, 1, 2}), note)


def _long_rows(statistics: AuditStatistics) -> Section:
    found = statistics.long_rows
    title = "Rows" if found is None else f"Rows over {figure(found.max_length)} image tokens"
    listed = found.longest[:SHOWN] if found else ()
    rows = tuple((row.place, figure(row.images), figure(row.tokens)) for row in listed)
    more = found.rows - len(rows) if found else 0
    note = f"and {count(more, 'row')} more; --format json lists them" if more > 0 else ""
    return Section(title, ("row", "images", "tokens"), rows, frozenset({1, 2}), note)


def _skips(statistics: AuditStatistics) -> Section:
    rows = tuple(
        (row.reason, figure(row.items), next(iter(row.examples), "")) for row in statistics.skips[:SHOWN]
    )
    more = len(statistics.skips) - len(rows)
    note = f"and {count(more, 'reason')} more" if more > 0 else ""
    none = any(row.reason.startswith(NOT_IMAGE) for row in statistics.skips)
    title = "Skipped, or no image" if none else "Skipped"
    return Section(title, ("reason", "items", "for example"), rows, frozenset({1}), note)


def bin_label(distribution: Distribution, item: Bin) -> str:
    """A bin in words: `1568 to 2000 px`."""
    unit = f" {distribution.unit}" if distribution.unit else ""
    if item.low is None:
        return f"under {amount(item.high)}{unit}"
    if item.high is None:
        return f"{amount(item.low)}{unit} and more"
    return f"{amount(item.low)} to {amount(item.high)}{unit}"


class RunFacts(NamedTuple):
    """How a run went: partitions, how many of them an earlier run had finished, why items were lost.

    `without_images` are the arguments in which no image was found; `empty` has the same with the reasons.
    """

    partitions: int
    resumed: int
    lost: tuple[str, ...]
    without_images: tuple[str, ...] = ()
    empty: tuple[EmptyArgument, ...] = ()


def document(statistics: AuditStatistics, run: RunFacts) -> str:
    """The whole document."""
    parts = {"version": VERSION, "tool": TOOL, "run": plain(run), "statistics": plain(statistics)}
    return indented(parts)


def plain(value: Any) -> Any:
    """A value of named tuples as dictionaries and lists; floats are rounded to nine decimals."""
    if hasattr(value, "_asdict"):
        if type(value).__name__ == "Size":
            return list(value)
        return ranged_record(value, plain)
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    return round(value, 9) if isinstance(value, float) else value


def markdown(statistics: AuditStatistics) -> str:
    """The whole report."""
    parts = ["# Image audit\n", joined([f"- {words(line)}" for line in headline(statistics)])]
    parts += [_section(section) for section in sections(statistics)]
    return blocks(parts)


def _section(section: Section) -> str:
    rules = ["--:" if i in section.right else "---" for i in range(len(section.head))]
    rows = [section.head, tuple(rules), *(tuple(map(words, row)) for row in section.rows)]
    table = joined(f"| {' | '.join(row)} |" for row in rows)
    note = joined(["", words(section.note)]) if section.note else ""
    return blocks((joined([f"## {section.title}"]), table + note))


def audit_text(statistics: AuditStatistics, *, colour: bool, quiet: bool = False) -> str:
    """The headline, then one table per section; with `quiet` that of the findings only, if there are any."""
    findings = _rules(statistics)
    shown = (findings,) if findings.rows else ()
    parts = [] if quiet else [paragraphs(headline(statistics))]
    for section in shown if quiet else sections(statistics):
        table = TextTable(section.head, colour=colour)
        for row in section.rows:
            table.add(*row)
        title = joined([painted(section.title, "1") if colour else section.title])
        note = paragraphs([section.note]) if section.note else ""
        parts.append(title + table.text(right=section.right) + note)
    return blocks(parts)
