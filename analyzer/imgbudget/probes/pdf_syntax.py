"""PDF objects (ISO 32000-1, 7.3) out of bytes: dictionaries, lists, names, numbers, references."""

import re
from typing import NamedTuple, TypeAlias

_TOKEN_LIMIT = 500_000
_DIGITS = 15

_TOKEN = re.compile(
    # possessive, so that a row of comment signs is not tried in all its parts
    rb"(?:[\0\t\n\f\r ]++|%[^\r\n]*+)*+"
    rb"(<<|>>|\[|\]|/[^\0\t\n\f\r ()<>\[\]{}/%]*+|[+-]?[\d.]++|\(|<[0-9A-Fa-f\0\t\n\f\r ]*+>|[A-Za-z]++)"
)
_IN_STRING = re.compile(rb"[()\\]")
_OBJECT = re.compile(rb"[\0\t\n\f\r ]*(\d{1,10})[\0\t\n\f\r ]+\d{1,5}[\0\t\n\f\r ]+obj\b")


class Reference(NamedTuple):
    """An indirect reference: the number of the object meant."""

    number: int


Value: TypeAlias = "int | bytes | Reference | list[Value] | Dictionary | None"
"""Names keep their slash; strings, reals and keywords are bytes that nobody here looks at."""

Dictionary: TypeAlias = dict[bytes, Value]


class PdfError(Exception):
    """What stands there is damaged, written in a way not read here, or too large for the limits."""


def parse_object(data: bytes, at: int = 0) -> tuple[Value, int]:
    """The object that starts at `at`, and where it ends.

    Raises:
        PdfError: there is none, or it is cut, or it is too long.
    """
    stack: list[list[Value]] = [[]]
    closers: list[bytes] = []
    for _ in range(_TOKEN_LIMIT):
        found = _TOKEN.match(data, at)
        if found is None:
            raise PdfError
        token, at = found[1], found.end()
        if token in {b"<<", b"["}:
            stack.append([])
            closers.append(b">>" if token == b"<<" else b"]")
        elif token in {b">>", b"]"}:
            if not closers or closers.pop() != token:
                raise PdfError
            items = stack.pop()
            stack[-1].append(_dictionary(items) if token == b">>" else items)
        elif token == b"(":
            at = _end_of_string(data, at)
            stack[-1].append(b"()")
        elif token == b"R" and len(stack[-1]) > 1 and isinstance(stack[-1][-2], int):
            number = stack[-1][-2]
            stack[-1][-2:] = [Reference(number)]
        else:
            stack[-1].append(int(token) if len(token) <= _DIGITS and token.lstrip(b"+-").isdigit() else token)
        if len(stack) == 1 and stack[0]:
            return stack[0][0], at
    raise PdfError


def parse_indirect(data: bytes) -> tuple[int, Value, int]:
    """The number and value of "7 0 obj ..." at the start of `data`, and where the value ends.

    Raises:
        PdfError: nothing of the kind stands there.
    """
    found = _OBJECT.match(data)
    if found is None:
        raise PdfError
    value, end = parse_object(data, found.end())
    return int(found[1]), value, end


def _dictionary(items: list[Value]) -> dict[bytes, Value]:
    if len(items) % 2:
        raise PdfError
    return {key: value for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, bytes)}


def _end_of_string(data: bytes, at: int) -> int:
    """Where a literal string ends; brackets inside it are balanced or escaped."""
    depth = 1
    while depth:
        found = _IN_STRING.search(data, at)
        if found is None:
            raise PdfError
        at = found.end()
        if found[0] == b"\\":
            at += 1
        else:
            depth += 1 if found[0] == b"(" else -1
    return at
