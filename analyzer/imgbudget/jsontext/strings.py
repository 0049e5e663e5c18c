"""JSON strings: statistics on the raw bytes of a string, and positional reading of its text from the file."""

import json
from bisect import bisect_right
from collections.abc import Hashable, Mapping

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.alphabet import ALPHABET, foreign_bytes
from imgbudget.jsontext.source import JsonSource
from imgbudget.namedtuples import NamedTuple
from imgbudget.slotted import dataclass, field

MAX_STRING = 64 << 20
"""Most bytes of a string that are unescaped or counted one by one: twice the largest request body (32 MB,
errors page, 2026-08)."""

OTHERS = "\ufffd"
"""The key under which all characters beyond the first `_DISTINCT` are counted."""

_PLAIN = bytes(sorted(set(range(0x20, 0x7F)) - set(b'"\\') - set(ALPHABET)))
_DISTINCT = 64
_STEP = 1 << 14
KEPT = 1344
"""Raw bytes kept from the beginning: slightly more than the base64 of what a probe reads first."""
KEPT_LAST = 352
"""Raw bytes kept from the end: the base64 of the end marker of an image, and the padding."""
_RARE = 8  # line breaks in base64 are rarer than 1 in 8, blanks in prose are not
_PASSES = 16  # about as many passes in C cost as much as unescaping
_HIGH = (b"ud", b"uD")
_LOOK = 1 << 20


class Flaw(NamedTuple):
    """Why a string is invalid: byte offset in the file, characters before it in the string, a clause."""

    offset: int
    characters: int
    message: str


class Segment(NamedTuple):
    """A part of a string: one byte per character (`plain`), or text that is unescaped as a splittable.

    `text` is the index of its first character in the string, `offset` its byte offset in the file.
    """

    text: int
    offset: int
    plain: bool


class StringStats:
    """Statistics on one string, computed from the raw bytes between its quotes.

    `length` counts characters after unescaping, `width` characters in the file; `foreign` counts each
    unescaped character that is not one of the 64 of base64. `flaw` is set at the first invalid byte; the rest
    is ignored. `head` and `tail` are the first and last raw bytes, if the caller of `feed` sets them. Equal
    strings of a text share `known`, what readers remember of them.
    """

    __slots__ = (
        *("_carry", "_carry_offset", "_costly"),
        *("flaw", "foreign", "head", "known", "length", "segments", "tail", "width"),
    )

    def __init__(self, start: int) -> None:
        self.length: int = 0
        self.width: int = 0
        self.foreign: dict[str, int] = {}
        self.flaw: Flaw | None = None
        self.segments: list[Segment] = [Segment(0, start, plain=True)]
        self.head = b""
        self.tail = b""
        self.known: dict[Hashable, object] = {}
        self._carry = b""
        self._carry_offset = start
        self._costly = 0

    def feed(self, part: bytes | memoryview, offset: int) -> None:
        """Add the next raw bytes, which are at `offset` in the file."""
        if self.flaw:
            return
        foreign = foreign_bytes(memoryview(part))
        if self._carry or (foreign and foreign.translate(None, _PLAIN)):
            self._feed_escaped(bytes(part), offset)
            return
        if foreign:
            self._count_plain(foreign, offset)
            if len(foreign) * _RARE > len(part):
                self._spend(len(part) // 2, offset)
        self.skip(len(part), offset)

    @property
    def is_between(self) -> bool:
        """Whether the next byte begins a character and the string is valid so far."""
        return not self._carry and self.flaw is None

    def skip(self, count: int, offset: int) -> None:
        """Add bytes that are all in the base64 alphabet; requires `is_between`."""
        if not self.segments[-1].plain:
            self.segments.append(Segment(self.length, offset, plain=True))
        self.length += count
        self.width += count

    def finish(self) -> None:
        """End the string, or the text."""
        if self._carry and not self.flaw:
            self._unescape(self._carry, self._carry_offset)
        self._carry = b""

    def repeat(self, length: int, foreign: dict[str, int], known: dict[Hashable, object]) -> None:
        """Become the statistics of a plain string that is equal to an earlier one."""
        self.length = self.width = length
        self.foreign, self.known = foreign, known

    def _count_plain(self, foreign: bytes, offset: int) -> None:
        passed = 0
        while foreign:
            # faster than a loop: near-base64 has few distinct characters
            first = foreign[:1]
            rest = foreign.translate(None, first)
            add_count(self.foreign, first.decode("ascii"), len(foreign) - len(rest))
            passed += len(foreign)
            foreign = rest
        self._spend(passed // _PASSES, offset)

    def _spend(self, count: int, offset: int) -> None:
        """Count characters that need more than one pass; too many are a flaw."""
        self._costly += count
        if self._costly > MAX_STRING:
            message = f"over {MAX_STRING >> 20} MB of a string that is not plain base64"
            self.flaw = Flaw(offset, self.width, message)

    def _feed_escaped(self, part: bytes, offset: int) -> None:
        for i in range(0, len(part), _STEP):
            raw = self._carry + part[i : i + _STEP]
            begin = offset + i - len(self._carry)
            splittable = _splittable_length(raw)
            if splittable:
                self._unescape(raw[:splittable], begin)
            if self.flaw:
                return
            self._carry, self._carry_offset = raw[splittable:], begin + splittable

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
            if location < 0:  # ends with a backslash, so the text has ended: the parser reports it
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
    """Add to the count of a character, or of OTHERS if there are many distinct ones already."""
    if character not in counts and len(counts) >= _DISTINCT:
        character = OTHERS
    counts[character] = counts.get(character, 0) + count


def foreign_characters(text: str) -> str:
    """The characters that are not in the base64 alphabet, in order."""
    return text.encode("utf-8", "surrogatepass").translate(None, ALPHABET).decode("utf-8", "surrogatepass")


def unescape(raw: str) -> str:
    """The text of a JSON string, given the raw text between its quotes. Raises json.JSONDecodeError."""
    text: str = json.loads(f'"{raw}"')
    return text


def not_utf8(error: UnicodeDecodeError) -> str:
    """The clause for bytes that are not UTF-8."""
    return f"byte 0x{error.object[error.start]:02x} is not UTF-8"


def clause(message: str) -> str:
    """A message of the json module as a clause to which a location can be appended."""
    message = message.rstrip(": ")
    for ending in (" at", " starting", " delimiter"):
        message = message.removesuffix(ending)
    return message[:1].lower() + message[1:]


def _splittable_length(raw: bytes) -> int:
    """The length of the longest prefix that does not end inside a character, escape or surrogate pair."""
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
        return before  # a possible surrogate pair
    return escape


def _is_escape(raw: bytes, at: int) -> bool:
    """Whether an escape begins at `at`: a backslash that is not itself escaped."""
    run = raw[: at + 1]
    return (len(run) - len(run.rstrip(b"\\"))) % 2 == 1


@dataclass(frozen=True, slots=True)
class StringPayload:
    """A string of a document, read in parts.

    `start` and `end` are the byte offsets inside its quotes, None for a short string in memory, which
    only its path locates. `length` counts characters after unescaping.
    """

    start: int | None
    end: int | None
    length: int
    _source: JsonSource | None = field(repr=False)
    _stats: StringStats | None = field(repr=False)
    _literal: str = field(repr=False)

    def foreign(self) -> Mapping[str, int]:
        """The number of each character that is not one of the 64 of base64."""
        if self._stats:
            return self._stats.foreign
        counts: dict[str, int] = {}
        count_characters(counts, foreign_characters(self._literal))
        return counts

    @property
    def known(self) -> dict[Hashable, object]:
        """What is remembered of all equal strings of the file; empty for a string in memory."""
        return self._stats.known if self._stats else {}

    @property
    def region(self) -> tuple[JsonSource, int, int] | None:
        """The source and the byte offsets of the raw string in it; None for a string in memory."""
        if self._source is None or self.start is None or self.end is None:
            return None
        return self._source, self.start, self.end

    def may_hold_surrogates(self) -> bool:
        """Whether the text may hold a surrogate, as a pair or alone: JSON can write one as an escape only."""
        if self._source is None or self.start is None or self.end is None:
            return not self._literal.isascii()
        offset, before = self.start, b""
        while offset < self.end:
            part = _exactly(self._source, min(_LOOK, self.end - offset), offset)
            offset += len(part)
            part = before + part
            if any(b"\\" + high in part for high in _HIGH):
                return True
            before = part[-2:]
        return False

    def read(self, size: int, offset: int) -> bytes:
        """Up to `size` characters from character `offset`, one byte each; non-ASCII characters become `?`.

        Raises UnreadableError if the file has changed, OSError if it cannot be read.
        """
        stats = self._stats
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
        """Up to `size` characters from character `offset`. Raises as `read` does."""
        if self._source is None or self._stats is None or self.end is None:
            return self._literal[offset : offset + size]
        segments = self._stats.segments
        if len(segments) == 1 and offset + size <= len(self._stats.head):
            return self._stats.head[offset : offset + size].decode("ascii", "replace")
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
    """Unescape raw text that was valid when it was scanned."""
    try:
        return unescape(raw.decode())
    except ValueError:
        raise UnreadableError("was changed while it was read") from None
