"""Reads strict JSON through a small window: long strings are masked, positions are mapped to the file."""

import re
from collections.abc import Iterable, Iterator, Mapping

from imgbudget.jsontext.parser import MalformedError
from imgbudget.jsontext.repeats import Repeats
from imgbudget.jsontext.source import JsonSource
from imgbudget.jsontext.strings import KEPT, KEPT_LAST, StringStats
from imgbudget.jsontext.windows import WholeText, Window
from imgbudget.model.location import Keys
from imgbudget.namedtuples import NamedTuple
from imgbudget.slotted import dataclass

WINDOW = 1 << 18
"""Bytes in memory at a time; a string without a quote for that long always stays in the file."""

LONG = 1024
"""Length in bytes from which a string without blanks stays in the file."""

_NARROWEST = 8
_QUOTE = b'"'
_NEWLINE = b"\n"
_BACKSLASH = 0x5C
_ESCAPE = b"\\"
_AFTER_STRING = b' \t\r\n,:}]"'
_CLOSING_QUOTE = rb'[^"\\]*+(?:\\.[^"\\]*+)*+"'


@dataclass(slots=True)
class LongString:
    """A string left in the file: byte offsets inside its quotes and, if the scan checked it, statistics.

    `end` is the offset of the closing quote or, if there is none, of the end of the line or file. `escaped`
    is whether there is a backslash in it, None if the scan did not look.
    """

    start: int
    end: int
    stats: StringStats | None
    escaped: bool | None = None

    def has_escape(self, text: bytes | bytearray) -> bool:
        """Whether there is a backslash in it; `text` is all that was scanned."""
        if self.escaped is None:
            self.escaped = text.find(_ESCAPE, self.start, self.end) >= 0
        return self.escaped


def scan(  # noqa: PLR0913 - start and window sizes
    source: JsonSource,
    window: int = WINDOW,
    long: int = LONG,
    start: int = 0,
    *,
    lines: bool,
    check: bool = True,
    repeats: Repeats | None = None,
) -> Iterator[bytes | LongString]:
    """Split the text into pieces, in order: bytes unchanged, and a LongString in place of each long string.

    A long string is only searched for its end and, with `check`, counted. The scan does not track whether it
    is inside a string: in valid JSON, `long` bytes without a quote that follow an unescaped quote, and do not
    begin like the text after a string, are the inside of a string. In invalid text a LongString may be found
    elsewhere; its placeholder must then be as invalid there as the original bytes.

    With `lines` a long string also ends at a newline, so that a broken line does not extend into the next
    one. Without, the scan stops at the first long string that is not valid JSON. The window is at least twice
    as wide as `long`. `start` is the offset to begin at; `repeats` are the strings before it.
    """
    if source.size - start < long and source.fileno() < 0:
        yield source.pread(long, start)  # a short text in memory: no string of it is long
        return
    repeats = repeats or Repeats()
    window = max(window, 2 * long, _NARROWEST)
    widest = window
    # one byte more than a small source has, so that its window is never full
    window = min(window, max(source.size - start + 1, 2 * long, _NARROWEST))
    data = None if check or lines or start else source.data
    view = Window(source, window, start) if data is None else WholeText(source, data, widest)
    buffer = view.buffer
    done = pos = 0  # yielded up to `done`; scanned up to `pos`, which is after a quote
    more = view.slide(0)
    while more:
        pos = _after_last_quote(buffer, pos, view.have, long)
        end = -1
        if view.have - pos >= long:  # no quote for that long
            end = buffer.find(_QUOTE, pos + long, view.have)
            full = view.is_full(pos, end)
            if _opens(buffer, pos) and (full or _like_payload(buffer, pos, long)):
                yield view.piece(done, pos)
                long_string, done = _read_long_string(
                    view, pos, end, lines=lines, check=check, repeats=repeats, long=long
                )
                yield long_string
                if long_string.stats and long_string.stats.flaw and not lines:
                    return
                pos = done + 1
                continue
            if end >= 0:
                pos = end + 1
                continue
            if full:  # longer than the window but maybe not a string, so it is yielded as bytes
                pos = view.have
        keep = max(done, pos - 2, 0)  # keep the quote and a backslash before it
        if keep > done:
            yield view.piece(done, keep)
        more = view.slide(keep)
        pos -= keep
        done = 0
    if view.have:
        yield view.piece(0, view.have)


def _after_last_quote(buffer: bytearray, pos: int, have: int, long: int) -> int:
    """Skip from quote to quote until none follows for `long` bytes, or to the end of the window."""
    rfind = buffer.rfind
    last = have - long
    while pos <= last:
        quote = rfind(_QUOTE, pos, pos + long)
        if quote < 0:
            break
        pos = quote + 1
    return pos


def _opens(buffer: bytearray, pos: int) -> bool:
    """Whether a string begins at `pos`, provided that the text is valid."""
    if pos == 0 or buffer[pos - 1] != _QUOTE[0] or buffer[pos] in _AFTER_STRING:
        return False
    return pos == 1 or buffer[pos - 2] != _BACKSLASH


def _like_payload(buffer: bytearray, pos: int, long: int) -> bool:
    """Whether the bytes look like base64: prose has blanks or non-ASCII letters and goes to the parser."""
    return buffer.find(b" ", pos, pos + long) < 0 and buffer[pos : pos + long].isascii()


def _read_long_string(  # noqa: PLR0913 - how to read it
    view: Window, pos: int, quote: int, *, lines: bool, check: bool, repeats: Repeats, long: int
) -> tuple[LongString, int]:
    """The long string that begins at `pos` of the window, and its end in the window.

    `quote` is the position of the first quote in it, -1 if there is none in the window.
    """
    buffer = view.buffer
    begin = view.base + pos
    stats = StringStats(begin) if check else None
    opened = repeats.open(view.piece(pos, pos + long), stats, view.source) if stats else None
    long_string = LongString(begin, begin, stats)
    escaped = False  # whether the byte at `pos` is escaped
    while True:
        have = view.have
        broken = lines and stats is not None and stats.flaw is not None
        end = -1 if broken else _closing(buffer, pos + escaped, have, quote)
        stop = have if end < 0 else end
        if lines and (newline := buffer.find(_NEWLINE, pos, stop)) >= 0:
            end = stop = newline
        if stats:
            _keep_ends(stats, view, pos, stop)
            if not (opened and opened.repeats(buffer, pos, stop, view.base + pos, closed=end >= 0)):
                _update_stats(stats, view, pos, stop)
        if end >= 0 or (stats and stats.flaw and not lines):
            break
        escaped = not broken and _ends_escaped(buffer, pos + escaped, have)
        pos = 0
        if not view.slide(have):
            stop = 0
            break
        quote = buffer.find(_QUOTE, int(escaped), view.have)
    long_string.end = view.base + stop
    if isinstance(view, WholeText):  # while it is in the cache of the processor
        long_string.has_escape(view.buffer)
    if opened:
        opened.close(long_string.end)
    elif stats:
        stats.finish()
    return long_string, stop


def _keep_ends(stats: StringStats, view: Window, pos: int, stop: int) -> None:
    """Keep the first bytes of a string and, of each range of the window, the last ones."""
    if not stats.head:
        stats.head = view.piece(pos, min(stop, pos + KEPT))
    if stop > pos:
        stats.tail = view.piece(max(stop - KEPT_LAST, pos), stop)


def _update_stats(stats: StringStats, view: Window, pos: int, stop: int) -> None:
    """Update the statistics with a range of the window; plain base64 is not copied."""
    if stats.is_between:
        first = view.first_foreign(pos, stop)
        clean = stop if first < 0 else first
        if clean > pos:
            stats.skip(clean - pos, view.base + pos)
            pos = clean
    if pos < stop:
        stats.feed(view.part(pos, stop), view.base + pos)


def _closing(buffer: bytearray, pos: int, have: int, quote: int) -> int:
    """The position of the quote that closes the string, -1 if it is not in the window.

    `quote` is the first one from `pos` on, where no escape is open.
    """
    if quote <= pos or buffer[quote - 1] != _BACKSLASH:
        return quote
    match = re.compile(_CLOSING_QUOTE, re.DOTALL).match(buffer, pos, have)
    return match.end() - 1 if match else -1


def _ends_escaped(buffer: bytearray, pos: int, have: int) -> bool:
    """Whether the last byte of the window is a backslash that escapes the next one; `pos` is not escaped."""
    if buffer[have - 1] != _BACKSLASH:
        return False
    run = buffer[pos:have]
    return (len(run) - len(run.rstrip(b"\\"))) % 2 == 1


def stats_of(long_string: LongString, source: JsonSource) -> StringStats:
    """The statistics of the string, computed now if the scan did not."""
    if long_string.stats is None:
        long_string.stats = StringStats(long_string.start)
        long_string.stats.head = source.pread(
            min(KEPT, long_string.end - long_string.start), long_string.start
        )
        for offset in range(long_string.start, long_string.end, WINDOW):
            long_string.stats.feed(source.pread(min(WINDOW, long_string.end - offset), offset), offset)
        long_string.stats.finish()
    return long_string.stats


_PREFIX = b"\\u0001"


class Point(NamedTuple):
    """A position in the file: the byte offset, and the line and column (in characters), 1-based."""

    offset: int
    line: int
    column: int


class Extent(NamedTuple):
    """How much of a file a value takes: its first line, 1-based, and its bytes."""

    line: int
    byte_size: int


class Mask(NamedTuple):
    """The position of the placeholder of a long string in the masked text."""

    start: int
    end: int
    long_string: LongString


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedText:
    """The text of one document with placeholders (`prefix` and a number) in the quotes of long strings.

    The text begins at byte `base` of the file, at the beginning of line `line`.
    """

    text: str
    prefix: str
    long_strings: tuple[LongString, ...]
    source: JsonSource
    base: int
    line: int

    @property
    def placeholders(self) -> dict[str, LongString]:
        """The long string of each placeholder, as the parser returns it."""
        parsed = "\x01" * (len(self.prefix) // len(_PREFIX))
        return {f"{parsed}{i}": long_string for i, long_string in enumerate(self.long_strings)}

    def masks(self) -> Iterator[Mask]:
        """The placeholders, in order."""
        find, length, end = self.text.find, len(self.prefix), 0
        for number, long_string in enumerate(self.long_strings):
            start = find(self.prefix, end)
            end = start + length + len(str(number))
            yield Mask(start, end, long_string)

    def points(self, positions: Iterable[int]) -> dict[int, Point]:
        """Map positions of the text to the file, in one pass; inside a placeholder, to its beginning."""
        text, masks, found = self.text, self.masks(), {}
        is_ascii, has_lines = text.isascii(), "\n" in text
        at, offset, line, column = 0, self.base, self.line, 1
        mask = next(masks, None)
        for position in sorted(set(positions)):
            while True:  # up to the next placeholder, or to the position
                stop = mask.start if mask and mask.start < position else position
                if stop > at:
                    offset += stop - at if is_ascii else len(text[at:stop].encode())
                    newline = text.rfind("\n", at, stop) if has_lines else -1
                    line += text.count("\n", at, stop) if newline >= 0 else 0
                    column = column + stop - at if newline < 0 else stop - newline
                    at = stop
                if mask is None or mask.end > position:
                    break
                at, offset = mask.end, mask.long_string.end
                column += stats_of(mask.long_string, self.source).width  # a string contains no newline
                mask = next(masks, None)
            found[position] = Point(offset, line, column)
        return found

    def extents(self, ranges: Mapping[Keys, tuple[int, int]]) -> dict[Keys, Extent]:
        """The extents of ranges of the text that do not overlap; takes less time than their points."""
        text, prefix, found = self.text, self.prefix, {}
        at, line, number = 0, self.line, 0
        for path, (start, end) in sorted(ranges.items(), key=_range_of):
            line += text.count("\n", at, start)
            size = len(text[start:end].encode())
            if self.long_strings:  # without any there is no prefix
                number += text.count(prefix, at, start)
                for inside in range(number, number + text.count(prefix, start, end)):
                    long_string = self.long_strings[inside]
                    size += long_string.end - long_string.start - len(f"{prefix}{inside}")
            found[path] = Extent(line, size)
            at = start
        return found

    def mistake(self, parse_error: MalformedError | None) -> tuple[Point, str] | None:
        """The first mistake of the document: that of the parser, or an invalid long string."""
        flawed = next((it for it in self.long_strings if it.stats and it.stats.flaw), None)
        mask = next((mask for mask in self.masks() if mask.long_string is flawed), None) if flawed else None
        if mask is None or mask.long_string.stats is None or mask.long_string.stats.flaw is None:
            if parse_error is None:
                return None
            return self.points([parse_error.position])[parse_error.position], str(parse_error)
        # the scan may have stopped at the flaw; then the string seems unterminated
        unterminated = (
            parse_error is not None
            and parse_error.position == mask.start - 1
            and "unterminated" in str(parse_error)
        )
        if parse_error and parse_error.position <= mask.start and not unterminated:
            return self.points([parse_error.position])[parse_error.position], str(parse_error)
        flaw = mask.long_string.stats.flaw
        begin = self.points([mask.start])[mask.start]
        return Point(flaw.offset, begin.line, begin.column + flaw.characters), flaw.message


def _range_of(item: tuple[Keys, tuple[int, int]]) -> tuple[int, int]:
    return item[1]


def mask_long_strings(pieces: list[bytes | LongString]) -> tuple[bytes, str, tuple[LongString, ...]]:
    """Join the pieces, with placeholders for long strings; also returns their prefix and the long strings.

    The prefix is U+0001, escaped: JSON allows no other spelling, and it is an error outside of a string. It
    is repeated until that many do not occur elsewhere in a row.
    """
    long_strings = tuple(piece for piece in pieces if isinstance(piece, LongString))
    joined = _join(pieces, _PREFIX)
    if not long_strings or joined.count(_PREFIX) == len(long_strings):
        return joined, _PREFIX.decode(), long_strings
    prefix = max(re.findall(rb"(?:\\u0001)+", joined), key=len) + _PREFIX
    return _join(pieces, prefix), prefix.decode(), long_strings


def _join(pieces: list[bytes | LongString], prefix: bytes) -> bytes:
    parts = []
    count = 0
    for piece in pieces:
        if isinstance(piece, LongString):
            parts.append(b"%b%d" % (prefix, count))
            count += 1
        else:
            parts.append(piece)
    return b"".join(parts)
