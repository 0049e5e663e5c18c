"""`imgbudget size`: how a model resizes, pads and prices an image size, for a size alone or for images."""

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from imgbudget.cli.command import Command, argument, flag, option
from imgbudget.cli.options import (
    CLIENT_FIRST,
    ConfigOptions,
    ModelOptions,
    OutputOptions,
    codes,
    run_options,
)
from imgbudget.cli.output import chosen_formats, say, say_warnings, write_formats
from imgbudget.cli.targets import ALL, limits_of_all
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.fields import DETAILS
from imgbudget.limits.geometry import Size
from imgbudget.limits.model_ids import nearest_names
from imgbudget.linter.run import Session, run
from imgbudget.model.clients import size_as_sent
from imgbudget.model.subjects import ProbeField
from imgbudget.output.records import TOOL, VERSION
from imgbudget.output.size import (
    Measured,
    group_records,
    grouped,
    side_by_side,
    single,
    size_record,
    table_records,
)

if TYPE_CHECKING:
    from imgbudget.model.clients import ClientImage
    from imgbudget.model.results import FileResult
    from imgbudget.model.subjects import ImageFacts

FORMATS = ("full", "json")
_SIZE = re.compile(r"([1-9]\d{0,8})[xX×]([1-9]\d{0,8})")


def is_size(text: str) -> bool:
    """Whether a text is a size, whatever files there are."""
    return _SIZE.fullmatch(text.strip()) is not None


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

    sizes: Annotated[tuple[str, ...], argument("WxH|IMAGE...", many=True)] = ()
    provider: ModelOptions = ModelOptions()
    client: Annotated[str | None, CLIENT_FIRST] = None
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

    Give sizes, image files, folders or requests; the EXIF orientation of a file is applied first. Several
    models at once: --model a,b. With --model all, the models in service that make the same of an image are
    on one line.
    """
    if not options.sizes and not options.table:
        raise UsageError("give at least one size such as 1920x1080 or an image file, or --table")
    formats = chosen_formats(options.output.formats, FORMATS)
    detail = _detail(options.detail)
    models = codes((options.provider.model or "",))
    several = len(models) > 1 or models == (ALL,)
    asked = run_options(
        provider=options.provider._replace(model=models[0] if models and not several else None),
        settings=options.settings,
        verbose=options.output.verbose,
        client=options.client or "",
    )
    session = Session(asked._replace(fields=MEASURES))
    bound = limits_of_all(session, models) if several else (session.context.limits(),)
    found = [row for text in options.sizes for row in measured(session, text)]
    notes: dict[str, None] = {}
    if options.table and options.client:
        notes[f"the table is of sizes as the API receives them, whatever {options.client} sends"] = None
    if several:
        rows = [_row(row, limits, detail, notes) for limits in bound for row in found]
    else:
        rows = [_row(row, row.limits, detail, notes) for row in found]
    bound = tuple(dict.fromkeys([row.limits for row in rows] or [_at(one, detail, notes) for one in bound]))
    show = single
    if ALL in models:
        show = grouped
    elif several and len({limits.platform for limits in bound}) > 1:
        show = side_by_side
    write_formats(
        formats,
        options.output.color,
        text=lambda colour: show(rows, bound, table=options.table, colour=colour),
        document=lambda: _document(rows, bound, table=options.table, several=several),
    )
    say_warnings(dict.fromkeys((*notes, *session.notes)))
    return 0


def _row(row: Measured, limits: Limits, detail: str | None, notes: dict[str, None]) -> Measured:
    """The image on a model, at the level of detail of the option, else at the one that the image asks for."""
    if detail is None:
        return row._replace(limits=limits.at(row.detail))
    return row._replace(limits=_at(limits, detail, notes), detail=detail)


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


def _at(limits: Limits, detail: str | None, notes: dict[str, None]) -> Limits:
    """The limits at a level of detail; a model that has no such level leaves a note."""
    if detail is not None and detail != "auto" and detail not in dict(limits.details):
        levels = ", ".join(name for name, _ in limits.details) or "none"
        notes[f"{limits.model} has no detail {detail} (it has {levels}): counted without"] = None
    return limits.at(detail)


def _document(
    rows: list[Measured], bound: tuple[Limits, ...], *, table: bool, several: bool
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "version": VERSION,
        "tool": TOOL,
        "sizes": [size_record(row) for row in rows],
    }
    if several:
        document["groups"] = group_records(rows)
    if table:
        document["table"] = [row for limits in bound for row in table_records(limits)]
    return document


command = Command("size", SizeOptions, show_size, formats=FORMATS)


_ON_THEIR_SIDE = (5, 6, 7, 8)
"""EXIF orientations that turn width into height (EXIF 2.32, tag 0x0112)."""

MEASURES = ProbeField.ORIENTATION | ProbeField.INTEGRITY
"""What is read of an image to give its size."""


def measured(session: Session, text: str) -> Iterator[Measured]:
    """The size that a text is, or those of the images in the file, folder or request that it names.

    A size is a size even if a file has its name, of which a note says how to name that. What a folder or
    request holds that cannot be measured is reported and passed over.

    Raises:
        UsageError: neither a size nor a path, or nothing that it names can be measured.
    """
    if _SIZE.fullmatch(text.strip()):
        if os.path.exists(text):
            say(f"warning: {text} is read as a size; write ./{text} for the file or folder of that name")
        given, profile = parse_size(text), session.context.client_profile
        row = Measured(given, session.context.limits())
        yield row if profile is None else _sent(row, size_as_sent(given, profile))
        return
    if not os.path.exists(text):
        raise UsageError(f"{text!r} is neither a size, such as 1920x1080, nor a file or folder")
    found: list[FileResult] = []
    run(session, [text], on_result=found.append, whole_run=False)
    unread = [
        f"{result.path}: {result.skipped or '; '.join(result.caveats)}" for result in found if result.missed
    ]
    rows = []
    for image in (image for result in found for image in result.images):
        size, facts = image.use.visible_size, image.use.facts
        row = Measured(size or _NO_SIZE, image.limits, image.use.location, image.use.detail)
        if size is None or facts is None:
            unread.append(f"{row.name}: {_unmeasured(facts)}")
        else:
            upright = size.transposed if facts.orientation in _ON_THEIR_SIDE else size
            row = row._replace(size=upright)
            rows.append(_sent(row, image.client) if image.client else row)
    if not rows:
        skips = [f"{result.path}: {result.skipped}" for result in found if result.skipped]
        raise UsageError(*(unread or skips or [f"{text}: holds no image"]))
    say_warnings(unread)
    yield from rows


def _sent(row: Measured, client: "ClientImage") -> Measured:
    """The image as a client sends it."""
    return row._replace(size=client.upright_size or row.size, original=row.size, client=client)


_NO_SIZE = Size(0, 0)


def _unmeasured(facts: "ImageFacts | None") -> str:
    """Why an image has no size that counts, as a clause."""
    if facts is None:
        return "its bytes are elsewhere, so its size is not known"
    if facts.damage is not None:
        return f"cannot be decoded: {facts.damage}"
    return f"is not an image but {facts.content}" if facts.content else "holds no size that can be read"
