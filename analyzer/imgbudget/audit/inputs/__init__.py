"""The forms of datasets: each module plans the partitions of one kind of input, and reads them in a worker.

`plan` returns the partitions, `read` the rows of one, and `count` the number of items of a partition for
which it is known only after reading.
"""

from collections.abc import Iterator
from importlib import import_module
from typing import Protocol, cast

from imgbudget.audit.partition import Naming, Partition
from imgbudget.audit.records import RecordBuilder
from imgbudget.audit.rows import FactsRecord

CONTAINERS = {
    ".zip": "zips",
    ".tar": "tars",
    ".tar.gz": "tars",
    ".tgz": "tars",
    ".tar.bz2": "tars",
    ".tbz2": "tars",
    ".tar.xz": "tars",
    ".txz": "tars",
    ".tar.zst": "tars",
    ".parquet": "parquets",
    ".arrow": "arrows",
}
"""Suffix of an archive or table to the module that reads it."""


class Input(Protocol):
    """The functions of an input module."""

    def plan(self, source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
        """The partitions of one archive or file; `where` is its path or URL."""

    def read(self, partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
        """The rows of a partition."""

    def count(self, partition: Partition) -> int:
        """The number of items of a partition, also if its end is unknown."""


def input_of(kind: str) -> Input:
    """The module of that name."""
    return cast("Input", import_module(f"imgbudget.audit.inputs.{kind}"))


def container_of(name: str) -> str | None:
    """The module that reads an archive or table of this name, None for any other file."""
    lower = name.lower()
    return next((kind for suffix, kind in CONTAINERS.items() if lower.endswith(suffix)), None)
