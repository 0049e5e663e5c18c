"""The rows of lists: JSON, JSON Lines, CSV and TSV files, plain or compressed, one row in memory at a time.

A row knows its bytes in the (unpacked) file, so that a worker can read those of an image in it again.
"""

import bz2
import codecs
import csv
import gzip
import io
import json
import lzma
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from enum import Enum
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import IO, Any, NamedTuple, cast

from imgbudget.auditing.inputs.opening import STEP, open_stream
from imgbudget.auditing.inputs.rowtexts import is_data_text, looks_like_name, nested_value
from imgbudget.auditing.inputs.unpacking import Metered, by_arrow
from imgbudget.errors import UnreadableError
from imgbudget.jsontext.stream import Element, elements
from imgbudget.model.location import Keys

MOST_LINE = 256 << 20
"""Bytes of one line, and characters of one field of CSV, above which a list is not read on."""

_MOST_REST = 64 << 20
"""Bytes of what is beside the lists of a JSON object that are gathered as one row."""

OPEN_QUOTE = (
    "a quote in the row is never closed, so that all that follows is one cell; what is in it was not read"
)

_PACKED = re.compile(r"\.(?:gz|bz2|xz|zst|zstd)$", re.IGNORECASE)
_STARTS = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
_WIDE = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""The marks of texts in wide characters, as spreadsheets and PowerShell write them; the longer ones first."""

_DELIMITERS = ",;\t|"
_BOM = b"\xef\xbb\xbf"
_TURNS = ("messages", "contents", "input", "conversations", "turns")
"""Lists of one row, not of rows."""


class InlinePlace(NamedTuple):
    """Where a value is: the bytes of JSON or of a line of a table, and its keys in that."""

    start: int
    end: int
    keys: Keys


class ListForm(Enum):
    """How a list is written."""

    JSON = "json"
    LINES = "lines"
    CSV = "csv"
    TSV = "tsv"


TABLES = (ListForm.CSV, ListForm.TSV)

_FORMS = {
    ".json": ListForm.JSON,
    ".jsonl": ListForm.LINES,
    ".ndjson": ListForm.LINES,
    ".csv": ListForm.CSV,
    ".tsv": ListForm.TSV,
}


def form_of(name: str) -> ListForm | None:
    """The form of a list by its name, compressed or not; None for any other file."""
    plain = _PACKED.sub("", name).lower()
    return next((form for suffix, form in _FORMS.items() if plain.endswith(suffix)), None)


def is_packed_list(name: str) -> bool:
    """Whether a list is compressed, by its name."""
    return form_of(name) is not None and _PACKED.search(name) is not None


class ListRow(NamedTuple):
    """A row of a list: its number, what its pointers begin with, its value, its bytes from `start` to `end`.

    `number` is None for what is not one of a list of rows. `section` is the name of the list in an object
    that holds several, and `broken`: the row is not JSON. `spans` are the bytes of the parts of what
    an object holds beside its lists. `beyond` are the cells of a table that the head has no names for.
    """

    number: int | None
    base: Keys
    value: Any
    start: int
    end: int
    section: str = ""
    broken: bool = False
    spans: Mapping[Keys, tuple[int, int]] = MappingProxyType({})
    flaw: str | None = None
    beyond: tuple[str, ...] = ()

    def place(self, keys: Keys) -> "InlinePlace":
        """Where the value with these keys is in the text."""
        for length in (1, 2):
            if span := self.spans.get(keys[:length]):
                return InlinePlace(*span, keys[length:])
        return InlinePlace(self.start, self.end, keys)


class _Unpacked(io.RawIOBase):
    """A metered or recoded stream as one that `io.BufferedReader` reads."""

    def __init__(self, stream: "Metered | _Recoded") -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


_UNPACK: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    "gzip": lambda raw: cast("IO[bytes]", gzip.GzipFile(fileobj=raw)),
    "bz2": lambda raw: cast("IO[bytes]", bz2.BZ2File(raw)),
    "xz": lambda raw: cast("IO[bytes]", lzma.LZMAFile(raw)),  # noqa: SIM115 - closed where it is used
    "zstd": partial(by_arrow, codec="zstd"),
}


@contextmanager
def open_list(where: str) -> Iterator[IO[bytes]]:
    """A list as a stream of its text in UTF-8, unpacked by its first bytes.

    Raises:
        OSError: it cannot be read.
    """
    with open_stream(where) as raw:
        head = raw.read(8)
        raw.seek(0)
        packing = next((name for start, name in _STARTS if head.startswith(start)), None)
        if packing is None:
            yield _as_utf8(raw, head)
            return
        with _UNPACK[packing](raw) as stream:
            metered = Metered(stream, raw.tell)
            unpacked = io.BufferedReader(_Unpacked(metered), STEP)
            yield _as_utf8(unpacked, unpacked.peek(4))


def _as_utf8(stream: IO[bytes], head: bytes) -> IO[bytes]:
    """The stream, or that of its text in UTF-8 if it begins with the mark of UTF-16 or UTF-32."""
    encoding = next((name for mark, name in _WIDE if head.startswith(mark)), None)
    if encoding is None:
        return stream
    return cast("IO[bytes]", io.BufferedReader(_Unpacked(_Recoded(stream, encoding)), STEP))


class _Recoded:
    """A text in another encoding as UTF-8. What is not in that encoding raises ValueError."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._left = b""
        self._ended = False

    def read(self, size: int) -> bytes:
        """Up to so many bytes; none at the end."""
        while not self._left and not self._ended:
            data = self._stream.read(STEP)
            self._ended = not data
            self._left = self._decoder.decode(data, final=self._ended).encode("utf-8", "surrogatepass")
        data, self._left = self._left[:size], self._left[size:]
        return data


def rows_of_list(stream: IO[bytes], form: ListForm) -> Iterator[ListRow]:
    """The rows of an open list.

    Raises:
        ValueError: it is damaged; the rows before have come. UnreadableError: a row is too long.
    """
    match form:
        case ListForm.JSON:
            return _json_rows(stream)
        case ListForm.LINES:
            return _line_rows(stream)
        case ListForm.CSV | ListForm.TSV:
            return _table_rows(stream, form)


class ListReader:
    """Reads values of a list again, by their places in ascending order."""

    def __init__(self, where: str, form: ListForm) -> None:
        self._where = where
        self._form = form
        self._exit = ExitStack()
        self._stream: IO[bytes] | None = None
        self._head: TableHead | None = None
        self._at = 0

    def close(self) -> None:
        """Close the list."""
        self._exit.close()
        self._stream = None

    def value(self, place: InlinePlace) -> Any:
        """The value at a place.

        Raises:
            OSError: it cannot be read. ValueError, LookupError, TypeError: the file has changed.
        """
        value = self._parsed(self._bytes(place.start, place.end))
        for key in place.keys:
            inner = nested_value(value) if isinstance(value, str) else value
            value = cast("Any", inner)[key]
        return value

    def _bytes(self, start: int, end: int) -> bytes:
        stream = self._stream
        if stream is None or start < self._at:
            self.close()
            stream = self._stream = self._exit.enter_context(open_list(self._where))
            self._at = 0
            if self._form in (ListForm.CSV, ListForm.TSV):
                line = next(_lines(stream), b"")
                self._head, self._at = table_head(line, self._form), len(line)
                if start < self._at:  # the head is a row
                    return line
        if not stream.seekable() or isinstance(stream.raw if hasattr(stream, "raw") else None, _Unpacked):
            while self._at < start and (data := stream.read(min(start - self._at, STEP))):
                self._at += len(data)
        else:
            stream.seek(start)
        data = stream.read(end - start)
        self._at = start + len(data)
        return data

    def _parsed(self, data: bytes) -> Any:
        if self._head is None:
            return json.loads(data.removeprefix(_BOM))
        lines = data.removeprefix(_BOM).decode("utf-8", "surrogateescape").splitlines(keepends=True)
        cells = next(csv.reader(lines, delimiter=self._head.delimiter))
        return self._head.row(cells)


class TableHead(NamedTuple):
    """How a table is written: its delimiter, the names of its columns, whether the first line has them."""

    delimiter: str
    columns: tuple[str, ...]
    named: bool

    def row(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells by their columns; those beyond the head by their numbers."""
        row = dict(zip(self.columns, cells, strict=False))
        for number in range(len(self.columns), len(cells)):
            row[str(number)] = cells[number]
        return row


def table_head(line: bytes, form: ListForm) -> TableHead:
    """What the first line of a table shows. Without names its columns have numbers."""
    csv.field_size_limit(max(csv.field_size_limit(), MOST_LINE))
    text = line.removeprefix(_BOM).decode("utf-8", "surrogateescape")
    bare = re.sub(r'"[^"]*"', "", text)
    delimiter = "\t" if form is ListForm.TSV else max(_DELIMITERS, key=bare.count)
    names = next(csv.reader([text], delimiter=delimiter), [])
    if any(looks_like_name(name) or is_data_text(name) for name in names):
        return TableHead(delimiter, tuple(str(number) for number in range(len(names))), named=False)
    columns = (name.strip() or str(number) for number, name in enumerate(names))
    return TableHead(delimiter, tuple(columns), named=True)


def _table_rows(stream: IO[bytes], form: ListForm) -> Iterator[ListRow]:
    first = next(_lines(stream), b"")
    if not first.strip(_BOM):
        return
    head = table_head(first, form)
    at = 0
    ended = False

    def lines() -> Iterator[str]:
        nonlocal at, ended
        for number, line in enumerate(chain([first], _lines(stream))):
            at += len(line)
            yield (line if number else line.removeprefix(_BOM)).decode("utf-8", "surrogateescape")
        ended = True
        yield ""  # in an open quote it belongs to the last row

    start = 0
    for number, cells in enumerate(csv.reader(lines(), delimiter=head.delimiter)):
        if any(cells) and (number or not head.named):
            beyond = cells[len(head.columns) :] if head.named else ()
            yield ListRow(
                number - head.named,
                (),
                head.row(cells),
                start,
                at,
                flaw=OPEN_QUOTE if ended else None,
                beyond=tuple(cell for cell in beyond if cell and not cell.isspace()),
            )
        start = at


def _line_rows(stream: IO[bytes]) -> Iterator[ListRow]:
    at = 0
    for number, line in enumerate(_lines(stream)):
        start, at = at, at + len(line)
        if not line.strip():
            continue
        try:
            value = json.loads(line.removeprefix(_BOM) if not number else line)
        except (ValueError, RecursionError):
            yield ListRow(number, (), None, start, at, broken=True)
        else:
            yield ListRow(number, (), value, start, at)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(MOST_LINE + 1):
        if len(line) > MOST_LINE:
            raise UnreadableError(f"a line of more than {MOST_LINE >> 20} MB")
        yield line


def _json_rows(stream: IO[bytes]) -> Iterator[ListRow]:
    """The elements of a list; of an object those of its lists of objects, and all else in it as one row.

    An object of objects, such as that of VIA, counts as a list of them.
    """
    rest = _Remainder()
    document = 0
    for element in elements(stream.read):
        if element.document != document:
            yield from rest.rows(document)
            rest, document = _Remainder(), element.document
        yield from _rows_of_element(element, rest)
    yield from rest.rows(document)


def _rows_of_element(element: Element, rest: "_Remainder") -> Iterator[ListRow]:
    keys, value = element.keys, element.value
    first = keys[0] if keys else None
    if not isinstance(first, str):  # a list, or a document that is only a text or number
        yield ListRow(
            first if isinstance(first, int) else element.document, (), value, element.start, element.end
        )
    elif len(keys) == 2 and isinstance(value, dict) and first not in _TURNS:
        yield ListRow(None, keys, value, element.start, element.end, first)
    elif len(keys) == 1 and isinstance(value, dict) and value and first not in _TURNS:
        if all(isinstance(inner, dict) for inner in value.values()) and len(value) > 1:
            for name, inner in value.items():
                yield ListRow(None, (first, name), inner, element.start, element.end, first)
        elif "filename" in value and "regions" in value:
            yield ListRow(None, keys, value, element.start, element.end)
        else:
            rest.add(element)
    else:
        rest.add(element)


class _Remainder:
    """What is beside the lists of an object, as one row."""

    def __init__(self) -> None:
        self._value: dict[str, Any] = {}
        self._spans: dict[Keys, tuple[int, int]] = {}
        self._size = 0

    def add(self, element: Element) -> None:
        """Gather an element.

        Raises:
            UnreadableError: there is too much.
        """
        self._size += element.end - element.start
        if self._size > _MOST_REST:
            raise UnreadableError(
                f"an object with more than {_MOST_REST >> 20} MB beside its lists of objects"
            )
        key = str(element.keys[0])
        if len(element.keys) == 1:
            self._value[key] = element.value
            self._spans[(key,)] = (element.start, element.end)
            return
        inner = element.keys[1]
        if isinstance(inner, int):
            known = self._value.setdefault(key, [])
            if isinstance(known, list):
                self._spans[key, len(known)] = (element.start, element.end)
                known.append(element.value)
        elif isinstance(known := self._value.setdefault(key, {}), dict):
            self._spans[key, inner] = (element.start, element.end)
            known[inner] = element.value

    def rows(self, document: int) -> Iterator[ListRow]:
        """The row, if there is anything."""
        if self._value:
            yield ListRow(document or None, (), self._value, 0, 0, spans=self._spans)
