"""Values that a server sent: JSON without surprises, lines and events of bounded length."""

import json
from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any

from imgbudget.errors import UnreadableError
from imgbudget.live.client import Scrubber

_DEEPEST = 200
_MOST_PARTS = 1_000_000
"""Commas and opening brackets of an answer: each value has one, and text as long as an answer has fewer."""
_PARTS, _BYTES = (",", "[", "{"), (b",", b"[", b"{")
_LONGEST_NUMBER = 25
_MOST_TOKENS = 1_000_000_000
"""No request has that many tokens: the largest context is 1,000,000 (models page, 2026-11)."""
LONGEST_LINE = 32 << 20
"""Bytes of a line of results and of an event; see ANSWER_BYTES."""


def read_json(text: str | bytes, scrubber: Scrubber) -> Any:
    """A JSON value with secrets masked in every string, however they are escaped.

    Numbers that are not finite or absurdly long, and keys given twice with different values, are None.

    Raises:
        UnreadableError: it is not JSON, is nested more than 200 deep, or has more than 1,000,000 values.
    """
    if sum(map(text.count, _PARTS if isinstance(text, str) else _BYTES)) > _MOST_PARTS:  # type: ignore[arg-type]
        raise UnreadableError(f"it has more than {_MOST_PARTS:,} values")
    try:
        value = json.loads(
            text,
            parse_constant=lambda _name: None,
            parse_int=lambda digits: int(digits) if len(digits) <= _LONGEST_NUMBER else None,
            parse_float=_finite,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise UnreadableError("it is nested too deeply") from None
    except ValueError as error:
        raise UnreadableError(str(error)) from None
    return _clean(value, scrubber, 0)


def _finite(text: str) -> float | None:
    number = float(text)
    return number if isfinite(number) else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        for key, value in pairs:
            if made[key] != value:
                made[key] = None
    return made


def _clean(value: Any, scrubber: Scrubber, depth: int) -> Any:
    if isinstance(value, str):
        return scrubber.clean(value)
    if not isinstance(value, dict | list):
        return value
    if depth == _DEEPEST:
        raise UnreadableError("it is nested too deeply")
    if isinstance(value, list):
        return [_clean(item, scrubber, depth + 1) for item in value]
    return {scrubber.clean(key): _clean(item, scrubber, depth + 1) for key, item in value.items()}


def tokens(value: object) -> int | None:
    """A number of tokens; None if it is anything else than an integer from 0 to 1,000,000,000."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS:
        return value
    return None


def lines(pieces: Iterable[bytes], longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """The lines of a text that arrives in pieces, without their ends.

    Raises:
        UnreadableError: one is longer than `longest` bytes.
    """
    rest = bytearray()
    for piece in pieces:
        first, *more = piece.split(b"\n")
        rest += first
        for part in more:
            yield bytes(rest).removesuffix(b"\r")
            rest = bytearray(part)
        if len(rest) > longest:
            raise UnreadableError(f"a line has more than {longest:,} bytes")
    if rest:
        yield bytes(rest)


def events(pieces: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Name and data of each server-sent event; one that the end cuts off is left out. Raises as `lines`."""
    name, data = "", list[bytes]()
    for line in lines(pieces):
        if not line:
            if name or data:
                yield name, b"\n".join(data).decode("utf-8", "replace")
            name, data = "", []
            continue
        field, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value.decode("utf-8", "replace")
        elif field == b"data":
            data.append(value)
