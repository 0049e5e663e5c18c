"""Checks many files on several processes: chunks of paths out, rendered text and sums back, in order.

Rules and reporters run in the workers too, so that only text comes back; threads would make header reading
slower. The parent talks to each worker over a pipe of its own and has no thread, so it always knows which
chunk a dead worker had, and Ctrl-C finds nobody waiting for a lock.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

from imgbudget.report import FileResult, Summary
from imgbudget.reporters.base import Piece, Reporter, merge
from imgbudget.session.checkers import Checker, Work
from imgbudget.session.tally import Tally
from imgbudget.sources.walk import FileKind, Found

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_AHEAD = 4
"""Chunks a worker by which the slowest one may be behind; bounds memory."""


class Batch(NamedTuple):
    """What came of a chunk: a piece for each reporter, the sum, the notes, what is kept for the end."""

    pieces: tuple[Piece, ...]
    summary: Summary
    notes: tuple[str, ...]
    tally: Tally


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_in_pool(
    session: Checker[Work], reporters: Sequence[Reporter], files: Iterable[Work], jobs: int
) -> Iterator[Batch]:
    """The batches of all files, in order.

    A worker that dies takes no other file with it: its chunk is run again in halves until the file that
    kills is alone, and that one is told as not checked.
    """
    from multiprocessing.connection import wait  # noqa: PLC0415 - many files only

    source = iter(files)
    chunks = iter(lambda: list(islice(source, session.chunk)), [])
    done: dict[int, Batch] = {}
    given = shown = 0
    workers: list[_Worker[Work]] = []
    for _ in range(jobs):
        workers.append(_Worker(session, reporters, workers))
    try:
        while True:
            idle = [worker for worker in workers if worker.chunk is None]
            while idle and given - shown < jobs * _AHEAD and (chunk := next(chunks, None)):
                idle.pop().give(given, chunk)
                given += 1
            busy = [worker for worker in workers if worker.chunk is not None]
            if not busy and not done:
                return
            for pipe in wait([worker.pipe for worker in busy]):
                worker = next(worker for worker in busy if worker.pipe is pipe)
                number, chunk = worker.number, worker.chunk or []
                batch = worker.take()
                if batch is None:
                    others = [other for other in workers if other is not worker]
                    workers[workers.index(worker)] = _Worker(session, reporters, others)
                    batch = _carefully(session, reporters, chunk, workers)
                done[number] = batch
            while shown in done:
                batch = done.pop(shown)
                session.bench.notes.update(dict.fromkeys(batch.notes))
                session.take_in(batch.tally)
                yield batch
                shown += 1
    finally:
        for worker in workers:
            worker.end()


class _Worker(Generic[Work]):
    """A process that checks one chunk at a time. `chunk` is what it is at, None when idle."""

    def __init__(
        self, session: Checker[Work], reporters: Sequence[Reporter], others: "Sequence[_Worker[Work]]"
    ) -> None:
        import multiprocessing  # noqa: PLC0415 - 10 ms, many files only

        forks = "fork" in multiprocessing.get_all_start_methods()
        # Any: the two contexts' Process classes have no common type
        context: Any = multiprocessing.get_context("fork" if forks else "spawn")
        self.pipe: Connection[Any, Any]
        self.pipe, theirs = context.Pipe()
        # a forked worker has the session already, another one makes its own
        known = (lambda: session) if forks else session.again
        # and copies of our ends of all pipes: none would close when we are killed
        inherited = (self.pipe, *(other.pipe for other in others)) if forks else ()
        arguments = (theirs, known, tuple(reporters), inherited)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        self.number = -1
        self.chunk: list[Work] | None = None

    def give(self, number: int, chunk: list[Work]) -> None:
        """Hand over a chunk."""
        self.number, self.chunk = number, chunk
        try:
            self.pipe.send(_packed(chunk))
        except OSError:
            return  # it died while idle; `take` finds out

    def take(self) -> Batch | None:
        """What came of the chunk, None when the worker died.

        Raises:
            Exception: what the worker raised.
        """
        self.chunk = None
        try:
            answer = self.pipe.recv()
        except (EOFError, OSError):
            self.end()
            return None
        if isinstance(answer, Exception):
            raise answer
        batch: Batch = answer
        return batch

    def end(self) -> None:
        """End the process, whatever it does: on Ctrl-C nobody waits for a slow disk."""
        self.pipe.close()
        self._process.kill()
        self._process.join()


def _serve(
    pipe: "Connection[Any, Any]",
    known: Callable[[], Checker[Any]],
    reporters: tuple[Reporter, ...],
    inherited: "tuple[Connection[Any, Any], ...]",
) -> None:
    """The life of a worker: chunks in, batches out, until the pipe closes. Ctrl-C is the parent's."""
    import signal  # noqa: PLC0415 - workers only

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for end in inherited:
        end.close()
    session = known()
    session.hand_over()  # a forked process has what its parent has kept, too
    while True:
        try:
            chunk = _unpacked(pipe.recv())
        except (EOFError, OSError):
            return
        try:
            answer: Batch | Exception = _render(session, reporters, chunk)
        except Exception as error:  # noqa: BLE001 - told by the parent, as if it had happened there
            answer = error
        pipe.send(answer)


def _packed(chunk: Iterable[Work]) -> list[Work | str]:
    """A chunk for the way to a worker: most files are images of a folder, and a path is enough for one.

    That is a microsecond less for each on either side.
    """
    return [
        met.path if isinstance(met, Found) and met.kind is FileKind.IMAGE and not met.named else met
        for met in chunk
    ]


def _unpacked(packed: Iterable[Work | str]) -> list[Work | Found]:
    return [Found(met, FileKind.IMAGE) if isinstance(met, str) else met for met in packed]


def _render(session: Checker[Work], reporters: Sequence[Reporter], chunk: Iterable[Work]) -> Batch:
    """Check and render the files of a chunk."""
    batch = _batch(session, reporters, session.check_all(chunk))
    session.flush()
    return batch


def _batch(session: Checker[Work], reporters: Sequence[Reporter], results: Iterable[FileResult]) -> Batch:
    # each result is let go before the next one: a thousand of them in hand keep the garbage collector busy
    summary = Summary()
    rendered: list[list[Piece]] = [[] for _ in reporters]
    for result in results:
        summary.add(result)
        for reporter, pieces in zip(reporters, rendered, strict=True):
            pieces.append(reporter.render(result))
    merged = [merge(one.joints, pieces) for one, pieces in zip(reporters, rendered, strict=True)]
    return Batch(tuple(merged), summary, tuple(session.bench.notes), session.hand_over())


def _carefully(
    session: Checker[Work], reporters: Sequence[Reporter], chunk: list[Work], others: Sequence[_Worker[Work]]
) -> Batch:
    """A chunk that killed its worker, on a worker of its own, in halves when it kills again."""
    worker = _Worker(session, reporters, others)
    try:
        worker.give(0, chunk)
        batch = worker.take()
    finally:
        worker.end()
    if batch is not None:
        return batch
    if len(chunk) == 1:
        lost = FileResult(path=chunk[0].path, skipped="the process that checked it died", missed=True)
        kept = session.hand_over()  # what this process has taken in stays with it
        batch = _batch(session, reporters, [lost])
        session.take_in(kept)
        return batch
    middle = len(chunk) // 2
    return _join(
        reporters,
        _carefully(session, reporters, chunk[:middle], others),
        _carefully(session, reporters, chunk[middle:], others),
    )


def _join(reporters: Sequence[Reporter], first: Batch, second: Batch) -> Batch:
    """Two batches in order as one."""
    first.summary.merge(second.summary)
    first.tally.merge(second.tally)
    pieces = (
        merge(reporter.joints, pair)
        for reporter, *pair in zip(reporters, first.pieces, second.pieces, strict=True)
    )
    return Batch(tuple(pieces), first.summary, (*first.notes, *second.notes), first.tally)
