"""Lance datasets: the columns of images of the latest version, by its own library.

Only files in the folder are opened: a dataset whose files are elsewhere, by a link or a base path, is not
read, nor are the external values of its blob columns.
"""

import os
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import lance
import pyarrow as pa

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
from imgbudget.auditing.inputs.values import MOST_VALUE
from imgbudget.auditing.partition import Naming, Partition
from imgbudget.auditing.records import Content, RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.urls import is_url
from imgbudget.errors import UnreadableError
from imgbudget.output.base import figure

DAMAGE = "cannot be read as a Lance dataset"

ELSEWHERE = "some of its files are outside its folder, so it is not opened"
_BLOB = b"lance-encoding:blob"
_BLOB_TYPE = "lance.blob.v2"
_CACHE = 64 << 20


def _require_own_files(folder: str) -> None:
    """Raise UnreadableError if a link leads out of the folder."""
    real = os.path.realpath(folder) + os.sep
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(where, name)
            if os.path.islink(path) and not os.path.realpath(path).startswith(real):
                raise UnreadableError(ELSEWHERE)


@lru_cache(maxsize=2)
def _open(where: str, _fingerprint: str) -> Any:
    """The dataset, cached for its partitions.

    Raises:
        UnreadableError: it is remote, a part of a dataset, or some of its files are elsewhere.
    """
    if is_url(where):
        raise UnreadableError("Lance is read from local folders only; copy it first")
    if not os.path.isdir(where):
        raise UnreadableError("a part of a Lance dataset; name its folder")
    _require_own_files(where)
    dataset: Any = lance.dataset(where, metadata_cache_size_bytes=_CACHE, index_cache_size_bytes=_CACHE)
    if getattr(dataset, "base_paths", dict)():
        raise UnreadableError(ELSEWHERE)
    return dataset


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """A partition per thousand rows."""
    whole = Partition("", "lances", source, where, fingerprint=fingerprint)
    if not is_url(where):
        _require_own_files(where)
    total = count(whole)
    for start, stop in naming.ranges(total):
        yield naming.name(whole._replace(start=start, stop=stop))


def count(partition: Partition) -> int:
    """Rows of the dataset."""
    return int(_open(partition.where, partition.fingerprint).count_rows())


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the images; a dataset without a column of images is skipped."""
    dataset = _open(partition.where, partition.fingerprint)
    where = RowLocation(partition.source)
    builder.reached = where._replace(row=partition.start)
    if not dataset.count_rows():
        yield builder.skip(where, "holds no rows")
        return
    blobs = [field.name for field in dataset.schema if _is_blob(field)]
    shape = _shape(partition.where, partition.fingerprint, partition.choice.fields)
    if not shape.columns and not blobs:
        yield builder.skip(where, NO_IMAGES)
        return
    if shape.columns:
        table = ColumnTable.of(partition, shape)
        first = partition.start
        for batch in _batches(dataset, partition, shape.read):
            yield from batch_rows(batch, first, table, builder)
            first += batch.num_rows
            builder.reached = where._replace(row=first)
    for name in blobs:
        yield from _blobs(dataset, partition, name, builder)


@lru_cache(maxsize=4)
def _shape(where: str, fingerprint: str, fields: tuple[str, ...]) -> TableShape:
    """The columns with images but for blobs, by rows from several places, cached for the partitions."""
    dataset = _open(where, fingerprint)
    schema = pa.schema([field for field in dataset.schema if not _is_blob(field)])
    columns = columns_of(schema, fields)
    total = dataset.count_rows()
    starts = sorted({total * i // _SAMPLED for i in range(_SAMPLED)})
    parts = (Partition("", "lances", where, where, at, min(at + SAMPLE, total)) for at in starts)
    names = list(columns.possible)
    samples = (batch for part in parts for batch in _batches(dataset, part, names)) if names else ()
    return table_shape(schema, columns, samples, fields)


_SAMPLED = 6
"""Places of a dataset whose rows decide whether a column has images."""


def _batches(dataset: Any, partition: Partition, columns: list[str], **how: str) -> Iterator[Any]:
    scanner = dataset.scanner(
        columns=columns,
        offset=partition.start,
        limit=(partition.stop or 0) - partition.start,
        batch_size=BATCH,
        batch_readahead=1,
        fragment_readahead=1,
        scan_in_order=True,
        **how,
    )
    return iter(scanner.to_batches())


def _is_blob(field: "pa.Field") -> bool:
    kind = getattr(field.type, "extension_name", None)
    return kind == _BLOB_TYPE or (field.metadata or {}).get(_BLOB) == b"true"


def _blobs(dataset: Any, partition: Partition, name: str, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of a column whose values are read from their own places in the files."""
    number = partition.start
    for batch in _batches(dataset, partition, [name], blob_handling="all_descriptions"):
        about = batch.column(name).to_pylist()
        inside = [number + i for i, one in enumerate(about) if one and not one.get("blob_uri")]
        files = dict(zip(inside, dataset.take_blobs(name, indices=inside), strict=True)) if inside else {}
        for one in about:
            where = RowLocation(partition.source, None, number, f"/{name}")
            builder.reached = where
            if one and one.get("blob_uri"):
                yield builder.skip(where, "its bytes are in another file, which is not opened", missed=True)
            elif (file := files.get(number)) is None:
                yield builder.skip(where, "the row holds no image")
            else:
                yield from builder.guarded(where, _blob(file, where, builder), "damaged value")
            number += 1


def _blob(file: Any, where: RowLocation, builder: RecordBuilder) -> Iterator[FactsRecord]:
    size = file.size()
    if size > MOST_VALUE:
        yield builder.skip(where, f"a value of over {figure(MOST_VALUE)} bytes", missed=True)
        return

    def read_at(length: int, offset: int) -> bytes:
        file.seek(offset)
        return bytes(file.read(max(0, min(length, size - offset))))

    yield builder.image(where, Content(size, read_at))
