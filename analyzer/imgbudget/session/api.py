"""The public functions of the package that look at files: `check` and `plan`, a call each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgbudget.report import Report, Summary
from imgbudget.reporters.records import SHOWN
from imgbudget.session.run import Session, Wishes

if TYPE_CHECKING:
    from imgbudget.planner import Goal, ImagePlan, Target


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
    for result in session.finish(summary):
        summary.add_findings(result)
        files.append(result)
    return Report(tuple(files), summary, session.notes)


def plan(
    paths: Sequence[str], wishes: Wishes | None = None, *, target: "Goal | Target | None" = None
) -> "tuple[ImagePlan, ...]":
    """The resize plan of every image whose size is known, in the order of the files.

    Without a target the aspect-ratio table is aimed for. The images of a request are planned together, under
    its limits and the configuration's budgets.

    Raises:
        UsageError: a path or platform that does not exist.
        ConfigError: a configuration that cannot be taken.
    """
    from imgbudget.config.settings import Budget  # noqa: PLC0415 - a check needs no planner
    from imgbudget.planner.goal import Goal, Target  # noqa: PLC0415 - see above
    from imgbudget.session.planning import aims_of, plans_of  # noqa: PLC0415 - see above

    session = Session(wishes or Wishes())
    goal, budget = aims_of(
        session, target if isinstance(target, Goal) else Goal(target or Target.TABLE), Budget()
    )
    return tuple(found for result in session.check(paths) for found in plans_of(result, goal, budget).images)
