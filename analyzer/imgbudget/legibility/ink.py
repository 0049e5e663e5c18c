"""Measures the letters of a line: their height, and their contrast with the ground."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
"""Brightness by rows and columns."""


class Letters(NamedTuple):
    """The letters of a line: rows from `top` to `bottom` (outside), and the contrast, of 255."""

    top: int
    bottom: int
    contrast: float

    @property
    def height(self) -> int:
        """Px from the top of the tallest letter to the bottom of the lowest one."""
        return self.bottom - self.top


_INK = 0.35
"""The share of the contrast from which on a pixel belongs to a letter and not to its soft edge."""

_FAINT = 12.0
"""Contrast, of 255, below which there is nothing to read."""


def letters_of(line: Grey) -> Letters | None:
    """The letters in the crop of a line that reads from left to right; None if nothing stands out.

    The ground is the most frequent brightness, after shadows along the line have been taken out. Other lines
    that reach into the crop are left out: the rows of a line are those around its middle without a gap.
    """
    if line.size == 0:
        return None
    line = _evened(line)
    counts = np.bincount(line.reshape(-1), minlength=_LEVELS)
    ground = int(counts.argmax())
    differs = np.abs(np.arange(_LEVELS) - ground)
    spread = np.bincount(differs, weights=counts).astype(np.float64)
    contrast = percentile(spread, _MOST)
    if contrast < _FAINT:
        return None
    inked = (differs >= contrast * _INK)[line].sum(axis=1)
    rows = np.flatnonzero(inked >= max(1, round(line.shape[1] * _THIN)))
    if rows.size == 0:
        return None
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1 + line.shape[0] // _GAP) + 1)
    run = max(runs, key=lambda one: int(inked[one].sum()))
    return Letters(int(run[0]), int(run[-1]) + 1, contrast)


_UNEVEN = 32
"""Levels, of 255, between the grounds of parts of a line from which on there is a shadow or a fold."""

_LEAST_STRIP = 16
"""Px of width of such a part at least; usually it is twice as wide as the crop is high."""

_MIDDLE = 128
"""The brightness of the ground once shadows are taken out."""


def _evened(line: Grey) -> Grey:
    """The crop without the shadow across it: as of a page that was photographed, where its ground is darker.

    Else the darker part of the ground counts as ink, and letters as twice as high.
    """
    width = max(2 * line.shape[0], _LEAST_STRIP)
    many = line.shape[1] // width
    if many <= 1:
        return line
    parts = np.array_split(line, many, axis=1)
    grounds = [float(np.median(part)) for part in parts]
    if max(grounds) - min(grounds) < _UNEVEN:
        return line
    edges = np.cumsum([0, *(part.shape[1] for part in parts)])
    ground = np.interp(np.arange(line.shape[1]), (edges[:-1] + edges[1:]) / 2, grounds)
    evened: Grey = np.clip(line - ground + _MIDDLE, 0, _LEVELS - 1).astype(np.uint8)
    return evened


_LEVELS = 256

_MOST = 0.995
"""The share of the pixels that differ less from the ground than the contrast says: the others are noise."""


def percentile(counts: NDArray[np.float64], share: float) -> float:
    """The value below which that share of values is, of how many there are of 0, 1, 2 and so on.

    As numpy.percentile says it, from the counts, which is three times as fast.
    """
    until = np.cumsum(counts)
    place = share * (until[-1] - 1)
    below, above = np.searchsorted(until, (np.floor(place), np.ceil(place)), side="right")
    return float(below + (above - below) * (place - np.floor(place)))


_THIN = 0.004
"""The share of the columns that have ink in a row of the line."""

_GAP = 12
"""A gap of less than this part of the crop is inside letters, as under the dot of an i."""
