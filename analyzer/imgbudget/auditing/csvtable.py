"""CSV of names that are not trusted: the facts table, and lists made of it."""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any
from unicodedata import normalize

from imgbudget.auditing.rows import ColumnKind, file_columns
from imgbudget.auditing.store import HASH_TEXT, ROW_ORDER, Store
from imgbudget.limits.geometry import Tier
from imgbudget.printable import one_line

_FORMULA = frozenset("=+-@\u2212")
_QUOTED = re.compile(r"[,;|\"'\t]|^[\s:]|\s$")
_CHUNK = 1 << 9


def lines(store: Store, tiers: tuple[Tier, ...]) -> Iterator[str]:
    """The lines, each with a line feed: the names of the columns of row files, then all rows in order."""
    every = file_columns(tiers)
    yield csv_line(column.name for column in every)
    selected = ", ".join(HASH_TEXT if column.kind == "hash" else column.name for column in every)
    kinds = [column.kind for column in every]
    cursor = store.connection.cursor().execute(f"select {selected} from rows order by {ROW_ORDER}")  # noqa: S608
    while batch := cursor.fetchmany(_CHUNK):
        yield "".join(csv_line(map(partial(_cell, store), kinds, values)) for values in batch)


def _cell(store: Store, kind: ColumnKind, value: Any) -> object:
    """A value as CSV has it, the same from each database."""
    match kind:
        case "findings":
            return " ".join(finding.code for finding in store.found(value))
        case "flag":
            return "true" if value else "false"
        case "number":
            return None if value is None else float(value)
        case _:
            return value


def csv_line(cells: Iterable[object]) -> str:
    """A line of CSV (RFC 4180), each record on one line: names in datasets are not trusted.

    Numbers are numbers. Line breaks and invisible characters in texts are escaped as in other output, a text
    that a spreadsheet could take for a formula has an apostrophe before it (OWASP, "CSV Injection"), and a
    text is in quotes where it contains what some program takes for a separator.
    """
    return ",".join(map(_csv_cell, cells)) + "\n"


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
