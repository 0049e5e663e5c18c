"""Tells letters that are lost from letters that the recogniser reads differently at any size.

It takes a bar for an l, three quotation marks for two, and an icon for some letter or other, and another one
at each size. So before a line counts as lost it is also read where it is smaller than in the file and still
clear: what differs there as much is no loss.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgbudget.legibility.comparison import share_kept
from imgbudget.legibility.crops import on_smaller, quad_of
from imgbudget.legibility.picture import seen_part
from imgbudget.limits.geometry import Size
from imgbudget.model.text import LOST_HEIGHT, TextLine

if TYPE_CHECKING:
    from imgbudget.legibility.reading import PictureReading

_ALSO_CLEAR = (9.0, 12.0)
"""Px of letters that are surely clear: at these heights a line is read once more before it counts as lost."""

_AGREES = 0.5
"""The share from which on two readings of clear letters are of the same text; else it is an icon."""

SMALLER = 1.1
"""The factor from which on a size is another one."""


class ClearReadings:
    """What is read of the lines of one picture at sizes at which they are clear; each is read once."""

    def __init__(self, reading: "PictureReading") -> None:
        self._reading = reading
        self._texts: dict[tuple[int, bool], Sequence[str]] = {}

    def share_kept(self, number: int, line: TextLine, text: str, height: float) -> float:
        """The share of the characters of a line that are kept in its reading at a height in px as seen.

        All, if the readings at clear sizes differ as much from each other.
        """
        full = line.text or ""
        kept = share_kept(full, text, is_part=line.is_part)
        if kept == 1 or height <= LOST_HEIGHT:
            return kept
        clear = self._at_clear_sizes(number, line)
        agreement = min(share_kept(full, other, is_part=line.is_part) for other in clear)
        if agreement < _AGREES:  # an icon
            return 1.0
        best = max(share_kept(other, text, is_part=line.is_part) for other in clear)
        return 1.0 if best >= agreement else kept

    def _at_clear_sizes(self, number: int, line: TextLine) -> Sequence[str]:
        key = number, line.is_part
        if key not in self._texts:
            heights = (height for height in _ALSO_CLEAR if line.height > height * SMALLER)
            others = (self._read(number, line, height / line.height) for height in heights)
            self._texts[key] = [line.text or "", *others]
        return self._texts[key]

    def _read(self, number: int, line: TextLine, share: float) -> str:
        picture, full = self._reading.picture, self._reading.size
        size = Size(*(max(round(edge * share), 1) for edge in full))
        quad = on_smaller(quad_of(line.corners), full, size)
        part, corner = seen_part(picture, size, quad)
        return self._reading.recognised(part, quad - corner, number, line).text
