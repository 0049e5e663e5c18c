"""Bodies that leave something to the server: what is checked, and what the output says is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import body, image_block, image_bytes
from tests.conftest import Command


def reasons(imgbudget: Command, path: Path, value: dict[str, Any]) -> list[str]:
    """Why the file with that body is checked in part only."""
    path.write_text(json.dumps(value))
    run = imgbudget("check", path.name, "--format", "json")
    return [entry["reason"] for entry in run.json["summary"]["partly_checked"]]


def test_threads_of_claude(imgbudget: Command, tmp_path: Path) -> None:
    """A thread that goes on has earlier turns; a new one has none."""
    thread = {"type": "continue", "previous_message_id": "msg_01"}
    whole = body(image_block()) | {"thread": thread}
    [reason] = reasons(imgbudget, tmp_path / "r.json", whole)
    assert reason.startswith("thread: earlier turns unknown, the server holds them")
    assert reasons(imgbudget, tmp_path / "r.json", body(image_block()) | {"thread": {"type": "new"}}) == []
    assert "note: r.json: thread: earlier turns unknown" in _note(imgbudget, tmp_path, whole)


def _note(imgbudget: Command, folder: Path, value: dict[str, Any]) -> str:
    (folder / "r.json").write_text(json.dumps(value))
    return imgbudget("check", "r.json").err


@pytest.mark.parametrize("key", ["previous_response_id", "conversation"])
def test_stored_responses_of_openai(imgbudget: Command, tmp_path: Path, key: str) -> None:
    """A body that continues a stored response is not the whole conversation."""
    address = "data:image/png;base64," + image_block()["source"]["data"]
    content = [{"type": "input_image", "image_url": address}]
    value = {"model": "gpt-5.5", "input": [{"role": "user", "content": content}], key: "resp_1"}
    [reason] = reasons(imgbudget, tmp_path / "r.json", value)
    assert reason.startswith(f"{key}: earlier turns unknown")
    assert reasons(imgbudget, tmp_path / "r.json", value | {key: None}) == []


def cleared(keep: Any, **more: Any) -> dict[str, Any]:
    """A body with four results of tools, an image in each, and one image of the user."""
    turns: list[dict[str, Any]] = [{"role": "user", "content": [image_block(image_bytes((280, 280)))]}]
    for i in range(4):
        call = {"type": "tool_use", "id": f"t{i}", "name": "shot", "input": {}}
        shot = image_block(image_bytes((280, 280)))
        result = {"type": "tool_result", "tool_use_id": f"t{i}", "content": [shot]}
        turns += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    edit = {"type": "clear_tool_uses_20250919"} | ({} if keep is None else {"keep": keep}) | more
    whole = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": turns}
    return whole | {"context_management": {"edits": [edit]}}


@pytest.mark.parametrize(
    ("keep", "after"),
    [
        (None, 4),
        ({"type": "tool_uses", "value": 1}, 2),
        ({"type": "tool_uses", "value": 0}, 1),
        ({"type": "tool_uses", "value": 9}, 5),
        ({"type": "tool_uses", "value": "1"}, 4),
        ("all", 4),
    ],
)
def test_clearing_of_results(imgbudget: Command, tmp_path: Path, keep: Any, after: int) -> None:
    """The body is checked as sent; the output has the sums after clearing too."""
    [reason] = reasons(imgbudget, tmp_path / "r.json", cleared(keep))
    images = f"{after} image{'' if after == 1 else 's'}"
    assert reason == (
        "context_management: checked before clearing of tool results, with 5 images and 500 visual tokens; "
        f"after it {images} and {after * 100} visual tokens"
    )


def test_other_edits_of_the_context(imgbudget: Command, tmp_path: Path) -> None:
    """What they take out is not known."""
    whole = body(image_block()) | {"context_management": {"edits": [{"type": "compact_20260112"}]}}
    [reason] = reasons(imgbudget, tmp_path / "r.json", whole)
    assert reason == "context_management (compact_20260112): checked as sent, before the server edits it"
    wrong: list[Any] = [{}, {"edits": None}, {"edits": [None, {"type": 1}]}, [], "x"]
    for value in wrong:
        odd = body(image_block()) | {"context_management": value}
        assert reasons(imgbudget, tmp_path / "r.json", odd) == []
