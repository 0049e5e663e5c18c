"""The loop of `check`: files in, text out as it comes, in this process or over several."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.cli.output import Sink
from imgbudget.cli.progress import Progress
from imgbudget.report import FileResult, Summary
from imgbudget.reporters import Reporter
from imgbudget.session import Session
from imgbudget.session.run import STDIN

if TYPE_CHECKING:
    from collections.abc import Generator

    from imgbudget.comparison import Earlier
    from imgbudget.session.fixing import Fixer
    from imgbudget.session.parts import PartCount
    from imgbudget.session.pool import Batch, Met
    from imgbudget.sources.jsonspans import Start

POOL_WORTH = 4000
"""Files from which on two processes are quicker than one: measured 0.16 s against 0.20 s, start included."""


FIX_POOL_WORTH = 6
"""The same for files that are fixed: a photo takes about 0.2 s, two processes are there in 0.03 s."""


class Output(NamedTuple):
    """A format and where it goes."""

    reporter: Reporter
    sink: Sink


def check_paths(  # noqa: PLR0913 - what a run is made of
    session: "Session | Fixer",
    paths: Sequence[str],
    outputs: Sequence[Output],
    progress: Progress,
    *,
    jobs: int | None = None,
    stdin: bytes | None = None,
    stdin_name: str | None = None,
    earlier: "Earlier | None" = None,
) -> Summary:
    """Check everything under `paths`, or fix it, and show it. `jobs` None means a process for each core.

    `stdin` is what came on standard input where that was read before, `earlier` the report of a run that
    this one is to be compared with.

    Raises:
        UsageError: a path does not exist; told before any output begins.
    """
    summary = Summary()
    in_parts = all(getattr(output.reporter, "takes_parts", False) for output in outputs)
    hand_on = partial(_show, outputs=outputs, summary=summary, progress=progress) if in_parts else None
    files = session.walk([path for path in paths if path != STDIN])
    for reporter, sink in outputs:
        sink.write(reporter.begin())
    if STDIN in paths:
        data = sys.stdin.buffer.read() if stdin is None else stdin
        _show(_standard_input(session, data, stdin_name or "<stdin>"), outputs, summary)
    worth, check_all = FIX_POOL_WORTH, session.check_all
    if isinstance(session, Session):
        crew = partial(_rows, session, outputs, summary, progress, jobs) if in_parts else None
        worth, check_all = POOL_WORTH, partial(session.check_all, crew=crew)
    first = list(islice(files, worth)) if jobs != 1 else []
    if len(first) < worth or (jobs or _cores()) == 1:
        for result in check_all(chain(first, files), hand_on):
            progress.at(summary.files)
            _show(result, outputs, summary, progress)
    else:
        for batch in _batches(session, outputs, chain(first, files), jobs or _cores()):
            _show_batch(batch, outputs, summary, progress)
    session.flush()
    progress.clear()
    _finish(session, outputs, summary, earlier)
    return summary


def _finish(
    session: "Session | Fixer", outputs: Sequence[Output], summary: Summary, earlier: "Earlier | None"
) -> None:
    """Show what is said of the run as a whole, and end the output."""
    for result in session.finish(summary):
        summary.add_findings(result)
        for reporter, sink in outputs:
            sink.write(reporter.add(reporter.render(result)))
    if earlier is not None:
        from imgbudget.comparison import compare  # noqa: PLC0415 - on demand only

        summary.comparison = compare(earlier, summary, session.tally.found or ())
    for reporter, sink in outputs:
        sink.write(reporter.end(summary))
        sink.close()


def _standard_input(session: "Session | Fixer", data: bytes, name: str) -> FileResult:
    if isinstance(session, Session):
        return session.check_stdin(data, name)
    from imgbudget.cli.fixing import fix_standard_input  # noqa: PLC0415 - runs that fix only

    return fix_standard_input(session, data, name)


def _show(
    result: FileResult, outputs: Sequence[Output], summary: Summary, progress: Progress | None = None
) -> None:
    summary.add(result)
    for reporter, sink in outputs:
        if text := reporter.add(reporter.render(result)):
            if progress:
                progress.clear()
            sink.write(text)


def _batches(
    session: "Session | Fixer", outputs: Sequence[Output], files: "Iterable[Met]", jobs: int
) -> "Iterator[Batch]":
    from imgbudget.session.pool import check_in_pool  # noqa: PLC0415 - many files only

    yield from check_in_pool(session, [output.reporter for output in outputs], files, jobs)


def _rows(  # noqa: PLR0913, PLR0917 - a run and a place in it
    session: Session,
    outputs: Sequence[Output],
    summary: Summary,
    progress: Progress,
    jobs: int | None,
    path: str,
    start: "Start",
) -> "Generator[PartCount | None, None, None] | None":
    """Show the rows of a long file from `start` on, if there are several processes to check them."""
    jobs = jobs or _cores()
    if jobs == 1 or any(getattr(output.reporter, "shows_parts", False) for output in outputs):
        return None
    from imgbudget.session.rowparts import check_rows  # noqa: PLC0415 - long files only

    show = partial(_show_batch, outputs=outputs, summary=summary, progress=progress)
    return check_rows(session, [output.reporter for output in outputs], path, start, jobs, show)


def _show_batch(batch: "Batch", outputs: Sequence[Output], summary: Summary, progress: Progress) -> None:
    summary.merge(batch.summary)
    progress.at(summary.files)
    for (reporter, sink), piece in zip(outputs, batch.pieces, strict=True):
        if text := reporter.add(piece):
            progress.clear()
            sink.write(text)


def _cores() -> int:
    from imgbudget.session.pool import cores  # noqa: PLC0415 - many files only

    return cores()
