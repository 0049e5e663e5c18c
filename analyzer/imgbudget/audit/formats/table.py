"""The facts table as CSV, a row at a time; findings are codes in one cell."""

import csv
import io
from collections.abc import Iterator

from imgbudget.audit.statistics import Row
from imgbudget.audit.store import Store

HEAD = (
    "source",
    "member",
    "row",
    "pointer",
    "subject",
    "format",
    "width",
    "height",
    "orientation",
    "frames",
    "quality",
    "bytes",
    "base64_bytes",
    "resized",
    "tokens",
    "planned",
    "tokens_after",
    "findings",
    "hash",
    "skipped",
    "damage",
    "note",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines(store: Store) -> Iterator[str]:
    """The lines, ended by a line feed each: the head, then all rows in the order of places."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEAD)
    for row in store.rows():
        writer.writerow([_safe(cell) for cell in _cells(row)])
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cells(row: Row) -> tuple[object, ...]:
    return (
        row.source,
        row.member,
        row.row,
        row.pointer,
        row.subject,
        row.format,
        *(row.size or (None, None)),
        row.orientation,
        row.frames,
        row.quality,
        row.byte_size,
        row.base64_bytes,
        row.resized,
        row.tokens,
        row.planned,
        row.tokens_after,
        " ".join(finding.code for finding in row.findings),
        row.digest,
        row.skipped,
        row.damage,
        row.note,
    )


def _safe(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula: names in archives are anybody's."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
