"""Requests read from JSON in hand, for the tests of dialects."""

import json
from typing import Any

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.subjects import ProbeField, Request
from imgbudget.requests.reader import Item, RequestReader


def items_of(*documents: Any) -> list[Item]:
    """The content of a file of these documents, one per line, and what its end adds."""
    text = "".join(json.dumps(document) + "\n" for document in documents)
    reader = RequestReader("r.jsonl", ProbeField.ALL)
    found: list[Item] = []
    with JsonSource.from_bytes(text.encode()) as source:
        for document in open_documents(source, lines=True):
            assert isinstance(document, Document)
            found += reader.read(document)
    return found + list(reader.end())


def requests_of(*documents: Any) -> list[Request]:
    """The requests among them."""
    return [item for item in items_of(*documents) if isinstance(item, Request)]


def request_of(body: Any) -> Request:
    """The one request that a document is."""
    (request,) = items_of(body)
    assert isinstance(request, Request), request
    return request
