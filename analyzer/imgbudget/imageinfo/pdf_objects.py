"""The objects of PDF files (ISO 32000-1) and the content of their streams; all work is paid for in steps."""

import re
import sys
import zlib
from array import array
from collections.abc import Iterator
from itertools import accumulate
from typing import TypeAlias

from imgbudget.imageinfo.steps import Steps
from imgbudget.namedtuples import NamedTuple

_DEEPEST = 100
"""Maximum nesting of arrays and dictionaries; the structures read here have three levels."""

_DIGITS = 15
TOKEN_STEPS = 32
"""Steps for a token: about as long as inflating 32 bytes takes."""

_BLANK = rb"[\0\t\n\f\r ]"
_TOKEN = re.compile(
    # possessive, to avoid quadratic backtracking on a row of comment signs
    rb"(?:" + _BLANK + rb"++|%[^\r\n]*+)*+"
    # references in a row are one token: a page tree can list thousands
    rb"((?:\d{1,10}+" + _BLANK + rb"++\d{1,5}+" + _BLANK + rb"++R\b" + _BLANK + rb"*+)++"
    rb"|<<|>>|\[|\]|/[^\0\t\n\f\r ()<>\[\]{}/%]*+|[+-]?[\d.]++|\(|<[0-9A-Fa-f\0\t\n\f\r ]*+>|[A-Za-z]++)"
)
_BRACKETS_IN_STRING = re.compile(rb"(?:[^()\\]++|\\.)*+(\(++|\)++)", re.DOTALL)
_OBJECT = re.compile(rb"[\0\t\n\f\r ]*(\d{1,10})[\0\t\n\f\r ]+\d{1,5}[\0\t\n\f\r ]+obj\b")


class Reference(NamedTuple):
    """An indirect reference: the number of the object."""

    number: int


class ReferenceRun(NamedTuple):
    """Several references in a row, of which only the number is kept."""

    length: int


Value: TypeAlias = "int | bytes | Reference | ReferenceRun | list[Value] | Dictionary | None"
"""Names keep their slash; strings, reals and keywords are bytes, which are not used."""

Dictionary: TypeAlias = dict[bytes, Value]


class PdfError(Exception):
    """The file is damaged or uses an unsupported feature."""


class NestingError(PdfError):
    """Arrays and dictionaries are nested deeper than any reader needs."""


def parse_object(data: bytes, at: int, steps: Steps) -> tuple[Value, int]:
    """The object that starts at `at`, and its end.

    Raises:
        PdfError: there is no object, or it is truncated or nested too deeply.
        StepsExceededError: no steps are left.
    """
    stack: list[list[Value]] = [[]]
    closers: list[bytes] = []
    while True:
        found = _TOKEN.match(data, at)
        if found is None:
            raise PdfError
        steps.spend(TOKEN_STEPS + found.end() - at)
        token, at = found[1], found.end()
        if token in {b"<<", b"["}:
            if len(closers) == _DEEPEST:
                raise NestingError
            stack.append([])
            closers.append(b">>" if token == b"<<" else b"]")
        elif token in {b">>", b"]"}:
            if not closers or closers.pop() != token:
                raise PdfError
            items = stack.pop()
            stack[-1].append(_dictionary(items) if token == b">>" else items)
        elif token == b"(":
            at = _end_of_string(data, at, steps)
            stack[-1].append(b"()")
        elif token[-1:] in b"R\0\t\n\f\r " and token[:1].isdigit():
            count = token.count(b"R")
            stack[-1].append(ReferenceRun(count) if count > 1 else Reference(_number(token)))
        else:
            stack[-1].append(int(token) if len(token) <= _DIGITS and token.lstrip(b"+-").isdigit() else token)
        if len(stack) == 1 and stack[0]:
            return stack[0][0], at


def parse_indirect(data: bytes, steps: Steps) -> tuple[int, Value, int]:
    """The number and value of "7 0 obj ..." at the start of `data`, and the end of the value.

    Raises:
        PdfError: there is no such object.
        StepsExceededError: no steps are left.
    """
    found = _OBJECT.match(data)
    if found is None:
        raise PdfError
    value, end = parse_object(data, found.end(), steps)
    return int(found[1]), value, end


def words(data: bytes) -> list[bytes]:
    """The words between white space, which in PDF includes NUL (ISO 32000-1, 7.2.2)."""
    return data.replace(b"\0", b" ").split()


def _number(reference: bytes) -> int:
    return int(words(reference)[0])


def _dictionary(items: list[Value]) -> dict[bytes, Value]:
    if len(items) % 2:
        raise PdfError
    return {key: value for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, bytes)}


def _end_of_string(data: bytes, at: int, steps: Steps) -> int:
    """The end of a literal string; brackets inside it are balanced or escaped."""
    depth = 1
    while True:
        found = _BRACKETS_IN_STRING.match(data, at)
        if found is None:
            raise PdfError
        steps.spend(TOKEN_STEPS + found.end() - at)
        first, at = found.span(1)
        if data[first] == _OPENING:
            depth += at - first
        elif depth <= at - first:
            return first + depth
        else:
            depth -= at - first


_OPENING = ord("(")

_PIECE_INFLATED = 1 << 18
_PREDICTED_STEPS, _ROW_STEPS = 8, 32


def decode(data: bytes, filters: Value, settings: Value, steps: Steps) -> bytes | None:
    """The content of a stream by its /Filter and /DecodeParms; None if they are not supported.

    Raises:
        StepsExceededError: no steps are left.
    """
    name = _only(filters)
    if name is None:
        return data
    if name != b"/FlateDecode":
        return None
    try:
        inflated = b"".join(_inflated(data, steps))
    except zlib.error:
        return None
    chosen = _only(settings)
    if not isinstance(chosen, dict) or chosen.get(b"/Predictor", 1) == 1:
        return inflated
    predictor, columns = chosen[b"/Predictor"], chosen.get(b"/Columns", 1)
    if not isinstance(predictor, int) or predictor < 10 or not isinstance(columns, int) or columns < 1:
        return None
    if chosen.get(b"/Colors", 1) != 1 or chosen.get(b"/BitsPerComponent", 8) != 8:
        return None
    return undo_predictor(inflated, columns, steps)


def _inflated(data: bytes, steps: Steps) -> Iterator[bytes]:
    inflate = zlib.decompressobj()
    while data:
        piece = inflate.decompress(data, _PIECE_INFLATED)
        steps.spend(len(piece) + 1)
        yield piece
        if not piece:
            return
        data = inflate.unconsumed_tail


def _only(value: Value) -> Value:
    """The item of a list of one, None for an empty list, any other value unchanged."""
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        return b"several"
    return value[0] if value else None


def undo_predictor(data: bytes, columns: int, steps: Steps) -> bytes | None:
    """Undo PNG filters on rows of `columns` bytes; None for filters other than none, sub and up.

    Raises:
        StepsExceededError: no steps are left.
    """
    width = columns + 1
    count = len(data) // width
    if not count:
        return b""
    data = data[: count * width]
    kinds = set(data[::width])
    if kinds <= {2}:
        # the filter that writers use: each column is a running sum
        rows = bytearray(count * columns)
        for column in range(columns):
            steps.spend(_PREDICTED_STEPS * count + _ROW_STEPS)
            rows[column::columns] = _running_sum(data[column + 1 :: width])
        return bytes(rows)
    if not kinds <= {0, 1, 2}:
        return None
    above, out = bytes(columns), bytearray()
    for at in range(0, len(data), width):
        steps.spend(_PREDICTED_STEPS * columns + _ROW_STEPS)
        row = data[at + 1 : at + width]
        if data[at] == 1:
            row = _running_sum(row)
        elif data[at] == 2:
            row = bytes([(a + b) & 0xFF for a, b in zip(row, above, strict=True)])
        out += row
        above = row
    return bytes(out)


def _running_sum(column: bytes) -> bytes:
    """The sums of the first bytes, modulo 256."""
    sums = array("Q", accumulate(column)).tobytes()  # faster than reducing each sum
    return sums[:: array("Q").itemsize] if sys.byteorder == "little" else sums[7::8]
