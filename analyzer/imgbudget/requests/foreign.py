"""Bodies in files that are no JSON: in scripts, request files and logs as JSON text, and in YAML.

In text they are JSON as it is, in string literals and in words of a shell, or nearly JSON, such as JSON5.
They are read as JSON and located in the file, but never edited: its text follows the rules of another format.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.relaxed import NotRelaxedError, Rewritten, relaxed_json
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Key, Keys, Span
from imgbudget.requests.addresses import Address, address_of
from imgbudget.requests.cassettes import yaml_module
from imgbudget.requests.shellwords import word_at
from imgbudget.slotted import dataclass, field

_MOST_BYTES = 64 << 20
"""Bytes of text that are looked into: twice the largest request body (32 MB, errors page, 2026-08)."""

_MOST_TRIES = 10_000
_MOST_WORK = 4
"""How often a text is read at most: a bracket that opens no JSON text costs what follows it."""

_LEAST_WORK = 1 << 24
_PART = 512
"""Characters that could be read in the time that a part of what is nearly JSON takes, or of a word."""

_DEEPEST = 200
_MOST_NODES = 200_000
"""Values of a YAML text that is read: each takes half a kilobyte."""

_WINDOW = 1 << 20
_WORDS = (b"messages", b"contents", b"input", b"prompt", b"role")
_ABOUT_MEDIA = (b"image", b"media", b"inlineData", b"inline_data", b"document", b"file")


@cache
def _is_about_body() -> re.Pattern[str]:
    return re.compile(r"""(?:messages|contents|input|prompt|role)(?:\\*["']\s*+)?\s*+:""")


@cache
def _opening() -> re.Pattern[str]:
    return re.compile(
        r""""\s*+[{\[]\s*+\\"|[{\[](?=\s*+(?:["'{\[]|\\"|/[/*]|[A-Za-z_$][\w$]*+\s*+:))""", re.DOTALL
    )


@cache
def _quote_before() -> re.Pattern[str]:
    return re.compile(r"""\$?['"]$|(?:(?<=[\s=])|^)\$?['"]\s++$""")


_decode = json.JSONDecoder().raw_decode

_NEAR = 1 << 13
_FARTHEST = 200
"""Most characters between a quote and the bracket after it."""


@cache
def _request_line() -> re.Pattern[str]:
    return re.compile(
        r"(?m)^[ \t]*(?:(?:POST|PUT|PATCH)[ \t]+|url:[ \t]*)(\S+)(?:[ \t]+HTTP/[\d.]+)?[ \t]*\r?$"
    )


@cache
def _url() -> re.Pattern[str]:
    return re.compile(r"https?://[^\s\"'<>\\]+")


@dataclass(slots=True)
class ForeignBody:
    """A body as a JSON document, with where its values are in the file; like a `Document` for locations.

    `url` is the one that the text sends it to, empty if it shows none.
    """

    inner: Document
    number: int
    line: int
    start: int
    end: int
    url: str
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


class _Reading(NamedTuple):
    """JSON in a text: the text of it, its span in characters, and what it was made of, None if of itself.

    `is_literal`: all of it is placed where the literal is that it is in.
    """

    text: str
    start: int
    end: int
    made: Rewritten | None = None
    is_literal: bool = False


def bodies_in_text(source: JsonSource) -> Iterator[ForeignBody]:
    """The JSON texts in a text that may be bodies, in order."""
    if source.size > _MOST_BYTES or not _has_key_of_body(source):
        return
    try:
        text = source.pread(source.size, 0).decode()
    except UnicodeDecodeError:
        return
    at = work = after = 0
    here = _At(0, 0, 1, 1)
    for number in range(_MOST_TRIES):
        match = _opening().search(text, at)
        if match is None or work > max(_MOST_WORK * len(text), _LEAST_WORK):
            return
        reading, cost = _read_at(text, match.start(), at)
        if reading is None:
            at, work = match.end(), work + cost
            continue
        at = reading.end
        if not _is_about_body().search(reading.text):
            continue
        here = _moved(text, here, reading.start)
        stop = _moved(text, here, reading.end)
        url, after = _url_near(text, after, reading)
        data = JsonSource.from_bytes(reading.text.encode("utf-8", "replace"))
        for document in open_documents(data, lines=False):
            if isinstance(document, Document):
                place = _placed(text, document, reading, here, stop)
                yield ForeignBody(document, number, here.line, here.offset, stop.offset, url, place)


def _read_at(text: str, start: int, least: int) -> tuple[_Reading | None, int]:
    """The JSON text at a position, or None and how many characters it took to see that there is none.

    A word of a shell may begin before the position, but not before `least`.
    """
    try:
        value, end = _decode(text, start)
    except json.JSONDecodeError as error:
        cost = error.pos - start
    except (ValueError, RecursionError):  # a number with too many digits
        return None, 1
    else:
        is_literal = isinstance(value, str)
        return _Reading(value if is_literal else text[start:end], start, end, None, is_literal), 0
    quote = _quote_before().search(text, max(least, start - _FARTHEST), start)
    first = start if text[start] == '"' else quote.start() if quote else -1
    if first >= 0:
        word = word_at(text, first)
        cost += word.end - first + _PART * word.parts if word else len(text) - first
        if word and _is_json(word.text):
            return _Reading(word.text, first, word.end, word, not word.text.isascii()), 0
    if text[start] != '"':
        try:
            made = relaxed_json(text, start)
        except NotRelaxedError as error:
            return None, cost + error.position - start + _PART * error.tokens
        cost += made.end - start + _PART * made.parts
        if _is_json(made.text):
            return _Reading(made.text, start, made.end, made), 0
    return None, cost


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _has_key_of_body(source: JsonSource) -> bool:
    """Whether a key of a body is in a text, which is read in windows: most texts have none."""
    overlap = 64
    for at in range(0, source.size, _WINDOW - overlap):
        block = source.pread(_WINDOW, at)
        if any(word in block for word in _WORDS):
            return True
    return False


def _url_near(text: str, after: int, body: _Reading) -> tuple[str, int]:
    """The URL that a body is sent to, empty if there is none near, and where the next may begin.

    It is in the command that the body is in, or in the line above a here-document, or in the request line
    above, as in `.http` files and those of Bruno. `after` is the end of the last command.
    """
    low, high = max(after, body.start - _NEAR), min(body.end + _NEAR, len(text))
    first = _line_start(text, low, body.start)
    last = text.find("\n", body.end, high)
    while last > 0 and text[last - 1] == "\\":
        last = text.find("\n", last + 1, high)
    last = high if last < 0 else last
    line_before = _line_start(text, low, max(first - 1, low))
    before = text[line_before:first]
    if "<<" in before:
        first = line_before
    lines = _request_line().findall(text, low, body.start)
    found = [
        *reversed(_url().findall(text, first, body.start)),
        *_url().findall(text, body.end, last),
        *reversed(lines),
    ]
    return next((url for url in found if address_of(url) != Address()), ""), last


def _line_start(text: str, low: int, at: int) -> int:
    """The start of the line of a position, with the lines before it that a backslash continues."""
    start = text.rfind("\n", low, at) + 1 or low
    while start - 2 > low and text[start - 2] == "\\":
        start = text.rfind("\n", low, start - 1) + 1 or low
    return max(start, low)


def _moved(text: str, at: _At, index: int) -> _At:
    part = text[at.characters : index]
    newline = part.rfind("\n")
    column = at.column + len(part) if newline < 0 else len(part) - newline
    return _At(index, at.offset + len(part.encode()), at.line + part.count("\n"), column)


def _placed(
    text: str, document: Document, reading: _Reading, start: _At, end: _At
) -> Callable[[Iterable[Keys]], dict[Keys, Span]]:
    """Places the values of a body: each by itself, or all where the literal is that they are in."""
    if reading.is_literal:
        span = _between(start, end)
        return lambda paths: dict.fromkeys(paths, span)
    if reading.made is None:
        return _shifted(document, start)
    return _traced(text, document, reading.made, start)


def _traced(
    text: str, document: Document, made: Rewritten, start: _At
) -> Callable[[Iterable[Keys]], dict[Keys, Span]]:
    """Places the values of a body in ASCII that was made of the text from a position on."""

    def place(paths: Iterable[Keys]) -> dict[Keys, Span]:
        found = document.spans(paths)
        places, at = {}, start
        for offset in sorted({offset for span in found.values() for offset in (span.start, span.end)}):
            places[offset] = at = _moved(text, at, max(made.origin(offset), at.characters))
        return {path: _between(places[span.start], places[span.end]) for path, span in found.items()}

    return place


def _between(start: _At, end: _At) -> Span:
    return Span(start.offset, end.offset, start.line, start.column, end.line, end.column)


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
    if not any(word in raw for word in _ABOUT_MEDIA):
        return
    if raw.count(b"\n") + raw.count(b",") > _MOST_NODES or not re.search(
        rb"(?m)(?:^[ \t\"'-]*|[{,]\s*\\?\")(?:messages|contents|input|prompt|role)\\?[\"']?\s*:", raw
    ):
        return
    yaml = yaml_module()
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text, lead = raw.decode("utf-8-sig"), 3 * raw.startswith(BOM_UTF8)
        for number, node in enumerate(_yaml_documents(loader, text)):
            if document := _as_document(node.value):
                place = _marked(text, node.marks, lead)
                first = place([()])[()]
                yield ForeignBody(document, number, first.line, first.start, first.end, "", place)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return


def _as_document(value: Any) -> Document | None:
    data = json.dumps(value).encode()
    for document in open_documents(JsonSource.from_bytes(data), lines=False):
        if isinstance(document, Document):
            return document
    return None


_Marks = dict[Keys, tuple[Any, Any]]
"""Where values of a YAML text begin and end, as marks of the parser, which count characters."""


class YamlValue(NamedTuple):
    """A value of a YAML text as JSON has it, and where its parts are."""

    value: Any
    marks: _Marks


def _yaml_documents(loader: Any, text: str) -> Iterator[YamlValue]:
    parser = loader(text)
    try:
        while parser.check_node():
            builder = _YamlBuilder()
            node = parser.get_node()
            yield YamlValue(builder.value(node, (), 0), builder.marks)
    finally:
        parser.dispose()


def _marked(text: str, marks: _Marks, lead: int) -> Callable[[Iterable[Keys]], dict[Keys, Span]]:
    """Places the values of a YAML document in a text behind `lead` bytes; counts bytes only as asked for."""

    def place(paths: Iterable[Keys]) -> dict[Keys, Span]:
        found = {path: marks[path] for path in paths if path in marks}
        offsets, at, index = {0: lead}, lead, 0
        for end in sorted({mark.index for pair in found.values() for mark in pair}):
            at, index = at + len(text[index:end].encode()), end
            offsets[end] = at
        return {
            path: Span(
                offsets[start.index],
                offsets[end.index],
                *(start.line + 1, start.column + 1, end.line + 1, end.column + 1),
            )
            for path, (start, end) in found.items()
        }

    return place


class _YamlBuilder:
    """Makes JSON values of the nodes of a YAML document; an alias is null, so that nothing is repeated."""

    def __init__(self) -> None:
        self.marks: _Marks = {}
        self._made: set[int] = set()

    def value(self, node: Any, keys: Keys, depth: int) -> Any:
        """The value of a node at a path."""
        if depth > _DEEPEST or id(node) in self._made or len(self._made) > _MOST_NODES:
            return None
        self._made.add(id(node))
        self.marks[keys] = (node.start_mark, node.end_mark)
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
