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
from imgbudget.planner.bounds import NO_BUDGET, Capacity, MediaSpan, capacity_of, groups, joined, media_spans


class SplitPart(NamedTuple):
    """One of the requests: the images and documents from `span.first` to `span.last`.

    `byte_size` is the length of its body, all texts and tools included. `reasons` say why the API would
    refuse it although it cannot be split further; empty if it fits.
    """

    span: MediaSpan
    byte_size: int
    reasons: tuple[str, ...]


class Split(NamedTuple):
    """The parts that a request is split into; a single one where it fits."""

    request: Request
    limits: Limits
    parts: tuple[SplitPart, ...]

    def tokens_of(self, part: SplitPart) -> tuple[int | None, int | None]:
        """The fewest and the most visual tokens of a part; None for an unknown model."""
        low, high = part.span.tokens_range
        return self.limits.counted(low), self.limits.counted(high)

    def cost_of(self, part: SplitPart) -> tuple[float | None, float | None]:
        """The least and the most that its visual tokens cost, USD; None without a price."""
        low, high = self.tokens_of(part)
        return self.limits.cost_usd(low), self.limits.cost_usd(high)

    @property
    def fits(self) -> bool:
        """Whether the API accepts every part."""
        return not any(part.reasons for part in self.parts)


def split_request(test: RequestUnderTest, *, budget: Budget = NO_BUDGET) -> Split:
    """The fewest requests that hold all images and documents of this one, in order and unchanged.

    A turn is split only if it does not fit by itself. Among splits with as few requests, the one with the
    fewest images in its largest request is taken.
    """
    spans = media_spans(test)
    capacity = capacity_of(test, budget, spans)
    atoms = _atoms(spans, capacity)
    count = len(groups(atoms, capacity.holds))

    def evenly(most: int) -> list[list[MediaSpan]]:
        return groups(atoms, lambda span: span.images + span.documents <= most and capacity.holds(span))

    most = bisect_left(range(len(spans)), 1, key=lambda most: len(evenly(most)) <= count)
    return Split(test.request, test.limits, tuple(_part(part, capacity) for part in evenly(most)))


def _atoms(spans: Sequence[MediaSpan], capacity: Capacity) -> list[MediaSpan]:
    """What is kept together: a turn that fits by itself, else each of its images and documents."""
    atoms: list[MediaSpan] = []
    for _, members in groupby(spans, key=lambda span: span.turn):
        turn = tuple(members)
        span = joined(turn)
        atoms.extend((span,) if capacity.holds(span) else turn)
    return atoms


def _part(atoms: Sequence[MediaSpan], capacity: Capacity) -> SplitPart:
    span = joined(atoms)
    return SplitPart(
        span=span,
        byte_size=span.characters + capacity.fixed,
        reasons=tuple(overrun.reason for overrun in capacity.overruns(span)),
    )


OVERLAP = 96
"""Default overlap of neighbouring tiles, px: about two lines of small text on a screen, so that no line is
cut in both tiles. A choice of this project."""


MOST_TILES = 10_000
"""Limit on the number of tiles: no request holds a tenth of them."""


class Tile(NamedTuple):
    """One tile: the position of its upper left corner in the image, and its size, px."""

    x: int
    y: int
    size: Size


class Tiling(NamedTuple):
    """The tiles of an image, row by row. `overlap` is the least overlap of neighbours, px."""

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
    """The fewest equal tiles that cover the image and that the model does not downscale.

    Among grids with as few tiles, the one with the fewest tokens. Neighbours overlap by at least `overlap`
    px; the rest is spread evenly. If there are so many tiles that the limit for many-image requests applies,
    each also keeps that edge. An image that fits is a single tile.

    Raises:
        ValueError: more than `MOST_TILES` tiles, or a model without Claude's patches; the text says which.
    """
    if not limits.uses_claude_patches:
        why = "is not known" if limits.state == "unknown" else "does not use them"
        raise ValueError(f"tiles are computed for Claude's patches of 28 px; {limits.model[:80]} {why}")
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
    """Columns and rows of the fewest tiles that fit; among those, of the fewest tokens."""
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
            f"{size} with an overlap of {overlap} px needs more than {figure(MOST_TILES)} tiles to keep "
            f"{limits.model} from downscaling them"
        )
    return best[2], best[3]


def _fewest_rows(width: int, height: int, limits: Limits, overlap: int, edge: int) -> int | None:
    """The fewest rows of tiles of that width that fit; None if no number of rows does."""

    def is_low(rows: int) -> bool:
        tall = _share(height, rows, overlap)
        return tall <= edge and fits(Size(width, tall), limits.tier)

    rows = bisect_left(range(1, MOST_TILES + 2), 1, key=is_low) + 1
    return rows if rows <= MOST_TILES else None


def _share(length: int, count: int, overlap: int) -> int:
    """The edge of each of `count` tiles that cover a length and overlap by `overlap` px."""
    return -(-(length + (count - 1) * overlap) // count)


def _offsets(length: int, count: int, edge: int) -> list[int]:
    """The offsets of the tiles: the first is 0, the last tile ends where the length does."""
    if count == 1:
        return [0]
    return [i * (length - edge) // (count - 1) for i in range(count)]
