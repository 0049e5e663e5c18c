"""The worst rows as the page's table carries them: columns of JSON, words and beginnings of names once."""

import json
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from markupsafe import Markup

from imgbudget.audit.html.names import Base, parted, shown
from imgbudget.audit.statistics import FoundCode, Row, RuleRow
from imgbudget.audit.store import Store

MOST_ROWS = 20_000
"""Rows that the page carries at most."""

MOST_BYTES = 680_000
"""Bytes that they take at most, so that the page stays below 1 MB without its thumbnails."""

_SEVERITIES = ("error", "warning", "info")
_WHERE = "subject <> 'skip'"


class Carried(NamedTuple):
    """The rows in the page: as JSON, how many of how many, the first of them as values."""

    json: Markup
    rows: int
    of: int
    first: tuple[Row, ...]


def carried(store: Store, rules: Sequence[RuleRow], first: int, base: Base) -> Carried:
    """The worst rows, as many as fit: errors first, then the largest files."""
    of = store.one(f"select count(*) from rows where {_WHERE}")[0]  # noqa: S608 - ours
    rows = list(store.worst(_WHERE, MOST_ROWS))
    text = encoded(rows, rules, base)
    kept = len(rows)
    while len(text.encode()) > MOST_BYTES:
        kept = min(kept - 1, int(kept * MOST_BYTES / len(text.encode()) * 0.98))
        text = encoded(rows[:kept], rules, base)
    return Carried(Markup(text), kept, of, tuple(rows[:first]))  # noqa: S704 - see encoded


def encoded(rows: Sequence[Row], rules: Sequence[RuleRow], base: Base) -> str:
    """The rows as JSON that ends no script element, in the order of their places.

    A name is its folder's number, how many characters it shares with the name before, and the rest.
    """
    folders, formats, kinds, sets = _Words(), _Words(), _Words(), _Words()
    columns: dict[str, list[Any]] = {
        name: [] for name in ("d", "p", "n", "f", "w", "h", "b", "t", "a", "q", "s")
    }
    before = ""
    for place, row in sorted(((shown(base.row(row).place), row) for row in rows), key=itemgetter(0)):
        folder, name = parted(place)
        shared = _shared(before, name)
        before = name
        found = dict.fromkeys(
            kinds.number(f"{item.code} {item.severity}") for item in by_severity(row.findings)
        )
        values = (
            folders.number(folder),
            shared,
            name[shared:],
            formats.number(row.format or ""),
            *(row.size or (None, None)),
            row.byte_size,
            row.tokens,
            row.tokens_after,
            row.quality,
            sets.number(",".join(map(str, found))),
        )
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
    document = {
        "folders": folders.all,
        "formats": formats.all,
        "kinds": [word.split(" ") for word in kinds.all],
        "sets": [[int(part) for part in word.split(",") if part] for word in sets.all],
        "pages": {rule.code: [rule.name, rule.url] for rule in rules},
        **columns,
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def by_severity(findings: Sequence[FoundCode]) -> list[FoundCode]:
    """Findings, errors first, by code."""
    return sorted(findings, key=lambda item: (_SEVERITIES.index(item.severity), item.code))


class _Words:
    """Words by number, in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, word: str) -> int:
        """The number of a word, a new one if it is new."""
        return self._numbers.setdefault(word, len(self._numbers))

    @property
    def all(self) -> list[str]:
        """The words in the order of their numbers."""
        return list(self._numbers)


def _shared(before: str, name: str) -> int:
    """How many characters two names begin with alike; none beyond U+FFFF, which browsers count twice."""
    for i, (one, other) in enumerate(zip(before, name, strict=False)):
        if one != other or one > "\uffff":
            return i
    return min(len(before), len(name))
