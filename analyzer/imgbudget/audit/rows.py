"""The facts table: its columns, the content hash of an image, and the Parquet writer of one partition."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from imgbudget.imageinfo.reader import Read
from imgbudget.limits.geometry import Size, Tier, native_size, patches, planned_size, tokens_range
from imgbudget.model.pixels import PIXEL_TYPES, PixelFacts
from imgbudget.model.subjects import Finding, Severity

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


def tier_prefix(tier: str) -> str:
    """The prefix of the columns of a tier: `high_resolution_`."""
    return re.sub(r"[^A-Za-z0-9]", "_", tier) + "_"  # part of SQL: tiers of a user's limits have any name


PIXEL_PREFIX = "pixels_"
"""Of the columns with the measurements of pixels, which are null without `--pixels`."""

_HASHES = frozenset({"phash", "pixel_hash"})


def pixel_column(name: str) -> str:
    """The name of the column with a measurement; hashes, by which rows are compared, have their own name."""
    return name if name in _HASHES else PIXEL_PREFIX + name


_PIXEL_KINDS = {float: pa.float64(), int: pa.int64()}
_NOT_MEASURED = (None,) * len(PIXEL_TYPES)


def schema(tiers: Sequence[Tier]) -> "pa.Schema":
    """The columns of a row file."""
    word = pa.dictionary(pa.int32(), pa.string())
    finding = pa.struct(
        [
            ("code", pa.string()),
            ("severity", pa.string()),
            ("measured", pa.float64()),
            ("limit", pa.float64()),
            ("unit", pa.string()),
            ("pointer", pa.string()),
        ]
    )
    return pa.schema(
        [
            ("source", word),
            ("member", pa.string()),
            ("row", pa.int64()),
            ("pointer", pa.string()),
            ("subject", word),
            ("format", word),
            ("width", pa.int64()),
            ("height", pa.int64()),
            ("orientation", pa.int64()),
            ("frames", pa.int64()),
            ("quality", pa.int64()),
            ("bytes", pa.int64()),
            ("base64_bytes", pa.int64()),
            ("hash_high", pa.uint64()),
            ("hash_low", pa.uint64()),
            *((tier_prefix(tier.name) + name, pa.int64()) for tier in tiers for name in columns_of(tier)),
            ("findings", pa.list_(finding)),
            ("errors", pa.int32()),
            ("warnings", pa.int32()),
            ("infos", pa.int32()),
            ("silenced", pa.int32()),
            ("skipped", word),
            ("missed", pa.bool_()),
            ("damage", word),
            ("note", word),
            ("tried_bytes", pa.int64()),
            *(
                (pixel_column(name), pa.string() if name in _HASHES else _PIXEL_KINDS.get(kind, word))
                for name, kind in PIXEL_TYPES.items()
            ),
        ]
    )


class _Tiers:
    """The numbers of a size on every tier; many images of a dataset share their size."""

    def __init__(self, tiers: Sequence[Tier]) -> None:
        self.none = (None,) * sum(len(columns_of(tier)) for tier in tiers)

        @lru_cache(maxsize=1 << 14)
        def columns(size: Size) -> tuple[int | None, ...]:
            return tuple(number for tier in tiers for number in _on_tier(size, tier))

        self.columns = columns


def _on_tier(size: Size, tier: Tier) -> Iterator[int | None]:
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


CHUNK = 4096
"""Rows that are in memory together: an archive of a million members is one partition."""


def write_rows(
    records: Iterable[FactsRecord], tiers: tuple[Tier, ...], metadata: Callable[[], dict[str, str]]
) -> bytes:
    """The rows as one Parquet file; `metadata`, called after the last row, goes into its footer."""
    out = pa.BufferOutputStream()
    source = iter(records)
    with pq.ParquetWriter(out, schema(tiers), compression="zstd") as writer:
        while chunk := tuple(islice(source, CHUNK)):
            writer.write_table(table(chunk, tiers))
        writer.add_key_value_metadata(metadata())
    data: bytes = out.getvalue().to_pybytes()
    return data


def table(records: Sequence[FactsRecord], tiers: tuple[Tier, ...]) -> "pa.Table":
    """The rows as an Arrow table."""
    shape = schema(tiers)
    known = _tiers(tiers)
    values: list[tuple[Any, ...]] = [_values(record, known) for record in records]
    columns = list(zip(*values, strict=True)) if values else [()] * (len(shape) - 1)
    arrays = []
    fields = iter(columns)
    for field in shape:
        if field.name == "findings":
            arrays.append(_findings([record.findings for record in records], field.type))
            continue
        column = next(fields)
        if pa.types.is_dictionary(field.type):
            arrays.append(_texts(column).dictionary_encode())
        elif pa.types.is_string(field.type):
            arrays.append(_texts(column))
        else:
            arrays.append(pa.array(column, field.type))
    return pa.Table.from_arrays(arrays, schema=shape)


def _texts(column: Sequence[str | None]) -> "pa.Array":
    """Texts; file names that are not UTF-8 are escaped, as in findings."""
    try:
        return pa.array(column, pa.string())
    except UnicodeEncodeError:
        whole = [text and text.encode("utf-8", "backslashreplace").decode() for text in column]
        return pa.array(whole, pa.string())


def _values(record: FactsRecord, tiers: _Tiers) -> tuple[Any, ...]:
    """The columns in order, without `findings`."""
    size, visible, digest = record.size, record.visible, record.digest
    high = low = None
    if digest is not None:
        high, low = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")
    return (
        record.source,
        record.member,
        record.row,
        record.pointer,
        record.subject,
        record.format,
        *(size if size is not None and _fit(size) else (None, None)),
        *map(_number, (record.orientation, record.frames, record.quality)),
        *map(_number, (record.byte_size, record.base64_bytes)),
        high,
        low,
        *(tiers.none if visible is None or not _fit(visible) else map(_number, tiers.columns(visible))),
        *_severities(record.findings),
        record.silenced,
        record.skipped,
        record.missed,
        record.damage,
        record.note,
        _number(record.tried),
        *(_NOT_MEASURED if record.pixels is None else _measurements(record.pixels)),
    )


def _measurements(pixels: PixelFacts) -> tuple[Any, ...]:
    pairs = zip(PIXEL_TYPES, pixels, strict=True)
    return tuple((value or None) if name in _HASHES else value for name, value in pairs)


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


def _findings(lists: Sequence[Sequence[Finding]], kind: "pa.ListType") -> "pa.Array":
    """The findings of all rows; built column by column, since a dictionary for each would be slow."""
    ends = [0]
    for found in lists:
        ends.append(ends[-1] + len(found))
    flat = [finding for found in lists for finding in found]
    parts = (
        [finding.code for finding in flat],
        [str(finding.severity) for finding in flat],
        [_float(finding.measured) for finding in flat],
        [_float(finding.limit) for finding in flat],
        [finding.unit for finding in flat],
        [finding.location.pointer or None for finding in flat],
    )
    struct = kind.value_type
    columns = [pa.array(part, struct.field(i).type) for i, part in enumerate(parts)]
    values = pa.StructArray.from_arrays(columns, fields=list(struct))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values)


def _float(value: float | None) -> float | None:
    """A measured number as the column has it; an integer may be too large for one."""
    try:
        return None if value is None else float(value)
    except OverflowError:
        return float("inf")
