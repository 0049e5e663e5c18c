"""An audit run: plans partitions, writes a row file for each, and resumes after an interruption."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol

from imgbudget.auditing.executors import Executor
from imgbudget.auditing.extras import needed
from imgbudget.auditing.failures import attempt
from imgbudget.auditing.inputs import count_items, planned
from imgbudget.auditing.inputs.files import other_name_of_list, plan_paths
from imgbudget.auditing.inputs.listed import ListedFiles, may_be_lists
from imgbudget.auditing.partition import SHARE, Naming, Partition
from imgbudget.auditing.references import named
from imgbudget.auditing.rowfolder import RowFolder, RowVersions, is_own
from imgbudget.auditing.rows import IMAGE, SKIP, PlainRows
from imgbudget.auditing.trials import tries_of, tries_unasked
from imgbudget.auditing.urls import is_url
from imgbudget.auditing.work import (
    MOST_IN_MEMORY,
    ROWS_VERSION,
    Done,
    Failed,
    PartitionSummary,
    Work,
    file_of,
    give_up,
    joined,
    tiers_of,
)
from imgbudget.discovery.walk import (
    FoundFile,
    PathEntry,
    Paths,
    SkippedFile,
    path_entry,
    path_list,
    spell,
)
from imgbudget.errors import AuditError
from imgbudget.linter.pool import narrow_down
from imgbudget.linter.run import Session

if TYPE_CHECKING:
    from imgbudget.auditing.memory import RowsInMemory
    from imgbudget.auditing.store import Store
    from imgbudget.limits.geometry import Tier


def plan(
    datasets: Paths, session: Session, naming: Naming, *, root: str | None = None
) -> Iterator[Partition]:
    """The partitions of all datasets. The paths in manifests are relative to `root`, a folder or URL.

    Raises:
        UsageError: a dataset does not exist, its URL is never opened, or a package for it is not installed.
    """
    names = [named(name) for name in path_list(datasets)]
    root = None if root is None else named(root)
    naming = naming._replace(choice=naming.choice._replace(root=root))
    paths = [name for name in names if not is_url(name)]
    walk = session.walk(paths)  # reports a missing path before anything is read
    del walk
    # a file that cannot be read is not a list of images: it is reported with the other files
    manifests = list(
        dict.fromkeys(
            spell(path)
            for path in paths
            if attempt(partial(_is_manifest, path, naming.choice.fields), otherwise=False)
        )
    )
    others = [path for path in paths if spell(path) not in manifests]
    listed = ListedFiles(others)
    search = _FolderSearch(others, session)
    found = _found_lists(search, naming.choice.fields, root)
    for path in (*manifests, *(path for path in found if path not in manifests)):
        if (first := listed.known_list(path, root)) is not None:
            if path in manifests:  # otherwise the search has it
                yield from other_name_of_list(path, first, naming)
            continue
        for partition in planned(path, _plan_manifest(path, naming, root), naming):
            once = partition if path in manifests else listed.once(partition, naming)
            listed.add(once)
            yield once
    if others:
        yield from plan_paths(others, search.entries(), naming, listed)
    urls = {name.rstrip("/"): name for name in reversed(names) if is_url(name)}
    known: set[str] | None = set() if len(urls) > 1 else None
    for url in reversed(urls.values()):
        yield from planned(url, _plan_url(url, naming, root, known), naming)


def _is_manifest(path: str, fields: Sequence[str]) -> bool:
    if path_entry(path) is not PathEntry.FILE:
        return False
    from imgbudget.auditing.inputs.manifests import is_manifest  # noqa: PLC0415 - rare

    return is_manifest(path, fields)


class _FolderSearch:
    """The search of the named paths, twice: for the lists in folders, which are read first, and for the rest.

    What it finds is kept if it is not too much.
    """

    def __init__(self, paths: Sequence[str], session: Session) -> None:
        self._paths, self._session = paths, session
        self._kept: list[FoundFile | SkippedFile] | None = None

    def in_folders(self) -> Iterator[FoundFile | SkippedFile]:
        """What is found in the folders among the paths."""
        folders = [path for path in self._paths if path_entry(path) is PathEntry.FOLDER]
        if not folders:
            return
        kept: list[FoundFile | SkippedFile] = []
        found = self._session.walk(folders)
        for entry in found:
            kept.append(entry)
            yield entry
            if len(kept) == MOST_IN_MEMORY:
                kept.clear()
                yield from found
                return
        if len(folders) == len(self._paths):
            self._kept = kept

    def entries(self) -> Iterator[FoundFile | SkippedFile]:
        """All that is found, in its order."""
        return self._session.walk(self._paths) if self._kept is None else iter(self._kept)


def _found_lists(search: _FolderSearch, fields: Sequence[str], root: str | None) -> list[str]:
    """The lists of images in the folders among the paths."""
    possible = [path for path in may_be_lists(search.in_folders()) if not is_own(path)]
    if not possible:
        return []
    from imgbudget.auditing.inputs.foundlists import is_found_list  # noqa: PLC0415 - rare

    return [path for path in possible if attempt(partial(is_found_list, path, fields, root), otherwise=False)]


def _plan_url(name: str, naming: Naming, root: str | None, known: set[str] | None) -> Iterator[Partition]:
    from imgbudget.auditing.inputs.objects import plan_url  # noqa: PLC0415 - rare

    return plan_url(name, naming, root=root, known=known)


def _plan_manifest(path: str, naming: Naming, root: str | None) -> Iterator[Partition]:
    from imgbudget.auditing.inputs.manifests import plan as plan_manifest  # noqa: PLC0415 - rare

    return plan_manifest(path, path, naming, root=root)


def finished(file: str) -> tuple[PartitionSummary, tuple[str, ...]] | None:
    """The sums and notes of a row file; None if it is not one of this version."""
    footer = needed("imgbudget.auditing.rowfiles", "row files").footer_of(file)
    try:
        return None if footer is None else (PartitionSummary(*footer[0]), tuple(footer[1]))
    except TypeError:
        return None  # not a row file of this version: it is written again


def rows_version_of(file: str) -> int | None:
    """The version of the columns of a row file, 0 if it is an early one; None if it is no row file."""
    found: int | None = needed("imgbudget.auditing.rowfiles", "row files").rows_version_of(file)
    return found


ROW_VERSIONS = RowVersions(ROWS_VERSION, rows_version_of)
"""The version of the columns that this program writes, and which one a file has."""


def verify_rows(store: "Store", partitions: Sequence[str], summary: PartitionSummary) -> None:
    """Compare the sums of the workers with the rows; `partitions` are their row files or ids.

    Raises:
        AuditError: they differ, so a row was lost or duplicated.
    """
    if len(set(partitions)) != summary.partitions:
        raise AuditError(
            f"{summary.partitions} partitions were read, but there are rows of {len(set(partitions))}"
        )
    images, skipped, rows = store.one(
        f"""select count(*) filter (where subject = '{IMAGE}'), count(*) filter (where subject = '{SKIP}'),
        count(*) from rows"""  # noqa: S608 - our own words
    )
    if (images, skipped, rows) != (summary.images, summary.skipped, summary.rows):
        raise AuditError(
            f"{summary.rows} rows were read ({summary.images} images, {summary.skipped} skipped), but "
            f"{rows} were kept ({images} images, {skipped} skipped)"
        )


_MOST_AHEAD = 500
"""Partitions that are planned before the first is read, to know how many they are."""


class ProgressListener(Protocol):
    """Is called after each partition of a run."""

    @property
    def wants_total(self) -> bool:
        """Whether partitions are planned in advance, to know how many they are."""

    def at(self, summary: PartitionSummary, total: int | None = None, reused: int = 0) -> None:
        """Show the sums so far, of a total of partitions if it is known; `reused` are of an earlier run."""

    def clear(self) -> None:
        """Remove what was shown, at the end of a run."""


class AuditRun:
    """The state of a run: the sums, the rows, and how many of its partitions an earlier run had finished.

    The rows are in files, or in memory as long as they are few and no folder was named to keep them.
    """

    def __init__(  # noqa: PLR0913 - keyword arguments with defaults
        self,
        work: Work,
        executor: Executor,
        folder: RowFolder,
        watcher: ProgressListener,
        *,
        memory: "RowsInMemory | None" = None,
        measures: bool = False,
        few: bool = False,
    ) -> None:
        """Begin a run; `memory` takes the rows as long as they are few, and is closed with the run.

        `measures` is whether images of large datasets are encoded too, to know what the plan saves; `few` is
        whether partitions begin with few items, so that not each has images that are tried.
        """
        self.work = work
        self.executor = executor
        self.folder = folder
        self.watcher = watcher
        self.tiers: tuple[Tier, ...] = tiers_of(work.shared.session)
        self.memory = memory
        self.measures = measures
        self.few = few
        self.summary: PartitionSummary = PartitionSummary()
        self.files: list[str] = []
        self.resumed: int = 0
        self.lost: list[str] = []
        """The reasons why single items could not be read: each of them crashed its worker every time."""
        self.notes: dict[str, None] = {}
        self.held: list[Done] = []
        """The results whose rows are in memory."""
        self._ids: set[str] = set()
        self._planned = 0
        self._items = 0
        self._total: int | None = None

    def finish(self, partitions: Iterable[Partition]) -> None:
        """Read all partitions that no earlier run has finished.

        Raises:
            AuditError: two partitions have the same id.
            OSError: rows cannot be written.
        """
        suspects = []
        if self.watcher.wants_total:
            partitions = iter(partitions)
            first = list(islice(partitions, _MOST_AHEAD))
            self._total = len(first) if len(first) < _MOST_AHEAD else None
            partitions = chain(first, partitions)
        for outcome in self.executor.run(self.work, self._todo(partitions)):
            if isinstance(outcome, Failed):
                suspects.append(outcome)
            else:
                self._keep(outcome)
        for failed in suspects:
            self._keep(narrow_down(failed.partition, self._attempt, _halves, self._join))
        self.files.sort()

    def verify(self, store: "Store") -> None:
        """Compare the sums with the rows in the store. Raises AuditError if they differ."""
        verify_rows(store, self.partitions, self.summary)

    def close(self) -> None:
        """Drop the rows that are in memory."""
        if self.memory:
            self.memory.close()

    @property
    def partitions(self) -> list[str]:
        """The row files, or the ids of the partitions whose rows are in memory."""
        return [*self.files, *(done.partition.id for done in self.held)]

    def _todo(self, partitions: Iterable[Partition]) -> Iterator[Partition]:
        for number, partition in enumerate(partitions):
            if partition.id in self._ids:
                raise AuditError(f"{partition.source}: partition {partition.id} was planned twice")
            self._ids.add(partition.id)
            file = None if self.memory else self.folder.find(partition.id)
            found = None if file is None else finished(file)
            if file is None or found is None:
                self._planned += partition.known or 0
                if self._planned > MOST_IN_MEMORY:
                    self._write_held()
                tries = self._tries(number, partition)
                yield partition._replace(tries=tries, plain=self.memory is not None)
                continue
            self.resumed += 1
            self._count(file, *found)

    def _tries(self, number: int, partition: Partition) -> int:
        """How many images of a partition are tried; of small ones, only of each that begins a thousand."""
        if self.few:
            before, self._items = self._items, self._items + (partition.known or SHARE)
            number = -(-before // SHARE)
            if number * SHARE >= self._items:
                return 0
        return tries_of(number) if self.measures else tries_unasked(number, partition.known)

    def _keep(self, done: Done) -> None:
        if self.memory and isinstance(done.rows, PlainRows):
            self.held.append(done)
            self.memory.add(done.rows)
            self._count(None, done.summary, done.notes)
            if self.summary.rows > MOST_IN_MEMORY:
                self._write_held()
            return
        self._write_held()
        self._count(self._saved(done), done.summary, done.notes)

    def _saved(self, done: Done) -> str:
        return self.folder.save(done.partition.id, file_of(done, self.tiers))

    def _write_held(self) -> None:
        """Write the rows that are in memory, and from now on all others."""
        self.close()
        self.memory = None
        while self.held:
            self.files.append(self._saved(self.held.pop()))

    def _join(self, partition: Partition, parts: Sequence[Done]) -> Done:
        return joined(partition, parts, self.tiers)

    def _count(self, file: str | None, summary: PartitionSummary, notes: Iterable[str]) -> None:
        if file is not None:
            self.files.append(file)
        self.summary = self.summary.plus(summary)
        self.notes.update(dict.fromkeys(notes))
        self.watcher.at(self.summary, self._total, self.resumed)

    def _attempt(self, partition: Partition) -> Done | None:
        """Read a failed partition by itself; None if it fails again, unless it is a single item."""
        # a crash may have been that of a trial
        again = partition._replace(tries=0, plain=self.memory is not None)
        outcome = next(iter(self.executor.run(self.work, [again], careful=True)))
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
    return partition._replace(stop=partition.start + count_items(partition))


def _halves(partition: Partition) -> tuple[Partition, Partition]:
    return _counted(partition).halves()
