"""Checks many files on several processes: chunks of paths out, rendered text and sums back, in order.

Rules and reporters run in the workers too, so that only text comes back.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, NamedTuple, cast

from imgbudget.report import FileResult, Summary
from imgbudget.session.checkers import Checker, Work
from imgbudget.session.pool import WorkerPool, narrow_down
from imgbudget.session.reporting import Piece, Reporter, merge
from imgbudget.session.tally import Tally
from imgbudget.sources.walk import FileKind, Found


class Batch(NamedTuple):
    """What came of a chunk: a piece for each reporter, the sum, the notes, what is kept for the end."""

    pieces: tuple[Piece, ...]
    summary: Summary
    notes: tuple[str, ...]
    tally: Tally


def check_in_pool(
    checker: Checker[Work], reporters: Sequence[Reporter], files: Iterable[Work], jobs: int
) -> Iterator[Batch]:
    """The batches of all files, in order.

    A worker that dies takes no other file with it: its chunk is run again in halves until the file that
    kills is alone, and that one is reported as not checked.
    """
    source = iter(files)
    chunks = iter(lambda: _packed(islice(source, checker.chunk)), [])
    worker = _Worker(checker, reporters)
    with WorkerPool(worker.make, jobs) as pool:

        def attempt(chunk: "list[Work | str]") -> Batch | None:
            batch = pool.run_alone(chunk)
            return worker.lost(chunk[0]) if batch is None and len(chunk) == 1 else batch

        for outcome in pool.run_in_order(chunks):
            batch = outcome.answer
            if batch is None:
                batch = narrow_down(outcome.item, attempt, _halves, worker.join)
            checker.bench.notes.update(dict.fromkeys(batch.notes))
            checker.take_in(batch.tally)
            yield batch


class _Worker(Generic[Work]):
    """Checks chunks and renders what is found. One that is pickled makes a checker for itself."""

    def __init__(self, checker: Checker[Work], reporters: Sequence[Reporter]) -> None:
        self.checker = checker
        self.reporters = tuple(reporters)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return _made_again, (self.checker.again, self.reporters)

    def make(self) -> "Callable[[list[Work | str]], Batch]":
        """What a process does with a chunk."""
        self.checker.hand_over()  # a forked process has what its parent has kept, too
        return self.check

    def check(self, chunk: "list[Work | str]") -> Batch:
        """Check and render the files of a chunk."""
        files = [Found(file, FileKind.IMAGE) if isinstance(file, str) else file for file in chunk]
        # only a checker of found files is given packed ones
        batch = self.batch(self.checker.check_all(cast("list[Work]", files)))
        self.checker.flush()
        return batch

    def batch(self, results: Iterable[FileResult]) -> Batch:
        """Results, rendered and counted."""
        # each result is dropped before the next one: a thousand of them keep the garbage collector busy
        summary = Summary()
        rendered: list[list[Piece]] = [[] for _ in self.reporters]
        for result in results:
            summary.add(result)
            for reporter, pieces in zip(self.reporters, rendered, strict=True):
                pieces.append(reporter.render(result))
        merged = [merge(one.joints, pieces) for one, pieces in zip(self.reporters, rendered, strict=True)]
        return Batch(tuple(merged), summary, tuple(self.checker.bench.notes), self.checker.hand_over())

    def lost(self, file: "Work | str") -> Batch:
        """The batch of a file that kills each process that checks it."""
        path = file if isinstance(file, str) else file.path
        kept = self.checker.hand_over()  # what this process has taken in stays with it
        batch = self.batch([FileResult(path=path, skipped="the process that checked it died", missed=True)])
        self.checker.take_in(kept)
        return batch

    def join(self, _chunk: "list[Work | str]", batches: Sequence[Batch]) -> Batch:
        """Batches in order as one."""
        first, *others = batches
        for other in others:
            first.summary.merge(other.summary)
            first.tally.merge(other.tally)
        pieces = zip(*(batch.pieces for batch in batches), strict=True)
        merged = (merge(one.joints, its) for one, its in zip(self.reporters, pieces, strict=True))
        notes = dict.fromkeys(note for batch in batches for note in batch.notes)
        return first._replace(pieces=tuple(merged), notes=tuple(notes))


def _made_again(again: Callable[[], Checker[Work]], reporters: Sequence[Reporter]) -> _Worker[Work]:
    return _Worker(again(), reporters)


def _halves(chunk: "list[Work | str]") -> "tuple[list[Work | str], list[Work | str]]":
    middle = len(chunk) // 2
    return chunk[:middle], chunk[middle:]


def _packed(chunk: Iterable[Work]) -> "list[Work | str]":
    """A chunk for the way to a worker: most files are images of a folder, and a path is enough for one.

    That is a microsecond less for each on either side.
    """
    return [
        file.path if isinstance(file, Found) and file.kind is FileKind.IMAGE and not file.named else file
        for file in chunk
    ]
