"""Images of an audit that show the same: near duplicates, leaks between splits, images of another set.

The hashes are in the rows; all of them are compared here, in the process that has all rows, so that the
results do not depend on how the rows were made.
"""

import os
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any

from imgbudget.auditing.costs import usd
from imgbudget.auditing.partition import container_of
from imgbudget.auditing.statistics import (
    AlikeGroup,
    AuditStatistics,
    NearDuplicates,
    RuleRow,
    place_text,
)
from imgbudget.auditing.store import NEAR_GROUPS, ROW_ORDER, Store
from imgbudget.linter.evaluate import page_of
from imgbudget.linter.likeness import parts_of
from imgbudget.linter.run import Session
from imgbudget.model.location import Location
from imgbudget.model.subjects import AlikeImage, Finding, LeakedImage, Run, RunData
from imgbudget.pixels.likeness import ImageHashes, Likeness, alike, found_in, leaks
from imgbudget.pixels.splits import PARTS

GROUPS = 50
"""Groups in the statistics at most: those with the most tokens to save."""

_EXAMPLES = 5
_BATCH = 2048
_MASK = (1 << 64) - 1


@dataclass(slots=True, eq=False, repr=False)
class OtherSet:
    """The hashes of another set, with the places of its images."""

    name: str
    hashes: ImageHashes = field(default_factory=ImageHashes)
    places: list[str] = field(default_factory=list)

    def extend(self, images: Iterable[tuple[str, str, str]]) -> None:
        """Append images: their places and both hashes."""
        for place, phash, pixel_hash in images:
            self.hashes.add(phash, pixel_hash)
            self.places.append(place)


class _Images:
    """The measured images in the order of rows: 68 bytes each."""

    def __init__(self, store: Store) -> None:
        self.hashes = ImageHashes()
        self.sizes, self.tokens = array("q"), array("q")
        contents: dict[tuple[int, int, str, str], int] = {}
        self.original = array("q")
        """The position of the first image with the same bytes, its own if there is none."""
        self._folders: dict[tuple[str | None, str, str | None], int] = {}
        self._of_folder = array("q")
        columns = (
            f"source, member, row, split, phash, pixel_hash, hash_high, hash_low, bytes, {store.tier}tokens"
        )
        for source, member, row, split, phash, pixel_hash, high, low, size, tokens in _stream(store, columns):
            self.hashes.add(phash, pixel_hash)
            self.sizes.append(size or 0)
            self.tokens.append(int(tokens or 0))
            number = len(self.original)
            # where only samples of bytes are equal, the pixels may differ
            content = None if low is None else (high & _MASK, low & _MASK, phash, pixel_hash)
            self.original.append(number if content is None else contents.setdefault(content, number))
            folder = split, *_folder_of(source, member, row)
            self._of_folder.append(self._folders.setdefault(folder, len(self._folders)))

    def parts(self) -> list[int]:
        """The number of the part of the split for each image, -1 for none."""
        found = parts_of(list(self._folders))
        numbers = [PARTS.index(part) if part else -1 for part in found]
        return [numbers[folder] for folder in self._of_folder]


@lru_cache(maxsize=1 << 12)
def _is_container(source: str) -> bool:
    return container_of(source) is not None or not os.path.isdir(source)


def _folder_of(source: str, member: str | None, row: int | None) -> tuple[str, str | None]:
    """The folders of an image as a path, and the name of its shard if it is in one."""
    inside = os.path.dirname(member or "")
    if member is not None and row is None and not _is_container(source):
        return os.path.normpath(os.path.join(source, inside)), None
    return os.path.join(os.path.dirname(source), inside), os.path.basename(source)


class NearImages:
    """The images of a store that show the same up to a distance: computed once, when they are asked for."""

    def __init__(self, store: Store, distance: int) -> None:
        self.store: Store
        self.distance: int
        self.store, self.distance = store, distance

    @cached_property
    def images(self) -> _Images:
        """The measured images."""
        return _Images(self.store)

    @cached_property
    def found(self) -> list[Likeness]:
        """The near duplicates among them, without further images of the same bytes."""
        once = [number for number, original in enumerate(self.images.original) if original == number]
        return alike(self.images.hashes, self.distance, once)


def number_groups(near: NearImages) -> None:
    """Make the table of the groups of images that show the same, with those that have the same bytes too.

    The groups are in the order of their first images.
    """
    store, original = near.store, near.images.original
    ids = array("q", (number for (number,) in _stream(store, "rowid")))
    first = {at: one.first for one in near.found for at in (one.image, one.first)}
    first |= {
        at: first.get(of, of) for number, of in enumerate(original) if of != number for at in (number, of)
    }
    pairs = sorted((ids[at], group) for at, group in first.items())
    store.connection.execute(f"drop table if exists {NEAR_GROUPS}")
    store.connection.execute(f'create table {NEAR_GROUPS} (id bigint, "first" bigint)')
    if isinstance(store.connection, sqlite3.Connection):
        store.connection.execute("begin")
        store.connection.executemany(f"insert into {NEAR_GROUPS} values (?, ?)", pairs)  # noqa: S608 - ours
        store.connection.execute("commit")
    else:  # one by one it takes a hundred times as long
        lists = [list(column) for column in zip(*pairs, strict=True)] or [[], []]
        store.connection.execute(
            f"insert into {NEAR_GROUPS} select unnest($1::bigint[]), unnest($2::bigint[])", lists
        )
    store.connection.execute(f"create unique index {NEAR_GROUPS}_id on {NEAR_GROUPS} (id)")


def _stream(store: Store, columns: str) -> Iterator[Sequence[Any]]:
    """These columns of the measured images, in the order of rows."""
    cursor = store.connection.cursor().execute(
        f"""select {columns} from rows where subject = 'image' and pixel_hash is not null
        order by {ROW_ORDER}"""  # noqa: S608 - ours
    )
    while batch := cursor.fetchmany(_BATCH):
        yield from batch


def with_likeness(
    statistics: AuditStatistics, near: NearImages, session: Session, others: Sequence[OtherSet] = ()
) -> AuditStatistics:
    """The statistics with images that show the same, and with the findings of the rules on them."""
    paths, store, distance = session.context.paths, near.store, near.distance
    wanted = paths.base_runner.rules.run_data
    if not wanted & (RunData.LIKENESS | RunData.LEAKS):
        return statistics
    images, same = near.images, near.found
    leaked: list[Likeness] = []
    parts: Sequence[int] = ()
    foreign: list[tuple[OtherSet, list[Likeness]]] = []
    if wanted & RunData.LEAKS:
        parts = images.parts()
        leaked = leaks(images.hashes, parts, distance)
        foreign = [(other, found_in(images.hashes, other.hashes, distance)) for other in others]
    named = {at for item in same for at in (item.image, item.other, item.first)}
    named |= {item.image for item in leaked} | {item.other for item in leaked}
    named |= {item.image for _, found in foreign for item in found}
    places = _places(store, named)
    run = Run(
        Location("."),
        alike=(AlikeImage(places[one.image], places[one.other], one.bits, one.same) for one in same),
        leaks=_leaked(leaked, foreign, places, parts),
    )
    rules = tuple(_rule_rows(session, paths.check_run(run, session.context.limits())))
    found = (*statistics.rules, *rules)
    totals = statistics.totals
    return statistics._replace(
        totals=totals._replace(
            errors=totals.errors + _findings(rules, "error"),
            warnings=totals.warnings + _findings(rules, "warning"),
            infos=totals.infos + _findings(rules, "info"),
        ),
        rules=tuple(sorted(found, key=lambda rule: (_ORDER.index(rule.severity), -rule.findings, rule.code))),
        near=_near(store, images, same, places, distance)._replace(
            leaks=len(leaked) + sum(len(found) for _, found in foreign) if wanted & RunData.LEAKS else None
        ),
    )


def _findings(rules: Sequence[RuleRow], severity: str) -> int:
    return sum(rule.findings for rule in rules if rule.severity == severity)


_ORDER = ("error", "warning", "info")


def _leaked(
    leaked: Sequence[Likeness],
    foreign: Sequence[tuple[OtherSet, Sequence[Likeness]]],
    places: Mapping[int, str],
    parts: Sequence[int],
) -> Iterator[LeakedImage]:
    for one in leaked:
        part, other = PARTS[parts[one.image]], PARTS[parts[one.other]]
        yield LeakedImage(places[one.image], part, places[one.other], other, one.bits, one.same)
    for other_set, found in foreign:
        for one in found:
            place = other_set.places[one.other]
            yield LeakedImage(places[one.image], "", place, other_set.name, one.bits, one.same)


def _places(store: Store, wanted: set[int]) -> dict[int, str]:
    """The locations of the images at these positions, as text."""
    if not wanted:
        return {}
    rows = enumerate(_stream(store, "source, member, row, pointer"))
    return {number: place_text(*place) for number, place in rows if number in wanted}


def _near(
    store: Store, images: _Images, same: Sequence[Likeness], places: Mapping[int, str], distance: int
) -> NearDuplicates:
    sizes, tokens = images.sizes, images.tokens
    groups = []
    ordered = sorted(same, key=lambda one: (one.first, one.image))
    for first, members in groupby(ordered, lambda one: one.first):
        extra = [one.image for one in members]
        groups.append(
            AlikeGroup(
                images=1 + len(extra),
                byte_size=sum(sizes[image] for image in extra),
                tokens=sum(tokens[image] for image in extra),
                places=tuple(places[image] for image in (first, *extra[: _EXAMPLES - 1])),
            )
        )
    groups.sort(key=lambda group: (-group.tokens, -group.byte_size, group.places))
    all_tokens = sum(group.tokens for group in groups)
    return NearDuplicates(
        distance=distance,
        compared=len(images.hashes),
        groups=len(groups),
        images=len(same),
        byte_size=sum(group.byte_size for group in groups),
        tokens=all_tokens,
        cost_usd=usd(store.limits, all_tokens),
        leaks=None,
        largest=tuple(groups[:GROUPS]),
    )


def _rule_rows(session: Session, findings: Iterator[Finding]) -> Iterator[RuleRow]:
    """The rows of the table of rules; findings that ignores suppress are left out."""
    known = {rule.code: rule for rule in session.registry.rules}
    counts: dict[tuple[str, str], int] = {}
    examples: dict[tuple[str, str], list[str]] = {}
    limits: dict[tuple[str, str], tuple[float | None, str | None]] = {}
    for finding in findings:
        kept, _ = session.context.paths.split(finding.location.path, (finding,))
        for one in kept:
            key = one.code, str(one.severity)
            counts[key] = counts.get(key, 0) + 1
            limits[key] = one.limit, one.unit
            if len(shown := examples.setdefault(key, [])) < _EXAMPLES:
                shown.append(one.location.path)
    for (code, severity), number in counts.items():
        limit, unit = limits[code, severity]
        yield RuleRow(
            code=code,
            name=known[code].name,
            summary=known[code].summary,
            severity=severity,
            url=page_of(known[code]),
            findings=number,
            rows=number,
            examples=tuple(examples[code, severity]),
            limit=limit,
            unit=unit,
        )
