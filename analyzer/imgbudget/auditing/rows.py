"""The facts table: its columns, the content hash of an image, and rows as plain values."""

import hashlib
import pickle
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from struct import Struct
from typing import Any, Literal

from imgbudget.imageinfo.reader import Read
from imgbudget.limits.geometry import Size, Tier, fits, native_size, patches, planned_size, tokens_range
from imgbudget.model.pixels import PIXEL_TYPES, PixelFacts
from imgbudget.model.subjects import Finding, Severity
from imgbudget.namedtuples import NamedTuple

WHOLE = 1 << 16
"""Most bytes that are hashed completely; of longer files four blocks are."""

_BLOCK = 1 << 14
_BLOCKS = 4


def digest_of(size: int, read: Read, whole: bytes | None = None) -> bytes:
    """The first 16 bytes of the SHA-256 over length and content; `whole` is the content if already read.

    Raises:
        OSError: raised by the reader.
    """
    found = hashlib.sha256(size.to_bytes(8, "big"))
    if size <= WHOLE:
        found.update(read(size, 0) if whole is None else whole)
    else:
        step = (size - _BLOCK) // (_BLOCKS - 1)
        for i in range(_BLOCKS):
            at = i * step if i < _BLOCKS - 1 else size - _BLOCK
            found.update(read(_BLOCK, at) if whole is None else whole[at : at + _BLOCK])
    return found.digest()[:16]


MOST_EDGE = 1 << 32
"""Px: a longer edge than any format can have; the size of such an image counts as unknown."""

MOST_NUMBER = (1 << 63) - 1

IMAGE, REQUEST, DOCUMENT, SKIP = "image", "request", "document", "skip"
"""The kinds of rows."""

TIER_COLUMNS = ("width", "height", "tokens", "planned_width", "planned_height", "planned_tokens")
"""For each tier: the size that the model uses with its tokens, and the same after the plan."""


def columns_of(tier: Tier) -> tuple[str, ...]:
    """The columns of a tier; with the fewest tokens where sources contradict each other on them."""
    return (*TIER_COLUMNS, "tokens_low", "planned_tokens_low") if tier.alternatives else TIER_COLUMNS


class FactsRecord(NamedTuple):
    """One row before it is written; the fields are the columns, `size` and `digest` are two each.

    `tried` is the bytes that a fixer makes of an image that is larger than the model uses; None for images
    that were not tried, which are most.
    """

    source: str
    member: str | None = None
    row: int | None = None
    pointer: str | None = None
    subject: str = IMAGE
    format: str | None = None
    size: Size | None = None
    visible: Size | None = None
    orientation: int | None = None
    frames: int | None = None
    quality: int | None = None
    byte_size: int | None = None
    base64_bytes: int | None = None
    digest: bytes | None = None
    findings: Sequence[Finding] = ()
    silenced: int = 0
    skipped: str | None = None
    missed: bool = False
    damage: str | None = None
    note: str | None = None
    tried: int | None = None
    pixels: PixelFacts | None = None
    split: str | None = None


def tier_prefix(tier: str) -> str:
    """The prefix of the columns of a tier: `high_resolution_`."""
    return re.sub(r"[^A-Za-z0-9]", "_", tier) + "_"  # part of SQL: tiers of a user's limits have any name


PIXEL_PREFIX = "pixels_"
"""Of the columns with the measurements of pixels, which are null without `--pixels`."""

_HASHES = frozenset({"phash", "pixel_hash"})


def pixel_column(name: str) -> str:
    """The name of the column with a measurement; hashes, by which rows are compared, have their own name."""
    return name if name in _HASHES else PIXEL_PREFIX + name


_PIXEL_KINDS: "dict[type, ColumnKind]" = {float: "number", int: "integer"}
_NOT_MEASURED = (None,) * len(PIXEL_TYPES)
_HALVES = Struct(">qq")


ColumnKind = Literal["word", "text", "integer", "number", "count", "hash", "flag", "findings"]
"""The kinds of columns: a word is one of few texts, a count a small number, a hash 64 bits without sign."""


class RowColumn(NamedTuple):
    """A column of the facts table."""

    name: str
    kind: ColumnKind


FINDING_FIELDS = ("code", "severity", "measured", "limit", "unit", "pointer")
"""The fields of a finding in a row."""


@lru_cache(maxsize=4)
def columns(tiers: tuple[Tier, ...]) -> tuple[RowColumn, ...]:
    """The columns of the facts table, in the order of the values of a row."""
    kinds: tuple[tuple[str, ColumnKind], ...] = (
        ("source", "word"),
        ("member", "text"),
        ("row", "integer"),
        ("pointer", "text"),
        ("subject", "word"),
        ("format", "word"),
        ("width", "integer"),
        ("height", "integer"),
        ("orientation", "integer"),
        ("frames", "integer"),
        ("quality", "integer"),
        ("bytes", "integer"),
        ("base64_bytes", "integer"),
        ("hash_high", "hash"),
        ("hash_low", "hash"),
        *((tier_prefix(tier.name) + name, "integer") for tier in tiers for name in columns_of(tier)),
        ("findings", "findings"),
        ("errors", "count"),
        ("warnings", "count"),
        ("infos", "count"),
        ("silenced", "count"),
        ("skipped", "word"),
        ("missed", "flag"),
        ("damage", "word"),
        ("note", "word"),
        ("split", "word"),
        ("tried_bytes", "integer"),
        *(
            (pixel_column(name), "text" if name in _HASHES else _PIXEL_KINDS.get(kind, "word"))
            for name, kind in PIXEL_TYPES.items()
        ),
    )
    return tuple(RowColumn(name, kind) for name, kind in kinds)


def file_columns(tiers: tuple[Tier, ...]) -> tuple[RowColumn, ...]:
    """The columns of a row file and of CSV: the two halves of a hash are one text in them."""
    every = (column for column in columns(tiers) if column.name != "hash_low")
    return tuple(column._replace(name="hash") if column.kind == "hash" else column for column in every)


RowValues = tuple[Any, ...]
"""A row as plain values, in the order of `columns`; findings are tuples of their fields.

The halves of a hash have a sign, as integers of 64 bits in databases.
"""

_FINDINGS = -len(PIXEL_TYPES) - 11
"""Where the findings of a row are, from its end: ten columns and the measurements of pixels follow."""


class _Tiers:
    """The numbers of a size on every tier; many images of a dataset share their size."""

    def __init__(self, tiers: Sequence[Tier]) -> None:
        self.none = (None,) * sum(len(columns_of(tier)) for tier in tiers)

        @lru_cache(maxsize=1 << 14)
        def columns(size: Size) -> tuple[int | None, ...]:
            return tuple(_number(number) for tier in tiers for number in _on_tier(size, tier))

        self.columns = columns


def _on_tier(size: Size, tier: Tier) -> Iterator[int | None]:
    # most images, of which nothing need be searched
    if not (tier.strategy or tier.numbers or tier.alternatives) and fits(size, tier):
        yield from (*size, patches(size)) * 2
        return
    known = int(tier.number("known_edge", 0)) or size.long_edge
    native, planned = native_size(size, tier), planned_size(size, tier)
    if tier.strategy:
        pairs = (native, tokens_range(size, tier)), (planned, tokens_range(planned, tier))
    else:
        pairs = (native, (patches(native),) * 2), (planned, (patches(planned),) * 2)
    for used, (_, most) in pairs:
        yield from (*used, most if size.long_edge <= known else None)
    if tier.alternatives:
        yield from (low for _, (low, _) in pairs)


@lru_cache(maxsize=4)
def _tiers(tiers: tuple[Tier, ...]) -> _Tiers:
    return _Tiers(tiers)


def row_values(records: Iterable[FactsRecord], tiers: tuple[Tier, ...]) -> Iterator[RowValues]:
    """The rows as plain values."""
    known = _tiers(tiers)
    for record in records:
        yield _values(record, known)


def _values(record: FactsRecord, tiers: _Tiers) -> RowValues:
    size, visible, digest, findings = record.size, record.visible, record.digest, record.findings
    high = low = None
    if digest is not None:
        high, low = _HALVES.unpack(digest)
    return (
        _text(record.source),
        _text(record.member),
        record.row,
        _text(record.pointer),
        record.subject,
        record.format,
        *(size if size is not None and _fit(size) else (None, None)),
        _number(record.orientation),
        _number(record.frames),
        _number(record.quality),
        _number(record.byte_size),
        _number(record.base64_bytes),
        high,
        low,
        *(tiers.none if visible is None or not _fit(visible) else tiers.columns(visible)),
        tuple(map(_finding, findings)) if findings else (),
        *_severities(findings),
        record.silenced,
        _text(record.skipped),
        record.missed,
        _text(record.damage),
        _text(record.note),
        _text(record.split),
        _number(record.tried),
        *(_NOT_MEASURED if record.pixels is None else _measurements(record.pixels)),
    )


def _measurements(pixels: PixelFacts) -> tuple[Any, ...]:
    pairs = zip(PIXEL_TYPES, pixels, strict=True)
    return tuple((value or None) if name in _HASHES else value for name, value in pairs)


def _text(text: str | None) -> str | None:
    """A text that is UTF-8; file names that are not are escaped, as in findings."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


_SEVERITIES = {severity: str(severity) for severity in Severity}


def _finding(finding: Finding) -> RowValues:
    return (
        finding.code,
        _SEVERITIES[finding.severity],
        _float(finding.measured),
        _float(finding.limit),
        finding.unit,
        _text(finding.location.pointer or None),
    )


CHUNK = 4096
"""Rows that are in memory together: an archive of a million members is one partition."""


class PlainChunk(NamedTuple):
    """A `number` of rows by column; a column is None if no row has a value in it, as that of findings is.

    Each finding begins with the number of its row, from 1.
    """

    number: int
    columns: tuple[tuple[Any, ...] | None, ...]
    findings: list[RowValues]


class PlainRows(NamedTuple):
    """The rows of a partition as pickled chunks: they take a seventh of the memory so."""

    pickled: tuple[bytes, ...]
    number: int

    def chunks(self) -> Iterator[PlainChunk]:
        """The rows."""
        for chunk in self.pickled:
            yield pickle.loads(chunk)  # noqa: S301 - made by a worker of this run


def plain_rows(values: Iterable[RowValues]) -> PlainRows:
    """Rows as they go from a worker to the main process."""
    source = iter(values)
    chunks = []
    number = 0
    while chunk := list(islice(source, CHUNK)):
        number += len(chunk)
        chunks.append(pickle.dumps(_plain_chunk(chunk), protocol=5))
    return PlainRows(tuple(chunks), number)


def _plain_chunk(rows: Sequence[RowValues]) -> PlainChunk:
    every = list(zip(*rows, strict=True))
    lists, nothing = every[_FINDINGS], (None,) * len(rows)
    found = [(number, *finding) for number, some in enumerate(lists, 1) for finding in some]
    every[_FINDINGS] = nothing
    return PlainChunk(len(rows), tuple(None if column == nothing else column for column in every), found)


def unpacked(rows: PlainRows) -> Iterator[RowValues]:
    """The rows again."""
    for chunk in rows.chunks():
        found: list[list[RowValues]] = [[] for _ in range(chunk.number)]
        for number, *finding in chunk.findings:
            found[number - 1].append(tuple(finding))
        nothing = (None,) * chunk.number
        every = [nothing if column is None else column for column in chunk.columns]
        every[_FINDINGS] = tuple(map(tuple, found))
        yield from zip(*every, strict=True)


def _fit(numbers: Iterable[int]) -> bool:
    """Whether edges fit into a column such that areas can be summed; no format has longer ones."""
    return max(numbers) < MOST_EDGE


def _number(value: int | None) -> int | None:
    """A number that fits into a column; one that a file only claims may be of any size."""
    return value if value is None or -MOST_NUMBER <= value <= MOST_NUMBER else None


def _severities(findings: Sequence[Finding]) -> tuple[int, int, int]:
    """How many errors, warnings and infos."""
    if not findings:
        return 0, 0, 0
    found = [finding.severity for finding in findings]
    return found.count(Severity.ERROR), found.count(Severity.WARNING), found.count(Severity.INFO)


def _float(value: float | None) -> float | None:
    """A measured number as the column has it; an integer may be too large for one."""
    try:
        return None if value is None else float(value)
    except OverflowError:
        return float("inf")
