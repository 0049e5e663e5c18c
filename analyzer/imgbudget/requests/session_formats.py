"""The formats of agents' sessions by their signatures; the reader of each is loaded when needed."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Protocol

from imgbudget.jsontext.document import Document
from imgbudget.model.subjects import ProbeField, Request
from imgbudget.namedtuples import NamedTuple


class Unsent(NamedTuple):
    """What of a session is not sent again: `noun` is `message` or `image`, `reason` a clause."""

    noun: str
    reason: str


class SessionReader(Protocol):
    """Collects the messages of one session file, document by document.

    `forgotten` has the lines whose messages are not sent again, with the reason, once the requests were made;
    `unsent` has what else they do not send: messages that have no line to themselves.
    `started` is whether a message was read.
    """

    forgotten: dict[int, str]
    unsent: dict[Unsent, int]
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

_OLD_HEADER = {"id", "timestamp", "instructions", "git"}
_CODEX_PARTS = ("input_text", "input_image", "output_text")
_CODEX_CALLS = (
    *("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"),
    "local_shell_call",
)


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
    if not isinstance(value, dict):
        return False
    if "payload" in value:
        return value.get("type") in _CODEX_LINES and isinstance(value["payload"], dict)
    return _is_old_codex(value)


def _is_old_codex(value: dict[str, Any]) -> bool:
    """Whether a value may be a line as before version 0.32: a header, a state, or a bare item."""
    kind = value.get("type")
    if kind is None:
        if "instructions" in value:
            return "id" in value and "timestamp" in value and value.keys() <= _OLD_HEADER
        return len(value) == 1 and value.get("record_type") == "state"
    if kind == "message":
        parts = [part for part in _listed(value.get("content")) if isinstance(part, dict)]
        return bool(parts) and all(part.get("type") in _CODEX_PARTS for part in parts)
    return (kind == "reasoning" and "summary" in value) or (kind in _CODEX_CALLS and "call_id" in value)


_GEMINI_TYPES = frozenset(("user", "gemini", "info", "error", "warning"))


def _is_gemini_message(value: Any) -> bool:
    """Whether a value may be a message of Gemini CLI; its parts have no type."""
    if not isinstance(value, dict) or "role" in value or "message" in value:
        return False
    kind, content = value.get("type"), value.get("content")
    return (
        isinstance(kind, str)
        and kind in _GEMINI_TYPES
        and isinstance(value.get("id"), str)
        and "timestamp" in value
        and ("content" in value or kind == "gemini")
        and not any(isinstance(part, dict) and "type" in part for part in _listed(content))
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def is_gemini_cli(value: Any) -> bool:
    """Whether a value may be a row of a session of Gemini CLI, or a session as one JSON object."""
    if not isinstance(value, dict):
        return False
    if "$rewindTo" in value or "$set" in value:
        changed = value.get("$set")
        return len(value) == 1 and (isinstance(changed, dict) or isinstance(value.get("$rewindTo"), str))
    if "id" in value:
        return _is_gemini_message(value)
    if not isinstance(value.get("sessionId"), str) or "uuid" in value:
        return False
    messages = value.get("messages")
    if not isinstance(messages, list):
        return isinstance(value.get("projectHash"), str)
    marked = bool(messages) or isinstance(value.get("projectHash"), str)
    return marked and all(_is_gemini_message(message) for message in messages[:_LOOKED_AT])


_LOOKED_AT = 20
"""Entries of a list that are enough to know its format."""


def is_gemini_checkpoint(value: Any) -> bool:
    """Whether a value is a list of Gemini's contents, or an object with it as its history."""
    if isinstance(value, dict):
        value = value.get("clientHistory") or value.get("history")
    if not isinstance(value, list) or not value:
        return False
    return all(_is_content(item) for item in value[:_LOOKED_AT])


def _is_content(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.get("role") in ("user", "model", "function")
        and isinstance(value.get("parts"), list)
        and not any(isinstance(part, dict) and "type" in part for part in value["parts"][:_LOOKED_AT])
    )


def is_qwen_code(value: Any) -> bool:
    """Whether a value may be a record of Qwen Code, whose messages have parts where Claude's have content."""
    if not isinstance(value, dict) or not isinstance(value.get("uuid"), str) or "parentUuid" not in value:
        return False
    kind, message = value.get("type"), value.get("message")
    if kind == "system":
        return "content" not in value and ("systemPayload" in value or "provenance" in value)
    if kind == "tool_result":
        return True
    return kind in ("user", "assistant") and isinstance(message, dict) and "parts" in message


_CLINE_FILE = ("sessionId", "session_id", "conversation_id", "updated_at", "source_message_count")
_CLINE_MESSAGE = (
    *("ts", "modelInfo", "isSummary", "condenseId", "condenseParent"),
    *("truncationId", "truncationParent", "isTruncationMarker"),
)
_CLINE_TEXTS = ("<task>", "<user_message>", "<environment_details>")
"""Beginnings of texts that Cline and Roo Code put around what the user wrote."""


_FOREIGN = ("image_url", "input_image", "input_text")
"""Types of parts of OpenAI's APIs."""


def is_cline(value: Any) -> bool:
    """Whether a value is the whole file of a session of Cline or of a program that came from it."""
    if isinstance(value, list):
        return _are_clines_messages(value) and any(_has_clines_mark(message) for message in value)
    return (
        isinstance(value, dict)
        and "version" in value
        and any(key in value for key in _CLINE_FILE)
        and not any(key in value for key in ("model", "max_tokens", "system", "tools"))
        and _are_clines_messages(value.get("messages"))
    )


def _are_clines_messages(messages: Any) -> bool:
    """Whether all are messages of the user or the assistant, without a part of OpenAI's."""
    return (
        isinstance(messages, list)
        and bool(messages)
        and all(
            isinstance(message, dict)
            and (message.get("role") in ("user", "assistant") or message.get("type") == "reasoning")
            and not any(kind in _FOREIGN for kind in _kinds(message))
            for message in messages
        )
    )


def _kinds(message: dict[str, Any]) -> Iterator[Any]:
    yield from (block.get("type") for block in _listed(message.get("content")) if isinstance(block, dict))


def _has_clines_mark(message: dict[str, Any]) -> bool:
    if any(key in message for key in _CLINE_MESSAGE):
        return True
    content = message.get("content")
    texts = [block.get("text") for block in _listed(content) if isinstance(block, dict)]
    return any(isinstance(text, str) and text.startswith(_CLINE_TEXTS) for text in (content, *texts))


def is_opencode(value: Any) -> bool:
    """Whether a value is an exported session of opencode, or a file with one part of it."""
    if not isinstance(value, dict):
        return False
    messages = value.get("messages")
    if isinstance(messages, list):
        return isinstance(value.get("info"), dict) and all(
            isinstance(message, dict) and isinstance(message.get("parts"), list) and "info" in message
            for message in messages[:_LOOKED_AT]
        )
    return isinstance(value.get("type"), str) and all(
        isinstance(value.get(key), str) for key in ("id", "messageID", "sessionID")
    )


_PI_ENTRIES = (
    *("message", "model_change", "thinking_level_change", "compaction", "branch_summary"),
    *("custom", "custom_message", "label", "session_info"),
)


def is_pi(value: Any) -> bool:
    """Whether a value may be an entry of a session of pi; those of version 1 have no ids."""
    if not isinstance(value, dict) or "timestamp" not in value or "uuid" in value:
        return False
    kind = value.get("type")
    if kind == "session":
        return "cwd" in value and "messages" not in value
    if kind not in _PI_ENTRIES:
        return False
    if kind == "message" and not isinstance(value.get("message"), dict):
        return False
    if "parentId" in value:
        return isinstance(value.get("id"), str)
    return kind in _PI_ENTRIES[:4] and "id" not in value and "payload" not in value


def is_continue(value: Any) -> bool:
    """Whether a value is a session of Continue."""
    if not isinstance(value, dict) or not isinstance(value.get("sessionId"), str):
        return False
    history = value.get("history")
    return (
        isinstance(history, list)
        and bool(history)
        and all(isinstance(item, dict) and isinstance(item.get("message"), dict) for item in history)
    )


def is_openhands(value: Any) -> bool:
    """Whether a value is an event of OpenHands, or an array of events."""
    if isinstance(value, list):
        return bool(value) and all(
            isinstance(item, dict) and is_openhands(item) for item in value[:_LOOKED_AT]
        )
    if not isinstance(value, dict) or "timestamp" not in value:
        return False
    if value.get("source") not in ("user", "agent", "environment", "hook"):
        return False
    kind = value.get("kind")
    if isinstance(kind, str):
        return "id" in value and kind.endswith(("Event", "Observation", "Condensation"))
    is_action = isinstance(value.get("action"), str) and isinstance(value.get("args"), dict)
    return is_action or (isinstance(value.get("observation"), str) and isinstance(value.get("extras"), dict))


def is_chatgpt(value: Any) -> bool:
    """Whether a value is the export of conversations from ChatGPT, or one of them."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, dict) and is_chatgpt(item) for item in value[:_LOOKED_AT])
    mapping = value.get("mapping") if isinstance(value, dict) else None
    return (
        isinstance(mapping, dict)
        and "title" in value
        and all(isinstance(node, dict) and "parent" in node for node in mapping.values())
    )


_GOOSE_HEADER = ("message_count", "total_tokens")


def is_goose(value: Any) -> bool:
    """Whether a value is the first line or a message of a session of Goose, or an exported session."""
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("working_dir"), str):
        if "conversation" in value:
            return isinstance(value["conversation"], list)
        return any(key in value for key in _GOOSE_HEADER) and "messages" not in value
    return (
        value.get("role") in ("user", "assistant")
        and isinstance(value.get("created"), int)
        and isinstance(value.get("content"), list)
        and not any(kind in _FOREIGN for kind in _kinds(value))
    )


MESSAGE_ROWS = "message rows"
_ROW_ROLES = frozenset(("system", "developer", "user", "assistant", "tool"))


def is_message_row(value: Any) -> bool:
    """Whether a value may be a message without a body around it, in a file with one a line."""
    if not isinstance(value, dict) or "messages" in value or "model" in value:
        return False
    role = value.get("role")
    return isinstance(role, str) and role in _ROW_ROLES and isinstance(value.get("content"), (str, list))


SESSION_FORMATS: tuple[SessionFormat, ...] = (
    SessionFormat("qwen-code", is_qwen_code, ("qwen_sessions", "QwenSessionReader")),
    SessionFormat("gemini-cli", is_gemini_cli, ("gemini_sessions", "GeminiSessionReader")),
    SessionFormat("gemini-checkpoint", is_gemini_checkpoint, ("gemini_sessions", "GeminiCheckpointReader")),
    SessionFormat("opencode", is_opencode, ("opencode", "OpencodeReader")),
    SessionFormat("pi", is_pi, ("pi_sessions", "PiSessionReader")),
    SessionFormat("claude-code", is_claude_code, ("transcript", "TranscriptReader")),
    SessionFormat("continue", is_continue, ("continue_sessions", "ContinueReader")),
    SessionFormat("openhands", is_openhands, ("openhands_sessions", "OpenHandsReader")),
    SessionFormat("chatgpt", is_chatgpt, ("chatgpt", "ChatGptReader")),
    SessionFormat("cline", is_cline, ("cline", "ClineReader")),
    SessionFormat("goose", is_goose, ("goose", "GooseReader")),
    SessionFormat("codex", is_codex, ("codex", "CodexReader")),
    SessionFormat(MESSAGE_ROWS, is_message_row, ("message_rows", "MessageRowsReader")),
)
"""Every format, the more specific ones first."""


def _is_request(value: Any) -> bool:
    """Whether a value is a body or the entry of a batch, which a file may have very many of."""
    if not isinstance(value, dict) or "type" in value:
        return False
    turns = "messages" in value or "contents" in value or "input" in value
    return "custom_id" in value or (turns and ("model" in value or "max_tokens" in value))


def session_format(value: Any) -> SessionFormat | None:
    """The format of a line or of a JSON file; None if it is of no session."""
    if _is_request(value):
        return None
    for form in SESSION_FORMATS:
        if form.recognises(value):
            return form
    return None
