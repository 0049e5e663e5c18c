"""`imgbudget split`: how to divide a request that is too much into several that fit."""

import json
import sys
from typing import Any

import click

from imgbudget.cli.aims import budget_of, budget_options
from imgbudget.cli.options import config_options, model_options, output_options, wishes
from imgbudget.cli.output import Sink, parse_formats, say, wants_colour
from imgbudget.cli.plan_text import request_name
from imgbudget.cli.tables import Table
from imgbudget.errors import UsageError
from imgbudget.planner.goal import Goal
from imgbudget.planner.split import Part, Split, split_request
from imgbudget.report import Summary
from imgbudget.reporters.base import count, figure, money
from imgbudget.reporters.divisions import split_document
from imgbudget.session import Session
from imgbudget.session.planning import Aims

FORMATS = ("full", "json")


@click.command("split")
@click.argument("requests", nargs=-1, required=True, metavar="REQUEST...")
@model_options
@budget_options
@click.option("--all", "show_all", is_flag=True, help="List requests that need not be divided, too.")
@output_options(FORMATS, "full")
@config_options
def command(**options: Any) -> int:
    """Show how to divide a request that is too much into as few as hold its images and documents.

    No image is changed: each of the requests is taken as it stands, with texts and tools repeated in each,
    the blocks in their order and a turn divided only where it does not fit by itself. `imgbudget plan` says
    whether shrinking the images would do instead. The exit code is 1 where a single image or document is
    too much for a request of its own.
    """
    formats = parse_formats(options["formats"], "full")
    for name, _ in formats:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}; split knows {', '.join(FORMATS)}")
    budget = budget_of(options)
    session = Session(wishes(options))
    aims = Aims(session.bench.paths, Goal(), budget)
    stdin = sys.stdin.buffer.read() if "-" in options["requests"] else None
    summary, splits = Summary(), []
    for result in session.check(options["requests"], stdin=stdin):
        summary.add(result)
        _, most = aims.at(result.path)
        splits += [split_request(one.test, budget=most) for one in result.requests]
    for name, file in formats:
        sink = Sink(file)
        if name == "json":
            sink.write(json.dumps(split_document(splits, summary), indent=1) + "\n")
        else:
            colour = file is None and wants_colour(options["color"], sys.stdout)
            sink.write(_text(splits, show_all=options["show_all"], colour=colour))
        sink.close()
    for note in session.notes:
        say(f"warning: {note}")
    if not splits:
        say("warning: no requests found")
    for path, reason in summary.skipped:
        say(f"warning: {path}: skipped: {reason}")
    return 0 if all(split.fits for split in splits) else 1


def _text(splits: list[Split], *, show_all: bool, colour: bool) -> str:
    divided = [split for split in splits if len(split.parts) > 1 or not split.fits]
    texts = [_split_text(split, colour=colour) for split in (splits if show_all else divided) if split.parts]
    whole = len(splits) - len(divided)
    texts.append(f"{figure(whole)} of {count(len(splits), 'request')} fit as they stand\n")
    return "\n".join(texts)


def _split_text(split: Split, *, colour: bool) -> str:
    table = Table(
        ("part", "from", "to", "images", "documents", "pages", "bytes", "tokens", "cost", ""), colour=colour
    )
    for number, part in enumerate(split.parts, 1):
        whole = part.whole
        table.add(
            str(number),
            whole.first.location or "",
            whole.last.location or "",
            figure(whole.images),
            figure(whole.documents) if split.request.documents else "",
            figure(whole.pages) if split.request.documents else "",
            figure(part.byte_size),
            figure(whole.tokens),
            money(split.limits.cost_usd(whole.tokens)),
            _note(part),
        )
    parts = len(split.parts)
    return (
        f"{request_name(split.request.place, split.request.line)}: "
        f"{count(len(split.request.images), 'image')}, {count(split.request.byte_size, 'byte')} "
        f"for {split.limits.model} on {split.limits.platform}: "
        f"{f'divide it into {parts} requests' if parts > 1 else 'one request'}\n"
        f"{table.text(right={0, 3, 4, 5, 6, 7, 8})}"
    )


def _note(part: Part) -> str:
    return f"too much by itself: {'; '.join(part.reasons)}" if part.reasons else ""
