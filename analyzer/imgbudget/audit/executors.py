"""The engines that run partitions: their interface, and worker processes of this machine."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

from imgbudget.audit.partition import Partition
from imgbudget.audit.work import Done, Failed, Work
from imgbudget.linter.pool import WorkerPool

DIED = "the process that read it died"
"""Why a partition failed whose worker died."""


def why_failed(error: BaseException) -> str:
    """Why a partition failed whose reading raised an error."""
    return f"reading it failed: {type(error).__name__}: {error}"


class Executor(Protocol):
    """Runs work. A worker that dies costs its own partition, which ends as Failed, and no other one.

    Results come in any order. Closing ends everything that was started, at once and whatever it does.
    """

    def run(
        self, work: Work, partitions: Iterable[Partition], *, careful: bool = False
    ) -> Iterator[Done | Failed]:
        """What comes of each partition; with `careful` one at a time, and none is tried again."""

    def close(self) -> None:
        """End all workers."""


class LocalExecutor:
    """Runs partitions on processes of this machine."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool: WorkerPool[Partition, Done | Failed] | None = None

    def run(
        self, work: Work, partitions: Iterable[Partition], *, careful: bool = False
    ) -> Iterator[Done | Failed]:
        """What comes of each partition, as it comes."""
        self._pool = self._pool or WorkerPool(partial(_worker, work), self._jobs)
        groups = ([partition] for partition in partitions) if careful else (partitions,)
        for group in groups:
            for outcome in self._pool.run(group):
                yield Failed(outcome.item, DIED) if outcome.answer is None else outcome.answer

    def close(self) -> None:
        """End all workers."""
        if self._pool is not None:
            self._pool.close()


def _worker(work: Work) -> Callable[[Partition], Done | Failed]:
    return partial(_read, work)


def _read(work: Work, partition: Partition) -> Done | Failed:
    """What comes of a partition in a worker. The run looks for the item to blame, as when a worker dies."""
    try:
        return work(partition)
    except Exception as error:  # noqa: BLE001 - see above
        return Failed(partition, why_failed(error))
