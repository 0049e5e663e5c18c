"""A process beside the server for what decodes images: its crash is not that of the server."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from imgbudget.linter.pool import Handler, WorkerPool

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class EditorProcess(Generic[Item, Answer]):
    """Does one task after another, each in so many seconds; started with the first.

    Not for several threads at a time, except for `stop`.
    """

    def __init__(self, make_worker: Callable[[], Handler[Item, Answer]], seconds: float) -> None:
        self._pool: WorkerPool[Item, Answer] = WorkerPool(make_worker, 1)
        self._seconds = seconds

    def run(self, task: Item) -> Answer | None:
        """The answer for a task; None if it took too long or too much memory, or was stopped.

        Raises:
            Exception: as raised by the worker.
        """
        timer = threading.Timer(self._seconds, self.stop)
        timer.start()
        try:
            (outcome,) = self._pool.run([task])
        finally:
            timer.cancel()
        return outcome.answer

    def stop(self) -> None:
        """End the process, if there is one; the next task starts another one."""
        self._pool.interrupt()
