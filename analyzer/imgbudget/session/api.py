"""The public functions of the package: `check` and `plan`, a call each."""

from collections.abc import Iterator, Sequence

from imgbudget.planner import ImagePlan, Target, plan_image, request_edge_limit
from imgbudget.report import FileResult, Report, Summary
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
    for result in session.finish(summary):
        summary.add_findings(result)
        files.append(result)
    return Report(tuple(files), summary, session.notes)


def plan(
    paths: Sequence[str], wishes: Wishes | None = None, *, target: Target = Target.TABLE
) -> tuple[ImagePlan, ...]:
    """The resize plan of every image whose size is known, in the order of the files.

    Raises:
        UsageError: a path or platform that does not exist.
        ConfigError: a configuration that cannot be taken.
    """
    session = Session(wishes or Wishes())
    return tuple(found for result in session.check(paths) for found in plans_of(result, target))


def plans_of(result: FileResult, target: Target) -> Iterator[ImagePlan]:
    """The plans of the images of one file; those of a request obey what the request imposes."""
    edges = {}
    for request in result.requests:
        edge = request_edge_limit(request.request, request.limits)
        edges.update({use.place: edge for use in request.request.images})
    for image in result.images:
        use = image.use
        found = plan_image(use, image.limits, edge_limit=edges.get(use.place), target=target)
        if found:
            yield found
