"""One message a line, without a body: a conversation, or prompts."""

import json
from pathlib import Path
from typing import Any

from tests.builders import image_block, image_bytes, text_block
from tests.conftest import Command
from tests.requestreading import requests_of

BLOCK = image_block(image_bytes((300, 200)))
URI = f"data:image/png;base64,{BLOCK['source']['data']}"


def row(role: str, *content: Any) -> dict[str, Any]:
    """A message."""
    return {"role": role, "content": list(content)}


def test_rows_of_several_roles_are_one_conversation() -> None:
    """Each image is located in its row, and as the request would have it."""
    part = {"type": "image_url", "image_url": {"url": URI}}
    rows = [
        {"role": "system", "content": "Be short."},
        row("user", BLOCK, text_block("look")),
        {"role": "assistant", "content": "a page"},
        row("user", text_block("and"), part),
    ]
    (request,) = requests_of(*rows)
    assert [turn.role for turn in request.turns] == ["system", "user", "assistant", "user"]
    assert [(use.location.pointer, use.location.document, use.location.dotted) for use in request.images] == [
        ("/content/0/source", 1, "messages.1.content.0"),
        ("/content/1/image_url", 3, "messages.3.content.1"),
    ]
    assert [use.turn for use in request.images] == [1, 3]


def test_rows_of_one_role_are_prompts() -> None:
    """Each with an image is a request; texts alone are none."""
    rows = [row("user", BLOCK), {"role": "user", "content": "hello"}, row("user", BLOCK, text_block("a"))]
    assert [len(request.images) for request in requests_of(*rows)] == [1, 1]


def test_a_row_that_no_api_takes_is_checked_by_its_image(imgbudget: Command) -> None:
    """A block of an unknown shape: the image is seen, the other rows are the conversation."""
    large = image_block(image_bytes((60, 8400)))
    odd = {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "blob": URI}}]}
    rows = [row("user", large), {"role": "assistant", "content": "ok"}, odd]
    Path("a.jsonl").write_text("".join(json.dumps(value) + "\n" for value in rows))
    run = imgbudget("check", "--format", "json", "--no-cache", "--select", "IB101,IB002")
    summary = run.json["summary"]
    assert (summary["requests"], summary["images"]) == (1, 2)
    assert [(finding["code"], finding["line"]) for finding in run.json["findings"]] == [("IB101", 1)]
    assert [entry["path"] for entry in summary["partly_checked"]] == ["a.jsonl"]


def test_fixes_keep_the_other_rows(imgbudget: Command) -> None:
    """The image is scaled in its row."""
    rows = [row("user", image_block(image_bytes((60, 8400)))), {"role": "assistant", "content": "ok  "}]
    Path("a.jsonl").write_text("".join(json.dumps(value) + "\n" for value in rows))
    run = imgbudget("check", "a.jsonl", "--fix", "--format", "json", "--no-cache", "--select", "IB101")
    lines = Path("a.jsonl").read_text().splitlines()
    assert (run.json["findings"], lines[1]) == ([], json.dumps(rows[1]))
    assert len(lines[0]) < len(json.dumps(rows[0]))


def test_other_rows_are_no_messages() -> None:
    """Roles of people, contents of other types, rows with a model."""
    for value in (
        {"role": "admin", "content": [BLOCK]},
        {"role": "user", "content": {"image": 1}},
        {"name": "x", "role": "user"},
    ):
        assert requests_of(value) == []
