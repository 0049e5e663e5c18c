"""IB408: the base64 of an image in a text, which the model reads as characters."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.model.subjects import Text, walk_blocks
from tests.builders import body, image_block, image_bytes
from tests.conftest import Command
from tests.requestreading import request_of

DATA = base64.b64encode(image_bytes((900, 600), "JPEG", quality=95, comment=b"x" * 3000)).decode()
URI = f"data:image/jpeg;base64,{DATA}"
PROSE = "the quick brown fox jumps over the lazy dog. " * 200


def characters(text: Any) -> list[int]:
    """What is counted in the texts of a tool result with that content."""
    result = {"type": "tool_result", "tool_use_id": "t", "content": text}
    request = request_of(body(result))
    blocks = (block for turn in request.turns for block in walk_blocks(turn.blocks))
    return [block.image_characters for block in blocks if isinstance(block, Text)]


@pytest.mark.parametrize(
    "text",
    [
        DATA,
        URI,
        f"see {URI} here",
        json.dumps([image_block(image_bytes((900, 600), "JPEG", quality=95, comment=b"x" * 3000))]),
        json.dumps(json.dumps({"data": DATA})),
        f"{PROSE}![shot]({URI})",
        "<img src='" + URI + "'>" + "é" * 5000,
    ],
)
def test_images_in_text(text: str) -> None:
    """Alone, in prose, in JSON that was written into a string, and in that once more."""
    assert characters(text) == [len(DATA)]


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        DATA[:4000],  # short
        "data:image/png;base64,..." + PROSE,
        "A" * 20_000,
        base64.b64encode(b"%PDF-1.7" + b"x" * 20_000).decode(),
        PROSE + "/9j/ " + PROSE,
        DATA[:2000] + "!" + PROSE,
    ],
)
def test_text_without_images(text: str) -> None:
    """Prose, other base64, samples: nothing is counted."""
    assert characters(text) == [0]


@pytest.mark.parametrize("value", [URI, {"shot": DATA}, [{"a": [{"b": URI}, 1, None, "short"]}]])
def test_images_in_the_json_of_a_tool(value: Any) -> None:
    """What a function returns as JSON is text for the model: in Gemini's responses, and in Converse."""
    part = {"functionResponse": {"name": "shot", "response": {"content": value}}}
    gemini = {"contents": [{"role": "user", "parts": [part]}]}
    result = {"toolResult": {"toolUseId": "t", "content": [{"json": {"content": value}}]}}
    for whole, start in (
        (gemini, "/contents/0/parts/0/functionResponse/response/content"),
        (
            {"messages": [{"role": "user", "content": [result]}]},
            "/messages/0/content/0/toolResult/content/0/json",
        ),
    ):
        request = request_of(whole)
        blocks = (block for turn in request.turns for block in walk_blocks(turn.blocks))
        [text] = [block for block in blocks if isinstance(block, Text)]
        assert text.image_characters == len(DATA)
        assert (text.location.pointer or "").startswith(start)


def test_two_images_in_one_text() -> None:
    """Each counts."""
    assert characters([{"type": "text", "text": f"{URI} and {URI}"}]) == [2 * len(DATA)]


def test_warning_and_error(imgbudget: Command, tmp_path: Path) -> None:
    """A warning with the least number of tokens; an error where they are more than the input."""
    (tmp_path / "r.json").write_text(json.dumps(body(f"look: {URI}")))
    [finding] = imgbudget("check", "r.json", "--select", "IB408", "--format", "json").json["findings"]
    assert (finding["severity"], finding["measured"], finding["limit"]) == ("warning", len(DATA) // 4, None)
    assert finding["location"] == "messages.0.content.0"
    large = base64.b64encode(image_bytes((900, 600), "JPEG", quality=95, comment=b"x" * 60_000)).decode()
    many = " ".join([large] * 12)
    (tmp_path / "r.json").write_text(json.dumps(body(many, model="claude-haiku-4-5")))
    [finding] = imgbudget("check", "r.json", "--select", "IB408", "--format", "json").json["findings"]
    assert (finding["severity"], finding["limit"]) == ("error", 200_000)
    assert "more than claude-haiku-4-5 takes" in finding["message"]
