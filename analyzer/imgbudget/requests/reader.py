"""Reads requests from a JSON file: one body, a list, a batch, one per line, or a session."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, TypeGuard

from imgbudget.imageinfo.modes import colour_mode
from imgbudget.jsontext.base64text import inspect
from imgbudget.jsontext.document import Document
from imgbudget.model.location import UNEDITED, Keys, Location
from imgbudget.model.subjects import Block, DocumentUse, ImageUse, Nested, ProbeField, Request, Text, Turn
from imgbudget.namedtuples import NamedTuple
from imgbudget.requests.addresses import Address, address_of
from imgbudget.requests.base import Dialect, RequestBody, TurnOutline, outline
from imgbudget.requests.batches import BatchItem, each_envelope, is_result, unwrap
from imgbudget.requests.bedrock import BEDROCK_CONVERSE, BEDROCK_INVOKE
from imgbudget.requests.envelopes import (
    WrappedText,
    has_media,
    is_sound,
    may_wrap_bodies,
    unwrapped,
    wrapped_bodies,
)
from imgbudget.requests.frameworks import FRAMEWORK
from imgbudget.requests.gemini import GEMINI
from imgbudget.requests.interactions import GEMINI_INTERACTIONS
from imgbudget.requests.messages import MESSAGES
from imgbudget.requests.ollama import OLLAMA_CHAT, OLLAMA_GENERATE
from imgbudget.requests.openai import (
    MISTRAL_CONVERSATION,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    is_training_example,
)
from imgbudget.requests.prompts import prompt_of
from imgbudget.requests.recordings import (
    RecordedBody,
    body_text,
    document_text,
    inner_documents,
    recorded_bodies,
)
from imgbudget.requests.session_formats import MESSAGE_ROWS, SessionReader, Unsent, session_format
from imgbudget.slotted import dataclass, field

DIALECTS: tuple[Dialect, ...] = (
    BEDROCK_CONVERSE,
    OLLAMA_CHAT,
    OLLAMA_GENERATE,
    OPENAI_CHAT,
    GEMINI_INTERACTIONS,
    OPENAI_RESPONSES,
    MISTRAL_CONVERSATION,
    BEDROCK_INVOKE,
    GEMINI,
    MESSAGES,
    FRAMEWORK,
)
"""Every dialect, the more specific ones first."""


_KEPT_TEXT = 64
"""Characters kept of a text after its request was checked."""


class NoRequest(NamedTuple):
    """A valid document without a request that can be checked; `reason` is a clause."""

    reason: str


class BadEntry(NamedTuple):
    """An entry of a list of requests that is not a request."""

    location: Location
    reason: str


class SessionLine(NamedTuple):
    """A line of a session, whose request is complete at the end of the file. `sent`: it has a message.

    `unknown`: it is of a type that the reader of the session does not know.
    """

    sent: bool
    unknown: bool = False


Item = Request | BadEntry | NoRequest | SessionLine


_ROW_KEYS = frozenset(
    {
        *("id", "request_id", "requestid", "litellm_call_id", "trace_id", "traceid", "run_id", "call_type"),
        *("response", "responses", "output", "completion", "usage", "spend", "proxy_server_request"),
        *("created_at", "createdat", "timestamp", "start_time", "starttime"),
    }
)
"""Keys of the rows of logs and of exported tables, in lower case, which no body of a request has."""


_LOG_KEYS = _ROW_KEYS - {"id", "usage"}
"""The keys of them that no gateway takes in a body either: beside messages they show that those were sent."""


def _is_logged(body: dict[str, Any]) -> bool:
    """Whether a body is an entry of a log, as litellm writes it: with the id of its call, or the answer."""
    return not _LOG_KEYS.isdisjoint(map(str.lower, body))


def _is_row_of_a_log(body: dict[str, Any]) -> bool:
    """Whether an object has its messages as one string among keys that no body has, as exports of logs do.

    The messages in the string are read like those in any other. A body with a string there is refused.
    """
    return isinstance(body.get("messages"), str) and not _ROW_KEYS.isdisjoint(map(str.lower, body))


def dialect_of(body: Any) -> Dialect | None:
    """The dialect of a body; None if there is none."""
    if not isinstance(body, dict) or _is_row_of_a_log(body):
        return None
    shape: TurnOutline | None = None
    for dialect in DIALECTS:
        if dialect.turns_key in body:  # true for few objects: most are envelopes or other data
            shape = shape or outline(body)
            if dialect.recognises(body, shape):
                return dialect
    return None


def read_requests(
    document: Document, path: str, fields: ProbeField, *, wrapped: bool = True
) -> Iterator[Request | BadEntry | NoRequest]:
    """The requests of one document, in order; a single `NoRequest` if there are none.

    Without `wrapped`, bodies in envelopes of unknown format are left out.
    """
    location = Location(path, (), 0, document.number)
    found = list(_read_requests(document, location, fields))
    if len(found) == 1 and isinstance(found[0], NoRequest):
        recorded = list(read_recorded(recorded_bodies(document), location, fields))
        if wrapped and not recorded:
            recorded = list(_read_wrapped(document, location, fields, 0))
        found = [*recorded] or found
    yield from found


_DEEPEST = 3
"""Levels of JSON in strings of JSON in which bodies are looked for."""


def _read_wrapped(
    document: Document, location: Location, fields: ProbeField, depth: int
) -> Iterator[Request]:
    """The requests inside a document that is none itself; `location` is that of the document."""
    if not may_wrap_bodies(document):
        return
    wrapped = list(wrapped_bodies(document, lambda value: dialect_of(value) is not None))
    spans = document.spans(item.keys for item in wrapped) if wrapped else {}
    done: set[Keys] = set()
    outer = location.keys or ()
    for item in wrapped:
        keys, line = (*outer, *item.keys), spans[item.keys].line
        if isinstance(item, WrappedText):
            here = location._replace(keys=keys, outer_depth=location.outer_depth or len(keys) or UNEDITED)
            if depth < _DEEPEST:
                text = body_text(document, item.text)
                body = RecordedBody(keys, line, text, document_text(document, item.url))
                yield from _read_inner(body, here, fields, depth)
            continue
        dialect = dialect_of(item.body)
        if dialect is None or item.keys in done:
            continue
        here = location._replace(keys=keys, root=len(keys))
        where = RequestBody(here, line, spans[item.keys].end - spans[item.keys].start)
        request = dialect.read(document, item.body, where, fields)
        prompt = prompt_of(document, item.body, dialect.turns_key, request)
        if prompt is not None and item.added:
            prompt = prompt.without(item.added)
        request = unwrapped(request._replace(prompt=prompt), item.added)
        if is_sound(request):
            done.add(item.keys)
            yield sent_to(request, address_of(document_text(document, item.url)))._replace(is_record=True)


def _read_inner(body: RecordedBody, location: Location, fields: ProbeField, depth: int) -> Iterator[Request]:
    """The requests in JSON text inside a string at a location."""
    for document, keys, line, url in inner_documents([body]):
        here = location._replace(root=len(keys))
        items = [item for item in _read_requests(document, here, fields) if isinstance(item, Request)]
        for item in items or _read_wrapped(document, here, fields, depth + 1):
            if has_media(item):
                yield sent_to(item, address_of(url))._replace(line=line, is_record=True)


def read_foreign(
    document: Document, location: Location, fields: ProbeField, url: str = ""
) -> Iterator[Request]:
    """The requests with an image in a document that a file of another format holds, at a location.

    `url` is the one that they are sent to, if the file shows it.

    Scripts and request files have variables in place of base64, and logs shorten it.
    """
    items = _read_requests(document, location, fields)
    found = [unwrapped(item, ()) for item in items if isinstance(item, Request)]
    address = address_of(url)
    for request in found or _read_wrapped(document, location, fields, 0):
        if has_media(request):
            yield (sent_to(request, address) if url else request)._replace(is_record=True)


def read_recorded(
    bodies: Iterable[RecordedBody], location: Location, fields: ProbeField
) -> Iterator[Request]:
    """The requests in recorded bodies; `location` is that of the recording. Other bodies are left out."""
    for document, keys, line, url in inner_documents(bodies):
        here = location._replace(keys=keys, root=len(keys), outer_depth=len(keys))
        address = address_of(url)
        for item in _read_requests(document, here, fields):
            if isinstance(item, Request):
                yield sent_to(item, address, line)


def sent_to(request: Request, address: Address, line: int = 0) -> Request:
    """The request with what the URL shows that it was sent to; a model in the body takes precedence.

    `line` is that of the recording which the request is in.
    """
    return request._replace(
        line=line or request.line,
        is_record=request.is_record or line > 0,
        model=request.model or address.model,
        platform=address.platform or request.platform,
        deployment=address.deployment,
        is_addressed=address.platform is not None,
    )


def _read_requests(
    document: Document, location: Location, fields: ProbeField
) -> Iterator[Request | BadEntry | NoRequest]:
    outer = location.keys or ()
    value = document.value
    if dialect := dialect_of(value):
        yield _read(document, dialect, BatchItem((), value, None, None), _whole(document, location), fields)
        return
    # a list of other data may be long: what is wrong with its entries is kept only if one is a request
    entries = _entries(document, value)
    found = list(islice(entries, 1))
    if not any(isinstance(entry, BatchItem) for _, entry in chain(found, _entries(document, value))):
        yield NoRequest(_what_instead(value))
        return
    found += entries
    extents = document.extents(keys for keys, _ in found)
    for keys, entry in found:
        here = location._replace(keys=(*outer, *keys), root=len(outer) + len(keys))
        if isinstance(entry, str):
            yield BadEntry(here, entry)
        elif dialect := dialect_of(entry.body):
            yield _read(document, dialect, entry, RequestBody(here, *extents[keys]), fields)
        else:
            yield BadEntry(here, f"is not a request: {_what_instead(entry.body)}")


@dataclass(slots=True)
class RequestReader:
    """Reads the documents of one file in order; keeps only the messages of sessions. `lines`: it is JSONL."""

    path: str
    fields: ProbeField
    lines: bool = False
    _sessions: dict[str, SessionReader] = field(default_factory=dict)

    @property
    def in_session(self) -> bool:
        """Whether a message of a session was read."""
        return any(session.started for session in self._sessions.values())

    @property
    def in_agent_session(self) -> bool:
        """Whether a line of an agent's session was read, of which the agent may be writing another."""
        return any(name != MESSAGE_ROWS for name in self._sessions)

    @property
    def forgotten(self) -> dict[int, str]:
        """The lines of sessions that are not sent again, with the reason; known after `end`."""
        return {line: why for session in self._sessions.values() for line, why in session.forgotten.items()}

    @property
    def unsent(self) -> Counter[Unsent]:
        """What else of sessions is not sent again, and how many there are; known after `end`."""
        return sum((Counter(session.unsent) for session in self._sessions.values()), Counter())

    def read(self, document: Document) -> Iterator[Item]:
        """The items of the next document."""
        if form := session_format(document.value):
            session = self._sessions.get(form.name)
            if session is None:
                session = self._sessions[form.name] = form.open(self.path, self.fields)
            sent = session.take(document)
            yield SessionLine(sent, unknown=not sent and form.name == MESSAGE_ROWS)
            return
        is_line = bool(self._sessions) and isinstance(document.value, dict)
        for item in read_requests(document, self.path, self.fields, wrapped=not is_line):
            if is_line and isinstance(item, NoRequest):
                # a line of a type that no reader knows
                yield SessionLine(sent=False, unknown=True)
            elif self.lines and _is_example(item, document):
                yield as_example(item, document)
            else:
                yield item

    def end(self) -> Iterator[Request]:
        """The requests that are complete only after the last document."""
        for session in self._sessions.values():
            if session.started:
                yield from session.requests()


def as_example(request: Request, document: Document) -> Request:
    """A request as a training example: its images with their colour modes."""

    def with_mode(use: ImageUse) -> ImageUse:
        value = document.value
        for key in use.location.keys or ():
            value = value[key]
        address = value.get("url") if isinstance(value, dict) else value
        facts = use.facts
        if not isinstance(address, str) or facts is None or facts.format is None or facts.damage is not None:
            return use
        return use._replace(
            colour_mode=colour_mode(facts.format, inspect(document.payload(address), prefixed=True).read)
        )

    return request._replace(images=tuple(map(with_mode, request.images)), is_example=True, is_record=True)


def _is_example(item: Request | BadEntry | NoRequest, document: Document) -> TypeGuard[Request]:
    """Whether a line is an example for fine-tuning."""
    return (
        isinstance(item, Request) and item.dialect == OPENAI_CHAT.name and is_training_example(document.value)
    )


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
                short.append(block._replace(text=block.text[:_KEPT_TEXT], length=block.size))
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


def _read(
    document: Document, dialect: Dialect, entry: BatchItem, where: RequestBody, fields: ProbeField
) -> Request:
    request = dialect.read(document, entry.body, where, fields)
    prompt = prompt_of(document, entry.body, dialect.turns_key, request)
    if entry.invoked is not None:
        request = sent_to(request, Address("bedrock", entry.invoked))._replace(is_record=True)
    elif _is_logged(entry.body):
        request = request._replace(is_record=True)
    if prompt is None and entry.id is None and entry.dialect is None:
        return request
    return request._replace(prompt=prompt, id=entry.id, dialect=entry.dialect or request.dialect)


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


_TURN_LISTS = ("messages", "contents", "input", "prompt", "history")


def resembles_request(value: Any) -> bool:
    """Whether a document of unknown shape has turns as requests have: objects with a role and a content."""
    if isinstance(value, dict):
        return any(_are_turns(value.get(key)) for key in _TURN_LISTS)
    return _are_turns(value)


def _are_turns(value: Any) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, dict) and "role" in item and ("content" in item or "parts" in item) for item in value
    )
