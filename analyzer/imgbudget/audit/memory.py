"""Rows in memory as one table for queries: SQLite, with the functions that the statements call."""

import heapq
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from math import pow as power
from typing import Any

from imgbudget.audit.rows import PlainRows, RowValues, columns, unpacked
from imgbudget.audit.statistics import FoundCode
from imgbudget.audit.store import EXAMPLES, SHARES, Store
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Tier

OLDEST = (3, 30)
"""The first version of SQLite that has `filter` and `nulls last`."""


def is_possible() -> bool:
    """Whether the SQLite of this Python understands the statements; where it does not, DuckDB is needed."""
    return sqlite3.sqlite_version_info >= OLDEST


@contextmanager
def rows_in_memory(parts: Iterable[PlainRows], tiers: tuple[Tier, ...], limits: Limits) -> Iterator[Store]:
    """The rows of these partitions, for the limits of one model on one platform."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for name, count, kind in _AGGREGATES:
            connection.create_aggregate(name, count, kind)
        connection.create_function("pow", 2, _power, deterministic=True)
        connection.create_function("parse_dirpath", 1, _folder, deterministic=True)
        names = [column.name for column in columns(tiers)]
        connection.execute(f"create table rows ({', '.join(names)})")
        connection.execute('create table findings (number, pointer, code, severity, "limit", unit)')
        connection.execute(
            """create view found as select source, member, row, coalesce(f.pointer, rows.pointer) as pointer,
            rows.pointer as row_pointer, f.code as code, f.severity as severity, f."limit" as "limit",
            f.unit as unit from findings as f join rows on rows.rowid = f.number"""
        )
        lists = _insert(connection, parts, names)
        connection.create_function(
            "has_code", 2, lambda number, code: any(found.code == code for found in lists[number])
        )
        yield Store(connection, limits, lists)


def _insert(
    connection: sqlite3.Connection, parts: Iterable[PlainRows], names: list[str]
) -> list[tuple[FoundCode, ...]]:
    """Fill both tables; the findings of all rows that have some, by the number that is in their row."""
    lists: list[tuple[FoundCode, ...]] = [()]
    later: list[RowValues] = []
    at, high = names.index("findings"), names.index("hash_high")

    def rows() -> Iterator[RowValues]:
        number = 0
        for part in parts:
            for values in unpacked(part):
                number += 1
                found = values[at]
                if found:
                    later.extend((number, *_columns(*finding)) for finding in found)
                    lists.append(tuple(FoundCode(*finding[:-1]) for finding in found))
                yield (
                    *values[:high],
                    _signed(values[high]),
                    _signed(values[high + 1]),
                    *values[high + 2 : at],
                    len(lists) - 1 if found else 0,
                    *values[at + 1 :],
                )

    connection.execute("begin")
    connection.executemany(f"insert into rows values ({', '.join('?' * len(names))})", rows())  # noqa: S608
    connection.executemany("insert into findings values (?, ?, ?, ?, ?, ?)", later)
    connection.execute("commit")
    return lists


def _columns(
    code: str,
    severity: str,
    _measured: float | None,
    limit: float | None,
    unit: str | None,
    pointer: str | None,
) -> RowValues:
    """The fields of a finding in the order of its table."""
    return pointer, code, severity, limit, unit


def _signed(value: int | None) -> int | None:
    """64 bits as SQLite has them; it prints them without a sign."""
    return value if value is None or value < 1 << 63 else value - (1 << 64)


def _power(base: float | None, exponent: float) -> float | None:
    return None if base is None else power(base, exponent)


def _folder(name: str | None) -> str | None:
    """The folder of a name, as DuckDB has it: a name of a single slash is left as it is."""
    return name if name is None or name == "/" else name.rpartition("/")[0]


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


def _order(place: Place) -> tuple[tuple[bool, str | int], ...]:
    """The place as a key: missing parts are last, texts are in the order of their UTF-8."""
    return tuple((part is None, "" if part is None else part) for part in place)


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


class _Quantiles:
    """The smallest value that each share of all does not exceed."""

    def __init__(self) -> None:
        self._all: list[float] = []

    def step(self, value: float | None) -> None:
        """Add one."""
        if value is not None:
            self._all.append(value)

    def finalize(self) -> str | None:
        """The values as JSON; None if there is none."""
        found, number = sorted(self._all), len(self._all)
        if not found:
            return None
        # in whole hundredths: 0.07 * 100 is more than seven
        places = (-(-number * round(share * 100) // 100) for share in SHARES)
        return json.dumps([found[max(place, 1) - 1] for place in places])


class _Mean:
    """The mean of values in whole millionths."""

    def __init__(self) -> None:
        self._sum = self._number = 0

    def step(self, value: float | None) -> None:
        """Add one."""
        if value is not None:
            self._sum += _rounded(value * 1e6)
            self._number += 1

    def finalize(self) -> float | None:
        """The mean; None of no value."""
        return float(self._sum) / 1e6 / self._number if self._number else None


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
    ("quantiles", 1, _Quantiles),
    ("mean_of", 1, _Mean),
    ("sum_of_products", 2, _SumOfProducts),
)
