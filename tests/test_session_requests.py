"""What Claude Code leaves out of a session: by the requests that it records, and near the limits."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.linter import requests as linter_requests
from imgbudget.requests.claude_requests import REMOVED, leaves_oldest_out
from tests.agentsessions import Json, mutated, sizes, write_lines
from tests.builders import image_block, image_bytes, text_block
from tests.conftest import Command
from tests.requestreading import items_of, requests_of
from tests.test_session_branches import attached_file, boundary, line, result


def image(width: int) -> Json:
    """An image that is known by its width."""
    return image_block(image_bytes((width, 10)))


def blob(name: str, *content: Json) -> Json:
    """A message of a request, as Claude Code 2.1.332 records it."""
    message = {"role": "user", "content": list(content)}
    return {"type": "api-request-blob", "sessionId": "s1", "hash": name, "message": message}


def sent(name: str, keep: int, *tail: str, base: str | None = None, **more: Any) -> Json:
    """A request, as Claude Code 2.1.332 records it."""
    made = {"type": "api-request", "sessionId": "s1", "id": name, "querySource": "sdk", "keep": keep}
    return made | {"tail": list(tail), "params": {}} | ({"base": base} if base else {}) | more


PLACEHOLDER = text_block("[media removed: request limit]")
FIRST = (
    line("user", [text_block("look"), image(30), image(40)], "a", None),
    blob("h1", text_block("look"), image(30), image(40)),
    sent("r1", 0, "h1"),
    line("assistant", "one", "b", "a"),
)
SECOND = (
    line("user", [image(50)], "c", "b"),
    blob("h1x", text_block("look"), PLACEHOLDER, image(40)),
    blob("h2", image(50)),
    sent("r2", 0, "h1x", "g1", "h2"),
    line("assistant", "two", "d", "c"),
)
ALL = ["messages.0.content.1 30x10", "messages.0.content.2 40x10", "messages.2.content.0 50x10"]


def test_images_that_were_left_out() -> None:
    """What was not in the last request is not sent again; the others keep their places."""
    assert sizes(*FIRST, *SECOND) == ALL[1:]
    (request,) = requests_of(*FIRST, *SECOND)
    assert request.turns[0].blocks[1].text == REMOVED  # type: ignore[union-attr]


def test_later_lines_are_sent() -> None:
    """An image that came after the last request that was answered is new."""
    later = line("user", [image(60)], "e", "d")
    assert sizes(*FIRST, *SECOND, later) == [*ALL[1:], "messages.4.content.0 60x10"]
    unanswered = (later, blob("h3", PLACEHOLDER), sent("r3", 3, "g2", "h3", base="r2"))
    assert len(sizes(*FIRST, *SECOND, *unanswered)) == 3


def test_requests_that_go_on_from_others() -> None:
    """A request keeps the first messages of the one before it."""
    second = (SECOND[0], SECOND[2], sent("r2", 1, "g1", "h2", base="r1"), SECOND[4])
    assert sizes(*FIRST, *second) == ALL
    fewer = (SECOND[0], blob("h2", PLACEHOLDER), sent("r2", 1, "g1", "h2", base="r1"), SECOND[4])
    assert sizes(*FIRST, *fewer) == ALL[:2]


@pytest.mark.parametrize(
    "second",
    [
        (SECOND[0], *SECOND[2:]),  # a message is not known
        (*SECOND[:2], *SECOND[3:]),
        (*SECOND[:3], sent("r2", 2, "g1", "h2", base="r9"), SECOND[4]),
        (*SECOND[:3], sent("r2", 9, "h2", base="r1"), SECOND[4]),
        (*SECOND[:3], sent("r2", 1, "h2", base="r2"), SECOND[4]),
        (*SECOND[:2], blob("h2", image(51)), *SECOND[3:]),  # another image than that of the line
        (*SECOND[:4], blob("h9", text_block("title?")), sent("r9", 0, "h9"), SECOND[4]),  # for a title
    ],
)
def test_requests_that_are_not_known_whole(second: tuple[Json, ...]) -> None:
    """Then nothing was left out for all that is known: each image is checked."""
    assert sizes(*FIRST, *second) == ALL


def test_another_branch_than_the_one_sent() -> None:
    """The request that counts is the one whose answer is on the branch."""
    assert sizes(*FIRST, *SECOND, line("user", "back", "e", "b")) == ALL[:2]


def test_images_in_results_and_attachments() -> None:
    """They are found in the request as images of the user's messages are; one sent twice counts twice."""
    lines = (
        line("user", [result("t1", image(30)), result("t2", image(30))], "a", None),
        attached_file(image_bytes((40, 10)), "b", "a"),
        blob("h1", result("t1", PLACEHOLDER), result("t2", image(30)), image(40)),
        sent("r1", 0, "h1"),
        line("assistant", "one", "c", "b"),
    )
    assert sizes(*lines) == ["messages.0.content.1.content.0 30x10", "messages.0.content.2 40x10"]


def test_images_left_out_are_counted(imgbudget: Command, tmp_path: Path) -> None:
    """The report says how many images are not checked, and why."""
    write_lines(tmp_path / "s.jsonl", *FIRST, *SECOND)
    run = imgbudget("check", "s.jsonl")
    assert "1 image not checked: left out of the last request of the session by Claude Code" in run.err


def test_model_before_any_answer() -> None:
    """The streaming format names the model at its beginning, newer sessions in an attachment."""
    init = {"type": "system", "subtype": "init", "session_id": "s", "model": "claude-haiku-4-5"}
    init["claude_code_version"] = "2.1.332"
    message = {"role": "user", "content": [image(30)]}
    stream = {"type": "user", "session_id": "s", "parent_tool_use_id": None, "message": message}
    (request,) = requests_of(init, stream)
    assert (request.model, request.keeps_newest) == ("claude-haiku-4-5", True)
    named = {"type": "model", "identity": {"modelId": "claude-opus-4-8"}, "text": "You are"}
    place = {"type": "attachment", "uuid": "m", "parentUuid": "a", "sessionId": "s1", "attachment": named}
    assert requests_of(FIRST[0], place)[0].model == "claude-opus-4-8"
    assert requests_of(FIRST[0], place, FIRST[3] | {"parentUuid": "m"})[0].model == "claude-opus-4-8"
    assert items_of(init)


@pytest.mark.parametrize(
    ("version", "leaves"),
    [
        ("2.1.332", True),
        ("2.1.238", True),
        ("2.2.0", True),
        ("2.1.237", False),
        ("2.1.x", False),
        (None, False),
    ],
)
def test_versions_that_leave_images_out(*, version: str | None, leaves: bool) -> None:
    """2.1.332 was seen to; those before 2.1.238 are not known to."""
    assert leaves_oldest_out(version) is leaves


def many(count: int, version: str, model: str) -> list[Json]:
    """A session of that many images."""
    images = [image_block(image_bytes((200, 200), colour=0x101010)) for _ in range(count)]
    made = {"version": version}
    return [
        line("user", [text_block("look"), *images], "a", None) | made,
        line("assistant", "one", "b", "a", model=model) | made,
    ]


@pytest.mark.parametrize(
    ("session", "kept", "is_broken"),
    [
        (many(110, "2.1.332", "claude-haiku-4-5"), 89, False),  # as the program was seen to send
        (many(100, "2.1.332", "claude-haiku-4-5"), 100, False),
        (many(110, "2.1.14", "claude-haiku-4-5"), 110, True),
        (many(110, "2.1.332", "claude-opus-4-8"), 110, False),
    ],
)
def test_more_images_than_a_request_may_have(
    imgbudget: Command, tmp_path: Path, session: list[Json], *, kept: int, is_broken: bool
) -> None:
    """A newer program leaves out a batch of the oldest ones, so that the session is not broken."""
    write_lines(tmp_path / "s.jsonl", *session)
    run = imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB4")
    assert run.json["summary"]["images"] == kept
    assert ("IB402" in run.codes) is is_broken
    assert ("of the oldest images and documents not checked" in run.err) is (kept == 89)


def test_more_bytes_than_a_request_may_have(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest images are left out until there is room again; a gateway takes more."""
    lines = many(30, "2.1.332", "claude-opus-4-8")
    each = len(lines[0]["message"]["content"][1]["source"]["data"])
    monkeypatch.setattr(linter_requests, "MOST_BASE64", 20 * each)
    monkeypatch.setattr("imgbudget.requests.claude_requests.FEWER_BASE64", 5 * each)
    write_lines(tmp_path / "s.jsonl", *lines)
    run = imgbudget("check", "s.jsonl", "--format", "json")
    assert run.json["summary"]["images"] == 18  # 15 are left after the 21st and the 27th
    other = imgbudget("check", "s.jsonl", "--format", "json", "--platform", "bedrock")
    assert other.json["summary"]["images"] == 30


def test_broken_image_that_is_left_out(imgbudget: Command, tmp_path: Path) -> None:
    """It breaks nothing, since it is not sent; one that is sent does."""
    lines = many(110, "2.1.332", "claude-haiku-4-5")
    content = lines[0]["message"]["content"]
    content[1] = image_block(image_bytes((400, 300))[:60])
    write_lines(tmp_path / "s.jsonl", *lines)
    assert imgbudget("check", "s.jsonl", "--select", "IB0").code == 0
    content.append(content.pop(1))
    write_lines(tmp_path / "s.jsonl", *lines)
    assert imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB0").codes == ["IB001"]
    before = (tmp_path / "s.jsonl").read_text()
    imgbudget("check", "s.jsonl", "--fix", "--select", "IB0")
    after = json.loads((tmp_path / "s.jsonl").read_text().splitlines()[0])["message"]["content"]
    assert after[:-1] == json.loads(before.splitlines()[0])["message"]["content"][:-1]
    assert after[-1]["type"] == "text"


BASES: list[list[Any]] = [
    [*FIRST, *SECOND],
    [*FIRST, SECOND[0], SECOND[2], sent("r2", 1, "g1", "h2", base="r1"), SECOND[4]],
    [*FIRST, boundary("x"), *SECOND, {"type": "last-prompt", "leafUuid": "d"}],
]


@given(st.sampled_from(BASES), st.integers(min_value=0))
def test_any_values_in_requests(base: list[Any], seed: int) -> None:
    """Whatever the values are, reading gives requests or nothing, and no exception."""
    requests_of(*mutated(base, seed))
