"""Sessions of pi: a tree of entries, compactions that keep a part, results of tools."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agentsessions import (
    CUT,
    coded,
    mutated,
    pi_entry,
    pi_header,
    pi_image,
    pi_message,
    sizes,
    write_lines,
)
from tests.builders import text_block
from tests.conftest import Command
from tests.requestreading import requests_of

SESSION = [
    pi_header(),
    pi_entry("model_change", "m", None, provider="anthropic", modelId="claude-sonnet-4-6"),
    pi_entry("thinking_level_change", "l", "m", thinkingLevel="off"),
    pi_message("user", "a", "l", text_block("look"), pi_image(coded(30))),
    pi_message("assistant", "b", "a", {"type": "toolCall", "id": "t1", "name": "read", "arguments": {}}),
    pi_message("toolResult", "c", "b", text_block("read"), pi_image(coded(40)), toolCallId="t1"),
    pi_message("assistant", "d", "c", text_block("a page")),
]
BOTH = ["messages.0.content.1 30x10", "messages.2.content.0.content.1 40x10"]


def test_pi_session() -> None:
    """The path to the last entry is sent; the model is the one that answered last or was chosen since."""
    assert sizes(*SESSION) == BOTH
    (request,) = requests_of(*SESSION)
    assert (request.id, request.model) == ("s1", "claude-opus-4-8")
    assert [turn.role for turn in request.turns] == ["user", "assistant", "user", "assistant"]
    assert [use.inside for use in request.images] == [(), ("tool_result",)]
    change = pi_entry("model_change", "x", "d", provider="google", modelId="gemini-3-flash-preview")
    assert requests_of(*SESSION, change)[0].model == "gemini-3-flash-preview"
    assert requests_of(*SESSION[:4])[0].model == "claude-sonnet-4-6"


def test_pi_branches() -> None:
    """What follows another entry than the last one named is not sent."""
    summary = pi_entry("branch_summary", "s", "a", fromId="d", summary="tried to read")
    assert sizes(*SESSION, summary) == BOTH[:1]
    assert sizes(*SESSION, summary, pi_message("user", "e", "s", pi_image(coded(50)))) == [
        BOTH[0],
        "messages.0.content.2 50x10",
    ]
    assert sizes(*SESSION, pi_entry("label", "n", "d", targetId="a", label="here")) == BOTH
    assert sizes(*SESSION, pi_message("user", "e", "gone", pi_image(coded(50)))) == [
        "messages.0.content.0 50x10"
    ]


@pytest.mark.parametrize(("first", "kept"), [("c", [40]), ("a", [30, 40]), ("z", []), (None, [])])
def test_pi_compaction(first: str | None, kept: list[int]) -> None:
    """A compaction keeps what follows the entry that it names; of an unknown one nothing."""
    compaction = pi_entry("compaction", "k", "d", summary="s", firstKeptEntryId=first, tokensBefore=9)
    after = pi_message("user", "e", "k", pi_image(coded(50)))
    (request,) = requests_of(*SESSION, compaction, after)
    assert [use.size and use.size.width for use in request.images] == [*kept, 50]
    back = pi_message("user", "f", "d", pi_image(coded(60)))
    (request,) = requests_of(*SESSION, compaction, after, back)
    assert [use.size and use.size.width for use in request.images] == [30, 40, 60]


def test_pi_session_of_version_1() -> None:
    """Entries without ids follow one another; a compaction names the first one kept by its number."""
    old = [{key: item[key] for key in item if key not in ("id", "parentId")} for item in SESSION]
    old[0] = {"type": "session", "id": "s1", "timestamp": "t", "cwd": "/p"}
    assert sizes(*old) == BOTH
    compaction = {"type": "compaction", "timestamp": "t", "summary": "s", "firstKeptEntryIndex": 5}
    assert sizes(*old, compaction) == ["messages.0.content.0.content.1 40x10"]


def test_messages_of_extensions_and_failed_answers() -> None:
    """Messages of extensions are sent; answers that failed, shell commands and notes are not images."""
    lines = (
        *SESSION[:4],
        pi_message("assistant", "x", "a", text_block("no"), stopReason="error"),
        pi_entry("custom_message", "e", "x", customType="y", content=[pi_image(coded(50))], display=True),
        pi_message("bashExecution", "f", "e", command="ls", output=""),
        pi_message("custom", "g", "f", pi_image(coded(60)), customType="y"),
        pi_entry("custom", "h", "g", customType="y", data={"data": coded(70)}),
    )
    assert [text.split()[-1] for text in sizes(*lines)] == ["30x10", "50x10", "60x10"]


def test_pi_session_in_a_check(imgbudget: Command, tmp_path: Path) -> None:
    """A broken image is an error on its line and gives way to a text; what is not sent is listed."""
    broken = pi_message("toolResult", "e", "b", pi_image(base64.b64encode(CUT).decode()), toolCallId="t1")
    path = write_lines(tmp_path / "s.jsonl", *SESSION, broken)
    result = imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB0").json
    assert [(one["code"], one["line"]) for one in result["findings"]] == [("IB001", 8)]
    assert [(run["line"], run["end_line"]) for run in result["summary"]["rows"]["skipped"]] == [(6, 7)]
    before = path.read_bytes().splitlines()
    imgbudget("check", "s.jsonl", "--fix", "--select", "IB0")
    after = path.read_bytes().splitlines()
    assert after[:7] == before[:7]
    assert json.loads(after[7])["message"]["content"][0]["type"] == "text"
    assert imgbudget("check", "s.jsonl", "--select", "IB0").code == 0


def test_fix_of_a_pi_session_keeps_other_bytes(imgbudget: Command, tmp_path: Path) -> None:
    """Only the wrong media type changes."""
    wrong = pi_message("user", "e", "d", pi_image(coded(30), "image/jpeg"))
    path = write_lines(tmp_path / "s.jsonl", *SESSION, wrong)
    before = path.read_text()
    assert imgbudget("check", "s.jsonl", "--fix", "--select", "IB105").code == 0
    assert path.read_text() == before.replace("image/jpeg", "image/png")


COMPACTION = pi_entry("compaction", "k", "d", summary="s", firstKeptEntryId="c", tokensBefore=9)


@given(st.integers(min_value=0))
def test_any_values_in_pi_sessions(seed: int) -> None:
    """Whatever the values are, reading gives requests or nothing, and no exception."""
    lines: list[Any] = [*SESSION, COMPACTION, pi_message("user", "e", "k", pi_image(coded(50)))]
    requests_of(*mutated(lines, seed))
