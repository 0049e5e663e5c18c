"""Sessions of Gemini CLI as the request that the next turn sends, and its checkpoints.

Seen in the sources of @google/gemini-cli-core 0.61.0 (services/chatRecordingService, utils/sessionUtils,
utils/checkpointUtils, core/logger), and in sessions that it wrote:
`~/.gemini/tmp/PROJECT/chats/session-*.jsonl`. A session is a header, then rows of messages. A later row of
the same id replaces the earlier one, `$rewindTo` removes a message and all after it, `$set` of `messages`
replaces all. Earlier releases wrote one JSON object with `messages`. A checkpoint is a list of contents, or
an object with it as its `history` (`/chat save`) or `clientHistory` (`/restore`).

The result of a tool is in `toolCalls` of the call, and in the next message of the user; it is sent once.
After the session was resumed (0.61.0) two messages have it, and both are sent. Until then an image in a call
whose result the next message has is not checked, nor changed by fixes, which is a note.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Block, ImageUse, Nested, ProbeField, Request
from imgbudget.requests.base import MOST_BLOCKS, RequestCollector, kind_of
from imgbudget.requests.gemini import ROLES, GeminiParts
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import ABANDONED, CLEARED, REPLACED, Message, assemble
from imgbudget.slotted import dataclass, field

PLATFORM = "gemini"
_COPIED = Unsent(
    "copied image",
    "in toolCalls; Gemini CLI may send it if the session is resumed, and fixes leave it as it is",
)
NAMES = ("contents", "parts")
"""The keys of turns and blocks in the request."""


class PartsAt(NamedTuple):
    """A list of parts in a line: its path, the role that sends it, and the value."""

    path: Keys
    role: str
    value: Any


@dataclass(slots=True)
class ContentReader:
    """Reads lists of parts out of the lines of a session as messages, in Gemini's shape."""

    path: str
    fields: ProbeField
    url_safe: bool = True
    reader: GeminiParts | None = None

    def messages(self, document: Document, contents: Iterable[PartsAt]) -> list[Message]:
        """The messages, in order."""
        contents = list(contents)
        spans = document.spans(content.path for content in contents)
        made = []
        for content in contents:
            message = self._message(document, content)
            if span := spans.get(content.path):
                message.byte_size = span.end - span.start
            made.append(message)
        return made

    def reference(self, value: Any) -> str | None:
        """An id in the line that was read last, or the name of a model."""
        return self.reader.reference(value) if self.reader else None

    def of(self, document: Document) -> GeminiParts:
        """The reader of the parts of a line."""
        if self.reader is None:
            # the lengths of later images are not known yet
            self.reader = GeminiParts(document, self.fields, lengths=None, url_safe=self.url_safe)
        self.reader.document, self.reader.blocks_left = document, MOST_BLOCKS
        return self.reader

    def request(
        self, messages: Iterable[Message], *, session: str | None, model: str | None, platform: str | None
    ) -> Iterator[Request]:
        """The request that these messages make; none if there are none."""
        messages = list(messages)
        if messages and self.reader:
            document = self.reader.document
            collector = RequestCollector(document, self.fields, lengths=None)
            yield assemble(
                messages,
                document,
                collector,
                self.path,
                id=session,
                model=model,
                platform=platform,
                names=NAMES,
            )

    def _message(self, document: Document, content: PartsAt) -> Message:
        reader, value, depth = self.of(document), content.value, len(content.path)
        reader.role = content.role
        message = Message(document.number, document.line, content.role, content.path)
        location = Location(self.path, content.path, depth, document.number)
        if isinstance(value, str):
            message.blocks.append(reader.text(value, location))
        elif isinstance(value, dict):
            message.blocks.append(reader.part(value, location))
        elif isinstance(value, list):
            for i, item in enumerate(reader.within_blocks(value, location, "parts")):
                here = location._replace(keys=(*content.path, i), root=depth + 1)
                message.blocks.append(
                    reader.text(item, here) if isinstance(item, str) else reader.part(item, here)
                )
        elif value is not None:
            reader.flaw(location, f"content is {kind_of(value)}, not a string or an array of parts")
        message.flaws = reader.flaws
        reader.images, reader.documents, reader.flaws = [], [], []
        return message


class _Row(NamedTuple):
    """A message of a session as its last row has it.

    `results` are the results of tools by the id of the call, `answers` the calls that it answers itself.
    """

    line: int
    message: Message | None
    results: tuple[tuple[str, Message], ...]
    answers: frozenset[str]
    model: str | None


@dataclass(slots=True)
class GeminiSessionReader:
    """Collects the messages of one session file, row by row."""

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _contents: ContentReader = field(init=False)
    _rows: dict[str, _Row] = field(default_factory=dict)
    _gone: list[tuple[int, str]] = field(default_factory=list)
    _id: str | None = None

    def __post_init__(self) -> None:
        """Begin without a message."""
        self._contents = ContentReader(self.path, self.fields)

    def take(self, document: Document) -> bool:
        """Read the next row, or the whole session if it is one JSON object."""
        value = document.value
        self.started |= _is_evidence(value)
        if isinstance(identity := value.get("$rewindTo"), str):
            self._rewind(identity)
        elif isinstance(value.get("id"), str):
            self._add(document, [((), value)])
        elif isinstance(changed := value.get("$set"), dict):
            if isinstance(messages := changed.get("messages"), list):
                self._replace_all(document, ("$set", "messages"), messages)
        else:
            self._contents.of(document)
            self._id = self._contents.reference(value.get("sessionId"))
            if isinstance(messages := value.get("messages"), list):
                self._replace_all(document, ("messages",), messages)
        return self.started

    def requests(self) -> Iterator[Request]:
        """The request of the session."""
        rows = self._rows.values()
        answered = frozenset[str]().union(*(row.answers for row in rows))
        models = [row.model for row in rows if row.model]
        live = {row.line for row in rows}
        for line, why in self._gone:
            if line not in live:
                self.forgotten[line] = why
            else:  # other messages of the line are sent
                what = Unsent("message", why)
                self.unsent[what] = self.unsent.get(what, 0) + 1
        copied = sum(
            _images_in(message.blocks) for row in rows for call, message in row.results if call in answered
        )
        if copied:
            self.unsent[_COPIED] = copied
        yield from self._contents.request(
            (message for row in rows for message in _sent(row, answered)),
            session=self._id,
            model=models[-1] if models else None,
            platform=PLATFORM,
        )

    def _rewind(self, identity: str) -> None:
        """Take out the message of that id and all after it; everything if there is none."""
        last = None
        while self._rows and last != identity:
            last, row = self._rows.popitem()
            self._gone.append((row.line, ABANDONED))

    def _replace_all(self, document: Document, path: Keys, messages: list[Any]) -> None:
        found = [((*path, i), item) for i, item in enumerate(messages) if isinstance(item, dict)]
        kept = {item.get("id") for _, item in found if isinstance(item.get("id"), str)}
        self._gone += [
            (row.line, REPLACED if identity in kept else CLEARED) for identity, row in self._rows.items()
        ]
        self._rows.clear()
        self._add(document, found)

    def _add(self, document: Document, messages: Iterable[tuple[Keys, dict[str, Any]]]) -> None:
        """Add messages, each of which replaces an earlier one of its id."""
        rows = [(path, item, list(_contents_of(path, item))) for path, item in messages]
        made = iter(
            self._contents.messages(document, (content for *_, found in rows for _, content in found))
        )
        for path, item, found in rows:
            read = [(call, next(made)) for call, _ in found]
            model = item.get("model") if item.get("type") == "gemini" else None
            row = _Row(
                document.line,
                next((message for call, message in read if call is None), None),
                tuple((call, message) for call, message in read if call is not None),
                _answers(item),
                self._contents.reference(model),
            )
            identity = item["id"] if isinstance(item.get("id"), str) else f"{document.line} {path}"
            if before := self._rows.get(identity):
                self._gone.append((before.line, REPLACED))
            self._rows[identity] = row


def _is_evidence(value: dict[str, Any]) -> bool:
    """Whether a row is of a session for sure: logs and updates of databases can look like others."""
    if "$rewindTo" in value:
        return False
    changed = value.get("$set")
    holder = changed if isinstance(changed, dict) else value
    if isinstance(messages := holder.get("messages"), list):
        return any(isinstance(message, dict) and _is_evidence(message) for message in messages)
    if value.get("type") == "gemini" or "projectHash" in value:
        return True
    content = value.get("content")
    return isinstance(content, list) and any(
        isinstance(part, dict) and ("text" in part or "inlineData" in part) for part in content
    )


def _sent(row: _Row, answered: frozenset[str]) -> Iterator[Message]:
    """The messages of a row, with those results of tools that no message of the user has."""
    if row.message:
        yield row.message
    for call, message in row.results:
        if call not in answered:
            yield message


def _images_in(blocks: Iterable[Block]) -> int:
    return sum(
        _images_in(block.blocks) if isinstance(block, Nested) else isinstance(block, ImageUse)
        for block in blocks
    )


def _contents_of(path: Keys, item: dict[str, Any]) -> Iterator[tuple[str | None, PartsAt]]:
    """What a message adds: its content, and the results of its tools with the ids of their calls."""
    kind = item.get("type")
    if kind not in ("user", "gemini"):  # notices of the program, which it does not send
        return
    role = "user" if kind == "user" else "assistant"
    yield None, PartsAt((*path, "content"), role, item.get("content"))
    calls = item.get("toolCalls")
    for i, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict) and call.get("result"):
            identity = call.get("id")
            key = identity if isinstance(identity, str) else f"call {i}"
            yield key, PartsAt((*path, "toolCalls", i, "result"), "user", call["result"])


def _answers(item: dict[str, Any]) -> frozenset[str]:
    """The ids of the calls whose results are in the content of a message."""
    content = item.get("content")
    found = []
    for part in content if isinstance(content, list) and item.get("type") == "user" else ():
        answer = part.get("functionResponse") if isinstance(part, dict) else None
        if isinstance(answer, dict) and isinstance(identity := answer.get("id"), str):
            found.append(identity)
    return frozenset(found)


@dataclass(slots=True)
class GeminiCheckpointReader:
    """Reads checkpoints: each is a separate conversation."""

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _contents: ContentReader = field(init=False)
    _found: list[list[Message]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin without a message."""
        self._contents = ContentReader(self.path, self.fields)

    def take(self, document: Document) -> bool:
        """Read a checkpoint."""
        self.started = True
        value = document.value
        path: Keys = ()
        listed = value
        if isinstance(value, dict):
            # before a tool changes files the program keeps both what it shows and what it sends
            path = ("clientHistory",) if value.get("clientHistory") else ("history",)
            listed = value[path[0]]
        found = []
        for i, item in enumerate(listed):
            if isinstance(item, dict):
                role = item.get("role")
                role = ROLES.get(role, role) if isinstance(role, str) else "user"
                found.append(PartsAt((*path, i, "parts"), role, item.get("parts")))
        self._found.append(self._contents.messages(document, found))
        return True

    def requests(self) -> Iterator[Request]:
        """The request of each checkpoint."""
        for messages in self._found:
            yield from self._contents.request(messages, session=None, model=None, platform=PLATFORM)
