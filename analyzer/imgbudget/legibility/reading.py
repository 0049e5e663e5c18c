"""Reads the text of an image at full size and at the sizes that models see, and compares both."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from PIL.Image import Image, Transpose

from imgbudget.legibility.agreement import ClearReadings
from imgbudget.legibility.comparison import letters_kept, share_kept, significant
from imgbudget.legibility.crops import (
    beginning,
    corners_of,
    crop,
    lengths,
    on_smaller,
    pixels_of,
    quad_of,
    widened,
)
from imgbudget.legibility.detection import find_lines, stronger_cells
from imgbudget.legibility.engine import Engine, Quad, Recognised
from imgbudget.legibility.ink import letters_of
from imgbudget.legibility.likeness import alike_cells, is_same
from imgbudget.legibility.picture import RESAMPLING, SAMPLED, sampled_picture, seen_picture
from imgbudget.limits.geometry import Size
from imgbudget.model.text import (
    CLEAR_HEIGHT,
    FAINT_CLEAR_HEIGHT,
    LOST_HEIGHT,
    SMALL_HEIGHT,
    AppearingLine,
    ImageText,
    LineState,
    SeenLine,
    SeenText,
    TextLine,
)

_FAINT = 90.0
"""Letters of less contrast, of 255, are in doubt up to `FAINT_CLEAR_HEIGHT`."""

_PART = 10.0
"""The length of what is read of a line at most, by the height of its box: about 20 characters."""

_EACH, _MOST = 4, 12
"""Lines that are read of about the same height as seen, and of a size as a whole, unless all are."""

_SURELY_LOST, _SURELY_KEPT = 0.55, 0.93
"""Shares of a part of a line under which the line is lost, and from which on it is not: between, the whole
line is read.
"""

_FEW = 3
"""Lines that are lost, up to which each is compared with what is read of it at other clear sizes."""

_MORE = 1.0
"""Px as seen on each side with which a line is read once more before it counts as lost."""

_BIN = 0.5
"""Px of height as seen between lines of about the same height."""

_CERTAIN, _LIKELY = 0.5, 0.3
"""How certain the recogniser has to be at full size, from 0 to 1, for its reading to be compared; and for a
line to count as text, which is then kept or lost by its height."""

_SURELY = 0.9
"""How certain the recogniser has to be of a single digit, as on the axis of a chart, and of two characters:
others are icons.
"""


class ReadingOptions(NamedTuple):
    """How much is read.

    With `every_line` all lines are read, and as a whole; else the beginnings of some of those that are in
    doubt, of at most `part` times the height of their boxes. With `appearing` lines are looked for that can
    be read only at the smaller size.
    """

    every_line: bool = False
    appearing: bool = True
    part: float = _PART


SAMPLE = ReadingOptions()
"""A sample of the lines that are in doubt."""


def read_text(
    picture: Image, sizes: Iterable[Size], engine: Engine, options: ReadingOptions = SAMPLE
) -> ImageText:
    """The text of a picture, upright and opaque, and what of it is left at each of these sizes in px.

    Lines are found at full size. Of those whose height leaves doubt at a size, and of all with `every_line`,
    the same part is read at both sizes; the shares of others follow from lines of about their height.
    """
    return PictureReading(picture, engine, options).at(dict.fromkeys(sizes))


class PictureReading:
    """The reading of one picture; each part of a line is read once at full size."""

    def __init__(self, picture: Image, engine: Engine, options: ReadingOptions) -> None:
        self.picture: Image = picture
        self.engine: Engine = engine
        self.options: ReadingOptions = options
        self.size: Size = Size(*picture.size)
        found = find_lines(picture, engine)
        self.finest: float = found.finest
        self.lines: list[TextLine | None] = list(found.lines)
        self.clear: ClearReadings = ClearReadings(self)
        self._turned: dict[int, bool] = {}
        self._whole: set[int] = set()
        self._unread: set[int] = set()

    def at(self, sizes: Iterable[Size]) -> ImageText:
        """The text at these sizes."""
        if self.options.every_line:
            for number in range(len(self.lines)):
                self.line_at(number)
        seen = [self._seen(size) for size in sizes]
        # a line may have turned out to be no text when a later size was read
        read = {line.corners: line for line in self.lines if line is not None}
        kept = [
            one._replace(
                lines=tuple(
                    line._replace(line=line.line if line.is_measured else read[line.line.corners])
                    for line in one.lines
                    if line.line.corners in read
                )
            )
            for one in seen
        ]
        return ImageText(self.size, tuple(read.values()), tuple(kept), self.finest)

    def _seen(self, size: Size) -> SeenText:
        smaller = seen_picture(self.picture, size)
        if smaller is self.picture:
            for number in self._doubtful(1.0):  # specks and icons are no text
                self.line_at(number)
            same = (SeenLine(line, line.height, 1.0, line.text) for line in self.lines if line is not None)
            return SeenText(size, tuple(same))
        factor = self._factor(size)
        measured = dict(self._compared(smaller, size, self._doubtful(factor)))
        unsure = self._unsure(measured, factor)
        self._whole.update(unsure)
        measured |= self._compared(smaller, size, unsure)
        # rules that cross letters can be taken for them, and make lines seem too low
        measured |= self._compared(smaller, size, self._hopeless(factor))
        measured |= self._confirmed(measured, smaller, size)
        curve = [(one.height, one.line.characters, one.kept) for one in measured.values()]
        for number, found in enumerate(self.lines):
            if found is not None and number not in measured:
                height = found.height * factor
                estimate = estimated_share(height, found.contrast, curve)
                measured[number] = SeenLine(found, height, estimate)
        appearing = tuple(self._appearing(smaller, size)) if self.options.appearing else ()
        return SeenText(size, tuple(measured[number] for number in sorted(measured)), appearing)

    def _compared(self, smaller: Image, size: Size, numbers: Iterable[int]) -> Iterator[tuple[int, SeenLine]]:
        """Lines as they are read at full size and in the smaller picture; those that are text."""
        factor = self._factor(size)
        for number in numbers:
            line = self.line_at(number)
            if line is not None and line.text is not None:
                quad = on_smaller(quad_of(line.corners), self.size, size)
                text = self.recognised(smaller, quad, number, line).text
                kept = share_kept(line.text, text, is_part=line.is_part)
                yield number, SeenLine(line, line.height * factor, kept, text)

    def _unsure(self, measured: Mapping[int, SeenLine], factor: float) -> list[int]:
        """The lines to read as a whole, if it is not sure from a sample whether any line is lost.

        A wrong letter weighs more in a part than in the line: those near the bound are read again, and then
        others of about their height. Of letters that are too small to be kept as a rule, further lines are
        read: a few of one height may all be short numbers, which are read where words are not.
        """
        if self.options.every_line or any(one.kept < _SURELY_LOST for one in measured.values()):
            return []
        near = {number: one for number, one in measured.items() if one.kept < _SURELY_KEPT}
        heights = {round(one.height / _BIN) for one in near.values()}
        others = [
            number
            for number, line in enumerate(self.lines)
            if line is not None and number not in measured and round(line.height * factor / _BIN) in heights
        ]
        parts = [number for number, one in near.items() if one.line.is_part]
        parts.sort(key=lambda number: near[number].kept)
        chosen = [*parts, *others[:: max(len(others) // _MOST, 1)]]
        return list(dict.fromkeys([*chosen, *self._too_small(measured, factor)]))[:_MOST]

    def _too_small(self, measured: Mapping[int, SeenLine], factor: float) -> list[int]:
        """Lines that were not read and are too small to be kept as a rule; the smallest and longest first."""
        found = [
            (line.height, -line.characters, number)
            for number, line in enumerate(self.lines)
            if line is not None
            and number not in measured
            and LOST_HEIGHT < line.height * factor < SMALL_HEIGHT
        ]
        return [number for *_, number in sorted(found)]

    def _confirmed(self, measured: Mapping[int, SeenLine], smaller: Image, size: Size) -> dict[int, SeenLine]:
        """Lines that count as lost, read once more with more around them, and compared at clear sizes.

        Only if they are so few that a report hangs on them: one reading of a line in ten differs by chance.
        """
        lost = {number: one for number, one in measured.items() if one.state is LineState.LOST}
        if len(lost) > _FEW:
            return {}
        found = {}
        for number, one in lost.items():
            quad = widened(on_smaller(quad_of(one.line.corners), self.size, size), _MORE)
            texts = one.text or "", self.recognised(smaller, quad, number, one.line).text
            share, text = max((self._kept(number, one, text), text) for text in texts)
            found[number] = one._replace(kept=share, text=text)
        return found

    def _kept(self, number: int, seen: SeenLine, text: str) -> float:
        """The share of a line that is kept in a reading at a smaller size, by its letters at least."""
        line = seen.line
        letters = letters_kept(line.text or "", text, is_part=line.is_part)
        return max(self.clear.share_kept(number, line, text, seen.height), letters)

    def _factor(self, size: Size) -> float:
        """Px as seen for each px as stored: of the edge that shrinks more."""
        return min(size.width / self.size.width, size.height / self.size.height)

    def _doubtful(self, factor: float) -> list[int]:
        """The lines to read at a size: all, or some of each height that leaves doubt."""
        if self.options.every_line:
            return list(range(len(self.lines)))
        bins: dict[int, list[int]] = {}
        for number, line in enumerate(self.lines):
            if line is not None and is_doubtful(line.height * factor, line.contrast):
                bins.setdefault(round(line.height * factor / _BIN), []).append(number)
        chosen: list[int] = []
        for place in range(_EACH):
            for _, numbers in sorted(bins.items()):
                # spread over the image, not the first ones only
                step = max(len(numbers) // _EACH, 1)
                chosen += numbers[place * step : place * step + 1]
        return chosen[:_MOST]

    def _hopeless(self, factor: float) -> list[int]:
        """Some of the lines that seem too low to be kept at a size, to know whether they are text at all."""
        lost = [
            number
            for number, line in enumerate(self.lines)
            if line is not None and line.height * factor <= LOST_HEIGHT
        ]
        return lost[:: max(len(lost) // _EACH, 1)][:_EACH]

    def line_at(self, number: int) -> TextLine | None:
        """A line with what is read of it at full size; None if that is no text."""
        line = self.lines[number]
        if line is None or number in self._unread:
            return line
        if line.text is not None and not (line.is_part and number in self._whole):
            return line
        quad = quad_of(line.corners)
        found = self.recognised(self.picture, quad, number, line)
        letters = significant(found.text)
        if not _is_text(found):
            self.lines[number] = None
            return None
        if found.score < _CERTAIN:  # a script that the recogniser does not know, or a texture
            self._unread.add(number)
            return line
        share = self._share(quad, number)
        characters = max(round(len(letters) / share), len(letters))
        self.lines[number] = read = line._replace(text=found.text, is_part=share < 1, characters=characters)
        return read

    def read_as_a_whole(self, numbers: Iterable[int]) -> None:
        """Read these lines as a whole from now on, and not their beginnings only."""
        self._whole.update(numbers)

    def is_unread(self, number: int) -> bool:
        """Whether the recogniser was asked for a line at full size and is not certain what it says."""
        return number in self._unread

    def _share(self, quad: Quad, number: int) -> float:
        """The share of a line that is read."""
        if self.options.every_line or number in self._whole:
            return 1.0
        length, height = lengths(quad)
        return min(self.options.part * height / length, 1.0) if length else 1.0

    def recognised(self, picture: Image, quad: Quad, number: int, line: TextLine) -> Recognised:
        """What is read of a line in the picture at one of its sizes."""
        whole = quad_of(line.corners)
        part = crop(picture, beginning(quad, self._share(whole, number)))
        if self._turned.get(number):
            part = part.transpose(Transpose.ROTATE_180)
        found = self.engine.recognise(pixels_of(part))
        if number not in self._turned:
            self._turned[number] = False
            if found.score < _UNSURE:
                # letters that run up are upside down once the line is turned
                again = self.engine.recognise(pixels_of(part.transpose(Transpose.ROTATE_180)))
                if again.score > found.score:
                    self._turned[number] = True
                    return again
        return found

    def _appearing(self, smaller: Image, size: Size) -> Iterator[AppearingLine]:
        """The lines that are read in the smaller picture and not at full size, by any filter, each once."""
        lines = (line for line in self.lines if line is not None)
        known = [on_smaller(quad_of(line.corners), self.size, size) for line in lines]
        found = self._appearing_in(smaller, find_lines(smaller, self.engine, known=known).lines, size)
        yield from (AppearingLine(line, "lanczos") for line in found)
        grey = np.asarray(smaller.convert("L"))
        for sampling in SAMPLED:
            sampled = sampled_picture(self.picture, size, sampling)
            sparse = np.asarray(sampled.convert("L"))
            cells = stronger_cells(sparse, grey)
            if cells.any() and (cells := cells & ~alike_cells(sparse, grey)).any():
                lines_there = [
                    line
                    for line in find_lines(sampled, self.engine, within=cells).lines
                    if not is_same(sparse, grey, line)
                ]
                appearing = [
                    AppearingLine(line, sampling.name)
                    for line in self._appearing_in(sampled, lines_there, size)
                ]
                if appearing:
                    yield from appearing
                    return

    def _appearing_in(self, picture: Image, lines: Sequence[TextLine], size: Size) -> Iterator[TextLine]:
        """The lines of a smaller picture that stand out and are read there, and not at full size."""
        for line in sorted(lines, key=lambda line: -line.height)[:_MOST]:
            quad = quad_of(line.corners)
            length, height = lengths(quad)
            first = beginning(quad, min(_PART * height / max(length, 1.0), 1.0))
            if self._appears(picture, first, line.contrast, size):
                text = self.engine.recognise(pixels_of(crop(picture, quad))).text
                yield line._replace(
                    corners=corners_of(on_smaller(quad, size, self.size)),
                    height=line.height * self.size.width / size.width,
                    text=text,
                    characters=len(significant(text)),
                )

    def _appears(self, picture: Image, quad: Quad, contrast: float, size: Size) -> bool:
        """Whether something in a smaller picture is read there, and not at full size."""
        there = self.engine.recognise(pixels_of(crop(picture, quad)))
        if there.score < _SURE or len(significant(there.text)) < _LEAST:
            return False
        part = crop(self.picture, on_smaller(quad, size, self.size))
        part = part.resize((max(part.width * _READ // part.height, 1), _READ), RESAMPLING)
        here = letters_of(np.asarray(part.convert("L")))
        faint = here is None or here.contrast < _FAINTER * contrast
        return faint or share_kept(there.text, self.engine.recognise(pixels_of(part)).text) < _OTHER


_READ = 48
"""Px of height of what the recogniser reads: a larger line is averaged to it, as eyes average."""

_FAINTER = 0.35
"""A line appears whose letters have less than this share of their contrast at full size."""

_UNSURE = 0.75
"""A certainty below which the text may be upside down."""

_SURE, _LEAST, _OTHER = 0.8, 4, 0.4
"""Text appears if it is read so certainly, with so many characters, of which less than this share is read at
full size."""


def _is_text(found: Recognised) -> bool:
    """Whether what was read at full size is text at all, and no icon, speck or texture."""
    letters = significant(found.text)
    if len(letters) == 1:
        return letters.isdigit() and found.score >= _SURELY
    return any(map(str.isalnum, letters)) and found.score >= (_SURELY if len(letters) == 2 else _LIKELY)


def is_doubtful(height: float, contrast: float) -> bool:
    """Whether letters of a height in px as seen may be lost or kept."""
    return LOST_HEIGHT < height < (FAINT_CLEAR_HEIGHT if contrast < _FAINT else CLEAR_HEIGHT)


def estimated_share(height: float, contrast: float, curve: Sequence[tuple[float, int, float]]) -> float:
    """The share of the characters that is kept of a line that was not read at a height in px as seen.

    `curve` are heights, characters and shares of lines that were read at this size: those of about the same
    height count, and without any the general curve of `share_at`.
    """
    if not is_doubtful(height, contrast):
        return 0.0 if height <= LOST_HEIGHT else 1.0
    near = [(many, share) for other, many, share in curve if abs(other - height) <= _BIN]
    if not near:
        return share_at(height)
    return sum(many * share for many, share in near) / sum(many for many, _ in near)


_CURVE = (
    *((2.0, 0.0), (3.0, 0.16), (3.5, 0.45), (4.0, 0.71), (4.5, 0.84), (5.0, 0.97)),
    *((5.5, 0.97), (6.0, 0.985), (6.5, 0.99), (7.0, 0.99), (7.5, 0.998), (8.0, 1.0)),
)
"""Px of height as seen, and the share of the characters that is read: means over lines in four Latin fonts of
good contrast (docs/legibility.md, tests/legibility_curves.csv)."""


def share_at(height: float) -> float:
    """The share of characters that is read of letters of a height in px, as measured on rendered fonts."""
    if height <= _CURVE[0][0]:
        return 0.0
    for (low, first), (high, second) in pairwise(_CURVE):
        if height <= high:
            return first + (second - first) * (height - low) / (high - low)
    return 1.0
