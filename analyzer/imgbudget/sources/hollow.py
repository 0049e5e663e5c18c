"""The scan: a JSON text read through a small window, its long strings jumped over and left in the file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from imgbudget.sources.jsonsource import JsonSource
from imgbudget.sources.tally import IN_ALPHABET, KEPT, KEPT_LAST, Tally

WINDOW = 1 << 18
"""Bytes in memory at a time; a string without a quote for that long is left in the file whatever it holds."""

LONG = 1024
"""Bytes from which on a string without blanks is left in the file."""

_NARROWEST = 8
_QUOTE = b'"'
_NEWLINE = b"\n"
_BACKSLASH = 0x5C
_BEHIND_A_STRING = b' \t\r\n,:}]"'
_closing_quote = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL).match


@dataclass(slots=True)
class Cut:
    """A string left in the file: the byte offsets inside its quotes and, where it was asked for, its tally.

    `end` is the closing quote; where there is none, the end of the line or of the file.
    """

    start: int
    end: int
    tally: Tally | None


class _Window:
    """A sliding window: `have` bytes of the source from offset `base` on stand at the front of `buffer`."""

    __slots__ = ("_marks", "_source", "_view", "base", "buffer", "have")

    def __init__(self, source: JsonSource, width: int, base: int) -> None:
        self._source = source
        self.buffer = bytearray(width)
        self._view = memoryview(self.buffer)
        self.base = base
        self.have = 0
        self._marks: bytearray | None = None

    def slide(self, keep: int) -> bool:
        """Drop the bytes before `keep` and read on behind the others; whether there was anything to read."""
        rest = self.have - keep
        if rest and keep:
            self.buffer[:rest] = self.buffer[keep : self.have]
        self.base += keep
        got = self._source.readinto(self._view[rest:], self.base + rest)
        self.have = rest + got
        self._marks = None
        return got > 0

    def first_foreign(self, start: int, end: int) -> int:
        """The first byte of a stretch that is not of the base64 alphabet, -1 when all are."""
        if self._marks is None:  # once for the whole window: nothing is copied for each string in it
            self._marks = self.buffer.translate(IN_ALPHABET)
        return self._marks.find(0, start, end)

    def piece(self, start: int, end: int) -> bytes:
        """A copy of a stretch of the window."""
        return bytes(self._view[start:end])


def hollow(  # noqa: PLR0913 - where to begin, and how far to look
    source: JsonSource,
    *,
    lines: bool,
    check: bool = True,
    window: int = WINDOW,
    long: int = LONG,
    start: int = 0,
) -> Iterator[bytes | Cut]:
    """The text in order, piece by piece: bytes as they stand in the file, and cuts in place of long strings.

    Nothing is done to the bytes of a cut but to look for its end and, with `check`, to tally it. No state of
    strings is kept: `long` bytes without a quote that follow an unescaped quote, and do not begin like what
    may stand behind a string, are in valid JSON the inside of a string. In text that is not valid a cut may
    stand elsewhere; whatever is put in its place must then be as wrong there as the bytes were.

    With `lines` a cut ends at a newline too, so that a broken line does not swallow the next one. Without,
    the text ends at the first cut that is not the inside of a JSON string. A window that is not twice as
    wide as `long` is widened. `start` is the byte to begin at.
    """
    window = max(window, 2 * long, _NARROWEST)
    view = _Window(source, window, start)
    buffer = view.buffer
    done = pos = 0  # handed out up to here; looked at up to here, which is behind a quote
    more = view.slide(0)
    while more:
        pos = _behind_last_quote(buffer, pos, view.have, long)
        end = -1
        if view.have - pos >= long:  # no quote for that long
            end = buffer.find(_QUOTE, pos + long, view.have)
            full = end < 0 and pos <= 2 and view.have == window
            if _opens(buffer, pos) and (full or _like_payload(buffer, pos, long)):
                yield view.piece(done, pos)
                cut, done = _take(view, pos, lines=lines, check=check)
                yield cut
                if cut.tally and cut.tally.flaw and not lines:
                    return
                pos = done + 1
                continue
            if end >= 0:
                pos = end + 1
                continue
            if full:  # longer than the window, but perhaps no string: it has to be handed out
                pos = view.have
        keep = max(done, pos - 2, 0)  # with the quote and what may escape it
        if keep > done:
            yield view.piece(done, keep)
        more = view.slide(keep)
        pos -= keep
        done = 0
    if view.have:
        yield view.piece(0, view.have)


def _behind_last_quote(buffer: bytearray, pos: int, have: int, long: int) -> int:
    """Go on from quote to quote to where none follows for `long` bytes, or to the end of the window."""
    rfind = buffer.rfind
    last = have - long
    while pos <= last:
        quote = rfind(_QUOTE, pos, pos + long)
        if quote < 0:
            break
        pos = quote + 1
    return pos


def _opens(buffer: bytearray, pos: int) -> bool:
    """Whether a string begins at `pos`, if the text is valid."""
    if pos == 0 or buffer[pos - 1] != _QUOTE[0] or buffer[pos] in _BEHIND_A_STRING:
        return False
    return pos == 1 or buffer[pos - 2] != _BACKSLASH


def _like_payload(buffer: bytearray, pos: int, long: int) -> bool:
    """Prose has blanks or letters beyond ASCII: the parser may have it."""
    return buffer.find(b" ", pos, pos + long) < 0 and buffer[pos : pos + long].isascii()


def _take(view: _Window, pos: int, *, lines: bool, check: bool) -> tuple[Cut, int]:
    """The cut that begins at `pos` of the window, and where in the window it ends."""
    buffer = view.buffer
    begin = view.base + pos
    tally = Tally(begin) if check else None
    cut = Cut(begin, begin, tally)
    escaped = False  # whether the byte at `pos` is
    while True:
        have = view.have
        broken = lines and tally is not None and tally.flaw is not None
        end = -1 if broken else _closing(buffer, pos, have, escaped=escaped)
        stop = have if end < 0 else end
        if lines and (newline := buffer.find(_NEWLINE, pos, stop)) >= 0:
            end = stop = newline
        if tally:
            _tell(tally, view, pos, stop)
            if end >= 0:
                tally.finish()
        if end >= 0 or (tally and tally.flaw and not lines):
            cut.end = view.base + stop
            return cut, stop
        escaped = not broken and _ends_escaped(buffer, pos + escaped, have)
        pos = 0
        if not view.slide(have):
            if tally:
                tally.finish()
            cut.end = view.base
            return cut, 0


def _tell(tally: Tally, view: _Window, pos: int, stop: int) -> None:
    """Feed a tally with a stretch of the window; most are plain base64 and need not be copied."""
    if not tally.head:
        tally.head = view.piece(pos, min(stop, pos + KEPT))
    if stop > pos:
        tally.tail = view.piece(max(stop - KEPT_LAST, pos), stop)
    if tally.is_between:
        first = view.first_foreign(pos, stop)
        clean = stop if first < 0 else first
        if clean > pos:
            tally.skip(clean - pos, view.base + pos)
            pos = clean
    if pos < stop:
        tally.feed(view.buffer[pos:stop], view.base + pos)


def _closing(buffer: bytearray, pos: int, have: int, *, escaped: bool) -> int:
    """The quote that closes the string, -1 when it is not in the window."""
    pos += escaped
    end = buffer.find(_QUOTE, pos, have)
    if end <= pos or buffer[end - 1] != _BACKSLASH:
        return end
    match = _closing_quote(buffer, pos, have)
    return match.end() - 1 if match else -1


def _ends_escaped(buffer: bytearray, pos: int, have: int) -> bool:
    """Whether the window's last byte is a backslash that escapes the next one; at `pos` no escape is open."""
    if buffer[have - 1] != _BACKSLASH:
        return False
    run = buffer[pos:have]
    return (len(run) - len(run.rstrip(b"\\"))) % 2 == 1


def tally_of(cut: Cut, source: JsonSource) -> Tally:
    """The cut's tally, taken now where the scan did not."""
    if cut.tally is None:
        cut.tally = Tally(cut.start)
        cut.tally.head = source.pread(min(KEPT, cut.end - cut.start), cut.start)
        for offset in range(cut.start, cut.end, WINDOW):
            cut.tally.feed(source.pread(min(WINDOW, cut.end - offset), offset), offset)
        cut.tally.finish()
    return cut.tally
