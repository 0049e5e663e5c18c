"""The output formats of an audit: text for a terminal, JSON, Markdown, CSV."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from unicodedata import normalize

from imgbudget.audit.empty import EmptyArgument
from imgbudget.audit.ends import ends_cell, ranged_record, tokens_after_text, tokens_text, usd_text
from imgbudget.audit.statistics import AuditStatistics, Bin, CostRow, Distribution, Row, Totals
from imgbudget.audit.store import Store
from imgbudget.output.base import TextTable, between, count, figure
from imgbudget.output.records import TOOL, VERSION, indented
from imgbudget.printable import blocks, joined, one_line, painted
from imgbudget.printable import markdown as words

SHOWN = 10
"""Rows of a table that are shown at most."""

_LEAST_USD = 0.00005
"""Amounts below this would be shown as zero."""


class Section(NamedTuple):
    """A table with a title; the columns in `right` are right-aligned. `note` is the text below."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    note: str = ""


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
        copies = statistics.duplicates
        extra = between(copies.extra_tokens - copies.tokens_doubt, copies.extra_tokens)
        lines.append(
            f"{count(copies.extra_images, 'copy', 'copies')} of other images: "
            f"{size(copies.extra_bytes)}, {extra} tokens"
        )
    if totals.unreadable:
        lines.append(f"{count(totals.unreadable, 'image')} that cannot be decoded; not included in the costs")
    if totals.unmeasured:
        unsized = count(totals.unmeasured, "image")
        lines.append(f"{unsized} of unknown size (vectors, urls, file ids); not included in the costs")
    if totals.skipped:
        lines.append(f"{count(totals.skipped, 'item')} skipped")
    if totals.missed:
        lines.append(f"{count(totals.missed, 'item')} could not be read")
    return tuple(lines)


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
        _rules(statistics),
        _models(statistics),
        _costs(statistics),
        _tiers(statistics),
        _quantiles(statistics),
        _formats(statistics),
        _folders(statistics),
        _offenders(statistics),
        _duplicates(statistics),
        _skips(statistics),
    )
    for section in made:
        if section.rows:
            yield section


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
            row.format or "not an image",
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
        (figure(group.images), size(group.byte_size), ", ".join(group.places[:3]))
        for group in statistics.duplicates.largest[:SHOWN]
    )
    more = statistics.duplicates.groups - len(rows)
    note = f"and {count(more, 'group')} more" if more > 0 else ""
    return Section("Duplicates", ("images", "size each", "locations"), rows, frozenset({0, 1}), note)


def _skips(statistics: AuditStatistics) -> Section:
    rows = tuple(
        (row.reason, figure(row.items), next(iter(row.examples), "")) for row in statistics.skips[:SHOWN]
    )
    more = len(statistics.skips) - len(rows)
    note = f"and {count(more, 'reason')} more" if more > 0 else ""
    return Section("Skipped", ("reason", "items", "for example"), rows, frozenset({1}), note)


def bin_label(distribution: Distribution, item: Bin) -> str:
    """A bin in words: `1568 to 2000 px`."""
    unit = f" {distribution.unit}" if distribution.unit else ""
    if item.low is None:
        return f"under {amount(item.high)}{unit}"
    if item.high is None:
        return f"{amount(item.low)}{unit} and more"
    return f"{amount(item.low)} to {amount(item.high)}{unit}"


def size(byte_size: int) -> str:
    """Bytes in a suitable unit, powers of ten."""
    value = float(byte_size)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= 1000
    raise AssertionError


def usd(amount_usd: float | None) -> str:
    """An amount in USD, rounded to cents, or below a dollar to four decimals."""
    if amount_usd is None:
        return ""
    if 0 < amount_usd < _LEAST_USD:
        return "< $0.0001"
    return f"${amount_usd:,.4f}" if 0 < amount_usd < 1 else f"${amount_usd:,.2f}"


def part(some: int, whole: int) -> str:
    """A share in percent."""
    return f"{some / whole:.1%}" if whole else "0%"


def amount(value: float | None) -> str:
    """A measured number: whole numbers in full, others with three digits."""
    if value is None:
        return ""
    if float(value).is_integer():
        return figure(int(value))
    return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


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


HEAD = (
    "source",
    "member",
    "row",
    "pointer",
    "subject",
    "format",
    "width",
    "height",
    "orientation",
    "frames",
    "quality",
    "bytes",
    "base64_bytes",
    "resized",
    "tokens",
    "planned",
    "tokens_after",
    "findings",
    "hash",
    "skipped",
    "damage",
    "note",
)

_FORMULA = frozenset("=+-@\u2212")
_QUOTED = re.compile(r"[,;|\"'\t]|^[\s:]|\s$")
_CHUNK = 1 << 9


def lines(store: Store) -> Iterator[str]:
    """The lines, each with a line feed: the header, then all rows in order."""
    yield csv_line(HEAD)
    chunk = []
    for row in store.rows():
        chunk.append(csv_line(_cells(row)))
        if len(chunk) == _CHUNK:
            yield "".join(chunk)
            chunk.clear()
    yield "".join(chunk)


def csv_line(cells: Iterable[object]) -> str:
    """A line of CSV (RFC 4180), each record on one line: names in datasets are not trusted.

    Numbers are numbers. Line breaks and invisible characters in texts are escaped as in other output, a text
    that a spreadsheet could take for a formula has an apostrophe before it (OWASP, "CSV Injection"), and a
    text is in quotes where it contains what some program takes for a separator.
    """
    return ",".join(map(_csv_cell, cells)) + "\n"


def _cells(row: Row) -> tuple[object, ...]:
    return (
        row.source,
        row.member,
        row.row,
        row.pointer,
        row.subject,
        row.format,
        *(row.size or (None, None)),
        row.orientation,
        row.frames,
        row.quality,
        row.byte_size,
        row.base64_bytes,
        row.resized,
        ends_cell(row.tokens, row.tokens_doubt),
        row.planned,
        ends_cell(row.tokens_after, row.after_doubt),
        " ".join(finding.code for finding in row.findings),
        row.digest,
        row.skipped,
        row.damage,
        row.note,
    )


def _csv_cell(cell: object) -> str:
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    text = one_line(cell)
    if _begins_formula(cell):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _begins_formula(text: str) -> bool:
    """Whether the first visible character begins a formula, as spreadsheets ignore what is before it.

    Full-width signs count as the signs.
    """
    for character in text:
        if not character.isspace() and character not in "'\"" and one_line(character) == character:
            return normalize("NFKC", character)[:1] in _FORMULA
    return False


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


def audit_text(statistics: AuditStatistics, *, colour: bool) -> str:
    """The headline, then one table per section."""
    parts = [joined(headline(statistics))]
    for section in sections(statistics):
        table = TextTable(section.head, colour=colour)
        for row in section.rows:
            table.add(*row)
        title = joined([painted(section.title, "1") if colour else section.title])
        note = joined([section.note]) if section.note else ""
        parts.append(title + table.text(right=section.right) + note)
    return blocks(parts)
