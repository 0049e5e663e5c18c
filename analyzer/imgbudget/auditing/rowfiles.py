"""Row files: the rows of a partition as one Parquet file."""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from imgbudget.auditing.rows import (
    CHUNK,
    FINDING_FIELDS,
    ColumnKind,
    FactsRecord,
    RowValues,
    columns,
    file_columns,
    row_values,
)
from imgbudget.limits.geometry import Tier

_HALF = (1 << 64) - 1
"""The bits of half a hash, without its sign."""

_WORD = pa.dictionary(pa.int32(), pa.string())
_FINDING = pa.struct(
    [(name, pa.float64() if name in ("measured", "limit") else pa.string()) for name in FINDING_FIELDS]
)
_TYPES: "dict[ColumnKind, pa.DataType]" = {
    "word": _WORD,
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "count": pa.int32(),
    "hash": pa.string(),
    "flag": pa.bool_(),
    "findings": pa.list_(_FINDING),
}


def schema(tiers: Sequence[Tier]) -> "pa.Schema":
    """The columns of a row file."""
    return pa.schema([(name, _TYPES[kind]) for name, kind in file_columns(tuple(tiers))])


def write_rows(
    records: Iterable[FactsRecord], tiers: tuple[Tier, ...], metadata: Callable[[], dict[str, str]]
) -> bytes:
    """The rows as one Parquet file; `metadata`, called after the last row, goes into its footer."""
    return write_values(row_values(records, tiers), tiers, metadata)


def write_values(
    values: Iterable[RowValues], tiers: tuple[Tier, ...], metadata: Callable[[], dict[str, str]]
) -> bytes:
    """The same of rows that are plain values already."""
    out = pa.BufferOutputStream()
    source = iter(values)
    with pq.ParquetWriter(out, schema(tiers), compression="zstd") as writer:
        while chunk := tuple(islice(source, CHUNK)):
            writer.write_table(table(chunk, tiers))
        writer.add_key_value_metadata(metadata())
    data: bytes = out.getvalue().to_pybytes()
    return data


def table(rows: Sequence[RowValues], tiers: tuple[Tier, ...]) -> "pa.Table":
    """The rows as an Arrow table."""
    arrays = []
    high: Sequence[int | None] = ()
    for column, values in zip(columns(tiers), zip(*rows, strict=True), strict=True):
        kind = _TYPES[column.kind]
        if column.name == "hash_high":
            high = values
        elif column.kind == "hash":
            arrays.append(pa.array(map(_hash, high, values), kind))
        elif column.kind == "findings":
            arrays.append(_findings(values))
        elif column.kind == "word":
            arrays.append(pa.array(values, pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(values, kind))
    return pa.Table.from_arrays(arrays, schema=schema(tiers))


def _hash(high: int | None, low: int | None) -> str | None:
    """A hash as text, 32 hexadecimal digits."""
    return None if high is None or low is None else f"{high & _HALF:016x}{low & _HALF:016x}"


def _findings(lists: Sequence[Sequence[RowValues]]) -> "pa.Array":
    """The findings of all rows; built column by column, since a dictionary for each would be slow."""
    ends = [0]
    for found in lists:
        ends.append(ends[-1] + len(found))
    parts = list(zip(*(finding for found in lists for finding in found), strict=True))
    arrays = [
        pa.array(part, field.type)
        for part, field in zip(parts or [()] * len(FINDING_FIELDS), _FINDING, strict=True)
    ]
    values = pa.StructArray.from_arrays(arrays, fields=list(_FINDING))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values)


def joined_rows(files: Iterable[bytes], metadata: dict[str, str]) -> bytes:
    """Several row files as one."""
    tables = [pq.read_table(pa.BufferReader(data), use_threads=False) for data in files]
    whole = pa.concat_tables([table.replace_schema_metadata(None) for table in tables]).unify_dictionaries()
    out = pa.BufferOutputStream()
    pq.write_table(whole.replace_schema_metadata(metadata), out, compression="zstd")
    data: bytes = out.getvalue().to_pybytes()
    return data


def rows_version_of(file: str) -> int | None:
    """The version of the columns of a row file, 0 if it is an early one; None if it is no row file."""
    try:
        metadata = {} if os.path.islink(file) else pq.read_metadata(file).metadata or {}
        return int(metadata.get(b"imgbudget.rows_version", 0)) if b"imgbudget.summary" in metadata else None
    except (OSError, pa.ArrowException, ValueError):
        return None


def footer_of(file: str) -> tuple[list[int], list[str]] | None:
    """The sums and notes in a row file's footer; None if it is not a row file."""
    try:
        metadata = pq.read_metadata(file).metadata or {}
        return json.loads(metadata[b"imgbudget.summary"]), json.loads(metadata[b"imgbudget.notes"])
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError):
        return None
