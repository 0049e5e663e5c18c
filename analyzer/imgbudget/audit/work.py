"""The work on one partition: rows and their sums, the same on every engine; nothing is written here."""

import hashlib
import os
import pickle
from collections import Counter
from copyreg import dispatch_table
from functools import lru_cache
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from imgbudget.audit.inputs import input_of
from imgbudget.audit.partition import Listed, Object, Partition
from imgbudget.audit.records import WANTED, RecordBuilder, Where
from imgbudget.audit.rows import IMAGE, SKIP, FactsRecord, write_rows
from imgbudget.discovery.walk import FoundFile, SkippedFile
from imgbudget.errors import AuditError
from imgbudget.imageinfo.dispatch import PROBE_VERSION
from imgbudget.linter.evaluate import failure_finding
from imgbudget.linter.run import Session
from imgbudget.model.location import Location
from imgbudget.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imgbudget.config.settings import Settings
    from imgbudget.limits.data import LimitsData
    from imgbudget.limits.geometry import Tier
    from imgbudget.linter.options import RunOptions

ROWS_VERSION = 1
"""Rises whenever the columns or their meaning change: row files of another version are made again."""


class PartitionSummary(NamedTuple):
    """The sums of one partition, or of several: order does not matter when they are added."""

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
        return PartitionSummary(*(mine + its for mine, its in zip(self, other, strict=True)))


class Done(NamedTuple):
    """What came of a partition: its sums, its rows as a Parquet file, notes for readers."""

    partition: Partition
    summary: PartitionSummary
    rows: bytes
    notes: tuple[str, ...] = ()


class Failed(NamedTuple):
    """A partition that did not come to its end; `reason` is a clause."""

    partition: Partition
    reason: str


class Work(NamedTuple):
    """What every worker does with a partition.

    It travels as `state`, a pickled session; `folder` is where relative paths begin.
    """

    state: bytes
    folder: str

    @classmethod
    def of(cls, session: Session) -> "Work":
        """The work of a session."""
        return cls(_dump((session.options, session.settings, session.limits)), os.getcwd())

    def __call__(self, partition: Partition) -> Done:
        """Read a partition. What is wrong with single images is in their rows."""
        session = _session(self.state)
        if os.getcwd() != self.folder and os.path.isdir(self.folder):
            os.chdir(self.folder)
        builder = RecordBuilder(session)
        records = list(input_of(partition.kind).read(partition, builder))
        _require_all(partition, records)
        return done(partition, records, builder)


def _require_all(partition: Partition, records: list[FactsRecord]) -> None:
    """Hold the rows against the items that were planned: a file has one or more, anything else exactly one.

    Raises:
        AuditError: an item has no row.
    """
    rows = len({record.member for record in records}) if partition.kind == "files" else len(records)
    if partition.items and rows != len(partition.items):
        raise AuditError(f"{len(partition.items)} items were planned and {rows} have rows")


def done(partition: Partition, records: list[FactsRecord], builder: RecordBuilder) -> Done:
    """The rows of a partition with their sums, which are counted where rows were met, not from the rows."""
    session = builder.session
    entry = builder.entry
    severities = Counter(finding.severity.name for record in records for finding in record.findings)
    summary = PartitionSummary(
        partitions=1,
        images=entry[IMAGE],
        others=entry.total() - entry[IMAGE] - entry[SKIP],
        skipped=entry[SKIP],
        missed=sum(record.missed for record in records),
        byte_size=sum(record.byte_size or 0 for record in records if record.subject == IMAGE),
        errors=severities["ERROR"],
        warnings=severities["WARNING"],
        infos=severities["INFO"],
        rules_failed=sum(finding.internal for record in records for finding in record.findings),
    )
    notes = tuple(session.context.notes)
    return Done(partition, summary, write_rows(records, tiers_of(session), footer(summary, notes)), notes)


def tiers_of(session: Session) -> "tuple[Tier, ...]":
    """The tiers that rows have columns of: Claude's, and that of the audit's own model."""
    return tuple(dict.fromkeys((*session.limits.tiers, session.context.limits().tier)))


def footer(summary: PartitionSummary, notes: tuple[str, ...]) -> dict[str, str]:
    """What a row file says of itself, so that a run that goes on need not read its rows again."""
    import json  # noqa: PLC0415 - workers and runs that go on

    return {"imgbudget.summary": json.dumps(summary), "imgbudget.notes": json.dumps(notes)}


def give_up(partition: Partition, work: Work, reason: str) -> Done:
    """The one row of an item whose reading ends its worker each time: a finding that names it."""
    builder = RecordBuilder(_session(work.state))
    where = _where(partition)
    context = builder.session.context
    location = Location(Where(*where).member or partition.source)
    finding = failure_finding("reading it", RuntimeError(reason), location, context.limits())
    finding = finding._replace(
        message=f"{reason}; everything around it was read", help="look at it by itself"
    )
    return done(partition, [builder.lost(where, finding)], builder)


def _where(partition: Partition) -> Where:
    """The place of the only item of a partition, as well as it is known without reading."""
    source = partition.source
    for item in partition.items:
        match item:
            case FoundFile(path) | SkippedFile(path):
                root = "" if source == "." else source.rstrip("/") + "/"
                return Where(source, path.removeprefix(root) if path != source else None)
            case Listed(name, row, pointer):
                return Where(source, name, row, pointer)
            case Object(_, name):
                return Where(source, name)
    return Where(source, None, partition.start)


def configuration_key(session: Session) -> str:
    """What stands for all that rows depend on beside the input: a hash over configuration and versions."""
    data, options = session.limits, session.options
    told: Iterable[Any] = (
        __version__,
        PROBE_VERSION,
        ROWS_VERSION,
        session.settings,
        (session.context.model, session.context.platform),
        (options.select, options.extend_select, options.ignore, options.pedantic, options.use_ignores),
        tiers_of(session),
        *(data.bind(model, platform) for model in data.models for platform in data.platforms),
    )
    return hashlib.sha256("\n".join(map(repr, told)).encode()).hexdigest()


@lru_cache(maxsize=2)
def _session(state: bytes) -> Session:
    """The session that the driver had; made once in each worker."""
    loaded: tuple[RunOptions, Settings, LimitsData] = pickle.loads(state)  # noqa: S301 - made by this program
    options, settings, limits = loaded
    return Session(options._replace(fields=options.fields | WANTED, cache=False), loaded=(settings, limits))


def _dump(value: object) -> bytes:
    out = BytesIO()
    pickler = pickle.Pickler(out, protocol=5)
    pickler.dispatch_table = {**dispatch_table, MappingProxyType: _reduce_proxy}
    pickler.dump(value)
    return out.getvalue()


def _reduce_proxy(proxy: "MappingProxyType[Any, Any]") -> tuple[Any, ...]:
    """Read-only mappings are the one thing in a configuration that pickle does not know."""
    return _proxy, (dict(proxy),)


def _proxy(values: dict[Any, Any]) -> "MappingProxyType[Any, Any]":
    return MappingProxyType(values)
