"""The work on one partition: its rows and their sums, the same on every engine; nothing is written here."""

import hashlib
import json
import os
import pickle
from collections import Counter
from copyreg import dispatch_table
from functools import cached_property, lru_cache
from io import BytesIO
from itertools import chain, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from imgbudget.auditing.extras import MANY_ROWS, needed
from imgbudget.auditing.inputs import read_partition
from imgbudget.auditing.partition import SHARE, ManifestEntry, Partition, RemoteObject
from imgbudget.auditing.records import AUDIT_FIELDS, RecordBuilder, RowLocation
from imgbudget.auditing.references import Access, RowReferences
from imgbudget.auditing.rows import (
    IMAGE,
    SKIP,
    FactsRecord,
    PlainRows,
    RowValues,
    plain_rows,
    row_values,
    unpacked,
)
from imgbudget.auditing.trials import Trials
from imgbudget.auditing.urls import shown_name
from imgbudget.discovery.walk import FoundFile, SkippedFile
from imgbudget.errors import AuditError
from imgbudget.imageinfo.dispatch import PROBE_VERSION
from imgbudget.linter.evaluate import failure_finding
from imgbudget.linter.run import Session
from imgbudget.model.location import Location
from imgbudget.model.subjects import ProbeField, Severity
from imgbudget.namedtuples import NamedTuple
from imgbudget.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from imgbudget.config.settings import Settings
    from imgbudget.limits.data import LimitsData
    from imgbudget.limits.geometry import Tier
    from imgbudget.linter.options import RunOptions

ROWS_VERSION = 10
"""Increased whenever columns or their meaning change: row files of another version are written again."""

MOST_IN_MEMORY = 100_000
"""Rows that a run keeps in memory; of more it writes Parquet files, and DuckDB reads them."""


class PartitionSummary(NamedTuple):
    """The sums of one or more partitions; they can be added in any order."""

    partitions: int = 0
    images: int = 0
    others: int = 0
    skipped: int = 0
    missed: int = 0
    byte_size: int = 0
    errors: int = 0
    warnings: int = 0
    infos: int = 0
    rules_failed: int = 0

    @property
    def rows(self) -> int:
        """Rows of the facts table."""
        return self.images + self.others + self.skipped

    def plus(self, other: "PartitionSummary") -> "PartitionSummary":
        """The sum of both."""
        return PartitionSummary(*(one + two for one, two in zip(self, other, strict=True)))


class Done(NamedTuple):
    """The result of a partition: its sums, its rows as a Parquet file or plain values, notes for readers."""

    partition: Partition
    summary: PartitionSummary
    rows: bytes | PlainRows
    notes: tuple[str, ...] = ()


class Failed(NamedTuple):
    """A partition that could not be finished; `reason` is a clause."""

    partition: Partition
    reason: str


_Loaded = tuple["RunOptions", "Settings", "LimitsData"]
"""What a session is made of."""


class WorkSession:
    """The session of the workers, made once in each process, of the main session's parts.

    A forked worker has the parts in memory; they are pickled only for another process.
    """

    def __init__(self, loaded: _Loaded) -> None:
        """Take the parts of the main session."""
        self._loaded = loaded

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (_dump(self._loaded),)

    @cached_property
    def session(self) -> Session:
        """The session itself."""
        options, settings, limits = self._loaded
        fields = options.fields | AUDIT_FIELDS
        if options.pixels or settings.pixels:
            fields |= ProbeField.PIXELS
        return Session(options._replace(fields=fields, cache=False), loaded=(settings, limits))


class Work(NamedTuple):
    """What every worker does with a partition.

    Relative paths start from `folder`; `access` is what rows may name.
    """

    shared: WorkSession
    folder: str
    access: Access = Access()

    @classmethod
    def of(cls, session: Session, access: Access = Access()) -> "Work":  # noqa: B008 - immutable
        """The work of a session."""
        shared = WorkSession((session.options, session.settings, session.limits))
        return cls(shared, os.getcwd(), access)

    def __call__(self, partition: Partition) -> Done:
        """Read a partition. Problems of single images are in their rows."""
        session = self.shared.session
        if os.getcwd() != self.folder and os.path.isdir(self.folder):
            os.chdir(self.folder)
        chance = 2 * partition.tries / max(partition.known or SHARE, 1)
        builder = RecordBuilder(
            session, RowReferences(self.access), trials=Trials(session, partition.tries, chance)
        )
        return done(partition, read_partition(partition, builder), builder)


def _require_all(partition: Partition, members: set[str | None], rows: int) -> None:
    """Compare the rows with the planned items: a file has one or more, anything else exactly one.

    Raises:
        AuditError: an item has no row.
    """
    found = len(members) if partition.kind == "files" else rows
    if partition.items and found != len(partition.items):
        raise AuditError(f"{len(partition.items)} items were planned and {found} have rows")


def done(partition: Partition, records: "Iterable[FactsRecord]", builder: RecordBuilder) -> Done:
    """The rows of a partition with their sums, which are counted independently while reading."""
    session = builder.session
    counts = builder.counts
    severities: Counter[Severity] = Counter()
    members: set[str | None] = set()
    rows = missed = byte_size = failed = 0

    def counted() -> "Iterator[FactsRecord]":
        nonlocal rows, missed, byte_size, failed
        for record in records:
            rows += 1
            missed += record.missed
            byte_size += (record.byte_size or 0) if record.subject == IMAGE else 0
            if partition.items:
                members.add(record.member)
            for finding in record.findings:
                severities[finding.severity] += 1
                failed += finding.internal
            yield record

    def summary() -> PartitionSummary:
        return PartitionSummary(
            partitions=1,
            images=counts[IMAGE],
            others=counts.total() - counts[IMAGE] - counts[SKIP],
            skipped=counts[SKIP],
            missed=missed,
            byte_size=byte_size,
            errors=severities[Severity.ERROR],
            warnings=severities[Severity.WARNING],
            infos=severities[Severity.INFO],
            rules_failed=failed,
        )

    def metadata() -> dict[str, str]:
        return footer(summary(), tuple(session.context.notes))

    tiers = tiers_of(session)
    values = row_values(counted(), tiers)
    data = _rows_of(values, tiers, metadata) if partition.plain else written(values, tiers, metadata)
    _require_all(partition, members, rows)
    # its items need not go back to the main process
    return Done(partition._replace(items=()), summary(), data, tuple(session.context.notes))


def _rows_of(
    values: "Iterator[RowValues]", tiers: "tuple[Tier, ...]", metadata: "Callable[[], dict[str, str]]"
) -> bytes | PlainRows:
    """The rows as plain values, or as a Parquet file if they are more than stay in memory."""
    first = plain_rows(islice(values, MOST_IN_MEMORY))
    later = next(values, None)
    if later is None:
        return first
    return written(chain(unpacked(first), (later,), values), tiers, metadata)


def written(
    values: "Iterable[RowValues]", tiers: "tuple[Tier, ...]", metadata: "Callable[[], dict[str, str]]"
) -> bytes:
    """The rows as a Parquet file.

    Raises:
        UsageError: pyarrow is not installed.
    """
    data: bytes = needed("imgbudget.auditing.rowfiles", MANY_ROWS).write_values(values, tiers, metadata)
    return data


def file_of(done: Done, tiers: "tuple[Tier, ...]") -> bytes:
    """The rows of a result as a Parquet file.

    Raises:
        UsageError: pyarrow is not installed.
    """
    if isinstance(done.rows, bytes):
        return done.rows
    return written(unpacked(done.rows), tiers, lambda: footer(done.summary, done.notes))


def joined(partition: Partition, parts: "Sequence[Done]", tiers: "tuple[Tier, ...]") -> Done:
    """The results of a partition's parts as one result."""
    summary = PartitionSummary()
    for part in parts:
        summary = summary.plus(part.summary)
    summary = summary._replace(partitions=1)
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    plain = [part.rows for part in parts if isinstance(part.rows, PlainRows)]
    if len(plain) == len(parts):
        chunks = tuple(chunk for rows in plain for chunk in rows.pickled)
        return Done(partition, summary, PlainRows(chunks, sum(rows.number for rows in plain)), notes)
    files = [file_of(part, tiers) for part in parts]
    data = needed("imgbudget.auditing.rowfiles", MANY_ROWS).joined_rows(files, footer(summary, notes))
    return Done(partition, summary, data, notes)


def tiers_of(session: Session) -> "tuple[Tier, ...]":
    """The tiers that have columns in row files: Claude's, and that of the audit's own model."""
    return tuple(dict.fromkeys((*session.limits.tiers, session.context.limits().tier)))


def footer(summary: PartitionSummary, notes: tuple[str, ...]) -> dict[str, str]:
    """The metadata of a row file, so that a resumed run need not read its rows again."""
    return {
        "imgbudget.summary": json.dumps(summary),
        "imgbudget.notes": json.dumps(notes),
        "imgbudget.rows_version": str(ROWS_VERSION),
    }


def give_up(partition: Partition, work: Work, reason: str) -> Done:
    """The one row of an item that crashes its worker each time: a finding that names it."""
    builder = RecordBuilder(work.shared.session)
    where = _location_of(partition)
    context = builder.session.context
    location = Location(RowLocation(*where).member or partition.source)
    finding = failure_finding("reading it", RuntimeError(reason), location, context.limits())
    finding = finding._replace(
        message=f"{reason}; all other items were read", help="check this item by itself"
    )
    return done(partition, [builder.lost(where, finding)], builder)


def _location_of(partition: Partition) -> RowLocation:
    """The location of the only item of a partition, as far as it is known without reading."""
    source = partition.source
    for item in partition.items:
        match item:
            case FoundFile(path) | SkippedFile(path):
                root = "" if source == "." else source.rstrip("/") + "/"
                return RowLocation(source, path.removeprefix(root) if path != source else None)
            case ManifestEntry(name, row, pointer):
                return RowLocation(source, shown_name(name), row, pointer)
            case RemoteObject(_, name):
                return RowLocation(source, name)
    return RowLocation(source, None, partition.start)


def configuration_key(session: Session) -> str:
    """A hash of everything except the input that rows depend on: configuration and versions."""
    data, options = session.limits, session.options
    parts: Iterable[Any] = (
        __version__,
        PROBE_VERSION,
        ROWS_VERSION,
        session.settings,
        (session.context.model, session.context.platform),
        (options.select, options.extend_select, options.ignore, options.pedantic, options.use_ignores),
        *(("pixels",) if session.context.paths.needs_pixels else ()),
        *(("text",) if session.context.paths.needs_text else ()),
        *(("decode",) if options.fields & ProbeField.DECODE else ()),
        tiers_of(session),
        data.content,
    )
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()


@lru_cache(maxsize=2)
def _unpickled(state: bytes) -> WorkSession:
    """The session in another process: one for all partitions, each of which may come with a copy."""
    loaded: _Loaded = pickle.loads(state)  # noqa: S301 - made by this program
    return WorkSession(loaded)


def _dump(value: object) -> bytes:
    out = BytesIO()
    pickler = pickle.Pickler(out, protocol=5)
    pickler.dispatch_table = {**dispatch_table, MappingProxyType: _reduce_proxy}
    pickler.dump(value)
    return out.getvalue()


def _reduce_proxy(proxy: "MappingProxyType[Any, Any]") -> tuple[Any, ...]:
    """Read-only mappings are the only values in a configuration that pickle does not support."""
    return _proxy, (dict(proxy),)


def _proxy(values: dict[Any, Any]) -> "MappingProxyType[Any, Any]":
    return MappingProxyType(values)
