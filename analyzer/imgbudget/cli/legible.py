"""`imgbudget legible`: what text of images survives the downscaling of models."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, NamedTuple

from imgbudget.api.measuring import MEASURES, known_detail, limits_at
from imgbudget.cli.command import FILES_FROM, Command, argument, flag, option
from imgbudget.cli.completion import files
from imgbudget.cli.options import JOBS, ConfigOptions, OutputOptions, run_options
from imgbudget.cli.output import Progress, chosen_formats, say_warnings, write_formats
from imgbudget.cli.targets import ModelsOptions
from imgbudget.errors import FixError, UsageError
from imgbudget.fixing.imagebytes import image_bytes
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.linter.models import ALL, limits_of_all
from imgbudget.linter.pool import WorkerPool, cores
from imgbudget.linter.run import Session, run
from imgbudget.linter.selection import require_text
from imgbudget.model.results import FileResult, ImageResult
from imgbudget.model.subjects import ImageFacts
from imgbudget.model.text import ImageText
from imgbudget.model.views import upright_size
from imgbudget.output.legible import LegibleImage, SeenByModel, legible_document, legible_text
from imgbudget.planner.legibility import remedies

FORMATS = ("full", "json")

MOST_BYTES = 1 << 28
"""Bytes of an image above which its text is not read: more than any API takes."""

CRASHED = "the process that read it crashed or took too much memory"


class LegibleOptions(NamedTuple):
    """The options of `legible`."""

    paths: Annotated[
        tuple[str, ...], argument("IMAGE|REQUEST|FOLDER...", many=True, complete=files, needed=True)
    ] = ()
    files_from: Annotated[str | None, FILES_FROM] = None
    provider: ModelsOptions = ModelsOptions()
    detail: Annotated[
        str | None,
        option(
            "--detail",
            metavar="LEVEL",
            help="Level of detail that the images ask for (OpenAI's detail, Gemini's media resolution).",
        ),
    ] = None
    every_line: Annotated[
        bool,
        flag(
            "--every-line",
            help="Read every line at both sizes, instead of a sample of those whose height leaves doubt.",
        ),
    ] = False
    jobs: Annotated[
        int | None,
        option("-j", "--jobs", type=JOBS, metavar="N", help="Number of processes; default: one per core."),
    ] = None
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
    several = options.provider.several
    asked = run_options(
        provider=options.provider.single,
        settings=options.settings,
        verbose=options.output.verbose,
    )
    session = Session(asked._replace(fields=MEASURES))
    notes: dict[str, None] = {}
    bound = limits_of_all(session, several) if several else ()
    others = _other_tiers(session)
    results: list[FileResult] = []
    run(session, options.paths, on_result=results.append, whole_run=False)
    unread = [(one.path, one.skipped or "; ".join(one.caveats)) for one in results if one.missed]
    if not unread and not any(one.images for one in results):
        skips = [f"{one.path}: {one.skipped}" for one in results if one.skipped]
        raise UsageError(*(skips or [f"{path}: holds no image" for path in options.paths]))
    chosen = partial(_models_of, bound=bound, detail=detail, notes=notes)
    progress = Progress(wanted=not (options.output.no_progress or options.output.quiet), noun="images")
    total = sum(len(one.images) for one in results)
    read: dict[object, LegibleImage] = {}
    with WorkerPool(text_worker, options.jobs or cores()) as pool:
        for found, outcome in _outcomes(pool, results, chosen, every_line=options.every_line):
            read[found.image.use.location] = _legible(found, outcome, others)
            progress.at(len(read), total)
    progress.clear()
    images = [read[image.use.location] for result in results for image in result.images]
    write_formats(
        formats,
        options.output.color,
        text=lambda _colour: legible_text(images),
        document=lambda: legible_document(images, unread),
    )
    say_warnings(dict.fromkeys((*notes, *session.notes)))
    say_warnings(f"{path}: not read: {reason}" for path, reason in unread)
    if unread or not all(any(model.seen for model in image.models) for image in images):
        return 2
    return int(any(model.loses for image in images for model in image.models))


def _other_tiers(session: Session) -> tuple[Limits, ...]:
    """The cheapest model in service of each tier of Claude on the session's platform."""
    platform = session.context.platform
    found: dict[str, Limits] = {}
    for limits in limits_of_all(session, (ALL,)):
        if limits.platform == platform and limits.uses_claude_patches:
            known = found.get(limits.tier.name)
            if known is None or (limits.cost_usd(1000) or 0) < (known.cost_usd(1000) or 0):
                found[limits.tier.name] = limits
    return tuple(found.values())


class ReadTask(NamedTuple):
    """An image to read: its bytes, its facts, and the sizes in which models see it; or why it is not read."""

    data: bytes
    facts: ImageFacts | None
    sizes: tuple[Size, ...]
    every_line: bool
    unread: str = ""


class _ImageOfRun(NamedTuple):
    """An image of the run, the size in which it arrives, and the models that see it, each with its level."""

    image: ImageResult
    size: Size | None
    models: tuple[tuple[Limits, str | None], ...]


def _models_of(
    image: ImageResult, bound: Sequence[Limits], detail: str | None, notes: dict[str, None]
) -> tuple[tuple[Limits, str | None], ...]:
    """The models that see an image, at its own level of detail or that of the option."""
    level = detail or image.use.detail
    if not bound:
        return ((image.limits if detail is None else limits_at(image.limits, detail, notes), level),)
    return tuple(
        (limits.at(level) if detail is None else limits_at(limits, detail, notes), level) for limits in bound
    )


def _outcomes(
    pool: WorkerPool[ReadTask, ImageText | str],
    results: Sequence[FileResult],
    models_of: Callable[[ImageResult], tuple[tuple[Limits, str | None], ...]],
    *,
    every_line: bool,
) -> Iterator[tuple[_ImageOfRun, ImageText | str]]:
    """Each image with its text, or the reason why it was not read, in order."""
    waiting: dict[int, _ImageOfRun] = {}

    def tasks() -> Iterator[ReadTask]:
        number = 0
        for result in results:
            images = {image.use.location: image for image in result.images}
            uses = [image.use for image in result.images]
            for use, data in image_bytes(result.path, uses, most=MOST_BYTES):
                image = images[use.location]
                size = size_sent(image)
                waiting[number] = _ImageOfRun(image, size, models_of(image))
                sizes = [one.native_size(size) for one, _ in waiting[number].models] if size else []
                number += 1
                if isinstance(data, FixError):
                    yield ReadTask(b"", None, (), every_line, str(data))
                else:
                    yield ReadTask(data, use.facts, tuple(dict.fromkeys(sizes)), every_line)

    for outcome in pool.run_in_order(tasks()):
        yield waiting.pop(outcome.number), CRASHED if outcome.answer is None else outcome.answer


def size_sent(image: ImageResult) -> Size | None:
    """The size of an image as it arrives, upright; None if it is not known."""
    if image.client is not None:
        return image.client.upright_size
    facts, size = image.use.facts, image.use.visible_size
    return None if facts is None or size is None else upright_size(facts, size)


def text_worker() -> Callable[[ReadTask], ImageText | str]:
    """What a worker process does; here, so that only it loads the recogniser."""
    from imgbudget.legibility.task import read_image  # noqa: PLC0415 - extra

    def work(task: ReadTask) -> ImageText | str:
        if task.facts is None:
            return task.unread
        return read_image(task.data, task.facts, task.sizes, every_line=task.every_line)

    return work


def _legible(found: _ImageOfRun, outcome: ImageText | str, others: Sequence[Limits]) -> LegibleImage:
    """An image with its text and what models see of it."""
    location = found.image.use.location
    if isinstance(outcome, str):
        return LegibleImage(location, found.size, unread=outcome)
    models = []
    for limits, level in found.models:
        why = limits.missing(("native_size",))
        if why is not None or found.size is None:
            models.append(SeenByModel(limits, level, why=why or "its size is not known"))
            continue
        seen = outcome.at(limits.native_size(found.size))
        kept = remedies(outcome, seen, limits, others if limits.uses_claude_patches else ())
        models.append(SeenByModel(limits, level, seen, remedies=kept))
    return LegibleImage(location, found.size, outcome, models=tuple(models))


command: Command[LegibleOptions] = Command("legible", LegibleOptions, legible, formats=FORMATS)
