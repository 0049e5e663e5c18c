"""`imgbudget status`: a session in one line, how far it is from each limit, and if it can be compacted."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.planner import headroom as module
from tests.agentsessions import write_lines
from tests.builders import Json, body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.test_recorded_errors import claude
from tests.test_session_databases import opencode
from tests.test_session_opencode import image, text, user


def turn(*blocks: Json, number: int = 1, model: str | None = None) -> list[Json]:
    """A turn of the user in Claude Code, and its answer."""
    asked = claude("user", f"u{number}", "")
    asked["message"]["content"] = list(blocks)
    answered = claude("assistant", f"a{number}", "ok", parentUuid=f"u{number}")
    answered["message"]["model"] = model or "claude-opus-4-7"
    return [asked | {"parentUuid": f"a{number - 1}" if number > 1 else None}, answered]


def pictures(count: int, size: tuple[int, int] = (200, 200), padding: int = 0) -> list[Json]:
    """That many distinct images, each with some bytes behind it."""
    return [image_block(image_bytes(size, colour=i * 991) + b"\0" * padding) for i in range(count)]


def state(imgbudget: Command, *arguments: str, **more: Any) -> Any:
    """The one conversation of a session."""
    run = imgbudget("status", *arguments, "--format", "json", "--isolated", **more)
    assert run.code == 0, run.err
    (conversation,) = run.json["conversations"]
    return conversation


def limits(conversation: Any) -> dict[str, tuple[int, int, int | None]]:
    """What is used of each limit, the limit, and the room for more images."""
    return {one["name"]: (one["used"], one["limit"], one["images_left"]) for one in conversation["limits"]}


def test_bytes_are_the_nearest_limit(imgbudget: Command, tmp_path: Path) -> None:
    """Few tokens, many bytes: the line names the cap on bytes first, and how many more images fit."""
    write_lines(tmp_path / "s.jsonl", *turn(*pictures(9, padding=2_000_000)))
    found = state(imgbudget, "s.jsonl")
    used, cap, room = limits(found)["request bytes"]
    assert (found["images"], found["next"], cap) == (9, "request bytes", 32_000_000)
    assert used == found["bytes"] > 24_000_000
    assert room == (cap - used) // (used // 9)
    assert limits(found)["images and pages"] == (9, 600, 591)
    assert found["image_tokens"] == limits(found)["input tokens"][0] > 0
    assert found["compaction"] == {"passes": True, "blockers": []}
    run = imgbudget("status", "s.jsonl", "--isolated")
    assert (run.code, run.err, run.out.count("\n")) == (0, "", 1)
    assert run.out.startswith("9 images | 24 of 32 MB (75%) | ")
    assert "next limit: 32 MB a request, 8 MB left (about 2 images) | compaction would pass" in run.out


def test_a_refused_turn_comes_first(imgbudget: Command, tmp_path: Path) -> None:
    """An image that is refused stops the compaction too."""
    write_lines(
        tmp_path / "s.jsonl", *turn(*pictures(20), *pictures(1, (2100, 21)), image_block(b"no image"))
    )
    found = state(imgbudget, "s.jsonl")
    assert {one["code"]: one["count"] for one in found["refused"]} == {"IB001": 1, "IB102": 1}
    assert found["compaction"] == {"passes": False, "blockers": ["IB001", "IB102"]}
    line = imgbudget("status", "s.jsonl", "--isolated").out
    assert line.startswith("the next turn will be refused: IB001, IB102 | 22 images | ")
    assert line.endswith("| compaction too: run imgbudget rescue first\n")


def test_large_images_before_there_are_many(imgbudget: Command, tmp_path: Path) -> None:
    """With an image over 2000 px, the number of images at which it is refused is a limit."""
    write_lines(tmp_path / "s.jsonl", *turn(*pictures(17), *pictures(1, (2100, 21))))
    found = state(imgbudget, "s.jsonl")
    assert (found["next"], limits(found)["images of any edge"]) == ("images of any edge", (18, 20, 2))
    assert "next limit: 20 images over 2000 px, 2 left" in imgbudget("status", "s.jsonl", "--isolated").out
    write_lines(tmp_path / "s.jsonl", *turn(*pictures(18)))
    assert "images of any edge" not in limits(state(imgbudget, "s.jsonl"))


def test_compaction_needs_room(imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that passes may leave no room for the one that compacts it."""
    write_lines(tmp_path / "s.jsonl", *turn(*pictures(2)))
    monkeypatch.setattr(module, "COMPACTION_BYTES", 32_000_000)
    assert state(imgbudget, "s.jsonl")["compaction"] == {"passes": False, "blockers": ["request bytes"]}
    line = imgbudget("status", "s.jsonl", "--isolated").out
    assert "compaction would be refused (request bytes): run imgbudget rescue first" in line


def test_the_input_of_a_status_line(imgbudget: Command, tmp_path: Path) -> None:
    """The session is the transcript that Claude Code names; before its first message there is none."""
    path = write_lines(tmp_path / "s.jsonl", *turn(*pictures(3)))
    given = {"session_id": "s1", "transcript_path": str(path), "model": {"id": "claude-haiku-4-5"}}
    for arguments in ((), ("-",)):
        found = state(imgbudget, *arguments, stdin=json.dumps(given).encode())
        assert (found["images"], found["model"]) == (3, "claude-opus-4-7")
    path.write_text(json.dumps(turn(*pictures(3))[0]) + "\n")
    assert state(imgbudget, stdin=json.dumps(given).encode())["model"] == "claude-haiku-4-5"
    path.unlink()
    run = imgbudget("status", stdin=json.dumps(given).encode())
    assert (run.code, run.out, run.err) == (0, "0 images\n", "")


@pytest.mark.parametrize("given", [b"", b"x", b"[]", b"{}", b'{"transcript_path": 1}', b"\xff"])
def test_other_input_is_an_error(imgbudget: Command, given: bytes) -> None:
    """Exit code 2 for input that is not that of a status line."""
    run = imgbudget("status", stdin=given)
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("imgbudget: standard input: ")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("gone.jsonl", None, "no such file"),
        ("folder", "", "is a folder"),
        ("a.txt", "hello", "holds no session"),
        ("a.jsonl", '{"type": "summary", "leafUuid": "x", "sessionId": "s"}', "holds no session"),
    ],
)
def test_what_is_no_session(
    imgbudget: Command, tmp_path: Path, name: str, content: str | None, why: str
) -> None:
    """Exit code 2, with the name and the reason."""
    if content == "":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_text(content)
    run = imgbudget("status", name, "--isolated")
    assert (run.code, run.out) == (2, "")
    assert name in run.err
    assert why in run.err


def test_several_conversations(imgbudget: Command, tmp_path: Path) -> None:
    """The line is about the one that is refused, or nearest to a limit."""
    path = opencode(tmp_path / "o.db", user("m1", text("x"), image(20)))
    opencode(path, *(user(f"m{i}", image(20 + i)) for i in range(3)), session="ses_2")
    run = imgbudget("status", "o.db", "--format", "json", "--isolated")
    assert [one["images"] for one in run.json["conversations"]] == [3, 1]
    assert imgbudget("status", "o.db", "--isolated").out.startswith("3 images | ")


def test_a_request_and_an_unknown_model(imgbudget: Command, tmp_path: Path) -> None:
    """A body is one conversation; without known limits that is what the line says."""
    request = body(*pictures(2)) | {"model": "acme-vision-1"}
    write_json(tmp_path / "r.json", request)
    found = state(imgbudget, "r.json", "--platform", "self-hosted")
    assert (found["images"], found["image_tokens"], found["limits"]) == (2, None, [])
    line = imgbudget("status", "r.json", "--platform", "self-hosted", "--isolated").out
    assert "limits of acme-vision-1 not known" in line
    assert "compaction" not in line
