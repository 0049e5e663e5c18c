"""Sessions of Cline, Roo Code and Kilo Code: what is sent after truncations, summaries and compactions.

Shapes: Cline 3.0.65 (sdk/packages/core/docs/messages-contract-v1.md; seen in `ID.messages.json`), Cline 3.x
of the editor (`api_conversation_history.json`), Roo Code 3.5x (src/core/task-persistence/apiMessages.ts).
"""

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgbudget.model.subjects import Request
from tests.builders import image_block, image_bytes, text_block, write_json
from tests.conftest import Command
from tests.mutations import mutated
from tests.requestreading import items_of, requests_of

Json = dict[str, Any]

CUT = image_bytes((400, 300))[:60]


def picture(data: bytes, media_type: str = "image/png") -> Json:
    """An image in a block of Cline's own."""
    return {"type": "image", "data": base64.b64encode(data).decode(), "mediaType": media_type}


def image(width: int) -> Json:
    """An image that is known by its width, in a block of the Messages API."""
    return image_block(image_bytes((width, 10)))


def message(role: str, *content: Json, **more: Any) -> Json:
    """A message."""
    return {"role": role, "content": list(content)} | more


def call(identity: str) -> Json:
    """A call of a tool."""
    return {"type": "tool_use", "id": identity, "name": "read_files", "input": {}}


def result(identity: str, *content: Any) -> Json:
    """The result of a call."""
    return {"type": "tool_result", "tool_use_id": identity, "content": list(content)}


def session(*messages: Json, version: str = "3.0.65", **more: Any) -> Json:
    """The file of a session of the command-line program."""
    origin = {"source": "cli", "mode": "user", "version": version}
    whole = {"version": 1, "updated_at": "2026-11-28T00:00:00Z", "agent": "lead", "sessionId": "s-1"}
    return whole | {"origin": origin, "messages": list(messages), "system_prompt": "x"} | more


def read_files(*content: Json) -> Json:
    """The result of the tool that reads files."""
    return result("t1", {"query": "/p/a.png", "result": list(content), "success": True})


SESSION = session(
    message("user", text_block("look"), picture(image_bytes((20, 10))), id="a", ts=1),
    message("assistant", call("t1"), id="b", modelInfo={"id": "claude-opus-4-8", "provider": "anthropic"}),
    message("user", read_files(text_block("read"), picture(image_bytes((30, 10)))), id="c"),
    message("user", {"type": "file", "path": "/p/a.txt", "content": "text"}, id="d"),
)


def sizes(*documents: Any) -> list[str]:
    """The sizes of the images of the only session, with their places in its request."""
    (request,) = requests_of(*documents)
    return [f"{use.location.dotted} {use.size}" for use in request.images]


def test_messages_of_the_command_line_program() -> None:
    """Images stand beside the text, and in each of the results of a tool; consecutive turns are one."""
    (request,) = requests_of(SESSION)
    assert [(use.location.dotted, use.location.pointer) for use in request.images] == [
        ("messages.0.content.1", "/messages/0/content/1"),
        ("messages.2.content.0.content.0.result.1", "/messages/2/content/0/content/0/result/1"),
    ]
    assert [(turn.role, len(turn.blocks)) for turn in request.turns] == [
        ("user", 2),
        ("assistant", 1),
        ("user", 2),
    ]
    assert (request.id, request.model, request.images[0].declared) == ("s-1", "claude-opus-4-8", "image/png")
    assert not request.flaws


def test_results_without_type_are_no_fault() -> None:
    """A search answers with objects of other keys, a failed operation with its error."""
    search = result("t1", {"title": "x", "url": "https://example.com"}, {"query": "q", "result": "text"})
    failed = result("t1", {"query": "q", "result": {"a": 1}, "success": False, "error": "gone"})
    (request,) = requests_of(session(message("user", search, failed)))
    assert not request.flaws


def test_images_that_the_program_omits(imgbudget: Command, tmp_path: Path) -> None:
    """Since 3.0.25 an image that is empty, of another type, or beyond 8 MiB in sum is sent as a text."""
    unusable = [picture(b""), picture(b"<svg/>", "image/svg+xml")]
    whole = session(message("user", *unusable, picture(image_bytes((20, 10)))))
    assert sizes(whole) == ["messages.0.content.2 20x10"]
    write_json(tmp_path / "s.messages.json", whole)
    run = imgbudget("check", "s.messages.json", "--select", "IB0")
    assert run.code == 0
    assert "s.messages.json: 2 images not checked: replaced by a text when Cline sends it" in run.err
    assert len(sizes(session(*whole["messages"], version="3.0.24"))) == 3
    large = picture(b"\x89PNG\r\n\x1a\n" + bytes(3 << 20))
    (request,) = requests_of(session(message("user", large, large, image(20))))
    assert [use.location.dotted for use in request.images] == ["messages.0.content.0", "messages.0.content.2"]


def test_compaction_in_the_file_beside(imgbudget: Command, tmp_path: Path) -> None:
    """What was compacted stands in another file; the messages it replaces are not sent again."""
    broken = session(message("user", picture(CUT)), message("user", picture(image_bytes((30, 10)))))
    write_json(tmp_path / "s.messages.json", broken)
    assert imgbudget("check", "s.messages.json", "--select", "IB0").code == 1
    compaction = {"version": 1, "updated_at": "2026-11-28T00:00:00Z", "source_message_count": 1}
    kept = compaction | {"messages": [message("user", text_block("summary"))]}
    write_json(tmp_path / "s.compaction.json", kept)
    run = imgbudget("check", "s.messages.json", "s.compaction.json", "--select", "IB0", "--format", "json")
    assert (run.code, [request["images"] for request in run.json["requests"]]) == (0, [1, 0])
    assert "s.messages.json: 1 message not checked: sent before the session was compacted" in run.err
    again = session(message("user", picture(CUT), id="m"), message("user", text_block("on")))
    write_json(tmp_path / "s.messages.json", again)  # the compaction of 3.0.65 keeps messages with their ids
    write_json(tmp_path / "s.compaction.json", kept | {"messages": [message("user", picture(CUT), id="m")]})
    found = imgbudget("check", ".", "--select", "IB0", "--format", "json").json["findings"]
    assert [one["path"] for one in found] == ["s.compaction.json", "s.messages.json"]
    write_json(tmp_path / "s.compaction.json", kept | {"source_message_count": 3})  # of another session
    assert imgbudget("check", "s.messages.json", "--select", "IB0").code == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "[[]]", '{"messages": 5}', '{"source_message_count": [1]}'])
def test_odd_files_beside_a_session(imgbudget: Command, tmp_path: Path, text: str) -> None:
    """What cannot be read there changes nothing."""
    write_json(tmp_path / "s.messages.json", session(message("user", picture(CUT))))
    write_json(tmp_path / "api_conversation_history.json", [message("user", image_block(CUT), ts=1)] * 5)
    for name in ("s.compaction.json", "ui_messages.json"):
        (tmp_path / name).write_text(text)
    for name in ("s.messages.json", "api_conversation_history.json"):
        assert imgbudget("check", name, "--select", "IB0").code == 1


TASK = (
    message("user", text_block("<task>\nmake it blue\n</task>"), image(20)),
    message("assistant", call("t1")),
    message("user", result("t1", image(30))),
    message("assistant", call("t2"), text_block("ok")),
    message("user", result("t2", image(40)), image(50)),
    message("assistant", text_block("done")),
)


def test_bare_arrays_with_marks() -> None:
    """An array of messages is a session if something in it shows the program; else it is not."""
    assert len(sizes(list(TASK))) == 4
    timed = [message("user", image(20), ts=1, modelInfo={"modelId": "claude-opus-4-8", "providerId": "x"})]
    (request,) = requests_of(timed)
    assert (request.dialect, request.model) == ("transcript", "claude-opus-4-8")
    foreign = [message("user", {"type": "image_url", "image_url": {"url": "data:"}}, ts=1)]
    for plain in ([message("user", image(20))], foreign):
        assert not [one for one in requests_of(plain) if one.dialect == "transcript"]


def test_deleted_range_beside(imgbudget: Command, tmp_path: Path) -> None:
    """The first pair is kept, and results of calls that were deleted are not sent."""
    history = write_json(tmp_path / "api_conversation_history.json", list(TASK))
    write_json(
        tmp_path / "ui_messages.json",
        [
            {"ts": 1, "conversationHistoryDeletedRange": [2, 9]},
            {"conversationHistoryDeletedRange": [2, 3]},
            {},
        ],
    )
    run = imgbudget("check", history.name, "--format", "json")
    assert [image["pointer"] for image in run.json["images"]] == [
        "/0/content/1/source",
        "/4/content/1/source",
    ]
    assert f"{history.name}: 2 messages not checked: truncated from the session, not sent again" in run.err


def test_fix_beside_what_is_not_sent(imgbudget: Command, tmp_path: Path) -> None:
    """The fix of what is sent is not refused for what is not, though it could not be checked alone."""
    big = image_block(image_bytes((8100, 30), "jpeg"), "image/jpeg")
    broken = message("user", image_block(CUT))
    history = [*TASK[:2], broken, TASK[3], message("user", big), TASK[5]]
    write_json(tmp_path / "api_conversation_history.json", history)
    write_json(tmp_path / "ui_messages.json", [{"conversationHistoryDeletedRange": [2, 3]}])
    run = imgbudget("check", "api_conversation_history.json", "--fix", "--select", "IB0,IB101")
    assert run.code == 0
    fixed = json.loads((tmp_path / "api_conversation_history.json").read_text())
    assert fixed[:4] == history[:4]
    assert fixed[4] != history[4]


def test_summary_of_roo_code() -> None:
    """Nothing before the last summary is sent, nor a result after it whose call was before it."""
    kept = (TASK[4] | {"ts": 2}, TASK[5])
    summary = message("user", text_block("summary"), isSummary=True, condenseId="c1", ts=1)
    replaced = [one | {"condenseParent": "c1"} for one in TASK[:4]]
    assert sizes([*replaced, summary, *kept]) == ["messages.0.content.1 50x10"]
    assert len(sizes([*replaced, *kept])) == 4  # the summary was deleted: its messages are sent again


def test_truncation_of_roo_code() -> None:
    """Messages that a marker hides are not sent while it is there."""
    marker = message("user", text_block("hidden"), isTruncationMarker=True, truncationId="t")
    hidden = [one | {"truncationParent": "t"} for one in TASK[1:4]]
    assert sizes([TASK[0], *hidden, marker, *TASK[4:]]) == [
        "messages.0.content.1 20x10",
        "messages.0.content.3.content.0 40x10",
        "messages.0.content.4 50x10",
    ]
    assert len(sizes([TASK[0], *hidden, *TASK[4:]])) == 4


def test_model_in_the_details_of_the_environment() -> None:
    """Roo Code writes the model into each message, behind much other text."""
    details = (
        f"<environment_details>\n{'file.txt ' * 400}\n<model>claude-opus-4-8</model>\n</environment_details>"
    )
    (request,) = requests_of([message("user", image(20), text_block(details), ts=1), *TASK[1:3]])
    assert request.model == "claude-opus-4-8"


def test_broken_image_is_an_error_and_removed(imgbudget: Command, tmp_path: Path) -> None:
    """In the result of a tool the block gives way to a text; all other bytes stay."""
    path = tmp_path / "s.messages.json"
    whole = session(*SESSION["messages"], message("user", read_files(text_block("read"), picture(CUT))))
    path.write_text(json.dumps(whole, indent=1))
    found = imgbudget("check", path.name, "--format", "json", "--select", "IB0").json["findings"]
    assert [(one["code"], one["pointer"]) for one in found] == [
        ("IB001", "/messages/4/content/0/content/0/result/1")
    ]
    imgbudget("check", path.name, "--fix", "--select", "IB0")
    fixed = json.loads(path.read_text())
    blocks = fixed["messages"][4]["content"][0]["content"][0]["result"]
    assert blocks[1]["text"].startswith("[image /p/a.png removed")
    blocks[1] = picture(CUT)
    assert fixed == whole


def test_fix_changes_only_the_image(imgbudget: Command, tmp_path: Path) -> None:
    """An image that is too large is scaled in its place, with its type."""
    path = tmp_path / "s.messages.json"
    big = picture(image_bytes((8100, 30), "bmp"), "image/bmp")
    whole = session(*SESSION["messages"], message("user", big), version="3.0.1")
    path.write_text(json.dumps(whole))
    imgbudget("check", path.name, "--fix", "--select", "IB101,IB102,IB003")
    fixed = json.loads(path.read_text())
    block = fixed["messages"][4]["content"][0]
    with Image.open(BytesIO(base64.b64decode(block["data"]))) as picture_after:
        assert picture_after.format is not None
        assert block["mediaType"] == f"image/{picture_after.format.lower()}"
        assert max(picture_after.size) <= 8000
    fixed["messages"][4]["content"][0] = big
    assert fixed == whole


def test_odd_values_never_raise() -> None:
    """Values of other types anywhere are flaws, or nothing."""
    marker = message("user", text_block("x"), isTruncationMarker=True, truncationId="t")
    summary = message("user", image(20), result("t1"), isSummary=True, ts=1)
    task = [TASK[1] | {"truncationParent": "t"}, summary, marker, *TASK[1:3]]
    for documents in mutated([SESSION, task]):
        for one in items_of(*documents):
            assert not isinstance(one, Request) or all(use.location.dotted for use in one.images)
