"""Parses strict JSON: the value of a text, or its first mistake."""

import json
import re
from typing import Any, NoReturn

from imgbudget.jsontext.strings import clause

MAX_DEPTH = 500
"""Maximum nesting that every Python can parse (3.11 fails near 1,000); a request body has about 10 levels."""

MAX_VALUES = 4_000_000
"""Most values and keys of a document: one of two bytes takes a hundred in memory. The largest batch
(100,000 requests) has about 3,500,000."""

_VALUE_MARKS = (b",", b":", b"[", b"{")

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_STRING_BYTES = _STRING.encode()
# only used for invalid text, so compiled on use
_BRACKETS = _STRING + r"|[\[{]|[\]}]"
_CONSTANTS = _STRING + r"|NaN|-?Infinity"


class MalformedError(ValueError):
    """Invalid text: the position of the mistake, and a clause to which a location can be appended."""

    def __init__(self, position: int, message: str) -> None:
        self.position = position
        super().__init__(message)


class _ConstantError(ValueError):
    """NaN or Infinity, which Python's parser accepts but JSON does not have."""


class Parser:
    """A parser for any number of texts; `has_duplicates` is about the last one (duplicate keys)."""

    __slots__ = ("_decoder", "has_duplicates")

    def __init__(self) -> None:
        self.has_duplicates: bool = False
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=_refuse)

    def parse(self, text: str) -> Any:
        """The value of the text; for duplicate keys the last value. Raises MalformedError.

        An integer with more digits than Python converts becomes a float, possibly infinite.
        """
        self.has_duplicates = False
        try:
            try:
                return self._decoder.decode(text)
            except (json.JSONDecodeError, _ConstantError):
                raise
            except ValueError:  # too many digits (sys.get_int_max_str_digits)
                lenient = json.JSONDecoder(
                    object_pairs_hook=self._object, parse_constant=_refuse, parse_int=_number
                )
                return lenient.decode(text)
        except json.JSONDecodeError as error:
            raise MalformedError(error.pos, f"not JSON: {clause(error.msg)}") from None
        except _ConstantError as error:
            location = _first_constant(text)
            raise MalformedError(location, f"not JSON: {error} is not a JSON value") from None
        except RecursionError:
            raise MalformedError(_too_deep_at(text), f"nested deeper than {MAX_DEPTH} levels") from None

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            self.has_duplicates = True
        return value


_idle: list[Parser] = []
"""Parsers that no thread uses: making one takes as long as parsing a small text."""


def parse(text: str) -> tuple[Any, bool]:
    """The value of the text, and whether an object has duplicate keys. Raises as `Parser.parse` does."""
    try:
        parser = _idle.pop()
    except IndexError:
        parser = Parser()
    try:
        return parser.parse(text), parser.has_duplicates
    finally:
        _idle.append(parser)


def _refuse(name: str) -> NoReturn:
    raise _ConstantError(name)


def _number(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _first_constant(text: str) -> int:
    """The position of the first NaN or Infinity outside of strings."""
    matches = re.finditer(_CONSTANTS, text, re.DOTALL)
    return next((match.start() for match in matches if match[0][0] != '"'), 0)


def has_too_many_values(text: bytes) -> bool:
    """Whether a document has more values and keys than are read; counts them in long texts only."""
    if len(text) < MAX_VALUES or sum(map(text.count, _VALUE_MARKS)) <= MAX_VALUES:
        return False
    count = 0
    # in pieces that end outside of strings, so that commas in prose do not count
    for piece in re.finditer(rb'(?:[^"]++|' + _STRING_BYTES + rb"){1,10000}+", text, re.DOTALL):
        rest = re.sub(_STRING_BYTES, b"", piece[0], flags=re.DOTALL)
        count += sum(map(rest.count, _VALUE_MARKS))
        if count > MAX_VALUES:
            return True
    return False


def _too_deep_at(text: str) -> int:
    """The position where the nesting exceeds MAX_DEPTH."""
    depth = 0
    for match in re.finditer(_BRACKETS, text, re.DOTALL):
        if match[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return match.start()
        elif match[0] in "]}":
            depth -= 1
    return 0
