"""The tree of a Claude Code session: what was rewound, compacted, cleared or sent in parallel."""

import base64
import json
import tracemalloc
from io import BytesIO
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.subjects import ProbeField
from imgbudget.requests.transcript import TranscriptReader
from tests.agentsessions import mutated
from tests.builders import image_block, image_bytes, text_block
from tests.conftest import Command
from tests.requestreading import requests_of

CUT = image_bytes((400, 300))[:60]


def line(role: str, content: Any, uuid: str, parent: str | None, **more: Any) -> dict[str, Any]:
    """A line of a session, at its place in the tree."""
    message: dict[str, Any] = {"role": role, "content": content}
    if role == "assistant":
        message["model"] = more.pop("model", "claude-opus-4-8")
        message["id"] = more.pop("id", f"msg-{uuid}")
    place = {"uuid": uuid, "parentUuid": parent, "sessionId": "s1", "isSidechain": False}
    return {"type": role, **place, "message": message} | more


def attachment(content: dict[str, Any], uuid: str, parent: str | None) -> dict[str, Any]:
    """A line that attaches something to the message before it."""
    place = {"uuid": uuid, "parentUuid": parent, "sessionId": "s1", "isSidechain": False}
    return {"type": "attachment", **place, "attachment": content}


def attached_file(data: bytes, uuid: str, parent: str | None, kind: str = "image/png") -> dict[str, Any]:
    """A file that was named with @."""
    file = {"base64": base64.b64encode(data).decode(), "type": kind, "originalSize": len(data)}
    content = {"type": "image", "file": file}
    return attachment({"type": "file", "filename": "a.png", "content": content}, uuid, parent)


def boundary(uuid: str, **metadata: Any) -> dict[str, Any]:
    """The line of a compaction."""
    place = {"uuid": uuid, "parentUuid": None, "sessionId": "s1"}
    return {"type": "system", "subtype": "compact_boundary", **place, "compactMetadata": metadata}


def sizes(*lines: dict[str, Any]) -> list[str]:
    """The sizes of the images of the next request, with their places in it."""
    (request,) = requests_of(*lines)
    return [f"{use.location.dotted} {use.size}" for use in request.images]


def image(width: int) -> dict[str, Any]:
    """An image that is known by its width."""
    return image_block(image_bytes((width, 10)))


REWOUND = (
    line("user", "look", "a", None),
    line("assistant", "sure", "b", "a"),
    line("user", [text_block("at this"), image(30)], "c", "b"),
    line("assistant", "API Error: 400", "d", "c", model="<synthetic>", isApiErrorMessage=True),
    line("user", [image(40), text_block("at that")], "e", "b"),
    line("assistant", "I see", "f", "e"),
)


def test_what_was_rewound_is_not_sent() -> None:
    """Only the branch of the last message counts."""
    assert sizes(*REWOUND) == ["messages.2.content.0 40x10"]


def test_rewound_without_a_new_message() -> None:
    """`last-prompt` names the message to which the session was rewound, until it goes on."""
    pinned = {"type": "last-prompt", "leafUuid": "d", "sessionId": "s1", "lastPrompt": "at this"}
    assert sizes(*REWOUND, pinned) == ["messages.2.content.1 30x10"]
    goes_on = line("user", "again", "g", "f")
    assert sizes(*REWOUND, pinned, goes_on) == ["messages.2.content.0 40x10"]
    unknown = pinned | {"leafUuid": "z"}
    assert sizes(*REWOUND, unknown) == ["messages.2.content.0 40x10"]


def test_retries_of_a_turn_count_once() -> None:
    """A turn that failed and was sent again is a branch beside the first one."""
    retries = [line("user", [image(30 + i)], f"r{i}", "b") for i in range(3)]
    assert sizes(*REWOUND[:2], *retries) == ["messages.2.content.0 32x10"]


def call(identity: str) -> dict[str, Any]:
    """A call of a tool."""
    return {"type": "tool_use", "id": identity, "name": "Read", "input": {}}


def result(identity: str, *blocks: dict[str, Any]) -> dict[str, Any]:
    """The result of a call."""
    return {"type": "tool_result", "tool_use_id": identity, "content": list(blocks)}


PARALLEL = (
    line("user", "read both", "a", None),
    line("assistant", [call("t1")], "b", "a", id="m1"),
    line("assistant", [call("t2")], "c", "b", id="m1"),
    line("user", [result("t1", image(30))], "d", "b"),
    line("user", [result("t2", image(40))], "e", "c"),
    line("assistant", "both read", "f", "e"),
)


def test_parallel_calls_belong_together() -> None:
    """The parts of one answer are one turn, the results of all its calls the next one."""
    (request,) = requests_of(*PARALLEL)
    assert [(turn.role, len(turn.blocks)) for turn in request.turns] == [
        ("user", 1),
        ("assistant", 2),
        ("user", 2),
        ("assistant", 1),
    ]
    assert sizes(*PARALLEL) == [
        "messages.2.content.0.content.0 30x10",
        "messages.2.content.1.content.0 40x10",
    ]


def test_parallel_results_in_a_chain() -> None:
    """A result that stands between the parts of an answer follows all of them."""
    a, b, c, d, e, f = PARALLEL
    lines = (a, b, d, c | {"parentUuid": "d"}, e, f)
    (request,) = requests_of(*lines)
    assert [(turn.role, len(turn.blocks)) for turn in request.turns][1:3] == [("assistant", 2), ("user", 2)]


def test_attached_files_and_queued_prompts() -> None:
    """A file named with @ and a prompt that had to wait are sent with the message before them."""
    prompt = [text_block("and"), image(40)]
    lines = (
        line("user", "look at @a.png", "a", None),
        attached_file(image_bytes((30, 10)), "b", "a"),
        attachment({"type": "queued_command", "prompt": prompt}, "c", "b"),
        attachment({"type": "queued_command", "prompt": "only text"}, "d", "c"),
        attachment({"type": "todo_reminder", "content": [], "itemCount": 0}, "e", "d"),
        line("assistant", "ok", "f", "e"),
    )
    assert sizes(*lines) == ["messages.0.content.1 30x10", "messages.0.content.3 40x10"]
    (request,) = requests_of(*lines)
    assert [use.location.pointer for use in request.images] == [
        "/attachment/content/file",
        "/attachment/prompt/1/source",
    ]
    assert request.images[0].declared == "image/png"


def test_attached_file_without_data() -> None:
    """An attachment without its bytes is a fault at its place, not a crash."""
    broken = attached_file(b"", "b", "a")
    broken["attachment"]["content"]["file"]["base64"] = None
    (request,) = requests_of(line("user", "x", "a", None), broken)
    assert [flaw.message for flaw in request.flaws] == [
        "base64 of an attached image is missing, not a string"
    ]


def test_broken_attachment_is_reported_and_fixed(imgbudget: Command, tmp_path: Path) -> None:
    """A session that an attached file breaks is an error; one that is too large is resized in its place."""
    path = tmp_path / "s.jsonl"
    head = line("user", "look at @a.png", "a", None)
    path.write_text("".join(json.dumps(x) + "\n" for x in (head, attached_file(CUT, "b", "a"))))
    assert imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB0").codes == ["IB001"]
    large = attached_file(image_bytes((8100, 30), "jpeg"), "b", "a", "image/jpeg")
    path.write_text("".join(json.dumps(x) + "\n" for x in (head, large)))
    assert imgbudget("check", "s.jsonl", "--fix", "--select", "IB101").code == 0
    fixed = [json.loads(text) for text in path.read_text().splitlines()]
    file = fixed[1]["attachment"]["content"]["file"]
    assert fixed[0] == head
    with Image.open(BytesIO(base64.b64decode(file["base64"]))) as picture:
        assert (picture.format, file["type"]) == ("JPEG", "image/jpeg")
        assert max(picture.size) <= 8000


COMPACTED = (
    line("user", [image(20)], "a", None),
    line("assistant", "one", "b", "a"),
    line("user", [image(30)], "c", "b"),
    line("assistant", "two", "d", "c"),
)
AFTER = (
    line("user", "what was done", "s", "x", isCompactSummary=True),
    line("user", [image(40)], "e", "s"),
    line("assistant", "three", "f", "e"),
)


def test_compaction_ends_the_history() -> None:
    """Nothing before the boundary is sent."""
    assert sizes(*COMPACTED, boundary("x", trigger="auto"), *AFTER) == ["messages.0.content.1 40x10"]


def test_compaction_keeps_a_segment() -> None:
    """The messages from the head to the tail follow the summary."""
    segment = {"headUuid": "c", "anchorUuid": "s", "tailUuid": "d"}
    lines = (*COMPACTED, boundary("x", preservedSegment=segment), *AFTER)
    assert sizes(*lines) == ["messages.0.content.1 30x10", "messages.2.content.0 40x10"]


def test_compaction_keeps_messages() -> None:
    """Since 2.1.205 the messages are listed, and the list counts, not the segment."""
    segment = {"headUuid": "a", "anchorUuid": "s", "tailUuid": "d"}
    messages = {"anchorUuid": "s", "uuids": ["c", "d"]}
    lines = (*COMPACTED, boundary("x", preservedSegment=segment, preservedMessages=messages), *AFTER)
    assert sizes(*lines) == ["messages.0.content.1 30x10", "messages.2.content.0 40x10"]


def test_segments_that_lead_nowhere() -> None:
    """A segment of unknown ids, or whose tail does not lead to its head, keeps nothing."""
    for head, anchor, tail in (("z", "s", "d"), ("d", "s", "a"), ("c", "z", "d"), ("c", "c", "d")):
        segment = {"headUuid": head, "anchorUuid": anchor, "tailUuid": tail}
        lines = (*COMPACTED, boundary("x", preservedSegment=segment), *AFTER)
        assert sizes(*lines) == ["messages.0.content.1 40x10"]


def test_rewound_to_before_the_compaction() -> None:
    """A message that follows one before the boundary is on the old branch."""
    lines = (*COMPACTED, boundary("x"), *AFTER, line("user", "back", "g", "b"))
    assert sizes(*lines) == ["messages.0.content.0 20x10"]


def test_copies_of_earlier_lines() -> None:
    """A second compaction writes the history again, with the same ids (claude-code#92089)."""
    lines = (*COMPACTED, boundary("x"), *AFTER, *COMPACTED)
    assert sizes(*lines) == ["messages.0.content.1 40x10"]


def test_cleared_results() -> None:
    """Micro-compaction takes out the results of some calls and some attachments."""
    metadata = {"trigger": "auto", "compactedToolIds": ["t1"], "clearedAttachmentUUIDs": ["g"]}
    place = {"uuid": "m", "parentUuid": "g", "sessionId": "s1"}
    clear = {"type": "system", "subtype": "microcompact_boundary", **place, "microcompactMetadata": metadata}
    lines = (*PARALLEL, attached_file(image_bytes((50, 10)), "g", "f"), clear)
    assert sizes(*lines, line("user", "on", "h", "m")) == ["messages.2.content.1.content.0 40x10"]
    elsewhere = (*lines, line("user", "on", "h", "f"))  # rewound to before it was cleared
    assert len(sizes(*elsewhere)) == 2


def test_missing_parents_and_circles() -> None:
    """A parent that is not in the file is taken for the line before; a circle ends."""
    assert sizes(line("user", [image(20)], "a", None), line("user", "x", "b", "gone")) == [
        "messages.0.content.0 20x10"
    ]
    circle = (line("user", [image(20)], "a", None), line("user", "x", "b", "b"))
    assert sizes(*circle) == ["messages.0.content.0 20x10"]


def test_lines_that_name_no_parents() -> None:
    """Where every parent is null there is no tree: the lines follow one another."""
    lines = [item | {"parentUuid": None} for item in COMPACTED]
    assert sizes(*lines) == ["messages.0.content.0 20x10", "messages.2.content.0 30x10"]
    assert sizes(*lines, boundary("x"), AFTER[1] | {"parentUuid": None}) == ["messages.0.content.0 40x10"]


def test_reasons_of_lines_that_are_not_sent(imgbudget: Command, tmp_path: Path) -> None:
    """Each line that is not sent again is listed with its reason."""
    lines = (*COMPACTED, boundary("x"), *AFTER, line("user", [image(60)], "r", "s"), COMPACTED[0])
    text = "".join(json.dumps(item) + "\n" for item in (*lines, line("user", "on", "h", "f")))
    (tmp_path / "s.jsonl").write_text(text)
    rows = imgbudget("check", "s.jsonl", "--format", "json").json["summary"]["rows"]
    assert (rows["total"], rows["checked"], rows["bad"]) == (11, 5, 0)
    assert [(run["line"], run["end_line"], run["reason"]) for run in rows["skipped"]] == [
        (1, 4, "sent before the session was compacted, not sent again"),
        (9, 9, "on a branch of the session that was abandoned, not sent again"),
        (10, 10, "a copy of an earlier line of the session, not sent again"),
    ]


@given(st.lists(st.integers(min_value=0, max_value=50), min_size=1, max_size=12))
def test_any_tree(parents: list[int]) -> None:
    """The request has the texts from the root to the last message, whatever the tree."""
    lines = []
    expected: dict[int, list[str]] = {}
    for i, pick in enumerate([0, 1, *parents]):  # the second line follows the first: a tree
        parent = pick % (i + 1) - 1
        lines.append(line("user", f"text {i}", f"u{i}", None if parent < 0 else f"u{parent}"))
        expected[i] = [*expected.get(parent, []), f"text {i}"]
    (request,) = requests_of(*lines)
    assert [block.text for turn in request.turns for block in turn.blocks] == expected[len(parents) + 1]  # type: ignore[union-attr]


KEPT = {"headUuid": "c", "anchorUuid": "s", "tailUuid": "d"}
LISTED = {"anchorUuid": "s", "uuids": ["c", "d"]}
CLEAR = {
    "type": "system",
    "subtype": "microcompact_boundary",
    "uuid": "m",
    "parentUuid": "f",
    "microcompactMetadata": {"compactedToolIds": ["t1"], "clearedAttachmentUUIDs": ["g"]},
}
ALL_KINDS = [
    [*COMPACTED, boundary("x", preservedSegment=KEPT), *AFTER],
    [*COMPACTED, boundary("x", preservedMessages=LISTED), *AFTER, {"type": "last-prompt", "leafUuid": "f"}],
    [*PARALLEL, attached_file(CUT, "g", "f"), CLEAR],
    [{"type": "user", "session_id": "s", "message": {"role": "user", "content": [image(30)]}}],
]


@given(st.sampled_from(ALL_KINDS), st.integers(min_value=0))
def test_any_values_in_lines(lines: list[dict[str, Any]], seed: int) -> None:
    """Whatever the values are, reading gives requests or nothing, and no exception."""
    requests_of(*mutated(lines, seed))


def _memory(count: int) -> int:
    """The most memory that a session of so many short lines takes, without its file."""
    rows = [
        line(
            "user" if i % 2 else "assistant",
            [text_block(f"step {i}")],
            f"{i:036}",
            f"{i - 1:036}" if i else None,
        )
        for i in range(count)
    ]
    source = JsonSource.from_bytes("\n".join(json.dumps(row) for row in rows).encode())
    reader = TranscriptReader("x.jsonl", ProbeField.NONE)
    tracemalloc.start()
    try:
        for document in open_documents(source, lines=True):
            assert isinstance(document, Document)
            reader.take(document)
        (request,) = reader.requests()
        assert len(request.turns) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_lines_of_a_long_session_take_little_memory() -> None:
    """About 1,200 bytes each with their text: a line is given up as it becomes part of the request."""
    _memory(20)
    assert _memory(900) - _memory(300) < 600 * 1900
