"""Sessions of Qwen Code, one record per line, as the request that the next turn sends.

Seen in the bundle of @qwen-code/qwen-code 0.24.4 (chatRecordingService, session-api-history,
transcript-records), and in sessions that it wrote: `~/.qwen/projects/CWD/chats/ID.jsonl`. Records form a tree
by `parentUuid`, whose live leaf is the last record; those of the same id are parts of one. A record
`chat_compression` has the whole history as it is sent from there on.
"""

from collections.abc import Iterator
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.subjects import ProbeField, Request
from imgbudget.requests.gemini import ROLES
from imgbudget.requests.gemini_sessions import ContentReader, PartsAt
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import ABANDONED, COMPACTED, Branches, Message, SessionEntry
from imgbudget.slotted import dataclass, field

_COMPRESSED = ("systemPayload", "compressedHistory")
_BESIDE = ("session_artifact", "managed_session", "session_sources_snapshot")
"""Beginnings of the subtypes of records that are not in the tree."""


@dataclass(slots=True)
class QwenSessionReader:
    """Collects the records of one session file."""

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _contents: ContentReader = field(init=False)
    _branches: Branches = field(default_factory=Branches)
    _added: dict[str, list[Message]] = field(default_factory=dict)
    _models: dict[str, str] = field(default_factory=dict)
    _id: str | None = None
    _order: int = 0

    def __post_init__(self) -> None:
        """Begin without a record; the base64 goes into data URIs, which take one alphabet only."""
        self._contents = ContentReader(self.path, self.fields, url_safe=False)

    def take(self, document: Document) -> bool:
        """Read the next record."""
        value = document.value
        self.started = True
        subtype = value.get("subtype")
        if isinstance(subtype, str) and subtype.startswith(_BESIDE):
            return True
        self._order += 1
        identity, parent = value["uuid"], value.get("parentUuid")
        is_new = self._branches.add(
            SessionEntry(
                identity,
                parent if isinstance(parent, str) else None,
                self._order,
                ends_history=_compressed(value) is not None,
            ),
            is_leaf=True,
        )
        if not is_new:
            self._branches.last = identity
        contents = list(_contents_of(value))
        self._contents.of(document)
        self._id = self._id or self._contents.reference(value.get("sessionId"))
        if contents:
            self._added.setdefault(identity, []).extend(self._contents.messages(document, contents))
        if value["type"] == "assistant" and (model := self._contents.reference(value.get("model"))):
            self._models[identity] = model
        return True

    def requests(self) -> Iterator[Request]:
        """The request of the session."""
        path = self._branches.path(self._branches.last)
        start = max((i for i, entry in enumerate(path) if entry.ends_history), default=0)
        live = {entry.id for entry in path[start:]}
        before = {entry.id for entry in path[:start]}
        sent = [message for entry in path[start:] for message in self._added.get(entry.id, ())]
        for identity, messages in self._added.items():
            if identity not in live:
                why = COMPACTED if identity in before else ABANDONED
                self.forgotten.update((message.line, why) for message in messages)
        models = [model for entry in path if (model := self._models.get(entry.id))]
        yield from self._contents.request(
            sent, session=self._id, model=models[-1] if models else None, platform=None
        )


def _compressed(value: dict[str, Any]) -> list[Any] | None:
    """The history that replaces what was before, if the record is that of a compression."""
    payload = value.get("systemPayload")
    if value["type"] != "system" or value.get("subtype") != "chat_compression":
        return None
    history = payload.get("compressedHistory") if isinstance(payload, dict) else None
    return history if isinstance(history, list) else None


def _contents_of(value: dict[str, Any]) -> Iterator[PartsAt]:
    """What a record adds to the conversation."""
    for i, content in enumerate(_compressed(value) or ()):
        if isinstance(content, dict):
            yield PartsAt((*_COMPRESSED, i, "parts"), _role(content), content.get("parts"))
    message = value.get("message")
    if value["type"] != "system" and isinstance(message, dict) and value.get("subtype") != "realtime_message":
        yield PartsAt(("message", "parts"), _role(message), message.get("parts"))


def _role(content: dict[str, Any]) -> str:
    role = content.get("role")
    return ROLES.get(role, role) if isinstance(role, str) else "user"
