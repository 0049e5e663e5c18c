"""Sessions of Claude Code, one message per line, as the request that the next turn sends.

The format is not documented. It was seen in sessions of Claude Code 1.0 to 2.1.332, and is described in
public reports: `parentUuid` makes a tree; `compact_boundary` ends the history but for a part that is kept
(`preservedSegment`, since 2.1.205 `preservedMessages`); `microcompact_boundary` clears results of tools; an
`attachment` is a file named with @ or a prompt that had to wait (claude-code#92089,
rust-code-agent-sdks#188, claude-code-types).
"""

from collections.abc import Iterable, Iterator
from sys import intern
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Block, Nested, Origin, ProbeField, Request
from imgbudget.requests.base import RequestCollector, kind_of
from imgbudget.requests.claude_requests import (
    LEFT_OUT,
    Images,
    SentRequests,
    identities,
    identity,
    leaves_oldest_out,
    without,
)
from imgbudget.requests.messages import BlockReader, answered_toolsets
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import (
    ABANDONED,
    CLEARED,
    COMPACTED,
    REPEATED,
    Branches,
    Message,
    SessionEntry,
    assemble,
)
from imgbudget.slotted import dataclass, field, replace

_API_REQUEST = "api-request"
"""The type of the lines that record a request to the API, with its parameters (Claude Code 2.1.332)."""

_SYNTHETIC = "<synthetic>"
"""The model of messages made by the program: errors, which it does not send."""

_REQUESTS = (_API_REQUEST, "api-request-blob")

_CONTENT = ("message", "content")
_ATTACHED_FILE = ("attachment", "content", "file")
_QUEUED = ("attachment", "prompt")


def _is_message(value: dict[str, Any]) -> bool:
    """Whether a line of a session is a message of the conversation, or an attachment to one."""
    if value["type"] in ("user", "assistant"):
        return isinstance(value.get("message"), dict)
    return value["type"] == "attachment" and bool(_attached(value))


def _attached(value: dict[str, Any]) -> Keys:
    """The path to what an attachment sends: an image file, or the blocks of a queued prompt; else empty."""
    attachment = value.get("attachment")
    if not isinstance(attachment, dict):
        return ()
    content = attachment.get("content")
    if isinstance(content, dict) and content.get("type") == "image" and isinstance(content.get("file"), dict):
        return _ATTACHED_FILE
    if attachment.get("type") == "queued_command" and isinstance(attachment.get("prompt"), list):
        return _QUEUED
    return ()


@dataclass(slots=True)
class _Conversation:
    """The main conversation of a session, or that of one sub-agent.

    `kept` has what each compaction keeps of what was before it, in the order of the file. `cleared` has the
    ids of the boundaries that clear results of tools, with the ids of those calls and of attachments.
    `model` is that of its beginning, of which the streaming format tells, `version` the program's.
    `is_tree`: some line names the line that it follows; else the lines follow one another.
    """

    id: str | None = None
    branches: Branches = field(default_factory=Branches)
    leaf: str | None = None
    kept: list[dict[str, Any]] = field(default_factory=list)
    cleared: dict[str, frozenset[str]] = field(default_factory=dict)
    is_tree: bool = False
    model: str | None = None
    version: str | None = None
    requests: SentRequests = field(default_factory=SentRequests)

    def path(self) -> list[SessionEntry]:
        """The entries of which the next turn sends the messages, in order."""
        if not self.is_tree:
            _chain(self.branches.entries.values())
        for segment in self.kept:
            _keep(self.branches.entries, segment)
        self.kept.clear()
        leaf = self.leaf if self.leaf in self.branches.entries else self.branches.last
        return self.branches.path(leaf)


@dataclass(slots=True)
class TranscriptReader:
    """Collects the conversations of one session file, message by message.

    Only the messages on the way to the last one are sent again, or to the one that the session was rewound
    to. `forgotten` has the lines of the others with the reason, once the requests were made. Each sub-agent
    has its own conversation.
    """

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _conversations: dict[str, _Conversation] = field(default_factory=dict)
    _agents: dict[str, str] = field(default_factory=dict)
    _reader: BlockReader | None = None
    _order: int = 0
    _had_images: bool = False
    _asked: tuple[int, str] | None = None

    def take(self, document: Document) -> bool:
        """Read the next line; whether it is a message of the conversation."""
        value = document.value
        self._note(document, value)
        adds = _is_message(value)
        self.started |= adds
        if not adds and not isinstance(value.get("uuid"), str) and not _is_boundary(value):
            return False
        agent = self._agent(value)
        conversation = self._conversations.setdefault(agent, _Conversation())
        if adds and conversation.id is None:
            session = agent or value.get("sessionId") or value.get("session_id")
            conversation.id = self._reader_of(document).reference(session)
        self._order += 1
        entry = self._entry(document, value, conversation)
        if adds and not _is_the_programs_own(value):
            entry.message = self._message(document, value)
            entry.calls, entry.answers = _tool_ids(value)
            self._keep_images(document, value, entry, conversation)
        if not conversation.branches.add(entry, is_leaf=adds or entry.ends_history):
            if entry.message:
                self.forgotten[document.line] = REPEATED
        elif adds or entry.ends_history:
            conversation.leaf = None  # the conversation went on after it was rewound
        return adds

    def _note(self, document: Document, value: dict[str, Any]) -> None:
        """Keep what a line says of its conversation: where it ends, what was sent, the model at first."""
        kind, agent = value["type"], value.get("agentId")
        if kind == "last-prompt":
            if isinstance(leaf := value.get("leafUuid"), str) and "" in self._conversations:
                self._conversations[""].leaf = leaf
        elif kind in _REQUESTS:
            if kind == _API_REQUEST:
                self._asked = self._model_asked(document, value) or self._asked
            conversation = self._conversations.get(agent if isinstance(agent, str) else "")
            if conversation is not None:
                conversation.requests.take(document, self.path)
        elif isinstance(model := _model_at_first(value), str):
            reader = self._reader_of(document)
            conversation = self._conversations.setdefault(self._agent(value), _Conversation())
            conversation.model = reader.reference(model)
            version = reader.reference(value.get("claude_code_version"))
            conversation.version = version or conversation.version

    def requests(self) -> Iterator[Request]:
        """The requests of all conversations, in order of their first message; to be called once.

        What was read is given up as it becomes part of a request: a long session takes most of the memory.
        """
        for agent, conversation in self._conversations.items():
            path = conversation.path()
            messages = list(self._sent(conversation, path))
            models = [conversation.model, *(message.model for message in messages if message.model)]
            lines = [message.line for message in messages if message.model]
            if agent == "" and self._asked and self._asked[0] > max(lines, default=0):
                models.append(self._asked[1])  # the model was changed, and has not answered yet
            if not messages or self._reader is None:
                continue
            document = self._reader.document
            conversation.branches.entries.clear()
            path.clear()
            yield assemble(
                _each_given_up(messages),
                document,
                RequestCollector(document, self.fields, lengths=None),
                self.path,
                id=conversation.id,
                model=models[-1],
            )._replace(
                keeps_newest=leaves_oldest_out(conversation.version),
                recorded=conversation.requests.edits,
            )

    def _model_asked(self, document: Document, value: dict[str, Any]) -> tuple[int, str] | None:
        """The line and the model of a record of a request to the API."""
        parameters = value.get("params")
        asked = parameters.get("model") if isinstance(parameters, dict) else None
        model = self._reader_of(document).reference(asked)
        return None if model is None else (document.line, model)

    def _sent(self, conversation: _Conversation, path: list[SessionEntry]) -> Iterator[Message]:
        """The messages of a path that are sent; the lines of all others are kept in `forgotten`."""
        sent = {entry.id for entry in path}
        cleared = frozenset[str]().union(
            *(ids for boundary, ids in conversation.cleared.items() if boundary in sent)
        )
        ends = max((entry.order for entry in path if entry.ends_history), default=0)
        for entry in conversation.branches.entries.values():
            if entry.message and entry.id not in sent:
                self.forgotten[entry.message.line] = COMPACTED if entry.order < ends else ABANDONED
        left_out = conversation.requests.left_out(path)
        for entry in path:
            message = entry.message
            if message is None:
                continue
            if entry.id in cleared:
                self.forgotten[message.line] = CLEARED
                continue
            if gone := left_out.get(entry.id):
                message = without(message, gone)
                what = Unsent("image", LEFT_OUT)
                self.unsent[what] = self.unsent.get(what, 0) + len(gone)
            yield _without_results(message, cleared) if entry.answers & cleared else message

    def _keep_images(
        self,
        document: Document,
        value: dict[str, Any],
        entry: SessionEntry,
        conversation: _Conversation,
    ) -> None:
        """Keep what tells the images of a message from others, and which request it answers."""
        if entry.message is None:
            return
        path = entry.message.content
        if path is _ATTACHED_FILE:
            data = value["attachment"]["content"]["file"].get("base64")
            images: Images = [(path, identity(document, data))] if isinstance(data, str) else []
        elif self._had_images:
            images = identities(document, value[str(path[0])].get(path[-1]), path)
        else:
            images = []
        conversation.requests.add(entry.id, images)
        if entry.message.role == "assistant":
            conversation.requests.answer(entry.id)
        version = value.get("version")
        conversation.version = self._reader_of(document).reference(version) or conversation.version

    def _entry(self, document: Document, value: dict[str, Any], conversation: _Conversation) -> SessionEntry:
        """The place of a line in the tree.

        A line that names no parent follows the line before it, as in the streaming format, and so does one
        whose parent is missing, as in files that were shortened by hand.
        """
        uuid, parent = value.get("uuid"), value.get("parentUuid")
        entries = conversation.branches.entries
        identity = uuid if isinstance(uuid, str) else f"line {document.line}"
        if identity in entries and "parentUuid" not in value:  # no tree: the id means nothing
            identity = f"line {document.line}"
        is_boundary = _is_boundary(value)
        if is_boundary:
            parent = None
            if isinstance(segment := value.get("compactMetadata"), dict):
                conversation.kept.append(segment)
        elif isinstance(parent, str) and parent in entries:
            parent = entries[parent].id  # not another string of the same id
            conversation.is_tree = True
        elif "parentUuid" not in value or isinstance(parent, str):
            parent = next(reversed(entries), None)
        if value.get("subtype") == "microcompact_boundary":
            conversation.cleared[identity] = _cleared(value.get("microcompactMetadata"))
        message = value.get("message")
        group = message.get("id") if value["type"] == "assistant" and isinstance(message, dict) else None
        return SessionEntry(
            id=identity,
            parent=parent if isinstance(parent, str) else None,
            order=self._order,
            group=group if isinstance(group, str) else None,
            ends_history=is_boundary,
        )

    def _message(self, document: Document, value: dict[str, Any]) -> Message:
        reader = self._reader_of(document)
        role = intern("user" if value["type"] == "attachment" else value["type"])
        reader.role = role
        content = _attached(value) or _CONTENT
        message = Message(document.number, document.line, role, content)
        if content is _ATTACHED_FILE:
            location = Location(self.path, content, len(content), document.number)
            message.blocks.append(_image_file(reader, value["attachment"]["content"]["file"], location))
        else:
            self._read(reader, message, value)
        message.flaws, self._had_images = reader.flaws, bool(reader.images)
        reader.images, reader.documents, reader.flaws = [], [], []
        model = value["message"].get("model") if role == "assistant" else None
        named = reader.reference(model)
        message.model = intern(named) if named else named
        span_of = content if content is not _ATTACHED_FILE else (*content, "base64")
        if span := document.spans([span_of]).get(span_of):
            message.byte_size = span.end - span.start
        return message

    def _read(self, reader: BlockReader, message: Message, value: dict[str, Any]) -> None:
        """Read the blocks of a message, or of a queued prompt."""
        holder = value["attachment"] if message.content is _QUEUED else value["message"]
        content, depth = holder.get(message.content[-1]), len(message.content)
        location = Location(self.path, message.content, depth, message.document)
        if isinstance(content, str):
            message.blocks.append(reader.text(content, location))
        elif isinstance(content, list):
            if found := answered_toolsets({"messages": [holder]}):
                reader.toolsets = {**(reader.toolsets or {}), **found}
            for i, item in enumerate(content):
                here = location._replace(keys=(*message.content, i), root=depth + 1)
                message.blocks.append(reader.block(item, here, ()))
        else:
            reader.flaw(
                location._replace(keys=message.content[:-1], root=depth - 1),
                f"content is {kind_of(content)}, not a string or an array of blocks",
            )

    def _reader_of(self, document: Document) -> BlockReader:
        if self._reader is None:
            # the lengths of later images are not known yet
            self._reader = BlockReader(document, self.fields, lengths=None, toolsets={})
        self._reader.document = document
        return self._reader

    def _agent(self, value: dict[str, Any]) -> str:
        """The sub-agent of a line; empty for the main conversation.

        If a line does not name one, it is that of its parent; a line without a parent starts a new one.
        """
        if value.get("isSidechain") is not True and not value.get("parent_tool_use_id"):
            return ""
        uuid, parent = value.get("uuid"), value.get("parentUuid")
        agent_id = value.get("agentId") or value.get("parent_tool_use_id")
        inherited = self._agents.get(parent) if isinstance(parent, str) else None
        agent = (
            agent_id
            if isinstance(agent_id, str)
            else inherited or (uuid if isinstance(uuid, str) else "sidechain")
        )
        if isinstance(uuid, str):
            self._agents[uuid] = agent
        return agent


def _model_at_first(value: dict[str, Any]) -> Any:
    """The model that a line names before any answer: in the streaming format, or in an attachment."""
    if value["type"] == "system" and value.get("subtype") == "init":
        return value.get("model")
    attachment = value.get("attachment")
    if value["type"] == "attachment" and isinstance(attachment, dict) and attachment.get("type") == "model":
        named = attachment.get("identity")
        return named.get("modelId") if isinstance(named, dict) else None
    return None


def _is_boundary(value: dict[str, Any]) -> bool:
    """Whether a line is that of a compaction, before which nothing is sent but what it keeps."""
    return value["type"] == "system" and value.get("subtype") == "compact_boundary"


def _is_the_programs_own(value: dict[str, Any]) -> bool:
    message = value.get("message")
    return value.get("isApiErrorMessage") is True or (
        isinstance(message, dict) and message.get("model") == _SYNTHETIC
    )


def _cleared(metadata: Any) -> frozenset[str]:
    """The ids of calls whose results are cleared, and of cleared attachments."""
    if not isinstance(metadata, dict):
        return frozenset()
    lists = (metadata.get("compactedToolIds"), metadata.get("clearedAttachmentUUIDs"))
    return frozenset(item for ids in lists if isinstance(ids, list) for item in ids if isinstance(item, str))


def _each_given_up(messages: list[Message]) -> Iterator[Message]:
    """The messages, in order, each of which leaves the list."""
    messages.reverse()
    while messages:
        yield messages.pop()


_NO_IDS: frozenset[str] = frozenset()


def _tool_ids(value: dict[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """The ids of the calls in a message, and of those that it answers."""
    message = value.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    calls: list[str] = []
    answers: list[str] = []
    for block in content if isinstance(content, list) else ():
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "tool_use" and isinstance(identity := block.get("id"), str):
            calls.append(identity)
        elif kind == "tool_result" and isinstance(identity := block.get("tool_use_id"), str):
            answers.append(identity)
    # most lines have none, and each empty set would take 200 bytes
    return frozenset(calls) if calls else _NO_IDS, frozenset(answers) if answers else _NO_IDS


def _chain(entries: Iterable[SessionEntry]) -> None:
    """Let each line follow the one before it, but for the beginning and what follows a compaction."""
    before: str | None = None
    for entry in entries:
        if not entry.ends_history:
            entry.parent = before
        before = entry.id


def _keep(entries: dict[str, SessionEntry], metadata: dict[str, Any]) -> None:
    """Put the messages that a compaction keeps between its summary and what follows that."""
    messages, segment = metadata.get("preservedMessages"), metadata.get("preservedSegment")
    if isinstance(messages, dict):
        anchor, uuids = messages.get("anchorUuid"), messages.get("uuids")
        named = uuids if isinstance(uuids, list) else ()
        kept = [uuid for uuid in named if isinstance(uuid, str) and uuid in entries]
    elif isinstance(segment, dict):
        anchor = segment.get("anchorUuid")
        kept = _between(entries, segment.get("headUuid"), segment.get("tailUuid"))
    else:
        return
    if not kept or not isinstance(anchor, str) or anchor not in entries or anchor in kept:
        return
    for entry in entries.values():
        if entry.parent == anchor:
            entry.parent = kept[-1]
    for uuid, parent in zip(kept, [anchor, *kept], strict=False):
        entries[uuid].parent = parent


def _between(entries: dict[str, SessionEntry], head: Any, tail: Any) -> list[str]:
    """The ids from `head` to `tail`; empty if the one does not lead to the other."""
    found: list[str] = []
    visited: set[str] = set()
    while isinstance(tail, str) and tail in entries and tail not in visited:
        visited.add(tail)
        found.append(tail)
        if tail == head:
            return found[::-1]
        tail = entries[tail].parent
    return []


def _without_results(message: Message, cleared: frozenset[str]) -> Message:
    """The message without the content of cleared results."""
    gone = {
        block.location.keys
        for block in message.blocks
        if isinstance(block, Nested) and block.reference in cleared
    }
    blocks = [
        block._replace(blocks=()) if isinstance(block, Nested) and block.location.keys in gone else block
        for block in message.blocks
    ]
    depth = len(message.content) + 1
    flaws = [flaw for flaw in message.flaws if (flaw.location.keys or ())[:depth] not in gone]
    return replace(message, blocks=blocks, flaws=flaws)


def _image_file(reader: BlockReader, file: dict[str, Any], location: Location) -> Block:
    """The image of a file that was named with @."""
    data, declared = file.get("base64"), file.get("type")
    if not isinstance(data, str):
        reader.flaw(location, f"base64 of an attached image is {kind_of(data)}, not a string")
        return reader.image(location, Origin.BASE64, ())
    return reader.base64_image(data, location, (), declared=declared if isinstance(declared, str) else None)
