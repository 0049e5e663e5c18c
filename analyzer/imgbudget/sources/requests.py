"""A JSON file as requests: one body, a bare array of bodies, or one body a line."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from imgbudget.model import Fact, Place, Request
from imgbudget.sources.dialects import DIALECTS
from imgbudget.sources.dialects.base import Body, Dialect
from imgbudget.sources.jsonspans import Document


class NoRequest(NamedTuple):
    """A sound document in which no request stands; `reason` says what it is instead, as a clause."""

    reason: str


class BadEntry(NamedTuple):
    """An entry of an array of requests that is none."""

    place: Place
    reason: str


def dialect_of(body: Any) -> Dialect | None:
    """The dialect that a body is written in."""
    for dialect in DIALECTS:
        if dialect.recognises(body):
            return dialect
    return None


def read_requests(document: Document, path: str, want: Fact) -> Iterator[Request | BadEntry | NoRequest]:
    """The requests of one document, in order. A document without one gives a single `NoRequest`."""
    place = Place(path, (), 0, document.number)
    body = document.value
    if dialect := dialect_of(body):
        yield dialect.read(document, body, Body(place, document.line, document.end - document.start), want)
        return
    if not isinstance(body, list) or not any(dialect_of(entry) for entry in body):
        yield NoRequest(_what_instead(body))
        return
    spans = document.spans((i,) for i in range(len(body)))
    for i, entry in enumerate(body):
        here = Place(path, (i,), 1, document.number)
        if dialect := dialect_of(entry):
            span = spans[(i,)]
            yield dialect.read(document, entry, Body(here, span.line, span.end - span.start), want)
        else:
            yield BadEntry(here, f"entry {i} of the array is no request: {_what_instead(entry)}")


def _what_instead(value: Any) -> str:
    if isinstance(value, dict):
        return "a JSON object without messages of the Messages API"
    if isinstance(value, list):
        return "a JSON array without a request in it"
    if isinstance(value, str):
        return "a JSON string"
    if isinstance(value, bool) or value is None:
        return f"the JSON value {'null' if value is None else str(value).lower()}"
    return "a JSON number"


def looks_like_request(head: bytes) -> bool:
    """Whether text that is not JSON was probably meant as a request: a key of one stands in its beginning."""
    return b'"messages"' in head or b'"media_type"' in head
