"""The public Python functions: `check`, `plan`, `fix`, `coords`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import CoordinateMap, Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session, StandardInput, run
from imgbudget.model.results import FileResult, Report
from imgbudget.output.records import SHOWN

if TYPE_CHECKING:
    from imgbudget.linter.protocols import RunChecker
    from imgbudget.planner.image import ImagePlan, SizeGoal, SizePreset


Point = tuple[float, float]


def coordinate_map(
    original: tuple[int, int],
    *,
    sent: tuple[int, int] | None = None,
    model: str | None = None,
    platform: str | None = None,
) -> CoordinateMap:
    """The map between an original image and what the model saw of it, sizes as width and height in px.

    `sent` is the size that was sent where it is not the original's; the API makes of it what the model looks
    at. The configuration says which model and platform are meant where these do not.

    Raises:
        UsageError: an unknown platform, or a provider that does not publish what it scales images down to.
        ConfigError: a configuration that cannot be taken.
        ValueError: a size with an edge under 1 px.
    """
    if min((*original, *(sent or original))) < 1:
        raise ValueError(f"a size has edges of at least 1 px: {original} {sent or ''}")
    limits = Session(RunOptions(model=model, platform=platform)).context.limits()
    return coordinates(limits, Size(*original), Size(*(sent or original)))


def coordinates(limits: Limits, original: Size, sent: Size) -> CoordinateMap:
    """The map for an image that was sent at a size.

    Raises:
        UsageError: the provider does not publish what it scales images down to.
    """
    if (missing := limits.missing(("native_size",))) is not None:
        raise UsageError(f"{missing}: its coordinates cannot be mapped")
    return CoordinateMap(original, limits.native_size(sent))


def coords(
    points: Sequence[Point],
    original: tuple[int, int],
    *,
    sent: tuple[int, int] | None = None,
    model: str | None = None,
    platform: str | None = None,
) -> tuple[Point, ...]:
    """Points that the model returned, px of the image as it saw it, as px of the original image.

    Points outside of what it saw are taken to its border (vision-coordinates guide, 2026-09). A box is its
    two corners. Arguments and errors are those of `coordinate_map`, whose `to_resized` goes the other way.
    """
    found = coordinate_map(original, sent=sent, model=model, platform=platform)
    return tuple(found.to_original(x, y) for x, y in points)


def check(paths: Sequence[str], options: RunOptions | None = None, *, stdin: bytes | None = None) -> Report:
    """Check files and folders and give everything at once.

    Raises:
        UsageError: a path, rule or platform that does not exist.
        ConfigError: a configuration that cannot be taken.
    """
    session = Session(options or RunOptions(fields=SHOWN))
    return _report(session, session, paths, StandardInput(lambda: stdin or b""))


def plan(
    paths: Sequence[str], options: RunOptions | None = None, *, target: "SizeGoal | SizePreset | None" = None
) -> "tuple[ImagePlan, ...]":
    """The resize plan of every image whose size is known, in the order of the files.

    Without a target the aspect-ratio table is aimed for. The images of a request are planned together, under
    its limits and the configuration's budgets.

    Raises:
        UsageError: a path or platform that does not exist.
        ConfigError: a configuration that cannot be taken.
    """
    from imgbudget.fixing.strategy import PlanTargets, plans_of  # noqa: PLC0415 - see above
    from imgbudget.planner.bounds import NO_BUDGET  # noqa: PLC0415 - a check needs no planner
    from imgbudget.planner.image import SizeGoal, SizePreset  # noqa: PLC0415 - see above

    session = Session(options or RunOptions())
    goal = target if isinstance(target, SizeGoal) else SizeGoal(target or SizePreset.TABLE)
    targets = PlanTargets(session.context.paths, goal, NO_BUDGET)
    plans: list[ImagePlan] = []
    run(
        session,
        paths,
        on_result=lambda result: plans.extend(plans_of(result, targets).images),
        whole_run=False,
    )
    return tuple(plans)


def fix(  # noqa: PLR0913 - what a run that fixes is made of
    paths: Sequence[str],
    options: RunOptions | None = None,
    *,
    unsafe: bool = False,
    output_dir: str | None = None,
    backup: bool = False,
    dry_run: bool = False,
) -> Report:
    """Fix files and folders, and then check the run as a whole, as `imgbudget check --fix` does.

    The report is about the files as they are afterwards, and its findings about the run too: budgets of the
    run, copies, ignore entries that match nothing. Those entries are removed from the configuration, unless
    there is an `output_dir`. Each file's `fix` lists the findings that are gone, fixes that failed, images
    before and after with the map of their coordinates, and with `dry_run` the difference, while nothing is
    written. `unsafe` also applies fixes that change what the model sees, `output_dir` writes results to
    another folder, `backup` keeps each file that is replaced. A file that cannot be written keeps its
    content, and its `fix` has the `error`.

    Raises:
        UsageError: a path, rule or platform that does not exist.
        ConfigError: a configuration that cannot be taken.
    """
    from imgbudget.fixing.run import Fixer, FixOptions  # noqa: PLC0415 - see above
    from imgbudget.fixing.strategy import FindingFixes  # noqa: PLC0415 - a check needs no fixers

    session = Session(options or RunOptions(fields=SHOWN))
    strategy = FindingFixes(unsafe=unsafe)
    wanted = FixOptions(strategy, output_dir, backup=backup, difference=dry_run, digests=True)
    return _report(session, Fixer(session, wanted, paths), paths)


def _report(
    session: Session, checker: "RunChecker", paths: Sequence[str], stdin: StandardInput | None = None
) -> Report:
    files: list[FileResult] = []
    summary = run(checker, paths, on_result=files.append, stdin=stdin)
    return Report(tuple(files), summary, session.notes)
