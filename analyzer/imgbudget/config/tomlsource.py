"""Reads TOML into a tree with lines; of a pyproject.toml only the table `[tool.imgbudget]`."""

import re
from typing import Any

from imgbudget.config.nodes import MAX_DEPTH, TOO_DEEP, Entry, Items, Kind, Node, Scalar, Table, refusal
from imgbudget.config.settings import Origin
from imgbudget.config.tomllines import Route, toml_lines
from imgbudget.errors import ConfigError

TABLE = ("tool", "imgbudget")
"""Where the settings stand in a pyproject.toml."""

_ENDLESS_KEY = re.compile(r"(?<![\w.\"'-])(?:[\w\"'-]++[ \t]*+\.[ \t]*+){1000}")
"""A dotted key that tomllib would work at for minutes: its time grows with the square of the parts."""


class _Fraction(str):
    """A float as it was written."""

    __slots__ = ()


def read_toml(text: str, path: str, *, is_pyproject: bool) -> Node | None:
    """The tree of a TOML text, or of its table `[tool.imgbudget]`; None where it has no such table.

    A text that is no pyproject.toml may have that table too; without it the whole text is the tree.

    Raises:
        ConfigError: the text is not TOML, or is nested too deeply.
    """
    try:
        data = _parse(text, path)
        tool = data.get(TABLE[0])
        if isinstance(tool, dict) and TABLE[1] in tool:
            return _Tree(path, toml_lines(text)).node(tool[TABLE[1]], TABLE)
        return None if is_pyproject else _Tree(path, toml_lines(text)).node(data, ())
    except RecursionError:
        raise refusal(path, None, TOO_DEEP) from None


def holds_table(text: str) -> bool:
    """Whether a pyproject.toml has the table `[tool.imgbudget]`; also true of one that cannot be read.

    What is broken must be reported by whoever reads it, and not be passed over.
    """
    try:
        tool = _parse(text, "").get(TABLE[0])
    except (ConfigError, RecursionError):
        return True
    return isinstance(tool, dict) and TABLE[1] in tool


def _parse(text: str, path: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - 12 ms that a run without such a file does not pay

    endless = _ENDLESS_KEY.search(text)
    if endless is not None:
        line = text.count("\n", 0, endless.start()) + 1
        raise refusal(path, line, TOO_DEEP)
    try:
        return tomllib.loads(text, parse_float=_Fraction)
    except tomllib.TOMLDecodeError as error:
        raise refusal(path, *_syntax_error(str(error), text)) from None
    except ValueError:
        # Python turns no more than some thousand digits into a number, and tomllib lets that through
        raise refusal(path, None, "holds a number of thousands of digits") from None


def _syntax_error(told: str, text: str) -> tuple[int, str]:
    """The 1-based line of what tomllib says of a text, and how to say it."""
    what, _, place = told.rpartition(" (at ")
    found = re.match(r"line (\d+)", place)
    line = int(found[1]) if found else max(len(text.splitlines()), 1)
    if what.startswith("Cannot overwrite"):
        return line, "the key stands already further up; keep one of them"
    if what.startswith("Cannot declare"):
        return line, "the table stands already further up; keep one of them"
    return line, f"not TOML: {what[:1].lower()}{what[1:]}"


class _Tree:
    """Builds nodes from what tomllib read and from the lines of the same text."""

    def __init__(self, path: str, lines: dict[Route, int]) -> None:
        self._path = path
        self._lines = lines

    def node(self, value: object, route: Route) -> Node:
        origin = Origin(self._path, self._lines.get(route, 1 if not route else None))
        if len(route) > MAX_DEPTH:
            raise refusal(self._path, origin.line, TOO_DEEP)
        if isinstance(value, dict):
            return Table(tuple(self._entry(key, item, (*route, key)) for key, item in value.items()), origin)
        if isinstance(value, list):
            return Items(tuple(self.node(item, (*route, i)) for i, item in enumerate(value)), origin)
        return _scalar(value, origin)

    def _entry(self, key: str, value: object, route: Route) -> Entry:
        return Entry(key, self.node(value, route), Origin(self._path, self._lines.get(route)))


def _scalar(value: object, origin: Origin) -> Scalar:
    if isinstance(value, _Fraction):
        return Scalar(Kind.NUMBER, value.replace("_", ""), origin)
    if isinstance(value, str):
        return Scalar(Kind.TEXT, value, origin)
    if isinstance(value, bool):
        return Scalar(Kind.BOOLEAN, str(value).lower(), origin)
    if isinstance(value, int):
        # hex for what str() refuses, a number of thousands of digits; no unit takes either
        return Scalar(Kind.WHOLE, str(value) if abs(value) < 1 << 64 else hex(value), origin)
    return Scalar(Kind.DATE, str(value), origin)
