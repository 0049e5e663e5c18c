"""Sessions of opencode: exports, parts in files of their own, and what is sent of them.

The shape is that of 1.18.33 (packages/opencode/src/session/message-v2.ts; seen in `opencode export`).
"""

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from imgbudget.model.subjects import Request
from tests.builders import image_bytes, write_json
from tests.conftest import Command
from tests.mutations import mutated
from tests.requestreading import items_of, requests_of

Json = dict[str, Any]

CUT = image_bytes((400, 300))[:60]


def picture(data: bytes, mime: str = "image/png", **more: Any) -> Json:
    """A file part with an image."""
    uri = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    return {"type": "file", "mime": mime, "filename": "a.png", "url": uri} | more


def image(width: int) -> Json:
    """An image that is known by its width."""
    return picture(image_bytes((width, 10)))


def text(value: str, **more: Any) -> Json:
    """A text part."""
    return {"type": "text", "text": value} | more


def tool(*attachments: Json, **state: Any) -> Json:
    """A part with a call of a tool and its result."""
    done = {"status": "completed", "output": "read", "time": {"start": 1, "end": 2}}
    return {
        "type": "tool",
        "tool": "read",
        "callID": "c",
        "state": done | {"attachments": list(attachments)} | state,
    }


def user(identity: str, *parts: Json, model: str = "claude-sonnet-4-6") -> Json:
    """A message of the user."""
    info = {"id": identity, "role": "user", "model": {"providerID": "anthropic", "modelID": model}}
    return {"info": info, "parts": list(parts)}


def answer(identity: str, *parts: Json, **info: Any) -> Json:
    """A message of the model."""
    own = {"id": identity, "role": "assistant", "modelID": "claude-sonnet-4-6", "finish": "stop"}
    return {"info": own | info, "parts": list(parts)}


def export(*messages: Json, **info: Any) -> Json:
    """An exported session."""
    return {"info": {"id": "ses_1", "version": "1.18.33"} | info, "messages": list(messages)}


STEP = {"type": "step-start"}
MESSAGES = (
    user("m1", text("look"), image(20), picture(b"text", "text/plain")),
    answer("m2", STEP, text("reading"), tool(image(30)), STEP, text("seen"), {"type": "step-finish"}),
    user("m3", image(40), model="claude-opus-4-8"),
)


def sizes(*messages: Json, **info: Any) -> list[str]:
    """The sizes of the images of the next request, with their places in it."""
    (request,) = requests_of(export(*messages, **info))
    return [f"{use.location.dotted} {use.size}" for use in request.images]


def test_parts_and_attachments_of_results() -> None:
    """Each step of an answer is a turn, followed by the results of its tools as the user."""
    (request,) = requests_of(export(*MESSAGES))
    assert [(turn.role, len(turn.blocks)) for turn in request.turns] == [
        ("user", 2),
        ("assistant", 2),
        ("user", 1),
        ("assistant", 1),
        ("user", 1),
    ]
    assert [(use.location.dotted, use.location.pointer, use.role) for use in request.images] == [
        ("messages.0.content.1", "/messages/0/parts/1", "user"),
        ("messages.2.content.0.state.attachments.0", "/messages/1/parts/2/state/attachments/0", "user"),
        ("messages.4.content.0", "/messages/2/parts/0", "user"),
    ]
    assert (request.id, request.model) == ("ses_1", "claude-opus-4-8")


def test_what_is_not_sent_of_messages() -> None:
    """Results that were cleared, tools that failed, answers that failed, parts that are ignored."""
    messages = (
        user("m1", text("hidden", ignored=True)),
        answer("m2", tool(image(20), time={"start": 1, "end": 2, "compacted": 3})),
        answer("m3", tool(image(30), status="error")),
        answer("m4", tool(image(40)), error={"name": "APIError"}),
        answer("m5", tool(image(50)), error={"name": "MessageAbortedError"}),
        answer("m6", image(60), {"type": "of tomorrow"}),
    )
    assert [one.split()[1] for one in sizes(*messages)] == ["50x10"]


def compaction(identity: str, **more: Any) -> Json:
    """The message of a compaction."""
    return user(identity, {"type": "compaction", "auto": True} | more)


def test_compaction() -> None:
    """Nothing before the last compaction with a summary is sent, but the tail that it keeps."""
    summary = answer("m5", text("summary"), summary=True, parentID="m4")
    after = user("m6", image(50))
    for kept, expected in (({}, ["50x10"]), ({"tail_start_id": "m3"}, ["40x10", "50x10"])):
        found = sizes(*MESSAGES, compaction("m4", **kept), summary, after)
        assert [one.split()[1] for one in found] == expected
    unknown = compaction("m4", tail_start_id="gone")
    assert len(sizes(*MESSAGES, unknown, summary, after)) == 1
    for broken in ({"error": {"name": "APIError"}}, {"finish": None}, {"parentID": "m1"}):
        failed = {"info": summary["info"] | broken, "parts": []}
        assert len(sizes(*MESSAGES, compaction("m4"), failed, after)) == 4


def test_summary_before_there_were_compaction_parts() -> None:
    """A summary of an old session begins its history."""
    assert len(sizes(*MESSAGES, answer("m4", text("x"), summary=True), user("m5", image(50)))) == 1


def test_revert(imgbudget: Command, tmp_path: Path) -> None:
    """What was reverted is removed with the next prompt; the note counts it."""
    assert len(sizes(*MESSAGES, revert={"messageID": "m3"})) == 2
    assert len(sizes(*MESSAGES, revert={"messageID": "m2"})) == 1
    assert len(sizes(*MESSAGES, revert={"messageID": "gone"})) == 3
    parts = (text("one", id="p1"), picture(image_bytes((50, 10)), id="p2"))
    reverted = export(*MESSAGES, user("m4", *parts), user("m5"), revert={"messageID": "m4", "partID": "p2"})
    assert len(requests_of(reverted)[0].images) == 3
    write_json(tmp_path / "s.json", reverted)
    run = imgbudget("check", "s.json", "--select", "IB0")
    assert "s.json: 1 message not checked: rolled back in the session, not sent again" in run.err


def test_a_part_in_a_file_of_its_own(imgbudget: Command, tmp_path: Path) -> None:
    """Before 1.2 each part was a file; its model is in the file of its message."""
    ids = {"id": "prt_1", "sessionID": "ses_1", "messageID": "msg_1"}
    folder = tmp_path / "storage"
    for name in ("part/msg_1", "message/ses_1"):
        (folder / name).mkdir(parents=True)
    write_json(folder / "message/ses_1/msg_1.json", user("msg_1", model="claude-opus-4-8")["info"])
    write_json(folder / "part/msg_1/prt_1.json", picture(CUT, **ids))
    write_json(folder / "part/msg_1/prt_2.json", tool(picture(CUT)) | ids)
    run = imgbudget("check", "storage", "--format", "json", "--select", "IB0")
    assert [(one["code"], one["pointer"], one["model"]) for one in run.json["findings"]] == [
        ("IB001", "", "claude-opus-4-8"),
        ("IB001", "/state/attachments/0", "claude-opus-4-8"),
    ]
    outside = picture(CUT, **ids | {"messageID": "../../../x"})
    assert requests_of(outside)[0].model is None


def test_broken_image_is_an_error_and_removed(imgbudget: Command, tmp_path: Path) -> None:
    """A part gives way to a text part of the same id; the attachment of a result cannot, and stays."""
    ids = {"id": "prt_1", "sessionID": "ses_1", "messageID": "m4"}
    whole = export(*MESSAGES, user("m4", text("look"), picture(CUT, **ids)), answer("m5", tool(picture(CUT))))
    path = write_json(tmp_path / "s.json", whole)
    found = imgbudget("check", "s.json", "--format", "json", "--select", "IB0").json["findings"]
    assert [one["pointer"] for one in found] == [
        "/messages/3/parts/1",
        "/messages/4/parts/0/state/attachments/0",
    ]
    run = imgbudget("check", "s.json", "--fix", "--select", "IB0", "--format", "json")
    assert [one["reason"] for one in run.json["not_fixed"]] == [
        "only files can be attached to the result of a tool; revert the session to before it"
    ]
    fixed = json.loads(path.read_text())
    part = fixed["messages"][3]["parts"][1]
    assert part.pop("text").startswith("[image a.png removed")
    assert part == ids | {"type": "text"}
    fixed["messages"][3]["parts"][1] = picture(CUT, **ids)
    assert fixed == whole


def test_fix_writes_the_type_twice(imgbudget: Command, tmp_path: Path) -> None:
    """The type stands in the address and beside it; all else stays."""
    big = picture(image_bytes((8100, 30), "bmp"), "image/bmp")
    whole = export(*MESSAGES, user("m4", big))
    path = write_json(tmp_path / "s.json", whole)
    imgbudget("check", "s.json", "--fix", "--select", "IB0,IB1")
    fixed = json.loads(path.read_text())
    part = fixed["messages"][3]["parts"][0]
    head, _, data = part["url"].partition(",")
    with Image.open(BytesIO(base64.b64decode(data))) as after:
        assert after.format is not None
        assert head == f"data:image/{after.format.lower()};base64"
        assert part["mime"] == f"image/{after.format.lower()}"
        assert after.width <= 8000
    fixed["messages"][3]["parts"][0] = big
    assert fixed == whole


def test_wrong_type_is_fixed_in_both_places(imgbudget: Command, tmp_path: Path) -> None:
    """A type that the bytes do not have is corrected beside the address too."""
    wrong = picture(image_bytes((20, 10), "jpeg"))
    path = write_json(tmp_path / "s.json", export(user("m1", wrong)))
    imgbudget("check", "s.json", "--fix", "--select", "IB1")
    part = json.loads(path.read_text())["messages"][0]["parts"][0]
    assert (part["mime"], part["url"][:23]) == ("image/jpeg", "data:image/jpeg;base64,")


def test_odd_values_never_raise() -> None:
    """Values of other types anywhere are flaws, or nothing."""
    whole = export(
        MESSAGES[1],
        user("m3", image(30)),
        compaction("m4", tail_start_id="m3"),
        answer("m5", text("summary"), summary=True, parentID="m4"),
        revert={"messageID": "m9", "partID": "p"},
    )
    part = picture(CUT, id="p", sessionID="s", messageID="m")
    for documents in mutated([whole, part]):
        for one in items_of(*documents):
            assert not isinstance(one, Request) or all(use.location.dotted for use in one.images)
