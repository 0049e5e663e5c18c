"""Request JSON and JSONL in a remote store, each file read as a whole, as `check` reads a local one.

A session or a batch is checked as a whole, so a file is one partition.
"""

import shutil
from collections.abc import Iterator
from tempfile import TemporaryFile

from imgbudget.auditing.inputs.opening import BLOCK, open_stream
from imgbudget.auditing.partition import Naming, Partition
from imgbudget.auditing.records import RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.jsontext.source import JsonSource
from imgbudget.linter.collector import without_collector
from imgbudget.linter.documents import DocumentCheck

DAMAGE = "damaged request file"


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """One partition, the whole file."""
    yield naming.name(Partition("", "requests", source, where, 0, 1, fingerprint=fingerprint))


def count(_partition: Partition) -> int:
    """One file."""
    return 1


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the images and requests, and of the lines that were skipped."""
    where = RowLocation(partition.source)
    lines = kind_of(partition.where) is FileKind.JSONL
    with TemporaryFile() as spooled, open_stream(partition.where) as stream:
        shutil.copyfileobj(stream, spooled, BLOCK)
        spooled.flush()
        source = JsonSource(spooled.fileno())
        with without_collector():
            result = DocumentCheck(
                context=builder.session.context,
                source=source,
                path=partition.source,
                lines=lines,
                explicit=True,
                named=True,
            ).run()
    yield from builder.result(where, result, lines=lines)
