"""Sessions of Goose: lines, exports, and what of them the model still sees.

The shape is that of crates/goose/src/conversation/message.rs at 0513296, lines as before 1.10.
"""

import base64
import json
from pathlib import Path
from typing import Any

from imgbudget.model.subjects import Request
from tests.builders import image_bytes, write_json
from tests.conftest import Command
from tests.mutations import mutated
from tests.requestreading import items_of, requests_of

Json = dict[str, Any]

CUT = image_bytes((400, 300))[:60]


def picture(data: bytes, **more: Any) -> Json:
    """An image block."""
    return {"type": "image", "data": base64.b64encode(data).decode(), "mimeType": "image/png"} | more


def image(width: int, **more: Any) -> Json:
    """An image that is known by its width."""
    return picture(image_bytes((width, 10)), **more)


def text(value: str) -> Json:
    """A text block."""
    return {"type": "text", "text": value}


def message(role: str, *content: Json, **more: Any) -> Json:
    """A message."""
    return {"id": "m", "role": role, "created": 1767225600, "content": list(content)} | more


def response(value: Any) -> Json:
    """The result of a tool."""
    return {"type": "toolResponse", "id": "t", "toolResult": {"status": "success", "value": value}}


HEADER = {"working_dir": "/p", "description": "x", "message_count": 3, "total_tokens": 9}
HIDDEN = {"userVisible": True, "agentVisible": False}
LINES = (
    HEADER,
    message("user", text("look"), image(20)),
    message("assistant", {"type": "toolRequest", "id": "t", "toolCall": {"status": "success", "value": {}}}),
    message("user", response({"content": [text("read"), image(30)], "isError": False})),
    message("user", response([image(40)])),
)


def sizes(*documents: Json) -> list[str]:
    """The sizes of the images of the only session, with their places in its request."""
    (request,) = requests_of(*documents)
    return [f"{use.location.dotted} {use.size}" for use in request.images]


def test_messages_and_results_of_tools() -> None:
    """Results are in either of two shapes; consecutive messages of one role are one turn."""
    assert sizes(*LINES) == [
        "messages.0.content.1 20x10",
        "messages.2.content.0.toolResult.value.content.1 30x10",
        "messages.2.content.1.toolResult.value.0 40x10",
    ]


def test_what_the_model_does_not_see(imgbudget: Command, tmp_path: Path) -> None:
    """Compacted messages are kept but hidden; some content is for the user only."""
    hidden = message("user", picture(CUT), metadata=HIDDEN)
    shown = message("user", image(50, annotations={"audience": ["user"]}), image(60))
    assert sizes(HEADER, hidden, shown) == ["messages.0.content.0 60x10"]
    lines = (HEADER, hidden, shown, {"type": "of tomorrow"})
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    run = imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB0")
    assert (run.code, run.json["summary"]["rows"]["skipped"]) == (
        0,
        [
            {
                "path": "s.jsonl",
                "line": 2,
                "end_line": 2,
                "reason": "sent before the session was compacted, not sent again",
            }
        ],
    )


def test_export(imgbudget: Command, tmp_path: Path) -> None:
    """An exported session names its model; what it does not send is counted."""
    export = HEADER | {"id": "s-1", "model_config": {"model_name": "claude-opus-4-8"}}
    whole = export | {"conversation": [message("user", picture(CUT), metadata=HIDDEN), *LINES[1:]]}
    (request,) = requests_of(whole)
    assert (request.id, request.model, len(request.images)) == ("s-1", "claude-opus-4-8", 3)
    assert request.images[0].location.pointer == "/conversation/1/content/1"
    write_json(tmp_path / "s.json", whole)
    run = imgbudget("check", "s.json", "--select", "IB0")
    assert "s.json: 1 message not checked: sent before the session was compacted" in run.err


def test_broken_image_is_an_error_and_removed(imgbudget: Command, tmp_path: Path) -> None:
    """Its block gives way to a text, also in the result of a tool; other lines stay byte for byte."""
    lines = (*LINES, message("user", response({"content": [text("read"), picture(CUT)]})))
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    (found,) = imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB0").json["findings"]
    assert (found["code"], found["line"]) == ("IB001", 6)
    imgbudget("check", "s.jsonl", "--fix", "--select", "IB0")
    fixed = [json.loads(one) for one in path.read_text().splitlines()]
    assert fixed[:5] == list(lines[:5])
    blocks = fixed[5]["content"][0]["toolResult"]["value"]["content"]
    assert blocks[1]["text"].startswith("[image removed")
    assert imgbudget("check", "s.jsonl", "--select", "IB0").code == 0


def test_odd_values_never_raise() -> None:
    """Values of other types anywhere are flaws, or nothing."""
    export = HEADER | {"id": "s", "conversation": [LINES[3]], "model_config": {"model_name": "m"}}
    for documents in mutated([*LINES, export]):
        for one in items_of(*documents):
            assert not isinstance(one, Request) or all(use.location.dotted for use in one.images)
