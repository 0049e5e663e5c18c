"""The text of one JSON string, read by position from the file that it was left in."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from imgbudget.errors import UnreadableError
from imgbudget.sources.jsonsource import JsonSource
from imgbudget.sources.tally import Segment, Tally, count_characters, foreign_characters, unescape


@dataclass(frozen=True, slots=True)
class Payload:
    """A string of a document, of which never more is materialised than is asked for.

    `start` and `end` are the byte offsets inside its quotes, None for a short string that is in hand: only
    its route tells where that stands. `length` counts characters after unescaping.
    """

    start: int | None
    end: int | None
    length: int
    _source: JsonSource | None = field(repr=False)
    _tally: Tally | None = field(repr=False)
    _literal: str = field(repr=False)

    def foreign(self) -> Mapping[str, int]:
        """How often each character stands in it that is not one of the 64 of base64."""
        if self._tally:
            return self._tally.foreign
        counts: dict[str, int] = {}
        count_characters(counts, foreign_characters(self._literal))
        return counts

    def read(self, size: int, offset: int) -> bytes:
        """Up to `size` characters from character `offset` on, a byte each; what is not ASCII reads as `?`.

        Raises UnreadableError when the file has changed since, OSError when it cannot be read.
        """
        tally = self._tally
        if self._source and tally and len(tally.segments) == 1:
            if offset + size <= len(tally.head):
                return bytes(tally.head[offset : offset + size])
            size = min(size, self.length - offset)
            behind = self.length - len(tally.tail)
            if behind <= offset:
                return tally.tail[offset - behind : offset - behind + size] if size > 0 else b""
            return _exactly(self._source, size, tally.segments[0].offset + offset) if size > 0 else b""
        return self.text(size, offset).encode("ascii", "replace")

    def text(self, size: int, offset: int = 0) -> str:
        """Up to `size` characters from character `offset` on. Raises as `read` does."""
        if self._source is None or self._tally is None or self.end is None:
            return self._literal[offset : offset + size]
        segments = self._tally.segments
        stop = min(offset + size, self.length)
        parts = []
        i = bisect_right(segments, offset, key=_text_offset) - 1
        while offset < stop:
            here = segments[i]
            i += 1
            text_end, end = (self.length, self.end) if i == len(segments) else segments[i][:2]
            if here.plain:
                count = min(stop, text_end) - offset
                part = _exactly(self._source, count, here.offset + offset - here.text).decode(
                    "ascii", "replace"
                )
            else:
                part = _unescape_again(_exactly(self._source, end - here.offset, here.offset))
                part = part[offset - here.text : stop - here.text]
            parts.append(part)
            offset = text_end
        return "".join(parts)


def _text_offset(segment: Segment) -> int:
    return segment.text


def _exactly(source: JsonSource, size: int, offset: int) -> bytes:
    data = source.pread(size, offset)
    if len(data) < size:
        raise UnreadableError("became shorter while it was read")
    return data


def _unescape_again(raw: bytes) -> str:
    """Unescape what was sound a moment ago."""
    try:
        return unescape(raw.decode())
    except ValueError:
        raise UnreadableError("was changed while it was read") from None
