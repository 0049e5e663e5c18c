"""Sessions of Goose: a message a line, an export, and the rows of its database.

The format is that of crates/goose/src (block/goose, read 2026-11): `Message` and `MessageContent` in
conversation/message.rs (at 0513296), results of tools in conversation/tool_result_serde.rs, files with one
message a line in session/legacy.rs (at 0fc5e54; before 1.10), tables in session/session_manager.rs. What was
compacted is kept, and no longer visible to the model (`agentVisible`); what is meant for the user only is not
sent either (`audience`). None of its releases was run.
"""

from collections.abc import Iterator
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Block, Nested, Origin, Other, ProbeField, Request, ShapeFlaw
from imgbudget.requests.base import RequestCollector, kind_of
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import COMPACTED, Message, assemble
from imgbudget.slotted import dataclass, field


class GooseBlocks(RequestCollector):
    """Reads the content of messages."""

    __slots__ = ()
    flaws: list[ShapeFlaw]

    def message(self, value: dict[str, Any], keys: Keys, path: str) -> Message:
        """A message whose array of blocks is at `keys`."""
        document, role, content = self.document, value.get("role"), value.get("content")
        self.role = role if role in ("user", "assistant") else "user"
        made = Message(document.number, document.line, self.role, keys)
        location = Location(path, keys, len(keys), document.number)
        if isinstance(content, list):
            for i, item in enumerate(content):
                made.blocks += self.block(item, location._replace(keys=(*keys, i), root=len(keys) + 1), ())
        else:
            self.flaw(location, f"content is {kind_of(content)}, not an array of blocks")
        made.flaws, self.flaws = self.flaws, []
        return made

    def block(self, value: Any, location: Location, inside: tuple[str, ...]) -> Iterator[Block]:
        """One block; none if it is not for the model."""
        if not isinstance(value, dict):
            self.flaw(location, f"a content block is {kind_of(value)}, not an object")
            return
        kind = value.get("type")
        if not _is_for_the_model(value):
            return
        if kind == "text" and isinstance(value.get("text"), str):
            yield self.text(value["text"], location)
        elif kind == "image":
            data, mime = value.get("data"), value.get("mimeType")
            if isinstance(data, str):
                declared = mime if isinstance(mime, str) else None
                yield self.base64_image(data, location, inside, declared=declared)
            else:
                self.flaw(location, f"data of an image is {kind_of(data)}, not base64 text")
                yield self.image(location, Origin.UNKNOWN, inside)
        elif kind == "toolResponse":
            yield self._result(value, location)
        else:
            yield Other(location, kind if isinstance(kind, str) else "")

    def _result(self, value: dict[str, Any], location: Location) -> Nested:
        result = value.get("toolResult")
        here, found = location.at("toolResult", "value"), None
        if isinstance(result, dict):
            found = result.get("value")
            if isinstance(found, dict):
                here, found = here.at("content"), found.get("content")
        blocks = [
            block
            for number, item in enumerate(found if isinstance(found, list) else ())
            for block in self.block(item, here.at(number), ("tool_result",))
        ]
        return Nested(location, "tool_result", tuple(blocks), self.reference(value.get("id")))


def _is_for_the_model(block: dict[str, Any]) -> bool:
    notes = block.get("annotations")
    audience = notes.get("audience") if isinstance(notes, dict) else None
    return not isinstance(audience, list) or "assistant" in audience


def is_visible(metadata: Any) -> bool:
    """Whether the model still sees a message."""
    return not (isinstance(metadata, dict) and metadata.get("agentVisible") is False)


@dataclass(slots=True)
class GooseReader:
    """Collects the messages of one file, one a line or in exports; `unsent` is of exports."""

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _messages: list[Message] = field(default_factory=list)
    _made: list[Request] = field(default_factory=list)
    _reader: GooseBlocks | None = None

    def take(self, document: Document) -> bool:
        """Read the next line, or the next exported session; whether it has messages."""
        value = document.value
        if self._reader is None:
            self._reader = GooseBlocks(document, self.fields, lengths=None)
        self._reader.document = document
        if isinstance(value.get("conversation"), list):
            return self._export(document, self._reader, value)
        if "role" not in value:
            return False
        self.started = True
        message = self._message(document, self._reader, value, ("content",))
        if is_visible(value.get("metadata")):
            self._messages.append(message)
        else:
            self.forgotten[document.line] = COMPACTED
        return True

    def requests(self) -> Iterator[Request]:
        """The requests that the next turns send."""
        yield from self._made
        if self._messages and self._reader is not None:
            yield self._request(self._reader, self._messages, None, None)

    def _message(self, document: Document, reader: GooseBlocks, value: dict[str, Any], keys: Keys) -> Message:
        message = reader.message(value, keys, self.path)
        reader.images, reader.documents = [], []
        span = document.spans([keys]).get(keys)
        message.byte_size = span.end - span.start if span else 0
        return message

    def _export(self, document: Document, reader: GooseBlocks, value: dict[str, Any]) -> bool:
        messages = []
        for number, message in enumerate(value["conversation"]):
            if not isinstance(message, dict):
                continue
            if is_visible(message.get("metadata")):
                keys = ("conversation", number, "content")
                messages.append(self._message(document, reader, message, keys))
            else:
                what = Unsent("message", COMPACTED)
                self.unsent[what] = self.unsent.get(what, 0) + 1
        config = value.get("model_config")
        model = config.get("model_name") if isinstance(config, dict) else None
        if messages:
            self._made.append(self._request(reader, messages, value.get("id"), model))
        self.started |= bool(messages)
        return bool(messages)

    def _request(self, reader: GooseBlocks, messages: list[Message], session: Any, model: Any) -> Request:
        document = reader.document
        collector = RequestCollector(document, self.fields, lengths=None)
        return assemble(
            messages,
            document,
            collector,
            self.path,
            id=reader.reference(session),
            model=reader.reference(model),
        )
