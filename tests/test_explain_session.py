"""`imgbudget explain SESSION`: the errors that an agent recorded, with the blocks that they are about."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.agentsessions import write_lines
from tests.builders import Json, image_block, image_bytes
from tests.conftest import Command
from tests.test_recorded_errors import LIMITED, answered_by_anthropic, claude, claude_error
from tests.test_session_databases import opencode
from tests.test_session_opencode import answer, image, text, user

WIDE = (
    "messages.0.content.21.image.source.base64.data: At least one of the image dimensions exceed max allowed "
    "size for many-image requests: 2000 pixels"
)


def broken_session(path: Path, *after: Json) -> Path:
    """A session of Claude Code whose 22nd image is too wide, refused twice."""
    small = [image_block(image_bytes((30, 30), colour=i * 991)) for i in range(21)]
    sent = claude("user", "u1", "")
    sent["message"]["content"] = [*small, image_block(image_bytes((2100, 21)))]
    refusal = f"API Error: 400 {answered_by_anthropic(WIDE)}"
    return write_lines(
        path,
        sent,
        claude_error("e0", LIMITED, apiErrorStatus=429, parentUuid="u1"),
        claude_error("e1", refusal, parentUuid="e0"),
        claude_error("e2", refusal, parentUuid="e1"),
        *after,
    )


def explained(imgbudget: Command, *arguments: str) -> Any:
    """The document about a session."""
    return imgbudget("explain", *arguments, "--format", "json", "--isolated").json


def test_the_block_that_stops_a_session(imgbudget: Command, tmp_path: Path) -> None:
    """The refusal is read from the session, counted, placed, and tied to the image."""
    broken_session(tmp_path / "s.jsonl")
    document = explained(imgbudget, "s.jsonl")
    assert document["session"] == {"path": "s.jsonl", "agent": "claude-code", "errors": 3, "left_out": 0}
    (error,) = document["errors"]
    assert (error["code"], error["status"], error["seen"], error["line"]) == ("IB102", 400, 2, 3)
    recorded = error["recorded"]
    assert (recorded["path"], recorded["line"], recorded["answered"]) == ("s.jsonl", 4, False)
    assert recorded["pointer"] == "/message/content/0/text"
    (block,) = error["blocks"]
    assert (block["path"], block["line"]) == ("s.jsonl", 1)
    assert block["pointer"] == "/message/content/21/source/data"
    assert [finding["code"] for finding in block["findings"]] == ["IB102"]
    assert [(one["text"], one["about"]) for one in document["unknown"]] == [
        (LIMITED, "a rate limit or quota")
    ]


def test_text_form(imgbudget: Command, tmp_path: Path) -> None:
    """It begins with the session, and shows where the error is recorded, and whether it still counts."""
    broken_session(tmp_path / "s.jsonl")
    run = imgbudget("explain", "s.jsonl", "--isolated")
    assert (run.code, run.err) == (0, "")
    head, _, rest = run.out.partition("\n")
    assert head == "s.jsonl: a session of claude-code with 3 recorded errors; the newest is last"
    assert "recorded: s.jsonl:4:" in rest
    assert "(no answer since: it stops the session)" in rest
    assert "block:    s.jsonl:1:" in rest
    broken_session(tmp_path / "s.jsonl", claude("assistant", "a1", "ok", parentUuid="e2"))
    assert "(the model answered since)" in imgbudget("explain", "s.jsonl", "--isolated").out


def test_sessions_without_an_error_about_images(imgbudget: Command, tmp_path: Path) -> None:
    """Exit code 1: there is none, or only others."""
    write_lines(tmp_path / "s.jsonl", claude("user", "u1", "hi"), claude("assistant", "a1", "ok"))
    run = imgbudget("explain", "s.jsonl", "--isolated")
    assert (run.code, run.out) == (1, "s.jsonl: a session of claude-code; no error is recorded in it\n")
    write_lines(tmp_path / "s.jsonl", claude("user", "u1", "hi"), claude_error("e1", LIMITED))
    run = imgbudget("explain", "s.jsonl", "--isolated")
    assert run.code == 1
    assert "another error on line 2" in run.out
    assert "not about an image, but a rate limit or quota" in run.out


def test_sessions_in_other_files(imgbudget: Command, tmp_path: Path) -> None:
    """A database, and the screen of Cline, lead to the images of the session."""
    refused = answer("m2")
    refused["info"]["error"] = {"name": "APIError", "data": {"message": "Could not process image"}}
    opencode(tmp_path / "o.db", user("m1", text("x"), image(20)), refused)
    (error,) = explained(imgbudget, "o.db")["errors"]
    assert error["recorded"]["pointer"] == "/message/ses_1_m2/data/error/data/message"
    task = [
        {"role": "user", "content": [{"type": "text", "text": "<task>x</task>"}, image_block(b"no image")]}
    ]
    (tmp_path / "api_conversation_history.json").write_text(json.dumps(task))
    said = [{"ts": 3, "type": "ask", "ask": "api_req_failed", "text": "400 Could not process image"}]
    (tmp_path / "ui_messages.json").write_text(json.dumps(said))
    for name in ("ui_messages.json", "api_conversation_history.json"):
        (error,) = explained(imgbudget, name)["errors"]
        assert error["recorded"]["path"] == "ui_messages.json"
        assert [block["path"] for block in error["blocks"]] == ["api_conversation_history.json"]


@pytest.mark.parametrize("name", ["log.txt", "r.json"])
def test_other_files_are_no_sessions(imgbudget: Command, tmp_path: Path, name: str) -> None:
    """The name of any other file is a text, with the hint how to explain its content."""
    (tmp_path / name).write_text('{"messages": []}')
    run = imgbudget("explain", name)
    assert run.code == 1
    assert f"{name} is a file; to explain its content" in run.err


def test_a_damaged_database_is_an_error(imgbudget: Command, tmp_path: Path) -> None:
    """Exit code 2, with the file and the reason."""
    path = opencode(tmp_path / "o.db", user("m1", text("x" * 5000)))
    content = bytearray(path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    path.write_bytes(content)
    run = imgbudget("explain", "o.db")
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("imgbudget: o.db: ")
