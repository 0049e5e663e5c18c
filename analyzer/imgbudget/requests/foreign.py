"""Bodies in files that are no JSON: in scripts, request files and logs as JSON text, and in YAML.

They are read as JSON and located in the file, but never edited: its text follows the rules of another format.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Key, Keys, Span
from imgbudget.requests.cassettes import yaml_module

_MOST_BYTES = 64 << 20
"""Bytes of text that are looked into: twice the largest request body (32 MB, errors page, 2026-08)."""

_MOST_TRIES = 2000
_MOST_WORK = 4
"""How often a text is read at most: a bracket that opens no JSON text costs what follows it."""

_MOST_COMMENTS = 1000
"""Comments of a text whose comments are left out: one that has no end is looked for to the end."""

_DEEPEST = 200
_MOST_NODES = 200_000
"""Values of a YAML text that is read: each takes half a kilobyte."""

_WINDOW = 1 << 20
_key_of_body = re.compile(rb'"(?:messages|contents|input|prompt|role)\\?"').search
_opening = re.compile(r'"\s*[{\[]\s*\\"|[{\[](?=\s*["{\[])').search
_comment = re.compile(r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"|(//[^\n]*|/\*.*?\*/)|(,)(?=\s*[}\]])', re.DOTALL)
_decode = json.JSONDecoder().raw_decode


@dataclass(slots=True)
class ForeignBody:
    """A body as a JSON document, with where its values are in the file; like a `Document` for locations."""

    inner: Document
    number: int
    line: int
    start: int
    end: int
    _place: Callable[[Iterable[Keys]], dict[Keys, Span]] = field(repr=False)
    duplicate_keys: tuple[Keys, ...] = ()

    def spans(self, paths: Iterable[Keys]) -> dict[Keys, Span]:
        """The spans of the values at these paths; paths that do not exist are left out."""
        return self._place(paths)


class _At(NamedTuple):
    """A position in a text: number of characters before it, byte offset, line and column."""

    characters: int
    offset: int
    line: int
    column: int


def bodies_in_text(source: JsonSource) -> Iterator[ForeignBody]:
    """The JSON texts in a text, in order: verbatim ones, in string literals, and with comments."""
    if source.size > _MOST_BYTES or not _has_key_of_body(source):
        return
    try:
        text = source.pread(source.size, 0).decode()
    except UnicodeDecodeError:
        return
    has_comments = text.lstrip()[:1] in ("{", "[", "/") and text.count("/*") <= _MOST_COMMENTS
    plain = _without_comments(text) if has_comments else text
    at, here, work = 0, _At(0, 0, 1, 1), 0
    for number in range(_MOST_TRIES):
        match = _opening(plain, at)
        if match is None or work > _MOST_WORK * len(text):
            return
        try:
            value, end = _decode(plain, match.start())
        except json.JSONDecodeError as error:
            at, work = match.end(), work + error.pos - match.start()
            continue
        except (ValueError, RecursionError):  # a number with too many digits
            at = match.end()
            continue
        here = _moved(text, here, match.start())
        stop = _moved(text, here, end)
        at = end
        is_literal = isinstance(value, str)
        inner = value if is_literal else plain[match.start() : end]
        for document in open_documents(JsonSource.from_bytes(inner.encode("utf-8", "replace")), lines=False):
            if isinstance(document, Document):
                place = _whole(here, stop) if is_literal else _shifted(document, here)
                yield ForeignBody(document, number, here.line, here.offset, stop.offset, place)


def _has_key_of_body(source: JsonSource) -> bool:
    """Whether a key of a body is in a text, which is read in windows: most texts have none."""
    overlap = 64
    steps = range(0, source.size, _WINDOW - overlap)
    return any(_key_of_body(source.pread(_WINDOW, at)) is not None for at in steps)


def _without_comments(text: str) -> str:
    """The text with blanks in place of comments and of commas before a closing bracket."""
    return _comment.sub(_blanked, text)


def _blanked(match: re.Match[str]) -> str:
    comment = match[1] or match[2]
    return re.sub(r"[^\n]", " ", comment) if comment and comment.isascii() else match[0]


def _moved(text: str, at: _At, index: int) -> _At:
    part = text[at.characters : index]
    newline = part.rfind("\n")
    column = at.column + len(part) if newline < 0 else len(part) - newline
    return _At(index, at.offset + len(part.encode()), at.line + part.count("\n"), column)


def _whole(start: _At, end: _At) -> Callable[[Iterable[Keys]], dict[Keys, Span]]:
    """Places every value of a body where the literal is that contains it."""
    span = Span(start.offset, end.offset, start.line, start.column, end.line, end.column)
    return lambda paths: dict.fromkeys(paths, span)


def _shifted(document: Document, start: _At) -> Callable[[Iterable[Keys]], dict[Keys, Span]]:
    """Places the values of a verbatim body that begins at a position of the file."""

    def shift(line: int, column: int) -> tuple[int, int]:
        return line + start.line - 1, column + start.column - 1 if line == 1 else column

    def place(paths: Iterable[Keys]) -> dict[Keys, Span]:
        found = document.spans(paths)
        return {
            path: Span(
                span.start + start.offset,
                span.end + start.offset,
                *shift(span.line, span.column),
                *shift(span.end_line, span.end_column),
            )
            for path, span in found.items()
        }

    return place


def bodies_in_yaml(source: JsonSource) -> Iterator[ForeignBody]:
    """The documents of a YAML text as JSON; none if it is not YAML, or not a body by its words."""
    if source.size > _MOST_BYTES:
        return
    raw = source.pread(source.size, 0)
    if raw.count(b"\n") + raw.count(b",") > _MOST_NODES or not re.search(
        rb"(?m)^[ \t\"'-]*(?:messages|contents|input|prompt|role)[\"']?\s*:", raw
    ):
        return
    yaml = yaml_module()
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = raw.decode("utf-8-sig")
        for number, node in enumerate(_yaml_documents(loader, text)):
            if document := _as_document(node.value):
                first = node.spans[()]
                yield ForeignBody(document, number, first.line, first.start, first.end, _known(node.spans))
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return


def _known(spans: dict[Keys, Span]) -> Callable[[Iterable[Keys]], dict[Keys, Span]]:
    return lambda paths: {path: spans[path] for path in paths if path in spans}


def _as_document(value: Any) -> Document | None:
    data = json.dumps(value).encode()
    for document in open_documents(JsonSource.from_bytes(data), lines=False):
        if isinstance(document, Document):
            return document
    return None


class YamlValue(NamedTuple):
    """A value of a YAML text as JSON has it, and where its parts are."""

    value: Any
    spans: dict[Keys, Span]


def _yaml_documents(loader: Any, text: str) -> Iterator[YamlValue]:
    parser = loader(text)
    offsets = _Offsets(text)
    try:
        while parser.check_node():
            builder = _YamlBuilder(offsets)
            node = parser.get_node()
            yield YamlValue(builder.value(node, (), 0), builder.spans)
    finally:
        parser.dispose()


class _Offsets:
    """Byte offsets of characters of a text: the same as their indices, or counted once for each."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ascii = text.isascii()

    def span(self, start: Any, end: Any) -> Span:
        """The span between two marks of the parser."""
        first, last = (
            (start.index, end.index)
            if self._ascii
            else (len(self._text[: start.index].encode()), len(self._text[: end.index].encode()))
        )
        return Span(first, last, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


class _YamlBuilder:
    """Makes JSON values of the nodes of a YAML document; an alias is null, so that nothing is repeated."""

    def __init__(self, offsets: _Offsets) -> None:
        self.spans: dict[Keys, Span] = {}
        self._offsets = offsets
        self._made: set[int] = set()

    def value(self, node: Any, keys: Keys, depth: int) -> Any:
        """The value of a node at a path."""
        if depth > _DEEPEST or id(node) in self._made or len(self._made) > _MOST_NODES:
            return None
        self._made.add(id(node))
        self.spans[keys] = self._offsets.span(node.start_mark, node.end_mark)
        if node.id == "scalar":
            return _scalar(node)
        if node.id == "sequence":
            return [self.value(item, (*keys, i), depth + 1) for i, item in enumerate(node.value)]
        found: dict[str, Any] = {}
        for key, item in node.value:
            name: Key = key.value if key.id == "scalar" else ""
            found[str(name)] = self.value(item, (*keys, str(name)), depth + 1)
        return found


def _scalar(node: Any) -> Any:
    """The value of a scalar: numbers and constants are those of JSON, everything else is text."""
    tag = node.tag.rpartition(":")[2]
    if tag == "binary":
        return "".join(node.value.split())
    if tag in ("int", "float", "bool", "null") and node.style is None:
        try:
            return json.loads(node.value.lower(), parse_constant=lambda _: None)
        except ValueError:
            return None if tag == "null" else node.value
    return node.value
