"""The text of an editor as UTF-8, with positions in the code units that editor and server agreed on.

The documents of pygls are not used: they also break lines at U+2028, U+0085 and others, which JSON strings
may hold and the protocol does not count, and walk through a line character by character with each change,
which takes a second in a line of two megabytes.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable

from imgbudget.namedtuples import NamedTuple

_BREAK = re.compile(rb"\r\n|\n|\r")
_CONTINUED = 0xC0, 0x80
"""Mask and value of the bytes of a character after its first one."""


class TextPlace(NamedTuple):
    """A position: the 0-based line, and the code units before it on that line."""

    line: int
    unit: int


class EditorText:
    """A text that does not change; `changed` makes the next one.

    `encoding` is utf-8, utf-16 or utf-32: what the units of a position are.
    """

    __slots__ = ("_is_ascii", "_last", "_starts", "data", "encoding")

    def __init__(self, data: bytes, encoding: str = "utf-16") -> None:
        self.data: bytes = data
        self.encoding: str = encoding
        self._is_ascii = data.isascii()
        self._starts: list[int] | None = None
        self._last = (0, 0, 0)

    @classmethod
    def of(cls, text: str, encoding: str = "utf-16") -> "EditorText":
        """The text of a message, in which halves of surrogate pairs may stand alone."""
        return cls(_bytes_of(text), encoding)

    @property
    def starts(self) -> list[int]:
        """The offset of the first byte of each line; lines end as the protocol says: at LF, CR LF and CR."""
        if self._starts is None:
            self._starts = [0, *_ends(self.data)]
        return self._starts

    def offset(self, place: TextPlace) -> int:
        """The byte at a position; what is beyond the line is its end, what is beyond the text its end."""
        starts = self.starts
        if place.line >= len(starts):
            return len(self.data)
        start = starts[place.line]
        end = starts[place.line + 1] if place.line + 1 < len(starts) else len(self.data)
        while end > start and self.data[end - 1] in b"\r\n":
            end -= 1
        units = max(place.unit, 0)
        if self._is_ascii or self.data[start : min(start + units, end)].isascii():
            return min(start + units, end)
        return start + self._length(self.data[start:end], units)

    def _length(self, line: bytes, units: int) -> int:
        """The bytes of the first `units` code units of a line, without half a character."""
        if self.encoding == "utf-8":
            length = min(units, len(line))
            while 0 < length < len(line) and _is_continued(line[length]):
                length -= 1
            return length
        text = line.decode("utf-8", "surrogatepass")
        if self.encoding == "utf-32":
            return len(_bytes_of(text[:units]))
        raw = text.encode("utf-16-le", "surrogatepass")
        head = raw[: 2 * units].decode("utf-16-le", "surrogatepass")
        is_halved = "\ud800" <= head[-1:] <= "\udbff" and text[len(head) - 1 : len(head)] > "\uffff"
        return len(_bytes_of(head[:-1] if is_halved else head))

    def place(self, offset: int) -> TextPlace:
        """The position of a byte."""
        data = self.data
        offset = max(min(offset, len(data)), 0)
        while 0 < offset < len(data) and _is_continued(data[offset]):
            offset -= 1
        line = bisect_right(self.starts, offset) - 1
        start = self.starts[line]
        if self._is_ascii or self.encoding == "utf-8":
            return TextPlace(line, offset - start)
        # the next one is mostly behind the last one, and maybe on the same long line
        known, at, units = self._last
        if known != line or not start <= at <= offset:
            at, units = start, 0
        units += self._units(data[at:offset])
        self._last = line, offset, units
        return TextPlace(line, units)

    def _units(self, part: bytes) -> int:
        if part.isascii():
            return len(part)
        text = part.decode("utf-8", "surrogatepass")
        return len(text) if self.encoding == "utf-32" else len(text.encode("utf-16-le", "surrogatepass")) // 2

    def changed(self, start: TextPlace, end: TextPlace, text: str) -> "EditorText":
        """The text with the range between two positions replaced."""
        first = self.offset(start)
        last = max(self.offset(end), first)
        return EditorText(b"".join((self.data[:first], _bytes_of(text), self.data[last:])), self.encoding)


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _is_continued(byte: int) -> bool:
    mask, value = _CONTINUED
    return byte & mask == value


def _ends(data: bytes) -> Iterable[int]:
    """The offsets behind the breaks of lines."""
    if b"\r" in data:
        return [found.end() for found in _BREAK.finditer(data)]
    ends = []
    at = data.find(b"\n")
    while at >= 0:
        ends.append(at + 1)
        at = data.find(b"\n", at + 1)
    return ends
