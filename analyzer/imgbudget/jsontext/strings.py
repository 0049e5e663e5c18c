"""JSON strings: statistics on the raw bytes of one string, and its text read by position from the file."""

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.source import JsonSource

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
"""The 64 characters of base64 (RFC 4648, section 4), without the padding."""

MAX_STRING = 64 << 20
"""Most bytes of one string that have to be unescaped or counted one by one: twice the largest body that the
API takes (32 MB, errors page, 2026-08)."""

OTHERS = "\ufffd"
"""Stands in a count for all characters beyond the first `_DISTINCT`."""

IN_ALPHABET = bytes(byte in ALPHABET for byte in range(256))
"""1 for a byte of the alphabet, else 0."""

_PLAIN = bytes(sorted(set(range(0x20, 0x7F)) - set(b'"\\') - set(ALPHABET)))
_DISTINCT = 64
_STEP = 1 << 14
KEPT = 1344
"""Raw bytes from the beginning that are kept: the base64 of what a probe reads first, and some more."""
KEPT_LAST = 352
"""The same from the end: the base64 of what tells that an image is whole, and the padding."""
_RARE = 8  # line breaks in base64 are much rarer than that, blanks in prose are not
_PASSES = 16  # so many passes in C over a character cost about what it costs to unescape it
_HIGH = (b"ud", b"uD")


class Flaw(NamedTuple):
    """Why a string is not taken: byte offset in the file, characters before it in the string, a clause."""

    offset: int
    characters: int
    message: str


class Segment(NamedTuple):
    """From here on text and file run in step (`plain`), or the stretch has to be unescaped as a whole.

    `text` counts characters from the beginning of the string, `offset` is the byte offset in the file.
    """

    text: int
    offset: int
    plain: bool


class StringStats:
    """The sums over one string, fed with the raw bytes between its quotes in order.

    `length` counts characters after unescaping, `width` characters as they stand in the file; `foreign`
    counts each unescaped character that is not one of the 64 of base64. `flaw` is set as soon as the bytes
    are not the inside of a JSON string; what follows is not looked at. `head` are the first raw bytes and
    `tail` the last ones, as far as whoever feeds it keeps them.
    """

    __slots__ = (
        *("_carry", "_carry_offset", "_costly"),
        *("flaw", "foreign", "head", "length", "segments", "tail", "width"),
    )

    def __init__(self, start: int) -> None:
        self.length = 0
        self.width = 0
        self.foreign: dict[str, int] = {}
        self.flaw: Flaw | None = None
        self.segments = [Segment(0, start, plain=True)]
        self.head = b""
        self.tail = b""
        self._carry = b""
        self._carry_offset = start
        self._costly = 0

    def feed(self, part: bytes | bytearray, offset: int) -> None:
        """Take the next raw bytes, which stand at `offset` in the file."""
        if self.flaw:
            return
        # to map the bytes is quicker than to drop those of the alphabet, which few parts need
        first = part.translate(IN_ALPHABET).find(0)
        foreign = part[first:].translate(None, ALPHABET) if first >= 0 else b""
        if self._carry or (foreign and foreign.translate(None, _PLAIN)):
            self._feed_escaped(part, offset)
            return
        if foreign:
            self._count_plain(foreign, offset)
            if len(foreign) * _RARE > len(part):
                self._spend(len(part) // 2, offset)
        self.skip(len(part), offset)

    @property
    def is_between(self) -> bool:
        """Whether the next byte is not in the middle of a character or an escape."""
        return not self._carry and self.flaw is None

    def skip(self, count: int, offset: int) -> None:
        """Take the next bytes, which are all of the base64 alphabet; only `is_between`."""
        if not self.segments[-1].plain:
            self.segments.append(Segment(self.length, offset, plain=True))
        self.length += count
        self.width += count

    def finish(self) -> None:
        """The string is at its end, or the text is."""
        if self._carry and not self.flaw:
            self._unescape(self._carry, self._carry_offset)
        self._carry = b""

    def _count_plain(self, foreign: bytes | bytearray, offset: int) -> None:
        passed = 0
        while foreign:
            # quicker than a look at each: few kinds of characters stand in what is nearly base64
            first = bytes(foreign[:1])
            rest = foreign.translate(None, first)
            add_count(self.foreign, first.decode("ascii"), len(foreign) - len(rest))
            passed += len(foreign)
            foreign = rest
        self._spend(passed // _PASSES, offset)

    def _spend(self, count: int, offset: int) -> None:
        """Note characters that cost more than the one pass."""
        self._costly += count
        if self._costly > MAX_STRING:
            message = f"over {MAX_STRING >> 20} MB of one string that are not plain base64"
            self.flaw = Flaw(offset, self.width, message)

    def _feed_escaped(self, part: bytes | bytearray, offset: int) -> None:
        for i in range(0, len(part), _STEP):
            raw = self._carry + part[i : i + _STEP]
            begin = offset + i - len(self._carry)
            whole = _whole(raw)
            if whole:
                self._unescape(raw[:whole], begin)
            if self.flaw:
                return
            self._carry, self._carry_offset = raw[whole:], begin + whole

    def _unescape(self, raw: bytes, offset: int) -> None:
        self._spend(len(raw), offset)
        if self.flaw:
            return
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            before = len(raw[: error.start].decode())
            self.flaw = Flaw(offset + error.start, self.width + before, f"not JSON: {not_utf8(error)}")
            return
        try:
            value = unescape(text)
        except json.JSONDecodeError as error:
            location = error.pos - 1  # the quote in front
            if location < 0:  # a backslash ends it, so the text has ended: that is for the parser to say
                return
            message = f"not JSON: {clause(error.msg)}"
            self.flaw = Flaw(offset + len(text[:location].encode()), self.width + location, message)
            return
        self.segments.append(Segment(self.length, offset, plain=False))
        self.length += len(value)
        self.width += len(text)
        count_characters(self.foreign, foreign_characters(value))


def count_characters(counts: dict[str, int], text: str) -> None:
    """Add the characters of `text` to the counts."""
    rest = len(text)
    for character in dict.fromkeys(text):
        if character in counts or len(counts) < _DISTINCT:
            count = text.count(character)
            add_count(counts, character, count)
            rest -= count
    if rest:
        add_count(counts, OTHERS, rest)


def add_count(counts: dict[str, int], character: str, count: int) -> None:
    """Add to the count of one character, or of all others where there are many already."""
    if character not in counts and len(counts) >= _DISTINCT:
        character = OTHERS
    counts[character] = counts.get(character, 0) + count


def foreign_characters(text: str) -> str:
    """The characters that are not of the base64 alphabet, in order."""
    return text.encode("utf-8", "surrogatepass").translate(None, ALPHABET).decode("utf-8", "surrogatepass")


def unescape(raw: str) -> str:
    """The text of a JSON string, given what stands between its quotes. Raises json.JSONDecodeError."""
    text: str = json.loads(f'"{raw}"')
    return text


def not_utf8(error: UnicodeDecodeError) -> str:
    """The clause for bytes that are no UTF-8."""
    return f"byte 0x{error.object[error.start]:02x} is not UTF-8"


def clause(message: str) -> str:
    """A message of the json module as a clause that a place can follow."""
    message = message.rstrip(": ")
    for ending in (" at", " starting", " delimiter"):
        message = message.removesuffix(ending)
    return message[:1].lower() + message[1:]


def _whole(raw: bytes) -> int:
    """Where the bytes can be split without splitting a character, an escape or a pair of surrogates."""
    end = len(raw)
    if raw[-1] >= 0x80:
        end -= 1
        while end > 0 and end > len(raw) - 4 and raw[end] & 0xC0 == 0x80:
            end -= 1
    escape = raw.rfind(b"\\", max(end - 6, 0), end)
    if escape < 0 or not _is_escape(raw, escape):
        return end
    before = escape - 6
    if (
        before >= 0
        and _is_escape(raw, before)
        and raw[before + 1 : before + 3] in _HIGH
        and raw[before + 3] in b"89abAB"
    ):
        return before  # both may be one character
    return escape


def _is_escape(raw: bytes, at: int) -> bool:
    """Whether an escape begins at `at`: a backslash that is not itself escaped."""
    run = raw[: at + 1]
    return (len(run) - len(run.rstrip(b"\\"))) % 2 == 1


@dataclass(frozen=True, slots=True)
class StringPayload:
    """A string of a document, of which never more is materialised than is asked for.

    `start` and `end` are the byte offsets inside its quotes, None for a short string that is in hand: only
    its route tells where that stands. `length` counts characters after unescaping.
    """

    start: int | None
    end: int | None
    length: int
    _source: JsonSource | None = field(repr=False)
    _tally: StringStats | None = field(repr=False)
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
        stats = self._tally
        if self._source and stats and len(stats.segments) == 1:
            if offset + size <= len(stats.head):
                return bytes(stats.head[offset : offset + size])
            size = min(size, self.length - offset)
            behind = self.length - len(stats.tail)
            if behind <= offset:
                return stats.tail[offset - behind : offset - behind + size] if size > 0 else b""
            return _exactly(self._source, size, stats.segments[0].offset + offset) if size > 0 else b""
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
