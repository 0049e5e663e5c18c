"""`imgbudget coords`: coordinates that a model returned, in pixels of the original image."""

import re
from typing import Annotated, Any, NamedTuple

from imgbudget.api.measuring import MEASURES, parse_size
from imgbudget.cli.checking import say_measured
from imgbudget.cli.command import Choice, Command, Number, argument, option
from imgbudget.cli.options import ConfigOptions, ModelOptions, OutputOptions, run_options
from imgbudget.cli.output import chosen_formats, write_formats
from imgbudget.cli.size import measured
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import CoordinateMap, Size, padded_size
from imgbudget.linter.run import Session
from imgbudget.model.views import coordinates
from imgbudget.output.base import TextTable
from imgbudget.output.records import TOOL, VERSION
from imgbudget.printable import joined

FORMATS = ("full", "json")
_NUMBER = r"[+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})"
_POINTS = re.compile(rf"{_NUMBER},{_NUMBER}(?:,{_NUMBER},{_NUMBER})*")


class CoordsOptions(NamedTuple):
    """The options of `coords`."""

    points: Annotated[tuple[str, ...], argument("X,Y[,X2,Y2]...", many=True)]
    original: Annotated[
        str,
        option(
            "--original",
            metavar="WxH|IMAGE",
            help="Width and height of the original image in px, or the image file.",
        ),
    ]
    sent: Annotated[
        str | None,
        option("--sent", metavar="WxH", help="Size that was sent, if the image was resized before sending."),
    ] = None
    source: Annotated[
        str,
        option(
            "--from",
            type=Choice(("sent", "original")),
            show_default=True,
            help="sent: from the image that the model saw to the original; original: the other way.",
        ),
    ] = "sent"
    display_scale: Annotated[
        float,
        option(
            "--display-scale",
            type=Number(0, float, exclusive=True),
            metavar="N",
            help="Pixels of the original per point of the screen, for clicks on HiDPI screens; usually 2.",
        ),
    ] = 1.0
    provider: ModelOptions = ModelOptions()
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def coords(options: CoordsOptions) -> int:
    """Map coordinates that the model returned to the original image.

    The model answers in pixels of the image that it saw: scaled down to its tier, without the padding.
    Points outside it are moved to its border. A box is its two corners, X,Y,X2,Y2. Normalised coordinates
    and those in a PDF cannot be mapped.
    """
    formats = chosen_formats(options.output.formats, FORMATS)
    given = [_parse(text) for text in options.points]
    asked = run_options(provider=options.provider, settings=options.settings, verbose=options.output.verbose)
    session = Session(asked._replace(fields=MEASURES, nested=True))
    originals = measured(session, options.original)
    if len(originals) > 1:
        raise UsageError(f"--original {options.original}: holds more than one image")
    limits, original = originals[0].limits, originals[0].size
    sent = parse_size(options.sent) if options.sent else original
    found = coordinates(limits, original, sent)
    mapped = [_mapped(points, found, options.source, options.display_scale) for points in given]
    write_formats(
        formats,
        options.output.color,
        text=lambda colour: _text(limits, found, sent, mapped, colour=colour),
        document=lambda: _document(limits, found, sent, options.source, mapped),
    )
    say_measured(session, options.output)
    return 0


class _Mapped(NamedTuple):
    """Numbers as given and as mapped, x and y by turns; `clamped` when a given point lay outside."""

    given: tuple[float, ...]
    mapped: tuple[float, ...]
    clamped: bool


def _parse(text: str) -> tuple[float, ...]:
    if not _POINTS.fullmatch(text):
        raise UsageError(f"{text!r} is no point; write X,Y or a box X,Y,X2,Y2 in px, such as 462,653.5")
    return tuple(float(number) for number in text.split(","))


def _mapped(points: tuple[float, ...], found: CoordinateMap, source: str, scale: float) -> _Mapped:
    """The points on the other side; those of the original are points of the screen, `scale` px each."""
    pairs = list(zip(points[::2], points[1::2], strict=True))
    if source == "sent":
        here = found.resized
        there = [found.to_original(x, y) for x, y in pairs]
        there = [(x / scale, y / scale) for x, y in there]
    else:
        here = found.original
        pairs = [(x * scale, y * scale) for x, y in pairs]
        there = [found.to_resized(x, y) for x, y in pairs]
    clamped = any(not (0 <= x <= here.width and 0 <= y <= here.height) for x, y in pairs)
    return _Mapped(points, tuple(number for pair in there for number in pair), clamped)


def _document(
    limits: Limits, found: CoordinateMap, sent: Size, source: str, mapped: list[_Mapped]
) -> dict[str, Any]:
    return {
        "version": VERSION,
        "tool": TOOL,
        "model": limits.model,
        "platform": limits.platform,
        "original": list(found.original),
        "sent": list(sent),
        "seen": list(found.resized),
        "padded": list(padded_size(found.resized)) if limits.uses_claude_patches else None,
        "scale": list(found.scale),
        "from": source,
        "points": [
            {
                "given": list(point.given),
                "mapped": [round(number, 6) for number in point.mapped],
                "clamped": point.clamped,
            }
            for point in mapped
        ],
    }


def _text(limits: Limits, found: CoordinateMap, sent: Size, mapped: list[_Mapped], *, colour: bool) -> str:
    what = str(found.original) if sent == found.original else f"{found.original}, sent as {sent},"
    x, y = found.scale
    table = TextTable(("given", "mapped", ""), colour=colour)
    for point in mapped:
        note = "taken to the border" if point.clamped else ""
        table.add(_numbers(point.given), _numbers(point.mapped), note)
    head = (
        f"{limits.model} sees {what} as {found.resized}; a pixel of it is {x:.4f} x {y:.4f} of the original"
    )
    return joined([head]) + table.text()


def _numbers(numbers: tuple[float, ...]) -> str:
    return ",".join(f"{number:.2f}".rstrip("0").rstrip(".") for number in numbers)


command: Command[CoordsOptions] = Command(
    "coords", CoordsOptions, coords, formats=FORMATS, negative_numbers=True
)
