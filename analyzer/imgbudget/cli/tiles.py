"""`imgbudget tiles`: cut a long strip or a dense scan into tiles that the model looks at in full."""

import json
import sys
from typing import Any

import click

from imgbudget.cli.options import config_options, model_options, output_options, wishes
from imgbudget.cli.output import Sink, parse_formats, say, wants_colour
from imgbudget.cli.subjects import Subject, subjects
from imgbudget.cli.tables import Table
from imgbudget.errors import UsageError
from imgbudget.model import Fact
from imgbudget.planner.tiles import OVERLAP, Tiling, tiling
from imgbudget.reporters.base import count, figure, money, one_line
from imgbudget.reporters.divisions import tiling_record
from imgbudget.reporters.records import TOOL, VERSION
from imgbudget.session import Session

FORMATS = ("full", "json")


@click.command("tiles")
@click.argument("images", nargs=-1, required=True, metavar="WxH|IMAGE...")
@model_options
@click.option(
    "--overlap",
    type=click.IntRange(min=0),
    default=OVERLAP,
    show_default=True,
    metavar="PX",
    help="Pixels that neighbouring tiles share at least, so that what one cuts is whole in the other.",
)
@output_options(FORMATS, "full")
@config_options
def command(**options: Any) -> int:
    """Show how to cut an image into the fewest overlapping tiles that the model looks at in full.

    For long strips and dense scans, which lose their small print when they are scaled down as a whole. Tiles
    are given row by row with the place of their upper left corner; add it to coordinates in a tile to get
    those in the image. An image file is taken as it is to be seen, its EXIF orientation applied.
    """
    formats = parse_formats(options["formats"], "full")
    for name, _ in formats:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}; tiles knows {', '.join(FORMATS)}")
    session = Session(wishes(options, want=Fact.ORIENTATION))
    cuts = [
        (subject, _cut(subject, options["overlap"]))
        for text in options["images"]
        for subject in subjects(session, text)
    ]
    for name, file in formats:
        sink = Sink(file)
        if name == "json":
            records = [tiling_record(cut, subject.path) for subject, cut in cuts]
            document = {"version": VERSION, "tool": TOOL, "tilings": records}
            sink.write(json.dumps(document, indent=1) + "\n")
        else:
            colour = file is None and wants_colour(options["color"], sys.stdout)
            sink.write("\n".join(_text(subject, cut, colour=colour) for subject, cut in cuts))
        sink.close()
    for note in session.notes:
        say(f"warning: {note}")
    return 0


def _cut(subject: Subject, overlap: int) -> Tiling:
    try:
        return tiling(subject.size, subject.limits, overlap=overlap)
    except ValueError as error:
        raise UsageError(f"{_named(subject)}{error}") from error


def _named(subject: Subject) -> str:
    return f"{one_line(subject.path)}: " if subject.path else ""


def _text(subject: Subject, cut: Tiling, *, colour: bool) -> str:
    limits, whole = cut.limits, cut.limits.tokens(cut.size)
    cost = money(limits.cost_usd(whole))
    if len(cut.tiles) == 1:
        return f"{_named(subject)}{cut.size} fits as it is: {whole} tokens on {limits.model}, {cost}\n"
    table = Table(("tile", "x", "y", "size", "tokens"), colour=colour)
    for number, tile in enumerate(cut.tiles, 1):
        table.add(str(number), str(tile.x), str(tile.y), str(tile.size), str(limits.tokens(tile.size)))
    return (
        f"{_named(subject)}{cut.size} in {count(len(cut.tiles), 'tile')} for {limits.model} on "
        f"{limits.platform}: {count(cut.columns, 'column')}, {count(cut.rows, 'row')}, neighbours share at "
        f"least {cut.overlap} px; {figure(cut.tokens)} tokens, {money(limits.cost_usd(cut.tokens))} "
        f"(as a whole it is seen as {limits.native_size(cut.size)}: {figure(whole)} tokens, {cost})\n"
        f"{table.text(right={0, 1, 2, 4})}"
    )
