"""Measures which size keeps what images show, before a plan is made: each image once, in worker processes."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from imgbudget.discovery.walk import Paths
from imgbudget.errors import FixError, UsageError
from imgbudget.fixing.imagebytes import image_bytes
from imgbudget.limits.geometry import Size, bills_size
from imgbudget.linter.pool import WorkerPool
from imgbudget.linter.run import Session, run
from imgbudget.linter.selection import is_installed, require_text
from imgbudget.model.contents import ContentSize, ContentTarget
from imgbudget.model.results import FileResult, ImageResult
from imgbudget.model.safety import pictures_in, pictures_text
from imgbudget.model.subjects import MOST_DECODED, ImageFacts, ProbeField
from imgbudget.model.views import size_sent
from imgbudget.planner.image import SizeGoal
from imgbudget.planner.sizes import size_steps

CRASHED = "the process that measured it crashed or took too much memory"

STDIN = "-"


class ContentTask(NamedTuple):
    """An image to measure: its bytes and facts, the sizes to choose from in px, ascending; upright."""

    data: bytes
    facts: ImageFacts
    sizes: tuple[Size, ...]
    target: ContentTarget


class MeasuredContents(NamedTuple):
    """The goal with what was measured of each image; `unread` are images that could not be, with the reason.

    `lost` is whether an image loses text at every size.
    """

    goal: SizeGoal
    unread: tuple[tuple[str, str], ...] = ()

    @property
    def lost(self) -> bool:
        """Whether no size keeps what one of the images shows."""
        return any(one.is_lost for one in (self.goal.contents or {}).values())


def measured_contents(
    session: Session,
    paths: Paths,
    goal: SizeGoal,
    *,
    jobs: int | None = None,
    begin: Callable[[int], None] | None = None,
) -> MeasuredContents:
    """The goal with the sizes that keep what images show; unchanged if it does not ask for them.

    `jobs` None means this process. `begin` gets the number of images before the first is measured.

    Raises:
        UsageError: what measures is not installed, the input is not in files, or no image can be measured.
    """
    if (target := goal.content) is None:
        return MeasuredContents(goal)
    _require(target)
    given = (paths,) if isinstance(paths, str | os.PathLike) else tuple(paths)
    if STDIN in given:
        raise UsageError(f"--target {target} reads files; it does not take standard input (-)")
    reading = Session(session.options._replace(fields=session.options.fields | ProbeField.ORIENTATION))
    results: list[FileResult] = []
    run(reading, given, on_result=results.append, whole_run=False)
    if begin is not None:
        begin(sum(len(result.images) for result in results))
    found = {image.use.location: content for image, content in _measured(reading, results, target, jobs)}
    unread = [(at.place, content.flaw) for at, content in found.items() if content.flaw]
    return MeasuredContents(goal._replace(contents=found), tuple(unread))


def _require(target: ContentTarget) -> None:
    """Refuse to go on without what measures.

    Raises:
        UsageError: it is not installed.
    """
    if target.is_text:
        require_text(f"--target {target} needs an extra")
    elif not is_installed("numpy"):
        raise UsageError(f"--target {target} needs an extra: pip install 'imgbudget[pixels]'")


def _measured(
    session: Session, results: Sequence[FileResult], target: ContentTarget, jobs: int | None
) -> Iterator[tuple[ImageResult, ContentSize]]:
    """Each image with what was measured, in order."""
    waiting: dict[int, list[ImageResult]] = {}
    numbers: dict[tuple[bytes, tuple[Size, ...]], int] = {}
    flawed: list[tuple[ImageResult, ContentSize]] = []

    def tasks() -> Iterator[ContentTask]:
        for result in results:
            images = {image.use.location: image for image in result.images}
            uses = [image.use for image in result.images]
            for use, data in image_bytes(result.path, uses, most=MOST_DECODED, session=session):
                image = images[use.location]
                task = _task(image, data, target)
                if isinstance(task, str):
                    flawed.append((image, ContentSize(target, None, flaw=task)))
                    continue
                # a conversation sends the same image again and again
                key = sha256(task.data).digest(), task.sizes
                number = numbers.setdefault(key, len(numbers))
                waiting.setdefault(number, []).append(image)
                if len(waiting[number]) == 1:
                    yield task

    found = dict(_answers(tasks(), jobs))
    for number, images in waiting.items():
        answer = found[number] or ContentSize(target, None, flaw=CRASHED)
        yield from ((image, answer) for image in images)
    yield from flawed


def _answers(tasks: Iterable[ContentTask], jobs: int | None) -> Iterator[tuple[int, ContentSize | None]]:
    if jobs is None:
        work: Callable[[ContentTask], ContentSize] | None = None
        for number, task in enumerate(tasks):
            work = work or content_worker()
            yield number, work(task)
        return
    with WorkerPool(content_worker, jobs) as pool:
        for outcome in pool.run_in_order(tasks):
            yield outcome.number, outcome.answer


def content_worker() -> Callable[[ContentTask], ContentSize]:
    """What a worker process does; here, so that only it loads what decodes and reads."""
    from imgbudget.fixing.shrinking import measured_content  # noqa: PLC0415 - extra

    return measured_content


def _task(image: ImageResult, data: bytes | FixError, target: ContentTarget) -> ContentTask | str:
    """What to measure of an image; or why nothing is, as a clause."""
    facts, limits = image.use.facts, image.limits
    if isinstance(data, FixError):
        return str(data)
    size = size_sent(image)
    if facts is None or facts.damage is not None or size is None:
        return (facts and (facts.damage or facts.not_image)) or "its size is not known"
    if pictures_in(facts) > 1 or facts.animated:
        return f"it has {pictures_text(facts)}, and only single pictures are measured"
    if (why := limits.missing(("native_size",))) is not None:
        return why
    if not bills_size(limits.tier):
        return f"{limits.model} does not bill the size of an image"
    steps = size_steps(size, limits.native_size(size), limits.least_edge, limits.tier)
    return ContentTask(data, facts, tuple(step.size for step in steps), target)
