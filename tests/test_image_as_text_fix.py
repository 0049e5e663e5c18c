"""IB408's fix: base64 in a text becomes an image block, and all else stays byte for byte."""

import base64
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import body, image_bytes
from tests.conftest import Command
from tests.fixing import LAYOUTS, as_text

JPEG = image_bytes((900, 600), "JPEG", quality=95, comment=b"x" * 3000)
DATA = base64.b64encode(JPEG).decode()
URI = f"data:image/jpeg;base64,{DATA}"
FIX = ("--fix", "--select", "IB408", "--format", "json")

Block = dict[str, Any]


def text(value: str) -> Block:
    """A text block of most APIs."""
    return {"type": "text", "text": value}


def fixed(imgbudget: Command, path: Path, data: bytes) -> bytes:
    """The file after the fix; a second fix changes nothing."""
    path.write_bytes(data)
    imgbudget("check", path.name, *FIX)
    once = path.read_bytes()
    imgbudget("check", path.name, *FIX)
    assert path.read_bytes() == once
    return once


MESSAGES = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": DATA}}
PI = {"type": "image", "data": DATA, "mimeType": "image/jpeg"}
CHAT = {"type": "image_url", "image_url": {"url": URI}}
RESPONSES = {"type": "input_image", "image_url": URI}
INLINE = {"inlineData": {"mimeType": "image/jpeg", "data": DATA}}
PYTHON = {"inline_data": {"mime_type": "image/jpeg", "data": DATA}}
CONVERSE = {"image": {"format": "jpeg", "source": {"bytes": DATA}}}


def result(content: Any, **more: Any) -> Block:
    """A tool result."""
    return {"type": "tool_result", "tool_use_id": "t", "content": content, **more}


def chat(**message: Any) -> Block:
    """A body of OpenAI's chat completions."""
    return {"model": "gpt-4o", "n": 1, "messages": [message]}


def line(**more: Any) -> Block:
    """A line of Claude Code."""
    return {"uuid": "u", "sessionId": "s", "parentUuid": None, "type": "user", **more}


def pi(message: Block) -> Block:
    """An entry of pi."""
    return {"type": "message", "id": "1", "parentId": None, "timestamp": "t", "message": message}


PLACES: dict[str, tuple[Any, str, Any]] = {
    "messages": (body(text("X")), "r.json", [text("see "), MESSAGES, text(" here")]),
    "messages string": (
        {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "X"}]},
        "r.json",
        [text("see "), MESSAGES, text(" here")],
    ),
    "tool result": (body(result([text("X")])), "r.json", [text("see "), MESSAGES, text(" here")]),
    "tool result string": (body(result("X")), "r.json", [text("see "), MESSAGES, text(" here")]),
    "chat": (chat(role="user", content=[text("X")]), "r.json", [text("see "), CHAT, text(" here")]),
    "chat string": (chat(role="user", content="X"), "r.json", [text("see "), CHAT, text(" here")]),
    "responses": (
        {"model": "gpt-4o", "input": [{"type": "function_call_output", "call_id": "c", "output": "X"}]},
        "r.json",
        [{"type": "input_text", "text": "see "}, RESPONSES, {"type": "input_text", "text": " here"}],
    ),
    "responses list": (
        {"model": "gpt-4o", "input": [{"role": "user", "content": [{"type": "input_text", "text": "X"}]}]},
        "r.json",
        [{"type": "input_text", "text": "see "}, RESPONSES, {"type": "input_text", "text": " here"}],
    ),
    "gemini": (
        {"contents": [{"role": "user", "parts": [{"text": "X"}]}]},
        "r.json",
        [{"text": "see "}, INLINE, {"text": " here"}],
    ),
    "gemini python": (
        {"contents": [{"parts": [{"text": "X"}, {"inline_data": {"mime_type": "a/b", "data": ""}}]}]},
        "r.json",
        [{"text": "see "}, PYTHON, {"text": " here"}, {"inline_data": {"mime_type": "a/b", "data": ""}}],
    ),
    "converse": (
        {"messages": [{"role": "user", "content": [{"toolResult": {"content": [{"text": "X"}]}}]}]},
        "r.json",
        [{"text": "see "}, CONVERSE, {"text": " here"}],
    ),
    "claude code": (
        line(message={"role": "user", "content": [result("X")]}),
        "s.jsonl",
        [text("see "), MESSAGES, text(" here")],
    ),
    "codex": (
        {"type": "response_item", "payload": {"type": "function_call_output", "call_id": "c", "output": "X"}},
        "s.jsonl",
        [{"type": "input_text", "text": "see "}, RESPONSES, {"type": "input_text", "text": " here"}],
    ),
    "pi": (pi({"role": "user", "content": [text("X")]}), "s.jsonl", [text("see "), PI, text(" here")]),
    "rows": ({"role": "user", "content": [text("X")]}, "s.jsonl", [text("see "), MESSAGES, text(" here")]),
    "list": (
        [{"role": "user", "content": "X"}, {"role": "assistant", "content": "a"}],
        "r.json",
        [text("see "), MESSAGES, text(" here")],
    ),
}


def holders(value: Any) -> Iterator[Any]:
    """Every array in a value."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, list):
        yield value
    for child in children:
        yield from holders(child)


@pytest.mark.parametrize("place", PLACES)
def test_each_api_gets_its_own_block(imgbudget: Command, tmp_path: Path, place: str) -> None:
    """A string becomes an array of blocks; a block gives way to several, where it was."""
    value, name, blocks = PLACES[place]
    before = json.dumps(value).replace('"X"', json.dumps(f"see {URI} here")).encode()
    after = fixed(imgbudget, tmp_path / name, before)
    assert blocks in list(holders(json.loads(after))), after[:600]
    outside = json.dumps(value).partition('"X"')
    assert after.endswith(outside[2].lstrip("}]").encode())


@pytest.mark.parametrize(
    ("more", "block"),
    [
        ({"model": "gpt-5.6-sol"}, CHAT),
        ({"model": "openai/o4-mini", "max_tokens": 9}, CHAT),
        ({"model": "gemini-3-flash-preview"}, CHAT),
        ({"model": "claude-sonnet-4-6"}, MESSAGES),
        ({"model": "my-model", "system": "x"}, MESSAGES),
        ({"max_tokens": 9}, MESSAGES),
        ({"model": "llava:7b"}, None),
        ({"model": "my-model", "temperature": 0}, None),
    ],
    ids=str,
)
def test_the_model_of_plain_messages_decides_the_block(
    imgbudget: Command, tmp_path: Path, more: Block, block: Block | None
) -> None:
    """Messages that are strings are those of several APIs; where none is certain, nothing is written."""
    before = {**more, "messages": [{"role": "user", "content": URI}]}
    after = json.loads(fixed(imgbudget, tmp_path / "r.json", json.dumps(before).encode()))
    assert after["messages"][0]["content"] == (URI if block is None else [block])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_bytes_stay(imgbudget: Command, tmp_path: Path, layout: str) -> None:
    """Layout, order and escapes outside the text are as they were, and those of the text before and after."""
    value = body(text("first"), text(f"caf\u00e9 \U0001f600\n{URI} \u00fc"), text("last"))
    before = as_text(value, layout)
    after = fixed(imgbudget, tmp_path / "r.json", before)
    head, tail = before[: before.index(b"caf")], before[before.index(b'"last"') :]
    assert after.startswith(head)
    assert after.endswith(tail)
    blocks = json.loads(after.decode("utf-8-sig"))["messages"][0]["content"]
    kept = [text("caf\u00e9 \U0001f600\n"), MESSAGES, text(" \u00fc")]
    assert blocks == [text("first"), *kept, text("last")]


MARK = "[sent as the image below]"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (DATA, [MESSAGES]),
        (f" {URI}\n", [MESSAGES]),
        (f"{DATA}\nDone", [MESSAGES, text("\nDone")]),
        (f"{DATA.rstrip('=')}\nDone", [MESSAGES, text("\nDone")]),
        (json.dumps({"width": 9, "data": DATA}), [text(json.dumps({"width": 9, "data": MARK})), MESSAGES]),
        (
            json.dumps(json.dumps({"data": DATA})),
            [text(json.dumps(json.dumps({"data": MARK}))), MESSAGES],
        ),
        (f"![shot]({URI}) done", [text(f"![shot]({MARK}) done"), MESSAGES]),
        (f'<img src="{URI}">', [text(f'<img src="{MARK}">'), MESSAGES]),
        (f"<image>{DATA}</image>", [text(f"<image>{MARK}</image>"), MESSAGES]),
        (f"{URI.rstrip('=')}\nDone", [MESSAGES, text("\nDone")]),
        (f"[{URI}] then {DATA}", [text(f"[{MARK}] then "), MESSAGES, MESSAGES]),
        (f"{URI} and {URI}", [MESSAGES, text(" and "), MESSAGES]),
        (
            json.dumps([DATA, DATA]),
            [text('["[sent as image 1 below]", "[sent as image 2 below]"]'), MESSAGES, MESSAGES],
        ),
        (
            "\n".join(DATA[at : at + 76] for at in range(0, len(DATA), 76)) + "\nend of file",
            [MESSAGES, text("\nend of file")],
        ),
    ],
)
def test_text_around(imgbudget: Command, tmp_path: Path, before: str, after: list[Block]) -> None:
    """What is not base64 stays; in JSON, Markdown and HTML a mark takes the place of the base64."""
    found = json.loads(fixed(imgbudget, tmp_path / "r.json", json.dumps(body(result(before))).encode()))
    assert found["messages"][0]["content"][0]["content"] == after


def test_cached_prefix_ends_after_the_image(imgbudget: Command, tmp_path: Path) -> None:
    """`cache_control` moves to the last of the new blocks."""
    cached = text(f"see {URI}") | {"cache_control": {"type": "ephemeral"}}
    found = json.loads(fixed(imgbudget, tmp_path / "r.json", json.dumps(body(cached)).encode()))
    assert found["messages"][0]["content"] == [
        text("see "),
        MESSAGES | {"cache_control": {"type": "ephemeral"}},
    ]


def assistant(content: Any) -> Block:
    """A body with an answer."""
    return body("q") | {
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": content}]
    }


UNFIXED: dict[str, tuple[Any, str]] = {
    "assistant": (assistant(URI), "an assistant turn takes no image block"),
    "system": (body(text("q"), system=URI), "a system turn takes no image block"),
    "chat tool": (chat(role="tool", tool_call_id="c", content=URI), "the message of a tool takes only text"),
    "mcp": (
        body({"type": "mcp_tool_result", "tool_use_id": "t", "content": [text(URI)]}),
        "the content of mcp_tool_result takes only text",
    ),
    "search": (
        body({"type": "search_result", "source": "s", "title": "t", "content": [text(URI)]}),
        "the content of search_result takes only text",
    ),
    "answer of a function": (
        {
            "contents": [
                {"parts": [{"functionResponse": {"name": "f", "response": {"output": URI}}}]},
            ]
        },
        "JSON that a tool returns takes only text",
    ),
    "failed tool": (body(result(URI, is_error=True)), "tool that failed"),
    "members": (body(text(URI) | {"citations": []}), "other members that would be lost: citations"),
    "opencode": (
        {
            "info": {"id": "s"},
            "messages": [
                {
                    "info": {"id": "m", "role": "user", "modelID": "m", "providerID": "anthropic"},
                    "parts": [{"id": "p", "sessionID": "s", "messageID": "m", **text(URI)}],
                }
            ],
        },
        "opencode",
    ),
    "text model": (body(text(URI), model="deepseek-chat"), "IB413"),
}


@pytest.mark.parametrize("place", UNFIXED)
def test_no_fix_where_no_image_may_be(imgbudget: Command, tmp_path: Path, place: str) -> None:
    """The file stays as it is, and the output has the reason."""
    value, reason = UNFIXED[place]
    before = json.dumps(value).encode()
    (tmp_path / "r.json").write_bytes(before)
    run = imgbudget("check", "r.json", "--fix", "--extend-select", "IB408")
    assert (tmp_path / "r.json").read_bytes() == before
    assert "IB408" in run.out
    assert reason in run.out + run.err


def png(width: int, height: int, pixels: bytes | None = None) -> bytes:
    """A PNG of one colour, or with other compressed pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = pixels or zlib.compress(bytes((width + 1) * height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"tEXt", b"a\0" + b"b" * 4000)
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def test_limits_of_the_new_block(imgbudget: Command, tmp_path: Path) -> None:
    """An image over 8000 px becomes a block and is resized in the same run."""
    data = base64.b64encode(png(9000, 300)).decode()
    (tmp_path / "r.json").write_text(json.dumps(body(text(data))))
    imgbudget("check", "r.json", "--fix", "--extend-select", "IB408")
    run = imgbudget("check", "r.json", "--format", "json").json
    assert [image["width"] for image in run["images"]] == [1568]
    assert not [finding for finding in run["findings"] if finding["severity"] == "error"]


def test_text_stays_if_the_image_would_be_an_error(imgbudget: Command, tmp_path: Path) -> None:
    """Too many images for the model, and pixels that no fix can resize."""
    many = " ".join([base64.b64encode(png(300, 300)).decode()] * 101)
    broken = base64.b64encode(png(9000, 300, b"no deflate stream" * 9)).decode()
    for content, code in ((many, "IB402"), (broken, "IB101")):
        before = json.dumps(body(text(content), model="claude-haiku-4-5"))
        (tmp_path / "r.json").write_text(before)
        run = imgbudget("check", "r.json", "--fix", "--extend-select", "IB408")
        assert (tmp_path / "r.json").read_text() == before
        assert f"it would cause {code}" in run.err
