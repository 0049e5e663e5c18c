"""The number of pages of a PDF file (ISO 32000-1), from the root of its page tree.

All work is paid for in steps, of which a file has a number proportional to its bytes: numbers that the file
declares never decide how long it is read.
"""

import re
from typing import TypeGuard

from imgbudget.imageinfo.pdf_objects import (
    TOKEN_STEPS,
    Dictionary,
    NestingError,
    PdfError,
    Reference,
    ReferenceRun,
    Value,
    decode,
    parse_indirect,
    parse_object,
    words,
)
from imgbudget.imageinfo.reader import Read
from imgbudget.imageinfo.steps import Steps, StepsExceededError, TimeLimit
from imgbudget.namedtuples import NamedTuple

_BASE_STEPS, _STEPS_PER_BYTE, _MOST_STEPS = 1 << 15, 32, 32 << 20
"""Steps for a file. Files of common writers need fewer than one per byte, the smallest files 12."""

_READ_STEPS, _SECTION_STEPS = 64, 4
_TAILS = (1 << 11, 1 << 16)
"""Bytes at the end of the file searched for startxref; some files have trailing junk."""

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
    """A subsection of a cross-reference table: its first number, and the offset of its 20-byte entries."""

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
    """An object and the bytes it was read from; `end` is the end of its value in them."""

    number: int
    value: Value
    offset: int
    data: bytes
    end: int


class PdfFile:
    """A PDF file behind a positional reader; offsets count from `mark`, the position of its header.

    Every method may raise PdfError, StepsExceededError, or OSError from the reader.
    """

    def __init__(self, read: Read, size: int, mark: int, steps: Steps) -> None:
        self._read, self._size, self._mark, self._steps = read, size - mark, mark, steps
        self._block, self._block_at = b"", 0
        self._opening: set[int] = set()
        self._sections: list[_Table | _Rows] = []
        self._streams: dict[int, tuple[list[int], bytes]] = {}

    def trailer(self) -> Dictionary:
        """The trailer of the newest part of the file, or an older one that declares encryption."""
        starts: list[bytes] = []
        for length in _TAILS:
            if not starts:
                starts = _START.findall(self._bytes_at(max(self._size - length, 0), length))
        if not starts:
            raise PdfError
        newest: Dictionary = {}
        waiting, visited = [int(starts[-1])], set[int]()
        while waiting and len(visited) < _PART_LIMIT:
            offset = waiting.pop()
            if offset in visited:
                continue
            visited.add(offset)
            trailer = self._part(offset)
            if b"/Encrypt" in trailer:
                return trailer
            newest = newest or trailer
            # in a hybrid file the stream takes precedence over older parts
            waiting += [at for key in (b"/Prev", b"/XRefStm") if isinstance(at := trailer.get(key), int)]
        return newest

    def resolve(self, value: Value) -> Value:
        """The object that a reference points to; any other value unchanged."""
        for _ in range(_CHAIN_LIMIT):
            if not isinstance(value, Reference):
                return value
            value = self._object(value.number)
        raise PdfError

    def _bytes_at(self, offset: int, length: int) -> bytes:
        """The bytes of a range, as far as the file has them; short ones are read in larger blocks."""
        if offset < 0:
            raise PdfError
        length = max(min(length, self._size - offset), 0)
        start = offset - self._block_at
        if start < 0 or start + length > len(self._block):
            wanted = max(min(max(length, _PIECE), self._size - offset), 0)
            self._steps.spend(wanted)
            self._block, self._block_at, start = self._read(wanted, offset + self._mark), offset, 0
        self._steps.spend(_READ_STEPS + length)
        return self._block[start : start + length]

    def _indirect(self, offset: int) -> _Indirect:
        length = _PIECE
        while True:
            data = self._bytes_at(offset, length)
            try:
                number, value, end = parse_indirect(data, self._steps)
            except NestingError:
                raise
            except PdfError:
                # it may be longer: the root of a page tree can list thousands of pages
                if len(data) < length or length >= _OBJECT_LIMIT:
                    raise
                length *= 8
            else:
                return _Indirect(number, value, offset, data, end)

    def _part(self, offset: int) -> Dictionary:
        """Read a cross-reference section; returns its trailer, or the dictionary of its stream."""
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
        trailer, _ = parse_object(data, mark + 7, self._steps)
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
        """1 and the offset of the object, or 2, the number of its stream and its index there."""
        self._steps.spend(_SECTION_STEPS * len(self._sections))
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

    def _packed(self, stream: int, index: int) -> Value:
        """The object at an index of an object stream."""
        if stream not in self._streams:
            kind, offset, _ = self._entry(stream)
            if kind != 1 or stream in self._opening:  # its length may be an object in the stream itself
                raise PdfError
            self._opening.add(stream)
            found = self._indirect(offset)
            if not isinstance(found.value, dict):
                raise PdfError
            first = found.value.get(b"/First")
            data = self._stream_data(found)
            if not isinstance(first, int) or not 0 <= first <= len(data):
                raise PdfError
            self._steps.spend(TOKEN_STEPS * first // 2)
            numbers = [int(word) for word in words(data[:first]) if word.isdigit() and len(word) < 12]
            self._streams[stream] = ([first + at for at in numbers[1::2]], data)
        offsets, data = self._streams[stream]
        if index >= len(offsets):
            raise PdfError
        return parse_object(data, offsets[index], self._steps)[0]

    def _stream_data(self, found: _Indirect) -> bytes:
        """The decoded content of a stream."""
        start = _STREAM.match(found.data, found.end)
        if start is None or not isinstance(found.value, dict):
            raise PdfError
        length = self.resolve(found.value.get(b"/Length"))
        if not isinstance(length, int) or length < 0:
            raise PdfError
        data = self._bytes_at(found.offset + start.end(), length)
        decoded = decode(data, found.value.get(b"/Filter"), found.value.get(b"/DecodeParms"), self._steps)
        if decoded is None:
            raise PdfError
        return decoded


def _is_numbers(value: Value) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(isinstance(item, int) and item >= 0 for item in value)


_MARK_ROOM = 1024
_PAGE_LIMIT = 10_000_000

NOT_A_PDF = "the data is not a PDF"
_ENCRYPTED = "the file is encrypted"
_DAMAGED = "the file is damaged, or of an unusual structure"
_CONTRADICTORY = "its page tree contradicts its number of pages"
_TOO_MUCH = "reading its structure takes more steps than a file of its size may need"


class PageCount(NamedTuple):
    """The pages of a PDF; if they are not known, None and the reason, a clause."""

    pages: int | None
    reason: str | None = None


def count_pages(read: Read, size: int, limit: TimeLimit | None = None) -> PageCount:
    """Number of pages of the PDF file of `size` bytes behind a positional reader.

    The result depends on the bytes only, unless there is a `limit`.

    Raises:
        OSError: raised by the reader.
    """
    if limit is not None and limit.used_up:
        return PageCount(None, limit.reason)
    mark = read(_MARK_ROOM, 0).find(b"%PDF-")
    if mark < 0:
        return PageCount(None, NOT_A_PDF)
    steps = Steps(min(_BASE_STEPS + _STEPS_PER_BYTE * size, _MOST_STEPS), limit)
    try:
        return _count_pages(PdfFile(read, size, mark, steps))
    except PdfError:
        return PageCount(None, _DAMAGED)
    except StepsExceededError:
        return PageCount(None, limit.reason if limit is not None and limit.used_up else _TOO_MUCH)
    finally:
        steps.close()


def _count_pages(file: PdfFile) -> PageCount:
    trailer = file.trailer()
    if b"/Encrypt" in trailer:
        return PageCount(None, _ENCRYPTED)
    catalogue = file.resolve(trailer.get(b"/Root"))
    pages = file.resolve(catalogue.get(b"/Pages")) if isinstance(catalogue, dict) else None
    if not isinstance(pages, dict):
        raise PdfError
    count = file.resolve(pages.get(b"/Count"))
    if not isinstance(count, int) or not 0 <= count <= _PAGE_LIMIT:
        raise PdfError
    kids = pages.get(b"/Kids")
    known = (
        [kid for kid in kids if isinstance(kid, (Reference, ReferenceRun))] if isinstance(kids, list) else []
    )
    if sum(kid.length if isinstance(kid, ReferenceRun) else 1 for kid in known) > count:
        return PageCount(None, _CONTRADICTORY)
    return PageCount(count)
