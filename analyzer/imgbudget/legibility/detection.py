"""Finds the lines of text in a picture: coarse first, then only where something is left, in bounded pieces.

A detector finds letters from about 5 px of height on, whatever their size. So large letters are looked for in
a picture that is smaller by half, or by half again, and what they cover is not searched at full size; neither
is what is blank or has straight rules only. A piece is at most half a megapixel: the detector then takes
150 MB instead of 1.4 GB for a screenshot of 3840x2160, and half the time, as its data stays in the caches.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from imgbudget.legibility.crops import corners_of, crop, lengths, pixels_of
from imgbudget.legibility.engine import LEAST_DETECTED, STEP, Engine, Quad
from imgbudget.legibility.ink import letters_of
from imgbudget.model.text import TextLine

MOST_SEARCHED = 9_000_000
"""Pixels that are searched at one scale: photographs that have more are searched at half the size or less."""

_COARSEST = 700_000
"""Pixels of the smallest picture that is searched: halving one of so many is not worth it."""

_PIECE = 524_288
"""Pixels of a piece."""

_OVERLAP = 64
"""Rows that neighbouring pieces share, so that a line is whole in one of them."""

CELL = 8
"""Px of the cells of which it is known whether anything is in them."""

_SURE = 5.5
"""Px of height, in a smaller picture, of letters that were surely found in it: a little over the least."""

_DIFFERS = 14
"""Levels, of 255, between neighbouring pixels where there may be text."""

_MOST_LINES = 2000
"""Lines of a picture that are kept: dense pages have some hundred."""

Cells = NDArray[np.bool_]


class Rectangle(NamedTuple):
    """Px from `left` to `right` and from `top` to `bottom`, which are outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Its pixels."""
        return max(self.right - self.left, 0) * max(self.bottom - self.top, 0)


class FoundLines(NamedTuple):
    """The lines of a picture, and the height of the smallest letters that were looked for, px."""

    lines: tuple[TextLine, ...]
    finest: float


def find_lines(
    picture: Image, engine: Engine, *, known: Sequence[Quad] = (), within: Cells | None = None
) -> FoundLines:
    """The lines of text in a picture, from top to bottom; what `known` lines cover is not searched.

    With `within` only these cells are searched, at full size.
    """
    scales = [1] if within is not None else _scales(picture.width * picture.height)
    kept: list[tuple[Quad, TextLine]] = []
    unsure: list[tuple[Quad, TextLine]] = []
    finest = LEAST_DETECTED * scales[0]
    for scale in scales:
        small = picture if scale == 1 else picture.reduce(scale)
        covered = [*known, *(quad for quad, _ in kept)]
        parts = _parts(small, [quad / scale for quad in covered], within)
        if scale < scales[0] and sum(part.area for part in parts) > MOST_SEARCHED:
            break
        finest = LEAST_DETECTED * scale
        found: list[tuple[Quad, TextLine]] = []
        unsure = []
        for quad in _search(small, engine, parts):
            whole = quad * scale
            line = _measured(picture, whole)
            if line is not None:
                sure = scale == 1 or _is_sure(line.height / scale, lengths(quad)[1])
                (found if sure else unsure).append((whole, line))
        kept += _new(found, covered)
    kept += _new(unsure, [*known, *(quad for quad, _ in kept)])
    lines = sorted((line for _, line in kept[:_MOST_LINES]), key=lambda line: (line.box[1], line.box[0]))
    return FoundLines(tuple(lines), finest)


def _scales(pixels: int) -> list[int]:
    """By which the picture is divided for each search, the coarsest first."""
    scales = [1]
    while pixels / scales[0] ** 2 > _COARSEST:
        scales.insert(0, scales[0] * 2)
    return scales


def _is_sure(height: float, box: float) -> bool:
    """Whether letters of that height in a box of that height are one line, px of the smaller picture.

    Small letters can be found as a block of several lines.
    """
    return height >= _SURE and box <= 1.6 * height + 10


_BORDER = 0.15
"""The share of its height that is added around the box of a line to measure it."""


def _measured(picture: Image, quad: Quad) -> TextLine | None:
    """The line in a box; None if nothing in it stands out."""
    part = np.asarray(crop(picture, quad).convert("L"))
    letters = letters_of(part)
    if letters is None or letters.height < 2:
        return None
    length, _ = lengths(quad)
    # letters are about half as wide as a line is high, and the box reaches beyond both ends
    characters = max(round((length - letters.height) / (letters.height * _WIDTH)), 1)
    return TextLine(corners_of(quad), float(letters.height), letters.contrast, characters)


_WIDTH = 0.6
"""The width of a character without blanks, by the height of the letters of a line with ascenders."""


def _parts(picture: Image, covered: Sequence[Quad], within: Cells | None) -> list[Rectangle]:
    """The parts of a picture that may hold text and are not covered."""
    cells = busy_cells(np.asarray(picture.convert("L")))
    if within is not None:
        cells &= within
    for quad in covered:
        _clear(cells, quad)
    return list(pieces(cells, picture.width, picture.height))


def _search(picture: Image, engine: Engine, parts: Iterable[Rectangle]) -> Iterator[Quad]:
    """The boxes of lines in parts of a picture."""
    for part in parts:
        for quad in engine.detect(pixels_of(picture.crop(part))):
            yield quad + np.array((part.left, part.top))


def busy_cells(grey: NDArray[np.uint8]) -> Cells:
    """The cells in which there may be letters: brightness changes along rows and along columns.

    A rule changes it in one direction only.
    """
    # some rows of cells at a time, as what is calculated takes ten times the memory of the picture
    tops = range(0, len(grey), STRIP)
    strips = [_busy(grey[max(top - 1, 0) : top + STRIP], first=top == 0) for top in tops]
    return np.concatenate(strips)


STRIP = 64 * CELL
"""Rows of a picture that are calculated with at a time."""


def _busy(grey: NDArray[np.uint8], *, first: bool) -> Cells:
    """The busy cells of some rows; the row before them comes first, but for the `first` ones."""
    signed = grey.astype(np.int16)
    down = np.abs(np.diff(signed, axis=0, prepend=signed[:1])) >= _DIFFERS
    across = np.abs(np.diff(signed, axis=1, prepend=signed[:, :1])) >= _DIFFERS
    if not first:
        down, across = down[1:], across[1:]
    height, width = across.shape
    rows, columns = -(-height // CELL), -(-width // CELL)
    room = (0, rows * CELL - height), (0, columns * CELL - width)
    shape = rows, CELL, columns, CELL
    changing_columns = np.pad(across, room).reshape(shape).any(axis=1).sum(axis=2)
    changing_rows = np.pad(down, room).reshape(shape).any(axis=3).sum(axis=1)
    busy: Cells = (changing_columns >= 2) & (changing_rows >= 2)
    return busy


_STANDS_OUT, _TIMES = 48, 2.5
"""By how many levels of 255 brightness differs in a cell in which something stands out, and by how many times
as much as in the same cell of the other picture."""


def stronger_cells(grey: NDArray[np.uint8], other: NDArray[np.uint8]) -> Cells:
    """The cells of a picture, and those beside them, in which more stands out than in another of its size."""
    mine, its = _ranges(grey), _ranges(other)
    found: Cells = (mine >= _STANDS_OUT) & (mine >= _TIMES * its)
    wide = np.pad(found, 1)
    rows = wide[:-2] | wide[1:-1] | wide[2:]
    beside: Cells = rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
    return beside


def _ranges(grey: NDArray[np.uint8]) -> NDArray[np.int16]:
    """The difference of brightness in each cell."""
    height, width = grey.shape
    rows, columns = -(-height // CELL), -(-width // CELL)
    padded = np.pad(grey, ((0, rows * CELL - height), (0, columns * CELL - width)), mode="edge")
    cells = padded.reshape(rows, CELL, columns, CELL)
    ranges: NDArray[np.int16] = cells.max(axis=(1, 3)).astype(np.int16) - cells.min(axis=(1, 3))
    return ranges


def _clear(cells: Cells, quad: Quad) -> None:
    """Take the cells of a line out."""
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    rows = slice(max(int(top) // CELL, 0), int(bottom) // CELL + 1)
    columns = slice(max(int(left) // CELL, 0), int(right) // CELL + 1)
    if not _place(quad).is_slanted:
        cells[rows, columns] = False
        return
    middles = [
        (np.arange(edge)[part] + 0.5) * CELL for edge, part in zip(cells.shape, (rows, columns), strict=True)
    ]
    points = np.stack(np.meshgrid(*reversed(middles)), axis=-1)
    cells[rows, columns] &= ~_inside(points, quad, CELL / 2)


_MARGIN = 24
"""Px around letters that a detector sees too."""

_FEWEST = 2
"""Cells beside each other without which there is no line."""


def pieces(cells: Cells, width: int, height: int) -> Iterator[Rectangle]:
    """The parts of a picture of that size that hold all busy cells, each bounded in pixels."""
    for top, bottom in _runs(np.flatnonzero(cells.any(axis=1)), _MARGIN // CELL):
        for left, right in _runs(np.flatnonzero(cells[top:bottom].any(axis=0)), 2 * STEP // CELL):
            if int(cells[top:bottom, left:right].sum()) < _FEWEST:
                continue
            part = Rectangle(
                max(left * CELL - _MARGIN, 0),
                max(top * CELL - _MARGIN, 0),
                min(right * CELL + _MARGIN, width),
                min(bottom * CELL + _MARGIN, height),
            )
            for piece in _cut(part):
                yield _in_steps(piece, width, height)


def _runs(found: NDArray[np.intp], gap: int) -> Iterator[tuple[int, int]]:
    """Begin and end of runs of rows or columns, with at most `gap` others between them."""
    if found.size:
        for run in np.split(found, np.flatnonzero(np.diff(found) > gap) + 1):
            yield int(run[0]), int(run[-1]) + 1


def _cut(part: Rectangle) -> Iterator[Rectangle]:
    """A rectangle in pieces: rows that overlap, of the whole width as far as that is bounded."""
    most_wide = _PIECE // (4 * _OVERLAP)
    for left in range(part.left, part.right, most_wide - _OVERLAP):
        right = min(left + most_wide, part.right)
        rows = _PIECE // (right - left)  # four times the overlap at least
        for top in range(part.top, part.bottom, rows - _OVERLAP):
            yield Rectangle(left, top, right, min(top + rows, part.bottom))
            if top + rows >= part.bottom:
                break
        if right >= part.right:
            break


def _in_steps(piece: Rectangle, width: int, height: int) -> Rectangle:
    """The piece, larger so that its edges are multiples of what the detector wants, where there is room."""
    left, right = _widened(piece.left, piece.right, width)
    top, bottom = _widened(piece.top, piece.bottom, height)
    return Rectangle(left, top, right, bottom)


def _widened(begin: int, end: int, most: int) -> tuple[int, int]:
    wanted = -(-(end - begin) // STEP) * STEP
    end = min(begin + wanted, most)
    return max(end - wanted, 0), end


def _new(found: Iterable[tuple[Quad, TextLine]], known: Iterable[Quad]) -> list[tuple[Quad, TextLine]]:
    """The lines that are in no other one: of those that overlap, the largest."""
    places = [_place(quad) for quad in known]
    kept = []
    for quad, line in sorted(found, key=lambda one: -_box(one[0]).area):
        place = _place(quad)
        if all(_share_inside(place, other) < _SAME for other in places):
            places.append(place)
            kept.append((quad, line))
    return kept


_SAME = 0.5
"""The share of a line inside another from which on both are the same line."""


class _LinePlace(NamedTuple):
    """Where a line is: its corners, the upright box around them, and whether it is slanted in that box."""

    quad: Quad
    box: Rectangle
    is_slanted: bool


def _place(quad: Quad) -> _LinePlace:
    box = _box(quad)
    length, height = lengths(quad)
    return _LinePlace(quad, box, box.area > _SLANTED * (length + 1) * (height + 1))


_SLANTED = 1.5
"""A line is slanted whose upright box is so many times as large: boxes of lines below each other overlap."""


def _share_inside(one: _LinePlace, other: _LinePlace) -> float:
    """The share of a line that is inside another, from 0 to 1."""
    shared = _shared(one.box, other.box).area
    if not shared or not (one.is_slanted or other.is_slanted):
        return shared / one.box.area
    first, across, down = one.quad[0], one.quad[1] - one.quad[0], one.quad[3] - one.quad[0]
    shares = (np.arange(_POINTS) + 0.5) / _POINTS
    points = first + shares[:, None, None] * across + shares[None, :, None] * down
    return float(_inside(points, other.quad).mean())


_POINTS = 12
"""Points along each edge of a line by which it is known how much of it is inside another."""


def _inside(points: NDArray[np.float64], quad: Quad, margin: float = 0.0) -> NDArray[np.bool_]:
    """Which points are inside the corners of a line, or so near to it, px."""
    inside = np.ones(points.shape[:-1], np.bool_)
    for edge in (quad[1] - quad[0], quad[3] - quad[0]):
        length = max(float(np.linalg.norm(edge)), 1.0)
        along = (points - quad[0]) @ (edge / length)
        inside &= (along >= -margin) & (along <= length + margin)
    return inside


def _box(quad: Quad) -> Rectangle:
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    return Rectangle(int(left), int(top), int(right) + 1, int(bottom) + 1)


def _shared(one: Rectangle, other: Rectangle) -> Rectangle:
    return Rectangle(
        max(one.left, other.left),
        max(one.top, other.top),
        min(one.right, other.right),
        min(one.bottom, other.bottom),
    )
