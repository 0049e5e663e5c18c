"""A hollow text in one piece: placeholders where its cuts were, and the way from its places to the file's."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from imgbudget.sources.hollow import Cut, tally_of
from imgbudget.sources.jsonparse import MalformedError
from imgbudget.sources.jsonsource import JsonSource

_MARK = b"\\u0001"


class Point(NamedTuple):
    """A place in the file: the byte offset, and line and column, counted from 1 in characters."""

    offset: int
    line: int
    column: int


class Hole(NamedTuple):
    """Where in the hollow text the placeholder of a cut stands."""

    start: int
    end: int
    cut: Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class HollowText:
    """The text of one document. A placeholder is `mark` and the number of its cut, inside the quotes.

    The text begins at byte `base` of the file, at the beginning of line `line`.
    """

    text: str
    mark: str
    cuts: tuple[Cut, ...]
    source: JsonSource
    base: int
    line: int

    @property
    def placeholders(self) -> dict[str, Cut]:
        """Each placeholder as the parser hands it out, and its cut."""
        mark = "\x01" * (len(self.mark) // len(_MARK))
        return {f"{mark}{i}": cut for i, cut in enumerate(self.cuts)}

    def holes(self) -> Iterator[Hole]:
        """The placeholders in order."""
        find, length, end = self.text.find, len(self.mark), 0
        for number, cut in enumerate(self.cuts):
            start = find(self.mark, end)
            end = start + length + len(str(number))
            yield Hole(start, end, cut)

    def points(self, positions: Iterable[int]) -> dict[int, Point]:
        """Where positions of the text stand in the file, told in one pass; in a placeholder its beginning."""
        cursor = _Cursor(self.text, self.base, self.line)
        holes = self.holes()
        hole = next(holes, None)
        found = {}
        for position in sorted(set(positions)):
            while hole and hole.end <= position:
                cursor.jump(hole, self.source)
                hole = next(holes, None)
            cursor.move(hole.start if hole and hole.start < position else position)
            found[position] = Point(cursor.offset, cursor.line, cursor.column)
        return found

    def mistake(self, wrong: MalformedError | None) -> tuple[Point, str] | None:
        """The first mistake of the document: what the parser says of the text, or what a cut is."""
        flawed = next((cut for cut in self.cuts if cut.tally and cut.tally.flaw), None)
        hole = next((hole for hole in self.holes() if hole.cut is flawed), None) if flawed else None
        if hole is None or hole.cut.tally is None or hole.cut.tally.flaw is None:
            return (self.points([wrong.position])[wrong.position], str(wrong)) if wrong else None
        # the scan may have stopped at the flaw: that the string has no end is then no news
        unended = wrong is not None and wrong.position == hole.start - 1 and "unterminated" in str(wrong)
        if wrong and wrong.position <= hole.start and not unended:
            return self.points([wrong.position])[wrong.position], str(wrong)
        flaw = hole.cut.tally.flaw
        begin = self.points([hole.start])[hole.start]
        return Point(flaw.offset, begin.line, begin.column + flaw.characters), flaw.message


class _Cursor:
    """Walks the hollow text and keeps the place in the file."""

    __slots__ = ("_ascii", "_at", "_text", "column", "line", "offset")

    def __init__(self, text: str, offset: int, line: int) -> None:
        self._text = text
        self._ascii = text.isascii()
        self._at = 0
        self.offset = offset
        self.line = line
        self.column = 1

    def move(self, position: int) -> None:
        at, text = self._at, self._text
        self._at = position
        self.offset += position - at if self._ascii else len(text[at:position].encode())
        newline = text.rfind("\n", at, position)
        if newline < 0:
            self.column += position - at
        else:
            self.line += text.count("\n", at, position)
            self.column = position - newline

    def jump(self, hole: Hole, source: JsonSource) -> None:
        self.move(hole.start)
        self._at = hole.end
        self.offset = hole.cut.end
        self.column += tally_of(hole.cut, source).width  # no line ends inside a string


def fill(pieces: list[bytes | Cut]) -> tuple[bytes, str, tuple[Cut, ...]]:
    """The pieces joined, with placeholders for the cuts; also the mark of these, and the cuts.

    The mark is U+0001, written as an escape: it cannot stand in JSON in any other way, and outside of a
    string it is an error. As many of them make the mark as stand nowhere else in a row.
    """
    cuts = tuple(piece for piece in pieces if isinstance(piece, Cut))
    joined = _join(pieces, _MARK)
    if not cuts or joined.count(_MARK) == len(cuts):
        return joined, _MARK.decode(), cuts
    mark = max(re.findall(rb"(?:\\u0001)+", joined), key=len) + _MARK
    return _join(pieces, mark), mark.decode(), cuts


def _join(pieces: list[bytes | Cut], mark: bytes) -> bytes:
    parts = []
    count = 0
    for piece in pieces:
        if isinstance(piece, Cut):
            parts.append(b"%b%d" % (mark, count))
            count += 1
        else:
            parts.append(piece)
    return b"".join(parts)
