"""Where the values stand that are to be edited in a document, all found in one walk through it."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from imgbudget.fixers.splices import Region
from imgbudget.model import Keys, Span
from imgbudget.sources.jsonspans import Document, JsonSource


def value_at(document: Document, route: Keys) -> Any:
    """What a route of the document leads to, None where it leads nowhere."""
    value = document.value
    for key in route:
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


class Layout(NamedTuple):
    """A document with the spans of values, and of the keys of members, that its edits need."""

    document: Document
    source: JsonSource
    spans: Mapping[Keys, Span]
    keys: Mapping[Keys, Span]

    @classmethod
    def of(cls, document: Document, source: JsonSource, routes: Iterable[Keys]) -> "Layout":
        """The layout with the spans of what these routes lead to."""
        wanted = set(routes)
        return cls(document, source, document.spans(wanted), document.key_spans(wanted))

    def value(self, route: Keys) -> Any:
        """What a route leads to."""
        return value_at(self.document, route)

    def region(self, route: Keys) -> Region:
        """The bytes of a value."""
        span = self.spans[route]
        return Region(span.start, span.end)

    def read(self, start: int, end: int) -> bytes:
        """Bytes of the file."""
        return self.source.pread(end - start, start)


def as_json(value: Any, *, spaced: bool = True) -> bytes:
    """A value as JSON text in ASCII, with blanks behind commas and colons or without."""
    import json  # noqa: PLC0415 - fixes only

    return json.dumps(value, separators=(", ", ": ") if spaced else (",", ":")).encode("ascii")
