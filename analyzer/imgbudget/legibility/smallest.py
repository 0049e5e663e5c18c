"""Finds the smallest size at which the text of an image is still read as at full size.

Lines are found once, at full size. At each size that is tried the smallest lines are read first, in the
boxes that are known, and reading stops once more characters are lost than may be: sizes that lose some cost
a line or two, and sizes at which all letters are tall cost nothing. Lines that were kept at a smaller size
are not read again. What is found that way is then proved: every line in doubt is read as a whole at the
chosen size, and if one loses characters the search goes on above with that line. At the end the detector,
which gets the smaller picture only, has to find the lines again.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from PIL.Image import Image

from imgbudget.legibility.agreement import SMALLER
from imgbudget.legibility.crops import lengths, on_smaller, quad_of
from imgbudget.legibility.detection import find_lines
from imgbudget.legibility.engine import Engine, Quad
from imgbudget.legibility.picture import seen_picture
from imgbudget.legibility.reading import PictureReading, ReadingOptions, estimated_share, is_doubtful
from imgbudget.limits.geometry import Size
from imgbudget.model.contents import ContentAt, ContentSize, ContentTarget, LostText
from imgbudget.model.text import CLEAR_HEIGHT, LOST_HEIGHT, TextLine

_MOST_READ = 48
"""Lines that are read at one size: the smallest, and some of the others."""

_MOST_WIDTH = 24_000
"""Px of width, of lines scaled to 48 px of height, that are read at one size: two seconds of CPU."""

_HEIGHT, _LEAST_WIDTH = 48, 320
"""Px of what the recogniser reads: lines are scaled to that height, and padded to that width."""

_PARTS = (80.0, 40.0, 24.0, 16.0, 10.0)
"""The lengths of what is read of long lines, by the height of their boxes: as long as time permits."""

_MANY = 1 / 3
"""The share of the lines from which on those that cannot be read are a script that the recogniser does not
know, whose heights count, and no icons."""

_STEPS_UP = 3
"""Sizes up to which the detector may send a result."""

_COVERED = 0.5
"""The share of a line's box in the boxes that a detector finds from which on it is found again."""


def smallest_legible(
    picture: Image, sizes: Sequence[Size], engine: Engine, target: ContentTarget
) -> ContentSize:
    """The smallest of these sizes, ascending in px, at which the share of characters is at least the bound.

    The last size is the largest that the model sees. Nothing is kept if that loses text.
    """
    search = _TextSearch(picture, engine, target.bound)
    seen = sizes[-1]
    if not search.numbers:
        return ContentSize(target, seen)
    top = search.at(seen)
    if not search.is_enough(top):
        return search.result(ContentSize(target, seen, lost=top))
    chosen = search.proved(sizes)
    if chosen is None:
        return search.result(ContentSize(target, seen, lost=search.at(seen)))
    for number in range(chosen, min(chosen + _STEPS_UP, len(sizes))):
        if search.proves(sizes[number]) and search.finds_again(sizes[number]):
            chosen = number
            break
    lost = search.at(sizes[chosen - 1]) if chosen else None
    return search.result(ContentSize(target, seen, search.at(sizes[chosen]), lost))


def text_at(picture: Image, sizes: Iterable[Size], engine: Engine) -> tuple[ContentAt, ...]:
    """What is left of the text of a picture at some sizes, by every line as a whole: slow, to verify results.

    Sizes come in ascending order: what is kept at one is not read again at the next.
    """
    search = _TextSearch(picture, engine, 0.0, every_line=True)
    return tuple(search.at(size) for size in sizes)


class _TextSearch:
    """The reading of one picture at several sizes."""

    def __init__(self, picture: Image, engine: Engine, bound: float, *, every_line: bool = False) -> None:
        self._sample: Callable[[Sequence[int]], Sequence[int]] = tuple if every_line else _sample
        self.picture, self.engine, self.bound = picture, engine, bound
        self.size = Size(*picture.size)
        self.reading = PictureReading(picture, engine, ReadingOptions(appearing=False))
        found = [(line.height, number) for number, line in enumerate(self.reading.lines) if line is not None]
        order = [number for _, number in sorted(found)]
        self.reading.options = self.reading.options._replace(
            every_line=every_line, part=_part(self._quads(_sample(order)))
        )
        for number in self._sample(order):
            self.reading.line_at(number)
        # a photograph has boxes that turn out to hold no text; unread lines are text if read ones are
        texts = [line for number in order if (line := self.reading.lines[number]) and line.text]
        self.numbers = [number for number in order if self.reading.lines[number] is not None] if texts else []
        read = [line for number in self._sample(order) if (line := self.reading.lines[number])]
        self._heights_count = len(read) - len(texts) >= _MANY * len(read)
        self._tried: dict[Size, ContentAt] = {}
        self._measured_at: set[Size] = set()
        self._proved: set[Size] = set()
        self._losing: set[int] = set()
        self._kept_at: dict[tuple[int, bool], float] = {}

    def _quads(self, numbers: Iterable[int]) -> list[Quad]:
        return [quad_of(line.corners) for number in numbers if (line := self.reading.lines[number])]

    @property
    def _lines(self) -> list[tuple[int, TextLine]]:
        """The lines that are text, the smallest first."""
        lines = [(number, line) for number in self.numbers if (line := self.reading.lines[number])]
        return lines if self._heights_count else [one for one in lines if self._is_certain(*one)]

    def _is_certain(self, number: int, line: TextLine) -> bool:
        """Whether letters or digits were read in a line, or nobody tried."""
        if line.text is None:
            return not self.reading.is_unread(number)
        return any(letter.isalnum() for letter in line.text)

    def result(self, found: ContentSize) -> ContentSize:
        """The result with what was counted."""
        lines = [line for _, line in self._lines]
        characters = sum(line.characters for line in lines)
        return found._replace(lines=len(lines), characters=characters, tried=len(self._measured_at))

    def is_enough(self, found: ContentAt) -> bool:
        """Whether a size keeps the share that is asked for."""
        return found.kept is not None and found.kept >= self.bound - _ROUNDING

    def keeps(self, size: Size) -> bool:
        """Whether a size, once measured, keeps the share that is asked for."""
        return self.is_enough(self.at(size))

    def proved(self, sizes: Sequence[Size]) -> int | None:
        """The number of the smallest of these ascending sizes that is proved to keep the share; None if none.

        The last one is taken to keep it unless that is disproved.
        """
        least, numbers = 0, range(len(sizes) - 1)
        while least < len(sizes):
            first = bisect_left(numbers, 1, lo=least, key=lambda number: self.keeps(sizes[number]))
            if self.proves(sizes[first]):
                return first
            least = first + 1
        return None

    def proves(self, size: Size) -> bool:
        """Whether a size keeps the share of characters by every line in doubt, each read as a whole.

        If not, the lines that lose some are among those that are read at all other sizes.
        """
        if size not in self._proved:
            self._proved.add(size)
            found = self._measured(size, every_line=True)
            # sizes that seemed to keep the text are measured again, with the lines that lose some
            known = self._tried.items()
            self._tried = {
                other: at for other, at in known if other in self._proved or not self.is_enough(at)
            } | {size: found}
        return self.keeps(size)

    def finds_again(self, size: Size) -> bool:
        """Whether the detector finds the share of the lines again in the picture at a size alone."""
        found = self.at(size)
        if not self.is_enough(found):
            return False
        if found.lines_found is None:
            wanted = [quad_of(line.corners) for _, line in self._lines if line.text]
            boxes = [quad_of(one.corners) for one in find_lines(self._at_size(size), self.engine).lines]
            again = sum(_is_covered(on_smaller(quad, self.size, size), boxes) for quad in wanted)
            self._tried[size] = found = found._replace(lines_found=again, lines_sought=len(wanted))
        return (found.lines_found or 0) >= found.lines_sought * self.bound - _ROUNDING

    def at(self, size: Size) -> ContentAt:
        """What is left of the text at a size; each is measured once."""
        if size not in self._tried:
            self._tried[size] = self._measured(size)
        return self._tried[size]

    def _at_size(self, size: Size) -> Image:
        return seen_picture(self.picture, size)

    def _measured(self, size: Size, *, every_line: bool = False) -> ContentAt:
        """What is left at a size by a sample of the lines in doubt, or by all of them, read as a whole."""
        self._measured_at.add(size)
        factor = self._factor(size)
        smallest = min((line.height for _, line in self._lines), default=0) * factor
        smaller = self._at_size(size)
        if smaller is self.picture:
            return ContentAt(size, 1.0, smallest=smallest)
        allowed = (1 - self.bound) * self._characters + _ROUNDING
        doubtful = [number for number, line in self._lines if _in_doubt(line, factor)]
        curve: list[tuple[float, int, float]] = []
        lost, missing, read, many = [], 0.0, 0, len(doubtful)
        chosen = doubtful if every_line else self._chosen(doubtful)
        if every_line:
            self.reading.read_as_a_whole(chosen)
        for number in chosen:
            line = self.reading.line_at(number)
            if line is None or not (self._heights_count or self._is_certain(number, line)):
                many -= 1
                continue
            kept, text = self._read_at(number, line, smaller, size)
            read += 1
            curve.append((line.height * factor, line.characters, kept))
            if kept < 1:
                missing += (1 - kept) * line.characters
                lost.append(LostText(line.text or "", text, line.height * factor, line.box, kept))
                if every_line:
                    self._losing.add(number)
                elif missing > allowed:
                    return ContentAt(size, None, tuple(lost), read, many, smallest=smallest)
        for number in set(doubtful) - set(chosen):
            line = self.reading.lines[number]
            if line is None:
                continue
            missing += (1 - estimated_share(line.height * factor, line.contrast, curve)) * line.characters
        share = 1 - missing / max(self._characters, 1)
        # what is not read is no loss where none is permitted: it is read before the size is chosen
        kept = share if lost or self.bound < 1 else 1.0
        return ContentAt(size, kept, tuple(lost), read, many, smallest=smallest)

    @property
    def _characters(self) -> int:
        return sum(line.characters for _, line in self._lines)

    def _chosen(self, doubtful: Sequence[int]) -> list[int]:
        """The lines to read of those in doubt: those that lose characters elsewhere, and a sample."""
        losing = [number for number in doubtful if number in self._losing]
        return [*losing, *self._sample([number for number in doubtful if number not in self._losing])]

    def _factor(self, size: Size) -> float:
        return min(size.width / self.size.width, size.height / self.size.height)

    def _read_at(self, number: int, line: TextLine, smaller: Image, size: Size) -> tuple[float, str]:
        """The share that is kept of the characters of a line in the picture at a size, and its reading."""
        factor, key = self._factor(size), (number, line.is_part)
        if not line.text:  # a script that the recogniser does not know: only its height is known
            return 0.0, ""
        if factor >= self._kept_at.get(key, 2.0):
            return 1.0, line.text
        quad = on_smaller(quad_of(line.corners), self.size, size)
        text = self.reading.recognised(smaller, quad, number, line).text
        kept = self.reading.clear.share_kept(number, line, text, line.height * factor)
        if kept == 1:
            self._kept_at[key] = factor
        return kept, text


_ROUNDING = 1e-9


def _in_doubt(line: TextLine, factor: float) -> bool:
    """Whether a line may be lost, or is, at this share of full size.

    Of a script that the recogniser does not know, letters can only be known to be clear no longer.
    """
    height = line.height * factor
    if line.text is None and line.height < CLEAR_HEIGHT * SMALLER:
        return False
    return is_doubtful(height, line.contrast) or height <= LOST_HEIGHT


def _sample(numbers: Sequence[int]) -> list[int]:
    """The smallest lines, and some of the others in the same order."""
    if len(numbers) <= _MOST_READ:
        return list(numbers)
    half = _MOST_READ // 2
    rest = numbers[half:]
    return [*numbers[:half], *(rest[place * len(rest) // half] for place in range(half))]


def _part(quads: Sequence[Quad]) -> float:
    """The length of what is read of long lines, by the height of their boxes."""
    for part in _PARTS:
        width = sum(
            max(min(length / max(height, 1), part) * _HEIGHT, _LEAST_WIDTH)
            for length, height in map(lengths, quads)
        )
        if width <= _MOST_WIDTH:
            return part
    return _PARTS[-1]


def _is_covered(quad: Quad, boxes: Iterable[Quad]) -> bool:
    """Whether boxes cover a line."""
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    area = 0.0
    for box in boxes:
        (one, two), (three, four) = box.min(axis=0), box.max(axis=0)
        area += max(min(right, three) - max(left, one), 0) * max(min(bottom, four) - max(top, two), 0)
    return bool(area >= _COVERED * (right - left) * (bottom - top))
