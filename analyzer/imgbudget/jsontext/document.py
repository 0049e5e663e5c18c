"""JSON documents that know the span of each of their values; long strings stay in the file."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.scanner import (
    LONG,
    WINDOW,
    LongString,
    MalformedError,
    MaskedText,
    Parser,
    Point,
    fill,
    scan,
    stats_of,
)
from imgbudget.jsontext.source import BEGINNING, JsonSource, Start
from imgbudget.jsontext.strings import StringPayload, StringStats, not_utf8
from imgbudget.model.location import Key, Keys, Span

BLANK = " \t\r\n"
"""What may stand between the values of a text."""

_TAIL = 64
_blanks = re.compile(r"[ \t\r\n]*+").match
_plain_key = re.compile(r'[ \t\r\n]*+("([^"\\]*+)")[ \t\r\n]*+:[ \t\r\n]*+').match
_scan = json.JSONDecoder(parse_int=str).raw_decode
"""The value at a position and where it ends; `str`, because integers may be too long to convert."""


class Member(NamedTuple):  # made for each value on the way
    """A value of a text: its route, positions of its text and of its key, position of what it is a member of.

    `key_end` is 0 where there is no key.
    """

    route: Keys
    start: int
    end: int
    key_start: int
    key_end: int
    parent: int


@dataclass(slots=True)
class _OpenContainer:
    """A container that the walk is in, and the member of it that it has come to.

    `end` is where it ends, 0 where that is not known yet; where it is, `value` is what the parser made of it.
    """

    route: Keys
    start: int
    is_object: bool
    end: int
    value: Any
    key: Key = -1
    key_start: int = 0
    key_end: int = 0

    def next_member(self, text: str, at: int) -> int:
        """Read the key of the member that begins at `at`; where its value begins."""
        if not self.is_object:
            self.key = int(self.key) + 1
            return _skip(text, at)
        if plain := _plain_key(text, at):
            self.key = plain[2]
            self.key_start, self.key_end = plain.span(1)
            return plain.end()
        self.key_start = at = _skip(text, at)
        self.key, self.key_end = _scan(text, at)
        colon = _skip(text, self.key_end)
        return _skip(text, colon + 1)

    def end_of_last(self, text: str) -> int:
        """Where the member ends, if it is the last one and the container's end is known; else 0."""
        if not self.end:
            return 0
        last = next(reversed(self.value)) if self.is_object else len(self.value) - 1
        return bare_end(text, self.end - 1) if self.key == last else 0


def members(text: str, enter: Callable[[Keys], bool], value: Any = None) -> Iterator[Member]:
    """The values of a text that is known to be JSON, those inside a container before the container.

    Only containers whose route `enter` says yes to are walked through; the others come as one value. With
    `value`, what the parser made of a text in which no key is doubled, the last values need no scan.
    """
    stack: list[_OpenContainer] = []
    route: Keys = ()
    at = _skip(text, 0)
    known = 0 if value is None else bare_end(text, len(text))
    while True:
        if text[at] in "[{" and enter(route):
            inner = _OpenContainer(route, at, text[at] == "{", known, value)
            stack.append(inner)
            end = at + 1
            if text[_skip(text, end)] not in "]}":
                at = inner.next_member(text, end)
                route = (*inner.route, inner.key)
                if known := inner.end_of_last(text):
                    value = inner.value[inner.key]
                continue
        else:
            end = known or _scan(text, at)[1]
            yield _member(stack, route, at, end)
        while stack:
            inner = stack[-1]
            end = _skip(text, end)
            if text[end] == ",":
                at = inner.next_member(text, end + 1)
                route = (*inner.route, inner.key)
                if known := inner.end_of_last(text):
                    value = inner.value[inner.key]
                break
            if text[end] not in "]}":
                raise AssertionError  # not reached: the text is JSON
            stack.pop()
            end += 1
            yield _member(stack, inner.route, inner.start, end)
        else:
            return


def _skip(text: str, at: int) -> int:
    """Where the next byte stands that is no blank, of which most texts have none or very many."""
    if text[at] not in BLANK:
        return at
    match = _blanks(text, at)
    return match.end() if match else at


def _member(stack: list[_OpenContainer], route: Keys, start: int, end: int) -> Member:
    if not stack:
        return Member(route, start, end, 0, 0, -1)
    outer = stack[-1]
    key_start, key_end = (outer.key_start, outer.key_end) if outer.is_object else (0, 0)
    return Member(route, start, end, key_start, key_end, outer.start)


def bare_end(text: str, end: int) -> int:
    """Where what stands before `end` ends without blanks; all of it is copied only where they are many."""
    if text[end - 1] not in BLANK:
        return end
    tail = text[max(end - _TAIL, 0) : end]
    if not (bare := tail.rstrip(BLANK)):
        tail, bare = text[:end], text[:end].rstrip(BLANK)
    return end - len(tail) + len(bare)


def find_members(text: str, value: Any, routes: Iterable[Keys], *, doubled: bool) -> dict[Keys, Member]:
    """The values that the routes lead to in a text; a route that leads nowhere is left out.

    `value` is what the parser made of the text. `doubled` says that a key may stand twice in an object: then
    the last one counts, as it does to the parser, and the walk goes to the end.
    """
    wanted = set(routes)
    inner = {route[:i] for route in wanted for i in range(len(route))}
    found: dict[Keys, Member] = {}
    for member in members(text, inner.__contains__, None if doubled else value):
        route = member.route
        if doubled and route in inner:
            _forget(found, member)
        if route in wanted:
            found[route] = member
            if len(found) == len(wanted) and not doubled:
                break
    return found


def _forget(found: dict[Keys, Member], later: Member) -> None:
    """Drop what an earlier value of the same route held."""
    depth = len(later.route)
    for route in [route for route in found if route[:depth] == later.route]:
        if found[route].start < later.start:
            del found[route]


def doubled_members(text: str) -> Iterator[Keys]:
    """The routes of members whose key stood in their object before."""
    seen: set[tuple[int, Key]] = set()
    told: set[Keys] = set()
    for member in members(text, lambda _: True):
        if not member.key_end:
            continue
        name = (member.parent, member.route[-1])
        if name in seen and member.route not in told:
            told.add(member.route)
            yield member.route
        seen.add(name)


MAX_TEXT = 256 << 20
"""Most bytes that a document may hold beside its long strings: the largest batch (256 MB, skill, 2026-07)."""

_BOM = b"\xef\xbb\xbf"
_blank = re.compile(rb"[ \t\r\n]*").match

Tell = Callable[[LongString, JsonSource], StringStats]
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
    _hollow: MaskedText = field(repr=False)
    _cuts: Mapping[str, LongString] = field(repr=False)
    _doubled: bool = field(repr=False)
    _tell: Tell = field(repr=False, default=stats_of)

    @property
    def duplicate_keys(self) -> tuple[Keys, ...]:
        """The routes of members whose key their object has more than once; the last one is in `value`.

        Two long keys that are equal are not seen.
        """
        return tuple(doubled_members(self._hollow.text)) if self._doubled else ()

    def payload(self, value: str) -> StringPayload:
        """The string that stands where `value` does.

        Raises OSError and UnreadableError when it was not checked before and cannot be read now.
        """
        cut = self._cuts.get(value)
        if cut is None:
            return StringPayload(None, None, len(value), None, None, value)
        stats = self._tell(cut, self._hollow.source)
        if stats.flaw:
            raise UnreadableError(stats.flaw.message)
        return StringPayload(cut.start, cut.end, stats.length, self._hollow.source, stats, value)

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

    def _spans(self, locations: Mapping[Keys, tuple[int, int]]) -> dict[Keys, Span]:
        points = self._hollow.points(position for location in locations.values() for position in location)
        return {route: _span(points[start], points[end]) for route, (start, end) in locations.items()}


def _span(start: Point, end: Point) -> Span:
    return Span(start.offset, end.offset, start.line, start.column, end.line, end.column)


class _Gathered:
    """The pieces of one document as the scan hands them out, and where they begin and end in the file."""

    __slots__ = ("_size", "base", "end", "line", "pieces", "too_long")

    def __init__(self, base: int, line: int) -> None:
        self.base = base
        self.end = base
        self.line = line
        self.pieces: list[bytes | LongString] = []
        self.too_long = False
        self._size = 0

    def add(self, piece: bytes | LongString) -> None:
        """Take the next piece; none is kept once there are too many bytes."""
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


def open_documents(  # noqa: PLR0913 - where to begin, and how far to look
    source: JsonSource,
    *,
    lines: bool,
    check: bool = True,
    window: int = WINDOW,
    long: int = LONG,
    start: Start = BEGINNING,
    tell: Tell = stats_of,
) -> Iterator[Document | BadDocument]:
    """The documents of a text: with `lines` one a line, blank lines passed over, else the whole text as one.

    Reads on as documents are taken, in memory that only the text beside long strings adds to. Without
    `check` the bytes of a long string are looked at when its payload is asked for, not before. `window` and
    `long` are bytes, see `hollow`; `tell` looks at them then. `start` is a line to begin at, with `lines`
    only. Raises OSError when the source cannot be read.
    """
    reader = _DocumentReader(source, tell, start.number)
    if start.line == 1 and (encoding := _wide_encoding(source.pread(4, 0))):
        yield reader.bad(0, source.size, Point(0, 1, 1), f"not JSON: {encoding}, not UTF-8 (RFC 8259)")
        return
    pieces = scan(source, lines=lines, check=check, window=window, long=long, start=start.offset)
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
    reader: "_DocumentReader", pieces: Iterator[bytes | LongString], start: Start
) -> Iterator[Document | BadDocument]:
    gathered = _Gathered(start.offset, start.line)
    offset = start.offset
    for piece in pieces:
        if isinstance(piece, LongString):
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


class _DocumentReader:
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
        hollow_text = MaskedText(text=text, mark=mark, cuts=cuts, source=self._source, base=start, line=line)
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
            alike=len({cut.stats and cut.stats.length for cut in cuts}) < len(cuts),
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
