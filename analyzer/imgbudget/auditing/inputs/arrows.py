"""Arrow files as `datasets` saves them, streams or files of record batches; local ones are mapped."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any

import pyarrow as pa

from imgbudget.auditing.inputs.opening import open_stream
from imgbudget.auditing.inputs.tables import (
    BATCH,
    NO_IMAGES,
    SAMPLE,
    ColumnTable,
    TableShape,
    batch_rows,
    columns_of,
    table_shape,
)
from imgbudget.auditing.partition import Naming, Partition
from imgbudget.auditing.records import RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.urls import is_url
from imgbudget.discovery.walk import SkippedFile
from imgbudget.output.base import count as count_text

DAMAGE = "damaged Arrow file"

_FILE_MAGIC = b"ARROW1"


@contextmanager
def _open(where: str) -> Iterator[tuple[Any, Iterator[Any]]]:
    """The schema and the batches in order.

    Raises:
        OSError: it cannot be read. pyarrow.ArrowInvalid: it is not Arrow data.
    """
    source = pa.PythonFile(open_stream(where), mode="r") if is_url(where) else pa.memory_map(where)
    with source:
        head = source.read(len(_FILE_MAGIC))
        source.seek(0)
        if head == _FILE_MAGIC:
            file = pa.ipc.open_file(source)
            yield file.schema, (file.get_batch(i) for i in range(file.num_record_batches))
        else:
            stream = pa.ipc.open_stream(source)
            yield stream.schema, iter(stream)


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """A partition per thousand rows of a local file, one partition for a remote file."""
    whole = Partition("", "arrows", source, where, fingerprint=fingerprint)
    if is_url(where):
        yield naming.name(whole)
        return
    total = count(whole)
    for start, stop in naming.ranges(total):
        yield naming.name(whole._replace(start=start, stop=stop))
    if (reason := _behind_end(where)) is not None:
        item = SkippedFile(source, reason)
        yield naming.name(Partition("", "files", source, source, items=(item,)), reason)


_CONTINUATION = b"\xff\xff\xff\xff"
_END = _CONTINUATION + bytes(4)
"""The marker behind the last message of a stream (Arrow columnar format, IPC streaming format)."""

_CHUNK = 1 << 20


def _behind_end(where: str) -> str | None:
    """Why a local stream may have more rows than were read; None for a whole stream, and for a file."""
    with pa.memory_map(where) as source:
        head = source.read(len(_FILE_MAGIC))
        source.seek(0)
        if not head.startswith(_CONTINUATION):
            return None  # a file, or a stream of versions before 0.15, which have no such marker
        rows = sum(batch.num_rows for batch in pa.ipc.open_stream(source))
        end, size = source.tell(), source.size()
        source.seek(max(end - len(_END), 0))
        if source.read(len(_END)) != _END:
            return f"the stream has no end marker behind its {count_text(rows, 'row')}: it may be cut off"
        while chunk := source.read(_CHUNK):
            if chunk.strip(b"\0"):
                return (
                    f"{size - end:,} bytes are behind the end marker of the stream and were not read: "
                    "readers stop there; write one stream in place of several joined ones"
                )
    return None


def count(partition: Partition) -> int:
    """Rows of the whole file."""
    with _open(partition.where) as (_, batches):
        return sum(batch.num_rows for batch in batches)


_SAMPLED = 50
"""Batches, from the beginning, whose values decide whether a column has images."""


@lru_cache(maxsize=4)
def _shape(where: str, _fingerprint: str, fields: tuple[str, ...]) -> TableShape:
    """The columns with images, cached for the partitions of a file."""
    with _open(where) as (schema, batches):
        columns = columns_of(schema, fields)

        def samples() -> Iterator[Any]:
            for batch in islice(batches, _SAMPLED if columns.possible else 0):
                chosen = batch.select(list(columns.possible))
                chosen.validate(full=True)
                yield chosen.slice(0, SAMPLE)

        return table_shape(schema, columns, samples(), fields)


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the images; a file that is not Arrow data, or has no images, is skipped."""
    where = RowLocation(partition.source)
    builder.reached = where._replace(row=partition.start)
    number = 0
    shape = _shape(partition.where, partition.fingerprint, partition.choice.fields)
    if not shape.columns:
        yield builder.skip(where, NO_IMAGES)
        return
    table = ColumnTable.of(partition, shape)
    with _open(partition.where) as (_, batches):
        for batch in batches:
            low = max(partition.start - number, 0)
            high = batch.num_rows if partition.stop is None else min(partition.stop - number, batch.num_rows)
            if low < high:
                # offsets are as they are in the file: reading by wrong ones would end the process
                batch.select(shape.read).validate(full=True)
            for at in range(low, high, BATCH):
                part = batch.slice(at, min(BATCH, high - at))
                yield from batch_rows(part, number + at, table, builder)
            number += batch.num_rows
            builder.reached = where._replace(row=max(number, partition.start))
            if partition.stop is not None and number >= partition.stop:
                break
        if not number:
            yield builder.skip(where, "holds no rows")
