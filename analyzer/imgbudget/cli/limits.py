"""`imgbudget limits`: every limit in force for a model on a platform, with source and date."""

import json
import sys
from typing import Any

import click

from imgbudget.cli.options import config_options, model_options, output_options, wishes
from imgbudget.cli.output import Sink, parse_formats, say, wants_colour
from imgbudget.cli.tables import Table
from imgbudget.errors import UsageError
from imgbudget.limits import Limits
from imgbudget.reporters.records import TOOL, VERSION
from imgbudget.session import Session

FORMATS = ("full", "json")


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
    return {
        "version": VERSION,
        "tool": TOOL,
        "model": limits.model,
        "platform": limits.platform,
        "known": limits.known,
        "tier": limits.tier.name,
        "limits": [
            {
                "name": limit.name,
                "value": limit.value,
                "unit": limit.unit,
                "owner": limit.owner,
                "status": limit.status,
                "source": limit.source,
                "date": limit.date,
                "note": limit.note,
            }
            for limit in limits.entries()
        ],
    }


def _text(limits: Limits, *, colour: bool) -> str:
    table = Table(("limit", "value", "whose", "status", "source", "date", "note"), colour=colour)
    for limit in limits.entries():
        table.add(
            limit.name, limit.text, limit.owner, limit.status, limit.source, limit.date, limit.note or ""
        )
    return f"{limits.model} on {limits.platform}: {limits.tier.name} tier\n" + table.text()
