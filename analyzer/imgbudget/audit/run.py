"""A run: the plan's partitions to row files, each once, with what was interrupted taken up again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from imgbudget.audit.executors import Executor
from imgbudget.audit.inputs import input_of
from imgbudget.audit.merge import find, join, row_file, save
from imgbudget.audit.partition import Partition
from imgbudget.audit.work import Done, Failed, Summary, Work, give_up
from imgbudget.errors import AuditError
from imgbudget.session.pool import narrow_down


class Watcher(Protocol):
    """Hears of each step of a run."""

    def at(self, summary: Summary) -> None:
        """So much is done."""


@dataclass(slots=True, eq=False, repr=False)
class Run:
    """What a run has come to: the sums, the row files, how many of them an earlier run had finished."""

    work: Work
    executor: Executor
    folder: str
    watcher: Watcher
    summary: Summary = field(default_factory=Summary)
    files: list[str] = field(default_factory=list)
    resumed: int = 0
    lost: list[str] = field(default_factory=list)
    """Why single items could not be read: one for each that ended its worker every time."""
    notes: dict[str, None] = field(default_factory=dict)
    _ids: set[str] = field(default_factory=set)

    def finish(self, partitions: Iterable[Partition]) -> None:
        """Read all partitions that no earlier run has finished.

        Raises:
            AuditError: two partitions have the same id.
            OSError: rows cannot be written.
        """
        suspects = []
        for outcome in self.executor.run(self.work, self._todo(partitions)):
            if isinstance(outcome, Failed):
                suspects.append(outcome)
            else:
                self._keep(outcome)
        for failed in suspects:
            self._keep(narrow_down(failed.partition, self._attempt, _halves, join))
        self.files.sort()

    def _todo(self, partitions: Iterable[Partition]) -> Iterator[Partition]:
        for partition in partitions:
            if partition.id in self._ids:
                raise AuditError(f"{partition.source}: partition {partition.id} was planned twice")
            self._ids.add(partition.id)
            found = find(self.folder, partition.id)
            if found is None:
                yield partition
                continue
            self.resumed += 1
            self._count(row_file(self.folder, partition.id), *found)

    def _keep(self, done: Done) -> None:
        self._count(save(self.folder, done), done.summary, done.notes)

    def _count(self, file: str, summary: Summary, notes: Iterable[str]) -> None:
        self.files.append(file)
        self.summary = self.summary.plus(summary)
        self.notes.update(dict.fromkeys(notes))
        self.watcher.at(self.summary)

    def _attempt(self, partition: Partition) -> Done | None:
        """A partition that failed, by itself; None when it fails again, unless it is a single item."""
        outcome = next(iter(self.executor.run(self.work, [partition], careful=True)))
        if isinstance(outcome, Done):
            return outcome
        counted = _counted(partition)
        if (counted.known or 0) > 1:
            return None
        self.lost.append(outcome.reason)
        return give_up(counted, self.work, outcome.reason)


def _counted(partition: Partition) -> Partition:
    """The partition with a known number of items."""
    if partition.known is not None:
        return partition
    return partition._replace(stop=partition.start + input_of(partition.kind).count(partition))


def _halves(partition: Partition) -> tuple[Partition, Partition]:
    return _counted(partition).halves()
