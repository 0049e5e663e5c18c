"""JSON documents that know the byte span of each of their values; long strings stay in the file."""

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.members import BLANK, duplicate_members, end_without_blanks, find_members
from imgbudget.jsontext.parser import MAX_VALUES, MalformedError, has_too_many_values, parse
from imgbudget.jsontext.repeats import Repeats
from imgbudget.jsontext.scanner import (
    LONG,
    WINDOW,
    Extent,
    LongString,
    MaskedText,
    Point,
    mask_long_strings,
    scan,
    stats_of,
)
from imgbudget.jsontext.source import BEGINNING, JsonSource, Start
from imgbudget.jsontext.strings import StringPayload, StringStats, not_utf8
from imgbudget.model.location import Keys, Span
from imgbudget.slotted import dataclass, field

MAX_TEXT = 256 << 20
"""Most bytes of a document without its long strings: the largest batch (256 MB, skill, 2026-07)."""

_BOM = b"\xef\xbb\xbf"
_blank = re.compile(rb"[ \t\r\n]*").match

StatsReader = Callable[[LongString, JsonSource], StringStats]
"""Computes the statistics of a long string if the scan did not: complete ones, or a quick scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadDocument:
    """Text that is not a JSON document, and its first mistake.

    `number` counts as in `Document`; `start` and `end` are the byte span of the text (the line or the file);
    `line`, `column` and `offset` locate the mistake. `message` is a clause that names line and column.
    """

    number: int
    line: int
    column: int
    offset: int
    message: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Document:
    """One JSON document.

    In `value` each long string, keys included, may be a placeholder; `payload` and `text` return the actual
    string, also for any other string. `lengths_may_repeat` is whether two of the strings left in the file
    have the same length, or were not scanned. `start` and `end` are the byte span of the value without
    surrounding blanks. `number` is the 0-based number of the document in the file, invalid ones included;
    `line` is its first line, 1-based.
    """

    value: Any
    start: int
    end: int
    number: int
    line: int
    lengths_may_repeat: bool
    _masked: MaskedText = field(repr=False)
    _long_strings: Mapping[str, LongString] = field(repr=False)
    _has_duplicates: bool = field(repr=False)
    _read_stats: StatsReader = field(repr=False, default=stats_of)

    @property
    def duplicate_keys(self) -> tuple[Keys, ...]:
        """The paths of members whose key occurs more than once in their object; `value` has the last one.

        Equal long keys are not detected.
        """
        return tuple(duplicate_members(self._masked.text)) if self._has_duplicates else ()

    @property
    def short_text(self) -> str:
        """The text of the document, with a placeholder in place of each string that was left in the file."""
        return self._masked.text

    @property
    def long_strings(self) -> Mapping[str, LongString]:
        """The strings that were left in the file, by their placeholders in `value`."""
        return self._long_strings

    def payload(self, value: str) -> StringPayload:
        """The string for `value`, a string of the parsed document.

        Raises OSError or UnreadableError if it was not checked before and cannot be read now.
        """
        found = self._long_strings.get(value)
        if found is None:
            return StringPayload(None, None, len(value), None, None, value)
        stats = self._read_stats(found, self._masked.source)
        if stats.flaw:
            raise UnreadableError(stats.flaw.message)
        return StringPayload(found.start, found.end, stats.length, self._masked.source, stats, value)

    def mentions(self, word: str) -> bool:
        """Whether a word occurs in the text of the document, outside of the strings left in the file."""
        return word in self._masked.text

    def raw(self, value: str) -> tuple[int, int] | None:
        """The byte offsets inside the quotes of a string that was left in the file, without reading it."""
        found = self._long_strings.get(value)
        return None if found is None else (found.start, found.end)

    def text(self, value: str, size: int | None = None) -> str:
        """Up to `size` characters of the string for `value`. Raises as `StringPayload.read` does."""
        if value not in self._long_strings:
            return value[:size]
        payload = self.payload(value)
        return payload.text(payload.length if size is None else size)

    def spans(self, paths: Iterable[Keys]) -> dict[Keys, Span]:
        """The spans of the values at these paths; paths that do not exist are left out."""
        found = find_members(self._masked.text, self.value, paths, has_duplicates=self._has_duplicates)
        return self._spans({path: (member.start, member.end) for path, member in found.items()})

    def extents(self, paths: Iterable[Keys]) -> dict[Keys, Extent]:
        """The extents of the values at these paths that exist; none of them may be inside another one."""
        found = find_members(self._masked.text, self.value, paths, has_duplicates=self._has_duplicates)
        return self._masked.extents({path: (member.start, member.end) for path, member in found.items()})

    def key_spans(self, paths: Iterable[Keys]) -> dict[Keys, Span]:
        """The spans of the keys of these members, with their quotes; array items have none."""
        found = find_members(self._masked.text, self.value, paths, has_duplicates=self._has_duplicates)
        keyed = {path: (member.key_start, member.key_end) for path, member in found.items() if member.key_end}
        return self._spans(keyed)

    def _spans(self, locations: Mapping[Keys, tuple[int, int]]) -> dict[Keys, Span]:
        points = self._masked.points(position for location in locations.values() for position in location)
        return {path: _span(points[start], points[end]) for path, (start, end) in locations.items()}


def _span(start: Point, end: Point) -> Span:
    return Span(start.offset, end.offset, start.line, start.column, end.line, end.column)


class _PendingDocument:
    """The pieces of one document that the scan has yielded, and their span in the file."""

    __slots__ = ("_size", "base", "end", "line", "pieces", "too_long")

    def __init__(self, base: int, line: int) -> None:
        self.base = base
        self.end = base
        self.line = line
        self.pieces: list[bytes | LongString] = []
        self.too_long = False
        self._size = 0

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing but blanks, or blanks behind a byte order mark."""
        text = [piece for piece in self.pieces if isinstance(piece, bytes)]
        if self.too_long or len(text) < len(self.pieces):
            return False
        return not b"".join(text).removeprefix(_BOM).strip(BLANK.encode())

    def add(self, piece: bytes | LongString) -> None:
        """Add the next piece; drops all pieces once there are too many bytes."""
        if isinstance(piece, LongString):
            self.end = piece.end
        else:
            self.end += len(piece)
            self._size += len(piece)
            if self._size > MAX_TEXT:
                self.too_long = True
                self.pieces.clear()
        if not self.too_long:
            self.pieces.append(piece)


def open_documents(  # noqa: PLR0913 - start and window sizes
    source: JsonSource,
    *,
    lines: bool,
    check: bool = True,
    window: int = WINDOW,
    long: int = LONG,
    start: Start = BEGINNING,
    read_stats: StatsReader = stats_of,
    repeats: Repeats | None = None,
    wanted: Container[int] | None = None,
) -> Iterator[Document | BadDocument]:
    """The documents of a text: with `lines` one per line, skipping blank lines, else the whole text as one.

    Reads lazily; only text outside of long strings is held in memory. Without `check`, a long string is
    scanned by `read_stats` when its payload is requested. `window` and `long` are in bytes, `repeats` are the
    strings before, see `scan`. `start` is the line to begin at (only with `lines`). Documents whose number is
    not `wanted`, if that is given, are counted but not parsed. Raises OSError.
    """
    reader = _DocumentReader(source, read_stats, start.number, wanted)
    if start.line == 1 and (encoding := _wide_encoding(source.pread(4, 0))):
        yield reader.bad(0, source.size, Point(0, 1, 1), f"not JSON: {encoding}, not UTF-8 (RFC 8259)")
        return
    if not lines and wanted is None and source.size < long and source.fileno() < 0:
        # no string of it is long; recordings have many such bodies
        yield reader.parsed(source.pread(long, 0), "", (), 0, source.size, 1) or reader.empty(source.size)
        return
    sizes = window, long, start.offset
    pieces = scan(source, *sizes, lines=lines, check=check, repeats=repeats)
    if lines:
        yield from _each_line(reader, pieces, start)
        return
    pending = _PendingDocument(0, 1)
    for piece in pieces:
        pending.add(piece)
        if pending.too_long:
            break
    pending.end = max(pending.end, source.size)  # invalid text is not read to its end
    yield reader.read(pending) or reader.empty(source.size)


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32, by a byte order mark or by zeros next to the first character; else None."""
    if b"\0" not in head and head[:1] < b"\xfe":  # nearly always
        return None
    if head in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        return "UTF-32"
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    zeros = [byte == 0 for byte in head]
    if zeros in ([False, True, True, True], [True, True, True, False]):
        return "UTF-32"
    return "UTF-16" if zeros[:2] in ([False, True], [True, False]) else None


def _each_line(
    reader: "_DocumentReader", pieces: Iterator[bytes | LongString], start: Start
) -> Iterator[Document | BadDocument]:
    pending = _PendingDocument(start.offset, start.line)
    offset = start.offset
    for piece in pieces:
        if isinstance(piece, LongString):
            pending.add(piece)
            offset = piece.end
            continue
        at = 0
        while at < len(piece):
            if pending.end == pending.base and (blank := _blank(piece, at)):
                newlines = piece.count(b"\n", at, blank.end())
                if newlines:  # many blank lines at once
                    at = piece.rfind(b"\n", at, blank.end()) + 1
                    pending = _PendingDocument(offset + at, pending.line + newlines)
                    continue
            newline = piece.find(b"\n", at)
            if newline < 0:
                pending.add(piece[at:])
                break
            pending.add(piece[at:newline])
            if document := reader.read(pending):
                yield document
            at = newline + 1
            pending = _PendingDocument(offset + at, pending.line + 1)
        offset += len(piece)
    if document := reader.read(pending):
        yield document


class _DocumentReader:
    """Parses collected pieces to documents and numbers them."""

    __slots__ = ("_number", "_read_stats", "_source", "_wanted")

    def __init__(
        self, source: JsonSource, read_stats: StatsReader, number: int, wanted: Container[int] | None
    ) -> None:
        self._source = source
        self._read_stats = read_stats
        self._number = number - 1
        self._wanted = wanted

    def read(self, pending: _PendingDocument) -> Document | BadDocument | None:
        """The document of the pieces; None if they are blank, or not wanted."""
        if self._wanted is not None and self._number + 1 not in self._wanted:
            self._number += not pending.is_blank
            return None
        start, end, line = pending.base, pending.end, pending.line
        if pending.too_long:
            message = f"over {MAX_TEXT >> 20} MB of text besides long strings"
            return self.bad(start, end, Point(start, line, 1), message)
        raw, prefix, long_strings = mask_long_strings(pending.pieces)
        pending.pieces.clear()  # frees memory: a long text exists in several copies here
        return self.parsed(raw, prefix, long_strings, start, end, line)

    def parsed(  # noqa: PLR0913, PLR0917 - a text, its long strings, and where it is
        self, raw: bytes, prefix: str, long_strings: tuple[LongString, ...], start: int, end: int, line: int
    ) -> Document | BadDocument | None:
        """The document of a text with placeholders; None if it is blank."""
        if has_too_many_values(raw):
            return self.bad(start, end, Point(start, line, 1), f"over {MAX_VALUES:,} values and keys")
        if raw.startswith(_BOM):
            raw, start = raw[len(_BOM) :], start + len(_BOM)
        parse_error = None
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            text = raw[: error.start].decode()
            parse_error = MalformedError(len(text), f"not JSON: {not_utf8(error)}")
        del raw
        masked = MaskedText(
            text=text,
            prefix=prefix,
            long_strings=long_strings,
            source=self._source,
            base=start,
            line=line,
        )
        value, has_duplicates = None, False
        lead = len(text) - len(text.lstrip(BLANK))
        if parse_error is None:
            if lead == len(text):
                return None
            try:
                value, has_duplicates = parse(text)
            except MalformedError as error:
                # not itself: its traceback refers to this frame, which would keep both until a collection
                parse_error = MalformedError(error.position, str(error))
        if mistake := masked.mistake(parse_error):
            point, message = mistake
            message = f"{message} at line {point.line}, column {point.column}"
            return self.bad(start + lead, end, point, message)
        self._number += 1
        lengths = {it.stats and it.stats.length for it in long_strings}
        return Document(
            value=value,
            start=start + lead,
            end=end - len(text) + end_without_blanks(text, len(text)),
            number=self._number,
            line=line + text.count("\n", 0, lead),
            lengths_may_repeat=len(lengths) < len(long_strings),
            _masked=masked,
            _long_strings=masked.placeholders,
            _has_duplicates=has_duplicates,
            _read_stats=self._read_stats,
        )

    def empty(self, size: int) -> BadDocument:
        """A text with nothing in it but blanks."""
        return self.bad(0, size, Point(0, 1, 1), "not JSON: the text is empty")

    def bad(self, start: int, end: int, point: Point, message: str) -> BadDocument:
        """An invalid document."""
        self._number += 1
        return BadDocument(
            number=self._number,
            line=point.line,
            column=point.column,
            offset=point.offset,
            message=message,
            start=start,
            end=end,
        )
