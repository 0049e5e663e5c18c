"""Engines that run the work on partitions, behind one small interface; the run itself knows none of them."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from imgbudget.audit.partition import Partition
from imgbudget.audit.work import Done, Failed, Work

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
