"""VCR cassettes in YAML: the recorded bodies with their positions, from PyYAML's events.

Events need no recursion at any nesting, and aliases are not expanded.
"""

import codecs
import re
from binascii import a2b_base64
from collections.abc import Iterable, Iterator
from typing import Any

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Key, Keys, Span
from imgbudget.requests.packed import GZIP, inflated
from imgbudget.requests.recordings import CASSETTE_KEYS, URL_KEYS, RecordedBody
from imgbudget.slotted import dataclass

MAX_CASSETTE = 64 << 20
"""Maximum bytes of a cassette: twice the largest request body (32 MB, errors page, 2026-08)."""

_HEAD = 4096
_ROOT = re.compile(rb"^(?:http_)?interactions:", re.MULTILINE)
_BINARY = "tag:yaml.org,2002:binary"


def yaml_module() -> Any:
    """PyYAML, loaded with the first YAML file that is read."""
    import yaml  # noqa: PLC0415 - rare

    return yaml


def looks_like_cassette(source: JsonSource) -> bool:
    """Whether the beginning of a file has the top-level key that all cassettes have."""
    return _ROOT.search(source.pread(_HEAD, 0)) is not None


def is_cassette(path: str) -> bool:
    """Whether the file at `path` looks like a cassette; True if it cannot be read, so that it is reported."""
    try:
        with JsonSource.open(path) as source:
            return looks_like_cassette(source)
    except OSError:
        return True


@dataclass(frozen=True, slots=True)
class Cassette:
    """The recorded bodies with their positions; compatible with `Document` for locations."""

    bodies: tuple[RecordedBody, ...]
    _spans: dict[Keys, Span]
    unread: int = 0
    """How many bodies are no base64, or gzip that is damaged or too large."""

    number: int = 0
    line: int = 1
    start: int = 0
    duplicate_keys: tuple[Keys, ...] = ()

    def spans(self, paths: Iterable[Keys]) -> dict[Keys, Span]:
        """The spans of the bodies at these paths; paths that do not exist are left out."""
        return {path: self._spans[path] for path in paths if path in self._spans}


def read_cassette(source: JsonSource) -> Cassette:
    """Read the cassette in a file that looks like one.

    Raises:
        OSError: the file cannot be read.
        UnreadableError: the file is not YAML, or too large.
    """
    yaml = yaml_module()

    if source.size > MAX_CASSETTE:
        size, most = source.size >> 20, MAX_CASSETTE >> 20
        raise UnreadableError(f"is a cassette of {size} MB, of which {most} MB are read at most")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    spans: dict[Keys, Span] = {}
    urls: dict[Keys, str] = {}
    bodies, unread = [], 0
    try:
        raw = source.pread(source.size, 0)
        text = raw.decode("utf-8-sig")
        cursor = _ByteCursor(text, len(raw) - len(raw.removeprefix(codecs.BOM_UTF8)))
        del raw
        for keys, event in _recorded(loader(text)):
            if keys[-1] in URL_KEYS:
                urls[keys[:_TO_REQUEST]] = event.value
            elif (body := _body(keys, event)) is None:
                unread += 1
            else:
                spans[keys] = cursor.span(event.start_mark, event.end_mark)
                bodies.append(RecordedBody(keys, event.start_mark.line + 1, body))
    except UnicodeDecodeError as error:
        raise UnreadableError(f"not YAML: byte 0x{error.object[error.start]:02x} is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UnreadableError(f"not YAML: {error.problem or error.context}{where}") from None
    except yaml.YAMLError as error:
        raise UnreadableError(f"not YAML: {error}") from None
    except RecursionError:
        raise UnreadableError("not read: nested too deeply") from None
    return Cassette(
        tuple([body._replace(url=urls.get(body.keys[:_TO_REQUEST], "")) for body in bodies]), spans, unread
    )


class _ByteCursor:
    """Turns marks, which count characters, into spans; they must come in order, so that it takes one pass."""

    __slots__ = ("_at", "_index", "_is_ascii", "_text")

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._index, self._at = 0, start
        self._is_ascii = text.isascii()

    def span(self, start: Any, end: Any) -> Span:
        """The span between two marks of the parser."""
        first = self._move(start.index)
        return Span(
            first, self._move(end.index), start.line + 1, start.column + 1, end.line + 1, end.column + 1
        )

    def _move(self, index: int) -> int:
        passed = index - self._index
        self._at += passed if self._is_ascii else len(self._text[self._index : index].encode())
        self._index = index
        return self._at


def _body(keys: Keys, event: Any) -> str | bytes | None:
    """The recorded body in a scalar, out of gzip; None if it cannot be read."""
    value: str = event.value
    if keys[-1] != "base64_string" and event.tag != _BINARY:
        return value
    try:
        data = a2b_base64(value)
    except ValueError:
        return None
    return inflated(data) if data.startswith(GZIP) else data


class _OpenNode:
    """An open mapping or sequence, and the key of its current value."""

    __slots__ = ("is_mapping", "key", "wants_key")

    def __init__(self, *, is_mapping: bool) -> None:
        self.is_mapping = self.wants_key = is_mapping
        self.key: Key = "" if is_mapping else -1

    def is_key(self, scalar: str) -> bool:
        """Whether the next child is a key, not a value; stores keys, complex ones as empty."""
        if not self.is_mapping:
            self.key = int(self.key) + 1
            return False
        if self.wants_key:
            self.key = scalar
        self.wants_key = not self.wants_key
        return not self.wants_key


_PATH = (CASSETTE_KEYS, None, ("request",), ("body", *URL_KEYS), ("string", "base64_string"))
"""The keys on the way to a body, level by level; None: any. A body is at one of the last two levels."""
_SHORTEST = len(_PATH) - 1
_TO_REQUEST = 3


def _recorded(parser: Any) -> Iterator[tuple[Keys, Any]]:
    """The scalars where a cassette has bodies and their URLs, with their paths; all else is skipped.

    An event takes constant time at any nesting. Aliases are not followed and nodes are not built, so
    memory does not grow beyond the text.
    """
    yaml = yaml_module()

    scalar, mapping = yaml.ScalarEvent, yaml.MappingStartEvent
    starts = (mapping, yaml.SequenceStartEvent)
    ends = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
    steps = dict.fromkeys(starts, 1) | dict.fromkeys(ends, -1)
    step_of = steps.get
    stack: list[_OpenNode] = []
    next_event = parser.get_event
    try:
        while (event := next_event()) is not None:
            kind = type(event)
            if kind is scalar:
                if stack and stack[-1].is_key(event.value):
                    continue
                if len(stack) >= _SHORTEST and _leads_to_body(stack):
                    yield tuple([node.key for node in stack]), event
            elif kind in ends:
                stack.pop()
            elif kind in starts:
                is_key = bool(stack) and stack[-1].is_key("")
                if not is_key and _leads_to_body(stack):
                    stack.append(_OpenNode(is_mapping=kind is mapping))
                    continue
                depth = 1  # open collections that are passed over: most events are in them
                while depth:
                    depth += step_of(type(next_event()), 0)
            elif kind is yaml.AliasEvent and stack:
                stack[-1].is_key("")
    finally:
        parser.dispose()


def _leads_to_body(stack: list[_OpenNode]) -> bool:
    """Whether the current value of the innermost open node may be a body or contain one."""
    if len(stack) > len(_PATH):
        return False
    keys = _PATH[len(stack) - 1] if stack else None
    return keys is None or stack[-1].key in keys
