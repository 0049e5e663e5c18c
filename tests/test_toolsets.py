"""Which tool results answer a toolset, as the reader of requests and the shorthand see it."""

from pathlib import Path
from typing import Any

import pytest

from imgbudget.requests.messages import answered_toolsets
from imgbudget.testing import request
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

COMPUTER, BROWSER = "computer_toolset_20260801", "browser_toolset_20260801"
TOOLSET = {"type": COMPUTER}
CLICKER = {"name": "screenshot", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "a", "name": "screenshot", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "a", "content": []}
SAYS = {"toolset_name": "computer"}


def answered(tools: Any, call: Any = CALL, result: Any = RESULT) -> dict[str, str]:
    """The answered toolsets of one call and its result."""
    turns = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    return answered_toolsets({"messages": turns} | ({"tools": tools} if tools is not None else {}))


@pytest.mark.parametrize(
    ("tools", "call", "result"),
    [
        (None, CALL, RESULT),
        ([CLICKER], CALL, RESULT),
        ([{"type": "computer_20251124", "name": "computer"}], CALL | {"name": "computer"}, RESULT),
        ([TOOLSET, CLICKER], CALL, RESULT),
        ([CLICKER], CALL | SAYS, RESULT | SAYS),
        ([TOOLSET], CALL | {"toolset_name": "browser"}, RESULT),
        ([TOOLSET], CALL | {"id": 7}, RESULT | {"tool_use_id": None} | SAYS),
        ([TOOLSET], {"type": "text", "text": "hello"}, RESULT),
    ],
)
def test_result_of_another_tool_answers_no_toolset(tools: Any, call: Any, result: Any) -> None:
    """No toolset listed, another tool of the call's name, another family, ids that are none."""
    assert answered(tools, call, result) == {}


@pytest.mark.parametrize(
    ("tools", "call", "result", "kind"),
    [
        ([TOOLSET], CALL, RESULT, COMPUTER),
        ([{"type": BROWSER}], CALL, RESULT, BROWSER),
        ([CLICKER, TOOLSET], CALL | {"name": "zoom"}, RESULT, COMPUTER),
        ([TOOLSET, CLICKER], CALL | SAYS, RESULT, COMPUTER),
        ([TOOLSET, CLICKER], CALL, RESULT | SAYS, COMPUTER),
        ([TOOLSET, {"type": BROWSER}], CALL | {"toolset_name": "browser"}, RESULT, BROWSER),
        (None, CALL, RESULT | SAYS, COMPUTER),
        ([], CALL | {"toolset_name": "browser"}, RESULT, BROWSER),
        ([{"type": "computer_toolset_20991231"}], CALL, RESULT | SAYS, "computer_toolset_20991231"),
    ],
)
def test_result_of_a_toolset_is_recognised(tools: Any, call: Any, result: Any, kind: str) -> None:
    """By the call or the result first; a transcript without tools is trusted; else by the call's name."""
    assert answered(tools, call, result) == {"a": kind}


@pytest.mark.parametrize(
    "value", [None, 7, "computer", {}, [7, None, "x"], [{"type": 7}], [{"type": COMPUTER, "name": []}]]
)
def test_tools_and_messages_of_any_shape_are_read(value: Any) -> None:
    """What is malformed says nothing, and is no crash."""
    assert answered_toolsets({"tools": value, "messages": value}) == {}
    call = {"type": "tool_use", "id": "a", "name": []}
    turns = [{"content": [call]}, {"content": value}]
    assert set(answered_toolsets({"tools": value, "messages": turns})) <= {"a"}


NESTED = {"type": "document", "source": {"type": "content", "content": ["<png 8x8>"]}}


def test_only_images_of_the_result_itself_are_screenshots() -> None:
    """Images beside it, and of documents inside it, are ordinary ones; those after a document are not."""
    content = ["<png 8x8>", NESTED, "<png 8x8>"]
    turns = [
        {"role": "assistant", "content": [CALL | SAYS]},
        {"role": "user", "content": [RESULT | SAYS | {"content": content}, "<png 8x8>"]},
    ]
    uses = request({"tools": [TOOLSET], "messages": turns}).images
    assert [use.toolset for use in uses] == [COMPUTER, None, COMPUTER, None]


def test_screenshot_of_a_toolset_in_a_file_is_ib107(imgbudget: Command, tmp_path: Path) -> None:
    """Not an image in a document of the result, nor one of another tool, nor one beside them."""
    shot = image_block(image_bytes((1920, 1080)))
    nested = {"type": "document", "source": {"type": "content", "content": [shot]}}
    turns = [
        {"role": "assistant", "content": [CALL | SAYS, CALL | {"id": "b", "name": "look"}]},
        {
            "role": "user",
            "content": [
                RESULT | SAYS | {"content": [nested, shot]},
                RESULT | {"tool_use_id": "b", "content": [shot]},
                shot,
            ],
        },
    ]
    tools = [TOOLSET, {"name": "look", "input_schema": {"type": "object"}}]
    write_json(tmp_path / "r.json", body() | {"tools": tools, "messages": turns})
    run = imgbudget("check", "r.json", "--format", "json", "--select", "IB107,IB201")
    assert [(finding["code"], finding["location"]) for finding in run.json["findings"]] == [
        ("IB201", "messages.1.content.0.content.0.source.content.0"),
        ("IB107", "messages.1.content.0.content.1"),
        ("IB201", "messages.1.content.1.content.0"),
        ("IB201", "messages.1.content.2"),
    ]


def test_transformations_in_the_wrong_place_are_ib002(imgbudget: Command, tmp_path: Path) -> None:
    """On the image block they are read; at the top and on a document they are flaws at their own place."""
    wish = {"transformations": {"oversized_image": "error"}}
    block = image_block(image_bytes((1920, 1080))) | wish
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
    write_json(tmp_path / "r.json", body(block, document))
    assert imgbudget("check", "r.json", "--format", "json").codes == ["IB108"]
    write_json(tmp_path / "r.json", body(block, document | wish) | wish)
    run = imgbudget("check", "r.json", "--format", "json", "--select", "IB002")
    assert {finding["pointer"] for finding in run.json["findings"]} == {
        "/messages/0/content/1/transformations",
        "/transformations",
    }
