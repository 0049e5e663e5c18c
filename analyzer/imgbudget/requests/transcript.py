"""Sessions of Claude Code, one message per line, as the request that the next turn sends."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Location
from imgbudget.model.subjects import Block, ProbeField, Request, Turn
from imgbudget.requests.base import RequestBody, kind_of
from imgbudget.requests.messages import BlockReader, answered_toolsets

_SESSION_KEYS = ("uuid", "sessionId", "session_id", "parentUuid", "leafUuid", "messageId")
"""Keys of which each line of a session has at least one; `session_id` is from the streaming format."""

_SYNTHETIC = "<synthetic>"
"""The model of messages made by the program: errors, which it does not send."""


def is_message(value: Any) -> bool:
    """Whether a line is a message of the conversation."""
    return (
        is_session_line(value)
        and value["type"] in ("user", "assistant")
        and isinstance(value.get("message"), dict)
    )


def is_session_line(value: Any) -> bool:
    """Whether a value may be a line of a session: a message, a summary, a snapshot of files, ..."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("type"), str)
        and any(mark in value for mark in _SESSION_KEYS)
        and "messages" not in value
    )


@dataclass(slots=True)
class _Turn:
    """Consecutive messages of one role, which are sent as one."""

    location: Location
    role: str
    blocks: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class _Conversation:
    """The main conversation of a session, or that of one sub-agent."""

    reader: BlockReader
    location: Location
    line: int
    id: str | None
    model: str | None = None
    byte_size: int = 0
    turns: list[_Turn] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def turn(self, role: str, location: Location) -> _Turn:
        """The turn for the next message, of that role; `location` is that of the message."""
        if not self.turns or self.turns[-1].role != role:
            location = location._replace(prefix=("messages", len(self.turns)))
            self.turns.append(_Turn(location, role))
        return self.turns[-1]

    def request(self) -> Request:
        """The request of the next turn, without system prompt and tools, which sessions do not contain."""
        turns = (Turn(turn.location, turn.role, tuple(turn.blocks)) for turn in self.turns)
        where = RequestBody(self.location, self.line, self.byte_size)
        return self.reader.request(where, "transcript", turns, model=self.model)._replace(id=self.id)


@dataclass(slots=True)
class TranscriptReader:
    """Collects the conversations of one session file, message by message.

    All user and assistant messages count, in order. Those before the last compaction are not sent again;
    `forgotten` has their lines. Each sub-agent has its own conversation.
    """

    path: str
    fields: ProbeField
    forgotten: list[int] = field(default_factory=list)
    _conversations: dict[str, _Conversation] = field(default_factory=dict)
    _agents: dict[str, str] = field(default_factory=dict)

    @property
    def started(self) -> bool:
        """Whether a message was read."""
        return bool(self._conversations or self.forgotten)

    def take(self, document: Document) -> None:
        """Read the next line."""
        value = document.value
        if value["type"] == "system" and value.get("subtype") == "compact_boundary":
            if conversation := self._conversations.pop(self._agent(value), None):
                self.forgotten.extend(conversation.lines)
        elif is_message(value):
            self._take(document, value, value["message"])

    def requests(self) -> Iterator[Request]:
        """The requests of all conversations, in order of their first message."""
        for conversation in self._conversations.values():
            yield conversation.request()

    def _take(self, document: Document, value: dict[str, Any], message: dict[str, Any]) -> None:
        model = message.get("model")
        if value.get("isApiErrorMessage") is True or model == _SYNTHETIC:
            return
        agent = self._agent(value)
        conversation = self._conversations.get(agent)
        if conversation is None:
            # the lengths of later images are not known yet
            reader = BlockReader(document, self.fields, lengths=None)
            location = Location(self.path, (), 0, document.number)
            session = agent or value.get("sessionId") or value.get("session_id")
            conversation = _Conversation(reader, location, document.line, reader.reference(session))
            self._conversations[agent] = conversation
        reader = conversation.reader
        reader.document = document
        conversation.lines.append(document.line)
        role = value["type"]
        if role == "assistant" and isinstance(model, str):
            conversation.model = reader.reference(model)
        _read(conversation, document, role, message)

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


def _read(conversation: _Conversation, document: Document, role: str, message: dict[str, Any]) -> None:
    reader, content = conversation.reader, message.get("content")
    location = Location(conversation.location.path, ("message",), 1, document.number)
    turn = conversation.turn(role, location)
    prefix = turn.location.prefix
    reader.role, reader.turn = role, len(conversation.turns) - 1
    route = ("message", "content")
    if isinstance(content, str):
        turn.blocks.append(
            reader.text(content, location._replace(keys=route, root=2, prefix=(*prefix, "content")))
        )
    elif isinstance(content, list):
        reader.toolsets = {**(reader.toolsets or {}), **answered_toolsets({"messages": [message]})}
        for i, item in enumerate(content):
            here = (*prefix, "content", len(turn.blocks))
            turn.blocks.append(
                reader.block(item, location._replace(keys=(*route, i), root=3, prefix=here), ())
            )
    else:
        reader.flaw(
            location._replace(prefix=prefix),
            f"content is {kind_of(content)}, not a string or an array of blocks",
        )
    if span := document.spans([route]).get(route):
        conversation.byte_size += span.end - span.start
