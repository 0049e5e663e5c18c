"""Strict JSON: what the json module takes, less NaN and Infinity, with the place of whatever is wrong."""

import json
import re
from typing import Any, NoReturn

from imgbudget.jsontext.strings import clause

MAX_DEPTH = 500
"""Levels of nesting that every Python reads (the parser of 3.11 ends near 1,000); a body has about 10."""

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# patterns for what is seldom wrong are compiled when it is
_BRACKETS = _STRING + r"|[\[{]|[\]}]"
_CONSTANTS = _STRING + r"|NaN|-?Infinity"


class MalformedError(ValueError):
    """Text that is not taken: the position in it, and why, as a clause that a place can follow."""

    def __init__(self, position: int, message: str) -> None:
        self.position = position
        super().__init__(message)


class _ConstantError(ValueError):
    """NaN or Infinity, which Python's parser takes and JSON does not know."""


class Parser:
    """Parses one text after the other; `doubled` says whether an object of the last one has a key twice."""

    __slots__ = ("_decoder", "_lenient", "doubled")

    def __init__(self) -> None:
        self.doubled = False
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=_refuse)
        self._lenient = json.JSONDecoder(
            object_pairs_hook=self._object, parse_constant=_refuse, parse_int=_number
        )

    def parse(self, text: str) -> Any:
        """The value of the text. Of a key that is doubled the last value counts. Raises MalformedError.

        An integer with more digits than Python converts becomes a float, infinite if need be.
        """
        self.doubled = False
        try:
            try:
                return self._decoder.decode(text)
            except (json.JSONDecodeError, _ConstantError):
                raise
            except ValueError:  # too many digits (sys.get_int_max_str_digits)
                return self._lenient.decode(text)
        except json.JSONDecodeError as error:
            raise MalformedError(error.pos, f"not JSON: {clause(error.msg)}") from None
        except _ConstantError as error:
            location = _first_constant(text)
            raise MalformedError(location, f"not JSON: {error} is no JSON value") from None
        except RecursionError:
            raise MalformedError(_deep(text), f"nested deeper than {MAX_DEPTH} levels") from None

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            self.doubled = True
        return value


def _refuse(name: str) -> NoReturn:
    raise _ConstantError(name)


def _number(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _first_constant(text: str) -> int:
    """Where NaN or Infinity stands first outside of a string."""
    matches = re.finditer(_CONSTANTS, text, re.DOTALL)
    return next((match.start() for match in matches if match[0][0] != '"'), 0)


def _deep(text: str) -> int:
    """Where the level after the last permitted one begins."""
    depth = 0
    for match in re.finditer(_BRACKETS, text, re.DOTALL):
        if match[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return match.start()
        elif match[0] in "]}":
            depth -= 1
    return 0
