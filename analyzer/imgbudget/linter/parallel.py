"""Many files, or the rows of one long file, linted and rendered on several processes, merged in order."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Generic, NamedTuple, cast

from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import FoundFile
from imgbudget.jsontext.lines import Chunk, split_into_chunks
from imgbudget.jsontext.source import JsonSource, Start
from imgbudget.linter.context import LintContext
from imgbudget.linter.documents import check_part
from imgbudget.linter.end_of_run import RunTotals
from imgbudget.linter.pool import WorkerPool, narrow_down
from imgbudget.linter.protocols import Checker, WorkItem
from imgbudget.linter.reporting import Fragment, Reporter, merge
from imgbudget.linter.rows import PART_REQUESTS, PartCount
from imgbudget.linter.run import Session
from imgbudget.model.results import FileResult, Summary


class ResultBatch(NamedTuple):
    """What came of a chunk: a piece for each reporter, the sum, the notes, what is kept for the end."""

    fragments: tuple[Fragment, ...]
    summary: Summary
    notes: tuple[str, ...]
    totals: RunTotals


def check_in_pool(
    checker: Checker[WorkItem], reporters: Sequence[Reporter], files: Iterable[WorkItem], jobs: int
) -> Iterator[ResultBatch]:
    """The batches of all files, in order.

    A worker that dies takes no other file with it: its chunk is run again in halves until the file that
    kills is alone, and that one is reported as not checked.
    """
    source = iter(files)
    chunks = iter(lambda: _pack(islice(source, checker.chunk_size)), [])
    worker = _Worker(checker, reporters)
    with WorkerPool(worker.make, jobs) as pool:

        def attempt(chunk: "list[WorkItem | str]") -> ResultBatch | None:
            batch = pool.run_alone(chunk)
            return worker.report_lost(chunk[0]) if batch is None and len(chunk) == 1 else batch

        for outcome in pool.run_in_order(chunks):
            batch = outcome.answer
            if batch is None:
                batch = narrow_down(outcome.item, attempt, _halves, worker.join)
            checker.context.notes.update(dict.fromkeys(batch.notes))
            checker.merge_totals(batch.totals)
            yield batch


class _Worker(Generic[WorkItem]):
    """Checks chunks and renders what is found. One that is pickled makes a checker for itself."""

    def __init__(self, checker: Checker[WorkItem], reporters: Sequence[Reporter]) -> None:
        self.checker = checker
        self.reporters = tuple(reporters)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return _made_again, (self.checker.factory, self.reporters)

    def make(self) -> "Callable[[list[WorkItem | str]], ResultBatch]":
        """What a process does with a chunk."""
        self.checker.drain()  # a forked process has what its parent has kept, too
        return self.check

    def check(self, chunk: "list[WorkItem | str]") -> ResultBatch:
        """Check and render the files of a chunk."""
        files = [FoundFile(file, FileKind.IMAGE) if isinstance(file, str) else file for file in chunk]
        # only a checker of found files is given packed ones
        batch = self.batch(self.checker.check_all(cast("list[WorkItem]", files)))
        self.checker.flush()
        return batch

    def batch(self, results: Iterable[FileResult]) -> ResultBatch:
        """Results, rendered and counted."""
        # each result is dropped before the next one: a thousand of them keep the garbage collector busy
        summary = Summary()
        rendered: list[list[Fragment]] = [[] for _ in self.reporters]
        for result in results:
            summary.add(result)
            for reporter, fragments in zip(self.reporters, rendered, strict=True):
                fragments.append(reporter.render(result))
        merged = [
            merge(one.separators, fragments) for one, fragments in zip(self.reporters, rendered, strict=True)
        ]
        return ResultBatch(tuple(merged), summary, tuple(self.checker.context.notes), self.checker.drain())

    def report_lost(self, file: "WorkItem | str") -> ResultBatch:
        """The batch of a file that kills each process that checks it."""
        path = file if isinstance(file, str) else file.path
        kept = self.checker.drain()  # what this process has taken in stays with it
        batch = self.batch([FileResult(path=path, skipped="the process that checked it died", missed=True)])
        self.checker.merge_totals(kept)
        return batch

    def join(self, _chunk: "list[WorkItem | str]", batches: Sequence[ResultBatch]) -> ResultBatch:
        """Batches in order as one."""
        first, *others = batches
        for other in others:
            first.summary.merge(other.summary)
            first.totals.merge(other.totals)
        fragments = zip(*(batch.fragments for batch in batches), strict=True)
        merged = (merge(one.separators, its) for one, its in zip(self.reporters, fragments, strict=True))
        notes = dict.fromkeys(note for batch in batches for note in batch.notes)
        return first._replace(fragments=tuple(merged), notes=tuple(notes))


def _made_again(again: Callable[[], Checker[WorkItem]], reporters: Sequence[Reporter]) -> _Worker[WorkItem]:
    return _Worker(again(), reporters)


def _halves(chunk: "list[WorkItem | str]") -> "tuple[list[WorkItem | str], list[WorkItem | str]]":
    middle = len(chunk) // 2
    return chunk[:middle], chunk[middle:]


def _pack(chunk: Iterable[WorkItem]) -> "list[WorkItem | str]":
    """A chunk for the way to a worker: most files are images of a folder, and a path is enough for one.

    That is a microsecond less for each on either side.
    """
    return [
        file.path if isinstance(file, FoundFile) and file.kind is FileKind.IMAGE and not file.named else file
        for file in chunk
    ]


PART_SIZE = 8 << 20
"""Bytes of a part, unless it reaches `PART_REQUESTS` rows first; takes about 20 ms."""


class RowPart(NamedTuple):
    """Some rows of a file."""

    path: str
    chunk: Chunk


class PartChecker:
    """Checks parts; `counts` is what they count, since they were taken the last time."""

    chunk_size = 1

    def __init__(self, session: Session) -> None:
        self.counts: list[PartCount] = []
        self._session = session

    @property
    def context(self) -> LintContext:
        """See Checker."""
        return self._session.context

    @property
    def factory(self) -> "Callable[[], PartChecker]":
        """See Checker."""
        return partial(_again, self._session.factory)

    def check_all(self, files: Iterable[RowPart]) -> Iterator[FileResult]:
        """The results of parts; of one whose rows do not stand for themselves nothing is said."""
        for path, chunk in files:
            result, count = check_part(self._session.context, path, chunk)
            self.counts.append(count)
            if count.independent:
                self._session.totals.add(result)
                yield result
            else:
                self._session.drain()  # nothing is kept: who goes on alone finds it again
                yield FileResult(path=path, partial=True)

    def flush(self) -> None:
        """Rows are not cached."""

    def drain(self) -> RunTotals:
        """See Checker."""
        totals = self._session.drain()
        totals.parts, self.counts = self.counts, []
        return totals

    def merge_totals(self, totals: RunTotals) -> None:
        """See Checker."""
        self.counts += totals.parts
        self._session.merge_totals(totals)


def _again(session: Callable[[], Session]) -> PartChecker:
    return PartChecker(session())


def check_rows(  # noqa: PLR0913, PLR0917 - a run and a place in it
    session: Session,
    reporters: Sequence[Reporter],
    path: str,
    start: Start,
    jobs: int,
    show: Callable[[ResultBatch], None],
) -> Generator[PartCount | None, None, None]:
    """Check the rows of a file from `start` on, show what they hold, and hand out what they count.

    Ends with None where processes die of a part, which is shown as the end of the file then.

    Raises:
        OSError: the file cannot be read.
    """
    checker = PartChecker(session)
    with JsonSource.open(path) as source:
        jobs = min(jobs, -((start.offset - source.size) // PART_SIZE))
        parts = (RowPart(path, chunk) for chunk in split_into_chunks(source, start, PART_SIZE, PART_REQUESTS))
        for batch in check_in_pool(checker, reporters, parts, jobs):
            show(batch)
            if not checker.counts:
                yield None
                return
            counts, checker.counts = checker.counts, []
            yield from counts
