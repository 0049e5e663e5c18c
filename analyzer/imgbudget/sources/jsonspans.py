"""JSON documents that know where each of their values stands, with long strings left in the file."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from imgbudget.errors import UnreadableError
from imgbudget.model import Keys, Span
from imgbudget.sources.hollow import LONG, WINDOW, Cut, hollow, tally_of
from imgbudget.sources.hollowtext import HollowText, Point, fill
from imgbudget.sources.jsonparse import MalformedError, Parser
from imgbudget.sources.jsonsource import BEGINNING, JsonSource, Start
from imgbudget.sources.jsonwalk import BLANK, bare_end, doubled_members, find_members
from imgbudget.sources.payload import Payload
from imgbudget.sources.tally import Tally, not_utf8

__all__ = ["BEGINNING", "BadDocument", "Document", "JsonSource", "Payload", "Start", "open_documents"]

MAX_TEXT = 256 << 20
"""Most bytes that a document may hold beside its long strings: the largest batch (256 MB, skill, 2026-07)."""

_BOM = b"\xef\xbb\xbf"
_blank = re.compile(rb"[ \t\r\n]*").match

Tell = Callable[[Cut, JsonSource], Tally]
"""Tells what a long string is made of, where the scan did not: all of it, or what a look at it tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadDocument:
    """Text that is no JSON document: where it stands, and what is wrong at which place.

    `number` counts as in Document, `start` and `end` are the bytes of the text (the line, the file), `line`,
    `column` and `offset` the place of the mistake. `message` is a clause that names line and column.
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

    In `value` each long string may be a placeholder, keys included: `payload` and `text` tell what stands
    there, and take any other string too. `alike` says whether two of the strings that were left in the file
    may be equal: they have one length, or were not looked at. `start` and `end` are the bytes of the value
    in the file, without blanks around it. `number` counts the documents of the file, bad ones too, from 0;
    `line` is where it begins, from 1.
    """

    value: Any
    start: int
    end: int
    number: int
    line: int
    alike: bool
    _hollow: HollowText = field(repr=False)
    _cuts: Mapping[str, Cut] = field(repr=False)
    _doubled: bool = field(repr=False)
    _tell: Tell = field(repr=False, default=tally_of)

    @property
    def duplicate_keys(self) -> tuple[Keys, ...]:
        """The routes of members whose key their object has more than once; the last one is in `value`.

        Two long keys that are equal are not seen.
        """
        return tuple(doubled_members(self._hollow.text)) if self._doubled else ()

    def payload(self, value: str) -> Payload:
        """The string that stands where `value` does.

        Raises OSError and UnreadableError when it was not checked before and cannot be read now.
        """
        cut = self._cuts.get(value)
        if cut is None:
            return Payload(None, None, len(value), None, None, value)
        tally = self._tell(cut, self._hollow.source)
        if tally.flaw:
            raise UnreadableError(tally.flaw.message)
        return Payload(cut.start, cut.end, tally.length, self._hollow.source, tally, value)

    def text(self, value: str, size: int | None = None) -> str:
        """The text of the string that stands where `value` does, up to `size` characters of it.

        Raises as `Payload.read` does.
        """
        if value not in self._cuts:
            return value[:size]
        payload = self.payload(value)
        return payload.text(payload.length if size is None else size)

    def spans(self, routes: Iterable[Keys]) -> dict[Keys, Span]:
        """Where the values stand that the routes lead to; a route that leads nowhere is left out."""
        found = find_members(self._hollow.text, self.value, routes, doubled=self._doubled)
        return self._spans({route: (member.start, member.end) for route, member in found.items()})

    def key_spans(self, routes: Iterable[Keys]) -> dict[Keys, Span]:
        """Where the keys of these members stand, quotes included; array items have none."""
        found = find_members(self._hollow.text, self.value, routes, doubled=self._doubled)
        keyed = {
            route: (member.key_start, member.key_end) for route, member in found.items() if member.key_end
        }
        return self._spans(keyed)

    def _spans(self, places: Mapping[Keys, tuple[int, int]]) -> dict[Keys, Span]:
        points = self._hollow.points(position for place in places.values() for position in place)
        return {route: _span(points[start], points[end]) for route, (start, end) in places.items()}


def _span(start: Point, end: Point) -> Span:
    return Span(start.offset, end.offset, start.line, start.column, end.line, end.column)


class _Gathered:
    """The pieces of one document as the scan hands them out, and where they begin and end in the file."""

    __slots__ = ("_size", "base", "end", "line", "pieces", "too_long")

    def __init__(self, base: int, line: int) -> None:
        self.base = base
        self.end = base
        self.line = line
        self.pieces: list[bytes | Cut] = []
        self.too_long = False
        self._size = 0

    def add(self, piece: bytes | Cut) -> None:
        """Take the next piece; none is kept once there are too many bytes."""
        if isinstance(piece, Cut):
            self.end = piece.end
        else:
            self.end += len(piece)
            self._size += len(piece)
            if self._size > MAX_TEXT:
                self.too_long = True
                self.pieces.clear()
        if not self.too_long:
            self.pieces.append(piece)


def open_documents(  # noqa: PLR0913 - where to begin, and how far to look
    source: JsonSource,
    *,
    lines: bool,
    check: bool = True,
    window: int = WINDOW,
    long: int = LONG,
    start: Start = BEGINNING,
    tell: Tell = tally_of,
) -> Iterator[Document | BadDocument]:
    """The documents of a text: with `lines` one a line, blank lines passed over, else the whole text as one.

    Reads on as documents are taken, in memory that only the text beside long strings adds to. Without
    `check` the bytes of a long string are looked at when its payload is asked for, not before. `window` and
    `long` are bytes, see `hollow`; `tell` looks at them then. `start` is a line to begin at, with `lines`
    only. Raises OSError when the source cannot be read.
    """
    reader = _Reader(source, tell, start.number)
    if start.line == 1 and (encoding := _wide_encoding(source.pread(4, 0))):
        yield reader.bad(0, source.size, Point(0, 1, 1), f"not JSON: {encoding}, not UTF-8 (RFC 8259)")
        return
    pieces = hollow(source, lines=lines, check=check, window=window, long=long, start=start.offset)
    if lines:
        yield from _each_line(reader, pieces, start)
        return
    gathered = _Gathered(0, 1)
    for piece in pieces:
        gathered.add(piece)
        if gathered.too_long:
            break
    gathered.end = max(gathered.end, source.size)  # what is wrong is not read to its end
    yield reader.read(gathered) or reader.bad(0, source.size, Point(0, 1, 1), "not JSON: the text is empty")


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32, told by a byte order mark or by zeros beside the first character."""
    if head in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        return "UTF-32"
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    zeros = [byte == 0 for byte in head]
    if zeros in ([False, True, True, True], [True, True, True, False]):
        return "UTF-32"
    return "UTF-16" if zeros[:2] in ([False, True], [True, False]) else None


def _each_line(
    reader: "_Reader", pieces: Iterator[bytes | Cut], start: Start
) -> Iterator[Document | BadDocument]:
    gathered = _Gathered(start.offset, start.line)
    offset = start.offset
    for piece in pieces:
        if isinstance(piece, Cut):
            gathered.add(piece)
            offset = piece.end
            continue
        at = 0
        while at < len(piece):
            if gathered.end == gathered.base and (blank := _blank(piece, at)):
                newlines = piece.count(b"\n", at, blank.end())
                if newlines:  # many blank lines at once
                    at = piece.rfind(b"\n", at, blank.end()) + 1
                    gathered = _Gathered(offset + at, gathered.line + newlines)
                    continue
            newline = piece.find(b"\n", at)
            if newline < 0:
                gathered.add(piece[at:])
                break
            gathered.add(piece[at:newline])
            if document := reader.read(gathered):
                yield document
            at = newline + 1
            gathered = _Gathered(offset + at, gathered.line + 1)
        offset += len(piece)
    if document := reader.read(gathered):
        yield document


class _Reader:
    """Makes documents of what is gathered, and counts them."""

    __slots__ = ("_number", "_parser", "_source", "_tell")

    def __init__(self, source: JsonSource, tell: Tell, number: int) -> None:
        self._source = source
        self._tell = tell
        self._parser = Parser()
        self._number = number - 1

    def read(self, gathered: _Gathered) -> Document | BadDocument | None:
        """The document of the pieces; None when they are blank."""
        start, end, line = gathered.base, gathered.end, gathered.line
        if gathered.too_long:
            message = f"over {MAX_TEXT >> 20} MB of text beside its payloads"
            return self.bad(start, end, Point(start, line, 1), message)
        raw, mark, cuts = fill(gathered.pieces)
        gathered.pieces.clear()  # a long document's text is in memory often enough
        if raw.startswith(_BOM):
            raw, start = raw[len(_BOM) :], start + len(_BOM)
        wrong = None
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            text = raw[: error.start].decode()
            wrong = MalformedError(len(text), f"not JSON: {not_utf8(error)}")
        del raw
        hollow_text = HollowText(text=text, mark=mark, cuts=cuts, source=self._source, base=start, line=line)
        value = None
        lead = len(text) - len(text.lstrip(BLANK))
        if wrong is None:
            if lead == len(text):
                return None
            try:
                value = self._parser.parse(text)
            except MalformedError as error:
                wrong = error
        if mistake := hollow_text.mistake(wrong):
            point, message = mistake
            message = f"{message} at line {point.line}, column {point.column}"
            return self.bad(start + lead, end, point, message)
        self._number += 1
        return Document(
            value=value,
            start=start + lead,
            end=end - len(text) + bare_end(text, len(text)),
            number=self._number,
            line=line + text.count("\n", 0, lead),
            alike=len({cut.tally and cut.tally.length for cut in cuts}) < len(cuts),
            _hollow=hollow_text,
            _cuts=hollow_text.placeholders,
            _doubled=self._parser.doubled,
            _tell=self._tell,
        )

    def bad(self, start: int, end: int, point: Point, message: str) -> BadDocument:
        """What is no document."""
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
