"""CSV of names that are not trusted: the facts table, and lists made of it."""

import re
from collections.abc import Iterable, Iterator
from unicodedata import normalize

from imgbudget.audit.ends import ends_cell
from imgbudget.audit.statistics import Row
from imgbudget.audit.store import Store
from imgbudget.printable import one_line

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

_FORMULA = frozenset("=+-@\u2212")
_QUOTED = re.compile(r"[,;|\"'\t]|^[\s:]|\s$")
_CHUNK = 1 << 9


def lines(store: Store) -> Iterator[str]:
    """The lines, each with a line feed: the header, then all rows in order."""
    yield csv_line(HEAD)
    chunk = []
    for row in store.rows():
        chunk.append(csv_line(_cells(row)))
        if len(chunk) == _CHUNK:
            yield "".join(chunk)
            chunk.clear()
    yield "".join(chunk)


def csv_line(cells: Iterable[object]) -> str:
    """A line of CSV (RFC 4180), each record on one line: names in datasets are not trusted.

    Numbers are numbers. Line breaks and invisible characters in texts are escaped as in other output, a text
    that a spreadsheet could take for a formula has an apostrophe before it (OWASP, "CSV Injection"), and a
    text is in quotes where it contains what some program takes for a separator.
    """
    return ",".join(map(_csv_cell, cells)) + "\n"


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
        ends_cell(row.tokens, row.tokens_doubt),
        row.planned,
        ends_cell(row.tokens_after, row.after_doubt),
        " ".join(finding.code for finding in row.findings),
        row.digest,
        row.skipped,
        row.damage,
        row.note,
    )


def _csv_cell(cell: object) -> str:
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    text = one_line(cell)
    if _begins_formula(cell):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _begins_formula(text: str) -> bool:
    """Whether the first visible character begins a formula, as spreadsheets ignore what is before it.

    Full-width signs count as the signs.
    """
    for character in text:
        if not character.isspace() and character not in "'\"" and one_line(character) == character:
            return normalize("NFKC", character)[:1] in _FORMULA
    return False
