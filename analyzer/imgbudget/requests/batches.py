"""Batches: bodies in envelopes that name them, as a list in one body or one per line, and their counts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Batch

MOST_IDS = 200_000
"""Entries whose ids are remembered: a batch of more is refused for its number, and memory stays bounded."""


@dataclass(slots=True)
class BatchCount:
    """What is known of a batch so far."""

    count: int = 0
    missing: list[Location] = field(default_factory=list)
    doubled: list[tuple[Location, str]] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def add(self, entry: Location, custom_id: str | None) -> Location | None:
        """Count the entry that stands at `entry`; the place of what is wrong with its id, if anything is."""
        self.count += 1
        if self.count > MOST_IDS:
            return None
        if not custom_id:
            self.missing.append(entry)
            return entry
        if custom_id not in self._seen:
            self._seen.add(custom_id)
            return None
        location = entry.at("custom_id")
        self.doubled.append((location, custom_id))
        return location

    def batch(self, location: Location, byte_size: int) -> Batch:
        """The batch that the file or body at `location` holds."""
        return Batch(
            location=location,
            byte_size=byte_size,
            request_count=self.count,
            missing=tuple(self.missing),
            doubled=tuple(self.doubled),
        )


_LONG_ID = 256
_ENVELOPES = (
    ("params", "custom_id", "batches"),
    ("body", "custom_id", None),
    ("request", "custom_id", None),
    ("modelInput", "recordId", None),
)
"""Where the body and its id stand in an envelope, and the dialect where the envelope decides it: Message
Batches; OpenAI's batch lines; Google Cloud's; Bedrock's batch inference."""


class BatchItem(NamedTuple):
    """A body of a batch: the route to it from its envelope, its id, the dialect that the envelope implies."""

    keys: Keys
    body: Any
    id: str | None
    dialect: str | None


def unwrap(document: Document, value: Any) -> BatchItem | None:
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
            return BatchItem((key,), value[key], custom_id, dialect)
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
