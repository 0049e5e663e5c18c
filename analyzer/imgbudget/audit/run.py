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
            self._keep(self._carefully(failed.partition))
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

    def _carefully(self, partition: Partition) -> Done:
        """A partition that failed, alone; in halves when it fails again, down to the item to blame."""
        outcome = next(iter(self.executor.run(self.work, [partition], careful=True)))
        if isinstance(outcome, Done):
            return outcome
        if partition.known is None:
            items = input_of(partition.kind).count(partition)
            partition = partition._replace(stop=partition.start + items)
        if (partition.known or 0) <= 1:
            self.lost.append(outcome.reason)
            return give_up(partition, self.work, outcome.reason)
        return join(partition, [self._carefully(half) for half in partition.halves()])
