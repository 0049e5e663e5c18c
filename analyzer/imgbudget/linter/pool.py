"""Worker processes with pipes of their own, so that the item on which a worker crashed is always known.

`multiprocessing.Pool` waits forever when a worker dies, and `ProcessPoolExecutor` fails everything in flight.
The parent process has no threads, so Ctrl-C cannot leave it waiting for a lock. Threads instead of processes
make reading headers slower.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from types import TracebackType

_AHEAD = 4
"""Items per worker that may be finished ahead of the slowest one when order is kept; bounds memory."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")

Handler = Callable[[Item], Answer]
"""The function that a worker applies to each item."""


def has_threads() -> bool:
    """Whether this process must not be forked: remote stores, Ray and libvips start threads."""
    return threading.active_count() > 1 or "pyvips" in sys.modules


def process_context() -> tuple[Any, bool]:
    """The context of multiprocessing that starts processes, and whether it forks them."""
    import multiprocessing  # noqa: PLC0415 - rare

    forks = "fork" in multiprocessing.get_all_start_methods() and not has_threads()
    # Any: the two contexts' Process classes have no common type
    return multiprocessing.get_context("fork" if forks else "spawn"), forks


class WorkOutcome(NamedTuple, Generic[Item, Answer]):
    """The result for an item; `answer` is None if the worker crashed. `number` counts the items from 0."""

    number: int
    item: Item
    answer: Answer | None


def cores() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def narrow_down(
    item: Item,
    attempt: Callable[[Item], Answer | None],
    halve: Callable[[Item], tuple[Item, Item]],
    join: Callable[[Item, Sequence[Answer]], Answer],
) -> Answer:
    """The answer for an item that crashed its worker, by trying halves until the crashing part is alone.

    `attempt` returns the answer for an item, or None if it crashes again and can be halved; for an item that
    cannot be halved it returns an answer that reports the crash. `join` combines the answers of both halves.
    """
    answer = attempt(item)
    if answer is not None:
        return answer
    return join(item, [narrow_down(half, attempt, halve, join) for half in halve(item)])


class WorkerPool(Generic[Item, Answer]):
    """Up to `jobs` processes, started when there is work for them and ended when the pool is closed.

    `make_worker` is called once in each process and returns the function to apply to items. A forked process
    has the caller's memory; a spawned one gets `make_worker` pickled. Exceptions of workers are raised here.
    """

    def __init__(self, make_worker: Callable[[], Handler[Item, Answer]], jobs: int) -> None:
        self._make_worker = make_worker
        self._jobs = jobs
        self._processes: list[_Process[Item, Answer]] = []

    def __enter__(self) -> "WorkerPool[Item, Answer]":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: "TracebackType | None"
    ) -> None:
        self.close()

    def run(self, items: Iterable[Item]) -> Iterator[WorkOutcome[Item, Answer]]:
        """The outcomes of all items, in the order in which they finish."""
        return self._outcomes(items, lambda _started: True)

    def run_in_order(self, items: Iterable[Item]) -> Iterator[WorkOutcome[Item, Answer]]:
        """The outcomes of all items, in the order of the items."""
        done: dict[int, WorkOutcome[Item, Answer]] = {}
        next_one = 0

        def has_room(started: int) -> bool:
            return started - next_one < self._jobs * _AHEAD

        for outcome in self._outcomes(items, has_room):
            done[outcome.number] = outcome
            while next_one in done:
                yield done.pop(next_one)
                next_one += 1

    def run_alone(self, item: Item) -> Answer | None:
        """The answer for one item from a new process; None if that process crashed."""
        process = _Process(self._make_worker, self._processes)
        try:
            process.send(0, item)
            return process.receive().answer
        finally:
            process.end()

    def interrupt(self) -> None:
        """Kill the processes, also from another thread than that of `run`: their items get no answer."""
        for process in tuple(self._processes):
            process.kill()

    def close(self) -> None:
        """Kill all processes."""
        while self._processes:
            self._processes.pop().end()

    def _outcomes(
        self, items: Iterable[Item], has_room: Callable[[int], bool]
    ) -> Iterator[WorkOutcome[Item, Answer]]:
        """The outcomes as they finish; `has_room` decides whether another item may start after so many."""
        from multiprocessing.connection import wait  # noqa: PLC0415 - rare

        todo = enumerate(items)
        waiting = next(todo, None)
        while True:
            while waiting is not None and has_room(waiting[0]) and (idle := self._idle()):
                idle.send(*waiting)
                waiting = next(todo, None)
            busy = [process for process in self._processes if process.current is not None]
            if not busy:
                return
            for pipe in wait([process.answers for process in busy]):
                process = next(process for process in busy if process.answers is pipe)
                outcome = process.receive()
                if outcome.answer is None:
                    self._processes.remove(process)
                    process.end()
                yield outcome

    def _idle(self) -> "_Process[Item, Answer] | None":
        """An idle process, started if necessary; None if all `jobs` processes are busy."""
        for process in self._processes:
            if process.current is None:
                return process
        if len(self._processes) >= self._jobs:
            return None
        self._processes.append(_Process(self._make_worker, self._processes))
        return self._processes[-1]


class _Raised(NamedTuple):
    """An exception that a worker raised."""

    error: Exception


class _Process(Generic[Item, Answer]):
    """A process that works on one item at a time: `current`, with its number; None when idle."""

    def __init__(
        self, make_worker: Callable[[], Handler[Item, Answer]], others: "Sequence[_Process[Item, Answer]]"
    ) -> None:
        context, forks = process_context()
        # one pipe in each direction: a pipe for both directions is a pair of sockets
        items, self.items = context.Pipe(duplex=False)
        self.answers, answers = context.Pipe(duplex=False)
        self.ours: tuple[Connection[Any, Any], ...] = (self.items, self.answers)
        # a forked process inherits our ends of all pipes, which would stay open if we are killed
        inherited = (*self.ours, *(end for other in others for end in other.ours)) if forks else ()
        self._process = context.Process(
            target=_serve, args=(items, answers, make_worker, inherited), daemon=True
        )
        self._process.start()
        items.close()
        answers.close()
        self.current: tuple[int, Item] | None = None

    def send(self, number: int, item: Item) -> None:
        """Send an item to the process."""
        self.current = number, item
        try:
            self.items.send(item)
        except OSError:
            return  # it crashed while idle; `receive` reports that

    def receive(self) -> WorkOutcome[Item, Answer]:
        """The outcome of the current item.

        Raises:
            Exception: as raised by the worker.
        """
        if self.current is None:
            raise RuntimeError("the worker has no item")
        (number, item), self.current = self.current, None
        try:
            answer: Answer | _Raised = self.answers.recv()
        except (EOFError, OSError):
            return WorkOutcome(number, item, None)
        if isinstance(answer, _Raised):
            raise answer.error
        return WorkOutcome(number, item, answer)

    def kill(self) -> None:
        """Kill the process; `receive` reports it."""
        self._process.kill()

    def end(self) -> None:
        """Kill the process, so that Ctrl-C need not wait for a slow disk."""
        for end in self.ours:
            end.close()
        self._process.kill()
        self._process.join()


def _serve(
    items: "Connection[Any, Any]",
    answers: "Connection[Any, Any]",
    make_worker: Callable[[], Handler[Any, Any]],
    inherited: "tuple[Connection[Any, Any], ...]",
) -> None:
    """The loop of a worker process, until the pipes close. Ctrl-C is left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for end in inherited:
        end.close()
    work = make_worker()
    while True:
        try:
            item = items.recv()
        except (EOFError, OSError):
            return
        try:
            answer = work(item)
        except Exception as error:  # noqa: BLE001 - raised in the parent
            answer = _Raised(error)
        try:
            answers.send(answer)
        except OSError:
            return  # the run is over
