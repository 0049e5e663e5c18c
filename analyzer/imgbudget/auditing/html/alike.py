"""Groups of near duplicates as pictures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from imgbudget.auditing.figures import size
from imgbudget.auditing.html.names import CommonPrefix, display_name, facts_text, split_name
from imgbudget.auditing.statistics import AlikeGroup, AuditStatistics, Row, place_text
from imgbudget.auditing.store import Store
from imgbudget.output.base import figure

MOST_GROUPS = 8
"""Groups that are shown as pictures, those that cost most."""

Thumbnails = Callable[[Sequence[Row]], Mapping[str, str]]


class AlikePicture(NamedTuple):
    """One image of a group: its name, its folder, what it is, and a data URI, empty if there is none."""

    name: str
    folder: str
    facts: str
    thumbnail: str


class AlikePictures(NamedTuple):
    """A group in words, some of its images, and how many are not among them."""

    text: str
    pictures: tuple[AlikePicture, ...]
    more: int


def alike_pictures(
    statistics: AuditStatistics, store: Store, thumbnails: Thumbnails, base: CommonPrefix
) -> tuple[AlikePictures, ...]:
    """The groups that cost most."""
    groups = statistics.near.largest[:MOST_GROUPS] if statistics.near is not None else ()
    rows = rows_at(store, {place for group in groups for place in group.places})
    made = thumbnails(list(rows.values()))
    return tuple(_pictures(group, rows, made, base) for group in groups)


def _pictures(
    group: AlikeGroup, rows: Mapping[str, Row], made: Mapping[str, str], base: CommonPrefix
) -> AlikePictures:
    shown = [(rows[place], made.get(place, "")) for place in group.places if place in rows]
    pictures = tuple(
        AlikePicture(*split_name(display_name(base.row(row).place))[::-1], facts_text(row), picture)
        for row, picture in shown
    )
    text = f"{group.images} images; all but one: {size(group.byte_size)}, {figure(group.tokens)} tokens"
    return AlikePictures(text, pictures, group.images - len(pictures))


def rows_at(store: Store, places: Iterable[str]) -> dict[str, Row]:
    """The images at these locations."""
    wanted = set(places)
    found: dict[str, Row] = {}
    if not wanted:
        return found
    cursor = store.connection.cursor().execute(
        "select source, member, row, pointer from rows where subject = 'image'"
    )
    keys = []
    while batch := cursor.fetchmany(1 << 14):
        keys += [key for key in batch if place_text(*key) in wanted]
    for key in keys:
        named = zip(("source", "member", "row", "pointer"), key, strict=True)
        where = " and ".join(_equals(name, value) for name, value in named)
        found |= {row.place: row for row in store.rows(f"subject = 'image' and {where}")}
    return found


def _equals(name: str, value: str | int | None) -> str:
    if value is None:
        return f"{name} is null"
    return (
        f"{name} = {value}" if isinstance(value, int) else "{} = '{}'".format(name, value.replace("'", "''"))
    )
