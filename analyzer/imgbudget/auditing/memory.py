"""Rows in memory as one table for queries: SQLite, with the functions that the statements call."""

import heapq
import json
import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise, repeat
from math import pow as power
from typing import Any

from imgbudget.auditing.rows import PlainRows, RowValues, columns
from imgbudget.auditing.store import EXAMPLES, IMAGES, SHARES, NumberSummary, Store, quoted
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Tier

OLDEST = (3, 30)
"""The first version of SQLite that has `filter` and `nulls last`."""


def is_possible() -> bool:
    """Whether the SQLite of this Python understands the statements; where it does not, DuckDB is needed."""
    return sqlite3.sqlite_version_info >= OLDEST


class MemoryStore(Store):
    """The rows in memory. Their column `findings` is their number, counted from 1."""

    __slots__ = ()

    def having(self, code: str) -> str:
        """SQL: whether a row has a finding with this code."""
        return f"findings in (select number from findings where code = {quoted(code)})"  # noqa: S608

    def summaries(self, asked: Sequence[tuple[str, Sequence[float]]]) -> Sequence[NumberSummary]:
        """What is known of numbers of all images: few are sorted sooner than a database adds them up."""
        expressions = ", ".join(value for value, _ in asked)
        found = self.all(f"select {expressions} from rows where {IMAGES}")  # noqa: S608 - ours
        numbers = zip(*found, strict=True) if found else repeat(())
        return [_summary(values, edges) for values, (_, edges) in zip(numbers, asked, strict=False)]


def _summary(numbers: Sequence[float | None], edges: Sequence[float]) -> NumberSummary:
    times = Counter(numbers)
    values = sorted([number for number in times if number is not None])
    upto = (0, *accumulate([times[number] for number in values]))
    images = upto[-1]
    below = [upto[bisect_left(values, edge)] for edge in edges]
    counts = [after - before for before, after in pairwise((0, *below, images))]
    if not values:
        return NumberSummary(0, None, None, None, (), counts)
    # in whole hundredths: 0.07 * 100 is more than seven
    places = [max(-(-images * round(share * 100) // 100), 1) for share in SHARES]
    quantiles = [values[bisect_left(upto, place) - 1] for place in places]
    mean = float(sum([_rounded(number * 1e6) * times[number] for number in values])) / 1e6 / images
    return NumberSummary(images, values[0], values[-1], mean, quantiles, counts)


class RowsInMemory:
    """A database in memory that takes rows as they come, while workers read others."""

    def __init__(self, tiers: tuple[Tier, ...]) -> None:
        """Make a database without rows."""
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        for name, count, kind in _AGGREGATES:
            self._connection.create_aggregate(name, count, kind)
        self._connection.create_function("pow", 2, _power, deterministic=True)
        self._connection.create_function("folder_of", 2, _folder, deterministic=True)
        self._columns = columns(tiers)
        names = ", ".join(column.name for column in self._columns if column.kind != "findings")
        self._connection.execute(f"create table rows ({names}, findings integer primary key)")
        self._connection.execute('create table findings (number, code, severity, "limit", unit, pointer)')
        self._connection.execute(
            """create view found as select source, member, row, coalesce(f.pointer, rows.pointer) as pointer,
            rows.pointer as row_pointer, f.code as code, f.severity as severity, f."limit" as "limit",
            f.unit as unit from findings as f join rows on rows.findings = f.number"""
        )
        self._lists: dict[int, list[RowValues]] = {}
        self._number = 0

    def add(self, rows: PlainRows) -> None:
        """Add the rows of a partition."""
        self._connection.execute("begin")
        for chunk in rows.chunks():
            filled = [
                (column.name, values)
                for column, values in zip(self._columns, chunk.columns, strict=True)
                if values is not None
            ]
            names, marks = ", ".join(name for name, _ in filled), ", ".join("?" * len(filled))
            self._connection.executemany(
                f"insert into rows ({names}) values ({marks})",  # noqa: S608 - ours
                zip(*(values for _, values in filled), strict=True),
            )
            for number, *finding in chunk.findings:
                self._lists.setdefault(self._number + number, []).append(tuple(finding[:-1]))
            self._connection.executemany(
                f"insert into findings values ({self._number} + ?1, ?2, ?3, ?5, ?6, ?7)",  # noqa: S608 - ours
                chunk.findings,
            )
            self._number += chunk.number
        self._connection.execute("commit")

    def store(self, limits: Limits) -> Store:
        """The rows for the limits of one model on one platform."""
        return MemoryStore(self._connection, limits, self._lists)

    def close(self) -> None:
        """Drop all rows."""
        self._connection.close()


def _power(base: float | None, exponent: float) -> float | None:
    return None if base is None else power(base, exponent)


def _folder(source: str, member: str | None) -> str:
    """The folder of a row; that of a name of a single slash is the slash, as DuckDB has it."""
    folder = "/" if member == "/" else (member or "").rpartition("/")[0]
    if not folder:
        return source
    return folder if source == "." else f"{source.rstrip('/')}/{folder}"


Place = tuple[str | None, str | None, int | None, str | None]


class _FirstPlaces:
    """The first locations in the order of rows."""

    def __init__(self) -> None:
        self._all: list[Place] = []

    def step(self, *place: Any) -> None:
        """Add one."""
        self._all.append(place)
        if len(self._all) > 1 << 12:
            self._all = heapq.nsmallest(EXAMPLES, self._all, _order)

    def finalize(self) -> str:
        """Their fields as JSON."""
        names = ("source", "member", "row", "pointer")
        found = heapq.nsmallest(EXAMPLES, self._all, _order)
        return json.dumps([dict(zip(names, place, strict=True)) for place in found])


def _order(place: Place) -> tuple[bool | str | int, ...]:
    """The place as a key: missing parts are last, texts are in the order of their UTF-8."""
    source, member, row, pointer = place
    first = source is None, source or "", member is None, member or ""
    return *first, row is None, row or 0, pointer is None, pointer or ""


class _CountedPlaces:
    """How many different locations there are."""

    def __init__(self) -> None:
        self._all: set[Place] = set()

    def step(self, *place: Any) -> None:
        """Add one."""
        self._all.add(place)

    def finalize(self) -> int:
        """Their number."""
        return len(self._all)


def _rounded(value: float) -> int:
    """The nearest whole number, of a half the larger one: as databases round."""
    whole = int(value)
    return whole + (value - whole >= 0.5)


class _SumOfProducts:
    """The sum of products of two columns, of any size: text, since SQLite has no such integers."""

    def __init__(self) -> None:
        self._sum = 0

    def step(self, one: int | None, other: int | None) -> None:
        """Add one."""
        if one is not None and other is not None:
            self._sum += one * other

    def finalize(self) -> str:
        """Its digits."""
        return str(self._sum)


_AGGREGATES: tuple[tuple[str, int, Any], ...] = (
    ("first_places", 4, _FirstPlaces),
    ("count_places", 4, _CountedPlaces),
    ("sum_of_products", 2, _SumOfProducts),
)
