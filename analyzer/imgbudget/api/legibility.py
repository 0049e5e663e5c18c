"""The public function `legible`, and what the command of that name shares with it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, Self, Unpack

from imgbudget.api.measuring import MEASURES, known_detail, limits_at
from imgbudget.api.reports import Json, NarrowedBy, TableReport, narrowed_by
from imgbudget.api.settings import (
    Detail,
    Models,
    ModelsFileSettings,
    model_names,
    require_jobs,
    run_options,
)
from imgbudget.discovery.walk import Paths, path_list
from imgbudget.errors import FixError, UsageError
from imgbudget.fixing.imagebytes import image_bytes
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.linter.arguments import names_arguments
from imgbudget.linter.models import ALL, LimitsByPlace, models_at, several_of
from imgbudget.linter.options import RunOptions, require_switch
from imgbudget.linter.pool import WorkerPool, cores
from imgbudget.linter.run import Session, run
from imgbudget.linter.selection import require_text
from imgbudget.linter.unused import NamedFiles
from imgbudget.model.results import FileResult, ImageResult
from imgbudget.model.subjects import MOST_DECODED, ImageFacts
from imgbudget.model.text import ImageText
from imgbudget.model.views import size_sent
from imgbudget.output.base import count
from imgbudget.output.legible import LegibleImage, SeenByModel, legible_document
from imgbudget.planner.legibility import remedies

if TYPE_CHECKING:
    from imgbudget.model.location import Location

CRASHED = "the process that read it crashed or took too much memory"


class LegibleModel(NamedTuple):
    """The text of an image as a model sees it; the names are those of `imgbudget legible --format json`.

    `seen` is the size that the model sees, px; None if it is not known, for the `reason`. `share_kept` is the
    share of all characters that is still read, from 0 to 1; `smallest_px` the height of the smallest letters
    as seen. `not_kept` are lines, `appearing` those that can be read only at this size, `keep` what keeps the
    lines that are not kept.
    """

    model: str
    platform: str | None
    detail: str | None
    seen: Size | None
    reason: str | None
    lines: int | None
    lines_lost: int | None
    lines_doubtful: int | None
    lines_measured: int | None
    share_kept: float | None
    smallest_px: float | None
    tokens: int | None
    cost_usd: float | None
    not_kept: tuple[Json, ...]
    appearing: tuple[Json, ...]
    keep: tuple[Json, ...]


class LegibleResult(NamedTuple):
    """The text of an image; the names are those of `imgbudget legible --format json`.

    `unread` is why it could not be read, None if it could. `characters` are about those of all lines, without
    blanks, and `text_tokens` about what they cost as text. `finest_px` is the height of the smallest letters
    that were looked for.
    """

    path: str
    pointer: str | None
    location: str | None
    size: Size | None
    unread: str | None
    lines: int | None
    characters: int | None
    smallest_px: float | None
    finest_px: float | None
    text_tokens: int | None
    models: tuple[LegibleModel, ...]


class LegibleReport(TableReport, tuple[LegibleResult, ...]):  # noqa: SLOT001 - it has attributes
    """A result for each image, in the order of the files; `unread` says which files could not be read.

    `narrowed_by` says what configurations of folders leave out.
    """

    unread: tuple[str, ...]
    narrowed_by: tuple[NarrowedBy, ...]
    document: Json

    @classmethod
    def of(cls, read: "ReadImages") -> Self:
        """The report of images that were read."""
        document = legible_document(read.images, read.unread, read.narrowed)
        report = cls(_result(record) for record in document["images"])
        report.unread = tuple(f"{path}: {reason}" for path, reason in read.unread)
        report.document, report.narrowed_by = document, narrowed_by(read.narrowed)
        return report

    def __repr__(self) -> str:
        lost = sum(any(one.lines_lost or one.appearing for one in image.models) for image in self)
        return f"<LegibleReport: {count(len(self), 'image')}, {lost} with text that is not kept>"

    def to_dict(self) -> Json:
        """The document of `imgbudget legible --format json`."""
        return self.document

    def records(self) -> list[Json]:
        """A dictionary for each image and model: the image, and what the model sees of it."""
        return [
            {name: value for name, value in _plain(image).items() if name != "models"}
            | {_COLUMNS.get(name, name): value for name, value in _plain(model).items()}
            for image in self
            for model in image.models
        ]

    def _columns(self) -> tuple[str, ...]:
        return "path", "location", "size", "model", "seen", "lines", "lines_lost", "share_kept", "unread"


_COLUMNS = {"smallest_px": "seen_smallest_px", "lines": "seen_lines"}
"""Names of what a model sees that are names of the whole image too, in tables."""


def _plain(value: LegibleResult | LegibleModel) -> Json:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in value._asdict().items()
    }


def _result(record: dict[str, Any]) -> LegibleResult:
    models = tuple(
        LegibleModel(
            **record_of_model
            | {"seen": _size(record_of_model["seen"])}
            | {name: tuple(record_of_model[name]) for name in ("not_kept", "appearing", "keep")}
        )
        for record_of_model in record["models"]
    )
    return LegibleResult(**record | {"size": _size(record["size"]), "models": models})


def _size(edges: Sequence[int] | None) -> Size | None:
    return None if edges is None else Size(*edges)


@names_arguments
def legible(  # noqa: PLR0913 - keyword options
    paths: Paths,
    options: RunOptions | None = None,
    *,
    model: Models = None,
    detail: Detail | None = None,
    every_line: bool = False,
    jobs: int | None = 1,
    **settings: Unpack[ModelsFileSettings],
) -> LegibleReport:
    """What text of images can still be read once a model has downscaled them, and what keeps it.

    Needs the extra imgbudget[text]: a recogniser on this machine stands in for the model. Without `model` the
    images of a request are read as its own model sees them, and at their own level of detail without
    `detail`. With `every_line` all lines are read at both sizes, instead of a sample of those whose height
    leaves doubt. `jobs` None uses all cores; a script then needs `if __name__ == "__main__":` where processes
    are spawned.

    Raises:
        UsageError: a path, model or platform that does not exist, no image, or the extra is not installed.
        ConfigError: an invalid configuration.
    """
    require_switch(every_line, "every_line")
    require_jobs(jobs)
    require_text("reading the text of images needs an extra")
    names = model_names(model)
    asked = run_options(options, settings, None if several_of(names) else names)
    how = ReadOptions(several_of(names), known_detail(detail), every_line=every_line)
    asked = asked._replace(client=asked.client or "", pixels=False, text=False)
    session = Session(asked._replace(fields=asked.fields | MEASURES, nested=True))
    return LegibleReport.of(read_images(session, paths, how, jobs))


class ReadOptions(NamedTuple):
    """How images are read: for which models, if several, at which level of detail, and whether every line.

    Paths that are `listed` come from a list, which may name files without an image.
    """

    models: tuple[str, ...] = ()
    detail: str | None = None
    every_line: bool = False
    listed: bool = False


class ReadImages(NamedTuple):
    """Images with their text; the files that could not be read, each with the reason; and notes.

    `narrowed` is what configurations of folders leave out.
    """

    images: tuple[LegibleImage, ...]
    unread: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    narrowed: tuple[tuple[str, str], ...] = ()


def read_images(  # noqa: PLR0913 - keyword options
    session: Session,
    paths: Paths,
    options: ReadOptions,
    jobs: int | None = None,
    *,
    isolated: bool = False,
    progress: Callable[[int, int], None] = lambda _read, _images: None,
) -> ReadImages:
    """The text of all images in files, as models see it.

    `jobs` are processes, None one for each core; a single one is this process unless it is to be `isolated`,
    so that a crash is only that of the image. `progress` is called with how many images have been read, and
    how many there are.

    Raises:
        UsageError: there is no image, or no file.
    """
    notes: dict[str, None] = {}
    bound = models_at(session, options.models) if options.models else None
    others = _other_tiers(session)
    results: list[FileResult] = []
    run(session, paths, on_result=results.append, whole_run=False)
    named = NamedFiles.of(() if options.listed else path_list(paths), "image")
    unread = tuple(pair for one in results for pair in _unread(one, named))
    if not unread and not any(one.images for one in results):
        empty = [f"{path}: holds no image" for path in path_list(paths)]
        raise UsageError(*(empty or ["no path is given"]))
    chosen = partial(_models_of, bound=bound, detail=options.detail, notes=notes)
    waiting: dict[int, list[_ImageOfRun]] = {}
    tasks = _tasks(session, results, chosen, waiting, every_line=options.every_line)
    total = sum(len(one.images) for one in results)
    read: dict[Location, LegibleImage] = {}
    outcomes: dict[int, ImageText | str] = {}
    for number, outcome in _answers(tasks, jobs or cores(), isolated=isolated):
        outcomes[number] = outcome
        progress(sum(len(waiting[known]) for known in outcomes), total)
    progress(total, total)
    for number, its in waiting.items():
        read |= {found.image.use.location: _legible(found, outcomes[number], others) for found in its}
    images = tuple(read[image.use.location] for result in results for image in result.images)
    return ReadImages(images, unread, (*notes, *session.notes), session.narrowed(rules=False))


def _unread(result: FileResult, named: NamedFiles) -> Iterator[tuple[str, str]]:
    """What of a file could not be read but its images, which say so themselves."""
    if result.missed:
        yield result.path, result.skipped or "; ".join(result.caveats)
    elif not result.images:
        yield from ((part.path, part.reason) for part in named.unused(result))


def _answers(
    tasks: Iterable["ReadTask"], jobs: int, *, isolated: bool
) -> Iterator[tuple[int, ImageText | str]]:
    """What is read of each image, with its number, in order."""
    if jobs == 1 and not isolated:
        yield from enumerate(map(text_worker(), tasks))
        return
    with WorkerPool(text_worker, jobs) as pool:
        for outcome in pool.run_in_order(tasks):
            yield outcome.number, CRASHED if outcome.answer is None else outcome.answer


def _other_tiers(session: Session) -> Callable[[str, str], tuple[Limits, ...]]:
    """What gives the cheapest model in service of each tier of Claude for a file, on a platform."""
    models = models_at(session, (ALL,))
    known: dict[int, tuple[Limits, ...]] = {}

    def at(path: str, platform: str) -> tuple[Limits, ...]:
        every = models(path, platform)
        if id(every) not in known:
            known[id(every)] = _cheapest(every, platform)
        return known[id(every)]

    return at


def _cheapest(models: Iterable[Limits], platform: str) -> tuple[Limits, ...]:
    """The cheapest of these models of each tier of Claude on a platform."""
    found: dict[str, Limits] = {}
    for limits in models:
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
    image: ImageResult,
    bound: LimitsByPlace | None,
    detail: str | None,
    notes: dict[str, None],
) -> tuple[tuple[Limits, str | None], ...]:
    """The models that see an image, at its own level of detail or that of the option."""
    level = detail or image.use.detail
    if bound is None:
        return ((image.limits if detail is None else limits_at(image.limits, detail, notes), level),)
    return tuple(
        (limits.at(level) if detail is None else limits_at(limits, detail, notes), level)
        for limits in bound(image.use.location.path, image.limits.platform if image.use.in_request else "")
    )


def _tasks(
    session: Session,
    results: Sequence[FileResult],
    models_of: Callable[[ImageResult], tuple[tuple[Limits, str | None], ...]],
    waiting: dict[int, list[_ImageOfRun]],
    *,
    every_line: bool,
) -> Iterator[ReadTask]:
    """A task for each image, which is put among those that are waited for under its number.

    The same bytes that are seen in the same sizes are read once: a conversation sends its images again.
    """
    numbers: dict[tuple[bytes, tuple[Size, ...]], int] = {}
    for result in results:
        images = {image.use.location: image for image in result.images}
        uses = [image.use for image in result.images]
        for use, data in image_bytes(result.path, uses, most=MOST_DECODED, session=session):
            image = images[use.location]
            size = size_sent(image)
            found = _ImageOfRun(image, size, models_of(image))
            if isinstance(data, FixError):
                waiting[len(waiting)] = [found]
                yield ReadTask(b"", None, (), every_line, str(data))
                continue
            sizes = tuple(dict.fromkeys(one.native_size(size) for one, _ in found.models)) if size else ()
            number = numbers.setdefault((sha256(data).digest(), sizes), len(waiting))
            waiting.setdefault(number, []).append(found)
            if len(waiting[number]) == 1:
                yield ReadTask(data, use.facts, sizes, every_line)


def text_worker() -> Callable[[ReadTask], ImageText | str]:
    """What a worker process does; here, so that only it loads the recogniser."""
    from imgbudget.legibility.task import read_image  # noqa: PLC0415 - extra

    def work(task: ReadTask) -> ImageText | str:
        if task.facts is None:
            return task.unread
        return read_image(task.data, task.facts, task.sizes, every_line=task.every_line)

    return work


def _legible(
    found: _ImageOfRun, outcome: ImageText | str, others: Callable[[str, str], tuple[Limits, ...]]
) -> LegibleImage:
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
        tiers = others(location.path, limits.platform) if limits.uses_claude_patches else ()
        kept = remedies(outcome, seen, limits, tiers)
        models.append(SeenByModel(limits, level, seen, remedies=kept))
    return LegibleImage(location, found.size, outcome, models=tuple(models))
