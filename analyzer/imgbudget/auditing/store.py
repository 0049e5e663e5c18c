"""The rows of an audit as one table for queries.

Few rows are in memory and SQLite answers; many are in Parquet files and DuckDB answers, in bounded memory.
A statement is written in what both understand, and in functions: `_MACROS` defines them for DuckDB, `memory`
for SQLite. Without `nulls last` they sort differently, and SQLite has no integers beyond 64 bits.
"""

import glob
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from imgbudget.auditing.extras import MANY_ROWS, needed
from imgbudget.auditing.rows import tier_prefix
from imgbudget.auditing.statistics import FoundCode, Row, place_text
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    import sqlite3

    from duckdb import DuckDBPyConnection

MEMORY = "1100MB"
"""Memory limit of the database; the rest is in a temporary folder, 65 MB per million rows."""

ROW_ORDER = """source nulls last, member nulls last, row nulls last, pointer nulls last, subject,
bytes nulls last"""
"""The order of rows; it does not depend on partitions, workers or engines."""

HASH_TEXT = "case when hash_high is not null then printf('%016x%016x', hash_high, hash_low) end"
"""SQL: the hash of a row as text."""

NEAR_GROUPS = "near_groups"
"""The table with the groups of near duplicates: `id` is the `rowid` of a row, `first` numbers its group."""

ROW_FILES = "rows-*.parquet"
"""The names of row files in their folder."""


SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""The quantiles that are reported."""

EXAMPLES = 5
"""Locations that are kept as examples."""

FOUND = """select source, member, row, coalesce(f.pointer, row_pointer) as pointer, row_pointer,
f.code as code, f.severity as severity, f."limit" as "limit", f.unit as unit
from (select source, member, row, pointer as row_pointer, unnest(findings) as f from rows
    where errors + warnings + infos > 0)"""

_MACROS = (
    f"""first_places(a, b, c, d) as
    min_by({{'source': a, 'member': b, 'row': c, 'pointer': d}}, (a, b, c, d), {EXAMPLES})""",
    """folder_of(a, b) as case when coalesce(parse_dirpath(b), '') = '' then a
    when a = '.' then parse_dirpath(b) else rtrim(a, '/') || '/' || parse_dirpath(b) end""",
    "count_places(a, b, c, d) as count(distinct (a, b, c, d))",
    "sum_of_products(a, b) as sum(a::hugeint * b)",
)
"""What statements call."""


IMAGES = "subject = 'image'"
"""SQL: the rows of images."""


def quoted(text: str) -> str:
    """A text in SQL, as the table has it: what is not UTF-8 is escaped."""
    escaped = text.encode("utf-8", "backslashreplace").decode()
    return "'" + escaped.replace("'", "''") + "'"


class NumberSummary(NamedTuple):
    """A number of all images that have it: the quantiles for `SHARES`, and the images in each bin.

    The first bin is below the first edge, the last from the last edge on.
    """

    images: int
    lowest: float | None
    highest: float | None
    mean: float | None
    quantiles: Sequence[float]
    bins: Sequence[int]


class Store(NamedTuple):
    """An audit's rows as the SQL table `rows`, with the limits of the audit's model.

    The table `found` has a row for each finding. `lists` are the findings of rows in memory, by the numbers
    of the rows.
    """

    connection: "DuckDBPyConnection | sqlite3.Connection"
    limits: Limits
    lists: Mapping[int, Sequence[Sequence[Any]]] = MappingProxyType({})

    @property
    def tier(self) -> str:
        """The prefix of the columns of the model's tier."""
        return tier_prefix(self.limits.tier.name)

    @property
    def fewest(self) -> tuple[str, str]:
        """The columns of the fewest tokens, now and after the plan."""
        low = "_low" if self.limits.tier.alternatives else ""
        return f"{self.tier}tokens{low}", f"{self.tier}planned_tokens{low}"

    @property
    def doubts(self) -> str:
        """SQL: by how much the sums of tokens may be lower, now and after the plan."""
        low, after = self.fewest
        return (
            f"coalesce(sum({self.tier}tokens - {low}), 0), "
            f"coalesce(sum({self.tier}planned_tokens - {after}), 0)"
        )

    def one(self, sql: str) -> tuple[Any, ...]:
        """The only row of a result."""
        return self.all(sql)[0]

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a result."""
        answer: list[tuple[Any, ...]] = self.connection.execute(sql).fetchall()
        return answer

    def rows(self, where: str = "true", order: str = ROW_ORDER, limit: int | None = None) -> Iterator[Row]:
        """Rows of the table as values; `where` and `order` are SQL over its columns."""
        tier, (low, low_after) = self.tier, self.fewest
        limit_clause = "" if limit is None else f" limit {limit}"
        cursor = self.connection.cursor().execute(
            f"""select source, member, row, pointer, subject, format, width, height,
            {tier}width, {tier}height, {tier}planned_width, {tier}planned_height,
            orientation, frames, quality, bytes, base64_bytes, {tier}tokens, {tier}planned_tokens,
            {HASH_TEXT},
            findings, skipped, damage, note,
            coalesce({tier}tokens - {low}, 0), coalesce({tier}planned_tokens - {low_after}, 0),
            pixels_edge_width, phash, pixel_hash
            from rows where {where} order by {order}{limit_clause}"""  # noqa: S608 - the SQL is ours
        )
        while batch := cursor.fetchmany(2048):
            yield from (_row(values, self) for values in batch)

    def found(self, findings: int | Sequence[dict[str, Any]]) -> tuple[FoundCode, ...]:
        """The findings of a row by what its column has: its number in memory, or the list of a file."""
        if isinstance(findings, int):
            return tuple(FoundCode(*finding) for finding in self.lists.get(findings, ()))
        return tuple(map(_found, findings))

    def having(self, code: str) -> str:
        """SQL: whether a row has a finding with this code."""
        return f"list_contains(list_transform(findings, lambda f: f.code), {quoted(code)})"

    def summaries(self, asked: Sequence[tuple[str, Sequence[float]]]) -> Sequence[NumberSummary]:
        """What is known of numbers of all images: an SQL expression for each, and the edges between its bins.

        The mean adds whole numbers: a sum of floats would depend on the order of rows.
        """
        return [self._summary(value, edges) for value, edges in asked]

    def _summary(self, value: str, edges: Sequence[float]) -> NumberSummary:
        low, high = (f"v >= {edge}" for edge in edges), (f"v < {edge}" for edge in edges)
        tests = zip_longest(("true", *low), high, fillvalue="true")
        counts = ", ".join(f"count(*) filter (where {least} and {below})" for least, below in tests)
        images, lowest, highest, mean, quantiles, *bins = self.one(
            f"""select count(v), min(v), max(v), sum(round(v * 1e6)::hugeint)::double / 1e6 / count(v),
            quantile_disc(v, {list(SHARES)}), {counts}
            from (select {value} as v from rows where {IMAGES}) where v is not null"""  # noqa: S608 - ours
        )
        return NumberSummary(images, lowest, highest, mean, quantiles or (), bins)

    def worst(self, where: str, limit: int) -> Iterator[Row]:
        """At most `limit` rows, those with the most errors first, then the largest files.

        The bound is found in two narrow columns first: sorting whole rows takes ten times as long.
        """
        weight = "errors, coalesce(bytes, -1)"
        last = self.all(
            f"select {weight} from rows where {where} order by 1 desc, 2 desc limit 1 offset {limit - 1}"  # noqa: S608 - ours
        )
        if last:
            where = f"{where} and ({weight}) >= {last[0]}"
        return self.rows(where, f"errors desc, bytes desc nulls last, warnings desc, {ROW_ORDER}", limit)


def places_of(examples: str | Sequence[dict[str, Any]] | None) -> tuple[str, ...]:
    """The locations that `first_places` found, as text."""
    found = json.loads(examples) if isinstance(examples, str) else examples or ()
    return tuple(place_text(**place) for place in found)


def row_files(folder: str) -> tuple[str, ...]:
    """All row files in a folder, in the order of their names."""
    found = glob.glob(os.path.join(glob.escape(folder), ROW_FILES))
    return tuple(sorted(name for name in found if os.path.isfile(name)))


@contextmanager
def open_rows(files: Sequence[str], limits: Limits, *, memory: str = MEMORY) -> Iterator[Store]:
    """The rows in these files, for the limits of one model on one platform.

    Raises:
        UsageError: there is no row file, or DuckDB is not installed.
    """
    if not files:
        raise UsageError("no row files: nothing was audited")
    duckdb = needed("duckdb", MANY_ROWS)
    with (
        TemporaryDirectory(prefix="imgbudget-") as folder,
        duckdb.connect(os.path.join(folder, "rows.duckdb")) as connection,
    ):
        connection.execute("set memory_limit = $1", [memory])
        connection.execute("set temp_directory = $1", [folder])
        connection.execute("set preserve_insertion_order = false")
        connection.execute("set enable_progress_bar = false")
        listed = ", ".join("'" + name.replace("'", "''") + "'" for name in files)
        # read once into one table: each query would open thousands of small files again
        halves = ", ".join(
            f"cast('0x' || substr(hash, {start}, 16) as ubigint) as {name}"
            for name, start in (("hash_high", 1), ("hash_low", 17))
        )
        connection.execute(
            f"create table rows as select * exclude (hash), {halves} from read_parquet([{listed}])"  # noqa: S608
        )
        connection.execute(f"create view found as {FOUND}")
        for macro in _MACROS:
            connection.execute(f"create macro {macro}")
        yield Store(connection, limits)


def _row(values: Sequence[Any], store: Store) -> Row:
    (
        *location_and_kind,
        width,
        height,
        used_width,
        used_height,
        planned_width,
        planned_height,
        orientation,
        frames,
        quality,
        byte_size,
        base64_bytes,
        tokens,
        tokens_after,
        digest,
        findings,
        skipped,
        damage,
        note,
        tokens_doubt,
        after_doubt,
        edge_width,
        phash,
        pixel_hash,
    ) = values
    source, member, row, pointer, subject, form = location_and_kind
    return Row(
        source=source,
        member=member,
        row=row,
        pointer=pointer,
        subject=subject,
        format=form,
        size=_size(width, height),
        resized=_size(used_width, used_height),
        planned=_size(planned_width, planned_height),
        orientation=orientation,
        frames=frames,
        quality=quality,
        byte_size=byte_size,
        base64_bytes=base64_bytes,
        tokens=tokens,
        tokens_after=tokens_after,
        digest=digest,
        findings=store.found(findings),
        skipped=skipped,
        damage=damage,
        note=note,
        tokens_doubt=tokens_doubt,
        after_doubt=after_doubt,
        edge_width=edge_width,
        phash=phash,
        pixel_hash=pixel_hash,
    )


def _found(finding: dict[str, Any]) -> FoundCode:
    return FoundCode(*(finding[name] for name in FoundCode._fields))


def _size(width: int | None, height: int | None) -> Size | None:
    return None if width is None or height is None else Size(width, height)
