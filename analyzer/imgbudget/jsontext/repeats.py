"""Long strings that a text holds again: compared with the earlier one, not counted again."""

from collections.abc import Hashable

from imgbudget.jsontext.source import JsonSource
from imgbudget.jsontext.strings import StringStats
from imgbudget.namedtuples import NamedTuple

_MOST = 1024
"""Strings that are remembered, each in less than a kilobyte."""

_ALIKE = 4
"""Strings with the same beginning that are remembered."""

_FARTHEST = 256 << 20
"""Bytes back to an equal string: one that is farther away may no longer be in memory."""

_STEP = 1 << 16
_LOOK = 64


class Seen(NamedTuple):
    """A plain string of the text: the byte offsets inside its quotes, and what its statistics share."""

    start: int
    end: int
    foreign: dict[str, int]
    known: dict[Hashable, object]


class Repeats:
    """The long strings of a text so far. The parts of a file that one process reads may share it."""

    __slots__ = ("_buffer", "_count", "_seen")

    def __init__(self) -> None:
        self._seen: dict[int, list[Seen]] = {}
        self._count = 0
        self._buffer = memoryview(b"")

    def open(self, head: bytes, stats: StringStats, source: JsonSource) -> "OpenString":
        """A string that begins with these bytes, none of which is counted yet."""
        return OpenString(self, hash(head), stats, source)

    def alike(self, head: int) -> list[Seen]:
        """The strings whose beginning has this hash, the last one first."""
        return self._seen.get(head, [])

    def equals(self, source: JsonSource, at: int, buffer: bytearray, pos: int, stop: int) -> bool:
        """Whether a range of a buffer has the bytes that the source has from `at` on."""
        if not self._buffer:
            self._buffer = memoryview(bytearray(_STEP))
        while pos < stop:
            view = self._buffer[: min(_STEP, stop - pos)]
            # no slice of the buffer, which would be copied, nor a comparison of views, which is slow
            if source.readinto(view, at) < len(view) or not buffer.startswith(view, pos):
                return False
            pos, at = pos + len(view), at + len(view)
        return True

    def add(self, head: int, string: Seen, earlier: Seen | None) -> None:
        """Remember a string, in place of an earlier one if they are equal."""
        if self._count >= _MOST:
            self._seen.clear()
            self._count = 0
        alike = self._seen.setdefault(head, [])
        if earlier in alike:
            alike.remove(earlier)
        elif len(alike) >= _ALIKE:
            alike.pop()
        else:
            self._count += 1
        alike.insert(0, string)


class OpenString:
    """A string being read, compared with an earlier one as long as their bytes are equal."""

    __slots__ = ("_earlier", "_head", "_repeats", "_source", "_start", "_stats")

    def __init__(self, repeats: Repeats, head: int, stats: StringStats, source: JsonSource) -> None:
        self._repeats, self._head, self._stats, self._source = repeats, head, stats, source
        self._start = stats.segments[0].offset
        self._earlier: Seen | None = None

    def repeats(self, buffer: bytearray, pos: int, stop: int, offset: int, *, closed: bool) -> bool:
        """Whether a range of a buffer need not be counted, as its bytes are those of an earlier string.

        It is the next range of the string, at `offset` in the file, and the last one if `closed`. Once it is
        not equal, what came before is counted.
        """
        if offset == self._start:
            self._earlier = self._candidate(buffer, pos, stop, closed=closed)
        earlier = self._earlier
        if earlier is None:
            return False
        if self._repeats.equals(self._source, earlier.start + offset - self._start, buffer, pos, stop):
            return True
        self._count(offset)
        return False

    def close(self, end: int) -> None:
        """End the string at a byte of the file, and remember it."""
        earlier, stats, length = self._earlier, self._stats, end - self._start
        if earlier and earlier.end - earlier.start == length:
            stats.repeat(length, earlier.foreign, earlier.known)
        elif earlier:
            self._count(end)
        stats.finish()
        if stats.flaw is None and len(stats.segments) == 1 and stats.length == length:
            string = Seen(self._start, end, stats.foreign, stats.known)
            self._repeats.add(self._head, string, earlier)

    def _candidate(self, buffer: bytearray, pos: int, stop: int, *, closed: bool) -> Seen | None:
        """An earlier string that may be equal: of the same length if that is known, and alike at `stop`."""
        size = stop - pos
        look = min(_LOOK, size)
        for seen in self._repeats.alike(self._head):
            length = seen.end - seen.start
            if (length != size if closed else length < size) or not 0 < self._start - seen.start < _FARTHEST:
                continue
            if buffer.startswith(self._source.pread(look, seen.start + size - look), stop - look):
                return seen
        return None

    def _count(self, end: int) -> None:
        """Count the bytes so far one by one: they were equal to those of an earlier string, which goes on."""
        self._earlier = None
        for at in range(self._start, end, _STEP):
            self._stats.feed(self._source.pread(min(_STEP, end - at), at), at)
