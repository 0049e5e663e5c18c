"""The protocols of checkers: what a run and its workers need of them. For type checkers only."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from imgbudget.discovery.walk import FoundFile, Paths, SkippedFile
from imgbudget.linter.context import LintContext
from imgbudget.linter.end_of_run import RunTotals
from imgbudget.linter.rows import PartReceiver
from imgbudget.model.results import FileResult, Summary

if TYPE_CHECKING:
    from imgbudget.linter.reporting import Reporter
    from imgbudget.linter.verdicts import VerdictCache


class HasPath(Protocol):
    """An item of work: a file that the walk has found or skipped, or a part of a file."""

    @property
    def path(self) -> str:
        """The file."""


WorkItem = TypeVar("WorkItem", bound=HasPath)
WorkItem_contra = TypeVar("WorkItem_contra", bound=HasPath, contravariant=True)


class Checker(Protocol[WorkItem_contra]):
    """Turns items of work into results, in this process or in a worker."""

    chunk_size: int
    """Items that a worker gets at once: fewer cost more messages, more leave workers idle at the end."""

    @property
    def context(self) -> LintContext:
        """Rules, limits and notes."""

    @property
    def factory(self) -> "Callable[[], Checker[WorkItem_contra]]":
        """Makes an equal checker in a process that shares no memory with this one; can be pickled."""

    def check_all(self, files: Iterable[WorkItem_contra]) -> Iterator[FileResult]:
        """The results of items, in order."""

    def verdicts(self, reporters: "Sequence[Reporter]", /) -> "VerdictCache | None":
        """What earlier runs wrote in these formats for files that have not changed; None if not usable."""

    def flush(self) -> None:
        """Write caches for the next run."""

    def drain(self) -> RunTotals:
        """The totals since the last call, to send to the process that finishes the run."""

    def merge_totals(self, totals: RunTotals) -> None:
        """Add the totals of another process."""


class RunChecker(Checker[FoundFile | SkippedFile], Protocol):
    """Checks the files of a run: a session, or a fixer with its session."""

    pool_threshold: int
    """Files from which two processes are faster than one."""

    spare_workers: int
    """Processes beyond the number of cores, for work that waits for the disk."""

    @property
    def totals(self) -> RunTotals:
        """The totals for the rules on the whole run."""

    def walk(self, paths: Paths) -> Iterator[FoundFile | SkippedFile]:
        """The files under `paths`, unread. Raises UsageError: a path does not exist."""

    def check_all(
        self, files: Iterable[FoundFile | SkippedFile], parts: PartReceiver | None = None
    ) -> Iterator[FileResult]:
        """The results of files, in order; `parts` receives all parts of a long file but the last one."""

    def process_stdin(self, data: bytes, name: str) -> tuple[FileResult, bytes | None]:
        """The result of standard input, and its fixed content, None if a check or a difference is wanted."""

    def finish(self, summary: Summary) -> Iterator[FileResult]:
        """The findings on the run as a whole, once every file is counted in `summary`."""
