"""The HTML report: one file made of statistics, rows and thumbnails, without any external resources."""

import json
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
from markupsafe import Markup

from imgbudget.auditing.costs import usd as cost_usd
from imgbudget.auditing.ends import tokens_text, usd_text
from imgbudget.auditing.figures import size, usd
from imgbudget.auditing.formats import after_text, copies_text
from imgbudget.auditing.html import changes, charts, tables
from imgbudget.auditing.html.alike import Thumbnails, alike_pictures
from imgbudget.auditing.html.names import (
    CommonPrefix,
    display_name,
    dollars,
    facts_text,
    measured,
    percent,
    split_name,
)
from imgbudget.auditing.html.tables import cost_grid, model_grid, platform_grid, price_groups
from imgbudget.auditing.savings import savings
from imgbudget.auditing.statistics import AuditStatistics, FoundCode, Row, RuleRow, TierRow, Totals
from imgbudget.auditing.store import Store
from imgbudget.output.base import between, count, figure
from imgbudget.output.pagepolicy import packaged, policy
from imgbudget.version import __version__

if TYPE_CHECKING:
    from imgbudget.auditing.html.textviews import TextView, TextViews

MOST_ROWS = 20_000
"""Rows in the page at most."""

MOST_BYTES = 680_000
"""Bytes of these rows at most, so that the page without thumbnails stays below 1 MB."""

_SEVERITIES = ("error", "warning", "info")
_WHERE = "subject <> 'skip'"


class EmbeddedRows(NamedTuple):
    """The rows in the page: as JSON, their number, the number of all rows, and the first rows as values."""

    json: Markup
    rows: int
    of: int
    first: tuple[Row, ...]


def embedded_rows(store: Store, rules: Sequence[RuleRow], first: int, base: CommonPrefix) -> EmbeddedRows:
    """The worst rows, as many as fit: errors first, then the largest files."""
    of = store.one(f"select count(*) from rows where {_WHERE}")[0]  # noqa: S608 - ours
    rows = list(store.worst(_WHERE, MOST_ROWS))
    price = cost_usd(store.limits, 1_000_000)
    text = encoded(rows, rules, base, price)
    kept = len(rows)
    while len(text.encode()) > MOST_BYTES:
        kept = min(kept - 1, int(kept * MOST_BYTES / len(text.encode()) * 0.98))
        text = encoded(rows[:kept], rules, base, price)
    return EmbeddedRows(Markup(text), kept, of, tuple(rows[:first]))  # noqa: S704 - see encoded


def encoded(rows: Sequence[Row], rules: Sequence[RuleRow], base: CommonPrefix, price: float) -> str:
    """The rows as JSON that is safe inside a script element, in the order of their locations.

    `price` is in US dollars for a million tokens. A planned size that is the present one is left out. A name
    is stored as the index of its folder, the length of the prefix shared with the name before, and
    the rest.
    """
    folders, formats, kinds, sets = _Index(), _Index(), _Index(), _Index()
    columns: dict[str, list[Any]] = {
        name: [] for name in ("d", "p", "n", "f", "w", "h", "x", "y", "b", "t", "a", "q", "s")
    }
    before = ""
    for place, row in sorted(((display_name(base.row(row).place), row) for row in rows), key=itemgetter(0)):
        folder, name = split_name(place)
        shared = _shared(before, name)
        before = name
        found = dict.fromkeys(
            kinds.number(f"{item.code} {item.severity}") for item in by_severity(row.findings)
        )
        values = (
            folders.number(folder),
            shared,
            name[shared:],
            formats.number(row.format or ""),
            *(row.size or (None, None)),
            *((row.planned if row.planned != row.size else None) or (None, None)),
            row.byte_size,
            row.tokens,
            row.tokens_after,
            row.quality,
            sets.number(",".join(map(str, found))),
        )
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
    document = {
        "folders": folders.all,
        "formats": formats.all,
        "kinds": [word.split(" ") for word in kinds.all],
        "sets": [[int(part) for part in word.split(",") if part] for word in sets.all],
        "pages": {rule.code: [rule.name, rule.url] for rule in rules},
        "price": price or None,
        **columns,
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def by_severity(findings: Sequence[FoundCode]) -> list[FoundCode]:
    """Findings, errors first, by code."""
    return sorted(findings, key=lambda item: (_SEVERITIES.index(item.severity), item.code))


class _Index:
    """Words with consecutive numbers, in order of first use."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, word: str) -> int:
        """The number of a word."""
        return self._numbers.setdefault(word, len(self._numbers))

    @property
    def all(self) -> list[str]:
        """The words in the order of their numbers."""
        return list(self._numbers)


def _shared(before: str, name: str) -> int:
    """The length of the common prefix, up to a character beyond U+FFFF, which browsers count twice."""
    for i, (one, other) in enumerate(zip(before, name, strict=False)):
        if one != other or one > "\uffff":
            return i
    return min(len(before), len(name))


class Card(NamedTuple):
    """One headline number: title, number and explanation; `tone` is a severity or empty."""

    title: str
    number: str
    text: str
    tone: str = ""
    link: str = ""


def summary(statistics: AuditStatistics) -> str:
    """The summary: cost, errors, savings, and the effect of another tier."""
    totals = statistics.totals
    if not totals.images:
        return "There is no image in this dataset."
    what = "this one image" if totals.images == 1 else f"these {figure(totals.images)} images"
    batches = (
        ""
        if totals.batch_cost_usd is None
        else f" ({usd_text(totals, 'batch_cost_usd', dollars)} in batches)"
    )
    sent = f"Sending {what} once costs {usd_text(totals, 'cost_usd', dollars)}{batches}"
    parts = [f"{sent} with {statistics.model} on {statistics.platform}."]
    if totals.refused:
        parts.append(f"{figure(totals.refused)} {'has' if totals.refused == 1 else 'have'} errors.")
    copies = statistics.duplicates.cost
    for item in savings(statistics):
        if item.name == "copies" and copies.tokens:
            cost, share = usd_text(copies, "cost_usd", dollars), percent(copies.tokens, totals.tokens)
            parts.append(f"Copies of other images cost {cost} of that ({share}).")
        elif item.name == "near":
            share = percent(item.tokens, totals.tokens)
            parts.append(f"Near duplicates cost {dollars(item.cost_usd)} of it ({share}).")
        elif item.name == "plan" and totals.byte_size > totals.bytes_after:
            parts.append(f"The plan reduces the upload by {_share(totals)}; {_bill(totals)}.")
    mine, other = own_tier(statistics), other_tier(statistics)
    if mine is not None and other is not None and mine.tokens:
        parts.append(f"A {other.tier} model bills {other.tokens / mine.tokens:.2f} times the tokens.")
    return " ".join(parts)


def cards(statistics: AuditStatistics) -> tuple[Card, ...]:
    """The headline numbers: the cost, what saves most, errors, another tier."""
    made = (_cost(statistics), *_saved_most(statistics), _refused(statistics), _moved(statistics))
    return tuple(card for card in made if card is not None)


def _saved_most(statistics: AuditStatistics) -> list[Card | None]:
    """The cards of the plan and of copies, the larger saving first."""
    names = [item.name for item in savings(statistics)]
    found = [_saved(statistics), _copies(statistics)]
    return found[::-1] if "copies" in names[: names.index("plan") if "plan" in names else None] else found


def _cost(statistics: AuditStatistics) -> Card:
    totals = statistics.totals
    text = f"{tokens_text(totals)} visual tokens"
    if totals.images:
        text += f", {'up to ' * bool(totals.tokens_doubt)}{totals.tokens / totals.images:,.0f} an image"
    if totals.batch_cost_usd is not None:
        text += f"; {usd_text(totals, 'batch_cost_usd', dollars)} in batches"
    return Card("Cost now", usd_text(totals, "cost_usd", dollars), text, link="costs")


def _refused(statistics: AuditStatistics) -> Card:
    totals = statistics.totals
    if not totals.refused:
        return Card("Images with errors", "none", "no finding of severity error", "good", "findings")
    share = percent(totals.refused, totals.images)
    text = f"{share} of the images: the API rejects them, or a budget is exceeded"
    if totals.unreadable:
        text += f"; {figure(totals.unreadable)} cannot be decoded"
    return Card("Images with errors", figure(totals.refused), text, "error", "findings")


def _saved(statistics: AuditStatistics) -> Card:
    """What resizing before sending saves."""
    totals = statistics.totals
    tokens = totals.tokens - totals.tokens_after
    if not totals.resized and tokens <= 0:
        return Card("The plan saves", "nothing", "no image is larger than the model uses", "good")
    text = (
        f"of the upload: {size(totals.byte_size)} become {after_text(totals)}; "
        f"{count(totals.resized, 'image is', 'images are')} larger than the model uses; {_bill(totals)}"
    )
    return Card("The plan saves", _share(totals), text, link="costs")


def _copies(statistics: AuditStatistics) -> Card | None:
    """What copies cost; None if there are none."""
    copies, totals = statistics.duplicates, statistics.totals
    if not copies.extra_images:
        return None
    text = (
        f"{percent(copies.cost.tokens, totals.tokens)} of the bill, {size(copies.cost.byte_size)}: "
        f"{copies_text(copies)}"
    )
    return Card("Copies cost", usd_text(copies.cost, "cost_usd", dollars), text, "warning", "duplicates")


def _share(totals: Totals) -> str:
    """The share of the upload that the plan saves, or the range that it is in."""
    ends = (totals.bytes_after_high, totals.bytes_after_low)
    low, high = (percent(max(totals.byte_size - after, 0), totals.byte_size) for after in ends)
    return low if low == high else f"{low} to {high}"


def _bill(totals: Totals) -> str:
    """The effect of the plan on the cost."""
    money = totals.cost_usd - totals.cost_after_usd
    if money <= 0:
        return "the bill stays the same"
    if money < totals.cost_usd / 100:
        return "the bill falls by less than 1%"
    most = "up to " * bool(totals.tokens_doubt or totals.after_doubt)
    return f"the bill falls by {most}{dollars(money)} ({percent(money, totals.cost_usd)})"


def _moved(statistics: AuditStatistics) -> Card | None:
    """The cost on the other tier, with its cheapest and its most expensive model."""
    mine = own_tier(statistics)
    other = other_tier(statistics)
    if mine is None or other is None or not mine.tokens:
        return None
    text = f"the tokens: {figure(other.tokens)}"
    there = [offer for offer in price_groups(statistics.costs) if offer.row.tier == other.tier]
    if there:
        text += f"; {dollars(there[0].row.cost_usd)} on {there[0].models[0]}"
        if len(there) > 1:
            text += f", {dollars(there[-1].row.cost_usd)} on {there[-1].models[0]}"
    return Card(f"Moved to {other.tier}", f"{other.tokens / mine.tokens:.2f}×", text, link="tiers")


def own_tier(statistics: AuditStatistics) -> TierRow | None:
    """The tier of the audit's model."""
    return next((row for row in statistics.tiers if row.tier == statistics.tier), None)


def other_tier(statistics: AuditStatistics) -> TierRow | None:
    """The tier to compare with: the next larger one, for the largest the one before."""
    names = [row.tier for row in statistics.tiers]
    if statistics.tier not in names or len(names) < 2:
        return None
    i = names.index(statistics.tier)
    return statistics.tiers[i + 1 if i + 1 < len(names) else i - 1]


def remarks(statistics: AuditStatistics) -> tuple[str, ...]:
    """Remarks needed to interpret the numbers."""
    totals = statistics.totals
    found = []
    if totals.refused:
        found.append("Costs include images with errors as if the API accepted them.")
    if totals.unreadable:
        found.append(
            f"{count(totals.unreadable, 'image')} that cannot be decoded: not included in the costs."
        )
    if totals.unmeasured:
        unsized = count(totals.unmeasured, "image")
        found.append(f"{unsized} of unknown size (vectors, URLs, file ids): not included in the costs.")
    if totals.missed:
        found.append(f"{count(totals.missed, 'item')} could not be read.")
    if totals.tokens_doubt or totals.after_doubt:
        found.append(
            f"Sources contradict each other on the tokens of {statistics.model}: sums are ranges; charts and "
            "the list of images have the most."
        )
    if totals.silenced:
        found.append(f"{count(totals.silenced, 'finding')} are suppressed by ignores.")
    return (*found, *statistics.notes)


OFFENDERS = 24
"""Images that are shown with a thumbnail."""

FIRST = 100
"""Rows of the large table that are shown without JavaScript."""


class WorstImage(NamedTuple):
    """One of the worst images: `thumbnail` is a data URI, empty if there is none.

    `view` is what a model sees of its text, if that was looked for.
    """

    name: str
    folder: str
    facts: str
    findings: tuple[tuple[str, str, str, str | None, str], ...]
    thumbnail: str
    view: "TextView | None" = None


def page(
    statistics: AuditStatistics, store: Store, thumbnails: Thumbnails, views: "TextViews | None" = None
) -> str:
    """The whole page; `thumbnails` returns the available thumbnails of the given rows, by location.

    `views` does the same with what models see of their text, if that was looked for.
    """
    env = _environment()
    style, script = (_part(env, name) for name in ("report.css", "report.js"))
    style = Markup(packaged("page.css")) + style  # noqa: S704 - ours
    worst = statistics.offenders[:OFFENDERS]
    pictures = thumbnails(worst)
    seen = {} if views is None else views(worst)
    rules = {rule.code: rule for rule in statistics.rules}
    named = {code: (rule.name, rule.url) for code, rule in rules.items()}
    base = CommonPrefix(statistics.sources)
    rows = embedded_rows(store, statistics.rules, FIRST, base)
    text: str = env.get_template("report.html.jinja").render(
        policy=policy(style, script),
        style=style,
        script=script,
        version=__version__,
        statistics=base.statistics(statistics),
        totals=statistics.totals,
        sources=[display_name(name) for name in statistics.sources],
        summary=summary(statistics),
        cards=cards(statistics),
        remarks=[display_name(text) for text in remarks(statistics)],
        tables=tables,
        changes=changes,
        models=model_grid(statistics),
        matrix=cost_grid(statistics),
        platforms=platform_grid(statistics),
        charts=[(item, charts) for item in statistics.distributions if item.bins],
        offenders=[
            _offender(base.row(row), named, pictures.get(row.place, ""), seen.get(row.place)) for row in worst
        ],
        markup=Markup,
        alike=alike_pictures(statistics, store, thumbnails, base),
        rows=rows,
        first=[(*split_name(display_name(base.row(row).place)), row) for row in rows.first],
        split_name=split_name,
        by_severity=by_severity,
        named=named,
        copies_text=copies_text,
        usd_text=usd_text,
        usd=usd,
        count=count,
        figure=figure,
        between=between,
        size=size,
        cost=lambda tokens: "" if tokens is None else usd(cost_usd(store.limits, tokens) or None),
    )
    return text


def _environment() -> "jinja2.Environment":
    return jinja2.Environment(
        loader=jinja2.PackageLoader("imgbudget.auditing.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _part(env: "jinja2.Environment", name: str) -> Markup:
    """A file that is included in the page unchanged."""
    loader = env.loader
    source = loader.get_source(env, name)[0] if loader else ""
    return Markup(f"\n{source}")  # noqa: S704 - packaged with this module


def _offender(
    row: Row, named: Mapping[str, tuple[str, str | None]], picture: str, view: "TextView | None"
) -> WorstImage:
    found = tuple(
        dict.fromkeys(
            (
                item.code,
                item.severity,
                *named.get(item.code, (item.code, "")),
                measured(item.measured, item.limit, item.unit),
            )
            for item in by_severity(row.findings)
        )
    )
    folder, name = split_name(display_name(row.place))
    return WorstImage(name, folder, facts_text(row), found, picture, view)
