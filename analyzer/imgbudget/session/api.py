"""The public functions of the package that look at files: `check`, `plan` and `fix`, a call each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgbudget.report import FileResult, Report
from imgbudget.reporters.records import SHOWN
from imgbudget.session.driver import StandardInput, run
from imgbudget.session.run import RunOptions, Session

if TYPE_CHECKING:
    from imgbudget.planner import Goal, ImagePlan, Target
    from imgbudget.session.checkers import RunChecker


def check(paths: Sequence[str], wishes: RunOptions | None = None, *, stdin: bytes | None = None) -> Report:
    """Check files and folders and give everything at once.

    Raises:
        UsageError: a path, rule or platform that does not exist.
        ConfigError: a configuration that cannot be taken.
    """
    session = Session(wishes or RunOptions(want=SHOWN))
    return _report(session, session, paths, StandardInput(lambda: stdin or b""))


def plan(
    paths: Sequence[str], wishes: RunOptions | None = None, *, target: "Goal | Target | None" = None
) -> "tuple[ImagePlan, ...]":
    """The resize plan of every image whose size is known, in the order of the files.

    Without a target the aspect-ratio table is aimed for. The images of a request are planned together, under
    its limits and the configuration's budgets.

    Raises:
        UsageError: a path or platform that does not exist.
        ConfigError: a configuration that cannot be taken.
    """
    from imgbudget.planner.bounds import NO_BUDGET  # noqa: PLC0415 - a check needs no planner
    from imgbudget.planner.goal import Goal, Target  # noqa: PLC0415 - see above
    from imgbudget.session.planning import Aims, plans_of  # noqa: PLC0415 - see above

    session = Session(wishes or RunOptions())
    goal = target if isinstance(target, Goal) else Goal(target or Target.TABLE)
    aims = Aims(session.bench.paths, goal, NO_BUDGET)
    return tuple(found for result in session.check(paths) for found in plans_of(result, aims).images)


def fix(  # noqa: PLR0913 - what a run that fixes is made of
    paths: Sequence[str],
    wishes: RunOptions | None = None,
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
    from imgbudget.session.choices import ByFindings  # noqa: PLC0415 - a check needs no fixers
    from imgbudget.session.fixing import Fixer, FixOptions  # noqa: PLC0415 - see above

    session = Session(wishes or RunOptions(want=SHOWN))
    choice = ByFindings(unsafe=unsafe)
    wanted = FixOptions(choice, output_dir, backup=backup, difference=dry_run, digests=True)
    return _report(session, Fixer(session, wanted, paths), paths)


def _report(
    session: Session, checker: "RunChecker", paths: Sequence[str], stdin: StandardInput | None = None
) -> Report:
    files: list[FileResult] = []
    summary = run(checker, paths, on_result=files.append, stdin=stdin)
    return Report(tuple(files), summary, session.notes)
