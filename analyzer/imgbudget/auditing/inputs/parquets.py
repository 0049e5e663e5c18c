"""Parquet files with a column of images, such as those of the Hugging Face hub; split by row groups."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate, islice
from typing import Any

import pyarrow.parquet as pq

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
from imgbudget.auditing.inputs.unpacking import most_unpacked, too_much
from imgbudget.auditing.partition import Naming, Partition
from imgbudget.auditing.records import RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.urls import is_url
from imgbudget.output.base import figure

DAMAGE = "damaged Parquet file"

_MOST_BYTES = 64 << 20

_BATCH_BYTES = 64 << 20
"""Bytes of images in memory at a time."""

MOST_ROW = 128 << 20
"""Bytes of a row, on average in its row group, above which it is not read: no model accepts such images."""


def _open(where: str) -> "pq.ParquetFile":
    """The file; a remote one reads the ranges of its columns, each in one request.

    Raises:
        OSError: it cannot be read. pyarrow.ArrowInvalid: it is not a Parquet file.
    """
    if is_url(where):
        return pq.ParquetFile(open_stream(where), pre_buffer=True)
    return pq.ParquetFile(where, memory_map=True)


@lru_cache(maxsize=2)
def _metadata(where: str, _fingerprint: str) -> tuple[Any, Any]:
    """The footer and the schema, cached for the partitions of a file."""
    with _open(where) as file:
        return file.metadata, file.schema_arrow


_SAMPLED = 6
"""Row groups, over the whole file, whose values decide whether a column has images."""


@lru_cache(maxsize=4)
def _shape(where: str, fingerprint: str, fields: tuple[str, ...]) -> TableShape:
    """The columns with images, cached for the partitions of a file."""
    metadata, schema = _metadata(where, fingerprint)
    columns = columns_of(schema, fields)
    return table_shape(schema, columns, _samples(where, metadata, columns.possible), fields)


def _samples(where: str, metadata: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """The first rows of some row groups, those columns only; a group that is too large is left out."""
    groups = [i for i in range(metadata.num_row_groups) if metadata.row_group(i).num_rows]
    if not names or not groups:
        return
    step = max(len(groups) - 1, 1) / max(_SAMPLED - 1, 1)
    chosen = sorted({groups[min(round(i * step), len(groups) - 1)] for i in range(_SAMPLED)})
    with _open(where) as file:
        for group in chosen:
            if rows := _rows_at_once(metadata, group, list(names)):
                batches = file.iter_batches(
                    min(rows, SAMPLE), row_groups=[group], columns=list(names), use_threads=False
                )
                yield from islice(batches, 1)


def _starts(metadata: Any) -> list[int]:
    """The first row of each row group, and the end."""
    return [0, *accumulate(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))]


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """Row groups together up to a thousand rows or 64 MB; rows of one group stay together."""
    whole = Partition("", "parquets", source, where, 0, 1, fingerprint=fingerprint)
    metadata, _ = _metadata(where, fingerprint)
    starts = _starts(metadata)
    if not _shape(where, fingerprint, naming.choice.fields).columns or not starts[-1]:
        yield naming.name(whole)
        return
    begin = size = 0
    for i, stop in enumerate(starts[1:]):
        size += metadata.row_group(i).total_byte_size
        last = i == len(starts) - 2
        if last or stop - begin >= naming.share_at(begin) or size >= _MOST_BYTES:
            if stop > begin:
                yield naming.name(whole._replace(start=begin, stop=stop))
            begin, size = stop, 0


def count(partition: Partition) -> int:
    """Rows of the partition."""
    return (partition.stop or 0) - partition.start


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the images; a file that is not Parquet, or has no images, is skipped."""
    where = RowLocation(partition.source)
    metadata, _ = _metadata(partition.where, partition.fingerprint)
    shape = _shape(partition.where, partition.fingerprint, partition.choice.fields)
    if not shape.columns:
        yield builder.skip(where, NO_IMAGES)
        return
    if not metadata.num_rows:
        yield builder.skip(where, "holds no rows")
        return
    table = ColumnTable.of(partition, shape)
    builder.reached = where._replace(row=partition.start)
    for batch, first in _batches(partition, _starts(metadata), shape.read):
        if batch is None:
            reason = f"the images of a row have over {figure(MOST_ROW)} bytes, here and in its row group"
            yield builder.skip(where._replace(row=first), reason, missed=True)
            continue
        yield from batch_rows(batch, first, table, builder)
        builder.reached = where._replace(row=first + batch.num_rows)


def _rows_at_once(metadata: Any, group: int, names: list[str]) -> int:
    """How many rows of a group are read together, 0 if a single one is too large.

    Raises:
        UnreadableError: the group unpacks to far more bytes than images do.
    """
    about = metadata.row_group(group)
    chunks = [about.column(i) for i in range(about.num_columns)]
    mine = [chunk for chunk in chunks if chunk.path_in_schema.partition(".")[0] in names]
    size = sum(chunk.total_uncompressed_size for chunk in mine)
    most = most_unpacked(sum(chunk.total_compressed_size for chunk in mine))
    if size > most:
        raise too_much(f"row group {group + 1}", most)
    each = size // max(about.num_rows, 1)
    return 0 if each > MOST_ROW else max(1, min(BATCH, _BATCH_BYTES // max(each, 1)))


def _batches(partition: Partition, starts: list[int], names: list[str]) -> Iterator[tuple[Any, int]]:
    """The batches of the partition's rows, each with the number of its first row."""
    stop = partition.stop or starts[-1]
    groups = [i for i in range(len(starts) - 1) if starts[i] < stop and starts[i + 1] > partition.start]
    if not groups:
        return
    with _open(partition.where) as file:
        for group in groups:
            first = starts[group]
            rows = _rows_at_once(file.metadata, group, names)
            if not rows:
                yield None, first
                continue
            for batch in file.iter_batches(rows, row_groups=[group], columns=names, use_threads=False):
                low, high = max(partition.start - first, 0), min(stop - first, batch.num_rows)
                if low < high:
                    yield batch.slice(low, high - low), first + low
                first += batch.num_rows
