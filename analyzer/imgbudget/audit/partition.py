"""A partition: a share of a dataset that one worker reads, small, picklable and without data of its own."""

import hashlib
from typing import NamedTuple

from imgbudget.discovery.walk import FoundFile, SkippedFile

SHARE = 1000
"""Files, members or rows of a partition: enough to make its costs small, few enough to wait for."""


class Listed(NamedTuple):
    """An image that a manifest names. `row` and `pointer` tell where; `claim` is the size that it states."""

    name: str
    row: int | None = None
    pointer: str | None = None
    claim: tuple[int, int] | None = None


class Object(NamedTuple):
    """An object of a remote store: its URL, its name below the source, its size in bytes."""

    url: str
    name: str | None
    byte_size: int


Items = tuple[FoundFile | SkippedFile, ...] | tuple[Listed, ...] | tuple[Object, ...]


class Partition(NamedTuple):
    """What to read. `kind` names the input that can read it, `source` is what people are told.

    `where` is a path or URL. Either `items` are listed, or the members or rows from `start` to `stop` are
    meant; None is the end, wherever it is. `id` changes with the input, the configuration and the tool,
    `mark` with the input alone: it is its size and time, or its tag.
    """

    id: str
    kind: str
    source: str
    where: str
    start: int = 0
    stop: int | None = None
    items: Items = ()
    mark: str = ""

    @property
    def known(self) -> int | None:
        """How many items it has, None where only reading tells."""
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


class Naming(NamedTuple):
    """Gives partitions their ids; `key` stands for the configuration and the version of the tool."""

    key: str

    def name(self, partition: Partition, *listed: str) -> Partition:
        """The partition with its id; `listed` are what changes with the items that it lists."""
        text = "\0".join(
            (
                self.key,
                partition.kind,
                partition.source,
                partition.where,
                str(partition.start),
                str(partition.stop),
                partition.mark,
                *listed,
            )
        )
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return partition._replace(id=digest[:24])
