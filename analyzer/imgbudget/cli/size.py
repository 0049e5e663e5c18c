"""`imgbudget size`: how a model resizes, pads and prices an image size, without an image."""

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from imgbudget.cli.command import Command, argument, flag, option
from imgbudget.cli.options import ConfigOptions, ModelOptions, OutputOptions, codes, run_options
from imgbudget.cli.output import chosen_formats, say, say_warnings, write_formats
from imgbudget.cli.targets import ALL, limits_of_all
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.fields import DETAILS
from imgbudget.limits.geometry import Size
from imgbudget.limits.model_ids import nearest_names
from imgbudget.linter.run import Session, run
from imgbudget.output.records import TOOL, VERSION
from imgbudget.output.size import side_by_side, single, size_record, table_records

if TYPE_CHECKING:
    from imgbudget.model.results import ImageResult

FORMATS = ("full", "json")
_SIZE = re.compile(r"([1-9]\d{0,8})[xX×]([1-9]\d{0,8})")


def parse_size(text: str) -> Size:
    """`WxH` in px as a size.

    Raises:
        UsageError: the text is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no size; write width x height in px, such as 1920x1080")
    return Size(int(match[1]), int(match[2]))


class SizeOptions(NamedTuple):
    """The options of `size`."""

    sizes: Annotated[tuple[str, ...], argument("WxH...", many=True)] = ()
    provider: ModelOptions = ModelOptions()
    detail: Annotated[
        str | None,
        option(
            "--detail",
            metavar="LEVEL",
            help="Level of detail that the image asks for (OpenAI's detail, Gemini's media resolution): "
            f"{', '.join(DETAILS)}.",
        ),
    ] = None
    table: Annotated[
        bool, flag("--table", help="Print the table of sizes that are not resized, one row per aspect ratio.")
    ] = False
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def show_size(options: SizeOptions) -> int:
    """Show how a model resizes and counts an image size: resized to, padded, tokens, cost, scale.

    Several models at once: --model a,b; all models in service, side by side: --model all.
    """
    sizes = [parse_size(text) for text in options.sizes]
    if not sizes and not options.table:
        raise UsageError("give at least one size such as 1920x1080, or --table")
    formats = chosen_formats(options.output.formats, FORMATS)
    detail = _detail(options.detail)
    models = codes((options.provider.model or "",))
    several = len(models) > 1 or models == (ALL,)
    named = models[0] if models and not several else None
    asked = run_options(
        provider=options.provider._replace(model=named),
        settings=options.settings,
        verbose=options.output.verbose,
    )
    session = Session(asked)
    bound = limits_of_all(session, models) if several else (session.context.limits(),)
    notes = [] if several else list(session.notes)
    all_limits = [_at(limits, detail, notes) for limits in bound]
    show = side_by_side if len({limits.platform for limits in bound}) > 1 else single
    write_formats(
        formats,
        options.output.color,
        text=lambda colour: show(sizes, all_limits, table=options.table, colour=colour),
        document=lambda: _document(sizes, all_limits, detail, table=options.table),
    )
    say_warnings(dict.fromkeys((*notes, *(session.notes if several else ()))))
    return 0


def _detail(text: str | None) -> str | None:
    """The level of detail, as the limits data names it.

    Raises:
        UsageError: no provider knows it.
    """
    if text is None:
        return None
    name = text.strip().lower().replace("-", "_").removeprefix("media_resolution_")
    if name not in DETAILS:
        nearest = nearest_names(name, DETAILS)
        hint = f"; did you mean {nearest[0]}?" if nearest else ""
        raise UsageError(f"unknown detail {text!r}{hint} (known: {', '.join(DETAILS)})")
    return name


def _at(limits: Limits, detail: str | None, notes: list[str]) -> Limits:
    """The limits at a level of detail; a model that has no such level leaves a note."""
    if detail is not None and detail != "auto" and detail not in dict(limits.details):
        levels = ", ".join(name for name, _ in limits.details) or "none"
        notes.append(f"{limits.model} has no detail {detail} (it has {levels}): counted without")
    return limits.at(detail)


def _document(
    sizes: list[Size], all_limits: list[Limits], detail: str | None, *, table: bool
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "version": VERSION,
        "tool": TOOL,
        "sizes": [size_record(size, limits, detail) for limits in all_limits for size in sizes],
    }
    if table:
        document["table"] = [row for limits in all_limits for row in table_records(limits)]
    return document


command = Command("size", SizeOptions, show_size, formats=FORMATS)


_ON_THEIR_SIDE = (5, 6, 7, 8)
"""EXIF orientations that turn width into height (EXIF 2.32, tag 0x0112)."""


class Subject(NamedTuple):
    """A size with the limits that it is checked against; `path` is None for a size alone."""

    path: str | None
    size: Size
    limits: Limits


def subjects(session: Session, text: str) -> Iterator[Subject]:
    """The size that a text is, or those of the images in the file or folder that it names.

    What a folder holds that cannot be measured is said and passed over.

    Raises:
        UsageError: neither a size nor a path, or a named image that cannot be measured.
    """
    if not os.path.exists(text):
        yield Subject(None, parse_size(text), session.context.limits())
        return
    found: list[ImageResult] = []
    run(session, [text], on_result=lambda result: found.extend(result.images), whole_run=False)
    if not found:
        raise UsageError(f"{text}: holds no image")
    for image in found:
        size, facts = image.use.visible_size, image.use.facts
        if size is None or facts is None:
            unsized = f"{image.use.location.path}: is no image that can be measured"
            if not os.path.isdir(text):
                raise UsageError(unsized)
            say(f"warning: {unsized}")
            continue
        upright = size.transposed if facts.orientation in _ON_THEIR_SIDE else size
        yield Subject(image.use.location.path, upright, image.limits)
