"""Batches: bodies in envelopes that name them, as a list in one body or one a line."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from imgbudget.model import Keys
from imgbudget.sources.jsonspans import Document

_LONG_ID = 256
_ENVELOPES = (
    ("params", "custom_id", "batches"),
    ("body", "custom_id", None),
    ("request", "custom_id", None),
    ("modelInput", "recordId", None),
)
"""Where the body and its id stand in an envelope, and the dialect where the envelope decides it: Message
Batches; OpenAI's batch lines; Google Cloud's; Bedrock's batch inference."""


class Entry(NamedTuple):
    """A body of a batch: the route to it from its envelope, its id, the dialect that the envelope implies."""

    keys: Keys
    body: Any
    id: str | None
    dialect: str | None


def unwrap(document: Document, value: Any) -> Entry | None:
    """What an envelope holds; None for anything that is no envelope.

    The id may be missing beside `params` and `modelInput` only: their objects are nobody else's.
    """
    if not isinstance(value, dict):
        return None
    for key, name, dialect in _ENVELOPES:
        if key not in value or (name not in value and key in ("body", "request")):
            continue
        given = value.get(name)
        custom_id = document.text(given, _LONG_ID) if isinstance(given, str) else None
        if custom_id is not None or isinstance(value[key], dict):
            return Entry((key,), value[key], custom_id, dialect)
    return None


def is_result(value: Any) -> bool:
    """Whether it is a line of a batch's results."""
    return isinstance(value, dict) and "custom_id" in value and ("result" in value or "response" in value)


def each_envelope(value: Any) -> Iterator[tuple[Keys, Any]]:
    """What may be an envelope or a body, with its route: the whole document, or the entries of a list."""
    if isinstance(value, list):
        yield from (((i,), entry) for i, entry in enumerate(value))
    elif isinstance(value, dict) and isinstance(value.get("requests"), list):
        yield from ((("requests", i), entry) for i, entry in enumerate(value["requests"]))
    else:
        yield (), value
