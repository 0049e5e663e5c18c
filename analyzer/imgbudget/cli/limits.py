"""`imgbudget limits`: every limit in force for a model on a platform, with source and date."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from imgbudget.cli.options import config_options, model_options, output_options, wishes
from imgbudget.cli.output import Sink, parse_formats, say, wants_colour
from imgbudget.cli.tables import Table
from imgbudget.errors import UsageError
from imgbudget.limits import Limit, Limits, Term
from imgbudget.reporters.records import TOOL, VERSION
from imgbudget.session import Session

FORMATS = ("full", "json")
_CLAUDE = "anthropic"


@click.command("limits")
@model_options
@output_options(FORMATS, "full")
@config_options
def command(**options: Any) -> int:
    """Show every limit in force for --model on --platform, with its source, date and doubt."""
    session = Session(wishes(options))
    limits = session.bench.limits()
    for name, file in parse_formats(options["formats"], "full"):
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}; limits knows {', '.join(FORMATS)}")
        sink = Sink(file)
        if name == "json":
            sink.write(json.dumps(_document(limits), indent=1) + "\n")
        else:
            sink.write(_text(limits, colour=file is None and wants_colour(options["color"], sys.stdout)))
        sink.close()
    for note in session.notes:
        say(f"warning: {note}")
    return 0


def _document(limits: Limits) -> dict[str, Any]:
    numbers, terms = _in_force(limits)
    return {
        "version": VERSION,
        "tool": TOOL,
        "model": limits.model,
        "platform": limits.platform,
        "known": limits.known,
        "tier": limits.tier.name,
        "limits": [_record(limit) for limit in numbers],
        "terms": [_record(term) for term in terms],
        "details": [
            {
                "detail": detail,
                "tier": bound.tier.name,
                "values": [_record(value) for value in bound.tier_values],
            }
            for detail, bound in _levels(limits)
        ],
    }


def _in_force(limits: Limits) -> tuple[list[Limit], list[Term]]:
    """The numbers and the other facts; what is said of Claude's images alone is no matter of other models."""
    own = limits.counts_patches_of_28
    numbers = [limit for limit in limits.entries() if own or limit.owner != _CLAUDE]
    terms = [term for term in limits.terms if term.name != "strategy" and (own or term.owner != _CLAUDE)]
    return numbers, terms


def _levels(limits: Limits) -> Iterator[tuple[str | None, Limits]]:
    """The limits at each level of detail, first those of an image that asks for none; nothing for Claude."""
    if limits.tiers:
        yield None, limits
        for detail, _ in limits.details:
            yield detail, limits.at(detail)


def _record(value: Limit | Term) -> dict[str, Any]:
    """A number, or a fact that is a list; a number that a provider does not have is null."""
    if isinstance(value, Limit):
        what: dict[str, Any] = {"value": value.value if value.exists else None, "unit": value.unit}
    else:
        what = {"value": list(value.values), "unit": None}
    return {
        "name": value.name,
        **what,
        "owner": value.owner,
        "status": value.status,
        "source": value.source,
        "date": value.date,
        "note": value.note,
    }


def _text(limits: Limits, *, colour: bool) -> str:
    table = Table(("limit", "value", "whose", "status", "source", "date", "note"), colour=colour)
    numbers, terms = _in_force(limits)
    for value in numbers:
        _add(table, value.name, value)
    for term in terms:
        _add(table, term.name, term)
    for detail, bound in _levels(limits):
        for origin in bound.tier_values:
            _add(table, f"detail {detail}: {origin.name}" if detail else origin.name, origin)
    return f"{limits.model} on {limits.platform}: {limits.tier.name} tier\n" + table.text()


def _add(table: Table, name: str, value: Limit | Term) -> None:
    table.add(name, value.text, value.owner, value.status, value.source, value.date, value.note or "")
