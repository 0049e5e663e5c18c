"""IB414: notes in sessions that stand in the place of an image."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import image_block, image_bytes
from tests.conftest import Command

Block = dict[str, Any]


def found(imgbudget: Command, tmp_path: Path, *turns: Any, role: str = "user") -> list[dict[str, Any]]:
    """The findings of the rule on a session of Claude Code with these contents."""
    lines = [
        {"uuid": str(i), "parentUuid": str(i - 1) if i else None, "sessionId": "s", "type": role}
        | {"message": {"role": role, "content": content}}
        for i, content in enumerate(turns)
    ]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = imgbudget("check", "s.jsonl", "--select", "IB414", "--format", "json")
    assert run.code == 0
    findings: list[dict[str, Any]] = run.json["findings"]
    return findings


def result(content: Any) -> Block:
    """A tool result."""
    return {"type": "tool_result", "tool_use_id": "t", "content": content}


def text(value: str) -> Block:
    """A text block."""
    return {"type": "text", "text": value}


@pytest.mark.parametrize(
    "note",
    [
        "[image removed]",
        "[Image omitted: could not be resized below the inline image size limit.]",
        "[image removed — context compacted]",
        "[Image removed from conversation history]",
        "[image data removed - already processed by model]",
        "(image omitted: model does not support images)",
        "(tool image omitted: model does not support images)",
        "<image content omitted because you do not support image input>",
        "image content omitted because remote image URLs are not supported",
        "[image not retained]",
        "[screenshot omitted — still on disk at /p/a.png]",
        "[older screenshot elided to bound context memory]",
        "[Old image content cleared]",
        "[IMAGE STRIPPED]",
        "[Attached image/png: image-2.png]",
        'ERROR: Cannot read "clipboard" (this model does not support image input). Inform the user.',
        "[tool returned an image (format: image/png) but the API doesn't currently support image responses]",
        "[screenshot]",
    ],
)
def test_notes_of_agents(imgbudget: Command, tmp_path: Path, note: str) -> None:
    """As a text, as a line of the result of a tool, and as a string."""
    for content in ([text(note)], [result([text(note)])], [result(note)], note):
        [finding] = found(imgbudget, tmp_path, content)
        assert finding["severity"] == "info"
        assert finding["message"] == f"an image was left out, and the model does not see it: {note}"
    if note != "[screenshot]":
        assert len(found(imgbudget, tmp_path, [result(f"Read a.png\n{note}\n")])) == 1


@pytest.mark.parametrize(
    "value",
    [
        "[image removed, because it cannot be decoded: it was empty]",
        "[image omitted to make room: png 800x600]",
        "please check that the image was removed",
        "[Image #1] remove the second button",
        'parts.append("[image omitted]")',
        "- [image removed] is what the log says",
        "[images](removed.md)",
        "(the image is fine)",
        "[Old tool result content cleared]",
        "[imagery of deleted scenes]",
    ],
)
def test_other_texts(imgbudget: Command, tmp_path: Path, value: str) -> None:
    """Notes of imgbudget's own fixes, prose, code, labels, links."""
    assert found(imgbudget, tmp_path, value) == []


def test_labels_and_answers(imgbudget: Command, tmp_path: Path) -> None:
    """A label beside its image, and what the model says itself."""
    shot = image_block(image_bytes((300, 300)))
    assert found(imgbudget, tmp_path, [result([text("[screenshot]"), shot])]) == []
    assert found(imgbudget, tmp_path, [text("[image removed]")], role="assistant") == []


def test_equal_notes_are_one_finding(imgbudget: Command, tmp_path: Path) -> None:
    """It is at the first of them and says how many there are."""
    note = [text("[image removed]")]
    first, other = found(imgbudget, tmp_path, "hello", note, note, [text("[image omitted]")], note)
    assert (first["measured"], first["line"]) == (3, 2)
    assert first["message"].startswith(
        "3 images were left out, and the model does not see them: [image removed]"
    )
    assert other["measured"] == 1
