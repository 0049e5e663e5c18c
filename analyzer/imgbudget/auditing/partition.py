"""A partition: a part of a dataset that one worker reads; small, picklable, and without the data itself."""

import hashlib
import re
from collections.abc import Iterator

from imgbudget.auditing.references import Access
from imgbudget.discovery.walk import FoundFile, SkippedFile
from imgbudget.namedtuples import NamedTuple

SHARE = 1000
"""Files, members or rows per partition: many enough to make its overhead small, few enough for progress."""

DECODED_SHARE = 40
"""The same where each image is decoded, which takes about 10 ms."""

CONTAINERS = {
    **dict.fromkeys((".zip", ".cbz", ".epub", ".kmz"), "zips"),
    **dict.fromkeys(
        (".docx", ".docm", ".dotx", ".pptx", ".pptm", ".ppsx", ".potx", ".xlsx", ".xlsm"), "zips"
    ),
    **dict.fromkeys((".odt", ".odp", ".ods", ".odg"), "zips"),
    **dict.fromkeys((".tar", ".cbt"), "tars"),
    **dict.fromkeys((".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz"), "tars"),
    **dict.fromkeys((".tar.zst", ".tzst", ".tar.lz4", ".tar.lzma"), "tars"),
    ".parquet": "parquets",
    ".arrow": "arrows",
    ".feather": "arrows",
}
"""Suffix of an archive or table to the module that reads it."""

STORES = {
    ".npy": "npys",
    ".npz": "npys",
    ".lmdb": "lmdbs",
    "data.mdb": "lmdbs",
    ".lance": "lances",
    ".h5": "hdf5s",
    ".hdf5": "hdf5s",
    ".hdf": "hdf5s",
    ".he5": "hdf5s",
}
"""End of the name of a store of records or arrays to the module that reads it. Some need an extra."""

NESTABLE = ("zips", "tars")
"""The modules whose archives are also opened inside other archives, one level deep."""

_TFRECORD = re.compile(r"\.(?:tfrecords?|tfrec)(?:-\d+-of-\d+)?(?:\.gz|\.gzip)?\Z")
_MDS = re.compile(r"\.mds(\.[a-z0-9]{1,8})?\Z")
MDS_INDEX = "index.json"


def mds_packing(name: str) -> str | None:
    """The suffix of how an MDS shard is packed; None if it is not."""
    found = _MDS.search(name.lower())
    return found and found[1]


_BY_SUFFIX = CONTAINERS | STORES
_SUFFIXES = tuple(_BY_SUFFIX)
_ARRAYS_IN_ARCHIVES = (".npy", ".npz")
"""Arrays that lie beside the images of shards: embeddings and labels."""


def container_of(name: str) -> str | None:
    """The module that reads an archive, table or store of this name, None for any other file."""
    lower = name.lower()
    if lower.endswith(_SUFFIXES):
        return next(kind for suffix, kind in _BY_SUFFIX.items() if lower.endswith(suffix))
    if ".tfrec" in lower and _TFRECORD.search(lower):
        return "tfrecords"
    return "mds" if ".mds" in lower and _MDS.search(lower) else None


def is_opened_alone(name: str) -> bool:
    """Whether a member of an archive is an archive, table or store, which is only read when it is a file."""
    return container_of(name) is not None and not name.lower().endswith(_ARRAYS_IN_ARCHIVES)


_NAMING_FILES = ("arrows", "lances", "parquets")
"""The kinds whose rows may name files, which are known only after reading."""


class RowChoice(NamedTuple):
    """What is known of rows: the fields of images, the folder or URL that paths begin at.

    `within` are the named folders, without links: files in them are read by themselves.
    `listed` is the path or URL of a list that another list names.
    """

    fields: tuple[str, ...] = ()
    root: str | None = None
    within: tuple[str, ...] = ()
    listed: str | None = None


class ManifestEntry(NamedTuple):
    """An image that a manifest names. `row` and `pointer` locate the entry; `claim` is the stated size.

    `flaw` is the reason why the entry names no image. `path` is the path or URL that the name was found to
    mean, and `inline` is the place of the image in the manifest, if that has it: two offsets, and the keys.
    `split` is the part of a split that its row names.
    """

    name: str | None
    row: int | None = None
    pointer: str | None = None
    claim: tuple[int, int] | None = None
    flaw: str | None = None
    path: str | None = None
    inline: tuple[int, int, tuple[str | int, ...]] | None = None
    split: str | None = None


class RemoteObject(NamedTuple):
    """An object of a remote store: its URL, its name below the source, its size in bytes."""

    url: str
    name: str | None
    byte_size: int


Items = tuple[FoundFile | SkippedFile, ...] | tuple[ManifestEntry, ...] | tuple[RemoteObject, ...]


class Partition(NamedTuple):
    """What to read. `kind` names the input module that reads it, `source` is the name in reports.

    `where` is a path or URL. It has either `items`, or the members or rows from `start` to `stop`, where
    None is the end. `id` changes with the input, the configuration and the version; `fingerprint` only with
    the input: it is its size and time, or its tag. `tries` is how many of its images are encoded to know what
    the plan saves. `choice` is what is known about its rows if it is a list or table. The rows of a `plain`
    one stay in memory; those of others become a Parquet file.
    """

    id: str
    kind: str
    source: str
    where: str
    start: int = 0
    stop: int | None = None
    items: Items = ()
    fingerprint: str = ""
    tries: int = 0
    choice: RowChoice = RowChoice()
    plain: bool = False

    @property
    def known(self) -> int | None:
        """How many items it has; None if that is known only after reading."""
        if self.items:
            return len(self.items)
        return None if self.stop is None else self.stop - self.start

    def halves(self) -> "tuple[Partition, Partition]":
        """The two halves of a partition of a known number of items, at least two."""
        if self.items:
            middle = len(self.items) // 2
            pair = (
                self._replace(items=self.items[:middle]),
                self._replace(items=self.items[middle:]),
            )
        else:
            middle = self.start + ((self.stop or 0) - self.start) // 2
            pair = (self._replace(stop=middle), self._replace(start=middle))
        first, second = pair
        return first._replace(id=f"{self.id}a"), second._replace(id=f"{self.id}b")


_PARTS = 50
"""Partitions that an input has at least if its partitions are to grow."""


class Naming(NamedTuple):
    """Gives partitions their ids; `key` identifies the configuration and the version of imgbudget.

    Without a key, in a run that keeps no rows, an id is only different from the others of the run.
    What rows may name is part of the id of those whose rows name files. `share` is how many files, members or
    rows a partition has, `most` how many if there are very many.
    """

    key: str
    access: Access = Access()
    share: int = SHARE
    choice: RowChoice = RowChoice()
    most: int = 0

    def share_at(self, number: int) -> int:
        """How many items the partition has that begins after so many: `share`, then more, up to `most`.

        So a few images are shared among all processes, and millions do not make a row file of each few.
        """
        return max(self.share, min(number // _PARTS, self.most))

    def ranges(self, total: int) -> Iterator[tuple[int, int]]:
        """The items of each partition of an input, as from and to; one partition if there are no items."""
        start = 0
        while start < total:
            stop = min(start + self.share_at(start), total)
            yield start, stop
            start = stop
        if not total:
            yield 0, 1

    def name(self, partition: Partition, *listed: str) -> Partition:
        """The partition with its id; `listed` are the fingerprints of its items."""
        text = "\0".join(
            (
                self.key,
                partition.kind,
                partition.source,
                partition.where,
                str(partition.start),
                str(partition.stop),
                partition.fingerprint,
                *([repr((self.access, self.choice))] if partition.kind in _NAMING_FILES else []),
                *listed,
            )
        )
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return partition._replace(id=digest[:24], choice=self.choice)
