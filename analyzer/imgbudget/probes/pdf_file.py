"""A PDF file's objects by number: cross-reference tables and streams, and objects in compressed streams."""

import re
from typing import NamedTuple, TypeGuard

from imgbudget.probes.pdf_stream import decode
from imgbudget.probes.pdf_syntax import (
    Dictionary,
    PdfError,
    Reference,
    Value,
    parse_indirect,
    parse_object,
)
from imgbudget.probes.reader import Read

_READ_LIMIT = 64 << 20
_INFLATE_LIMIT = 32 << 20
_TAILS = (1 << 11, 1 << 16)
"""Bytes at the end of the file that are searched for its start; some files have junk behind it."""

_PIECE = 4096
_OBJECT_LIMIT = 8 << 20
_PART_LIMIT = 100
_SUBSECTION_LIMIT = 2000
_CHAIN_LIMIT = 8

_START = re.compile(rb"startxref\s+(\d{1,15})")
_SUBSECTION = re.compile(rb"\s*(\d{1,10}) +(\d{1,10})[ \t]*(?:\r\n|\n|\r)")
_ENTRY = re.compile(rb"(\d{10}) \d{5} n")
_ENTRY_LENGTH = 20
_STREAM = re.compile(rb"\s*stream(?:\r\n|\n|\r)")


class _Table(NamedTuple):
    """A subsection of a cross-reference table: its first number, and where its entries of 20 bytes start."""

    first: int
    entries: int
    offset: int


class _Rows(NamedTuple):
    """A subsection of a cross-reference stream: its first number, and its rows of three fields."""

    first: int
    entries: int
    rows: bytes
    widths: tuple[int, int, int]


class _Indirect(NamedTuple):
    """An object with the bytes it was read from: `end` is where its value ends in them."""

    number: int
    value: Value
    offset: int
    data: bytes
    end: int


class PdfFile:
    """A PDF file behind a positional reader; offsets count from `mark`, where its header stands.

    Every method may raise PdfError, and OSError as the reader raises it.
    """

    def __init__(self, read: Read, size: int, mark: int) -> None:
        self._read, self._size, self._mark = read, size - mark, mark
        self._bytes_left, self._inflate_left = _READ_LIMIT, _INFLATE_LIMIT
        self._sections: list[_Table | _Rows] = []
        self._streams: dict[int, tuple[list[int], bytes]] = {}

    def trailer(self) -> Dictionary:
        """The trailer of the newest part of the file, or an older one that says it is encrypted."""
        starts: list[bytes] = []
        for length in _TAILS:
            if not starts:
                starts = _START.findall(self._bytes_at(max(self._size - length, 0), length))
        if not starts:
            raise PdfError
        newest: Dictionary = {}
        waiting, seen = [int(starts[-1])], set[int]()
        while waiting and len(seen) < _PART_LIMIT:
            offset = waiting.pop()
            if offset in seen:
                continue
            seen.add(offset)
            trailer = self._part(offset)
            if b"/Encrypt" in trailer:
                return trailer
            newest = newest or trailer
            # of a hybrid file the stream comes before the older parts
            waiting += [at for key in (b"/Prev", b"/XRefStm") if isinstance(at := trailer.get(key), int)]
        return newest

    def resolve(self, value: Value) -> Value:
        """The object that a reference leads to; any other value is itself."""
        for _ in range(_CHAIN_LIMIT):
            if not isinstance(value, Reference):
                return value
            value = self._object(value.number)
        raise PdfError

    def _bytes_at(self, offset: int, length: int) -> bytes:
        if length > self._bytes_left or offset < 0:
            raise PdfError
        data = self._read(length, offset + self._mark)
        self._bytes_left -= len(data)
        return data

    def _indirect(self, offset: int) -> _Indirect:
        length = _PIECE
        while True:
            data = self._bytes_at(offset, length)
            try:
                number, value, end = parse_indirect(data)
            except PdfError:
                # it may go on behind the bytes in hand: a page tree's root can list thousands of pages
                if len(data) < length or length >= _OBJECT_LIMIT:
                    raise
                length *= 8
            else:
                return _Indirect(number, value, offset, data, end)

    def _part(self, offset: int) -> Dictionary:
        """Read a cross-reference section; its trailer, or the dictionary of its stream."""
        start = self._bytes_at(offset, 16)
        if start.lstrip().startswith(b"xref"):
            return self._table(offset + start.index(b"xref") + 4)
        found = self._indirect(offset)
        if not isinstance(found.value, dict):
            raise PdfError
        widths, size = found.value.get(b"/W"), found.value.get(b"/Size")
        index = found.value.get(b"/Index") or [0, size]
        if not (_is_numbers(widths) and len(widths) == 3 and _is_numbers(index)):
            raise PdfError
        rows, at, width = self._stream_data(found), 0, sum(widths)
        for first, count in zip(index[::2], index[1::2], strict=False):
            part = rows[at : at + count * width]
            self._sections.append(_Rows(first, count, part, (widths[0], widths[1], widths[2])))
            at += count * width
        return found.value

    def _table(self, offset: int) -> Dictionary:
        for _ in range(_SUBSECTION_LIMIT):
            data = self._bytes_at(offset, 64)
            found = _SUBSECTION.match(data)
            if found is None:
                break
            first, count = int(found[1]), int(found[2])
            self._sections.append(_Table(first, count, offset + found.end()))
            offset += found.end() + count * _ENTRY_LENGTH
        data = self._bytes_at(offset, _PIECE)
        mark = data.find(b"trailer")
        if mark < 0:
            raise PdfError
        trailer, _ = parse_object(data, mark + 7)
        if not isinstance(trailer, dict):
            raise PdfError
        return trailer

    def _object(self, number: int) -> Value:
        kind, first, second = self._entry(number)
        if kind == 2:
            return self._packed(first, second)
        found = self._indirect(first)
        if found.number != number:
            raise PdfError
        return found.value

    def _entry(self, number: int) -> tuple[int, int, int]:
        """1 and the object's offset, or 2 and the stream it is in and its place there."""
        for section in self._sections:
            at = number - section.first
            if not 0 <= at < section.entries:
                continue
            if isinstance(section, _Table):
                found = _ENTRY.match(self._bytes_at(section.offset + at * _ENTRY_LENGTH, _ENTRY_LENGTH))
                if found is not None:
                    return 1, int(found[1]), 0
            else:
                a, b, c = section.widths
                row = section.rows[at * (a + b + c) : (at + 1) * (a + b + c)]
                kind = int.from_bytes(row[:a], "big") if a else 1
                if len(row) == a + b + c and kind in {1, 2}:
                    return kind, int.from_bytes(row[a : a + b], "big"), int.from_bytes(row[a + b :], "big")
        raise PdfError

    def _packed(self, stream: int, place: int) -> Value:
        """The object at a place inside an object stream."""
        if stream not in self._streams:
            kind, offset, _ = self._entry(stream)
            found = self._indirect(offset) if kind == 1 else None
            if found is None or not isinstance(found.value, dict):
                raise PdfError
            first = found.value.get(b"/First")
            data = self._stream_data(found)
            if not isinstance(first, int) or not 0 <= first <= len(data):
                raise PdfError
            numbers = [int(word) for word in data[:first].split() if word.isdigit() and len(word) < 12]
            self._streams[stream] = ([first + at for at in numbers[1::2]], data)
        offsets, data = self._streams[stream]
        if place >= len(offsets):
            raise PdfError
        return parse_object(data, offsets[place])[0]

    def _stream_data(self, found: _Indirect) -> bytes:
        """The content of a stream, inflated and with its predictor undone."""
        start = _STREAM.match(found.data, found.end)
        if start is None or not isinstance(found.value, dict):
            raise PdfError
        length = self.resolve(found.value.get(b"/Length"))
        if not isinstance(length, int) or length < 0:
            raise PdfError
        data = self._bytes_at(found.offset + start.end(), length)
        decoded = decode(
            data, found.value.get(b"/Filter"), found.value.get(b"/DecodeParms"), self._inflate_left
        )
        if decoded is None:
            raise PdfError
        self._inflate_left -= len(decoded)
        return decoded


def _is_numbers(value: Value) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(isinstance(item, int) and item >= 0 for item in value)
