"""The page: statistics, rows and thumbnails in, one HTML file out that asks nobody for anything.

The same rows give the same bytes: no date, no random name. The policy in its head allows by hash the style
and the script that it holds, and images that it carries itself.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from imgbudget.audit.formats.sections import size
from imgbudget.audit.html import charts, tables, view
from imgbudget.audit.html.costgrid import cost_grid, model_grid, platform_grid
from imgbudget.audit.html.nearer import Base
from imgbudget.audit.html.rowdata import by_severity, carried
from imgbudget.audit.html.shown import measured, parted, shown
from imgbudget.audit.statistics import Row, Statistics
from imgbudget.audit.store import Store
from imgbudget.reporters.base import count, figure
from imgbudget.version import __version__

if TYPE_CHECKING:
    import jinja2

OFFENDERS = 24
"""Images that are shown with a thumbnail."""

FIRST = 100
"""Rows of the large table that can be read without a script."""

Thumbnails = Callable[[Sequence[Row]], Mapping[str, str]]


class Offender(NamedTuple):
    """One of the worst images: `thumbnail` is a data URI, empty where there is none to be had."""

    name: str
    folder: str
    facts: str
    findings: tuple[tuple[str, str, str, str | None, str], ...]
    thumbnail: str


def page(statistics: Statistics, store: Store, thumbnails: Thumbnails) -> str:
    """The whole page; `thumbnails` gives pictures by place for the worst rows, as many as it can."""
    env = _environment()
    style, script = (_part(env, name) for name in ("report.css", "report.js"))
    worst = statistics.offenders[:OFFENDERS]
    pictures = thumbnails(worst)
    rules = {rule.code: rule for rule in statistics.rules}
    named = {code: (rule.name, rule.url) for code, rule in rules.items()}
    base = Base(statistics.sources)
    rows = carried(store, statistics.rules, FIRST, base)
    text: str = env.get_template("report.html.jinja").render(
        policy=policy(style, script),
        style=style,
        script=script,
        version=__version__,
        statistics=base.statistics(statistics),
        totals=statistics.totals,
        sources=[shown(name) for name in statistics.sources],
        lead=view.lead(statistics),
        cards=view.cards(statistics),
        remarks=[shown(text) for text in view.remarks(statistics)],
        tables=tables,
        models=model_grid(statistics),
        matrix=cost_grid(statistics),
        platforms=platform_grid(statistics),
        charts=[(item, charts) for item in statistics.distributions if item.bins],
        offenders=[_offender(base.row(row), named, pictures.get(row.place, "")) for row in worst],
        rows=rows,
        first=[(*parted(shown(base.row(row).place)), row) for row in rows.first],
        parted=parted,
        by_severity=by_severity,
        named=named,
        count=count,
        figure=figure,
        size=size,
    )
    return text


def policy(style: str, script: str) -> str:
    """The content security policy for this style and this script and nothing else."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _environment() -> "jinja2.Environment":
    import jinja2  # noqa: PLC0415 - this report only

    return jinja2.Environment(
        loader=jinja2.PackageLoader("imgbudget.audit.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _part(env: "jinja2.Environment", name: str) -> Markup:
    """A file of the page that is set into it as it is."""
    loader = env.loader
    source = loader.get_source(env, name)[0] if loader else ""
    return Markup(f"\n{source}")  # noqa: S704 - packaged with this module


def _offender(row: Row, named: Mapping[str, tuple[str, str | None]], picture: str) -> Offender:
    facts = [row.format.upper()] if row.format else []
    if row.size is not None:
        facts.append(f"{row.size.width} × {row.size.height} px")
    if row.byte_size is not None:
        facts.append(size(row.byte_size))
    if row.tokens is not None:
        facts.append(f"{figure(row.tokens)} tokens")
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
    folder, name = parted(shown(row.place))
    return Offender(name, folder, ", ".join(facts), found, picture)
