"""Batches: bodies in envelopes with ids, as a list in one body or one per line, and their counts."""

from collections.abc import Iterator
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Batch
from imgbudget.namedtuples import NamedTuple
from imgbudget.slotted import dataclass, field

MOST_IDS = 200_000
"""Maximum number of ids stored, to bound memory; a larger batch is rejected for its size."""


@dataclass(slots=True)
class BatchCount:
    """The entries of a batch counted so far."""

    count: int = 0
    missing: list[Location] = field(default_factory=list)
    doubled: list[tuple[Location, str]] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)

    def add(self, entry: Location, custom_id: str | None) -> Location | None:
        """Count an entry; returns the location of its id if that is missing or a duplicate."""
        self.count += 1
        if self.count > MOST_IDS:
            return None
        if not custom_id:
            self.missing.append(entry)
            return entry
        if custom_id not in self._ids:
            self._ids.add(custom_id)
            return None
        location = entry.at("custom_id")
        self.doubled.append((location, custom_id))
        return location

    def batch(self, location: Location, byte_size: int) -> Batch:
        """The batch in the file or body at `location`."""
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
"""The keys of the body and its id in an envelope, and the dialect if the envelope determines it: Message
Batches; OpenAI's batch lines; Google Cloud's; Bedrock's batch inference."""


_INVOCATION = ("input", "inputBodyJson")
"""The path of the body in a record of Bedrock's model invocation logs (AWS, schemaVersion 1.0)."""


_COUNTED = ("input", "converse")
"""The path of the body in a request of Bedrock's CountTokens (boto3 1.44.8)."""


class BatchItem(NamedTuple):
    """A body in an envelope: its path, its id, the dialect that the envelope implies.

    `invoked` is the model of a record of Bedrock's log; None for anything else.
    """

    keys: Keys
    body: Any
    id: str | None
    dialect: str | None
    invoked: str | None = None


def unwrap(document: Document, value: Any) -> BatchItem | None:
    """The content of an envelope; None for anything else.

    The id may be missing only with `params` and `modelInput`, which no other format has.
    """
    if not isinstance(value, dict):
        return None
    if "modelId" in value and isinstance(sent := value.get(_INVOCATION[0]), dict):
        body, model = sent.get(_INVOCATION[1]), value["modelId"]
        if isinstance(body, dict) and isinstance(model, str):
            return BatchItem(_INVOCATION, body, None, None, document.text(model, _LONG_ID))
    if isinstance(counted := value.get(_COUNTED[0]), dict) and isinstance(counted.get(_COUNTED[1]), dict):
        return BatchItem(_COUNTED, counted[_COUNTED[1]], None, None)
    for key, name, dialect in _ENVELOPES:
        if key not in value or (name not in value and key in ("body", "request")):
            continue
        given = value.get(name)
        custom_id = document.text(given, _LONG_ID) if isinstance(given, str) else None
        if custom_id is not None or isinstance(value[key], dict):
            return BatchItem((key,), value[key], custom_id, dialect)
    return None


def is_result(value: Any) -> bool:
    """Whether it is a line of batch results."""
    return isinstance(value, dict) and "custom_id" in value and ("result" in value or "response" in value)


def each_envelope(value: Any) -> Iterator[tuple[Keys, Any]]:
    """The possible envelopes or bodies, with their paths: the whole document, or the entries of a list."""
    if isinstance(value, list):
        yield from (((i,), entry) for i, entry in enumerate(value))
    elif isinstance(value, dict) and isinstance(value.get("requests"), list):
        yield from ((("requests", i), entry) for i, entry in enumerate(value["requests"]))
    else:
        yield (), value
