"""Text that is nearly JSON, turned into JSON with the places of its values: JSON5, and what programs print.

Comments, trailing commas, keys without quotes, single quotes, the escapes and numbers of JavaScript, the
constants of Python, and variables of templates (`{{name}}`), which become null. Nothing is evaluated.
"""

import json
import re
from bisect import bisect_right
from functools import cache

from imgbudget.slotted import dataclass, field

_MOST_TOKENS = 400_000
_MOST_DEPTH = 200


@cache
def _token() -> re.Pattern[str]:
    return re.compile(
        r"""(?P<blank>[\s\ufeff]+|//[^\n]*|/\*.*?\*/)
        |(?P<variable>\{\{[^{}"'\n]*\}\}|\$\{[^{}"'\n]*\})
        |(?P<mark>[{}\[\]:,])
        |(?P<string>[bru]?(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|'[^'\\]*+(?:\\.[^'\\]*+)*+'))
        |(?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|Infinity|NaN)(?![\w.]))
        |(?P<name>[A-Za-z_$][\w$]*)""",
        re.DOTALL | re.VERBOSE,
    )


@cache
def _strict_number() -> re.Pattern[str]:
    return re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")


@cache
def _is_plain() -> re.Pattern[str]:
    return re.compile(r"[ !#-\[\]-~]*+")


@cache
def _is_key() -> re.Pattern[str]:
    return re.compile(r"\s*:")


@cache
def _escape() -> re.Pattern[str]:
    return re.compile(
        r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})|(\r\n|.))",
        re.DOTALL,
    )


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_CONSTANTS = {
    "true": "true",
    "True": "true",
    "false": "false",
    "False": "false",
    **dict.fromkeys(("null", "None", "undefined", "NaN", "Infinity", "nan", "inf"), "null"),
}


@dataclass(slots=True)
class Rewritten:
    """Text that was made of other text, and where its parts come from.

    `parts` is how many. Each of `breaks` is a position in `text` and one in the original: what follows is a
    copy up to the next.
    """

    text: str
    end: int
    parts: int
    breaks: list[tuple[int, int]] = field(default_factory=list)

    def origin(self, position: int) -> int:
        """The position in the original of one in `text`."""
        at = bisect_right(self.breaks, (position, len(self.text) + self.end)) - 1
        made, original = self.breaks[at]
        return original + position - made


class Rewriter:
    """Collects the parts of a rewritten text."""

    __slots__ = ("breaks", "length", "parts")

    def __init__(self, start: int) -> None:
        self.parts: list[str] = []
        self.length: int = 0
        self.breaks: list[tuple[int, int]] = [(0, start)]

    def add(self, part: str, end: int, original: int) -> None:
        """Add a part in place of `original` characters of the original, which end at `end`."""
        self.parts.append(part)
        self.length += len(part)
        if len(part) != original:
            self.breaks.append((self.length, end))

    def done(self, end: int) -> Rewritten:
        """The text, of an original that ends at `end`."""
        return Rewritten("".join(self.parts), end, len(self.parts), self.breaks)


class NotRelaxedError(ValueError):
    """The text is not even nearly JSON, from a position on; so many tokens were read to see that."""

    def __init__(self, position: int, tokens: int) -> None:
        self.position = position
        self.tokens = tokens
        super().__init__(f"not like JSON at character {position}")


def relaxed_json(text: str, start: int) -> Rewritten:
    """The object or array that begins at `start`, as JSON in ASCII; it may still be invalid.

    Raises:
        NotRelaxedError: it is something else.
    """
    made = Rewriter(start)
    depth, at, comma, opened = 0, start, -1, False
    token, is_key = _token().match, _is_key().match
    number = 0
    for number in range(_MOST_TOKENS):
        match = token(text, at)
        kind = match.lastgroup if match else None
        if match is None or kind is None:
            raise NotRelaxedError(at, number)
        end, found = match.end(), match[0]
        if kind == "mark":
            if opened and found != "}":
                raise NotRelaxedError(at, number)
            depth += (found in "{[") - (found in "}]")
            if found in "}]" and comma >= 0:
                made.parts[comma] = " "
            comma = len(made.parts) if found == "," else -1
            opened = found == "{"
            made.add(found, end, 1)
            if not depth:
                return made.done(end)
            if depth > _MOST_DEPTH:
                raise NotRelaxedError(at, number)
        elif kind == "blank":
            made.add(" " * len(found), end, len(found))
        else:
            comma, opened = -1, False
            value = _value(kind, found, is_key=is_key(text, end) is not None)
            if value is None or not depth:
                raise NotRelaxedError(at, number)
            made.add(value, end, len(found))
        at = end
    raise NotRelaxedError(at, number)


def _value(kind: str, found: str, *, is_key: bool) -> str | None:
    """A token as JSON; None if it is no value."""
    if kind == "string":
        return _string(found)
    if kind == "name":
        return json.dumps(found) if is_key else _CONSTANTS.get(found) or _variable(found)
    if kind == "number":
        return json.dumps(found) if is_key else _number(found)
    return "null"


def _variable(name: str) -> str | None:
    return "null" if name.startswith("$") else None


def _number(found: str) -> str:
    digits = found.lstrip("+")
    if _strict_number().fullmatch(digits):
        return digits
    try:
        value = int(digits, 16) if "x" in digits.lower() else float(digits)
    except ValueError:
        return "null"
    return str(value) if value == value and abs(value) != float("inf") else "null"  # noqa: PLR0124 - NaN


def _string(found: str) -> str:
    body = found[found.index(found[-1]) + 1 : -1]
    if _is_plain().fullmatch(body):
        return f'"{body}"'
    return json.dumps(_escape().sub(_unescaped, body))


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3] or match[4]
    if code:
        number = int(code, 16)
        return chr(number) if number <= 0x10FFFF else "\ufffd"
    char = match[5]
    return "" if char in ("\n", "\r", "\r\n", "\u2028", "\u2029") else _ESCAPES.get(char, char)
