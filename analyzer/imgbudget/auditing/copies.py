"""Copies: images with the same bytes, what they cost, and a list that keeps one of each group.

Where pixels were measured, the groups of the list are those of images that show the same.

Bytes of an image are the same for certain if all of them were hashed, which is done up to a size, or if the
list compared them; else they are probably the same, since only samples of them were hashed.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from operator import itemgetter

from imgbudget.auditing.costs import usd
from imgbudget.auditing.csvtable import csv_line
from imgbudget.auditing.keeping import Keep
from imgbudget.auditing.partition import container_of
from imgbudget.auditing.rows import WHOLE
from imgbudget.auditing.statistics import CopyCost, DuplicateGroup, Duplicates, Row
from imgbudget.auditing.store import IMAGES, NEAR_GROUPS, ROW_ORDER, Store, places_of
from imgbudget.auditing.urls import is_url
from imgbudget.discovery.walk import PathEntry, path_entry
from imgbudget.namedtuples import NamedTuple
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
        coalesce(min({store.tier}planned_tokens - {low_after}), 0) as doubt_after
        from rows where subject = 'image' and hash_low in (select hash_low from halves)
        group by hash_high, hash_low having count(*) > 1"""  # noqa: S608 - ours
    )
    groups = store.one("select count(*) from copies")[0]
    unhashed = store.one("select count(*) from rows where subject = 'image' and hash_low is null")[0]
    largest = store.all(
        f"""select digest, images, copies.bytes, tokens, doubt, sampled,
        first_places(source, member, row, pointer)
        from (select *, printf('%016x%016x', hash_high, hash_low) as digest from copies
            order by (images - 1) * tokens desc, (images - 1) * bytes desc, digest limit {GROUPS}) as copies
        join rows using (hash_high, hash_low) where {IMAGES}
        group by digest, images, copies.bytes, tokens, doubt, sampled
        order by (images - 1) * tokens desc, (images - 1) * copies.bytes desc, digest"""  # noqa: S608 - ours
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

    `group` counts from 1. `evidence` is what was compared with the image that is kept: "all bytes",
    "samples", "pixels" or "perceptual hash". `kept` is the location of that image.
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


_DIGEST = "printf('%016x%016x', hash_high, hash_low)"
_REPEATED = """hash_low in (select hash_low from rows where subject = 'image'
    group by hash_low having count(*) > 1)"""


def listed_copies(store: Store, keep: Keep, *, near: bool = False) -> Iterator[ListedCopy]:
    """All images of all groups, each group with the kept one first; nothing is deleted.

    Local files are read again and compared completely; those that differ are no copies. With `near` images
    that show the same are groups too, which `likeness.number_groups` has numbered.
    """
    number = 0
    for group in chain(_near_groups(store) if near else (), _copy_groups(store, near=near)):
        if len(group) > 1:
            number += 1
            yield from _listed(number, group, keep)


class _Compared(NamedTuple):
    """An image of a group.

    `content` identifies all its bytes, None if they were not compared. Images with the same `copy` have the
    same bytes, as far as these were compared.
    """

    row: Row
    content: object
    copy: int = 0


def _copy_groups(store: Store, *, near: bool) -> Iterator[Sequence[_Compared]]:
    """The groups of images with the same bytes; with `near` those that are in no group of near duplicates."""
    others = f" and rowid not in (select id from {NEAR_GROUPS})" if near else ""  # noqa: S608 - ours
    rows = store.rows(f"subject = 'image' and {_REPEATED}{others}", f"{_DIGEST}, pixel_hash, {ROW_ORDER}")
    for _, same in groupby(rows, key=_bytes_and_pixels):
        yield from _compared(tuple(same))


def _near_groups(store: Store) -> Iterator[Sequence[_Compared]]:
    """The groups of near duplicates, in the order of rows; within them the same bytes are one copy."""
    order = f'(select g."first" from {NEAR_GROUPS} as g where g.id = rows.rowid)'  # noqa: S608 - ours
    within = f"rowid in (select id from {NEAR_GROUPS})"  # noqa: S608 - ours
    numbers = store.connection.cursor().execute(f'select "first" from {NEAR_GROUPS} order by 1')  # noqa: S608 - ours
    rows = store.rows(within, f"{order}, {ROW_ORDER}")
    numbered = zip(iter(numbers.fetchone, None), rows, strict=True)
    for _, same in groupby(numbered, key=itemgetter(0)):
        yield _collapsed([row for _, row in same])


def _collapsed(rows: Sequence[Row]) -> Sequence[_Compared]:
    """The rows of a group of near duplicates, in their order, with the copies among them."""
    by_bytes: dict[object, list[Row]] = {}
    for row in rows:
        key = id(row) if row.digest is None else _bytes_and_pixels(row)  # what has no hash is no copy
        by_bytes.setdefault(key, []).append(row)
    found: dict[int, _Compared] = {}
    copies = (group for same in by_bytes.values() for group in _compared(same))
    for copy, group in enumerate(copies):
        found |= {id(one.row): one._replace(copy=copy) for one in group}
    return [found[id(row)] for row in rows]


def _bytes_and_pixels(row: Row) -> tuple[str | None, str | None]:
    """What copies have in common: where only samples of bytes are equal, the pixels may differ."""
    return row.digest, row.pixel_hash


def _compared(rows: Sequence[Row]) -> Iterator[tuple[_Compared, ...]]:
    """The groups of rows with the same hash.

    Files whose bytes differ are in different groups. What cannot be compared stays in a group of those that
    have the same samples, unless there are several with different bytes.
    """
    if len(rows) == 1 or _is_hashed_whole(rows[0]) or _is_one_file(rows):
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


def _weight(row: Row, keep: Keep) -> tuple[float, ...]:
    """By which the smallest is kept."""
    match keep:
        case Keep.LARGEST:
            return -(row.size.width * row.size.height if row.size else 0), -(row.byte_size or 0)
        case Keep.SHORTEST_PATH:
            return (len(row.place),)
        case Keep.LEAST_TOKENS:
            return row.tokens is None, row.tokens or 0
        case Keep.SHARPEST:
            # in parts of the picture: of one in several sizes the same edges are as sharp
            wide = row.edge_width / row.size.long_edge if row.edge_width and row.size else 0.0
            return not wide, wide
        case _:
            return ()


def _listed(number: int, group: Sequence[_Compared], keep: Keep) -> Iterator[ListedCopy]:
    best = min(group, key=lambda one: _weight(one.row, keep))  # the first of equal ones
    weight = _weight(best.row, keep)
    is_only = sum(_weight(one.row, keep) == weight for one in group) == 1
    for one in (best, *(one for one in group if one is not best)):
        evidence, same = _sameness(one, best)
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
            evidence=evidence,
            kept=best.row.place,
            reason=_why(one.row, keep, is_only=is_only) if one is best else same,
        )


def _sameness(one: _Compared, best: _Compared) -> tuple[str, str]:
    """What was compared with the image that is kept, and what was found."""
    same = "the same bytes as the image that is kept"
    if one is not best and _is_one_file((one.row, best.row)):
        return "all bytes", "the file that is kept, named by a further row: drop the row, not the file"
    if one.copy == best.copy:
        if one.content is not None and one.content == best.content:
            return "all bytes", same
        return "samples", f"probably {same}: only samples of them were compared"
    row, kept = one.row, best.row
    pixels = row.pixel_hash == kept.pixel_hash
    bits = (int(row.phash or "0", 16) ^ int(kept.phash or "0", 16)).bit_count()
    near = f"near duplicate, {bits} of 64 bits differ"
    return ("pixels", f"{near}: the same pixels in other bytes") if pixels else ("perceptual hash", near)


_EQUAL = {
    Keep.SHARPEST: "others are as sharp",
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
        case Keep.SHARPEST if is_only:
            return f"the sharpest of its group, edges {row.edge_width or 0:.1f} px wide"
        case Keep.FIRST:
            return "the first of its group"
        case _:
            return f"the first of its group; {_EQUAL[keep]}"


def list_lines(store: Store, keep: Keep, *, csv: bool, near: bool = False) -> Iterator[str]:
    """The lines of the list, each with a line feed; CSV begins with the names of the columns."""
    if csv:
        yield csv_line(ListedCopy._fields)
    for entry in listed_copies(store, keep, near=near):
        yield csv_line(entry) if csv else f"{dump(entry._asdict())}\n"
