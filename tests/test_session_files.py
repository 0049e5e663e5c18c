"""Sessions of Continue and OpenHands, and exports of ChatGPT."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.model.subjects import Nested, Origin
from tests.agentsessions import CUT, STAMP, Json, coded, mutated, sizes
from tests.builders import text_block, write_json
from tests.conftest import Command
from tests.requestreading import items_of, requests_of


def address(width: int) -> str:
    """A data URI of an image that is known by its width."""
    return f"data:image/png;base64,{coded(width)}"


def item(role: str, content: Any, **more: Any) -> Json:
    """A message of Continue, as @continuedev/cli 1.5.47 stores it (core/index.d.ts)."""
    return {"message": {"role": role, "content": content}, "contextItems": [], **more}


def picture(url: str) -> Json:
    """An image of Continue."""
    return {"type": "imageUrl", "imageUrl": {"url": url}}


CONTINUE: Json = {
    "sessionId": "s1",
    "title": "New Session",
    "workspaceDirectory": "/p",
    "history": [
        item("user", [text_block("look"), picture(address(30))], editorState=[picture(address(30))]),
        item("assistant", "a page", promptLogs=[]),
        item("tool", "done"),
        item("user", [picture(address(40))]),
    ],
}


def test_continue_session() -> None:
    """The messages of the history are sent, not their copies for the editor."""
    assert sizes(CONTINUE) == ["messages.0.content.1 30x10", "messages.2.content.1 40x10"]
    (request,) = requests_of(CONTINUE)
    assert (request.id, request.model, request.flaws) == ("s1", None, ())
    assert request.images[0].location.pointer == "/history/0/message/content/1/imageUrl"
    assert len(requests_of(CONTINUE, CONTINUE)) == 2


def test_continue_compaction(imgbudget: Command, tmp_path: Path) -> None:
    """What is before the last summary is not sent, which a note says."""
    summary = item("assistant", "what was done", conversationSummary="what was done")
    history = [*CONTINUE["history"], summary, item("user", [picture(address(50))])]
    session = CONTINUE | {"history": history}
    assert sizes(session) == ["messages.1.content.0 50x10"]
    write_json(tmp_path / "s.json", session)
    result = imgbudget("check", "s.json")
    assert "s.json: 4 messages not checked: sent before the session was compacted" in result.err


def test_broken_image_in_a_continue_session(imgbudget: Command, tmp_path: Path) -> None:
    """It is an error, and gives way to a text; nothing else changes."""
    broken = picture(f"data:image/png;base64,{base64.b64encode(CUT).decode()}")
    session = CONTINUE | {"history": [*CONTINUE["history"], item("user", [broken])]}
    path = write_json(tmp_path / "s.json", session, indent=1)
    (finding,) = imgbudget("check", "s.json", "--format", "json", "--select", "IB0").json["findings"]
    place = "/history/4/message/content/0/imageUrl"
    assert (finding["code"], finding["pointer"]) == ("IB001", place)
    imgbudget("check", "s.json", "--fix", "--select", "IB0")
    after = json.loads(path.read_text())
    (text,) = after["history"].pop()["message"]["content"]
    assert text["type"] == "text"
    assert after == CONTINUE


def first_version(identity: int, source: str, **more: Any) -> Json:
    """An event of openhands-ai 0.62.0 (events/serialization)."""
    return {"id": identity, "timestamp": STAMP, "source": source, "message": "m", **more}


def said(identity: int, source: str, *urls: str) -> Json:
    """A message of openhands-ai 0.62.0."""
    arguments = {"content": "look", "image_urls": list(urls), "wait_for_response": False}
    return first_version(identity, source, action="message", args=arguments)


def page(identity: int, trigger: str) -> Json:
    """The page of a browser, of openhands-ai 0.62.0."""
    extras = {"set_of_marks": address(40), "screenshot": address(50), "trigger_by_action": trigger}
    return first_version(identity, "agent", observation="browse", content="a page", extras=extras)


def sdk(kind: str, identity: str, source: str, **more: Any) -> Json:
    """An event of openhands-sdk 1.58.2 (event)."""
    return {"kind": kind, "id": identity, "timestamp": STAMP, "source": source, **more}


def images(*widths: int) -> Json:
    """Images of openhands-sdk 1.58.2 (llm/message)."""
    return {"type": "image", "cache_prompt": False, "image_urls": [address(width) for width in widths]}


def test_openhands_event() -> None:
    """An event by itself is checked as a request."""
    assert sizes(said(3, "user", address(30))) == ["messages.0.content.1 30x10"]
    (request,) = requests_of(said(3, "user", "https://example.com/a.png"))
    assert request.images[0].origin is Origin.URL
    no_image = first_version(4, "agent", action="run", args={"command": "ls"})
    assert requests_of(no_image) == []
    assert items_of(no_image)


def test_openhands_trajectory() -> None:
    """Only pages that the agent browses itself are sent as images, with the marks if there are any."""
    events = [said(1, "user", address(30)), page(2, "browse_interactive"), page(3, "browse")]
    assert sizes(events) == ["messages.0.content.1 30x10", "messages.0.content.2 40x10"]
    assert sizes(*events) == sizes(events)
    (request,) = requests_of(events)
    assert isinstance(request.turns[0].blocks[2], Nested)


@pytest.mark.parametrize(
    "arguments",
    [
        {"forgotten_event_ids": [1]},
        {"forgotten_event_ids": None, "forgotten_events_start_id": 0, "forgotten_events_end_id": 1},
    ],
)
def test_openhands_condensation(imgbudget: Command, tmp_path: Path, arguments: Json) -> None:
    """Events that were condensed are not sent."""
    condensation = first_version(9, "agent", action="condensation", args=arguments)
    events = [said(1, "user", address(30)), said(2, "user", address(40)), condensation]
    assert sizes(events) == ["messages.0.content.1 40x10"]
    write_json(tmp_path / "t.json", events)
    assert "t.json: 1 message not checked: sent before" in imgbudget("check", "t.json").err


def test_openhands_sdk() -> None:
    """Messages and results of tools of the SDK, and its condensations."""
    content = [text_block("look"), images(30, 40)]
    message = sdk("MessageEvent", "a", "user", llm_message={"role": "user", "content": content})
    observation = sdk(
        *("ObservationEvent", "b", "environment"),
        observation={"kind": "BrowserObservation", "content": [text_block("x"), images(50)]},
        tool_name="browser",
        tool_call_id="t1",
    )
    assert sizes(message, observation) == [
        "messages.0.content.1 30x10",
        "messages.0.content.2 40x10",
        "messages.0.content.3 50x10",
    ]
    (request,) = requests_of(message, observation)
    assert request.images[2].inside == ("tool_result",)
    condensation = sdk("Condensation", "c", "environment", forgotten_event_ids=["a"], summary=None)
    assert sizes(message, observation, condensation) == ["messages.0.content.0 50x10"]


def test_openhands_broken_image(imgbudget: Command, tmp_path: Path) -> None:
    """A broken image is an error at its address; a wrong type is corrected there and nowhere else."""
    cut = f"data:image/png;base64,{base64.b64encode(CUT).decode()}"
    path = write_json(tmp_path / "3.json", said(3, "user", address(30), cut), indent=1)
    (finding,) = imgbudget("check", "3.json", "--format", "json", "--select", "IB0").json["findings"]
    assert (finding["code"], finding["pointer"]) == ("IB001", "/args/image_urls/1")
    write_json(path, said(3, "user", address(30).replace("png", "jpeg")), indent=1)
    before = path.read_text()
    imgbudget("check", "3.json", "--fix", "--select", "IB105")
    assert path.read_text() == before.replace("image/jpeg", "image/png")


def node(identity: str, parent: str | None, role: str, *parts: Any) -> Json:
    """A node of a conversation, as exports of ChatGPT have them."""
    content = {"content_type": "multimodal_text", "parts": list(parts)}
    message = {"id": identity, "author": {"role": role}, "content": content, "metadata": {}}
    if role == "assistant":
        message["metadata"] = {"model_slug": "gpt-5-4"}
    return {"id": identity, "message": message, "parent": parent, "children": []}


POINTER = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-A1", "size_bytes": 9}
NODES = [
    {"id": "r", "message": None, "parent": None, "children": []},
    node("a", "r", "user", POINTER, "look"),
    node("b", "a", "assistant", "a page"),
    node("c", "a", "user", POINTER, POINTER),
]
EXPORT = [{"title": "x", "mapping": {one["id"]: one for one in NODES}, "current_node": "b"}]


def test_chatgpt_export(imgbudget: Command, tmp_path: Path) -> None:
    """The path to the current message is sent; images are references, which are counted."""
    (request,) = requests_of(EXPORT)
    assert [use.reference for use in request.images] == ["file-service://file-A1"]
    assert (request.model, request.platform) == ("gpt-5-4", "openai")
    (other,) = requests_of(EXPORT[0] | {"current_node": "c"})
    assert len(other.images) == 3
    write_json(tmp_path / "conversations.json", EXPORT)
    result = imgbudget("check", "conversations.json", "--format", "json", "--model", "gpt-5.4")
    assert (result.code, result.json["summary"]["images"]) == (0, 1)
    assert "conversations.json: 1 message not checked: on a branch" in result.err


SDK = sdk("MessageEvent", "a", "user", llm_message={"role": "user", "content": [images(30)]})
BASES: list[list[Any]] = [
    [CONTINUE | {"history": [*CONTINUE["history"], item("assistant", "s", conversationSummary="s")]}],
    [[said(1, "user", address(30)), page(2, "browse_interactive")]],
    [SDK, sdk("Condensation", "c", "environment", forgotten_event_ids=["a"])],
    [first_version(9, "agent", action="condensation", args={"forgotten_events_start_id": 0})],
    [EXPORT],
    EXPORT,
]


@given(st.sampled_from(BASES), st.integers(min_value=0))
def test_any_values_in_files(base: list[Any], seed: int) -> None:
    """Whatever the values are, reading gives requests or nothing, and no exception."""
    requests_of(*mutated(base, seed))
