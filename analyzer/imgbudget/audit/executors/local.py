"""The local engine: worker processes with a pipe each, so a dead worker's partition is always known.

`multiprocessing.Pool` waits for ever when a worker dies, and an executor of futures loses all that is in
flight; here the parent has no thread, and Ctrl-C finds nobody waiting for a lock.
"""

import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from imgbudget.audit.partition import Partition
from imgbudget.audit.work import Done, Failed, Work

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

DIED = "the process that read it died"


class LocalExecutor:
    """Runs partitions on processes of this machine."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._workers: list[_Worker] = []

    def run(
        self, work: Work, partitions: Iterable[Partition], *, careful: bool = False
    ) -> Iterator[Done | Failed]:
        """What comes of each partition, as it comes."""
        from multiprocessing.connection import wait  # noqa: PLC0415 - audits only

        todo = iter(partitions)
        waiting = next(todo, None)
        jobs = 1 if careful else self._jobs
        while True:
            busy = [worker for worker in self._workers if worker.partition is not None]
            while waiting is not None and len(busy) < jobs:
                worker = self._idle(work)
                worker.give(waiting)
                busy.append(worker)
                waiting = next(todo, None)
            if not busy:
                return
            for pipe in wait([worker.pipe for worker in busy]):
                worker = next(worker for worker in busy if worker.pipe is pipe)
                yield self._taken(worker)

    def _idle(self, work: Work) -> "_Worker":
        for worker in self._workers:
            if worker.partition is None:
                return worker
        worker = _Worker(work, [other.pipe for other in self._workers])
        self._workers.append(worker)
        return worker

    def _taken(self, worker: "_Worker") -> Done | Failed:
        partition, answer = worker.take()
        if answer is not None:
            return answer
        self._workers.remove(worker)
        worker.end()
        return Failed(partition, DIED)

    def close(self) -> None:
        """Kill all workers."""
        while self._workers:
            self._workers.pop().end()


class _Worker:
    """A process that reads one partition at a time. `partition` is what it is at, None when idle."""

    def __init__(self, work: Work, others: "list[Connection[Any, Any]]") -> None:
        import multiprocessing  # noqa: PLC0415 - audits only

        # a process that has threads must not be forked: remote stores and Ray leave some behind
        forks = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
        context: Any = multiprocessing.get_context("fork" if forks else "spawn")
        self.pipe: Connection[Any, Any]
        self.pipe, theirs = context.Pipe()
        # a forked worker has copies of our ends of all pipes: none would close when we are killed
        inherited = (self.pipe, *others) if forks else ()
        self._process = context.Process(target=_serve, args=(theirs, work, inherited), daemon=True)
        self._process.start()
        theirs.close()
        self.partition: Partition | None = None

    @property
    def pid(self) -> int:
        """The process's number."""
        return int(self._process.pid)

    def give(self, partition: Partition) -> None:
        """Hand over a partition."""
        self.partition = partition
        try:
            self.pipe.send(partition)
        except OSError:
            return  # it died while idle; `take` finds out

    def take(self) -> tuple[Partition, Done | Failed | None]:
        """The partition and what came of it, None when the worker died."""
        partition, self.partition = self.partition, None
        if partition is None:
            raise RuntimeError("a worker was asked for a result that it does not owe")
        try:
            answer: Done | str = self.pipe.recv()
        except (EOFError, OSError):
            return partition, None
        return partition, Failed(partition, answer) if isinstance(answer, str) else answer

    def end(self) -> None:
        """End the process, whatever it does."""
        self.pipe.close()
        self._process.kill()
        self._process.join()


def _serve(pipe: "Connection[Any, Any]", work: Work, inherited: "tuple[Connection[Any, Any], ...]") -> None:
    """The life of a worker: partitions in, results out, until the pipe closes. Ctrl-C is the parent's."""
    import signal  # noqa: PLC0415 - workers only

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for end in inherited:
        end.close()
    while True:
        try:
            partition = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer: Done | str = work(partition)
        except Exception as error:  # noqa: BLE001 - halved by the run until the item is known, as a death is
            answer = f"reading it failed: {type(error).__name__}: {error}"
        try:
            pipe.send(answer)
        except OSError:
            return  # the run is over
