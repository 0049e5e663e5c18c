"""Whether two pictures of one size show the same, by how their brightness goes together.

Comparing brightness takes a hundredth of the time that finding lines and reading them takes.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFilter import BoxBlur

from imgbudget.legibility.detection import CELL, STRIP, Cells
from imgbudget.legibility.ink import Grey
from imgbudget.model.text import TextLine

_ALIKE, _AS_STRONG = 0.6, 0.5
"""A line shows the same in two pictures whose brightness there correlates so much, with so much of the
contrast."""

_BLURRED_ALIKE, _BLURRED_AS_STRONG = 0.7, 0.6
"""The same of the surroundings of a cell in blurred pictures. Of 25,000 cells of ordinary pages and photos
that a filter makes stand out, 99 % show the same by this, and a tenth of those where a text was hidden."""


def is_same(sparse: Grey, smooth: Grey, line: TextLine) -> bool:
    """Whether a line of one picture shows the same letters in another of its size, not much fainter."""
    left, top, right, bottom = (max(round(edge), 0) for edge in line.box)
    first, second = (
        picture[top:bottom, left:right].astype(np.float32).ravel() for picture in (sparse, smooth)
    )
    if first.size == 0:
        return False
    first -= first.mean()
    second -= second.mean()
    strength, other, common = float(first @ first), float(second @ second), float(first @ second)
    return common >= _ALIKE * (strength * other) ** 0.5 and common >= _AS_STRONG * strength > 0


def alike_cells(sparse: Grey, smooth: Grey) -> Cells:
    """The cells around which both pictures show the same, in the second not much fainter.

    A filter that looks at the nearest px only makes strokes broken and strong; blurred, they are those of the
    filter that averages.
    """
    return np.concatenate(list(_strips(sparse, smooth)))


def _strips(sparse: Grey, smooth: Grey) -> Iterator[Cells]:
    """The alike cells of some rows at a time: what is calculated takes twenty times their memory."""
    for top in range(0, len(sparse), STRIP):
        first = max(top - CELL, 0)  # with the cells beside those of the strip
        parts = (one[first : top + STRIP + CELL] for one in (sparse, smooth))
        begin = (top - first) // CELL
        yield _alike(*parts)[begin : begin + STRIP // CELL]


def _alike(sparse: Grey, smooth: Grey) -> Cells:
    """The alike cells of some rows."""
    first, second = (_whole_cells(_blurred(one)) for one in (sparse, smooth))
    count = _around(np.ones_like(first))
    one, two = _around(first) / count, _around(second) / count
    strength = _around(first * first) / count - one * one
    other = _around(second * second) / count - two * two
    common = _around(first * second) / count - one * two
    alike: Cells = common >= _BLURRED_ALIKE * np.sqrt(strength * other)
    alike &= common >= _BLURRED_AS_STRONG * strength
    return alike


def _blurred(grey: Grey) -> NDArray[np.float32]:
    """The brightness, each px averaged with those beside it."""
    return np.asarray(Image.fromarray(grey).filter(BoxBlur(1)), np.float32) - _MIDDLE


_MIDDLE = 128
"""Levels are counted from the middle of 256: their squares then lose nothing in single precision."""


def _whole_cells(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows and columns of a picture with the last ones repeated until all cells are whole."""
    return np.pad(values, [(0, -edge % CELL) for edge in values.shape], mode="edge")


def _around(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sum over each cell and those beside it."""
    height, width = values.shape
    cells = values.reshape(height // CELL, CELL, width // CELL, CELL).sum(axis=(1, 3))
    wide = np.pad(cells, 1)
    rows = wide[:-2] + wide[1:-1] + wide[2:]
    around: NDArray[np.float32] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return around
