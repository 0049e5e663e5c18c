"""Reads requests from a JSON file: one body, a list, a batch, one per line, or a session."""

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
from imgbudget.requests.recordings import RecordedBody, inner_documents, recorded_bodies
from imgbudget.requests.transcript import TranscriptReader, is_message, is_session_line

DIALECTS: tuple[Dialect, ...] = (
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    BEDROCK_INVOKE,
    GEMINI,
    MESSAGES,
)
"""Every dialect, the more specific ones first."""


_KEPT_TEXT = 64
"""Characters kept of a text after its request was checked."""


class NoRequest(NamedTuple):
    """A valid document without a request that can be checked; `reason` is a clause.

    `foreign` marks a request to another vendor's model, which is never a mistake.
    """

    reason: str
    foreign: bool = False


class BadEntry(NamedTuple):
    """An entry of a list of requests that is not a request."""

    location: Location
    reason: str


class SessionLine(NamedTuple):
    """A line of a session, whose request is complete at the end of the file. `sent`: it has a message."""

    sent: bool


Item = Request | BadEntry | NoRequest | SessionLine


def dialect_of(body: Any) -> Dialect | None:
    """The dialect of a body; None if there is none."""
    if not isinstance(body, dict):
        return None
    shape: TurnOutline | None = None
    for dialect in DIALECTS:
        if dialect.turns_key in body:  # true for few objects: most are envelopes or other data
            shape = shape or outline(body)
            if dialect.recognises(body, shape):
                return dialect
    return None


ModelLookup = Callable[[str], NormalizedModel]
"""Looks up a model of any vendor in the limits data."""


def no_models_known(model: str) -> NormalizedModel:
    """A lookup that knows no model."""
    return NormalizedModel(model, known=False, nearest=(), platform=None)


def read_requests(
    document: Document, path: str, fields: ProbeField, knows: ModelLookup = no_models_known
) -> Iterator[Request | BadEntry | NoRequest]:
    """The requests of one document, in order; a single `NoRequest` if there are none."""
    location = Location(path, (), 0, document.number)
    found = list(_read_requests(document, location, fields, knows))
    if len(found) == 1 and isinstance(found[0], NoRequest) and not found[0].foreign:
        found = list(read_recorded(recorded_bodies(document), location, fields, knows)) or found
    yield from found


def read_recorded(
    bodies: Iterable[RecordedBody],
    location: Location,
    fields: ProbeField,
    knows: ModelLookup = no_models_known,
) -> Iterator[Request | NoRequest]:
    """The requests in recorded bodies; `location` is that of the recording. Other bodies are left out.

    If all requests are for other vendors' models, yields one `NoRequest`.
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
    document: Document, location: Location, fields: ProbeField, knows: ModelLookup
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
            yield BadEntry(here, f"is not a request: {_what_instead(entry.body)}")


@dataclass(slots=True)
class RequestReader:
    """Reads the documents of one file in order; keeps only the messages of sessions."""

    path: str
    fields: ProbeField
    knows: ModelLookup = no_models_known
    session: TranscriptReader = field(init=False)

    def __post_init__(self) -> None:
        """Create the reader of sessions."""
        self.session = TranscriptReader(self.path, self.fields)

    def read(self, document: Document) -> Iterator[Item]:
        """The items of the next document."""
        if is_session_line(document.value):
            self.session.take(document)
            yield SessionLine(is_message(document.value))
            return
        yield from read_requests(document, self.path, self.fields, self.knows)

    def end(self) -> Iterator[Request | NoRequest]:
        """The requests that are complete only after the last document."""
        for request in self.session.requests():
            if _is_foreign(request.model, request.dialect, self.knows):
                yield _foreign(request.model, self.knows)
            else:
                yield request


def shortened(request: Request) -> Request:
    """The request with only the beginning of each text, to save memory if many requests are kept."""
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
    """The bodies of a list or of envelopes with their paths, or the reason why an entry has none."""
    for keys, item in each_envelope(value):
        envelope = unwrap(document, item)
        if envelope is not None and (envelope.id is not None or dialect_of(envelope.body)):
            yield (*keys, *envelope.keys), envelope
        elif keys and dialect_of(item):
            yield keys, BatchItem((), item, None, None)
        else:
            yield keys, f"entry {keys[-1] if keys else 0} is not a request: {_what_instead(item)}"


def _read(  # noqa: PLR0913, PLR0917 - the inputs of a dialect
    document: Document,
    dialect: Dialect,
    entry: BatchItem,
    where: RequestBody,
    fields: ProbeField,
    knows: ModelLookup,
) -> Request | NoRequest:
    model = entry.body.get(dialect.model_key)
    if isinstance(model, str) and _is_foreign(model, dialect.name, knows):
        return _foreign(model, knows)
    request = dialect.read(document, entry.body, where, fields)
    return request._replace(id=entry.id, dialect=entry.dialect or request.dialect)


def _is_foreign(model: str | None, dialect: str, knows: ModelLookup) -> TypeGuard[str]:
    return model is not None and is_other_vendors(model, dialect) and not knows(model).known


def _foreign(model: str, knows: ModelLookup) -> NoRequest:
    nearest = knows(model).nearest
    hint = f"; the nearest known is {nearest[0]}" if nearest else ""
    reason = f"a request to another vendor's model ({model[:80]}), whose limits are not known{hint}"
    return NoRequest(reason, foreign=True)


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
    """Whether invalid JSON is probably a request: its beginning has a key of one."""
    return b'"messages"' in head or b'"media_type"' in head
