"""What a fixer makes of plans: read from a run that fixes, or from a trial of it that writes nothing."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from imgbudget.discovery.walk import FoundFile, Paths, SkippedFile, path_list
from imgbudget.errors import UsageError
from imgbudget.fixing.contents import measured_contents
from imgbudget.fixing.run import Fixer, FixOptions
from imgbudget.fixing.strategy import FilePlan, FixStrategy, PlanFixes, PlanTargets, plans_of
from imgbudget.limits.geometry import CoordinateMap, Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.pool import cores
from imgbudget.linter.reporting import Fragment, Reporter
from imgbudget.linter.rows import PartReceiver
from imgbudget.linter.run import Session, StandardInput, run
from imgbudget.linter.unused import NamedFiles
from imgbudget.model.edits import FileFix
from imgbudget.model.fixes import Resize
from imgbudget.model.location import Keys, Location
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.safety import made_by_default
from imgbudget.model.unread import UnreadPart
from imgbudget.planner.bounds import NO_BUDGET
from imgbudget.planner.image import ImageOutcome, ImagePlan, SizeGoal
from imgbudget.planner.request import RequestPlan
from imgbudget.planner.resend import Resend, resend

Place = tuple[int, Keys | None]
"""A value in a file: the number of its document, and its path, None for an image file."""


def _place(location: Location) -> Place:
    return location.document, location.keys


class FileOutcome(NamedTuple):
    """What a fixer made of a file: its changed images, the refusals with their reasons, changed bodies.

    `error` is why the file could not be written.
    """

    images: dict[Place, ImageOutcome]
    refusals: dict[Place, str]
    bodies: dict[Place, int]
    error: str = ""

    def of(self, plan: ImagePlan) -> ImageOutcome:
        """The outcome for an image of the file."""
        place = _place(plan.use.location)
        made = self.images.get(place)
        if made is not None and not self.error:
            return made
        return ImageOutcome(
            plan.byte_size_before, plan.size, refusal=self.error or self.refusals.get(place, "")
        )


@dataclass(slots=True, eq=False, repr=False)
class Outcomes(Reporter):
    """Collects what a fixer makes of each file, also in other processes; an output without text."""

    separators: tuple[str, ...] = ("\n",)
    takes_parts: bool = True
    files: dict[str, FileOutcome] = field(default_factory=dict)

    def begin(self) -> str:
        """Nothing."""
        return ""

    def render(self, result: FileResult) -> Fragment:
        """The outcome of a file as a line of JSON, for `add`; none for a file that was not checked."""
        if result.skipped is not None or not result.images:
            return ("",)
        fix = result.fix or FileFix(result.path)
        return (json.dumps([fix.path, *_record(fix)]),)

    def add(self, piece: Fragment) -> str:
        """Take the outcomes of some files."""
        for line in piece[0].splitlines():
            path, error, images, refusals, bodies = json.loads(line)
            found = self.files.setdefault(path, FileOutcome({}, {}, {}))
            found.images.update((_read(place), _outcome(*values)) for place, *values in images)
            found.refusals.update((_read(place), reason) for place, reason in refusals)
            found.bodies.update((_read(place), size) for place, size in bodies)
            if error:
                self.files[path] = found._replace(error=error)
        return ""

    def end(self, _summary: Summary) -> str:
        """Nothing."""
        return ""

    def write(self, text: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    @property
    def reporter(self) -> Reporter:
        """Itself: it is an output without a destination."""
        return self


def _record(fix: FileFix) -> tuple[Any, ...]:
    """The outcome of a file as JSON. Places are those before the fix, whatever name a file gets."""
    images = [
        (_place(it.location), it.after.byte_size, it.after.size, it.coordinates, 1)
        for it in fix.images
        if it.after.size is not None
    ]
    if fix.pages:  # one image before, of which all pages count
        place, _, size, coordinates, _ = images[0]
        total = sum(it.after.byte_size for it in fix.images)
        images = [(place, total, size, coordinates, len(fix.images))]
    refusals = [(_place(it.location), it.reason) for it in fix.failed]
    bodies = [(_place(it.location), it.bytes_after) for it in fix.bodies]
    return fix.error or "", images, refusals, bodies


def _read(place: list[Any]) -> Place:
    document, keys = place
    return document, None if keys is None else tuple(keys)


def _outcome(byte_size: int, size: list[int], coordinates: list[list[int]], pages: int) -> ImageOutcome:
    original, resized = coordinates
    return ImageOutcome(byte_size, Size(*size), CoordinateMap(Size(*original), Size(*resized)), "", pages)


class TrialFixer(Fixer):
    """Makes the fixes of some files and writes nothing."""

    def __init__(self, session: Session, strategy: FixStrategy, paths: Paths, files: Iterable[str]) -> None:
        """Try the files in `files`, which are under `paths`."""
        super().__init__(session, FixOptions(strategy, trial=True), paths)
        self._files = frozenset(files)

    def walk(self, paths: Paths) -> Iterator[FoundFile | SkippedFile]:
        """The files to try."""
        return (file for file in super().walk(paths) if file.path in self._files)


class TryingSession(Session):
    """A session whose results also say what the safe fixes would make of the images that they resize."""

    chunk_size: int = Fixer.chunk_size
    pool_threshold: int = Fixer.pool_threshold
    spare_workers = 0

    def __init__(self, options: RunOptions) -> None:
        """Load configuration, packs and limits; raises as Session does."""
        super().__init__(options)
        # another session: this one counts the files as they are
        other = Session(options, loaded=(self.settings, self.limits))
        self._fixer = Fixer(other, FixOptions(trial=True), ())

    @property
    def factory(self) -> "Callable[[], TryingSession]":
        """Makes a session with the same options; can be pickled."""
        return partial(TryingSession, self.options)

    def verdicts(self, _reporters: Sequence[Reporter]) -> None:
        """None: what fixes make of an image is in no verdict."""

    def check_all(
        self, files: Iterable[FoundFile | SkippedFile], parts: PartReceiver | None = None
    ) -> Iterator[FileResult]:
        """The results of files, in order; see Session."""
        for entry in files:
            for result in super().check_all((entry,), parts):
                if _resizes(result):
                    (tried_one,) = self._fixer.check_all((entry,))
                    yield result._replace(trial=tried_one.fix)
                else:
                    yield result

    def process_stdin(self, data: bytes, name: str) -> tuple[FileResult, bytes | None]:
        """The result of standard input; see Session."""
        result, text = super().process_stdin(data, name)
        if _resizes(result):
            tried_one, _ = self._fixer.process_stdin(data, name)
            result = result._replace(trial=tried_one.fix)
        return result, text


def _resizes(result: FileResult) -> bool:
    """Whether a safe fix of a file resizes an image."""
    return any(isinstance(finding.fix, Resize) and made_by_default(finding) for finding in result.findings)


def changed_files(plans: Mapping[str, FilePlan]) -> list[str]:
    """The files in which a plan changes an image."""
    return [path for path, plan in plans.items() if any(image.changes for image in plan.images)]


def tried(
    fixer: TrialFixer,
    paths: Paths,
    *,
    stdin: StandardInput | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    jobs: int | None = None,
) -> Mapping[str, FileOutcome]:
    """What a fixer makes of each file. `jobs` None means a process for each core."""
    found = Outcomes()
    run(fixer, paths, outputs=[found], stdin=stdin, progress=progress, jobs=jobs, whole_run=False)
    return found.files


def made_plan(plan: FilePlan, outcome: FileOutcome | None) -> FilePlan:
    """The plan of a file as a fixer carries it out; unchanged where that is not known.

    A request that no plan makes feasible keeps its plan, which no fixer carries out.
    """
    if outcome is None:
        return plan
    requests = tuple(_made_request(request, outcome) for request in plan.requests)
    joint = {image.use.location: image for request in requests for image in request.images}
    images = tuple(joint.get(image.use.location) or _made_image(image, outcome) for image in plan.images)
    return plan._replace(images=images, requests=requests)


def _made_image(plan: ImagePlan, outcome: FileOutcome) -> ImagePlan:
    return plan.made(outcome.of(plan)) if plan.changes else plan


def _made_request(plan: RequestPlan, outcome: FileOutcome) -> RequestPlan:
    if not plan.feasible:
        return plan
    images = [_made_image(image, outcome) for image in plan.images]
    return plan.made(images, outcome.bodies.get(_place(plan.request.location)))


class PlanChoice(NamedTuple):
    """How files are planned: for the named `models` if they are several, and how their result is known.

    With `selected` only image files and requests with a finding are planned. `measure` makes the edits to
    know what they come to; `fixes` writes them. `keep` is how many images pruning keeps in the accounting of
    conversations, None for none. `jobs` None means a process for each core.
    """

    models: tuple[str, ...] = ()
    selected: bool = False
    unsafe: bool = False
    measure: bool = True
    fixes: FixOptions | None = None
    keep: int | None = None
    jobs: int | None = 1


class PlannedFiles(NamedTuple):
    """The plans of files as a fixer carries them out, in the order of the files, and what was not read.

    `not_selected` is how many images are not planned, None if all are; `resends` are the accountings of
    conversations, None unless they are asked for. `unwritten` says which files could not be written.
    """

    files: tuple[FilePlan, ...]
    summary: Summary
    unread: tuple[UnreadPart, ...] = ()
    not_selected: int | None = None
    resends: tuple[Resend, ...] | None = None
    unwritten: tuple[str, ...] = ()

    @property
    def images(self) -> tuple[ImagePlan, ...]:
        """The plans of all images whose size is known."""
        return tuple(image for plan in self.files for image in plan.images)

    @property
    def requests(self) -> tuple[RequestPlan, ...]:
        """The plans of all requests."""
        return tuple(request for plan in self.files for request in plan.requests)


def plan_files(session: Session, paths: Paths, goal: SizeGoal, choice: PlanChoice) -> PlannedFiles:
    """The plans of files; see `imgbudget.plan`.

    Raises:
        UsageError: a plan from headers alone that needs more, or nothing can be measured.
    """
    if goal.content is not None and not choice.measure:
        raise UsageError(f"a plan from headers alone does not go with target {goal.content}")
    jobs = None if choice.jobs == 1 else choice.jobs or cores()
    goal = measured_contents(session, paths, goal, jobs=jobs).goal
    targets = PlanTargets.of(session, goal, models=choice.models, selected=choice.selected)
    plans: dict[str, FilePlan] = {}
    unread: list[UnreadPart] = []
    resends: list[Resend] = []
    named = NamedFiles.of(path_list(paths))

    def add(result: FileResult) -> None:
        unread.extend(named.unused(result))
        if result.images or result.requests:
            plans[result.path] = plans_of(result, targets, unsafe=choice.unsafe)
        if choice.keep is not None:
            found = (resend(one.test, kept=choice.keep) for one in result.requests)
            resends.extend(one for one in found if one)

    summary = run(session, paths, on_result=add, whole_run=False)
    outcomes, unwritten = _outcomes(session, paths, plans, goal, choice)
    made = tuple(made_plan(plan, outcomes.get(path)) for path, plan in plans.items())
    return PlannedFiles(
        made,
        summary,
        tuple(unread),
        sum(plan.left_out for plan in made) if choice.selected else None,
        None if choice.keep is None else tuple(resends),
        unwritten,
    )


def _outcomes(
    session: Session, paths: Paths, plans: Mapping[str, FilePlan], goal: SizeGoal, choice: PlanChoice
) -> tuple[Mapping[str, FileOutcome], tuple[str, ...]]:
    """What a fixer makes of plans, as far as that is asked for, and which files could not be written."""
    strategy = PlanFixes(
        goal,
        NO_BUDGET,
        choice.unsafe,
        client=session.context.client_profile,
        models=choice.models,
        selected=choice.selected,
    )
    if choice.fixes is not None:
        fixer = Fixer(session, choice.fixes._replace(strategy=strategy), paths)
        made = Outcomes()
        summary = run(fixer, paths, outputs=[made], jobs=choice.jobs, whole_run=False)
        return made.files, tuple(summary.unwritten)
    changed = changed_files(plans) if choice.measure else ()
    if not changed:
        return {}, ()
    return tried(TrialFixer(session, strategy, paths, changed), paths, jobs=choice.jobs), ()
