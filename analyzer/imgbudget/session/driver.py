"""The run: files in, results and text out as they come, in this process or over several, then its end."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.report import FileResult, Summary
from imgbudget.session.run import STDIN, Session

if TYPE_CHECKING:
    from collections.abc import Generator

    from imgbudget.comparison import Earlier
    from imgbudget.session.checkers import Output, RunChecker
    from imgbudget.session.parts import PartCount, PartReceiver
    from imgbudget.session.rendering import Batch
    from imgbudget.session.reporting import Reporter
    from imgbudget.sources.jsonspans import Start
    from imgbudget.sources.walk import Found, Passed


class StandardInput(NamedTuple):
    """What the path `-` is: its bytes, the name to report it under, and where its fixed text goes."""

    read: Callable[[], bytes]
    name: str = "<stdin>"
    write: Callable[[bytes], None] | None = None


def run(  # noqa: PLR0913 - what a run is made of
    checker: "RunChecker",
    paths: Sequence[str],
    *,
    outputs: "Sequence[Output]" = (),
    on_result: Callable[[FileResult], None] | None = None,
    progress: Callable[[int], None] | None = None,
    jobs: int | None = None,
    stdin: StandardInput | None = None,
    earlier: "Earlier | None" = None,
) -> Summary:
    """Check everything under `paths`, or fix it, and then the run as a whole.

    `outputs` get their text in the order of the files, and so does `on_result`, which takes each result as a
    value: these do not travel between processes, so there is one process then. Otherwise `jobs` None means a
    process for each core. `progress` is called with the number of files that are done. Without `stdin`, `-`
    is a path like any other. `earlier` is the report of a run that this one is to be compared with.

    Raises:
        UsageError: a path does not exist (before any output begins), or an output cannot be written.
    """
    made = _Run(checker, outputs, on_result, progress, jobs)
    files = checker.walk([path for path in paths if path != STDIN] if stdin else paths)
    for output in outputs:
        output.write(output.reporter.begin())
    if stdin is not None and STDIN in paths:
        made.process_stdin(stdin)
    made.check(files)
    checker.flush()
    made.finish(earlier)
    return made.summary


class _Run:
    """A run with what it has counted so far."""

    __slots__ = ("checker", "jobs", "on_result", "outputs", "progress", "summary")

    def __init__(
        self,
        checker: "RunChecker",
        outputs: "Sequence[Output]",
        on_result: Callable[[FileResult], None] | None,
        progress: Callable[[int], None] | None,
        jobs: int | None,
    ) -> None:
        self.checker = checker
        self.outputs = outputs
        self.on_result = on_result
        self.progress = progress
        self.jobs = jobs if on_result is None else 1
        self.summary = Summary()

    def process_stdin(self, stdin: StandardInput) -> None:
        """Check standard input, or fix it and write what it becomes."""
        result, text = self.checker.process_stdin(stdin.read(), stdin.name)
        if text is not None and stdin.write is not None:
            stdin.write(text)
        self._add(result)

    def check(self, files: "Iterator[Found | Passed]") -> None:
        """Check files, over several processes where there are enough of them."""
        worth = self.checker.pool_worth
        first = list(islice(files, worth)) if self.jobs != 1 else []
        files = chain(first, files)
        if len(first) < worth or self._processes == 1:
            for result in self.checker.check_all(files, self._receiver):
                self._add(result)
            return
        from imgbudget.session.rendering import check_in_pool  # noqa: PLC0415 - many files only

        for batch in check_in_pool(self.checker, self._reporters, files, self._processes):
            self._add_batch(batch)

    def finish(self, earlier: "Earlier | None") -> None:
        """Add what is found of the run as a whole, and end the output."""
        for result in self.checker.finish(self.summary):
            self.summary.add_findings(result)
            self._show(result)
        if earlier is not None:
            from imgbudget.comparison import compare  # noqa: PLC0415 - on demand only

            self.summary.comparison = compare(earlier, self.summary, self.checker.tally.found or ())
        for output in self.outputs:
            output.write(output.reporter.end(self.summary))
            output.close()

    def _add(self, result: FileResult) -> None:
        """Count and show what was found in a file, or in a part of one."""
        if self.progress is not None:
            self.progress(self.summary.files)
        self.summary.add(result)
        self._show(result)

    def _show(self, result: FileResult) -> None:
        if self.on_result is not None:
            self.on_result(result)
        for output in self.outputs:
            reporter = output.reporter
            if text := reporter.add(reporter.render(result)):
                output.write(text)

    def _add_batch(self, batch: "Batch") -> None:
        """Count and show what a worker has checked and rendered."""
        self.summary.merge(batch.summary)
        if self.progress is not None:
            self.progress(self.summary.files)
        for output, piece in zip(self.outputs, batch.pieces, strict=True):
            if text := output.reporter.add(piece):
                output.write(text)

    @property
    def _receiver(self) -> "PartReceiver | None":
        """What takes long files part by part: the run itself, unless whole results are asked for."""
        in_parts = self.on_result is None and all(output.reporter.takes_parts for output in self.outputs)
        return self if in_parts else None

    def on_partial_result(self, result: FileResult) -> None:
        """Count and show what was found in a part of a long file."""
        self.checker.tally.add(result)
        self._add(result)

    def row_workers(self, path: str, start: "Start") -> "Generator[PartCount | None, None, None] | None":
        """Have several processes check the rows of a long file from `start` on, if there are several."""
        checker = self.checker
        by_parts = any(output.reporter.shows_parts for output in self.outputs)
        if by_parts or self._processes == 1 or not isinstance(checker, Session):
            return None
        from imgbudget.session.rowparts import check_rows  # noqa: PLC0415 - long files only

        return check_rows(checker, self._reporters, path, start, self._processes, self._add_batch)

    @property
    def _reporters(self) -> "list[Reporter]":
        return [output.reporter for output in self.outputs]

    @property
    def _processes(self) -> int:
        """How many processes there may be."""
        if self.jobs is None:
            from imgbudget.session.pool import cores  # noqa: PLC0415 - many files only

            self.jobs = cores()
        return self.jobs
