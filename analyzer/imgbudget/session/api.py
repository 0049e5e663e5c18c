"""The public functions of the package that look at files: `check` and `plan`, a call each."""

from collections.abc import Sequence

from imgbudget.planner import Goal, ImagePlan, Target
from imgbudget.report import Report, Summary
from imgbudget.reporters.records import SHOWN
from imgbudget.session.run import Session, Wishes


def check(paths: Sequence[str], wishes: Wishes | None = None, *, stdin: bytes | None = None) -> Report:
    """Check files and folders and give everything at once.

    Raises:
        UsageError: a path, rule or platform that does not exist.
        ConfigError: a configuration that cannot be taken.
    """
    session = Session(wishes or Wishes(want=SHOWN))
    summary = Summary()
    files = []
    for result in session.check(paths, stdin=stdin):
        summary.add(result)
        files.append(result)
    return Report(tuple(files), summary, session.notes)


def plan(
    paths: Sequence[str], wishes: Wishes | None = None, *, target: Goal | Target = Target.TABLE
) -> tuple[ImagePlan, ...]:
    """The resize plan of every image whose size is known, in the order of the files.

    The images of a request are planned together, under its limits and the configuration's budgets.

    Raises:
        UsageError: a path or platform that does not exist.
        ConfigError: a configuration that cannot be taken.
    """
    from imgbudget.config.settings import Budget  # noqa: PLC0415 - a check needs no planner
    from imgbudget.session.planning import aims_of, plans_of  # noqa: PLC0415 - see above

    session = Session(wishes or Wishes())
    goal, budget = aims_of(session, target if isinstance(target, Goal) else Goal(target), Budget())
    return tuple(found for result in session.check(paths) for found in plans_of(result, goal, budget).images)
