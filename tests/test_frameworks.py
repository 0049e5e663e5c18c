"""Messages as frameworks keep them: read as the request that they become."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.requests.reader import NoRequest
from tests.builders import image_block, image_bytes
from tests.conftest import Command
from tests.requestreading import items_of, requests_of

BLOCK = image_block(image_bytes((300, 200)))
DATA = BLOCK["source"]["data"]
URI = f"data:image/png;base64,{DATA}"
TEXT = {"type": "text", "text": "look"}


def turn(*parts: Any, key: str = "content", **more: Any) -> dict[str, Any]:
    """A user message of these parts."""
    return {"role": "user", key: list(parts)} | more


MESSAGES: dict[str, tuple[Any, str]] = {
    "LangChain, standard block": (
        turn({"type": "image", "base64": DATA, "mime_type": "image/png"}),
        "/base64",
    ),
    "LangChain, v0 block": (
        turn({"type": "image", "source_type": "base64", "data": DATA, "mime_type": "image/png"}),
        "/data",
    ),
    "LangChain, typed": ({"type": "human", "content": [BLOCK]}, "/source/data"),
    "AI SDK, UI": (
        turn({"type": "file", "mediaType": "image/png", "url": URI}, key="parts", id="m"),
        "/url",
    ),
    "AI SDK, model": (turn({"type": "file", "mediaType": "image/png", "data": DATA}), "/data"),
    "AI SDK, image": (turn({"type": "image", "image": DATA}), "/image"),
    "MCP": (turn({"type": "image", "data": DATA, "mimeType": "image/png"}), "/data"),
    "inspect_ai": (turn({"type": "image", "image": URI}), "/image"),
    "LlamaIndex": (
        turn({"block_type": "image", "image": DATA, "image_mimetype": "image/png"}, key="blocks"),
        "/image",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("envelope", ["body", "list", "key"])
def test_messages_of_frameworks_are_requests(name: str, envelope: str) -> None:
    """In a body, as a list, and as a list inside other JSON."""
    message, end = MESSAGES[name]
    key = next(key for key in ("content", "parts", "blocks") if key in message)
    wraps = {"body": {"messages": [message]}, "list": [message], "key": {"state": {"log": [message]}}}
    start = {"body": "/messages", "list": "", "key": "/state/log"}[envelope]
    (request,) = requests_of(wraps[envelope])
    (use,) = request.images
    assert (request.dialect, request.flaws, use.flaws) == ("framework", (), ())
    assert (str(use.size), use.location.pointer) == ("300x200", f"{start}/0/{key}/0{end}")


def test_dumps_of_langchain() -> None:
    """`dumps` and `messages_to_dict`, with roles by class and type."""
    human = {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"]}
    answer = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "AIMessage"],
        "kwargs": {"content": "a page"},
    }
    (request,) = requests_of([human | {"kwargs": {"content": [TEXT, BLOCK]}}, answer])
    assert [turn.role for turn in request.turns] == ["user", "assistant"]
    assert request.images[0].location.pointer == "/0/kwargs/content/1/source/data"
    part = {"type": "image_url", "image_url": {"url": URI}}
    (request,) = requests_of([{"type": "human", "data": {"content": [TEXT, part], "type": "human"}}])
    assert request.images[0].location.pointer == "/0/data/content/1/image_url/url"


def test_pydantic_ai() -> None:
    """Prompts inside the parts of a request; its base64 is url-safe, which is no mistake."""
    data = DATA.replace("+", "-").replace("/", "_")
    binary = {"kind": "binary", "data": data, "media_type": "image/png"}
    prompt = {"part_kind": "user-prompt", "content": ["look", binary]}
    answer = {"kind": "response", "parts": [{"part_kind": "text", "content": "ok"}]}
    (request,) = requests_of([{"kind": "request", "parts": [prompt]}, answer])
    (use,) = request.images
    assert (use.flaws, use.location.pointer) == ((), "/0/parts/0/content/1/data")


def test_tool_results_with_images() -> None:
    """Results of tools that hold parts, as AI SDK has them."""
    output = {"type": "content", "value": [TEXT, {"type": "media", "mediaType": "image/png", "data": DATA}]}
    result = {"type": "tool-result", "toolCallId": "t", "output": output}
    (request,) = requests_of([turn(TEXT), {"role": "tool", "content": [result]}])
    assert request.images[0].location.pointer == "/1/content/0/output/value/1/data"


@pytest.mark.parametrize(
    "value",
    [
        [turn({"type": "image", "image": "a.png"})],
        [turn({"type": "file", "mediaType": "text/plain", "data": "aGk="})],
        [{"type": "human", "content": "hello"}],
        {
            "messages": [
                {"type": "human", "content": "a"},
                {"type": "ai", "content": "", "tool_calls": [{"id": 1}]},
            ]
        },
        [{"type": "tool", "name": "x"}],
        {"messages": [{"type": "tool", "content": [{"type": "image"}]}]},
    ],
)
def test_other_lists_are_no_requests(value: Any) -> None:
    """Names of files, other files, texts, and lists of other things."""
    (item,) = items_of(value)
    assert isinstance(item, NoRequest)


@pytest.mark.parametrize(
    "kept",
    [
        "attachment://734b3dc396aa9924b5f2a48de42561d2",
        "mlflow-attachment://a1?content_type=image%2Fpng",
        "@@@langfuseMedia:type=image/png|id=a1|source=bytes@@@",
    ],
)
def test_an_image_that_a_log_keeps_elsewhere_is_no_address(imgbudget: Command, kept: str) -> None:
    """It was sent as bytes, which are elsewhere in the log: neither an address nor base64."""
    parts = (TEXT, {"type": "image", "image": kept}, {"type": "image", "image": URI})
    Path("a.json").write_text(json.dumps([turn(*parts)]))
    run = imgbudget("check", "a.json", "--format", "json", "--no-cache", "--select", "IB1,IB4")
    assert (run.json["summary"]["requests"], run.json["findings"]) == (1, [])
