"""`imgbudget legible`: what text of images survives the downscaling of models."""

from typing import Annotated, NamedTuple

from imgbudget.api.legibility import ReadOptions, read_images
from imgbudget.api.measuring import MEASURES, known_detail
from imgbudget.cli.checking import say_measured
from imgbudget.cli.command import FILES_FROM, Command, argument, flag
from imgbudget.cli.completion import files
from imgbudget.cli.options import JOBS, ConfigOptions, OutputOptions, run_options
from imgbudget.cli.output import Progress, chosen_formats, say, write_formats
from imgbudget.cli.targets import DETAIL, ModelsOptions
from imgbudget.linter.run import Session
from imgbudget.linter.selection import require_text
from imgbudget.output.legible import legible_document, legible_text

FORMATS = ("full", "json")


class LegibleOptions(NamedTuple):
    """The options of `legible`."""

    paths: Annotated[
        tuple[str, ...], argument("IMAGE|REQUEST|FOLDER...", many=True, complete=files, needed=True)
    ] = ()
    files_from: Annotated[tuple[str, ...], FILES_FROM] = ()
    provider: ModelsOptions = ModelsOptions()
    detail: Annotated[str | None, DETAIL] = None
    every_line: Annotated[
        bool,
        flag(
            "--every-line",
            help="Read every line at both sizes, instead of a sample of those whose height leaves doubt.",
        ),
    ] = False
    jobs: Annotated[int | None, JOBS] = None
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def legible(options: LegibleOptions) -> int:
    """Show what text of images can still be read once a model has downscaled them, and what keeps it.

    Text is found at full size, and read there and at the size that the model sees. A recogniser that runs on
    this machine stands in for the model (extra: imgbudget[text]). Several models at once: --model a,b. The
    exit code is 1 if text is lost or appears only at the smaller size, 2 if an image could not be read or no
    model publishes the size that it sees.
    """
    formats = chosen_formats(options.output.formats, FORMATS)
    require_text("reading the text of images needs an extra")
    detail = known_detail(options.detail)
    asked = run_options(
        provider=options.provider.single,
        settings=options.settings,
        verbose=options.output.verbose,
    )
    session = Session(asked._replace(fields=MEASURES, nested=True))
    how = ReadOptions(
        options.provider.several, detail, every_line=options.every_line, listed=bool(options.files_from)
    )
    progress = Progress(wanted=not (options.output.no_progress or options.output.quiet), noun="images")
    read = read_images(session, options.paths, how, options.jobs, isolated=True, progress=progress.at)
    progress.clear()
    images, unread = read.images, read.unread
    write_formats(
        formats,
        options.output.color,
        text=lambda _colour: legible_text(images),
        document=lambda: legible_document(images, unread, read.narrowed),
    )
    say_measured(session, options.output, read.notes)
    for path, reason in unread:
        say(f"error: {path}: not read: {reason}")
    if unread or not all(any(model.seen for model in image.models) for image in images):
        return 2
    return int(any(model.loses for image in images for model in image.models))


command: Command[LegibleOptions] = Command("legible", LegibleOptions, legible, formats=FORMATS)
