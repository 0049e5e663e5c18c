"""Where each agent records that an API refused its request, and that the model answered again.

Seen in sessions and sources of: Claude Code 1.0 to 2.1.332 (a message of the assistant with
`isApiErrorMessage`, `apiErrorStatus`, `errorDetails`; `system` lines of subtype `api_error` for each retry),
Codex CLI (`event_msg` of type `error`, and since 2026 `task_complete` with an `error`; codex-rs/rollout),
Gemini CLI 0.61.0 (rows of type `error`), Qwen Code 0.24.4 (`ui_telemetry` with `qwen-code.api_error`), pi
(`stopReason` and `errorMessage`), opencode (`error` of an assistant message: `name`, and `data` with
`message`, `statusCode`, `responseBody`), Cline and Roo Code (`ui_messages.json`: `api_req_failed` and
`streamingFailedMessage`), Goose (a text that begins with "Ran into this error"), OpenHands
(`ConversationErrorEvent`; before its SDK an observation `error` and the reason of `agent_state_changed`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from imgbudget.model.location import Keys


class Noted(NamedTuple):
    """An error that an agent recorded: the paths to its texts, the best one first, with their strings.

    `retried`: the agent sent the request again by itself. `certain` is False where the text may as well be
    about something else than a request, as the result of a tool. The error begins with `after` in its text.
    `identity` is the id of its line, if it has one: a file may have a line again.
    """

    texts: tuple[tuple[Keys, str], ...]
    status: int | None = None
    retried: bool = False
    certain: bool = True
    conversation: str = ""
    after: str = ""
    identity: str = ""


class Answered(NamedTuple):
    """The model answered in a conversation: the errors before it do not stop it any more."""

    conversation: str = ""


_Event = Noted | Answered

_TEXTS = (
    *("errorDetails", "message", "error", "error_message", "errorMessage", "data", "responseBody"),
    *("detail", "details", "cause", "reason", "content", "result", "text"),
)
"""Keys below which an error has its texts."""

_STATUSES = ("apiErrorStatus", "api_error_status", "statusCode", "status_code", "status", "code")
_DEEPEST, _MOST_ITEMS = 5, 20
_LOWEST_STATUS, _HIGHEST_STATUS = 400, 599


def events_in(name: str, value: Any) -> Iterator[_Event]:
    """The errors and answers in a document of the session format of that name, in order."""
    if name in _READERS:
        yield from _READERS[name](value)


def message_events(name: str, value: Any, role: str, session: str) -> Iterator[_Event]:
    """The same in one message of a session: a row of the database of an agent, or a file of opencode."""
    if name == "goose":
        events = _goose_message(role, value, ())
    else:
        events = _opencode_message(value if isinstance(value, dict) else {}, ())
    for event in events:
        yield event._replace(conversation=session or event.conversation)


def screen_events(value: list[Any]) -> Iterator[_Event]:
    """The same in the messages that Cline or Roo Code shows on its screen."""
    for number, message in enumerate(value):
        yield from _screen_message(message, (number,))


def is_message_file(value: Any) -> bool:
    """Whether a value is a message of opencode before its version 1.2: a file without its parts."""
    return isinstance(value, dict) and isinstance(value.get("sessionID"), str) and "role" in value


def is_screen(value: Any) -> bool:
    """Whether a value is `ui_messages.json` of Cline or Roo Code."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and item.get("type") in ("ask", "say") for item in value[:_MOST_ITEMS])
    )


def _texts(value: Any, keys: Keys, depth: int = 0) -> Iterator[tuple[Keys, str]]:
    """The texts of an error of unknown shape."""
    if isinstance(value, str):
        if value.strip():
            yield keys, value
    elif depth < _DEEPEST and isinstance(value, dict):
        for key in _TEXTS:
            if key in value:
                yield from _texts(value[key], (*keys, key), depth + 1)
    elif depth < _DEEPEST and isinstance(value, list):
        for number, item in enumerate(value[:_MOST_ITEMS]):
            yield from _texts(item, (*keys, number), depth + 1)


def _status(value: Any, depth: int = 0) -> int | None:
    """The HTTP status that an error states."""
    if not isinstance(value, dict) or depth >= _DEEPEST:
        return None
    for key in _STATUSES:
        stated = value.get(key)
        number = int(stated) if isinstance(stated, str) and _three_digits(stated) else stated
        if isinstance(number, int) and _LOWEST_STATUS <= number <= _HIGHEST_STATUS:
            return number
    inner = (_status(value.get(key), depth + 1) for key in ("error", "data", "cause"))
    return next((found for found in inner if found is not None), None)


def _identity(value: dict[str, Any]) -> str:
    found = value.get("uuid") or value.get("id")
    return found if isinstance(found, str) else ""


_three_digits = re.compile(r"[45]\d\d").fullmatch


def _noted(error: Any, keys: Keys, **more: Any) -> Iterator[Noted]:
    """The error, if it has a text."""
    if texts := tuple(_texts(error, keys)):
        yield Noted(texts, status=more.pop("status", None) or _status(error), **more)


def _claude_code(value: dict[str, Any]) -> Iterator[_Event]:
    kind, message, agent = value.get("type"), value.get("message"), value.get("agentId")
    conversation = agent if isinstance(agent, str) and value.get("isSidechain") is True else ""
    if kind == "assistant" and isinstance(message, dict):
        synthetic = message.get("model") == "<synthetic>"
        content = tuple(_texts(message.get("content"), ("message", "content")))
        flagged = value.get("isApiErrorMessage") is True
        if flagged or (synthetic and any("API Error" in text for _, text in content)):
            details = tuple(_texts(value.get("errorDetails"), ("errorDetails",)))
            if texts := (*content, *details):
                yield Noted(texts, _status(value), conversation=conversation, identity=_identity(value))
        elif not synthetic:
            yield Answered(conversation)
    elif kind == "system" and value.get("subtype") == "api_error":
        error, keys = (
            (value["error"], ("error",)) if "error" in value else (value.get("content"), ("content",))
        )
        yield from _noted(error, keys, retried=True, conversation=conversation)
    elif kind == "result" and value.get("is_error") is True:
        yield from _noted({key: value.get(key) for key in ("result", "error")}, (), status=_status(value))


_CODEX_ANSWERS = ("function_call", "custom_tool_call", "local_shell_call", "web_search_call", "reasoning")


def _codex(value: dict[str, Any]) -> Iterator[_Event]:
    item = value.get("payload", value)
    if not isinstance(item, dict):
        return
    kind = item.get("type")
    if value.get("type") == "event_msg":
        if kind in ("error", "stream_error"):
            yield from _noted(item, ("payload",), retried=kind == "stream_error")
        elif kind in ("task_complete", "turn_complete", "turn_aborted"):
            yield from _noted(item.get("error"), ("payload", "error"))
    elif kind in _CODEX_ANSWERS or (kind == "message" and item.get("role") == "assistant"):
        yield Answered()


def _gemini_cli(value: dict[str, Any]) -> Iterator[_Event]:
    changed = value.get("$set")
    holder, keys = (changed, ("$set", "messages")) if isinstance(changed, dict) else (value, ("messages",))
    messages = holder.get("messages")
    if isinstance(messages, list):
        for number, message in enumerate(messages):
            yield from _gemini_message(message, (*keys, number))
    elif "id" in value:
        yield from _gemini_message(value, ())


def _gemini_message(message: Any, keys: Keys) -> Iterator[_Event]:
    if not isinstance(message, dict):
        return
    if message.get("type") == "error":
        yield from _noted(message.get("content"), (*keys, "content"), identity=_identity(message))
    elif message.get("type") == "gemini" and (message.get("content") or message.get("toolCalls")):
        yield Answered()


def _qwen_code(value: dict[str, Any]) -> Iterator[_Event]:
    payload = value.get("systemPayload")
    event = payload.get("uiEvent") if isinstance(payload, dict) else None
    if value.get("type") == "assistant":
        yield Answered()
    elif isinstance(event, dict) and event.get("event.name") == "qwen-code.api_error":
        yield from _noted(event, ("systemPayload", "uiEvent"))


def _pi(value: dict[str, Any]) -> Iterator[_Event]:
    message = value.get("message")
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return
    stopped = message.get("stopReason") or value.get("stopReason")
    if stopped == "error":
        keys = ("message", "errorMessage")
        yield from _noted(message.get("errorMessage"), keys, identity=_identity(value))
    elif stopped != "aborted":
        yield Answered()


def _opencode(value: dict[str, Any]) -> Iterator[_Event]:
    messages = value.get("messages")
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        info = message.get("info") if isinstance(message, dict) else None
        if isinstance(info, dict):
            yield from _opencode_message(info, ("messages", number, "info"))


def _opencode_message(info: dict[str, Any], keys: Keys) -> Iterator[_Event]:
    session = info.get("sessionID")
    conversation, error = session if isinstance(session, str) else "", info.get("error")
    if info.get("role") != "assistant":
        return
    if isinstance(error, dict):
        if error.get("name") != "MessageAbortedError":
            yield from _noted(error, (*keys, "error"), conversation=conversation)
    elif info.get("finish") or "error" not in info:
        yield Answered(conversation)


_SCREEN_ANSWERS = ("text", "reasoning", "tool", "completion_result", "command", "followup", "use_mcp_server")


def _cline(value: Any) -> Iterator[_Event]:
    """What a file of messages has: newer versions keep the answer alone, and nothing of an error."""
    messages = value if isinstance(value, list) else value.get("messages")
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict) and "error" in message:
            yield from _noted(message["error"], ("messages", number, "error"))


def _screen_message(message: Any, keys: Keys) -> Iterator[_Event]:
    if not isinstance(message, dict):
        return
    kind = message.get("ask") or message.get("say")
    text = message.get("text")
    if not isinstance(kind, str) or not isinstance(text, str):
        return
    if kind in ("api_req_failed", "api_req_retry_delayed", "error_retry"):
        yield from _noted(text, (*keys, "text"), retried=kind != "api_req_failed")
    elif (kind == "api_req_started" and "streamingFailedMessage" in text) or kind == "error":
        yield from _noted(text, (*keys, "text"), certain=kind != "error")
    elif kind in _SCREEN_ANSWERS and message.get("partial") is not True:
        yield Answered()


_GOOSE_ERROR = "Ran into this error"


def _goose(value: dict[str, Any]) -> Iterator[_Event]:
    conversation = value.get("conversation")
    if isinstance(conversation, list):
        for number, message in enumerate(conversation):
            if isinstance(message, dict):
                keys = ("conversation", number, "content")
                yield from _goose_message(message.get("role"), message.get("content"), keys)
    elif "role" in value:
        yield from _goose_message(value["role"], value.get("content"), ("content",))


def _goose_message(role: Any, content: Any, keys: Keys) -> Iterator[_Event]:
    if role != "assistant" or not isinstance(content, list):
        return
    failed = False
    for number, block in enumerate(content):
        text = block.get("text") if isinstance(block, dict) else None
        if isinstance(text, str) and _GOOSE_ERROR in text:
            failed = True
            yield Noted((((*keys, number, "text"), text),), after=_GOOSE_ERROR)
        elif isinstance(block, dict) and block.get("type") == "systemNotification":
            yield from _noted(block.get("msg"), (*keys, number, "msg"), certain=False)
    if not failed and content:
        yield Answered()


def _openhands(value: Any) -> Iterator[_Event]:
    if isinstance(value, list):
        for number, event in enumerate(value):
            if isinstance(event, dict):
                yield from _openhands_event(event, (number,))
    else:
        yield from _openhands_event(value, ())


def _openhands_event(event: dict[str, Any], keys: Keys) -> Iterator[_Event]:
    kind, observation = event.get("kind"), event.get("observation")
    if kind in ("ConversationErrorEvent", "ServerErrorEvent"):
        yield from _noted(event.get("detail"), (*keys, "detail"))
    elif kind == "AgentErrorEvent":
        yield from _noted(event.get("error"), (*keys, "error"), certain=False)
    elif observation == "error":
        yield from _noted(event.get("content"), (*keys, "content"), certain=False)
    elif observation == "agent_state_changed":
        extras = event.get("extras")
        reason = extras.get("reason") if isinstance(extras, dict) else None
        yield from _noted(reason, (*keys, "extras", "reason"))
    elif event.get("source") == "agent" and (kind in ("ActionEvent", "MessageEvent") or "action" in event):
        yield Answered()


_READERS: Mapping[str, Callable[[Any], Iterator[_Event]]] = {
    "claude-code": _claude_code,
    "codex": _codex,
    "gemini-cli": _gemini_cli,
    "qwen-code": _qwen_code,
    "pi": _pi,
    "opencode": _opencode,
    "cline": _cline,
    "goose": _goose,
    "openhands": _openhands,
}
"""By the name of the session format."""
