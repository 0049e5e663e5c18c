"""Sessions of Codex CLI: what the next turn sends after compactions and rollbacks, and where its images are.

The shape is that of 0.171.0 (codex-rs/history `RolloutItem`; seen in `sessions/Y/M/D/rollout-*.jsonl`).
"""

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgbudget.requests.codex import CodexReader
from imgbudget.requests.session_formats import is_codex
from tests.builders import image_bytes
from tests.conftest import Command
from tests.mutations import mutated
from tests.requestreading import requests_of

Json = dict[str, Any]

CUT = image_bytes((400, 300))[:60]


def line(kind: str, **payload: Any) -> Json:
    """A line of a session."""
    return {"timestamp": "2026-11-28T10:00:00.000Z", "ordinal": 1, "type": kind, "payload": payload}


def item(kind: str, **more: Any) -> Json:
    """A line with an item of the Responses API."""
    return line("response_item", type=kind, **more)


def picture(data: bytes, media_type: str = "image/png") -> Json:
    """An image part."""
    uri = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    return {"type": "input_image", "image_url": uri, "detail": "high"}


def image(width: int) -> Json:
    """An image that is known by its width."""
    return picture(image_bytes((width, 10)))


def text(value: str) -> Json:
    """A text part."""
    return {"type": "input_text", "text": value}


def message(role: str, *content: Json) -> Json:
    """A line with a message."""
    return item("message", role=role, content=list(content))


def call(identity: str) -> Json:
    """A line with the call of a tool."""
    return item("function_call", name="view_image", arguments="{}", call_id=identity)


def output(identity: str, *content: Json) -> Json:
    """A line with the output of a tool."""
    return item("function_call_output", call_id=identity, output=list(content))


META = line("session_meta", id="s-1", cli_version="0.171.0", model_provider="openai", cwd="/p")
CONTEXT = line("turn_context", model="gpt-5.2", cwd="/p", effort="high")
SETTING = message("user", text("<environment_context>\n  <cwd>/p</cwd>\n</environment_context>"))
FIRST = (
    message("user", text("<image name=[Image #1]>"), image(20), text("</image>"), text("look")),
    line("event_msg", type="user_message", message="look", images=["data:image/png;base64,AAAA"]),
    item("reasoning", summary=[], encrypted_content="x"),
    call("c1"),
    output("c1", image(30)),
    item("message", role="assistant", content=[{"type": "output_text", "text": "seen"}]),
)
SECOND = (message("user", text("and now"), image(40)),)
SESSION = (META, CONTEXT, SETTING, *FIRST, *SECOND)


def rollback(turns: Any) -> Json:
    """A line that takes back the last turns of the user."""
    return line("event_msg", type="thread_rolled_back", num_turns=turns)


def compaction(*items: Json) -> Json:
    """A line of a compaction that keeps the items of some lines."""
    return line("compacted", message="summary", replacement_history=[one["payload"] for one in items])


def sizes(*lines: Json) -> list[str]:
    """The sizes of the images of the next request, with their places in it."""
    (request,) = requests_of(*lines)
    return [f"{use.location.dotted} {use.size}" for use in request.images]


def test_images_of_messages_and_outputs() -> None:
    """Each has the place of its item in the input, which counts calls and reasoning; events are no items."""
    (request,) = requests_of(*SESSION)
    assert sizes(*SESSION) == ["input.1.content.1 20x10", "input.4.output.0 30x10", "input.6.content.1 40x10"]
    assert [(use.location.document, use.location.pointer) for use in request.images] == [
        (3, "/payload/content/1/image_url"),
        (7, "/payload/output/0/image_url"),
        (9, "/payload/content/1/image_url"),
    ]
    assert (request.id, request.model, request.images[0].detail) == ("s-1", "gpt-5.2", "high")


def test_calls_are_answers(imgbudget: Command, tmp_path: Path) -> None:
    """A call of a tool ends a turn as a message of the model does: what was before is sent again."""
    lines = (META, CONTEXT, FIRST[0], *FIRST[2:5])
    (request,) = requests_of(*lines)
    assert [turn.role for turn in request.turns] == ["user", "assistant", "assistant", "user"]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    (found,) = imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB503").json["findings"]
    assert found["message"].startswith("1 image of an earlier turn is sent again")


def test_model_of_the_last_turn(imgbudget: Command, tmp_path: Path) -> None:
    """The limits are those of the model that the session uses now, on its provider's platform."""
    lines = (*SESSION, line("turn_context", model="gpt-5.5"), message("user", text("on")))
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    (request,) = imgbudget("check", "s.jsonl", "--format", "json").json["requests"]
    assert (request["model"], request["id"], request["images"]) == ("gpt-5.5", "s-1", 3)
    (tmp_path / "s.jsonl").write_text(json.dumps(SESSION[3]) + "\n")
    (request,) = imgbudget("check", "s.jsonl", "--format", "json").json["requests"]
    assert request["platform"] == "openai"


def test_compaction_replaces_the_history() -> None:
    """What a compaction keeps stands in its line; nothing before it is sent."""
    kept = compaction(FIRST[0], item("compaction", encrypted_content="x"))
    assert sizes(*SESSION, kept, message("user", image(50))) == [
        "input.0.content.1 20x10",
        "input.2.content.0 50x10",
    ]
    (request,) = requests_of(*SESSION, kept)
    assert request.images[0].location.pointer == "/payload/replacement_history/0/content/1/image_url"


def test_old_compactions_keep_texts_only() -> None:
    """Without a replacement the history is built from the texts of the user (`build_compacted_history`)."""
    old = line("compacted", message="summary")
    assert sizes(*SESSION, old, message("user", image(50))) == ["input.0.content.0 50x10"]


def test_rollback() -> None:
    """The last turns are taken back, with all their items; what the program adds begins no turn."""
    again = message("user", image(50))
    assert sizes(*SESSION, rollback(1)) == ["input.1.content.1 20x10", "input.4.output.0 30x10"]
    assert sizes(*SESSION, rollback(2), again) == ["input.1.content.0 50x10"]
    assert sizes(*SESSION, rollback(9), again) == ["input.1.content.0 50x10"]
    assert len(sizes(*SESSION, rollback(0))) == 3
    assert len(sizes(*SESSION, rollback("2"))) == 3


def test_rollback_to_before_a_compaction() -> None:
    """The history from before the compaction counts again."""
    kept = compaction(FIRST[0])
    after = message("user", image(50))
    assert sizes(*SESSION, kept, after, rollback(1)) == ["input.0.content.1 20x10"]
    assert sizes(*SESSION, kept, after, rollback(2)) == [
        "input.1.content.1 20x10",
        "input.4.output.0 30x10",
    ]


def test_reasons_of_lines_that_are_not_sent(imgbudget: Command, tmp_path: Path) -> None:
    """Each line that is not sent again is listed with its reason."""
    lines = (
        *SESSION,
        compaction(FIRST[0]),
        message("user", image(50)),
        rollback(1),
        message("user", image(60)),
    )
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    rows = imgbudget("check", "s.jsonl", "--format", "json").json["summary"]["rows"]
    assert (rows["total"], rows["bad"]) == (14, 0)
    assert [(run["line"], run["end_line"], run["reason"]) for run in rows["skipped"]] == [
        (3, 4, "sent before the session was compacted, not sent again"),
        (6, 10, "sent before the session was compacted, not sent again"),
        (12, 12, "rolled back in the session, not sent again"),
    ]


def test_lines_before_version_0_32(imgbudget: Command, tmp_path: Path) -> None:
    """They were bare items, after a header and between states."""
    bare = [one["payload"] for one in FIRST if one["type"] == "response_item"]
    header: Json = {"id": "s-1", "timestamp": "2025-06-01T00:00:00Z", "instructions": None, "git": {}}
    lines = (header, {"record_type": "state"}, *bare)
    assert sizes(*lines) == ["input.0.content.1 20x10", "input.3.output.0 30x10"]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    assert imgbudget("check", "s.jsonl", "--select", "IB0").code == 0


def test_rows_of_other_programs_are_no_lines_of_codex() -> None:
    """A row with an id, a time and instructions, an event with a payload, an answer of the Messages API."""
    rows: tuple[Json, ...] = (
        {"id": "1", "timestamp": "t", "instructions": "look", "image": "x"},
        {"timestamp": "t", "type": "click", "payload": {"image": "x"}},
        {"record_type": "state", "a": 1, "b": 2},
        {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "x"}]},
        {"type": "message", "content": []},
    )
    assert [row for row in rows if is_codex(row)] == []


def test_a_session_that_sends_nothing(imgbudget: Command, tmp_path: Path) -> None:
    """What was rolled back as a whole is skipped with that reason."""
    lines = (META, FIRST[0], rollback(1))
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    (skipped,) = imgbudget("check", ".", "--format", "json").json["summary"]["skipped"]
    assert skipped["reason"] == "no request: a session of which nothing is sent again"


def test_many_compactions_and_rollbacks_take_no_longer_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each item is forgotten a few times at most, however often the session goes back and forth."""
    forget = CodexReader._forget
    count = 0

    def counted(self: CodexReader, items: list[Any], reason: str) -> None:
        nonlocal count
        count += len(items)
        forget(self, items, reason)

    monkeypatch.setattr(CodexReader, "_forget", counted)
    again = (compaction(FIRST[0]), message("user", text("x")), rollback(1))
    requests_of(*([message("user", text("x"))] * 100), *(again * 50), compaction())
    assert count <= 3 * (100 + 2 * 50)


def test_lines_and_items_of_other_types(imgbudget: Command, tmp_path: Path) -> None:
    """What later versions add is passed over, and is no fault of the session."""
    lines = (META, item("ghost_snapshot"), line("snapshot_of_tomorrow", a=1), *FIRST, line("tomorrow", b=[]))
    assert sizes(*lines) == ["input.0.content.1 20x10", "input.3.output.0 30x10"]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    assert imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB0").code == 0


def test_broken_images_are_errors_and_removed(imgbudget: Command, tmp_path: Path) -> None:
    """A broken image is an error at its line; the fix puts a text in its place and changes no other byte."""
    lines = (META, CONTEXT, message("user", text("look"), picture(CUT)), call("c"), output("c", picture(CUT)))
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    found = imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB0").json["findings"]
    assert [(one["code"], one["line"], one["location"]) for one in found] == [
        ("IB001", 3, "input.0.content.1"),
        ("IB001", 5, "input.2.output.0"),
    ]
    imgbudget("check", "s.jsonl", "--fix", "--select", "IB0")
    fixed = [json.loads(one) for one in path.read_text().splitlines()]
    assert [fixed[i] for i in (0, 1, 3)] == [lines[i] for i in (0, 1, 3)]
    assert fixed[2]["payload"]["content"][0] == text("look")
    for part in (fixed[2]["payload"]["content"][1], fixed[4]["payload"]["output"][0]):
        assert part["type"] == "input_text"
        assert part["text"].startswith("[image removed")
    assert imgbudget("check", "s.jsonl", "--select", "IB0").code == 0


def test_fix_changes_only_the_image(imgbudget: Command, tmp_path: Path) -> None:
    """An image that is too large is scaled in its line, in whichever history it stands."""
    big = picture(image_bytes((7000, 700), "jpeg"), "image/jpeg")
    lines = (META, CONTEXT, message("user", text("one"), big), compaction(message("user", text("two"), big)))
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    imgbudget("check", "s.jsonl", "--fix", "--fix-level", "warning", "--select", "IB201")
    fixed = [json.loads(one) for one in path.read_text().splitlines()]
    assert fixed[:3] == list(lines[:3])
    part = fixed[3]["payload"]["replacement_history"][0]["content"][1]
    with Image.open(BytesIO(base64.b64decode(part["image_url"].partition(",")[2]))) as scaled:
        assert scaled.size == (2048, 205)
    part["image_url"] = big["image_url"]
    assert fixed[3] == lines[3]


def test_odd_values_never_raise() -> None:
    """Values of other types anywhere are flaws, or nothing."""
    lines = (
        META,
        CONTEXT,
        FIRST[0],
        FIRST[3],
        FIRST[4],
        compaction(FIRST[0]),
        rollback(1),
        rollback(1),
    )
    for changed in mutated(list(lines)):
        for request in requests_of(*changed):
            assert all((use.location.dotted or "").startswith("input.") for use in request.images)
    for changed in mutated([FIRST[0]["payload"], FIRST[4]["payload"]]):
        assert all(use.location.dotted for request in requests_of(*changed) for use in request.images)
