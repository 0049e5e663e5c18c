"""Reads TOML into a tree with lines; of a pyproject.toml only the table `[tool.imgbudget]`.

`tomllib` reads the values but keeps no lines; `key_lines` finds them in a text that `tomllib` has accepted.
"""

import re
import tomllib
from typing import Any

from imgbudget.config.settings import ConfigOrigin
from imgbudget.config.tree import MAX_DEPTH, TOO_DEEP, Entry, Items, Kind, Node, Scalar, Table, failure
from imgbudget.errors import ConfigError

TABLE = ("tool", "imgbudget")
"""The table of a pyproject.toml that holds the settings."""

KeyPath = tuple[str | int, ...]
"""Keys and list indices from the top of the document to a value."""

_LONG_KEY = re.compile(r"(?<![\w.\"'-])(?:[\w\"'-]++[ \t]*+\.[ \t]*+){1000}")
"""A dotted key that would keep tomllib busy for minutes: its time grows with the square of the parts."""

_STRING = r"""(?:"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_PART = rf"(?:{_STRING}|[A-Za-z0-9_-]++)"
_KEY = rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+"
_HEADER = re.compile(rf"(?P<open>\[\[?+)[ \t]*+(?P<header>{_KEY})[ \t]*+\]\]?+")
_TOKEN = re.compile(
    rf"""
      (?P<blank>\s++ | \#[^\n]*+)
    | (?P<key>{_KEY})[ \t]*+=
    | (?P<mark>[\[\]{{}},])
    | (?P<value>\"{{3}}(?:[^"\\]|\\.|"(?!""))*+"{{3,5}} | '{{3}}(?:[^']|'(?!''))*+'{{3,5}}
        | {_STRING} | [^\s\[\]{{}},\#"']++)
    """,
    re.VERBOSE | re.DOTALL,
)


class _Float(str):
    """A float as it was written."""

    __slots__ = ()


def read_toml(text: str, path: str, *, is_pyproject: bool) -> Node | None:
    """The tree of a TOML text, or of its table `[tool.imgbudget]`; None if there is no such table.

    A text that is no pyproject.toml may have that table too; without it the whole text is the tree.

    Raises:
        ConfigError: the text is not TOML, or is nested too deeply.
    """
    try:
        data = _parse(text, path)
        tool = data.get(TABLE[0])
        if isinstance(tool, dict) and TABLE[1] in tool:
            return _TomlTree(path, key_lines(text)).node(tool[TABLE[1]], TABLE)
        return None if is_pyproject else _TomlTree(path, key_lines(text)).node(data, ())
    except RecursionError:
        raise failure(path, None, TOO_DEEP) from None


def holds_table(text: str) -> bool:
    """Whether a pyproject.toml has the table `[tool.imgbudget]`; also True if it cannot be parsed.

    A broken file that may be meant must be reported by the reader, not skipped.
    """
    try:
        tool = _parse(text, "").get(TABLE[0])
    except (ConfigError, RecursionError):
        return True
    return isinstance(tool, dict) and TABLE[1] in tool


def same_elsewhere(before: str, after: str) -> bool:
    """Whether two texts, the first of which is TOML, differ in the settings at most, not in other tables."""
    try:
        was, now = (tomllib.loads(text, parse_float=_Float) for text in (before, after))
    except ValueError:
        return False
    settings = was.get(TABLE[0])
    if not isinstance(settings, dict) or TABLE[1] not in settings:
        return True
    for data in (was, now):
        tool = data.pop(TABLE[0], {})
        data[TABLE[0]] = {key: value for key, value in tool.items() if key != TABLE[1]}
    return was == now


def _parse(text: str, path: str) -> dict[str, Any]:
    long_key = _LONG_KEY.search(text)
    if long_key is not None:
        raise failure(path, text.count("\n", 0, long_key.start()) + 1, TOO_DEEP)
    try:
        return tomllib.loads(text, parse_float=_Float)
    except tomllib.TOMLDecodeError as error:
        raise failure(path, *_syntax_error(str(error), text)) from None
    except ValueError:
        # tomllib passes on that Python limits the digits of a number that is read from text
        raise failure(path, None, "contains a number with thousands of digits") from None


def _syntax_error(message: str, text: str) -> tuple[int, str]:
    """The 1-based line of an error of tomllib and its message."""
    what, _, position = message.rpartition(" (at ")
    found = re.match(r"line (\d+)", position)
    line = int(found[1]) if found else max(len(text.splitlines()), 1)
    if what.startswith("Cannot overwrite"):
        return line, "duplicate key (first defined further up); keep one"
    if what.startswith("Cannot declare"):
        return line, "duplicate table (first defined further up); keep one"
    return line, f"not TOML: {what[:1].lower()}{what[1:]}"


def key_lines(text: str) -> dict[KeyPath, int]:
    """The 1-based line of each table, key and list item of a valid TOML text."""
    found = _KeyLines()
    position, line = 0, 1
    while position < len(text):
        header = _HEADER.match(text, position) if found.between_statements else None
        token = header or _TOKEN.match(text, position)
        if token is None:  # not valid TOML
            break
        found.add(token, line)
        line += token.group().count("\n")
        position = token.end()
    return found.lines


class _KeyLines:
    """The lines found so far, and the position in the document that the tokens have reached."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._table: KeyPath = ()
        self._elements: dict[KeyPath, int] = {}
        """The index of the current element of each array of tables, written with [[ ]]."""
        self._key: KeyPath | None = None
        """The key whose value comes next."""
        self._around: list[tuple[KeyPath, int | None]] = []
        """The lists around the token, with the index of their item, and the inline tables, with None."""

    @property
    def between_statements(self) -> bool:
        """Whether a bracket would open a header, not a list."""
        return not self._around and self._key is None

    def add(self, token: re.Match[str], line: int) -> None:
        """Take in the next token."""
        kind, written = token.lastgroup or "", token[token.lastgroup or 0]
        if kind == "header":
            self._table = self._locate((), written, line)
            if token["open"] == "[[":
                self._elements[self._table] = self._elements.get(self._table, -1) + 1
                self._table = (*self._table, self._elements[self._table])
                self.lines[self._table] = line
        elif kind == "key":
            self._key = self._locate(self._around[-1][0] if self._around else self._table, written, line)
        elif written in ("]", "}"):
            self._around.pop()
        elif written == ",":
            path, index = self._around[-1]
            self._around[-1] = path, None if index is None else index + 1
        elif kind != "blank":
            self._add_value(written, line)

    def _add_value(self, written: str, line: int) -> None:
        path, self._key = self._key, None
        if path is None:
            table, index = self._around[-1] if self._around else ((), None)
            if index is None:  # the second part of a date and time
                return
            path = (*table, index)
        self.lines.setdefault(path, line)
        if written in ("[", "{"):
            self._around.append((path, 0 if written == "[" else None))

    def _locate(self, path: KeyPath, key: str, line: int) -> KeyPath:
        for part in _parts(key):
            path = (*path, self._elements[path], part) if path in self._elements else (*path, part)
            self.lines.setdefault(path, line)
        return path


def _parts(key: str) -> list[str]:
    """The names that a dotted key consists of."""
    if '"' not in key and "'" not in key:
        return [part.strip() for part in key.split(".")]
    parts, value = [], tomllib.loads(f"{key} = 0")
    while isinstance(value, dict):
        ((part, value),) = value.items()
        parts.append(part)
    return parts


class _TomlTree:
    """Builds nodes from the values of tomllib and the lines of the same text."""

    def __init__(self, path: str, lines: dict[KeyPath, int]) -> None:
        self._path = path
        self._lines = lines

    def node(self, value: object, route: KeyPath) -> Node:
        origin = ConfigOrigin(self._path, self._lines.get(route, None if route else 1))
        if len(route) > MAX_DEPTH:
            raise failure(self._path, origin.line, TOO_DEEP)
        if isinstance(value, dict):
            return Table(tuple(self._entry(key, item, (*route, key)) for key, item in value.items()), origin)
        if isinstance(value, list):
            return Items(tuple(self.node(item, (*route, i)) for i, item in enumerate(value)), origin)
        return _scalar(value, origin)

    def _entry(self, key: str, value: object, route: KeyPath) -> Entry:
        return Entry(key, self.node(value, route), ConfigOrigin(self._path, self._lines.get(route)))


def _scalar(value: object, origin: ConfigOrigin) -> Scalar:
    if isinstance(value, _Float):
        return Scalar(Kind.NUMBER, value.replace("_", ""), origin)
    if isinstance(value, str):
        return Scalar(Kind.TEXT, value, origin)
    if isinstance(value, bool):
        return Scalar(Kind.BOOLEAN, str(value).lower(), origin)
    if isinstance(value, int):
        # hexadecimal where str() refuses to write thousands of digits; no unit accepts either
        return Scalar(Kind.WHOLE, str(value) if abs(value) < 1 << 64 else hex(value), origin)
    return Scalar(Kind.DATE, str(value), origin)
