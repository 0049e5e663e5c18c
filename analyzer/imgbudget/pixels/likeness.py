"""Which of many images show the same: within one set, across the parts of a split, and in another set."""

from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imgbudget.pixels.neighbours import MOST_DISTANCE, groups, matches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgbudget.pixels.neighbours import Hashes, Positions

__all__ = ["MOST_DISTANCE", "ImageHashes", "Likeness", "alike", "found_in", "leaks"]


class Likeness(NamedTuple):
    """An image that shows the same as another, both by position.

    `bits` is in how many of 64 bits their perceptual hashes differ. `same` is true if their pixels are equal.
    `first` is the first image of their group; -1 where there are no groups.
    """

    image: int
    other: int
    bits: int
    same: bool
    first: int = -1


class ImageHashes:
    """The hashes of images by position, 17 bytes each: the perceptual one, and half of that of the pixels."""

    def __init__(self) -> None:
        self._seen, self._pixels, self._has = array("Q"), array("Q"), bytearray()

    def add(self, phash: str | None, pixel_hash: str | None) -> None:
        """Append an image; without a hash of its pixels it was not measured and is like no other."""
        self._seen.append(int(phash, 16) if phash else 0)
        self._pixels.append(int(pixel_hash[:16], 16) if pixel_hash else 0)
        self._has.append((1 if phash else 0) | (2 if pixel_hash else 0))

    def __len__(self) -> int:
        return len(self._has)

    @property
    def seen(self) -> "Hashes":
        """The perceptual hashes; 0 for images without one."""
        return np.frombuffer(self._seen, np.uint64)

    @property
    def pixels(self) -> "Hashes":
        """Half of the hashes of the pixels; 0 for images without one."""
        return np.frombuffer(self._pixels, np.uint64)

    @property
    def structured(self) -> "Positions":
        """The positions of the images with a perceptual hash."""
        return np.flatnonzero(np.frombuffer(self._has, np.uint8) & 1)

    @property
    def plain(self) -> "Positions":
        """The positions of those without structure, which only their pixels identify."""
        return np.flatnonzero(np.frombuffer(self._has, np.uint8) == 2)


def alike(hashes: ImageHashes, distance: int, among: "Sequence[int] | None" = None) -> list[Likeness]:
    """For each image of a group of near duplicates but the first, one that it is like, by position.

    That is the first image of the group, or the one that represents it where the first differs in more bits.
    Groups are those of `neighbours.groups`; images without structure are alike if their pixels are equal.
    Only the images at the positions `among` are compared, by default all.

    Raises:
        ValueError: the distance is negative or above `MOST_DISTANCE`.
    """
    chosen_ones = np.ones(len(hashes), bool) if among is None else np.zeros(len(hashes), bool)
    if among is not None:
        chosen_ones[np.asarray(among, np.int64)] = True
    found: list[Likeness] = []
    for every, values, limit in (
        (hashes.structured, hashes.seen, distance),
        (hashes.plain, hashes.pixels, 0),
    ):
        positions = every[chosen_ones[every]]
        chosen = values[positions]
        for group in groups(chosen, limit):
            first, *others = group.members
            leader = next(at for at in group.members if int(chosen[at]) == group.representative)
            for at in others:
                near = (int(chosen[at]) ^ int(chosen[first])).bit_count() <= limit
                one = _likeness(hashes, positions[at], hashes, positions[first if near else leader])
                found.append(one._replace(first=int(positions[first])))
    return sorted(found)


def leaks(hashes: ImageHashes, parts: Sequence[int], distance: int) -> list[Likeness]:
    """The images of each part of a split that are in an earlier one, with one of them, by position.

    `parts` has the number of the part for each image, -1 for images in none.

    Raises:
        ValueError: the distance is negative or above `MOST_DISTANCE`.
    """
    numbers = np.asarray(parts, np.int64)
    found: list[Likeness] = []
    for part in np.unique(numbers[numbers > 0]).tolist():
        earlier = (numbers >= 0) & (numbers < part)
        found += _matched(hashes, numbers == part, hashes, earlier, distance)
    return sorted(found)


def found_in(hashes: ImageHashes, others: ImageHashes, distance: int) -> list[Likeness]:
    """The images that another set has too, with one of its images by its position there.

    Raises:
        ValueError: the distance is negative or above `MOST_DISTANCE`.
    """
    every, base = np.ones(len(hashes), bool), np.ones(len(others), bool)
    return sorted(_matched(hashes, every, others, base, distance))


def _matched(
    hashes: ImageHashes,
    asked: "NDArray[np.bool_]",
    others: ImageHashes,
    base: "NDArray[np.bool_]",
    distance: int,
) -> Iterator[Likeness]:
    for of, to, limit in (("structured", "seen", distance), ("plain", "pixels", 0)):
        queries: Positions = getattr(hashes, of)
        candidates: Positions = getattr(others, of)
        queries, candidates = queries[asked[queries]], candidates[base[candidates]]
        near = matches(getattr(hashes, to)[queries], getattr(others, to)[candidates], limit)
        for at in np.flatnonzero(near >= 0).tolist():
            yield _likeness(hashes, queries[at], others, candidates[near[at]])


def _likeness(hashes: ImageHashes, image: np.int64, others: ImageHashes, other: np.int64) -> Likeness:
    bits = int(np.bitwise_count(hashes.seen[image] ^ others.seen[other]))
    return Likeness(int(image), int(other), bits, bool(hashes.pixels[image] == others.pixels[other]))
