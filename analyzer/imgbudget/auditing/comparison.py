"""Two audits side by side: which images came, went and changed, what that costs, which findings are new.

The earlier one is a folder of `--rows`. Images are the same by name: the name of a member, or of a file below
the datasets. Rows of a table whose images have no names are the same by content.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from typing import Any, NamedTuple

import duckdb

from imgbudget.auditing.aggregate import totals_of
from imgbudget.auditing.copies import duplicates_of
from imgbudget.auditing.references import named
from imgbudget.auditing.rowfolder import EarlierAudit
from imgbudget.auditing.statistics import ChangedImages, Comparison, Row, RuleChange
from imgbudget.auditing.store import Store, open_rows
from imgbudget.auditing.urls import is_url
from imgbudget.discovery.walk import spell
from imgbudget.errors import UsageError
from imgbudget.registry import AnyRule

EXAMPLES = 10
"""Locations of each kind of change."""

_MOST_HASHES = 1 << 21
"""Images that came or went above which renamed ones are not looked for."""


def require_columns(earlier: EarlierAudit, old: Store) -> None:
    """Check that the earlier rows have the tokens of this audit's model.

    Raises:
        UsageError: they do not: it was audited for a model of another provider.
    """
    names = {row[0] for row in old.all("select name from pragma_table_info('rows')")}
    if f"{old.tier}tokens" not in names:
        raise UsageError(
            f"--compare {earlier.folder}: its rows have no tokens of {old.limits.model}, since it was "
            f"audited for {earlier.manifest.model}; audit it again with --model {old.limits.model}"
        )


def _roots(datasets: Sequence[str], earlier: Sequence[str]) -> tuple[str, str]:
    """What is left out at the beginning of names, now and in the earlier audit, so that they can be the same.

    Nothing if they have a dataset in common; of two single ones their names, else the folders around all.
    """
    mine, theirs = [_source(name) for name in datasets], [_source(name) for name in earlier]
    if not {*mine}.isdisjoint(theirs):
        return "", ""
    return _root(mine), _root(theirs)


def _source(name: str) -> str:
    name = named(name)
    return name.rstrip("/") if is_url(name) else spell(name)


def _root(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    try:
        return os.path.commonpath(names).replace(os.sep, "/")
    except ValueError:  # relative and absolute ones
        return ""


class _KeyedRow(NamedTuple):
    """A row with what identifies it: images with the same key have the same name, or place."""

    key: tuple[Any, ...]
    row: Row


def _rows(store: Store, root: str) -> Iterator[_KeyedRow]:
    """All rows but skips, in the order of their keys."""
    text = "'" + root.replace("'", "''") + "'"
    below = "'" + root.replace("'", "''").rstrip("/") + "/'"
    source = f"case when source = {text} then '' when substr(source, 1, length({below})) = {below} "
    source += f"then substr(source, length({below}) + 1) else source end"
    digest = (
        "case when member is null and row is not null and hash_high is not null "
        "then printf('%016x%016x', hash_high, hash_low) end"
    )
    order = f"{source}, member nulls last, {digest} nulls last, row nulls last, pointer nulls last, subject"
    for row in store.rows("subject <> 'skip'", order):
        yield _KeyedRow(_key(row, root), row)


def _key(row: Row, root: str) -> tuple[Any, ...]:
    source = row.source
    if root and source == root:
        source = ""
    elif root and source.startswith(root.rstrip("/") + "/"):
        source = source[len(root.rstrip("/")) + 1 :]
    if row.member is not None:
        return source, (False, row.member)
    if row.row is not None and row.digest is not None:
        return source, (True, ""), (False, row.digest)
    place = ((part is None, "" if part is None else part) for part in (row.row, row.pointer))
    return source, (True, ""), (True, ""), *place, row.subject


def _content(row: Row) -> object:
    """What is the same of two rows with one name if nothing has changed."""
    if row.digest is not None:
        return row.digest
    return row.subject, row.row, row.pointer, row.byte_size, row.base64_bytes, row.size


Groups = Iterator[tuple[tuple[Any, ...], list[Row], list[Row]]]


def _merged(old: Iterable[_KeyedRow], new: Iterable[_KeyedRow]) -> Groups:
    """The rows of both by key: the earlier ones, the ones now."""
    sides = [
        ((key, [found.row for found in same]) for key, same in groupby(side, _key_of)) for side in (old, new)
    ]
    before, now = (next(side, None) for side in sides)
    while before is not None or now is not None:
        if now is None or (before is not None and before[0] < now[0]):
            assert before is not None  # noqa: S101 - one of both is there
            yield before[0], before[1], []
            before = next(sides[0], None)
        elif before is None or now[0] < before[0]:
            yield now[0], [], now[1]
            now = next(sides[1], None)
        else:
            yield now[0], before[1], now[1]
            before, now = next(sides[0], None), next(sides[1], None)


def _key_of(found: _KeyedRow) -> tuple[Any, ...]:
    return found.key


class _Changes:
    """The changes of one kind: how many, the first places, and the hashes as long as they are few."""

    def __init__(self) -> None:
        self.number = 0
        self.places: list[str] = []
        self.hashes: Counter[str] = Counter()

    def add(self, rows: Iterable[Row]) -> None:
        """Count those of these rows that are images."""
        for row in rows:
            if row.subject != "image":
                continue
            self.number += 1
            if len(self.places) < EXAMPLES:
                self.places.append(row.place)
            if row.digest is not None and self.number <= _MOST_HASHES:
                self.hashes[row.digest] += 1

    def as_value(self, kind: str) -> ChangedImages:
        """The result."""
        return ChangedImages(kind, self.number, tuple(self.places))


def comparison_with(
    earlier: EarlierAudit, now: Store, datasets: Sequence[str], rules: Sequence[AnyRule]
) -> Comparison:
    """The comparison of the rows of both audits, for the limits of this one.

    Raises:
        UsageError: the earlier rows cannot be read, or have no tokens of its model.
    """
    with ExitStack() as stack:
        try:
            old = stack.enter_context(open_rows(earlier.files, now.limits))
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0]
            raise UsageError(f"--compare {earlier.folder}: its rows cannot be read: {reason}") from None
        require_columns(earlier, old)
        return compared(earlier, old, now, datasets, rules)


def compared(
    earlier: EarlierAudit, old: Store, now: Store, datasets: Sequence[str], rules: Sequence[AnyRule]
) -> Comparison:
    """The comparison of two stores."""
    mine, theirs = _roots(datasets, [name for name, _ in earlier.manifest.datasets])
    added, gone, changed, same = _Changes(), _Changes(), _Changes(), 0
    codes: dict[str, Counter[tuple[str, str]]] = {
        name: Counter() for name in ("before", "now", "new", "gone")
    }
    for _, rows_before, rows_now in _merged(_rows(old, theirs), _rows(now, mine)):
        before, after = _codes(rows_before), _codes(rows_now)
        codes["before"] += before
        codes["now"] += after
        codes["new"] += after - before
        codes["gone"] += before - after
        left, right, alike = _unmatched(rows_before, rows_now)
        same += alike
        both = min(len(left), len(right))
        changed.add(right[:both])
        gone.add(left[both:])
        added.add(right[both:])
    few = max(added.number, gone.number) <= _MOST_HASHES
    return Comparison(
        folder=earlier.folder,
        model=earlier.manifest.model,
        platform=earlier.manifest.platform,
        before=totals_of(old),
        copies_before=duplicates_of(old).cost,
        changes=(added.as_value("added"), gone.as_value("gone"), changed.as_value("changed")),
        unchanged=same,
        renamed=(added.hashes & gone.hashes).total() if few else None,
        rules=tuple(_rules(codes, rules)),
    )


def _unmatched(before: Sequence[Row], now: Sequence[Row]) -> tuple[list[Row], list[Row], int]:
    """The images of one name that are not in both audits with the same content, and how many are."""
    old = [row for row in before if row.subject == "image"]
    new = [row for row in now if row.subject == "image"]
    if len(old) == len(new) == 1 and _content(old[0]) == _content(new[0]):
        return [], [], 1
    common = Counter(map(_content, old)) & Counter(map(_content, new))
    return _without(old, common), _without(new, common), common.total()


def _without(rows: Iterable[Row], common: Counter[object]) -> list[Row]:
    left, rest = common.copy(), []
    for row in rows:
        if left[_content(row)] > 0:
            left[_content(row)] -= 1
        else:
            rest.append(row)
    return rest


def _codes(rows: Iterable[Row]) -> Counter[tuple[str, str]]:
    return Counter((found.code, found.severity) for row in rows for found in row.findings)


_SEVERITIES = ("error", "warning", "info")


def _rules(codes: dict[str, Counter[tuple[str, str]]], rules: Sequence[AnyRule]) -> Iterator[RuleChange]:
    """The rules with findings that are new or gone, errors first, then the most changed."""
    names = {rule.code: rule.name for rule in rules}
    moved = {*codes["new"], *codes["gone"]}
    for code, severity in sorted(
        moved,
        key=lambda key: (_SEVERITIES.index(key[1]), -codes["new"][key] - codes["gone"][key], key[0]),
    ):
        key = code, severity
        numbers = (codes[name][key] for name in ("before", "now", "new", "gone"))
        yield RuleChange(code, names.get(code, code), severity, *numbers)
