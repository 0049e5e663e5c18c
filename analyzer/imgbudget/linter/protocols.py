"""What a run asks of those that check its files and of those that take its output. For type checkers only."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from imgbudget.discovery.walk import FoundFile, SkippedFile
from imgbudget.linter.context import LintContext
from imgbudget.linter.end_of_run import RunTotals
from imgbudget.linter.reporting import Reporter
from imgbudget.linter.rows import PartReceiver
from imgbudget.model.results import FileResult, Summary


class HasPath(Protocol):
    """What a checker is given: a file that the walk has found or skipped, or a part of a file."""

    @property
    def path(self) -> str:
        """The file."""


Work = TypeVar("Work", bound=HasPath)
Work_contra = TypeVar("Work_contra", bound=HasPath, contravariant=True)


class Checker(Protocol[Work_contra]):
    """Makes results here or in a worker: of files, of files with their fixes, of parts of files."""

    chunk: int
    """Pieces of work that a worker takes at once: fewer cost more messages, more let the last worker wait."""

    @property
    def context(self) -> LintContext:
        """The workplace, which gathers notes."""

    @property
    def again(self) -> "Callable[[], Checker[Work_contra]]":
        """Makes another one in a process that shares nothing with this one; can be pickled."""

    def check_all(self, files: Iterable[Work_contra]) -> Iterator[FileResult]:
        """The results of pieces of work, in order."""

    def flush(self) -> None:
        """Write what is to be kept for the next run."""

    def drain(self) -> RunTotals:
        """What was kept for the end of the run, for the process that ends it."""

    def merge_totals(self, totals: RunTotals) -> None:
        """Keep what another process kept."""


class RunChecker(Checker[FoundFile | SkippedFile], Protocol):
    """Checks the files of a whole run: a session, or a fixer with its session."""

    pool_worth: int
    """Files from which on two processes are quicker than one."""

    @property
    def totals(self) -> RunTotals:
        """What is kept for the end of the run."""

    def walk(self, paths: Sequence[str]) -> Iterator[FoundFile | SkippedFile]:
        """The files under `paths`, without looking into them. Raises UsageError: a path does not exist."""

    def check_all(
        self, files: Iterable[FoundFile | SkippedFile], parts: PartReceiver | None = None
    ) -> Iterator[FileResult]:
        """The results of files, in order; with `parts`, of a long file only the last part is among them."""

    def process_stdin(self, data: bytes, name: str) -> tuple[FileResult, bytes | None]:
        """The result of what came on standard input, and what is to be written in its place, if anything."""

    def finish(self, summary: Summary) -> Iterator[FileResult]:
        """What is found of the run as a whole, once every file is counted in `summary`."""


class Output(Protocol):
    """A format and the place where its text goes."""

    @property
    def reporter(self) -> Reporter:
        """The format."""

    def write(self, text: str) -> None:
        """Take more text, which may be empty."""

    def close(self) -> None:
        """Take notice that the text is complete. Raises UsageError: it cannot be written."""
