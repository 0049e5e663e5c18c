"""Copies: images with the same bytes, what they cost, and a list that keeps one of each group.

Bytes of an image are the same for certain if all of them were hashed, which is done up to a size, or if the
list compared them; else they are probably the same, since only samples of them were hashed.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from imgbudget.audit.costs import usd
from imgbudget.audit.csvtable import csv_line
from imgbudget.audit.keeping import Keep
from imgbudget.audit.partition import container_of
from imgbudget.audit.rows import WHOLE
from imgbudget.audit.statistics import CopyCost, DuplicateGroup, Duplicates, Row
from imgbudget.audit.store import ROW_ORDER, Store, places_of
from imgbudget.audit.urls import is_url
from imgbudget.discovery.walk import PathEntry, path_entry
from imgbudget.output.base import count, figure
from imgbudget.output.records import dump

GROUPS = 50
"""Groups in the statistics at most: those whose copies have the most bytes."""


def duplicates_of(store: Store) -> Duplicates:
    """The groups and what their further images cost.

    Groups by half of the hash first, which needs less memory, then by all of it.
    """
    low, low_after = store.fewest
    for name in ("halves", "copies"):
        store.connection.execute(f"drop table if exists {name}")
    store.connection.execute(
        """create temp table halves as select hash_low from rows
        where subject = 'image' and hash_low is not null group by hash_low having count(*) > 1"""
    )
    store.connection.execute(
        f"""create temp table copies as
        select hash_high, hash_low, count(*) as images, coalesce(min(bytes), 0) as bytes,
        case when min(bytes) <= {WHOLE} then 0 else 1 end as sampled,
        coalesce(min({store.tier}tokens), 0) as tokens,
        coalesce(min({store.tier}planned_tokens), 0) as after,
        coalesce(min({store.tier}tokens - {low}), 0) as doubt,
        coalesce(min({store.tier}planned_tokens - {low_after}), 0) as doubt_after,
        first_places(source, member, row, pointer) as places
        from rows where subject = 'image' and hash_low in (select hash_low from halves)
        group by hash_high, hash_low having count(*) > 1"""  # noqa: S608 - ours
    )
    groups = store.one("select count(*) from copies")[0]
    unhashed = store.one("select count(*) from rows where subject = 'image' and hash_low is null")[0]
    largest = store.all(
        f"""select printf('%016x%016x', hash_high, hash_low) as digest, images, bytes, tokens, doubt, sampled,
        places
        from copies order by (images - 1) * tokens desc, (images - 1) * bytes desc, digest limit {GROUPS}"""  # noqa: S608 - ours
    )
    cost = _cost(store, "")
    return Duplicates(
        groups=groups,
        extra_images=cost.images,
        extra_bytes=cost.byte_size,
        extra_tokens=cost.tokens,
        unhashed=unhashed,
        largest=tuple(
            DuplicateGroup(
                digest=digest,
                images=images,
                byte_size=byte_size,
                tokens=tokens,
                places=places_of(places),
                tokens_doubt=doubt,
                certain=not sampled,
                extra_cost_usd=usd(store.limits, (images - 1) * tokens),
            )
            for digest, images, byte_size, tokens, doubt, sampled, places in largest
        ),
        tokens_doubt=cost.tokens_doubt,
        cost=cost,
        probable=_cost(store, "where sampled = 1"),
    )


def _cost(store: Store, where: str) -> CopyCost:
    """What the second and further images of these groups add."""
    images, byte_size, tokens, after, doubt, doubt_after = store.one(
        f"""select coalesce(sum(images - 1), 0), coalesce(sum((images - 1) * bytes), 0),
        coalesce(sum((images - 1) * tokens), 0), coalesce(sum((images - 1) * after), 0),
        coalesce(sum((images - 1) * doubt), 0), coalesce(sum((images - 1) * doubt_after), 0)
        from copies {where}"""  # noqa: S608 - ours
    )
    cost, cost_after = usd(store.limits, tokens), usd(store.limits, after)
    factor = store.limits.batch_factor.value if store.limits.batch_factor else None
    return CopyCost(
        images=images,
        byte_size=byte_size,
        tokens=tokens,
        tokens_after=after,
        cost_usd=cost,
        cost_after_usd=cost_after,
        batch_cost_usd=None if factor is None else cost * factor,
        batch_cost_after_usd=None if factor is None else cost_after * factor,
        tokens_doubt=doubt,
        after_doubt=doubt_after,
    )


class ListedCopy(NamedTuple):
    """A row of the list: an image of a group, whether it is kept, and why.

    `group` counts from 1. `evidence` is "all bytes" or "samples": what was compared. `kept` is the location
    of the image that is kept.
    """

    group: int
    action: str
    source: str
    member: str | None
    row: int | None
    pointer: str | None
    bytes: int | None
    width: int | None
    height: int | None
    tokens: int | None
    hash: str | None
    evidence: str
    kept: str
    reason: str


def listed_copies(store: Store, keep: Keep) -> Iterator[ListedCopy]:
    """All images of all groups, each group with the kept one first; nothing is deleted.

    Local files are read again and compared completely; those that differ are in no group.
    """
    rows = store.rows(
        "subject = 'image' and hash_low in (select hash_low from rows where subject = 'image' "
        "group by hash_low having count(*) > 1)",
        f"printf('%016x%016x', hash_high, hash_low), {ROW_ORDER}",
    )
    number = 0
    for _, same in groupby(rows, key=_digest):
        for group in _compared(tuple(same)):
            if len(group) < 2:
                continue
            number += 1
            yield from _listed(number, group, keep)


class _Compared(NamedTuple):
    """An image of a group; `content` identifies all its bytes, None if they were not compared."""

    row: Row
    content: object


def _digest(row: Row) -> str | None:
    return row.digest


def _compared(rows: Sequence[Row]) -> Iterator[tuple[_Compared, ...]]:
    """The groups of rows with the same hash.

    Files whose bytes differ are in different groups. What cannot be compared stays in a group of those that
    have the same samples, unless there are several with different bytes.
    """
    if _is_hashed_whole(rows[0]) or _is_one_file(rows):
        yield tuple(_Compared(row, rows[0].digest) for row in rows)
        return
    found = [_Compared(row, _content_hash(row)) for row in rows]
    contents = dict.fromkeys(one.content for one in found if one.content is not None)
    if len(contents) <= 1:
        yield tuple(found)
        return
    for content in (*contents, None):
        yield tuple(one for one in found if one.content == content)


def _is_hashed_whole(row: Row) -> bool:
    """Whether its hash is one of all bytes; of an array of pixels, which has no bytes, nobody knows."""
    return row.byte_size is not None and row.byte_size <= WHOLE


def _is_one_file(rows: Sequence[Row]) -> bool:
    """Whether all are rows of a list that name the same file."""
    first = rows[0]
    named = first.pointer is not None and first.member is not None and container_of(first.source) is None
    return named and all((row.source, row.member) == (first.source, first.member) for row in rows)


_STEP = 1 << 20


def _content_hash(row: Row) -> bytes | None:
    """The hash of all bytes of a local file; None if it is none, cannot be read or has changed."""
    if row.row is not None or row.pointer is not None or is_url(row.source) or container_of(row.source):
        return None
    path = row.source if row.member is None else os.path.join(row.source, row.member)
    if path_entry(path) is not PathEntry.FILE:
        return None
    found, size = hashlib.sha256(), 0
    try:
        with open(path, "rb") as file:
            while data := file.read(_STEP):
                found.update(data)
                size += len(data)
    except OSError:
        return None
    return found.digest() if size == row.byte_size else None


def _weight(row: Row, keep: Keep) -> tuple[int, ...]:
    """By which the smallest is kept."""
    match keep:
        case Keep.LARGEST:
            return -(row.size.width * row.size.height if row.size else 0), -(row.byte_size or 0)
        case Keep.SHORTEST_PATH:
            return (len(row.place),)
        case Keep.LEAST_TOKENS:
            return row.tokens is None, row.tokens or 0
        case _:
            return ()


def _listed(number: int, group: Sequence[_Compared], keep: Keep) -> Iterator[ListedCopy]:
    best = min(group, key=lambda one: _weight(one.row, keep))  # the first of equal ones
    weight = _weight(best.row, keep)
    is_only = sum(_weight(one.row, keep) == weight for one in group) == 1
    for one in (best, *(one for one in group if one is not best)):
        certain = one.content is not None and one.content == best.content
        yield ListedCopy(
            group=number,
            action="keep" if one is best else "drop",
            source=one.row.source,
            member=one.row.member,
            row=one.row.row,
            pointer=one.row.pointer,
            bytes=one.row.byte_size,
            width=one.row.size.width if one.row.size else None,
            height=one.row.size.height if one.row.size else None,
            tokens=one.row.tokens,
            hash=one.row.digest,
            evidence="all bytes" if certain else "samples",
            kept=best.row.place,
            reason=_why(one.row, keep, is_only=is_only) if one is best else _same(certain=certain),
        )


def _same(*, certain: bool) -> str:
    same = "the same bytes as the image that is kept"
    return same if certain else f"probably {same}: only samples of them were compared"


_EQUAL = {
    Keep.LARGEST: "others are as large",
    Keep.SHORTEST_PATH: "others have a path as short",
    Keep.LEAST_TOKENS: "others take as few tokens",
}


def _why(row: Row, keep: Keep, *, is_only: bool) -> str:
    match keep:
        case Keep.LARGEST if is_only:
            return f"the largest of its group, {row.size or figure(row.byte_size or 0)}"
        case Keep.SHORTEST_PATH if is_only:
            return f"the shortest path of its group, {count(len(row.place), 'character')}"
        case Keep.LEAST_TOKENS if is_only:
            return f"the fewest tokens of its group, {figure(row.tokens or 0)}"
        case Keep.FIRST:
            return "the first of its group"
        case _:
            return f"the first of its group; {_EQUAL[keep]}"


def list_lines(store: Store, keep: Keep, *, csv: bool) -> Iterator[str]:
    """The lines of the list, each with a line feed; CSV begins with the names of the columns."""
    if csv:
        yield csv_line(ListedCopy._fields)
    for entry in listed_copies(store, keep):
        yield csv_line(entry) if csv else f"{dump(entry._asdict())}\n"
