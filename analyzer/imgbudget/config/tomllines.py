"""Finds the line of every key and value of a TOML text; `tomllib`, which reads the values, keeps no lines.

The text must be valid: what `tomllib` has accepted is only walked here, not checked again.
"""

import re
from collections.abc import Iterator

Route = tuple[str | int, ...]
"""Keys and list indices from the top of the document to a value."""

_TOKEN = re.compile(
    r"""
    (?P<text>\"{3}(?:[^"\\]|\\.|"(?!""))*+"{3,5} | '{3}(?:[^']|'(?!''))*+'{3,5}
        | "(?:[^"\\\n]|\\.)*+" | '[^'\n]*+')
  | (?P<blank>[ \t\r]++ | \#[^\n]*+)
  | (?P<line>\n)
  | (?P<mark>[\[\]{}=,.])
  | (?P<word>[^\s\[\]{}=,.\#"']++)
    """,
    re.VERBOSE | re.DOTALL,
)


def toml_lines(text: str) -> dict[Route, int]:
    """The 1-based line of each table, key and list item of a valid TOML text."""
    return _Walk(text).lines


def toml_tokens(text: str, begin: int) -> Iterator[tuple[str, int, int]]:
    """The tokens of a valid TOML text from an offset on, blanks left out, each with its start and end."""
    for found in _TOKEN.finditer(text, begin):
        if found.lastgroup not in ("blank", "line"):
            yield found.group(), found.start(), found.end()


class _Walk:
    """One pass over the tokens; `lines` is the result."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Route, int] = {}
        self._counts: dict[Route, int] = {}
        """Tables that an array of tables, written with [[ ]], holds so far."""
        self._tokens = self._tokenize(text)
        self._kind = self._piece = ""
        self._line = 1
        self._next()
        self._statements()

    def _tokenize(self, text: str) -> Iterator[tuple[str, str, int]]:
        line = 1
        for found in _TOKEN.finditer(text):
            kind, token = found.lastgroup or "", found.group()
            if kind != "blank":
                yield kind, token, line
            line += token.count("\n")
        yield "end", "", line

    def _next(self) -> None:
        self._kind, self._piece, self._line = next(self._tokens, ("end", "", self._line))

    def _statements(self) -> None:
        table: Route = ()
        while self._kind != "end":
            if self._kind == "line":
                self._next()
            elif self._piece == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Route:
        line = self._line
        self._next()
        is_array = self._piece == "["
        if is_array:
            self._next()
        route = self._locate((), self._key(), line)
        if is_array:
            self._counts[route] = self._counts.get(route, -1) + 1
            route = (*route, self._counts[route])
            self.lines[route] = line
        while self._piece == "]":
            self._next()
        return route

    def _locate(self, route: Route, key: tuple[str, ...], line: int) -> Route:
        for part in key:
            if route in self._counts:
                route = (*route, self._counts[route])
            route = (*route, part)
            self.lines.setdefault(route, line)
        return route

    def _key(self) -> tuple[str, ...]:
        parts = []
        while self._kind in ("word", "text") or self._piece == ".":
            if self._piece != ".":
                parts.append(_plain(self._piece) if self._kind == "text" else self._piece)
            self._next()
        return tuple(parts)

    def _pair(self, table: Route) -> None:
        line = self._line
        route = self._locate(table, self._key(), line)
        self._next()  # the equals sign
        self._value(route)

    def _value(self, route: Route) -> None:
        self.lines.setdefault(route, self._line)
        if self._piece == "[":
            self._array(route)
        elif self._piece == "{":
            self._inline_table(route)
        else:
            while self._kind not in ("line", "end") and self._piece not in (",", "]", "}"):
                self._next()

    def _array(self, route: Route) -> None:
        self._next()
        index = 0
        while self._piece != "]":
            if self._kind == "line" or self._piece == ",":
                self._next()
            else:
                self._value((*route, index))
                index += 1
        self._next()

    def _inline_table(self, route: Route) -> None:
        self._next()
        while self._piece != "}":
            if self._kind == "line" or self._piece == ",":
                self._next()
            else:
                self._pair(route)
        self._next()


def _plain(token: str) -> str:
    """A quoted key without its quotes."""
    if "\\" not in token:
        return token[1:-1]
    import tomllib  # noqa: PLC0415 - only for a key with escapes

    return str(tomllib.loads(f"key = {token}")["key"])
