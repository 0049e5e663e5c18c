"""Row files on disk: written whole, found again by a run that goes on, joined, and proven complete."""

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgbudget.audit.rows import IMAGE, SKIP
from imgbudget.audit.work import Done, Summary, footer
from imgbudget.errors import AuditError

if TYPE_CHECKING:
    from imgbudget.audit.partition import Partition
    from imgbudget.audit.store import Store


def row_file(folder: str, identity: str) -> str:
    """The final name of a partition's rows: it is done when this file is there, and not before."""
    return os.path.join(folder, f"rows-{identity}.parquet")


def save(folder: str, done: Done) -> str:
    """Write the rows of a partition under their final name, whole or not at all.

    Raises:
        OSError: they cannot be written.
    """
    name = row_file(folder, done.partition.id)
    beside = f"{name}.{os.getpid()}.tmp"
    try:
        with open(beside, "wb") as file:
            file.write(done.rows)
        os.replace(beside, name)
    finally:
        if os.path.exists(beside):
            os.unlink(beside)
    return name


def find(folder: str, identity: str) -> tuple[Summary, tuple[str, ...]] | None:
    """The sums and notes of a partition that an earlier run has finished; None where it has to be read."""
    name = row_file(folder, identity)
    if not os.path.exists(name):
        return None
    import pyarrow as pa  # noqa: PLC0415 - audits only
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        told = pq.read_metadata(name).metadata or {}
        summary = Summary(*json.loads(told[b"imgbudget.summary"]))
        notes = tuple(json.loads(told[b"imgbudget.notes"]))
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError):
        return None  # a file of another making: it is made again
    return summary, notes


def join(partition: "Partition", parts: Sequence[Done]) -> Done:
    """The results of a partition's parts as its own."""
    import pyarrow as pa  # noqa: PLC0415 - audits only
    import pyarrow.parquet as pq  # noqa: PLC0415

    summary = Summary()
    for part in parts:
        summary = summary.plus(part.summary)
    summary = summary._replace(partitions=1)
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    tables = [pq.read_table(pa.BufferReader(part.rows), use_threads=False) for part in parts]
    whole = pa.concat_tables([table.replace_schema_metadata(None) for table in tables]).unify_dictionaries()
    out = pa.BufferOutputStream()
    pq.write_table(whole.replace_schema_metadata(footer(summary, notes)), out, compression="zstd")
    return Done(partition, summary, out.getvalue().to_pybytes(), notes)


def prove(store: "Store", files: Sequence[str], summary: Summary) -> None:
    """Hold what workers met against the rows on disk.

    Raises:
        AuditError: they differ: a row was lost or doubled.
    """
    if len(set(files)) != summary.partitions:
        raise AuditError(f"{summary.partitions} partitions were read, {len(set(files))} row files are there")
    images, skipped, rows = store.one(
        f"""select count(*) filter (where subject = '{IMAGE}'), count(*) filter (where subject = '{SKIP}'),
        count(*) from rows"""  # noqa: S608 - our own words
    )
    if (images, skipped, rows) != (summary.images, summary.skipped, summary.rows):
        raise AuditError(
            f"{summary.rows} rows were met ({summary.images} images, {summary.skipped} passed over), "
            f"{rows} are on disk ({images} images, {skipped} passed over)"
        )
