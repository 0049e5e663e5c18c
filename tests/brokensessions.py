"""Sessions of agents with given images, in the shapes that the agents write; and how two of them differ."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.agentsessions import (
    STAMP,
    Json,
    answer,
    gemini_call,
    gemini_header,
    gemini_row,
    inline,
    pi_header,
    pi_image,
    pi_message,
    qwen_record,
)
from tests.builders import image_bytes

SOUND = base64.b64encode(image_bytes((60, 40))).decode()
BROKEN = {
    "cut off": base64.b64encode(image_bytes((400, 300))[:60]).decode(),
    "empty": "",
    "html": base64.b64encode(b"<!DOCTYPE html><html><body>not found</body></html>").decode(),
    "text": base64.b64encode(b"Permission denied: cannot open /p/a.png\n").decode(),
    "no base64": "!!!!",
}


def _uri(data: str) -> str:
    return f"data:image/png;base64,{data}"


def _claude_block(data: str) -> Json:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def _claude_line(number: int, kind: str, content: Any, **more: Any) -> Json:
    place = {"uuid": f"u{number}", "parentUuid": f"u{number - 1}" if number else None, "sessionId": "s1"}
    message = {"role": kind, "content": content}
    if kind == "assistant":
        message |= {"model": "claude-opus-4-7", "id": f"m{number}", "type": "message"}
    return {**place, "type": kind, "version": "2.1.332", "timestamp": STAMP, "message": message, **more}


def claude_code(*images: str) -> list[Any]:
    """A session of Claude Code: each image was read with a tool, and the last request was refused."""
    lines: list[Any] = [_claude_line(0, "user", "look")]
    for i, data in enumerate(images):
        call = {"type": "tool_use", "id": f"t{i}", "name": "Read", "input": {"file_path": f"/p/{i}.png"}}
        result = {"type": "tool_result", "tool_use_id": f"t{i}", "content": [_claude_block(data)]}
        lines.append(_claude_line(len(lines), "assistant", [call]))
        copy = {"type": "image", "file": {"base64": data, "type": "image/png", "originalSize": 9}}
        lines.append(_claude_line(len(lines), "user", [result], toolUseResult=copy))
    error = {"type": "text", "text": "API Error: 400 Could not process image"}
    refused = _claude_line(len(lines), "assistant", [error], isApiErrorMessage=True)
    refused["message"]["model"] = "<synthetic>"
    return [*lines, refused]


def claude_attachment(*images: str) -> list[Any]:
    """A session of Claude Code whose images were named with @."""
    lines: list[Any] = [_claude_line(0, "user", "look at @0.png")]
    for i, data in enumerate(images):
        file = {"base64": data, "type": "image/png", "originalSize": 1}
        attachment = {"type": "file", "filename": f"/p/{i}.png", "content": {"type": "image", "file": file}}
        line = _claude_line(len(lines), "attachment", "")
        del line["message"]
        lines.append(line | {"attachment": attachment})
    return lines


def codex(*images: str) -> list[Any]:
    """A session of Codex CLI: results of calls."""

    def item(**payload: Any) -> Json:
        return {"timestamp": STAMP, "type": "response_item", "payload": payload}

    lines: list[Any] = [
        {"timestamp": STAMP, "type": "session_meta", "payload": {"id": "s1", "cli_version": "0.171.0"}},
        {"timestamp": STAMP, "type": "turn_context", "payload": {"model": "gpt-5.2"}},
    ]
    for i, data in enumerate(images):
        arguments = json.dumps({"path": f"/p/{i}.png"})
        lines.append(item(type="function_call", call_id=f"c{i}", name="view_image", arguments=arguments))
        picture = {"type": "input_image", "image_url": _uri(data), "detail": "high"}
        lines.append(item(type="function_call_output", call_id=f"c{i}", output=[picture]))
    return lines


def gemini(*images: str) -> list[Any]:
    """A session of Gemini CLI: parts of a prompt, as with @."""
    parts = [inline(data) for data in images]
    return [
        gemini_header(),
        gemini_row("a", "user", [{"text": "look at @a.png"}, *parts]),
        gemini_row("b", "gemini", "ok"),
    ]


def gemini_calls(*images: str) -> list[Any]:
    """A session of Gemini CLI in which images were read with a tool: each is in the call and after it."""
    rows: list[Any] = [gemini_header(), gemini_row("a", "user", [{"text": "look"}])]
    for i, data in enumerate(images):
        call = gemini_call(f"c{i}", answer(f"c{i}"), inline(data))
        rows.append(gemini_row(f"b{i}", "gemini", "", toolCalls=[call]))
        rows.append(gemini_row(f"d{i}", "user", [answer(f"c{i}"), inline(data)]))
    return rows


def qwen(*images: str) -> list[Any]:
    """A session of Qwen Code: results of calls."""
    lines = [qwen_record("user", "q", None, {"text": "look"})]
    for i, data in enumerate(images):
        call = {"functionCall": {"id": f"c{i}", "name": "read_file", "args": {"file_path": f"/p/{i}.png"}}}
        lines.append(qwen_record("assistant", f"a{i}", lines[-1]["uuid"], call))
        lines.append(qwen_record("tool_result", f"r{i}", f"a{i}", answer(f"c{i}", inline(data))))
    return lines


def pi(*images: str) -> list[Any]:
    """A session of pi: results of calls."""
    lines = [pi_header(), pi_message("user", "q", None, {"type": "text", "text": "look"})]
    for i, data in enumerate(images):
        call = {"type": "toolCall", "id": f"c{i}", "name": "read", "arguments": {"path": f"/p/{i}.png"}}
        lines.append(pi_message("assistant", f"a{i}", lines[-1]["id"], call))
        lines.append(pi_message("toolResult", f"r{i}", f"a{i}", pi_image(data), toolCallId=f"c{i}"))
    return lines


def cline(*images: str) -> Json:
    """A session of Cline before it left out bad images, or of an editor."""
    messages: list[Json] = [{"id": "a", "role": "user", "content": [{"type": "text", "text": "look"}]}]
    for i, data in enumerate(images):
        named = {"files": [{"path": f"/p/{i}.png"}]}
        call = {"type": "tool_use", "id": f"t{i}", "name": "read_files", "input": named}
        messages.append({"id": f"b{i}", "role": "assistant", "content": [call]})
        picture = {"type": "image", "data": data, "mediaType": "image/png"}
        read = {
            "query": f"/p/{i}.png",
            "result": [{"type": "text", "text": "read"}, picture],
            "success": True,
        }
        result = {"type": "tool_result", "tool_use_id": f"t{i}", "name": "read_files", "content": [read]}
        messages.append({"id": f"c{i}", "role": "user", "content": [result]})
    return {"version": 1, "sessionId": "s1", "origin": {"source": "vscode"}, "messages": messages}


def continue_(*images: str) -> Json:
    """A session of Continue."""
    content = [{"type": "imageUrl", "imageUrl": {"url": _uri(data)}} for data in images]
    history = [{"message": {"role": "user", "content": content}, "contextItems": []}]
    return {"sessionId": "s1", "title": "New", "workspaceDirectory": "/p", "history": history}


def openhands(*images: str) -> Json:
    """An event of the SDK of OpenHands: each image is an address in one block."""
    content = [
        {"type": "text", "text": "look", "cache_prompt": False},
        {"type": "image", "cache_prompt": False, "image_urls": [_uri(data) for data in images]},
    ]
    message = {"role": "user", "content": content}
    return {
        "kind": "MessageEvent",
        "id": "e1",
        "timestamp": STAMP,
        "source": "user",
        "llm_message": message,
    }


def openhands_first(*images: str) -> Json:
    """An event of OpenHands before its SDK: the addresses are beside the text."""
    arguments = {"content": "look", "image_urls": [_uri(data) for data in images], "wait_for_response": False}
    return {"id": 1, "timestamp": STAMP, "source": "user", "message": "m", "action": "message"} | {
        "args": arguments
    }


SESSIONS: dict[str, tuple[str, Callable[..., Any]]] = {
    "claude-code": ("s1.jsonl", claude_code),
    "claude-code-attachment": ("s1.jsonl", claude_attachment),
    "codex": ("rollout-s1.jsonl", codex),
    "gemini-cli": ("session-s1.jsonl", gemini),
    "qwen-code": ("s1.jsonl", qwen),
    "pi": ("s1.jsonl", pi),
    "cline": ("s1.messages.json", cline),
    "continue": ("s1.json", continue_),
    "openhands": ("event.json", openhands),
    "openhands-first": ("event.json", openhands_first),
}
"""The name of a file, and what is in it, for each agent."""


def text_of(session: Any) -> str:
    """A session as its agent writes it: a line for each entry of a list, else one object."""
    if isinstance(session, list):
        return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in session)
    return json.dumps(session, indent=1)


def write_session(folder: Path, agent: str, *images: str) -> Path:
    """The file of a session with these images."""
    name, make = SESSIONS[agent]
    path = folder / name
    path.write_text(text_of(make(*images)))
    return path


def read_session(text: str) -> Any:
    """A session as plain JSON."""
    return json.loads(text) if text.startswith("{\n") else [json.loads(line) for line in text.splitlines()]


def changes(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The innermost values that differ, each with its path."""
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        for key in before:
            yield from changes(before[key], after[key], f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from changes(one, other, f"{path}/{i}")
    elif before != after:
        yield path, before, after
