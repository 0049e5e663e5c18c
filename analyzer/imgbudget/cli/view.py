"""`imgbudget view`: a page that shows an image as models see it."""

import os
from contextlib import suppress
from typing import Annotated, NamedTuple

from PIL.Image import Image

from imgbudget.api.legibility import CRASHED, ReadTask, text_worker
from imgbudget.api.measuring import MEASURES, known_detail, on_models
from imgbudget.cli.checking import say_measured
from imgbudget.cli.command import Command, argument, flag, option
from imgbudget.cli.completion import files
from imgbudget.cli.options import ConfigOptions, OutputOptions, run_options
from imgbudget.cli.output import chosen_formats, show, whole_file, write_formats
from imgbudget.cli.targets import DETAIL, ModelsOptions
from imgbudget.errors import FixError, UsageError, os_error_text
from imgbudget.fixing.imagebytes import image_bytes
from imgbudget.legibility.picture import picture_of, seen_picture
from imgbudget.limits.geometry import Size, cell_edge, publishes_size
from imgbudget.limits.values import figure
from imgbudget.linter import selection
from imgbudget.linter.models import models_at
from imgbudget.linter.pool import WorkerPool
from imgbudget.linter.run import Session, run
from imgbudget.linter.selection import require_text
from imgbudget.linter.unused import why_without
from imgbudget.model.results import FileResult, ImageResult
from imgbudget.model.subjects import MOST_DECODED, ImageFacts
from imgbudget.model.text import ImageText
from imgbudget.model.unread import why_unmeasured
from imgbudget.model.views import size_sent
from imgbudget.output.base import count
from imgbudget.output.records import TOOL, VERSION
from imgbudget.output.size import Measured, size_record
from imgbudget.output.view import MARK, ViewedImage, ViewPanel, view_page
from imgbudget.pixels.embedding import embedded
from imgbudget.printable import joined

FORMATS = ("full", "json")

MOST_SHOWN = 4_000_000
"""Px of the original in the page; what models see is shown with up to twice as many."""

MOST_PAGE = 24_000_000
"""Bytes of all pictures in the page together, before base64."""

STDOUT = "-"

_HEAD = 4096


class ViewOptions(NamedTuple):
    """The options of `view`."""

    image: Annotated[str, argument("IMAGE", complete=files)]
    output: Annotated[
        str | None,
        option(
            "-o",
            "--output",
            metavar="FILE",
            complete=files,
            help="Page to write, or - for standard output. Only an existing page of this kind is replaced.",
        ),
    ] = None
    provider: ModelsOptions = ModelsOptions()
    detail: Annotated[str | None, DETAIL] = None
    text: Annotated[
        bool,
        flag("--text", help="Also find text, and draw which of its lines are lost (extra: imgbudget[text])."),
    ] = False
    report: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def view(options: ViewOptions) -> int:
    """Write an HTML page that shows an image as models see it: downscaled, padded, with patches or tiles.

    The page is one file that loads nothing, with the sizes, tokens and cost of each model. Several models at
    once: --model a,b. With --text it shows which lines of text are kept, doubtful and lost. Of an animation
    or of several pages the first is shown.
    """
    output = options.output
    if output is None:
        raise UsageError("name the page to write: -o view.html, or -o - for standard output")
    _refuse_outputs(output, options.report)
    if options.text:
        require_text()
    detail = known_detail(options.detail)
    several = options.provider.several
    asked = run_options(
        provider=options.provider.single,
        settings=options.settings,
        verbose=options.report.verbose,
    )
    session = Session(asked._replace(fields=MEASURES, nested=True))
    notes: dict[str, None] = {}
    path, image = _one_image(session, options.image)
    size = size_sent(image)
    if size is None:
        raise UsageError(f"{image.use.location.place}: {why_unmeasured(image.use)}")
    facts, data = _bytes_of(path, image)
    try:
        picture = picture_of(data, facts)
    except FixError as error:
        raise UsageError(f"{path}: {error}") from error
    row = Measured(size, image.limits, image.use.location, image.use.detail)
    if image.client is not None:
        row = row._replace(original=Size(*picture.size), client=image.client)
    rows = on_models([row], models_at(session, several) if several else None, detail, notes)
    text = _text_of(data, facts, rows) if options.text else None
    if isinstance(text, str):
        raise UsageError(f"{path}: {text}")
    page = view_page(_view(row.name, facts, picture, rows, text))
    _write(page, output, row.name, rows, options)
    say_measured(session, options.report, notes)
    return 0


def _write(page: str, output: str, name: str, rows: list[Measured], options: ViewOptions) -> None:
    """Write the page, and what it shows in the formats, which have standard output unless the page has it."""
    if output == STDOUT:
        show(page)
    else:
        with whole_file(output) as out:
            out.write(page)
    if output == STDOUT and not options.report.formats:
        return
    line = f"{output}: {name} as {count(len(rows), 'model')} see{'s' * (len(rows) == 1)} it"
    write_formats(
        chosen_formats(options.report.formats, FORMATS),
        options.report.color,
        text=lambda _: joined([line]),
        document=lambda: {
            "version": VERSION,
            "tool": TOOL,
            "page": output,
            "sizes": [size_record(one) for one in rows],
        },
    )


def _refuse_outputs(output: str, report: OutputOptions) -> None:
    """Refuse to replace what is not a page of this command, and two outputs on standard output.

    Raises:
        UsageError: the file exists, and is none; or an unknown format.
    """
    formats = chosen_formats(report.formats, FORMATS)
    if output == STDOUT and report.formats and any(file is None for _, file in formats):
        raise UsageError("the page and --format cannot both go to standard output; give one of them a file")
    if not os.path.isfile(output):
        return
    try:
        with open(output, "rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise UsageError(f"{output}: cannot be read: {os_error_text(error)}") from error
    if MARK.encode() not in head:
        raise UsageError(f"{output}: exists and is not a page of imgbudget view; name another file")


def _one_image(session: Session, path: str) -> tuple[str, ImageResult]:
    """The image that a path names, and its file.

    Raises:
        UsageError: it names none, or several.
    """
    results: list[FileResult] = []
    run(session, (path,), on_result=results.append, whole_run=False)
    found = [(one.path, image) for one in results for image in one.images]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{path}: holds {figure(len(found))} images; name one image file")
    if os.path.isdir(path) or not results:
        raise UsageError(f"{path}: holds no image")
    raise UsageError(f"{path}: {'; '.join(results[0].caveats) or why_without(results[0], 'image')}")


def _bytes_of(path: str, image: ImageResult) -> tuple[ImageFacts, bytes]:
    """The facts and bytes of an image.

    Raises:
        UsageError: they are elsewhere or cannot be read.
    """
    data: bytes | FixError = FixError("its bytes cannot be read")
    for _, data in image_bytes(path, [image.use], most=MOST_DECODED):  # noqa: B007 - the only one
        pass
    facts = image.use.facts
    if isinstance(data, FixError):
        raise UsageError(f"{path}: {data}")
    if facts is None:
        raise UsageError(f"{path}: its bytes are elsewhere")
    return facts, data


def _text_of(data: bytes, facts: ImageFacts, rows: list[Measured]) -> ImageText | str:
    """The text of the image at full size and at the sizes that models see; or why it was not read."""
    sizes = tuple(dict.fromkeys(row.limits.native_size(row.size) for row in rows))
    with WorkerPool(text_worker, 1) as pool:
        for outcome in pool.run_in_order(iter([ReadTask(data, facts, sizes, every_line=False)])):
            return CRASHED if outcome.answer is None else outcome.answer
    return CRASHED


def _view(
    name: str, facts: ImageFacts, picture: Image, rows: list[Measured], text: ImageText | None
) -> ViewedImage:
    """What the page shows; models that see the image alike share a picture."""
    alike: dict[tuple[Size, int | None, bool], list[Measured]] = {}
    for row in rows:
        seen = row.limits.native_size(row.size)
        tier = row.limits.tier
        alike.setdefault((seen, cell_edge(seen, tier), publishes_size(tier)), []).append(row)
    most_bytes = MOST_PAGE // (len(alike) + 1)
    panels = []
    for (seen, cell, published), same in alike.items():
        drawn = embedded(seen_picture(picture, seen), most_pixels=2 * MOST_SHOWN, most_bytes=most_bytes)
        found = None
        if text is not None:
            with suppress(KeyError):
                found = text.at(seen)
        panels.append(ViewPanel(tuple(same), seen, published, cell, drawn, found))
    kind = (facts.format or "").upper()
    return ViewedImage(
        name,
        f"{kind}, {picture.width} × {picture.height} px, {count(facts.byte_size, 'byte')}",
        Size(*picture.size),
        embedded(picture, most_pixels=MOST_SHOWN, most_bytes=most_bytes),
        tuple(panels),
        None if text is None else text.lines,
        tuple(_notes(facts, text)),
    )


def _notes(facts: ImageFacts, text: ImageText | None) -> list[str]:
    notes = []
    if facts.animated:
        notes.append("The file has several frames or pages; the first is shown.")
    notes.append("The filter that providers downscale with is not published; Lanczos is assumed.")
    if text is None:
        install = "" if selection.is_installed("rapidocr") else "pip install 'imgbudget[text]', and "
        notes.append(f"To see which lines of text are lost: {install}imgbudget view --text.")
    else:
        notes.append("A recogniser stands in for the model: what it cannot read counts as lost.")
    return notes


command: Command[ViewOptions] = Command("view", ViewOptions, view, formats=FORMATS)
"""An image as models see it, as one HTML page; text boxes need imgbudget[text]."""
