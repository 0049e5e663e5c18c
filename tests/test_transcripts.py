"""Sessions of Claude Code: one request of many lines, each image at its own line."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from imgbudget.jsontext import document, parser
from tests.builders import image_block, image_bytes, text_block
from tests.conftest import Command
from tests.requestreading import requests_of

CUT = image_bytes((400, 300))[:60]


def line(role: str, content: Any, number: int = 0, **more: Any) -> dict[str, Any]:
    """A line of a session."""
    message: dict[str, Any] = {"role": role, "content": content}
    if role == "assistant":
        message["model"] = more.pop("model", "claude-sonnet-4-6")
    return {
        "type": role,
        "uuid": f"u{number}",
        "sessionId": "s1",
        "isSidechain": False,
        "message": message,
    } | more


def test_lines_without_a_finding_are_parsed_once(
    tmp_path: Path, imgbudget: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To locate findings at the end of a session, only their own lines are parsed and counted again."""
    told = [line("user" if at % 2 else "assistant", f"step {at}", at) for at in range(1, 80)]
    path = write(tmp_path / "s.jsonl", *told, "", line("user", [image_block(CUT)], 80), *told)
    path.write_text(path.read_text().replace('""\n', "\ufeff \n\n"))
    parsed = Mock(wraps=parser.parse)
    monkeypatch.setattr(document, "parse", parsed)
    (finding,) = imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB0").json["findings"]
    assert (finding["line"], finding["pointer"]) == (82, "/message/content/0/source")
    assert parsed.call_count == 2 * len(told) + 2


SUMMARY = {"type": "summary", "summary": "what was done", "leafUuid": "u1"}


def write(path: Path, *lines: Any) -> Path:
    """A session file."""
    path.write_text("".join(json.dumps(item) + "\n" for item in lines), encoding="utf-8")
    return path


def test_lines_are_one_request() -> None:
    """Messages in their order, those of one role in a row as one turn; other lines belong to the session."""
    (request,) = requests_of(
        SUMMARY,
        line("user", "look at these"),
        line("user", [image_block(), text_block("and this"), image_block(image_bytes((50, 60)))]),
        {"type": "file-history-snapshot", "messageId": "m", "snapshot": {}},
        line("assistant", [text_block("fine")], model="claude-haiku-4-5"),
        line("assistant", [{"type": "tool_use", "id": "t1", "name": "shot", "input": {}}]),
        line("user", [{"type": "tool_result", "tool_use_id": "t1", "content": [image_block()]}]),
    )
    assert (request.dialect, request.model, request.id) == ("transcript", "claude-sonnet-4-6", "s1")
    assert [turn.role for turn in request.turns] == ["user", "assistant", "user"]
    assert [len(turn.blocks) for turn in request.turns] == [4, 2, 1]
    assert [use.location.dotted for use in request.images] == [
        "messages.0.content.1",
        "messages.0.content.3",
        "messages.2.content.0.content.0",
    ]
    assert [use.location.pointer for use in request.images] == [
        "/message/content/0/source",
        "/message/content/2/source",
        "/message/content/0/content/0/source",
    ]
    assert [use.turn for use in request.images] == [0, 0, 2]
    assert request.images[0].digest == request.images[2].digest != request.images[1].digest


def test_size_is_that_of_the_contents() -> None:
    """Data beside the message of a line is not sent again: copies of results do not count."""
    content = [image_block()]
    (request,) = requests_of(line("user", content, toolUseResult={"file": {"base64": "A" * 5000}}))
    assert request.byte_size == len(json.dumps(content))
    assert len(request.images) == 1


def test_the_programs_own_errors_are_not_sent() -> None:
    """A synthetic answer is no message, and its model is none."""
    (request,) = requests_of(
        line("user", "hi"),
        line("assistant", [text_block("ok")], model="claude-opus-4-8"),
        line("assistant", [text_block("API Error: 400")], model="<synthetic>", isApiErrorMessage=True),
    )
    assert request.model == "claude-opus-4-8"
    assert len(request.turns[1].blocks) == 1


def test_what_was_compacted_is_not_sent() -> None:
    """Only what follows the last boundary is the request."""
    (request,) = requests_of(
        line("user", [image_block()]),
        line("assistant", "a cat"),
        {"type": "system", "subtype": "compact_boundary", "uuid": "b", "sessionId": "s1"},
        line("user", "this session goes on"),
    )
    assert request.images == ()
    assert len(request.turns) == 1


def test_sub_agents_have_their_own_requests() -> None:
    """A side chain is another conversation, identified by its agent or by its parent line."""
    requests = requests_of(
        line("user", [image_block()], 1),
        line("user", [image_block(), image_block()], 2, isSidechain=True, parentUuid=None),
        line("assistant", "seen", 3, isSidechain=True, parentUuid="u2", model="claude-haiku-4-5"),
        line("user", "go", 4, isSidechain=True, agentId="a9"),
        line("assistant", "done", 5),
    )
    assert [request.id for request in requests] == ["s1", "u2", "a9"]
    assert [len(request.images) for request in requests] == [1, 2, 0]
    assert [request.model for request in requests] == ["claude-sonnet-4-6", "claude-haiku-4-5", None]


@pytest.mark.parametrize(
    ("model", "codes"), [("glm-99v", ["IB411", "IB001"]), ("glm-4.6", ["IB001", "IB413"])]
)
def test_session_of_another_vendors_model(
    imgbudget: Command, tmp_path: Path, model: str, codes: list[str]
) -> None:
    """A session that a router sent elsewhere is checked by all rules that need no model.

    GLM-4.6 takes no images (vLLM's list of text-only models), so its session has an error more than that.
    """
    write(tmp_path / "s.jsonl", line("user", [image_block(CUT)]), line("assistant", "?", model=model))
    run = imgbudget("check", "s.jsonl", "--format", "json")
    assert run.codes == codes
    (request,) = run.json["requests"]
    assert (request["model"], request["platform"], request["visual_tokens"]) == (model, None, None)


def test_truncated_image_in_turn_3(imgbudget: Command, tmp_path: Path) -> None:
    """IB001 at its line and in the API's words, with the note that every later turn fails with it."""
    path = write(
        tmp_path / "s.jsonl",
        SUMMARY,
        line("user", [image_block()]),
        line("assistant", "fine"),
        line("user", [text_block("and this?"), image_block(CUT)]),
        line("assistant", "?"),
        line("user", "go on"),
    )
    run = imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB0")
    assert (run.code, run.codes) == (1, ["IB001"])
    finding = run.json["findings"][0]
    assert (finding["line"], finding["pointer"]) == (4, "/message/content/1/source")
    assert finding["location"] == "messages.2.content.1"
    assert "every later one fails with it" in finding["help"]
    text = path.read_text().splitlines()[3]
    assert text[finding["column"] - 1 :].startswith('{"type": "base64"')
    assert run.json["requests"] == [
        run.json["requests"][0] | {"line": 2, "id": "s1", "images": 2, "model": "claude-sonnet-4-6"}
    ]
    full = imgbudget("check", "s.jsonl", "--select", "IB001").out
    assert f"{path.name}:4:" in full


def test_findings_are_in_the_order_of_the_file(imgbudget: Command, tmp_path: Path) -> None:
    """A bad last line is reported by its number, after the findings on the messages before it."""
    path = write(tmp_path / "s.jsonl", line("user", [image_block(CUT)]), line("assistant", "?"))
    path.write_text(path.read_text() + '{"type": "user", "mess\n')
    run = imgbudget("check", ".", "--format", "json", "--select", "IB0")
    assert [(finding["code"], finding["line"]) for finding in run.json["findings"]] == [
        ("IB001", 1),
        ("IB002", 3),
    ]
    assert run.json["summary"]["rows"] == {"total": 3, "checked": 2, "bad": 1, "skipped": []}
