"""Statistics of the long strings of a body, and what earlier bodies showed of equal ones.

A conversation sends its images with every request, so most strings of a body were in the one before it.
"""

from bisect import bisect_right
from collections.abc import Callable, Hashable
from threading import Lock
from typing import NamedTuple

from imgbudget.jsontext.scanner import LongString
from imgbudget.jsontext.source import JsonSource
from imgbudget.jsontext.strings import KEPT, StringStats

_TAIL = 512
_TELLING = 128

MOST_BYTES = 4 << 20
"""Bytes of strings that are remembered: the ends of some 1,500."""

_MOST_READ = 1 << 16
"""Bytes read of a string that is remembered; of an image those of its header."""

_ROUGHLY = 1024
"""Bytes that a string takes besides those of it that are kept."""


Look = Callable[[bytes, LongString, JsonSource], StringStats]
"""Computes the statistics of a string of a body."""


_Key = tuple[int, bytes, bytes]
"""The length of a string, its first and its last bytes: few strings have the same."""


class KnownString(NamedTuple):
    """What a string showed: its ends, and the bytes between them that were read for it, by their offsets."""

    head: bytes
    tail: bytes
    foreign: dict[str, int]
    known: dict[Hashable, object]
    reads: tuple[tuple[int, bytes], ...]

    def is_in(self, body: bytes, start: int, end: int) -> bool:
        """Whether a string of the same length has the same ends and the same other bytes that were read."""
        if not (body.startswith(self.head, start) and body.startswith(self.tail, end - len(self.tail))):
            return False
        for offset, part in self.reads:  # noqa: SIM110 - a generator takes longer for the few that there are
            if not body.startswith(part, start + offset):
                return False
        return True


class KnownStrings:
    """Strings of earlier bodies, as many as fit in `MOST_BYTES`; the oldest are forgotten first."""

    size: int
    """Bytes that they take."""

    def __init__(self) -> None:
        self._strings: dict[_Key, KnownString] = {}
        self.size = 0
        self._changing = Lock()

    def __len__(self) -> int:
        return len(self._strings)

    def get(self, key: _Key) -> KnownString | None:
        """The string with this length, these first and these last bytes."""
        return self._strings.get(key)

    def add(self, key: _Key, string: KnownString) -> None:
        """Remember a string."""
        with self._changing:
            self._forget(key)
            while self.size + _size(string) > MOST_BYTES and self._strings:
                self._forget(next(iter(self._strings)))
            self._strings[key] = string
            self.size += _size(string)

    def _forget(self, key: _Key) -> None:
        if string := self._strings.pop(key, None):
            self.size -= _size(string)


def _size(string: KnownString) -> int:
    return _ROUGHLY + len(string.head) + len(string.tail) + sum(len(part) for _, part in string.reads)


class BodySource(JsonSource):
    """A body in memory, which records what is read of it."""

    __slots__ = ("body", "reads")

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.body: bytes = body
        self.reads: list[tuple[int, int]] = []

    def pread(self, size: int, offset: int) -> bytes:
        """See JsonSource."""
        self.reads.append((offset, offset + size))
        return super().pread(size, offset)


class BodyStrings:
    """The statistics of the long strings of one body; those that are not known are given by `look`."""

    def __init__(self, source: BodySource, known: KnownStrings, look: Look) -> None:
        self._source, self._known, self._look = source, known, look
        self._new: list[tuple[_Key, int, StringStats]] = []

    def stats(self, cut: LongString, source: JsonSource) -> StringStats:
        """The statistics of a string."""
        if cut.stats is not None:
            return cut.stats
        body, start, end = self._source.body, cut.start, cut.end
        key = end - start, body[start : min(start + _TELLING, end)], body[max(end - _TELLING, start) : end]
        known = self._known.get(key)
        if known is not None and not cut.has_escape(body) and known.is_in(body, start, end):
            stats = StringStats(start)
            stats.head = known.head
            stats.repeat(end - start, known.foreign, known.known)
        else:
            stats = self._look(body, cut, source)
            self._new.append((key, cut.end, stats))
        cut.stats = stats
        return stats

    def remember(self) -> None:
        """Remember the strings of this body, once it was read."""
        self._new.sort(key=lambda new: new[1])
        starts = [stats.segments[0].offset for _, _, stats in self._new]
        reads: list[list[tuple[int, int]]] = [[] for _ in starts]
        for start, end in self._source.reads:
            number = bisect_right(starts, start) - 1
            if number >= 0 and start < self._new[number][1]:
                reads[number].append((start, end))
        body = self._source.body
        for (key, end, stats), start, spans in zip(self._new, starts, reads, strict=True):
            is_plain = len(stats.segments) == 1 and stats.length == end - start and stats.flaw is None
            if is_plain and sum(last - first for first, last in spans) <= _MOST_READ:
                parts = tuple((first - start, body[first:last]) for first, last in spans)
                head, tail = body[start : min(start + KEPT, end)], body[max(end - _TAIL, start) : end]
                self._known.add(key, KnownString(head, tail, stats.foreign, stats.known, parts))
        self._new.clear()
