"""VCR cassettes in YAML: the recorded bodies with their positions, from PyYAML's events.

Events need no recursion at any nesting, and aliases are not expanded.
"""

import re
from binascii import a2b_base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Key, Keys, Span
from imgbudget.requests.recordings import CASSETTE_KEYS, RecordedBody

MAX_CASSETTE = 64 << 20
"""Maximum bytes of a cassette: twice the largest request body (32 MB, errors page, 2026-08)."""

_HEAD = 4096
_ROOT = re.compile(rb"^(?:http_)?interactions:", re.MULTILINE)
_BINARY = "tag:yaml.org,2002:binary"


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
    _marks: dict[Keys, tuple[Any, Any]]
    _text: str
    number: int = 0
    line: int = 1
    start: int = 0
    duplicate_keys: tuple[Keys, ...] = ()

    def spans(self, paths: Iterable[Keys]) -> dict[Keys, Span]:
        """The spans of the bodies at these paths; paths that do not exist are left out."""
        return {path: self._span(*self._marks[path]) for path in paths if path in self._marks}

    def _span(self, start: Any, end: Any) -> Span:
        first = len(self._text[: start.index].encode())
        last = first + len(self._text[start.index : end.index].encode())
        return Span(first, last, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def read_cassette(source: JsonSource) -> Cassette:
    """Read the cassette in a file that looks like one.

    Raises:
        OSError: the file cannot be read.
        UnreadableError: the file is not YAML, or too large.
    """
    import yaml  # noqa: PLC0415 - rare

    if source.size > MAX_CASSETTE:
        size, most = source.size >> 20, MAX_CASSETTE >> 20
        raise UnreadableError(f"is a cassette of {size} MB, of which {most} MB are read at most")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    marks: dict[Keys, tuple[Any, Any]] = {}
    bodies = []
    try:
        text = source.pread(source.size, 0).decode("utf-8-sig")
        for keys, event in _scalars(yaml.parse(text, Loader=loader)):
            if (body := _body(keys, event)) is not None:
                marks[keys] = event.start_mark, event.end_mark
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
    return Cassette(tuple(bodies), marks, text)


def _body(keys: Keys, event: Any) -> str | bytes | None:
    """The recorded body in a scalar; None for other scalars."""
    root, _, *path = keys if len(keys) > 1 else ("", 0)
    if root not in CASSETTE_KEYS:
        return None
    encoded = event.tag == _BINARY
    match path:
        case ["request", "body"] | ["request", "body", "string"]:
            pass
        case ["request", "body", "base64_string"]:
            encoded = True
        case _:
            return None
    value: str = event.value
    if not encoded:
        return value
    try:
        return a2b_base64(value)
    except ValueError:
        return None


class _OpenNode:
    """An open mapping or sequence, and the key of its current value."""

    __slots__ = ("is_mapping", "key", "wants_key")

    def __init__(self, *, is_mapping: bool) -> None:
        self.is_mapping = self.wants_key = is_mapping
        self.key: Key = "" if is_mapping else -1


def _scalars(events: Iterable[Any]) -> Iterator[tuple[Keys, Any]]:
    """The scalar values with their paths; keys that are not scalars become empty."""
    import yaml  # noqa: PLC0415 - rare

    stack: list[_OpenNode] = []
    for event in events:
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            stack.pop()
            _advance(stack, "")
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        if stack and not stack[-1].is_mapping:
            stack[-1].key = int(stack[-1].key) + 1
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append(_OpenNode(is_mapping=isinstance(event, yaml.MappingStartEvent)))
            continue
        name = ""
        if isinstance(event, yaml.ScalarEvent):
            name = event.value
            if stack and not stack[-1].wants_key:
                yield tuple(open_.key for open_ in stack), event
        _advance(stack, name)


def _advance(stack: list[_OpenNode], name: str) -> None:
    """Advance after a node: in a mapping it was a key, with this name, or a value."""
    if stack and stack[-1].is_mapping:
        if stack[-1].wants_key:
            stack[-1].key = name
        stack[-1].wants_key = not stack[-1].wants_key
