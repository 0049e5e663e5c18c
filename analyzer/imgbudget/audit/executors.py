"""The engines that run partitions: their interface, and the engine of local worker processes."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

from imgbudget.audit.partition import Partition
from imgbudget.audit.work import Done, Failed, Work
from imgbudget.linter.pool import WorkerPool

WORKER_CRASHED = "the worker process crashed while reading it"
"""The reason of a failure if the worker crashed."""


def failure_reason(error: BaseException) -> str:
    """The reason of a failure if reading raised an error."""
    return f"reading it failed: {type(error).__name__}: {error}"


class Executor(Protocol):
    """Runs work. If a worker crashes, only its own partition fails.

    Results come in any order. Closing stops all workers at once.
    """

    def run(
        self, work: Work, partitions: Iterable[Partition], *, careful: bool = False
    ) -> Iterator[Done | Failed]:
        """The result of each partition; with `careful` one at a time and without retries."""

    def close(self) -> None:
        """Stop all workers."""


class LocalExecutor:
    """Runs partitions on processes of this machine."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool: WorkerPool[Partition, Done | Failed] | None = None

    def run(
        self, work: Work, partitions: Iterable[Partition], *, careful: bool = False
    ) -> Iterator[Done | Failed]:
        """The result of each partition as soon as it is there."""
        self._pool = self._pool or WorkerPool(partial(_worker, work), self._jobs)
        groups = ([partition] for partition in partitions) if careful else (partitions,)
        for group in groups:
            for outcome in self._pool.run(group):
                yield Failed(outcome.item, WORKER_CRASHED) if outcome.answer is None else outcome.answer

    def close(self) -> None:
        """Stop all workers."""
        if self._pool is not None:
            self._pool.close()


def _worker(work: Work) -> Callable[[Partition], Done | Failed]:
    return partial(_read, work)


def _read(work: Work, partition: Partition) -> Done | Failed:
    """The result of a partition, in a worker. On failure the run finds the item that causes it."""
    try:
        return work(partition)
    except Exception as error:  # noqa: BLE001 - the run narrows it down to one item
        return Failed(partition, failure_reason(error))
