"""Requests inside recordings of HTTP traffic, as JSON text in a string: HAR, WireMock, VCR as JSON.

The bodies of responses are not read. The position of a value inside such a string is that of the string.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Keys
from imgbudget.namedtuples import NamedTuple
from imgbudget.requests.packed import is_packed, unpacked

CASSETTE_KEYS = ("interactions", "http_interactions")
"""Keys of the interactions in VCR recordings: Python, Go and R; Ruby."""


URL_KEYS = ("url", "uri")
"""Keys of the URL of a request in VCR recordings: Go; Python and Ruby."""

_SENT = frozenset(("request", "body", "method", "messages", "requestBody", "request_body"))
"""Keys of what was sent, beside which `response` is what was received; nock has no `request`."""

_LONGEST_URL = 4096


def is_received(key: Any, container: Any) -> bool:
    """Whether a member of an object is what was received for what is beside it."""
    return key == "response" and isinstance(container, dict) and not _SENT.isdisjoint(container)


class RecordedBody(NamedTuple):
    """A recorded body: its path, its first line (1-based), its text, and the URL that it was sent to."""

    keys: Keys
    line: int
    text: str | bytes
    url: str = ""


class Inner(NamedTuple):
    """A recorded body as a document, the path of the string that contains it, its line and its URL."""

    document: Document
    keys: Keys
    line: int
    url: str


def recorded_bodies(document: Document) -> Iterator[RecordedBody]:
    """The request bodies of a recording; empty for any other document."""
    found = [(keys, item, url) for keys, item, url in _bodies(document.value) if isinstance(item, str)]
    spans = document.spans(keys for keys, _, _ in found) if found else {}
    for keys, item, url in found:
        yield RecordedBody(keys, spans[keys].line, body_text(document, item), document_text(document, url))


def body_text(document: Document, text: str) -> str | bytes:
    """The text of a body in a document, unpacked; empty if it cannot be."""
    return (unpacked(document, text) or b"") if is_packed(document, text) else document.text(text)


def document_text(document: Document, url: Any) -> str:
    """A URL in a document; empty if there is none."""
    return document.text(url, _LONGEST_URL) if isinstance(url, str) else ""


def inner_documents(bodies: Iterable[RecordedBody]) -> Iterator[Inner]:
    """The bodies that are valid JSON, as documents."""
    for keys, line, text, url in bodies:
        # a lone surrogate escaped in the recording is not valid text
        data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        for document in open_documents(JsonSource.from_bytes(data), lines=False):
            if isinstance(document, Document):
                yield Inner(document, keys, line, url)


def _bodies(value: Any) -> Iterator[tuple[Keys, Any, Any]]:
    """The bodies with their paths and URLs."""
    if not isinstance(value, dict):
        return
    for keys, entry in _items(value, "log", "entries"):  # HAR 1.2
        yield from _sent(entry, keys, ("postData", "text"))
    for keys, mapping in ((), value), *_items(value, "mappings"):  # WireMock, one mapping or several
        for inner, pattern in _items(mapping, "request", "bodyPatterns"):
            for path, body in _at(pattern, (*keys, *inner), "equalToJson"):
                yield path, body, _url(mapping)
    for keys, interaction in ((), value), *(item for key in CASSETTE_KEYS for item in _items(value, key)):
        yield from _sent(interaction, keys, ("body",), ("body", "string"))


def _sent(entry: Any, keys: Keys, *paths: tuple[str, ...]) -> Iterator[tuple[Keys, Any, Any]]:
    """The bodies at these paths of a recorded request."""
    for path in paths:
        for found, body in _at(entry, keys, "request", *path):
            yield found, body, _url(entry)


def _url(entry: Any) -> Any:
    """The URL of a recorded request: `url` in HAR, Go and WireMock, `uri` in VCR for Python and Ruby."""
    request = entry.get("request")
    keys = ("url", "uri", "urlPath", "urlPattern", "urlPathPattern")
    return next((request[key] for key in keys if key in request), "") if isinstance(request, dict) else ""


def _at(value: Any, keys: Keys, *path: str) -> Iterator[tuple[Keys, Any]]:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return
        value = value[key]
    yield (*keys, *path), value


def _items(value: Any, *path: str) -> Iterator[tuple[Keys, Any]]:
    """The items of the array at a path."""
    for keys, array in _at(value, (), *path):
        if isinstance(array, list):
            yield from (((*keys, i), item) for i, item in enumerate(array))
