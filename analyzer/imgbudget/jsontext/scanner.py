"""The scanner: strict JSON read through a small window, long strings masked, positions mapped to the file."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from imgbudget.jsontext.source import JsonSource
from imgbudget.jsontext.strings import IN_ALPHABET, KEPT, KEPT_LAST, StringStats, clause

MAX_DEPTH = 500
"""Levels of nesting that every Python reads (the parser of 3.11 ends near 1,000); a body has about 10."""

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# patterns for what is seldom wrong are compiled when it is
_BRACKETS = _STRING + r"|[\[{]|[\]}]"
_CONSTANTS = _STRING + r"|NaN|-?Infinity"


class MalformedError(ValueError):
    """Text that is not taken: the position in it, and why, as a clause that a place can follow."""

    def __init__(self, position: int, message: str) -> None:
        self.position = position
        super().__init__(message)


class _ConstantError(ValueError):
    """NaN or Infinity, which Python's parser takes and JSON does not know."""


class Parser:
    """Parses one text after the other; `doubled` says whether an object of the last one has a key twice."""

    __slots__ = ("_decoder", "_lenient", "doubled")

    def __init__(self) -> None:
        self.doubled = False
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=_refuse)
        self._lenient = json.JSONDecoder(
            object_pairs_hook=self._object, parse_constant=_refuse, parse_int=_number
        )

    def parse(self, text: str) -> Any:
        """The value of the text. Of a key that is doubled the last value counts. Raises MalformedError.

        An integer with more digits than Python converts becomes a float, infinite if need be.
        """
        self.doubled = False
        try:
            try:
                return self._decoder.decode(text)
            except (json.JSONDecodeError, _ConstantError):
                raise
            except ValueError:  # too many digits (sys.get_int_max_str_digits)
                return self._lenient.decode(text)
        except json.JSONDecodeError as error:
            raise MalformedError(error.pos, f"not JSON: {clause(error.msg)}") from None
        except _ConstantError as error:
            location = _first_constant(text)
            raise MalformedError(location, f"not JSON: {error} is no JSON value") from None
        except RecursionError:
            raise MalformedError(_deep(text), f"nested deeper than {MAX_DEPTH} levels") from None

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            self.doubled = True
        return value


def _refuse(name: str) -> NoReturn:
    raise _ConstantError(name)


def _number(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _first_constant(text: str) -> int:
    """Where NaN or Infinity stands first outside of a string."""
    matches = re.finditer(_CONSTANTS, text, re.DOTALL)
    return next((match.start() for match in matches if match[0][0] != '"'), 0)


def _deep(text: str) -> int:
    """Where the level after the last permitted one begins."""
    depth = 0
    for match in re.finditer(_BRACKETS, text, re.DOTALL):
        if match[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return match.start()
        elif match[0] in "]}":
            depth -= 1
    return 0


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
class LongString:
    """A string left in the file: the byte offsets inside its quotes and, where it was asked for, its tally.

    `end` is the closing quote; where there is none, the end of the line or of the file.
    """

    start: int
    end: int
    stats: StringStats | None


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


def scan(  # noqa: PLR0913 - where to begin, and how far to look
    source: JsonSource,
    *,
    lines: bool,
    check: bool = True,
    window: int = WINDOW,
    long: int = LONG,
    start: int = 0,
) -> Iterator[bytes | LongString]:
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
                if cut.stats and cut.stats.flaw and not lines:
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


def _take(view: _Window, pos: int, *, lines: bool, check: bool) -> tuple[LongString, int]:
    """The cut that begins at `pos` of the window, and where in the window it ends."""
    buffer = view.buffer
    begin = view.base + pos
    stats = StringStats(begin) if check else None
    cut = LongString(begin, begin, stats)
    escaped = False  # whether the byte at `pos` is
    while True:
        have = view.have
        broken = lines and stats is not None and stats.flaw is not None
        end = -1 if broken else _closing(buffer, pos, have, escaped=escaped)
        stop = have if end < 0 else end
        if lines and (newline := buffer.find(_NEWLINE, pos, stop)) >= 0:
            end = stop = newline
        if stats:
            _tell(stats, view, pos, stop)
            if end >= 0:
                stats.finish()
        if end >= 0 or (stats and stats.flaw and not lines):
            cut.end = view.base + stop
            return cut, stop
        escaped = not broken and _ends_escaped(buffer, pos + escaped, have)
        pos = 0
        if not view.slide(have):
            if stats:
                stats.finish()
            cut.end = view.base
            return cut, 0


def _tell(stats: StringStats, view: _Window, pos: int, stop: int) -> None:
    """Feed a tally with a stretch of the window; most are plain base64 and need not be copied."""
    if not stats.head:
        stats.head = view.piece(pos, min(stop, pos + KEPT))
    if stop > pos:
        stats.tail = view.piece(max(stop - KEPT_LAST, pos), stop)
    if stats.is_between:
        first = view.first_foreign(pos, stop)
        clean = stop if first < 0 else first
        if clean > pos:
            stats.skip(clean - pos, view.base + pos)
            pos = clean
    if pos < stop:
        stats.feed(view.buffer[pos:stop], view.base + pos)


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


def stats_of(cut: LongString, source: JsonSource) -> StringStats:
    """The cut's tally, taken now where the scan did not."""
    if cut.stats is None:
        cut.stats = StringStats(cut.start)
        cut.stats.head = source.pread(min(KEPT, cut.end - cut.start), cut.start)
        for offset in range(cut.start, cut.end, WINDOW):
            cut.stats.feed(source.pread(min(WINDOW, cut.end - offset), offset), offset)
        cut.stats.finish()
    return cut.stats


_MARK = b"\\u0001"


class Point(NamedTuple):
    """A place in the file: the byte offset, and line and column, counted from 1 in characters."""

    offset: int
    line: int
    column: int


class Mask(NamedTuple):
    """Where in the hollow text the placeholder of a cut stands."""

    start: int
    end: int
    cut: LongString


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedText:
    """The text of one document. A placeholder is `mark` and the number of its cut, inside the quotes.

    The text begins at byte `base` of the file, at the beginning of line `line`.
    """

    text: str
    mark: str
    cuts: tuple[LongString, ...]
    source: JsonSource
    base: int
    line: int

    @property
    def placeholders(self) -> dict[str, LongString]:
        """Each placeholder as the parser hands it out, and its cut."""
        mark = "\x01" * (len(self.mark) // len(_MARK))
        return {f"{mark}{i}": cut for i, cut in enumerate(self.cuts)}

    def holes(self) -> Iterator[Mask]:
        """The placeholders in order."""
        find, length, end = self.text.find, len(self.mark), 0
        for number, cut in enumerate(self.cuts):
            start = find(self.mark, end)
            end = start + length + len(str(number))
            yield Mask(start, end, cut)

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
        flawed = next((cut for cut in self.cuts if cut.stats and cut.stats.flaw), None)
        hole = next((hole for hole in self.holes() if hole.cut is flawed), None) if flawed else None
        if hole is None or hole.cut.stats is None or hole.cut.stats.flaw is None:
            return (self.points([wrong.position])[wrong.position], str(wrong)) if wrong else None
        # the scan may have stopped at the flaw: that the string has no end is then no news
        unended = wrong is not None and wrong.position == hole.start - 1 and "unterminated" in str(wrong)
        if wrong and wrong.position <= hole.start and not unended:
            return self.points([wrong.position])[wrong.position], str(wrong)
        flaw = hole.cut.stats.flaw
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

    def jump(self, hole: Mask, source: JsonSource) -> None:
        self.move(hole.start)
        self._at = hole.end
        self.offset = hole.cut.end
        self.column += stats_of(hole.cut, source).width  # no line ends inside a string


def fill(pieces: list[bytes | LongString]) -> tuple[bytes, str, tuple[LongString, ...]]:
    """The pieces joined, with placeholders for the cuts; also the mark of these, and the cuts.

    The mark is U+0001, written as an escape: it cannot stand in JSON in any other way, and outside of a
    string it is an error. As many of them make the mark as stand nowhere else in a row.
    """
    cuts = tuple(piece for piece in pieces if isinstance(piece, LongString))
    joined = _join(pieces, _MARK)
    if not cuts or joined.count(_MARK) == len(cuts):
        return joined, _MARK.decode(), cuts
    mark = max(re.findall(rb"(?:\\u0001)+", joined), key=len) + _MARK
    return _join(pieces, mark), mark.decode(), cuts


def _join(pieces: list[bytes | LongString], mark: bytes) -> bytes:
    parts = []
    count = 0
    for piece in pieces:
        if isinstance(piece, LongString):
            parts.append(b"%b%d" % (mark, count))
            count += 1
        else:
            parts.append(piece)
    return b"".join(parts)
