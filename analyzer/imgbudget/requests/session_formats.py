"""The formats of agents' sessions by their signatures; the reader of each is loaded when needed."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from imgbudget.jsontext.document import Document
from imgbudget.model.subjects import ProbeField, Request


class SessionReader(Protocol):
    """Collects the messages of one session file, document by document.

    `forgotten` has the lines whose messages are not sent again, with the reason, once the requests were made.
    `started` is whether a message was read.
    """

    forgotten: dict[int, str]
    started: bool

    def __init__(self, path: str, fields: ProbeField) -> None:
        """Begin with a file."""

    def take(self, document: Document) -> bool:
        """Read the next document; whether it is a message of the conversation."""

    def requests(self) -> Iterator[Request]:
        """The requests that the next turns of all its conversations send."""


class SessionFormat(NamedTuple):
    """One format: `recognises` tests a line, or the whole value of a JSON file.

    `reader` is the module below `imgbudget.requests` and the name of its `SessionReader`.
    """

    name: str
    recognises: Callable[[Any], bool]
    reader: tuple[str, str]

    def open(self, path: str, fields: ProbeField) -> SessionReader:
        """The reader of a file."""
        module, name = self.reader
        made: SessionReader = getattr(import_module(f"imgbudget.requests.{module}"), name)(path, fields)
        return made


_CLAUDE_KEYS = ("uuid", "sessionId", "session_id", "parentUuid", "leafUuid", "messageId")
"""Keys of which each line of a session has at least one; `session_id` is from the streaming format."""


_CODEX_LINES = (
    *("session_meta", "response_item", "event_msg", "turn_context", "compacted", "world_state"),
    *("inter_agent_communication", "inter_agent_communication_metadata", "rollout_reference"),
)
"""Types of lines of Codex CLI (`RolloutItem`)."""


def is_claude_code(value: Any) -> bool:
    """Whether a value may be a line of Claude Code: a message, a summary, a snapshot of files, ..."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("type"), str)
        and any(mark in value for mark in _CLAUDE_KEYS)
        and "messages" not in value
    )


def is_codex(value: Any) -> bool:
    """Whether a value may be a line of Codex CLI: an item, an event, the settings of a turn, ..."""
    return (
        isinstance(value, dict)
        and value.get("type") in _CODEX_LINES
        and isinstance(value.get("payload"), dict)
    )


SESSION_FORMATS: tuple[SessionFormat, ...] = (
    SessionFormat("claude-code", is_claude_code, ("transcript", "TranscriptReader")),
    SessionFormat("codex", is_codex, ("codex", "CodexReader")),
)
"""Every format, the more specific ones first."""


def session_format(value: Any) -> SessionFormat | None:
    """The format of a line or of a JSON file; None if it is of no session."""
    for form in SESSION_FORMATS:
        if form.recognises(value):
            return form
    return None
