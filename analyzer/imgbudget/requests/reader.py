"""A JSON file as requests: one body, a list, a batch, one per line, or a session of many lines."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeGuard

from imgbudget.jsontext.document import Document
from imgbudget.limits.model_ids import NormalizedModel
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Block, DocumentUse, Nested, ProbeField, Request, Text, Turn
from imgbudget.requests.base import Dialect, RequestBody, TurnOutline, is_other_vendors, outline
from imgbudget.requests.batches import BatchItem, each_envelope, is_result, unwrap
from imgbudget.requests.bedrock import BEDROCK_CONVERSE, BEDROCK_INVOKE
from imgbudget.requests.gemini import GEMINI
from imgbudget.requests.messages import MESSAGES
from imgbudget.requests.openai import OPENAI_CHAT, OPENAI_RESPONSES
from imgbudget.requests.recordings import Recorded, inner_documents, recorded_bodies
from imgbudget.requests.transcript import TranscriptReader, is_line, is_message

DIALECTS: tuple[Dialect, ...] = (
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    BEDROCK_INVOKE,
    GEMINI,
    MESSAGES,
)
"""Every dialect, the more particular ones first."""


_KEPT_TEXT = 64
"""Characters that are kept of a text once it was judged."""


class NoRequest(NamedTuple):
    """A sound document in which no request stands that can be judged; `reason` says why, as a clause.

    `foreign` marks a request of another vendor: no mistake, wherever it stands.
    """

    reason: str
    foreign: bool = False


class BadEntry(NamedTuple):
    """An entry of a list of requests that is none."""

    location: Location
    reason: str


class SessionLine(NamedTuple):
    """A line of a session; its request is known at the end of the file only. `sent`: it holds a message."""

    sent: bool


Item = Request | BadEntry | NoRequest | SessionLine


def dialect_of(body: Any) -> Dialect | None:
    """The dialect that a body is written in."""
    if not isinstance(body, dict):
        return None
    shape: TurnOutline | None = None
    for dialect in DIALECTS:
        if dialect.turns_key in body:  # in few objects: most are envelopes, or parts of data
            shape = shape or outline(body)
            if dialect.recognises(body, shape):
                return dialect
    return None


Knows = Callable[[str], NormalizedModel]
"""What is known of a model, whoever makes it."""


def knows_none(model: str) -> NormalizedModel:
    """No model of another vendor is known."""
    return NormalizedModel(model, known=False, nearest=(), platform=None)


def read_requests(
    document: Document, path: str, fields: ProbeField, knows: Knows = knows_none
) -> Iterator[Request | BadEntry | NoRequest]:
    """The requests of one document, in order. A document without one gives a single `NoRequest`."""
    location = Location(path, (), 0, document.number)
    found = list(_read_requests(document, location, fields, knows))
    if len(found) == 1 and isinstance(found[0], NoRequest) and not found[0].foreign:
        found = list(read_recorded(recorded_bodies(document), location, fields, knows)) or found
    yield from found


def read_recorded(
    bodies: Iterable[Recorded], location: Location, fields: ProbeField, knows: Knows = knows_none
) -> Iterator[Request | NoRequest]:
    """The requests among recorded bodies, `location` being that of the recording; what is none is left out.

    Where all are for other vendors' models, that is said.
    """
    foreign: NoRequest | None = None
    any_request = False
    for document, keys, line in inner_documents(bodies):
        here = location._replace(keys=keys, root=len(keys), outer_depth=len(keys))
        for item in _read_requests(document, here, fields, knows):
            if isinstance(item, Request):
                any_request = True
                yield item._replace(line=line)
            elif isinstance(item, NoRequest) and item.foreign:
                foreign = item
    if foreign and not any_request:
        yield foreign


def _read_requests(
    document: Document, location: Location, fields: ProbeField, knows: Knows
) -> Iterator[Request | BadEntry | NoRequest]:
    outer = location.keys or ()
    value = document.value
    if dialect := dialect_of(value):
        yield _read(
            document, dialect, BatchItem((), value, None, None), _whole(document, location), fields, knows
        )
        return
    if not any(isinstance(entry, BatchItem) for _, entry in _entries(document, value)):
        yield NoRequest(_what_instead(value))
        return
    found = list(_entries(document, value))
    spans = document.spans(keys for keys, _ in found)
    for keys, entry in found:
        here = location._replace(keys=(*outer, *keys), root=len(outer) + len(keys))
        if isinstance(entry, str):
            yield BadEntry(here, entry)
        elif dialect := dialect_of(entry.body):
            span = spans[keys]
            body = RequestBody(here, span.line, span.end - span.start)
            yield _read(document, dialect, entry, body, fields, knows)
        else:
            yield BadEntry(here, f"is no request: {_what_instead(entry.body)}")


@dataclass(slots=True)
class RequestReader:
    """Reads the documents of one file in order; keeps nothing of them but what a session sends again."""

    path: str
    fields: ProbeField
    knows: Knows = knows_none
    session: TranscriptReader = field(init=False)

    def __post_init__(self) -> None:
        """Begin with no session."""
        self.session = TranscriptReader(self.path, self.fields)

    def read(self, document: Document) -> Iterator[Item]:
        """What stands in the next document."""
        if is_line(document.value):
            self.session.take(document)
            yield SessionLine(is_message(document.value))
            return
        yield from read_requests(document, self.path, self.fields, self.knows)

    def end(self) -> Iterator[Request | NoRequest]:
        """The requests that are whole only when all documents were read."""
        for request in self.session.requests():
            if _is_foreign(request.model, request.dialect, self.knows):
                yield _foreign(request.model, self.knows)
            else:
                yield request


def shortened(request: Request) -> Request:
    """The request with the beginning of each text alone, for a file of many of which all are kept."""
    return request._replace(
        turns=tuple([Turn(turn.location, turn.role, _shortened(turn.blocks)) for turn in request.turns])
    )


def _shortened(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    short: list[Block] = []
    for block in blocks:
        match block:
            case Text() if len(block.text) > _KEPT_TEXT:
                short.append(Text(block.location, block.text[:_KEPT_TEXT]))
            case Nested() | DocumentUse():
                short.append(block._replace(blocks=_shortened(block.blocks)))
            case _:
                short.append(block)
    return tuple(short)


def _whole(document: Document, location: Location) -> RequestBody:
    return RequestBody(location, document.line, document.end - document.start)


def _entries(document: Document, value: Any) -> Iterator[tuple[Keys, BatchItem | str]]:
    """The bodies of a list or of envelopes with their routes, or why an entry is none."""
    for keys, item in each_envelope(value):
        envelope = unwrap(document, item)
        if envelope is not None and (envelope.id is not None or dialect_of(envelope.body)):
            yield (*keys, *envelope.keys), envelope
        elif keys and dialect_of(item):
            yield keys, BatchItem((), item, None, None)
        else:
            yield keys, f"entry {keys[-1] if keys else 0} is no request: {_what_instead(item)}"


def _read(  # noqa: PLR0913, PLR0917 - what a body is read from
    document: Document,
    dialect: Dialect,
    entry: BatchItem,
    where: RequestBody,
    fields: ProbeField,
    knows: Knows,
) -> Request | NoRequest:
    model = entry.body.get(dialect.model_key)
    if isinstance(model, str) and _is_foreign(model, dialect.name, knows):
        return _foreign(model, knows)
    request = dialect.read(document, entry.body, where, fields)
    return request._replace(id=entry.id, dialect=entry.dialect or request.dialect)


def _is_foreign(model: str | None, dialect: str, knows: Knows) -> TypeGuard[str]:
    return model is not None and is_other_vendors(model, dialect) and not knows(model).known


def _foreign(model: str, knows: Knows) -> NoRequest:
    nearest = knows(model).nearest
    hint = f"; the nearest known is {nearest[0]}" if nearest else ""
    said = f"a request to another vendor's model ({model[:80]}), of which no limits are known{hint}"
    return NoRequest(said, foreign=True)


def _what_instead(value: Any) -> str:
    if isinstance(value, dict):
        if is_result(value):
            return "a result of a batch"
        return "a JSON object without the messages of a request"
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
