"""Division: a request into several that fit, and an image into overlapping tiles the model sees in full."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size, fits, patches
from imgbudget.limits.values import figure
from imgbudget.model.budgets import Budget
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.subjects import Request
from imgbudget.planner.bounds import NO_BUDGET, Room, Unit, groups, room_of, together, units_of


class SplitPart(NamedTuple):
    """One of the requests: the images and documents of it from `whole.first` to `whole.last`.

    `byte_size` is the length of its body with all texts and tools repeated. `reasons` say why it would be
    refused all the same, as it cannot be divided further; empty for one that fits.
    """

    whole: Unit
    byte_size: int
    reasons: tuple[str, ...]


class Split(NamedTuple):
    """The parts that a request divides into, a single one where it need not be divided."""

    request: Request
    limits: Limits
    parts: tuple[SplitPart, ...]

    @property
    def fits(self) -> bool:
        """Whether every part is taken as it stands."""
        return not any(part.reasons for part in self.parts)


def split_request(test: RequestUnderTest, *, budget: Budget = NO_BUDGET) -> Split:
    """As few requests as hold all images and documents of this one, in their order, every image as it is.

    A turn is divided only where it does not fit by itself. Where as many requests would do with fewer images
    in the fullest of them, the images are spread more evenly.
    """
    units = units_of(test)
    room = room_of(test, budget, units)
    atoms = _atoms(units, room)
    count = len(groups(atoms, room.holds))

    def evenly(most: int) -> list[list[Unit]]:
        return groups(atoms, lambda unit: unit.images + unit.documents <= most and room.holds(unit))

    most = bisect_left(range(len(units)), 1, key=lambda most: len(evenly(most)) <= count)
    return Split(test.request, test.limits, tuple(_part(part, room) for part in evenly(most)))


def _atoms(units: Sequence[Unit], room: Room) -> list[Unit]:
    """What is not divided: a turn that fits by itself, else each of its images and documents."""
    atoms: list[Unit] = []
    for _, members in groupby(units, key=lambda unit: unit.turn):
        turn = tuple(members)
        whole = together(turn)
        atoms.extend((whole,) if room.holds(whole) else turn)
    return atoms


def _part(atoms: Sequence[Unit], room: Room) -> SplitPart:
    whole = together(atoms)
    return SplitPart(
        whole=whole,
        byte_size=whole.characters + room.fixed,
        reasons=tuple(lack.reason for lack in room.lacks(whole)),
    )


OVERLAP = 96
"""Pixels that neighbouring tiles share unless another number is asked for: about two lines of small text on
a screen, so that no line is cut in both. A choice of ours."""


MOST_TILES = 10_000
"""More tiles are not planned: no request holds a tenth of them."""


class Tile(NamedTuple):
    """One tile: where its upper left corner stands in the image, and its size, px."""

    x: int
    y: int
    size: Size


class Tiling(NamedTuple):
    """The tiles of an image, row by row. `overlap` is the least that neighbours share, px."""

    size: Size
    limits: Limits
    overlap: int
    columns: int
    rows: int
    tiles: tuple[Tile, ...]

    @property
    def tokens(self) -> int:
        """Visual tokens of all tiles together."""
        return sum(patches(tile.size) for tile in self.tiles)


def tiling(size: Size, limits: Limits, *, overlap: int = OVERLAP) -> Tiling:
    """The fewest tiles of one size that cover the image, each of which the model takes as it is.

    Of as many tiles those with the fewest tokens. Neighbours share at least `overlap` px; what is left over
    is spread evenly. Where the tiles make a request of many images, each also keeps the edge that such a
    request allows. An image that fits is a single tile.

    Raises:
        ValueError: it would take more tiles than make sense; the text says so.
    """
    if not limits.uses_claude_patches:
        raise ValueError(f"tiles are cut for Claude's patches of 28 px; {limits.model} does not count them")
    edge, many = limits.tier.bounds[0], limits.many_image_edge
    found = _grid(size, limits, overlap, edge)
    if many and many.value < edge and limits.many_images(found[0] * found[1]):
        found = _grid(size, limits, overlap, many.value)
    columns, rows = found
    width, height = _share(size.width, columns, overlap), _share(size.height, rows, overlap)
    tiles = tuple(
        Tile(x, y, Size(width, height))
        for y in _offsets(size.height, rows, height)
        for x in _offsets(size.width, columns, width)
    )
    return Tiling(size, limits, overlap, columns, rows, tiles)


def _grid(size: Size, limits: Limits, overlap: int, edge: int) -> tuple[int, int]:
    """Columns and rows of the fewest tiles that fit, of as many those with the fewest tokens."""
    best: tuple[int, int, int, int] | None = None
    for columns in range(1, MOST_TILES + 1):
        width = _share(size.width, columns, overlap)
        if (best and columns > best[0]) or (
            columns > 1 and width == _share(size.width, columns - 1, overlap)
        ):
            break
        if width > edge or (rows := _fewest_rows(width, size.height, limits, overlap, edge)) is None:
            continue
        tokens = columns * rows * patches(Size(width, _share(size.height, rows, overlap)))
        candidate = (columns * rows, tokens, columns, rows)
        best = candidate if best is None else min(best, candidate)
    if best is None or best[0] > MOST_TILES:
        raise ValueError(
            f"{size} with an overlap of {overlap} px would take more than {figure(MOST_TILES)} tiles that "
            f"{limits.model} looks at in full"
        )
    return best[2], best[3]


def _fewest_rows(width: int, height: int, limits: Limits, overlap: int, edge: int) -> int | None:
    """The fewest rows of tiles of that width that fit; None where no number of rows does."""

    def is_low(rows: int) -> bool:
        tall = _share(height, rows, overlap)
        return tall <= edge and fits(Size(width, tall), limits.tier)

    rows = bisect_left(range(1, MOST_TILES + 2), 1, key=is_low) + 1
    return rows if rows <= MOST_TILES else None


def _share(length: int, count: int, overlap: int) -> int:
    """The edge of one of `count` tiles that cover a length and share `overlap` px with each neighbour."""
    return -(-(length + (count - 1) * overlap) // count)


def _offsets(length: int, count: int, edge: int) -> list[int]:
    """Where the tiles begin: the first at 0, the last so that it ends where the length does."""
    if count == 1:
        return [0]
    return [i * (length - edge) // (count - 1) for i in range(count)]
