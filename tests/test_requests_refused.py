"""IB404, IB409, IB410: misplaced images, addresses that cannot be fetched, text that is not UTF-8."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.subjects import ProbeField, Request, Text
from imgbudget.requests.reader import read_requests
from imgbudget.testing import request, run_rule
from imgbudget_rules.ib404_misplaced_image import misplaced_image
from imgbudget_rules.ib409_unfetchable_url import unfetchable_url
from imgbudget_rules.ib410_lone_surrogate import lone_surrogate
from tests.builders import body, image_block
from tests.conftest import Command
from tests.requestreading import request_of


def by_url(address: str, **more: Any) -> Any:
    """A request with an image at an address."""
    block = {"type": "image", "source": {"type": "url", "url": address}}
    return request({"messages": [{"role": "user", "content": [block]}], **more})


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://example.com/a.png", "it is http:, and only https: is supported"),
        ("HTTP://example.com/a.png", "only https:"),
        ("ftp://example.com/a.png", "it is ftp:"),
        ("gs://bucket/a.png", "it is gs:"),
        ("data:image/png;base64,AAAA", "data URI"),
        ("file:///home/me/a.png", "file: exists only where"),
        ("blob:https://example.com/9d1c", "blob: exists only where"),
        ("sandbox:/mnt/data/a.png", "sandbox: exists only where"),
        ("/images/a.png", "it is a path"),
        ("./a.png", "it is a path"),
        ("C:\\images\\a.png", "it is a path"),
        ("example.com/a.png", "it is a path"),
        ("//example.com/a.png", "it is a path"),
    ],
)
def test_addresses_that_claude_cannot_fetch(address: str, words: str) -> None:
    """Each with its reason, at the source."""
    [problem] = run_rule(unfetchable_url, by_url(address))
    assert problem.message.startswith("anthropic cannot fetch the address of the image: ")
    assert words in problem.message
    assert problem.location is not None
    assert problem.location.dotted == "messages.0.content.0"


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/a.png",
        "HTTPS://example.com/a",
        " https://example.com/a.png",
        "{{ url }}",
        "${URL}",
    ],
)
def test_addresses_that_may_be_fetched(address: str) -> None:
    """https, and names that a template fills in."""
    assert run_rule(unfetchable_url, by_url(address)) == []


def test_others_may_take_http() -> None:
    """OpenAI and servers of one's own fetch http; what is local stays local."""
    chat = {"model": "gpt-4o", "platform": "openai"}
    assert run_rule(unfetchable_url, by_url("http://example.com/a.png", **chat)) == []
    assert len(run_rule(unfetchable_url, by_url("file:///a.png", **chat))) == 1


def chat(role: str, model: str = "gpt-4o") -> dict[str, Any]:
    """A body of chat completions with an image in a message of that role."""
    address = "data:image/png;base64," + image_block()["source"]["data"]
    message = {"role": role, "content": [{"type": "image_url", "image_url": {"url": address}}]}
    if role == "tool":
        message["tool_call_id"] = "c"
    first = {"role": "user", "content": "draw"}
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    call = {"role": "assistant", "content": None, "tool_calls": calls}
    return {"model": model, "messages": [first, *([call] if role == "tool" else []), message]}


@pytest.mark.parametrize("role", ["assistant", "system", "developer", "tool"])
def test_images_of_others_than_the_user(imgbudget: Command, tmp_path: Path, role: str) -> None:
    """OpenAI's chat completions refuse them; other servers of the same shape may not."""
    (tmp_path / "r.json").write_text(json.dumps(chat(role)))
    assert imgbudget("check", "r.json", "--select", "IB404", "--format", "json").codes == ["IB404"]
    (tmp_path / "r.json").write_text(json.dumps(chat(role, "qwen3-vl-8b")))
    assert imgbudget("check", "r.json", "--select", "IB404", "--format", "json").codes == []
    (tmp_path / "r.json").write_text(json.dumps(chat("user")))
    assert imgbudget("check", "r.json", "--select", "IB404", "--format", "json").codes == []


def responses(role: str, model: str = "gpt-4o") -> dict[str, Any]:
    """A body of responses with an image in a message of that role, or in the output of a tool."""
    address = "data:image/png;base64," + image_block()["source"]["data"]
    part = {"type": "input_image", "image_url": address}
    item = {"type": "message", "role": role, "content": [part]}
    if role == "tool":
        item = {"type": "function_call_output", "call_id": "c", "output": [part]}
    return {"model": model, "input": [{"role": "user", "content": "draw"}, item]}


def test_images_in_answers_of_responses(imgbudget: Command, tmp_path: Path) -> None:
    """OpenAI's responses refuse them in assistant messages only, and so they are in Codex's sessions."""
    for role in ("user", "system", "developer", "tool"):
        (tmp_path / "r.json").write_text(json.dumps(responses(role)))
        assert imgbudget("check", "r.json", "--select", "IB404", "--format", "json").codes == []
    (tmp_path / "r.json").write_text(json.dumps(responses("assistant", "qwen3-vl-8b")))
    assert imgbudget("check", "r.json", "--select", "IB404", "--format", "json").codes == []
    (tmp_path / "r.json").write_text(json.dumps(responses("assistant")))
    [finding] = imgbudget("check", "r.json", "--select", "IB404", "--format", "json").json["findings"]
    assert finding["location"] == "input.1.content.0"
    assert "'output_text' and 'refusal'" in finding["message"]
    first, answer = responses("assistant")["input"]
    lines = [
        {"timestamp": "t", "type": "turn_context", "payload": {"model": "gpt-5.4"}},
        *({"timestamp": "t", "type": "response_item", "payload": item} for item in (first, answer)),
    ]
    lines[1]["payload"]["type"] = "message"
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert imgbudget("check", "s.jsonl", "--select", "IB404", "--format", "json").codes == ["IB404"]


def test_results_of_mcp_tools_hold_text_only() -> None:
    """The image in it is seen, and refused."""
    content = [{"type": "mcp_tool_result", "tool_use_id": "m", "content": [image_block()]}]
    found = request_of(body(*content))
    assert [use.inside for use in found.images] == [("mcp_tool_result",)]
    spec = {"type": "mcp_tool_result", "tool_use_id": "m", "content": ["<png 8x8>"]}
    problems = run_rule(misplaced_image, request({"messages": [{"role": "user", "content": [spec]}]}))
    assert [problem.message for problem in problems] == [
        "image is in the result of an MCP tool; the API accepts only text there"
    ]


def surrogates(text: str) -> list[str]:
    """The surrogates of the text block of a request, which stands in the JSON text as given."""
    whole = json.dumps(body(image_block(), "TEXT")).replace("TEXT", text)
    with JsonSource.from_bytes(whole.encode()) as source:
        (document,) = open_documents(source, lines=False)
        assert isinstance(document, Document)
        (found,) = read_requests(document, "r.json", ProbeField.NONE)
        assert isinstance(found, Request)
        return [block.surrogate for turn in found.turns for block in turn.blocks if isinstance(block, Text)]


LONG = "a" * 10_000
WHOLE = r"\ud83d\ude00"


@pytest.mark.parametrize("before", ["", LONG, "\u00e9" * 6000, WHOLE * 3000, LONG * 210])
@pytest.mark.parametrize("after", ["", LONG])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ""),
        (WHOLE, ""),
        (r"\\ud83d", ""),  # an escaped backslash, and letters
        (r"\ud83d", "\ud83d"),
        (r"\uDE00 and \ud83d", "\ude00"),
        (r"\ud83d\\ude00", "\ud83d"),
    ],
)
def test_surrogates_anywhere_in_a_text(before: str, text: str, after: str, expected: str) -> None:
    """Half a character is found in short texts and in those that stay in the file."""
    assert surrogates(before + text + after) == [expected]


def test_lone_surrogate_is_reported(imgbudget: Command, tmp_path: Path) -> None:
    """At the text, as an escape: output is always valid."""
    (tmp_path / "r.json").write_text(json.dumps(body(image_block(), "cut \ud83d")))
    run = imgbudget("check", "r.json", "--select", "IB410", "--format", "json")
    [finding] = run.json["findings"]
    assert finding["message"].startswith("text holds the lone surrogate \\ud83d, which is not valid UTF-8")
    assert finding["location"] == "messages.0.content.1"
    full = imgbudget("check", "r.json", "--select", "IB410")
    assert (full.code, "\\ud83d" in full.out) == (1, True)


def test_surrogates_without_an_image() -> None:
    """Text alone is not this linter's business."""
    texts = [{"type": "text", "text": "cut \ud83d"}]
    assert run_rule(lone_surrogate, request({"messages": [{"role": "user", "content": texts}]})) == []
