"""The errors that agents record in their sessions: found in each format, placed, explained, newest last."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from imgbudget.explaining import recorded
from imgbudget.explaining.recorded import RecordedErrors, recorded_errors
from tests.agentsessions import (
    STAMP,
    gemini_header,
    gemini_row,
    mutated,
    pi_header,
    pi_message,
    qwen_record,
    write_lines,
)
from tests.test_session_databases import goose, opencode
from tests.test_session_opencode import answer, text, user

Json = dict[str, Any]

MANY = (
    "messages.37.content.0.image.source.base64.data: At least one of the image dimensions exceed max allowed "
    "size for many-image requests: 2000 pixels"
)
OPENAI = (
    "Invalid 'input[37].content[0].image_url'. Expected a base64-encoded data URL with an image MIME type"
)
OPENAI += " (e.g. 'data:image/png;base64,...'), but got empty base64-encoded bytes."
LIMITED = "Rate limit reached for requests"


def answered_by_anthropic(message: str) -> str:
    """The body of an answer with status 400."""
    error = {"type": "invalid_request_error", "message": message}
    return json.dumps({"type": "error", "error": error, "request_id": "req_1"})


def claude(kind: str, identity: str, content: str, **more: Any) -> Json:
    """A line of Claude Code."""
    model = {"model": "claude-opus-4-8"} if kind == "assistant" else {}
    message = {"role": kind, "content": [{"type": "text", "text": content}], **model}
    return {"type": kind, "uuid": identity, "parentUuid": None, "sessionId": "s1", "message": message} | more


def claude_error(identity: str, content: str, **more: Any) -> Json:
    """A line of Claude Code with an error."""
    line = claude("assistant", identity, content, isApiErrorMessage=True, **more)
    line["message"]["model"] = "<synthetic>"
    return line


def codex(kind: str, **payload: Any) -> Json:
    """A line of Codex."""
    return {"timestamp": STAMP, "type": kind, "payload": payload}


def said(words: str) -> Json:
    """An answer of Codex's model."""
    content = [{"type": "output_text", "text": words}]
    return codex("response_item", type="message", role="assistant", content=content)


def wire(text: str) -> str:
    """What Codex makes of an answer with status 400."""
    return json.dumps({"error": {"message": text, "type": "invalid_request_error", "param": "input"}})


def ui_event(message: str, status: int) -> Json:
    """A record of Qwen Code of an error."""
    event = {"event.name": "qwen-code.api_error", "error_message": message, "status_code": status}
    return qwen_record("system", "q9", "q1", subtype="ui_telemetry", systemPayload={"uiEvent": event})


SESSIONS: dict[str, tuple[list[Any], list[Any]]] = {
    # by agent: the lines of an error, and those of an answer
    "claude-code": (
        [claude_error("e1", f"API Error: 400 {answered_by_anthropic(MANY)}", error="invalid_request")],
        [claude("assistant", "a1", "ok")],
    ),
    "claude-code-details": (
        [claude_error("e1", "Image was too large. Double press esc to go back.", errorDetails=f"400 {MANY}")],
        [claude("assistant", "a1", "ok")],
    ),
    "claude-code-before-the-flag": (
        [
            claude("user", "u1", "x"),
            {
                **claude("assistant", "e1", ""),
                "message": {
                    "model": "<synthetic>",
                    "role": "assistant",
                    "content": f"API Error: 400 {answered_by_anthropic(MANY)}",
                },
            },
        ],
        [claude("assistant", "a1", "ok")],
    ),
    "codex": (
        [codex("event_msg", type="error", message=wire(OPENAI), codex_error_info="bad_request")],
        [said("ok")],
    ),
    "codex-task": (
        [codex("event_msg", type="task_complete", error={"message": OPENAI, "codex_error_info": "other"})],
        [codex("response_item", type="function_call", name="x", arguments="{}", call_id="c")],
    ),
    "gemini-cli": (
        [gemini_row("m2", "error", f"[API Error: {answered_by_anthropic(MANY)}]")],
        [gemini_row("m3", "gemini", "ok")],
    ),
    "qwen-code": ([ui_event(MANY, 400)], [qwen_record("assistant", "q2", "q1", {"text": "ok"})]),
    "pi": (
        [pi_message("assistant", "p2", "p1", stopReason="error", errorMessage=f"400 {MANY}")],
        [pi_message("assistant", "p3", "p1", {"type": "text", "text": "ok"})],
    ),
    "goose": (
        [
            {
                "role": "assistant",
                "created": 1,
                "content": [
                    {"type": "text", "text": f"I read it.Ran into this error: {MANY}\n\nPlease retry"}
                ],
            }
        ],
        [{"role": "assistant", "created": 1, "content": [{"type": "text", "text": "ok"}]}],
    ),
    "openhands": (
        [
            {
                "kind": "ConversationErrorEvent",
                "id": "e",
                "timestamp": STAMP,
                "source": "environment",
                "code": "LLMBadRequestError",
                "detail": f"litellm.BadRequestError: AnthropicException - {answered_by_anthropic(MANY)}",
            }
        ],
        [{"kind": "MessageEvent", "id": "f", "timestamp": STAMP, "source": "agent", "llm_message": {}}],
    ),
    "openhands-before": (
        [
            {
                "id": 1,
                "timestamp": STAMP,
                "source": "environment",
                "observation": "agent_state_changed",
                "extras": {"agent_state": "error", "reason": f"litellm.BadRequestError: {MANY}"},
            }
        ],
        [{"id": 2, "timestamp": STAMP, "source": "agent", "action": "message", "args": {"content": "ok"}}],
    ),
}
AGENTS = ("claude-code", "codex", "gemini-cli", "qwen-code", "pi", "goose", "openhands")
FIRST = {"gemini-cli": gemini_header(), "pi": pi_header(), "qwen-code": qwen_record("user", "q1", None)}


def codes(found: RecordedErrors) -> list[tuple[str | None, bool]]:
    """The rule of each error, and whether the model answered after it."""
    rules = [error.match.pattern.rule if error.match else None for error in found.errors]
    return [
        (rule.code if rule else None, error.answered) for rule, error in zip(rules, found.errors, strict=True)
    ]


def renamed(line: Json) -> Json:
    """The line with another id."""
    return line | {key: f"{line[key]}-2" for key in ("uuid", "id") if isinstance(line.get(key), str)}


@pytest.mark.parametrize("name", SESSIONS)
def test_errors_in_the_sessions_of_each_agent(name: str, tmp_path: Path) -> None:
    """An error, an answer, and the error again: text, status, place, and what it stops."""
    errors, answers = SESSIONS[name]
    agent = next(known for known in AGENTS if name.startswith(known))
    first = [FIRST[agent]] if agent in FIRST else []
    again = [renamed(error) for error in errors]
    path = write_lines(tmp_path / "s.jsonl", *first, *errors, *answers, *again)
    found = recorded_errors(str(path))
    assert found.agent == agent
    assert [error.answered for error in found.errors] == [True, False]
    newest = found.newest
    assert newest is not None
    assert newest is found.errors[-1]
    assert newest.match is not None
    rule = newest.match.pattern.rule
    assert (rule.code if rule else None) == ("IB106" if agent == "codex" else "IB102")
    wanted = (
        "input[37].content[0].image_url"
        if agent == "codex"
        else "messages.37.content.0.image.source.base64.data"
    )
    assert newest.match.location == wanted
    assert newest.status == 400
    lines = path.read_bytes().splitlines(keepends=True)
    assert newest.line == len(lines)
    assert newest.span is not None
    value: Any = json.loads(lines[-1])
    for key in newest.location.keys or ():
        value = value[key]
    assert value.endswith(newest.text)
    assert json.loads(path.read_bytes()[newest.span.start : newest.span.end]) == value


def failed(identity: str, error: Any) -> Json:
    """A message of opencode that ended with an error."""
    message = answer(identity)
    message["info"]["error"] = error
    return message


API_ERROR = {"name": "APIError", "data": {"message": "Bad Request", "statusCode": 400, "responseBody": MANY}}


def test_errors_in_a_session_of_opencode(tmp_path: Path) -> None:
    """The body of the answer is read where the message says nothing; an abort is no error."""
    messages = [user("m1", text("x")), failed("m2", API_ERROR), failed("m3", {"name": "MessageAbortedError"})]
    (tmp_path / "x.json").write_text(json.dumps({"info": {"id": "ses_1"}, "messages": messages}))
    found = recorded_errors(str(tmp_path / "x.json"))
    assert (found.agent, codes(found)) == ("opencode", [("IB102", False)])
    assert found.errors[0].location.pointer == "/messages/1/info/error/data/responseBody"


def test_errors_in_databases(tmp_path: Path) -> None:
    """Each session counts for itself, and the place is the row."""
    base = opencode(
        tmp_path / "o.db", user("m1", text("x")), failed("m2", API_ERROR), answer("m3", text("ok"))
    )
    opencode(base, user("m1", text("x")), failed("m2", API_ERROR), session="ses_2")
    found = recorded_errors(str(base))
    assert (found.agent, codes(found)) == ("opencode", [("IB102", True), ("IB102", False)])
    newest = found.newest
    assert newest is not None
    assert newest.location.pointer == "/message/ses_2_m2/data/error/data/responseBody"
    assert newest.span is None
    words = [{"type": "text", "text": f"Ran into this error: {MANY}"}]
    other = goose(
        tmp_path / "g.db",
        ("user", [{"type": "text", "text": "Ran into this error: x"}], None),
        ("assistant", words, None),
    )
    found = recorded_errors(str(other))
    assert (found.agent, codes(found)) == ("goose", [("IB102", False)])


def test_errors_beside_a_session_of_cline(tmp_path: Path) -> None:
    """Those of its screen belong to the session beside it; one of a tool only if it is about an image."""
    task = [{"role": "user", "content": [{"type": "text", "text": "<task>x</task>"}]}]
    (tmp_path / "api_conversation_history.json").write_text(json.dumps(task))
    said = [
        {"ts": 1, "type": "say", "say": "text", "text": "x"},
        {"ts": 2, "type": "say", "say": "error", "text": "Cannot apply the edit"},
        {
            "ts": 3,
            "type": "ask",
            "ask": "api_req_failed",
            "text": json.dumps({"message": f"400 {MANY}", "status": 400}),
        },
        {
            "ts": 4,
            "type": "say",
            "say": "api_req_started",
            "text": json.dumps({"streamingFailedMessage": MANY}),
        },
    ]
    (tmp_path / "ui_messages.json").write_text(json.dumps(said))
    found = recorded_errors(str(tmp_path / "api_conversation_history.json"))
    assert (found.agent, codes(found)) == ("cline", [("IB102", False), ("IB102", False)])
    assert found.errors[0].location.path == str(tmp_path / "ui_messages.json")
    assert recorded_errors(str(tmp_path / "ui_messages.json")).errors == found.errors


def test_retries_and_other_errors(tmp_path: Path) -> None:
    """A retry stops nothing; an error about something else is kept, with no rule."""
    retry = {
        "type": "system",
        "subtype": "api_error",
        "uuid": "r",
        "sessionId": "s1",
        "error": {"status": 529, "error": {"message": "Overloaded"}},
    }
    quoting = claude("assistant", "a1", f"the log has: API Error: 400 {MANY}")
    path = write_lines(
        tmp_path / "s.jsonl", retry, quoting, claude_error("e2", LIMITED, apiErrorStatus=429), retry
    )
    found = recorded_errors(str(path))
    assert [(error.text, error.status, error.retried) for error in found.errors] == [
        ("Overloaded", 529, True),
        (LIMITED, 429, False),
        ("Overloaded", 529, True),
    ]
    assert found.newest is not None
    assert found.newest.text == LIMITED
    assert found.newest.match is None


def test_lines_that_are_there_twice(tmp_path: Path) -> None:
    """Gemini CLI writes all its messages again, and Claude Code may repeat lines: each counts once."""
    refused = gemini_row("m2", "error", f"[API Error: {answered_by_anthropic(MANY)}]")
    again = {"$set": {"messages": [gemini_row("m1", "user", "x"), refused]}}
    path = write_lines(tmp_path / "s.jsonl", gemini_header(), refused, again, again)
    assert codes(recorded_errors(str(path))) == [("IB102", False)]
    line = claude_error("e1", MANY)
    path = write_lines(tmp_path / "c.jsonl", line, line, claude("assistant", "a1", "ok"), line)
    assert codes(recorded_errors(str(path))) == [("IB102", True)]


def test_errors_of_a_sub_agent(tmp_path: Path) -> None:
    """An answer in another conversation leaves an error as it is."""
    inner = {"isSidechain": True, "agentId": "g1"}
    path = write_lines(
        tmp_path / "s.jsonl", claude_error("e1", MANY, **inner), claude("assistant", "a1", "ok")
    )
    assert codes(recorded_errors(str(path))) == [("IB102", False)]
    path = write_lines(
        tmp_path / "s.jsonl", claude_error("e1", MANY, **inner), claude("assistant", "a1", "ok", **inner)
    )
    assert codes(recorded_errors(str(path))) == [("IB102", True)]


@pytest.mark.parametrize(
    "content",
    ["", "{", "null", "[]", '{"messages": []}', "plain text\nAPI Error: 400", "\0\1", '"x"\n' * 300],
)
def test_files_that_are_no_sessions(content: str, tmp_path: Path) -> None:
    """Anything else has no agent and no errors."""
    for name in ("x.jsonl", "x.json", "x", "x.log", "x.db"):
        (tmp_path / name).write_text(content)
        assert recorded_errors(str(tmp_path / name)) == RecordedErrors(None, ())


def test_a_json_file_of_another_name(tmp_path: Path) -> None:
    """A session over many lines is read whole, whatever its name is."""
    messages = [user("m1", text("x")), failed("m2", API_ERROR)]
    (tmp_path / "session").write_text(json.dumps({"info": {"id": "ses_1"}, "messages": messages}, indent=1))
    assert codes(recorded_errors(str(tmp_path / "session"))) == [("IB102", False)]


def test_odd_lines_never_raise(tmp_path: Path) -> None:
    """Values of any type at any place."""
    lines = [line for errors, answers in SESSIONS.values() for line in (*errors, *answers)]
    for seed in range(40):
        recorded_errors(str(write_lines(tmp_path / "s.jsonl", *mutated(lines, seed))))


def test_memory_of_a_long_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images stay in the file, and of many errors only the newest are kept."""
    monkeypatch.setattr(recorded, "MOST_ERRORS", 10)
    image = claude("user", "u1", "x" * 400_000)
    path = tmp_path / "s.jsonl"
    with path.open("w") as file:
        for number in range(40):
            file.write(
                json.dumps(image) + "\n" + json.dumps(claude_error(f"e{number}", f"{MANY} {number}")) + "\n"
            )
    tracemalloc.start()
    try:
        found = recorded_errors(str(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found.errors) + found.left_out == 40
    assert found.errors[-1].text.endswith(" 39")
    assert peak < 8_000_000
