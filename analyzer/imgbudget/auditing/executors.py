"""The engines that run partitions: their interface, and those of local processes."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from typing import Protocol

from imgbudget.auditing.partition import Partition
from imgbudget.auditing.work import Done, Failed, Work, joined, tiers_of
from imgbudget.linter.pool import WorkerPool

WORKER_CRASHED = "the worker process crashed while reading it"
"""The reason of a failure if the worker crashed."""


LEAST_FILES = 200
"""Files that a further process is worth its start for."""


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


_Pool = WorkerPool[Partition, Done | Failed]


class LocalExecutor:
    """Runs partitions on processes of this machine."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool: _Pool | None = None

    def run(
        self, work: Work, partitions: Iterable[Partition], *, careful: bool = False
    ) -> Iterator[Done | Failed]:
        """The result of each partition as soon as it is there."""
        self._pool = self._pool or WorkerPool(partial(_worker, work), self._jobs)
        if careful:
            for partition in partitions:
                yield from _results(self._pool, (partition,))
            return
        source = iter(partitions)
        first = tuple(islice(source, self._jobs))
        if len(first) < self._jobs:
            yield from self._shared(self._pool, work, first)
        else:
            yield from _results(self._pool, chain(first, source))

    def _shared(self, pool: _Pool, work: Work, partitions: Iterable[Partition]) -> Iterator[Done | Failed]:
        """The results of fewer partitions than processes, each of them read by several."""
        parts = [(whole, _parts(whole, self._jobs)) for whole in partitions]
        found = {_id(one): one for one in _results(pool, (part for _, some in parts for part in some))}
        for whole, some in parts:
            answers = [found[part.id] for part in some]
            done = [answer for answer in answers if isinstance(answer, Done)]
            failed = next((answer for answer in answers if isinstance(answer, Failed)), None)
            if failed is not None:
                yield Failed(whole, failed.reason)
            else:
                yield done[0] if len(some) == 1 else joined(whole, done, tiers_of(work.shared.session))

    def close(self) -> None:
        """Stop all workers."""
        if self._pool is not None:
            self._pool.close()


class OwnProcess:
    """Runs partitions in this process, which a crash ends; a script needs no guard against being imported."""

    def run(
        self, work: Work, partitions: Iterable[Partition], *, careful: bool = False
    ) -> Iterator[Done | Failed]:
        """The result of each partition, one after the other."""
        del careful
        for partition in partitions:
            yield _read(work, partition)

    def close(self) -> None:
        """Nothing."""


def _results(pool: _Pool, partitions: Iterable[Partition]) -> Iterator[Done | Failed]:
    for outcome in pool.run(partitions):
        yield Failed(outcome.item, WORKER_CRASHED) if outcome.answer is None else outcome.answer


def _id(result: Done | Failed) -> str:
    return result.partition.id


def _parts(partition: Partition, wanted: int) -> list[Partition]:
    """A partition of files in about so many parts; images that are tried are chosen from a whole one."""
    parts = [partition]
    while not partition.tries and len(parts) < wanted and len(parts[-1].items) >= 2 * LEAST_FILES:
        parts = [half for part in parts for half in part.halves()]
    return parts


def _worker(work: Work) -> Callable[[Partition], Done | Failed]:
    return partial(_read, work)


def _read(work: Work, partition: Partition) -> Done | Failed:
    """The result of a partition. On failure the run finds the item that causes it."""
    try:
        return work(partition)
    except Exception as error:  # noqa: BLE001 - the run narrows it down to one item
        return Failed(partition, failure_reason(error))
