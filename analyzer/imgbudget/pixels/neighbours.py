"""Near duplicates among millions of 64-bit hashes: groups, and matches between two sets.

Two hashes are near if at most `distance` of their 64 bits differ. Their bits are divided into bands; of two
near hashes some pair of bands is equal, so only hashes that share such a pair are compared (multi-index
hashing, Norouzi et al. 2012). The bits are dealt to the bands by how much they vary, and a set in which too
many share a pair is divided once more by the bits that still vary in it: hashes of which few bits are set do
not make the search quadratic.

Every result depends on the set of hashes alone, not on their order.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]
    Positions = NDArray[np.int64]

BITS = 64
MOST_DISTANCE = 10
"""Largest distance that is supported: beyond it unrelated images are near, and the search becomes slow."""

_BANDS = 8
_WIDTH = 1 << 17
"""Pairs that are compared together; bounds memory."""

_DIVIDED = 1 << 22
"""Pairs of hashes that share a pair of bands, from which on these are divided once more."""

_DEPTH = 3
_KEYS = 1 << 16
_KEPT = 0.75
"""Share of queries without a near hash below which the others are left out of the arrays."""

_NONE = -1


class HashGroup(NamedTuple):
    """Near duplicates: the hash of the representative, and the positions of all members, ascending.

    Each member is within the distance of the representative; two members may differ by twice as much.
    """

    representative: int
    members: tuple[int, ...]


def groups(hashes: "Sequence[int] | Hashes", distance: int) -> list[HashGroup]:
    """The groups of two or more near duplicates, in the order of their first members.

    The representatives of all groups, and the hashes in no group, are pairwise farther apart than `distance`:
    one that is kept of each group leaves no near duplicates but those of hashes that are removed. So groups
    do not grow along chains.

    Raises:
        ValueError: the distance is negative or above `MOST_DISTANCE`.
    """
    values = np.asarray(hashes, np.uint64)
    if not len(values):
        return []
    leaders = representatives(values, distance)
    order = np.argsort(leaders, kind="stable")
    sorted_leaders = leaders[order]
    starts = np.flatnonzero(np.r_[True, sorted_leaders[1:] != sorted_leaders[:-1]])
    ends = np.r_[starts[1:], len(order)]
    large = ends - starts > 1
    found = [
        HashGroup(int(sorted_leaders[start]), tuple(order[start:end].tolist()))
        for start, end in zip(starts[large].tolist(), ends[large].tolist(), strict=True)
    ]
    return sorted(found, key=lambda group: group.members[0])


def representatives(hashes: "Hashes", distance: int) -> "Hashes":
    """For each hash that of its group's representative, which is its own if no other is near.

    Hashes are visited in a fixed order that looks random. One that is near no earlier representative becomes
    one; all others join one that they are near. (Computed in rounds: a hash without an earlier neighbour is a
    representative, its neighbours join it, the rest goes on.)

    Raises:
        ValueError: the distance is negative or above `MOST_DISTANCE`.
    """
    _require_distance(distance)
    unique, places = np.unique(hashes, return_inverse=True)
    order = np.argsort(_mixed(unique), kind="stable")
    ranked = unique[order]
    leaders = ranked.copy()
    rest = np.arange(len(ranked))
    while len(rest):
        values = ranked[rest]
        beaten = _Search(values, values, distance, earlier=True).run() != _NONE
        first, others = values[~beaten], rest[beaten]
        joined = _Search(ranked[others], first, distance).run() if len(others) else others
        near = joined != _NONE
        leaders[others[near]] = first[joined[near]]
        rest = others[~near]
    result = np.empty_like(unique)
    result[order] = leaders
    return result[places]


def matches(queries: "Hashes", base: "Hashes", distance: int) -> "Positions":
    """For each query the position in `base` of a near hash, or -1; an equal hash if there is one.

    Of equal hashes in `base` the position of the first is given.

    Raises:
        ValueError: the distance is negative or above `MOST_DISTANCE`.
    """
    _require_distance(distance)
    if not len(queries) or not len(base):
        return np.full(len(queries), _NONE, np.int64)
    unique, first = np.unique(base, return_index=True)
    asked, places = np.unique(queries, return_inverse=True)
    found = np.minimum(np.searchsorted(unique, asked), len(unique) - 1)
    found[unique[found] != asked] = _NONE
    open_ones = np.flatnonzero(found == _NONE)
    found[open_ones] = _Search(asked[open_ones], unique, distance).run()
    return np.where(found == _NONE, _NONE, first[found])[places].astype(np.int64)


def _require_distance(distance: int) -> None:
    if not 0 <= distance <= MOST_DISTANCE:
        raise ValueError(f"a distance from 0 to {MOST_DISTANCE} is needed, not {distance}")


def _mixed(values: "Hashes") -> "Hashes":
    """A permutation of 64-bit numbers that leaves no order in them (splitmix64)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


class _Search:
    """For each query the position of one near hash in the base.

    With `earlier` the queries are the base, and only hashes before a query are looked at.
    """

    def __init__(self, queries: "Hashes", base: "Hashes", distance: int, *, earlier: bool = False) -> None:
        self._queries, self._base = queries, base
        self._distance, self._earlier = distance, earlier
        self._found = np.full(len(queries), _NONE, np.int64)
        self.compared = 0
        """How many pairs were compared."""

    def run(self) -> "Positions":
        """The position for each query, -1 for none."""
        self._divide(np.arange(len(self._queries)), np.arange(len(self._base)), 0)
        return self._found

    def _divide(self, queries: "Positions", base: "Positions", depth: int) -> None:
        """Compare queries with the part of the base that shares two bands with them; positions ascend."""
        if not len(queries) or not len(base):
            return
        work = len(queries) * len(base)
        if depth >= _DEPTH or work <= _WIDTH:
            self._scan(queries, base, *self._range(queries, base))
            return
        bands = self._bands(base)
        of_base = [_values(self._base[base], bits) for bits in bands]
        whole = self._earlier and len(queries) == len(base)
        of_queries = of_base if whole else [_values(self._queries[queries], bits) for bits in bands]
        pairs = list(_pairs(len(bands), self._distance))
        if depth and self._work(of_queries, of_base, bands, pairs) * 2 > work:
            self._scan(queries, base, *self._range(queries, base))
            return
        for one, two in pairs:
            left = self._found[queries] == _NONE
            keys, asked = (_joined(of[one], of[two], len(bands[two])) for of in (of_base, of_queries))
            self._join(queries[left], asked[left], base, keys, depth)

    def _join(
        self,
        queries: "Positions",
        asked: "NDArray[np.uint16]",
        base: "Positions",
        keys: "NDArray[np.uint16]",
        depth: int,
    ) -> None:
        """Compare the queries with the part of the base that has the same key."""
        order = np.argsort(keys, kind="stable")
        counts, askers = (np.bincount(of, minlength=_KEYS) for of in (keys, asked))
        ends = np.cumsum(counts)
        if self._earlier:
            chosen = np.zeros(len(self._queries), bool)
            chosen[queries] = True
            base = base[order]
            high = np.flatnonzero(chosen[base])
            queries, asked = base[high], keys[order][high]
        else:
            by_key = np.argsort(asked, kind="stable")
            queries, asked, base = queries[by_key], asked[by_key], base[order]
            high = ends[asked]
        low = (ends - counts)[asked]
        heavy = counts * askers > _DIVIDED
        if heavy.any():
            for key in np.flatnonzero(heavy).tolist():
                inside = np.sort(base[ends[key] - counts[key] : ends[key]])
                self._divide(np.sort(queries[asked == key]), inside, depth + 1)
            light = ~heavy[asked]
            queries, low, high = queries[light], low[light], high[light]
        self._scan(queries, base, low, high)

    def _scan(self, queries: "Positions", base: "Positions", low: "Positions", high: "Positions") -> None:
        """Compare each query with `base[low:high]` until a near hash is found."""
        values, asked, limit = self._base[base], self._queries[queries], np.uint8(self._distance)
        left = high > low
        while True:
            remaining = int(np.count_nonzero(left))
            if not remaining:
                return
            if remaining < _KEPT * len(left):
                queries, asked, low, high = queries[left], asked[left], low[left], high[left]
                left = np.ones(remaining, bool)
            width = min(max(_WIDTH // len(queries), 1), int((high - low).max()))
            self.compared += width * remaining
            if width == 1:
                near = np.bitwise_count(values.take(low, mode="clip") ^ asked) <= limit
                near &= left
                at = low[near]
            else:
                block = low[:, None] + np.arange(width)
                hits = np.bitwise_count(values.take(block, mode="clip") ^ asked[:, None]) <= limit
                hits &= block < high[:, None]
                hits &= left[:, None]
                near = hits.any(axis=1)
                at = low[near] + hits[near].argmax(axis=1)
            self._found[queries[near]] = base[at]
            low = low + width
            left &= low < high
            left &= ~near

    def _range(self, queries: "Positions", base: "Positions") -> "tuple[Positions, Positions]":
        low = np.zeros(len(queries), np.int64)
        if self._earlier:
            return low, np.searchsorted(base, queries)
        return low, np.full(len(queries), len(base), np.int64)

    def _bands(self, base: "Positions") -> "list[list[int]]":
        """The numbers of the bits in each band; each has its share of the bits that vary most."""
        values = self._base[base]
        ones = np.array([np.count_nonzero(values & np.uint64(1 << bit)) for bit in range(BITS)])
        balance = np.minimum(ones, len(values) - ones)
        number = max(_BANDS, self._distance + 2)
        bands: list[list[int]] = [[] for _ in range(number)]
        for place, bit in enumerate(np.argsort(-balance, kind="stable").tolist()):
            turn, at = divmod(place, number)
            bands[number - 1 - at if turn % 2 else at].append(bit)
        return bands

    @staticmethod
    def _work(
        queries: "list[NDArray[np.uint8]]",
        base: "list[NDArray[np.uint8]]",
        bands: list[list[int]],
        pairs: list[tuple[int, int]],
    ) -> int:
        """How many pairs share two bands."""
        total = 0
        for one, two in pairs:
            counted = [
                np.bincount(_joined(of[one], of[two], len(bands[two])), minlength=_KEYS)
                for of in (queries, base)
            ]
            total += int(counted[0] @ counted[1])
        return total


def _joined(one: "NDArray[np.uint8]", two: "NDArray[np.uint8]", width: int) -> "NDArray[np.uint16]":
    """The numbers of two bands as one; `width` is the bits of the second."""
    key: NDArray[np.uint16] = one.astype(np.uint16) << np.uint16(width) | two
    return key


def _values(hashes: "Hashes", bits: list[int]) -> "NDArray[np.uint8]":
    """The bits of a band as a number."""
    value = np.zeros(len(hashes), np.uint8)
    for bit in bits:
        value = value << np.uint8(1) | (hashes >> np.uint64(bit) & np.uint64(1)).astype(np.uint8)
    return value


def _pairs(bands: int, distance: int) -> Iterator[tuple[int, int]]:
    """Pairs of bands of which one is equal in all near hashes.

    At least `bands - distance` bands are equal. With the bands in one class fewer, two of the equal ones are
    in the same class, so the pairs inside the classes are enough (Turan 1941).
    """
    classes = bands - distance - 1
    for two in range(bands):
        for one in range(two % classes, two, classes):
            yield one, two
