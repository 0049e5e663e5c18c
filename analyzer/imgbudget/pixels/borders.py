"""The borders of an image that carry nothing: bars and margins of one colour."""

import numpy as np
from numpy.typing import NDArray

from imgbudget.pixels.decode import DecodedPixels, Pixels

_EVEN = 12
"""Levels of 256 by which the pixels of a border may differ: JPEG files have noise there."""


def borders_of(pixels: DecodedPixels) -> tuple[int, int, int, int]:
    """The px that carry nothing at the left, top, right and bottom edge of the full picture.

    All are 0 if there are none, or if the whole picture carries nothing.
    """
    lines = pixels.grey, pixels.grey.T
    if not any(_even(line) for line in (*_ends(pixels.small), *_ends(pixels.small.T))):
        return 0, 0, 0, 0
    top, bottom = _empty(lines[0])
    left, right = _empty(lines[1])
    height, width = pixels.grey.shape
    if top >= height or left >= width:
        return 0, 0, 0, 0
    found = (left, top, right, bottom)
    return tuple(px * pixels.shrink for px in found)  # type: ignore[return-value]  # four as above


def _ends(grey: Pixels) -> tuple[Pixels, Pixels]:
    return grey[0], grey[-1]


def _even(line: Pixels) -> bool:
    return int(line.max()) - int(line.min()) <= _EVEN


def _empty(grey: Pixels) -> tuple[int, int]:
    """How many of the first and of the last lines are of the colour of the first or last one."""
    low, high = grey.min(axis=1).astype(np.int16), grey.max(axis=1).astype(np.int16)
    return _leading(low, high), _leading(low[::-1], high[::-1])


def _leading(low: NDArray[np.int16], high: NDArray[np.int16]) -> int:
    """How many lines from the first on are even and of its colour."""
    if high[0] - low[0] > _EVEN:
        return 0
    same = (high - min(low[0], high[0]) <= _EVEN) & (max(low[0], high[0]) - low <= _EVEN)
    return int(same.argmin()) if not same.all() else len(same)
