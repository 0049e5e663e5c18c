"""Sessions of pi, one entry per line, as the request that the next turn sends.

Seen in the sources of @mariozechner/pi-coding-agent 0.73.1 (core/session-manager, core/messages) and
@mariozechner/pi-ai 0.73.1 (providers/transform-messages), and in sessions that it wrote:
`~/.pi/agent/sessions/--CWD--/*.jsonl`. Entries form a tree by `parentId`, whose live leaf is the last entry;
those of version 1 have no ids and follow one another. After a `compaction` its summary is sent, then the
entries from `firstKeptEntryId` on.
"""

from collections.abc import Iterator
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Block, Nested, Origin, Other, ProbeField, Request
from imgbudget.requests.base import MOST_BLOCKS, RequestCollector, kind_of
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import (
    ABANDONED,
    COMPACTED,
    REPLACED,
    Branches,
    Message,
    SessionEntry,
    assemble,
)
from imgbudget.slotted import dataclass, field

_USERS = ("user", "toolResult", "custom", "hookMessage")
_FAILED = ("error", "aborted")
"""Why an answer stopped that is not sent again."""


@dataclass(slots=True)
class PiSessionReader:
    """Collects the entries of one session file."""

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _branches: Branches = field(default_factory=Branches)
    _models: dict[str, str] = field(default_factory=dict)
    _kept: dict[str, str | int | None] = field(default_factory=dict)
    _ids: list[str] = field(default_factory=list)
    _gone: dict[int, str] = field(default_factory=dict)
    _reader: RequestCollector | None = None
    _id: str | None = None

    def take(self, document: Document) -> bool:
        """Read the next entry."""
        value = document.value
        reader = self._reader_of(document)
        kind, identity, parent = value["type"], value.get("id"), value.get("parentId")
        message = value.get("message")
        self.started |= kind == "session" or (isinstance(message, dict) and "role" in message)
        if kind == "session":
            self._id = reader.reference(identity)
            self._ids.append("")
            return True
        if not isinstance(identity, str):
            identity, parent = f"line {document.line}", self._branches.last
        self._ids.append(identity)
        compacts = kind == "compaction"
        entry = SessionEntry(
            identity, parent if isinstance(parent, str) else None, document.line, ends_history=compacts
        )
        if content := _content_of(value):
            entry.message = self._message(document, content, value)
        before = self._branches.entries.get(identity)
        if before and before.message:
            self._gone[before.message.line] = REPLACED
        self._branches.entries[identity] = entry
        self._branches.last = identity
        if compacts:
            first = value.get("firstKeptEntryId", value.get("firstKeptEntryIndex"))
            self._kept[identity] = first if isinstance(first, str | int) else None
        if model := reader.reference(_model_of(value)):
            self._models[identity] = model
        return self.started

    def requests(self) -> Iterator[Request]:
        """The request of the session."""
        path = self._branches.path(self._branches.last)
        sent = list(self._sent(path))
        live = {entry.id for entry in sent}
        before = {entry.id for entry in path}
        self.forgotten = dict(self._gone)
        for entry in self._branches.entries.values():
            if entry.message and entry.id not in live:
                self.forgotten[entry.message.line] = COMPACTED if entry.id in before else ABANDONED
        messages = [entry.message for entry in sent if entry.message]
        models = [model for entry in path if (model := self._models.get(entry.id))]
        if messages and self._reader:
            document = self._reader.document
            yield assemble(
                messages,
                document,
                RequestCollector(document, self.fields, lengths=None),
                self.path,
                id=self._id,
                model=models[-1] if models else None,
            )

    def _sent(self, path: list[SessionEntry]) -> Iterator[SessionEntry]:
        """The entries of the path that are sent: all, or what the last compaction keeps and what follows."""
        last = max((i for i, entry in enumerate(path) if entry.ends_history), default=None)
        if last is None:
            yield from path
            return
        first = self._kept.get(path[last].id)
        if isinstance(first, int):
            first = self._ids[first] if 0 <= first < len(self._ids) else None
        start = next((i for i, entry in enumerate(path[:last]) if entry.id == first), last)
        yield from path[start:last]
        yield from path[last + 1 :]

    def _message(self, document: Document, content: Keys, value: dict[str, Any]) -> Message:
        reader = self._reader_of(document)
        holder = value if len(content) == 1 else value["message"]
        answers = holder.get("role") == "toolResult"
        role = "assistant" if holder.get("role") == "assistant" else "user"
        reader.role = role
        message = Message(document.number, document.line, role, content)
        location = Location(self.path, content, len(content), document.number)
        blocks = self._blocks(reader, holder.get("content"), location, answers=answers)
        if answers:
            around = location._replace(keys=content[:-1], root=len(content) - 1)
            message.blocks = [Nested(around, "tool_result", tuple(blocks), None)]
        else:
            message.blocks = blocks
        message.flaws = reader.flaws
        reader.images, reader.documents, reader.flaws = [], [], []
        if span := document.spans([content]).get(content):
            message.byte_size = span.end - span.start
        return message

    def _blocks(
        self, reader: RequestCollector, value: Any, location: Location, *, answers: bool
    ) -> list[Block]:
        if isinstance(value, str):
            return [reader.text(value, location)]
        if not isinstance(value, list):
            reader.flaw(location, f"content is {kind_of(value)}, not a string or an array of blocks")
            return []
        root = location.root - 1 if answers else location.root + 1
        return [
            _block(reader, item, location.at(i)._replace(root=root), ("tool_result",) if answers else ())
            for i, item in enumerate(reader.within_blocks(value, location, "content"))
        ]

    def _reader_of(self, document: Document) -> RequestCollector:
        if self._reader is None:
            # the lengths of later images are not known yet
            self._reader = RequestCollector(document, self.fields, lengths=None)
        self._reader.document, self._reader.blocks_left = document, MOST_BLOCKS
        return self._reader


def _content_of(value: dict[str, Any]) -> Keys:
    """The path to the content of an entry that is sent; empty if it is not sent, or is only a text."""
    if value["type"] == "custom_message":
        return ("content",)
    message = value.get("message")
    if value["type"] != "message" or not isinstance(message, dict):
        return ()
    role = message.get("role")
    if role == "assistant":
        return () if message.get("stopReason") in _FAILED else ("message", "content")
    return ("message", "content") if role in _USERS else ()


def _model_of(value: dict[str, Any]) -> Any:
    """The model from an entry on; None if it names none."""
    message = value.get("message")
    if value["type"] == "model_change":
        return value.get("modelId")
    if isinstance(message, dict) and message.get("role") == "assistant":
        return message.get("model")
    return None


def _block(reader: RequestCollector, value: Any, location: Location, inside: tuple[str, ...]) -> Block:
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str):
        return Other(location, kind_of(value))
    if kind == "text" and isinstance(text := value.get("text"), str):
        return reader.text(text, location)
    if kind != "image":
        return Other(location, kind)
    data, declared = value.get("data"), value.get("mimeType")
    declared = declared if isinstance(declared, str) else None
    if not isinstance(data, str):
        reader.flaw(location, f"data of an image is {kind_of(data)}, not base64 text")
        return reader.image(location, Origin.BASE64, inside, declared=declared)
    return reader.base64_image(data, location, inside, declared=declared)
