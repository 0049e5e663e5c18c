"""The forms of datasets: each module plans the partitions of one kind of input, and reads them in a worker.

`plan` returns the partitions, `read` the rows of one, and `count` the number of items of a partition for
which it is known only after reading.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple, Protocol, cast

from imgbudget.auditing.extras import needed
from imgbudget.auditing.failures import attempt, reason_of, until_failure
from imgbudget.auditing.partition import NESTABLE, Naming, Partition
from imgbudget.auditing.records import RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.urls import is_url
from imgbudget.discovery.walk import SkippedFile
from imgbudget.errors import UsageError
from imgbudget.imageinfo.files import lfs_pointer

REST_LOST = "; the rest is lost"
NOTHING_READ = "; nothing in it was read"


class Input(Protocol):
    """The functions of an input module. They may raise anything: the functions below make it a row."""

    DAMAGE: str
    """What is wrong if its data is, the beginning of a reason."""

    def plan(self, source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
        """The partitions of one archive or file; `where` is its path or URL."""

    def read(self, partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
        """The rows of a partition."""

    def count(self, partition: Partition) -> int:
        """The number of items of a partition, also if its end is unknown."""


class Needed(NamedTuple):
    """What reads a form: the form in words, the module, its package, and the extra that installs it."""

    form: str
    module: str
    package: str
    extra: str

    @property
    def reason(self) -> str:
        """Why it was not read, with the line that changes it."""
        return f"{self.form}, which needs {self.package} to be read: pip install 'imgbudget[{self.extra}]'"


NEEDED = {
    "tfrecords": Needed("a TFRecord file", "google_crc32c", "google-crc32c", "tfrecord"),
    "hdf5s": Needed("an HDF5 file", "h5py", "h5py", "hdf5"),
    "lmdbs": Needed("an LMDB database", "lmdb", "lmdb", "lmdb"),
    "lances": Needed("a Lance dataset", "lance", "pylance", "lance"),
}
"""The forms that need a package of an extra."""


def missing(kind: str) -> Needed | None:
    """What a form needs, if it is not installed."""
    known = NEEDED.get(kind)
    return known if known and find_spec(known.module) is None else None


def input_of(kind: str) -> Input:
    """The module of that name.

    Raises:
        UsageError: a package that it needs is not installed.
    """
    return cast("Input", needed(f"imgbudget.auditing.inputs.{kind}", "Parquet and Arrow files"))


def plan_container(
    kind: str, source: str, where: str, fingerprint: Callable[[], str], naming: Naming
) -> Iterator[Partition]:
    """The partitions of an archive or table; one that cannot be opened is an item with the reason."""
    if (needed := missing(kind)) is not None:
        item = SkippedFile(source, needed.reason)
        yield naming.name(Partition("", "files", source, source, items=(item,)), item.reason)
        return
    if kind in NESTABLE and not is_url(where):
        kind = _as_it_is(kind, where)
    module = input_of(kind)
    if pointer := lfs_pointer(where):
        item = SkippedFile(source, f"is {pointer}")
        yield naming.name(Partition("", "files", source, source, items=(item,)), item.reason)
        return
    # all or none: the reason must not stand beside partitions with the same items
    made = (tuple(module.plan(source, where, fingerprint(), naming)) for _ in range(1))
    for partitions in until_failure(made, lambda error: ((unread(source, error, module.DAMAGE, naming),),)):
        yield from partitions


def _as_it_is(kind: str, where: str) -> str:
    """The kind of an archive by its first bytes, if they show another one than its name."""
    sniffing = import_module("imgbudget.auditing.inputs.sniffing")  # it imports this module
    found: str | None = sniffing.archive_kind(sniffing.first_bytes(where))
    return found or kind


def planned(source: str, partitions: Iterator[Partition], naming: Naming) -> Iterator[Partition]:
    """The partitions of a list of images; if it is damaged, the last one is an item with the reason.

    Raises:
        UsageError: as `partitions` does; that is not about data.
    """

    def failed(error: Exception) -> Iterator[Partition]:
        if isinstance(error, UsageError):
            raise error
        yield unread(source, error, "damaged list", naming)

    return until_failure(partitions, failed)


def unread(source: str, error: Exception, damage: str, naming: Naming) -> Partition:
    """The partition of something that cannot be opened: one item, with the reason."""
    item = SkippedFile(source, reason_of(error, damage))
    return naming.name(Partition("", "files", source, source, items=(item,)), item.reason)


def count_items(partition: Partition) -> int:
    """The number of items of a partition, 1 if it cannot be counted."""
    return attempt(lambda: input_of(partition.kind).count(partition), otherwise=1)


def read_partition(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of a partition; what ends its reader early is the last row."""
    module = input_of(partition.kind)
    found = False

    def rows() -> Iterator[FactsRecord]:
        nonlocal found
        for record in module.read(partition, builder):
            found = True
            yield record

    def failed(error: Exception) -> Iterator[FactsRecord]:
        where = builder.reached or RowLocation(partition.source)
        rest = REST_LOST if found else NOTHING_READ
        yield builder.skip(where, reason_of(error, module.DAMAGE, rest), missed=True)

    return until_failure(rows(), failed)
