"""Linting many files, or the rows of one long file, on several processes; results are merged in order."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Generic, NamedTuple, cast

from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import FoundFile, SkippedFile
from imgbudget.jsontext.lines import Chunk, split_into_chunks
from imgbudget.jsontext.repeats import Repeats
from imgbudget.jsontext.source import JsonSource, Start
from imgbudget.linter.context import LintContext
from imgbudget.linter.documents import check_part
from imgbudget.linter.end_of_run import RunTotals
from imgbudget.linter.pool import WorkerPool, narrow_down
from imgbudget.linter.protocols import Checker, WorkItem
from imgbudget.linter.reporting import Fragment, Reporter, merge
from imgbudget.linter.rows import PART_REQUESTS, PartCount
from imgbudget.linter.run import Session
from imgbudget.linter.verdicts import Verdict
from imgbudget.model.results import FileResult, Summary

_CRASHED = "the worker process crashed while checking this file"

_RENDERED_TOGETHER = 200
"""Results that are counted and then rendered."""

PART_SIZE = 8 << 20
"""Bytes of a part, unless it reaches `PART_REQUESTS` rows first; takes about 20 ms."""


class ResultBatch(NamedTuple):
    """The results of a chunk: a fragment per reporter, their summary, notes, and totals of the run."""

    fragments: tuple[Fragment, ...]
    summary: Summary
    notes: tuple[str, ...]
    totals: RunTotals


def check_in_pool(
    checker: Checker[WorkItem], reporters: Sequence[Reporter], files: Iterable[WorkItem], jobs: int
) -> Iterator[ResultBatch]:
    """The batches of all items, in order.

    The chunk of a worker that crashes is run again in halves, until the file that crashes it is alone; only
    that file is reported as not checked.
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
    """Checks chunks and renders the results. An unpickled copy makes its own checker."""

    def __init__(self, checker: Checker[WorkItem], reporters: Sequence[Reporter]) -> None:
        self.checker = checker
        self.reporters = tuple(reporters)
        self.verdicts = checker.verdicts(reporters)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return _make_worker, (self.checker.factory, self.reporters)

    def make(self) -> "Callable[[list[WorkItem | str]], ResultBatch]":
        """The function that a process applies to each chunk."""
        self.checker.drain()  # a forked process starts with a copy of its parent's totals
        return self.check

    def check(self, chunk: "list[WorkItem | str]") -> ResultBatch:
        """Check and render the files of a chunk."""
        files = [FoundFile(file, FileKind.IMAGE) if isinstance(file, str) else file for file in chunk]
        if self.verdicts is not None:
            batch = self.batch(self.verdicts.checked(cast("list[FoundFile | SkippedFile]", files)))
        else:
            # packed items are FoundFiles, and only a checker of FoundFiles gets them
            batch = self.batch(self.checker.check_all(cast("list[WorkItem]", files)))
        self.checker.flush()
        return batch

    def batch(self, results: Iterable[FileResult | Verdict]) -> ResultBatch:
        """Render and count results."""
        source = iter(results)
        summary = Summary()
        rendered: list[list[Fragment]] = [[] for _ in self.reporters]
        # one step for several results: its code stays in the processor's caches. Not for all of them:
        # thousands of live objects slow the garbage collector down
        while group := list(islice(source, _RENDERED_TOGETHER)):
            for result in group:
                if isinstance(result, FileResult):
                    summary.add(result)
            known = [result.counts for result in group if isinstance(result, Verdict)]
            if known:
                summary.add_counts(map(sum, zip(*known, strict=True)))
            for number, (reporter, fragments) in enumerate(zip(self.reporters, rendered, strict=True)):
                fragments += [
                    result.fragments[number] if isinstance(result, Verdict) else reporter.render(result)
                    for result in group
                ]
        merged = [
            merge(one.separators, fragments) for one, fragments in zip(self.reporters, rendered, strict=True)
        ]
        return ResultBatch(tuple(merged), summary, tuple(self.checker.context.notes), self.checker.drain())

    def report_lost(self, file: "WorkItem | str") -> ResultBatch:
        """The batch of a file that crashes every process that checks it."""
        path = file if isinstance(file, str) else file.path
        kept = self.checker.drain()  # the totals of this process, not to be part of the batch
        batch = self.batch([FileResult(path=path, skipped=_CRASHED, missed=True)])
        self.checker.merge_totals(kept)
        return batch

    def join(self, _chunk: "list[WorkItem | str]", batches: Sequence[ResultBatch]) -> ResultBatch:
        """Join batches in order."""
        first, *others = batches
        for other in others:
            first.summary.merge(other.summary)
            first.totals.merge(other.totals)
        fragments = zip(*(batch.fragments for batch in batches), strict=True)
        merged = (merge(one.separators, its) for one, its in zip(self.reporters, fragments, strict=True))
        notes = dict.fromkeys(note for batch in batches for note in batch.notes)
        return first._replace(fragments=tuple(merged), notes=tuple(notes))


def _make_worker(
    factory: Callable[[], Checker[WorkItem]], reporters: Sequence[Reporter]
) -> _Worker[WorkItem]:
    return _Worker(factory(), reporters)


def _halves(chunk: "list[WorkItem | str]") -> "tuple[list[WorkItem | str], list[WorkItem | str]]":
    middle = len(chunk) // 2
    return chunk[:middle], chunk[middle:]


def _pack(chunk: Iterable[WorkItem]) -> "list[WorkItem | str]":
    """A chunk to send to a worker: images found in folders, which are most files, become their paths.

    That saves a microsecond per file on each side.
    """
    return [
        file.path
        if isinstance(file, FoundFile) and file.kind is FileKind.IMAGE and not file.explicit
        else file
        for file in chunk
    ]


class RowPart(NamedTuple):
    """A range of rows of a file."""

    path: str
    chunk: Chunk


class PartChecker:
    """Checks parts of one file; `counts` holds the counts of parts since the last `drain`."""

    chunk_size = 1

    def __init__(self, session: Session) -> None:
        self.counts: list[PartCount] = []
        self._session = session
        self._repeats = Repeats()

    @property
    def context(self) -> LintContext:
        """See Checker."""
        return self._session.context

    @property
    def factory(self) -> "Callable[[], PartChecker]":
        """See Checker."""
        return partial(_part_checker, self._session.factory)

    def check_all(self, files: Iterable[RowPart]) -> Iterator[FileResult]:
        """The results of parts; that of a part with rows of a session is empty."""
        for path, chunk in files:
            result, count = check_part(self._session.context.at(path), path, chunk, self._repeats)
            self.counts.append(count)
            if count.independent:
                self._session.totals.add(result)
                yield result
            else:
                self._session.drain()  # the caller checks these rows again, in one process
                yield FileResult(path=path, partial=True)

    def verdicts(self, _reporters: Sequence[Reporter]) -> None:
        """None: rows are checked each time."""

    def flush(self) -> None:
        """Do nothing: rows are not cached."""

    def drain(self) -> RunTotals:
        """See Checker."""
        totals = self._session.drain()
        totals.parts, self.counts = self.counts, []
        return totals

    def merge_totals(self, totals: RunTotals) -> None:
        """See Checker."""
        self.counts += totals.parts
        self._session.merge_totals(totals)


def _part_checker(make_session: Callable[[], Session]) -> PartChecker:
    return PartChecker(make_session())


def check_rows(  # noqa: PLR0913, PLR0917 - a run and a position in a file
    session: Session,
    reporters: Sequence[Reporter],
    path: str,
    start: Start,
    jobs: int,
    show: Callable[[ResultBatch], None],
) -> Generator[PartCount | None, None, None]:
    """Check the rows of a file from `start` on, `show` their results, and yield the count of each part.

    Ends with None after a part that crashes its worker; the rest of the file is then not checked.

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
