"""`imgbudget tiles`: cut a long strip or a dense scan into tiles that the model sees at full size."""

from typing import Annotated, NamedTuple

from imgbudget.api.measuring import MEASURES, cut
from imgbudget.cli.checking import say_measured
from imgbudget.cli.command import FILES_FROM, Command, Number, argument, option
from imgbudget.cli.completion import files
from imgbudget.cli.options import ConfigOptions, ModelOptions, OutputOptions, run_options
from imgbudget.cli.output import chosen_formats, write_formats
from imgbudget.cli.size import measured_all
from imgbudget.errors import UsageError
from imgbudget.linter.run import Session
from imgbudget.output.base import TextTable, count, figure, money, number
from imgbudget.output.size import Measured
from imgbudget.output.split import tilings_document
from imgbudget.planner.division import OVERLAP, Tiling
from imgbudget.printable import blocks, joined

FORMATS = ("full", "json")


class TilesOptions(NamedTuple):
    """The options of `tiles`."""

    images: Annotated[tuple[str, ...], argument("WxH|IMAGE...", many=True, complete=files, needed=True)] = ()
    files_from: Annotated[tuple[str, ...], FILES_FROM] = ()
    provider: ModelOptions = ModelOptions()
    overlap: Annotated[
        int,
        option(
            "--overlap",
            type=Number(0),
            show_default=True,
            metavar="PX",
            help="Minimum overlap of neighbouring tiles in px, so that what one cuts is whole in the other.",
        ),
    ] = OVERLAP
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def tiles(options: TilesOptions) -> int:
    """Show how to cut an image into the fewest overlapping tiles that the model sees at full resolution.

    For long strips and dense scans, which lose their small print when they are downscaled as a whole. Tiles
    are listed row by row with the position of their upper left corner; add it to coordinates in a tile to get
    those in the image. The EXIF orientation of an image file is applied first.
    """
    formats = chosen_formats(options.output.formats, FORMATS)
    asked = run_options(provider=options.provider, settings=options.settings, verbose=options.output.verbose)
    session = Session(asked._replace(fields=MEASURES, nested=True))
    subjects = measured_all(session, options.images, listed=bool(options.files_from))
    cuts, others = cut(subjects.rows, options.overlap)
    subjects.errors.extend(others)
    if not cuts:
        raise UsageError(*map(str, subjects.unread))
    write_formats(
        formats,
        options.output.color,
        text=lambda colour: blocks(_text(subject, found, colour=colour) for subject, found in cuts),
        document=lambda: tilings_document(
            [(subject.location.path if subject.location else None, found) for subject, found in cuts],
            subjects.unread,
            session.narrowed(rules=False),
        ),
    )
    say_measured(session, options.output)
    return subjects.say_unread()


def _named(subject: Measured) -> str:
    return f"{subject.name}: " if subject.name else ""


def _text(subject: Measured, cut: Tiling, *, colour: bool) -> str:
    limits, whole = cut.limits, cut.limits.tokens(cut.size)
    cost = money(limits.cost_usd(whole))
    if len(cut.tiles) == 1:
        return joined(
            [f"{_named(subject)}{cut.size} fits as it is: {number(whole)} tokens on {limits.model}, {cost}"]
        )
    table = TextTable(("tile", "x", "y", "size", "tokens"), colour=colour)
    for at, tile in enumerate(cut.tiles, 1):
        table.add(str(at), str(tile.x), str(tile.y), str(tile.size), number(limits.tokens(tile.size)))
    head = (
        f"{_named(subject)}{cut.size} in {count(len(cut.tiles), 'tile')} for {limits.model} on "
        f"{limits.platform}: {count(cut.columns, 'column')}, {count(cut.rows, 'row')}, neighbours share at "
        f"least {cut.overlap} px; {figure(cut.tokens)} tokens, {money(limits.cost_usd(cut.tokens))} "
        f"(as a whole it is seen as {limits.native_size(cut.size)}: {number(whole)} tokens, {cost})"
    )
    return joined([head]) + table.text(right={0, 1, 2, 4})


command: Command[TilesOptions] = Command("tiles", TilesOptions, tiles, formats=FORMATS)
