"""The text in an image: its lines at full size, and what is left of them at the size that a model sees.

A recogniser stands in for the model here: what it reads at the smaller size counts as kept. Heights are of
letters, in px, from the top of the tallest to the bottom of the lowest one of a line.
"""

from collections.abc import Callable
from enum import Enum

from imgbudget.limits.geometry import Size
from imgbudget.namedtuples import NamedTuple

CLEAR_HEIGHT = 7.5
"""Px of height as seen from which on letters of good contrast are kept: 995 of 1,000 characters are read. All
heights here follow from measured curves (docs/legibility.md, tests/legibility_curves.csv)."""

FAINT_CLEAR_HEIGHT = 9.0
"""Px of height as seen from which on faint letters are kept, on any ground: 99 of 100 characters are read."""

LOST_HEIGHT = 3.0
"""Px of height as seen up to which letters are lost: less than a fifth of the characters is read."""

SAFE_HEIGHT = 6.5
"""Px of height as seen that keep 99 of 100 characters: what advice aims at."""

SMALL_HEIGHT = 5.5
"""Px of height under which a line is not kept as a whole: less than 95 of 100 characters are read."""

_KEPT, _LOST = 0.95, 0.8
"""Shares of the characters of a line from which on it is kept, and under which it is lost."""

Point = tuple[float, float]

Corners = tuple[Point, Point, Point, Point]
"""The corners of a line in px of the image as displayed: top left, top right, bottom right, bottom left, as
the text is read."""


class LineState(Enum):
    """Whether a line survives the downscaling."""

    KEPT = "kept"
    DOUBTFUL = "doubtful"
    LOST = "lost"


def state_of(kept: float) -> LineState:
    """Whether a line of which this share of the characters is still read is kept, doubtful or lost."""
    if kept >= _KEPT:
        return LineState.KEPT
    return LineState.LOST if kept < _LOST else LineState.DOUBTFUL


class TextLine(NamedTuple):
    """A line of text of an image at full size.

    `height` is that of its letters in px, `contrast` their greatest difference from the ground, of 255.
    `characters` are those of the whole line without blanks, estimated from its length where it was not read.
    `text` is what was read of it at full size: None if it was not read, and only the beginning of a long line
    if `is_part`.
    """

    corners: Corners
    height: float
    contrast: float
    characters: int
    text: str | None = None
    is_part: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in px of the image as displayed."""
        across, down = zip(*self.corners, strict=True)
        return min(across), min(down), max(across), max(down)


class SeenLine(NamedTuple):
    """A line at the size that a model sees.

    `height` is in px of that size; `text` is what was read there of the same part as at full size, None if
    the line was not read. `kept` is the share of its characters that are still read, from 0 to 1: measured
    where the line was read, else taken from lines of about this height or from the height alone.
    """

    line: TextLine
    height: float
    kept: float
    text: str | None = None

    @property
    def state(self) -> LineState:
        """Whether the line is kept, doubtful or lost."""
        return state_of(self.kept)

    @property
    def is_measured(self) -> bool:
        """Whether the line was read at both sizes."""
        return self.text is not None


class AppearingLine(NamedTuple):
    """A line that can be read at the size that a model sees, and not at full size.

    `line` has its corners and height in px of full size. `resampling` is the filter that makes it appear:
    lanczos, or one that looks at the nearest px only: nearest, bilinear, bicubic.
    """

    line: TextLine
    resampling: str


class SeenText(NamedTuple):
    """The text of an image at one size in px; `appearing` are lines that can be read only at this size."""

    size: Size
    lines: tuple[SeenLine, ...]
    appearing: tuple[AppearingLine, ...] = ()

    @property
    def lost(self) -> tuple[SeenLine, ...]:
        """The lines that are lost."""
        return tuple(line for line in self.lines if line.state is LineState.LOST)

    @property
    def share_kept(self) -> float:
        """The share of all characters that are still read, from 0 to 1; 1 for an image without text."""
        every = sum(line.line.characters for line in self.lines)
        kept = sum(line.line.characters * line.kept for line in self.lines)
        return kept / every if every else 1.0

    @property
    def smallest(self) -> float | None:
        """The height of the smallest line in px as seen; None without text."""
        return min((line.height for line in self.lines), default=None)

    @property
    def measured(self) -> int:
        """How many of the lines were read at both sizes."""
        return sum(line.is_measured for line in self.lines)


class ImageText(NamedTuple):
    """The text of an image: `size` is that of the image as displayed, px; `seen` are the sizes asked for.

    `finest` is the height in px of the smallest letters that were looked for: more than the detector's own
    bound for an image so large that it was searched at a smaller size.
    """

    size: Size
    lines: tuple[TextLine, ...]
    seen: tuple[SeenText, ...]
    finest: float

    @property
    def characters(self) -> int:
        """The characters of all lines without blanks, as far as they were read; estimated for the others."""
        return sum(line.characters for line in self.lines)

    @property
    def smallest(self) -> float | None:
        """The height of the smallest line in px as stored; None without text."""
        return min((line.height for line in self.lines), default=None)

    def at(self, size: Size) -> SeenText:
        """The text at one of the sizes that were asked for. Raises KeyError for another size."""
        for seen in self.seen:
            if seen.size == size:
                return seen
        raise KeyError(f"the text was not read at {size}")


class StoredText:
    """The text of one image, which is read at a size when that is asked for: it takes seconds.

    `flaw` is why it could not be read, as a clause; None if it could, or nobody asked.
    """

    __slots__ = ("_read", "_seen", "flaw")

    def __init__(self, read: Callable[[Size], ImageText | str]) -> None:
        """Text that `read` returns for a size in px, or why it cannot be read."""
        self._read: Callable[[Size], ImageText | str] | None = read
        self._seen: dict[Size, ImageText | None] = {}
        self.flaw: str | None = None

    def at(self, size: Size) -> ImageText | None:
        """The text at full size and at this size in px of the upright image; None if it cannot be read."""
        if size not in self._seen:
            read = "its bytes are no longer in memory" if self._read is None else self._read(size)
            if isinstance(read, str):
                self.flaw = read
            self._seen[size] = None if isinstance(read, str) else read
        return self._seen[size]

    def release(self) -> None:
        """Let go of the bytes of the image."""
        self._read = None

    def __deepcopy__(self, _memo: object) -> "StoredText":
        """The same: what it reads never changes."""
        return self


class HeldBytes(StoredText):
    """The bytes of an image in place of its text, for who reads the text elsewhere."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        """These bytes, which are not read here."""
        super().__init__(lambda _size: "only its bytes are held")
        self.data: bytes = data


CHARACTERS_PER_TOKEN = 3.5
"""Characters of plain text per token, about: Anthropic's own rule of thumb for English (glossary, tokens)."""


def text_tokens(characters: int) -> int:
    """About how many tokens so many characters without blanks take as text, with a blank to every word."""
    return round(characters * _WITH_BLANKS / CHARACTERS_PER_TOKEN)


_WITH_BLANKS = 1.2
"""Characters with blanks for each one without, in English prose."""
