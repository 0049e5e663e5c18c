"""Sessions of Gemini CLI and Qwen Code, and base64 in the alphabet that Gemini's shapes take too."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.model.subjects import Nested
from tests.agentsessions import (
    CUT,
    answer,
    coded,
    gemini_call,
    gemini_header,
    gemini_row,
    inline,
    mutated,
    qwen_record,
    sizes,
    write_lines,
)
from tests.builders import image_bytes, write_json
from tests.conftest import Command
from tests.requestreading import request_of, requests_of

SESSION = [
    gemini_header(kind="main"),
    {"$set": {"messages": [gemini_row("a", "user", [{"text": "context"}])]}},
    gemini_row("b", "user", [{"text": "look at @a.png"}, inline(coded(30))]),
    gemini_row("n", "info", "a notice"),
    gemini_row("c", "gemini", "a page"),
]


def test_gemini_session() -> None:
    """Messages follow one another; the model is that of the last answer, the service is Gemini."""
    assert sizes(*SESSION) == ["contents.0.parts.2 30x10"]
    (request,) = requests_of(*SESSION)
    assert (request.id, request.model, request.platform) == ("s1", "gemini-3-flash-preview", "gemini")
    assert [(turn.role, len(turn.blocks)) for turn in request.turns] == [("user", 3), ("assistant", 1)]
    later = gemini_row("d", "gemini", "more", model="gemini-2.5-pro")
    assert requests_of(*SESSION, later)[0].model == "gemini-2.5-pro"


def test_gemini_rows_that_replace_others() -> None:
    """A row of the same id counts instead of the earlier one, and keeps its place."""
    again = gemini_row("b", "user", [{"text": "look"}, inline(coded(40))])
    assert sizes(*SESSION, again) == ["contents.0.parts.2 40x10"]
    everything = {"$set": {"messages": [gemini_row("x", "user", [inline(coded(50))])], "lastUpdated": "t"}}
    assert sizes(*SESSION, everything) == ["contents.0.parts.0 50x10"]
    assert sizes(*SESSION, {"$set": {"summary": "a page"}}) == ["contents.0.parts.2 30x10"]


def test_gemini_rewound() -> None:
    """A message that was rewound is not sent, nor what followed; an unknown id takes out everything."""
    more = (gemini_row("d", "user", [inline(coded(40))]), gemini_row("e", "gemini", "what?"))
    assert len(sizes(*SESSION, *more)) == 2
    assert sizes(*SESSION, *more, {"$rewindTo": "d"}) == ["contents.0.parts.2 30x10"]
    assert sizes(*SESSION, {"$rewindTo": "z"}, more[0]) == ["contents.0.parts.0 40x10"]


@pytest.mark.parametrize("nested", [False, True])
def test_gemini_results_of_tools_count_once(*, nested: bool) -> None:
    """A file that was read stands in the call and in the next message; it is sent once."""
    image = inline(coded(40))
    result = [answer("t1", image)] if nested else [answer("t1"), image]
    call = gemini_row("d", "gemini", "", toolCalls=[gemini_call("t1", *result)])
    place = "contents.2.parts.0.functionResponse.parts.0" if nested else "contents.2.parts.1"
    assert sizes(*SESSION[:3], call, gemini_row("e", "user", result)) == [
        "contents.0.parts.2 30x10",
        f"{place} 40x10",
    ]
    (before,) = requests_of(*SESSION[:3], call)  # only the call has it
    assert [str(use.size) for use in before.images] == ["30x10", "40x10"]
    assert before.turns[-1].role == "user"
    assert isinstance(before.turns[-1].blocks[0], Nested) is nested


def test_gemini_reasons_of_rows_that_are_not_sent(imgbudget: Command, tmp_path: Path) -> None:
    """Each row that is not sent again is listed with its reason."""
    lines = (
        *SESSION,
        gemini_row("b", "user", [{"text": "look"}]),
        gemini_row("d", "user", [inline(coded(40))]),
        {"$rewindTo": "d"},
        {"$set": {"messages": [gemini_row("c", "gemini", "a page")]}},
    )
    write_lines(tmp_path / "s.jsonl", *lines)
    rows = imgbudget("check", "s.jsonl", "--format", "json").json["summary"]["rows"]
    assert [(run["line"], run["reason"].partition(",")[0]) for run in rows["skipped"]] == [
        (2, "cleared from the session"),
        (3, "replaced by a later line of the session"),
        (4, "cleared from the session"),
        (5, "replaced by a later line of the session"),
        (6, "cleared from the session"),
        (7, "on a branch of the session that was abandoned"),
    ]


OLD: dict[str, Any] = {
    **gemini_header(),
    "messages": [
        gemini_row("1", "user", [{"text": "look"}, inline(coded(30))]),
        gemini_row("2", "gemini", "a page", toolCalls=[gemini_call("t", answer("t", inline(coded(40))))]),
    ],
}
CHECKPOINT = [
    {"role": "user", "parts": [{"text": "look"}, inline(coded(30))]},
    {"role": "model", "parts": [{"text": "a page"}]},
]


def test_gemini_session_as_one_object() -> None:
    """Older releases wrote one JSON object."""
    (request,) = requests_of(OLD)
    assert [(use.location.pointer, str(use.size)) for use in request.images] == [
        ("/messages/0/content/1/inlineData", "30x10"),
        ("/messages/1/toolCalls/0/result/0/functionResponse/parts/0/inlineData", "40x10"),
    ]
    assert request.model == "gemini-3-flash-preview"
    assert not request.flaws


@pytest.mark.parametrize(
    "checkpoint",
    [
        CHECKPOINT,
        {"history": CHECKPOINT, "authType": "gemini-api-key"},
        {"history": [{"type": "user", "text": "look"}], "clientHistory": CHECKPOINT, "toolCall": {}},
    ],
)
def test_gemini_checkpoint(checkpoint: Any) -> None:
    """A checkpoint is a list of contents, or has one as its history."""
    assert sizes(checkpoint) == ["contents.0.parts.1 30x10"]
    assert len(requests_of(checkpoint, checkpoint)) == 2


def test_broken_image_in_a_gemini_session(imgbudget: Command, tmp_path: Path) -> None:
    """A broken image is an error at its place, and gives way to a text in Gemini's shape."""
    broken = gemini_row("d", "user", [{"text": "this"}, inline(base64.b64encode(CUT).decode())])
    path = write_lines(tmp_path / "s.jsonl", *SESSION, broken)
    before = path.read_bytes().splitlines()
    (finding,) = imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB0").json["findings"]
    assert (finding["code"], finding["line"]) == ("IB001", 6)
    imgbudget("check", "s.jsonl", "--fix", "--select", "IB0")
    after = path.read_bytes().splitlines()
    assert after[:5] == before[:5]
    (text,) = json.loads(after[5])["content"][1:]
    assert list(text) == ["text"]
    assert "image removed" in text["text"]
    assert imgbudget("check", "s.jsonl", "--select", "IB0").code == 0


def test_fix_of_a_gemini_session_keeps_other_bytes(imgbudget: Command, tmp_path: Path) -> None:
    """Only the wrong media type changes."""
    wrong = gemini_row("d", "user", [inline(coded(30), "image/jpeg")])
    path = write_lines(tmp_path / "s.jsonl", *SESSION, wrong)
    before = path.read_text()
    assert imgbudget("check", "s.jsonl", "--fix", "--select", "IB105").code == 0
    assert path.read_text() == before.replace("image/jpeg", "image/png")


URL_SAFE = base64.urlsafe_b64encode(image_bytes((300, 200), "JPEG")).decode()


@pytest.mark.parametrize("key", ["inlineData", "inline_data"])
def test_both_alphabets_in_geminis_shapes(imgbudget: Command, tmp_path: Path, key: str) -> None:
    """google-genai 3.6.1 always writes the url-safe alphabet; the service takes both, and no fix is due."""
    part = {key: {"data": URL_SAFE, "mime_type": "image/jpeg"}}
    body = {"model": "gemini-3-flash-preview", "contents": [{"role": "user", "parts": [part]}]}
    assert {"-", "_"} & set(URL_SAFE)
    (image,) = request_of(body).images
    assert (image.flaws, str(image.size)) == ((), "300x200")
    path = write_json(tmp_path / "r.json", body)
    before = path.read_bytes()
    imgbudget("check", "r.json", "--fix", "--select", "ALL", "--unsafe-fixes")
    assert path.read_bytes() == before
    part[key]["data"] = f"{URL_SAFE[:20]}\n{URL_SAFE[20:]}"
    assert request_of(body).images[0].flaws == ("holds 1 line break or blank",)


def test_one_alphabet_elsewhere() -> None:
    """Other APIs take the standard alphabet only, and Qwen Code sends data URIs."""
    source = {"type": "base64", "media_type": "image/jpeg", "data": URL_SAFE}
    claude = {
        "max_tokens": 1,
        "messages": [{"role": "user", "content": [{"type": "image", "source": source}]}],
    }
    flaws = ("uses the url-safe alphabet (- and _)",)
    assert request_of(claude).images[0].flaws == flaws
    (qwen,) = requests_of(qwen_record("user", "a", None, inline(URL_SAFE, "image/jpeg")))
    assert qwen.images[0].flaws == flaws


QWEN = [
    qwen_record("user", "a", None, {"text": "look"}, inline(coded(30))),
    qwen_record("assistant", "b", "a", {"text": "a page"}),
    qwen_record("system", "c", "b", subtype="ui_telemetry", systemPayload={"uiEvent": {}}),
    qwen_record("tool_result", "d", "c", answer("t1", inline(coded(40)))),
    qwen_record("assistant", "e", "d", {"text": "another"}),
]


def test_qwen_session() -> None:
    """Records of Qwen Code are none of Claude Code's; the model is that of the last answer."""
    assert sizes(*QWEN) == [
        "contents.0.parts.1 30x10",
        "contents.2.parts.0.functionResponse.parts.0 40x10",
    ]
    (request,) = requests_of(*QWEN)
    assert (request.id, request.model, request.platform) == ("s1", "qwen3-vl-plus", None)
    assert not request.flaws
    assert [turn.role for turn in request.turns] == ["user", "assistant", "user", "assistant"]


def test_qwen_rewound() -> None:
    """The record of a rewind follows an earlier one, and so does what comes after it."""
    rewind = qwen_record("system", "r", "b", subtype="rewind", systemPayload={"truncatedCount": 2})
    assert sizes(*QWEN, rewind) == ["contents.0.parts.1 30x10"]
    again = qwen_record("user", "f", "r", inline(coded(50)))
    assert sizes(*QWEN, rewind, again) == ["contents.0.parts.1 30x10", "contents.2.parts.0 50x10"]
    beside = qwen_record("system", "g", "a", subtype="session_artifact_event")
    assert len(sizes(*QWEN, beside)) == 2


def test_qwen_compression() -> None:
    """The history of a compression replaces what was before it."""
    history = [
        {"role": "user", "parts": [{"text": "summary"}, inline(coded(60))]},
        {"role": "model", "parts": [{"text": "Got it."}]},
    ]
    compression = qwen_record(
        "system", "k", "e", subtype="chat_compression", systemPayload={"compressedHistory": history}
    )
    after = qwen_record("user", "f", "k", inline(coded(50)))
    assert sizes(*QWEN, compression, after) == ["contents.0.parts.1 60x10", "contents.2.parts.0 50x10"]
    assert len(sizes(*QWEN, compression, qwen_record("user", "f", "e", inline(coded(50))))) == 3


def test_qwen_parts_of_one_record() -> None:
    """Records of one id are parts of one; a parent that is missing ends the history, as in the program."""
    more = qwen_record("tool_result", "d", "c", inline(coded(50)))
    assert [size.split()[-1] for size in sizes(*QWEN[:4], more, QWEN[4])] == ["30x10", "40x10", "50x10"]
    assert sizes(*QWEN, qwen_record("user", "f", "gone", inline(coded(60)))) == ["contents.0.parts.0 60x10"]


def test_qwen_session_in_a_check(imgbudget: Command, tmp_path: Path) -> None:
    """What is not sent again is listed; a broken image is an error on its line and gives way to a text."""
    broken = qwen_record("user", "f", "b", inline(base64.b64encode(CUT).decode()))
    path = write_lines(tmp_path / "s.jsonl", *QWEN, broken)
    result = imgbudget("check", "s.jsonl", "--format", "json", "--select", "IB0").json
    assert [(one["code"], one["line"]) for one in result["findings"]] == [("IB001", 6)]
    rows = result["summary"]["rows"]
    assert [(run["line"], run["end_line"]) for run in rows["skipped"]] == [(4, 5)]
    before = path.read_bytes().splitlines()
    imgbudget("check", "s.jsonl", "--fix", "--select", "IB0")
    after = path.read_bytes().splitlines()
    assert after[:5] == before[:5]
    assert list(json.loads(after[5])["message"]["parts"][0]) == ["text"]


COMPRESSED = qwen_record(
    "system", "k", "e", subtype="chat_compression", systemPayload={"compressedHistory": CHECKPOINT}
)
CALL = gemini_row("d", "gemini", "", toolCalls=[gemini_call("t1", answer("t1", inline(coded(40))))])
BASES: list[list[Any]] = [
    [*SESSION, CALL, gemini_row("e", "user", [answer("t1")]), {"$rewindTo": "e"}],
    [OLD],
    [CHECKPOINT],
    [{"history": CHECKPOINT}],
    [*QWEN, COMPRESSED],
]


@given(st.sampled_from(BASES), st.integers(min_value=0))
def test_any_values_in_sessions(base: list[Any], seed: int) -> None:
    """Whatever the values are, reading gives requests or nothing, and no exception."""
    requests_of(*mutated(base, seed))


@pytest.mark.parametrize(
    "line",
    [
        {"$set": {"name": "x"}},
        {"$set": {"messages": [{"id": 1}]}},
        {"$rewindTo": "x"},
        gemini_row("a", "error", "disk full"),
        gemini_row("a", "user", "logged in"),
        {"type": "label", "id": "a", "parentId": "b", "timestamp": "t"},
    ],
)
def test_data_of_other_programs(imgbudget: Command, tmp_path: Path, line: Any) -> None:
    """Lines that could be of a session, but of which none is for sure, are skipped, and no line is wrong."""
    write_lines(tmp_path / "data.jsonl", line, {"level": "info"}, line)
    run = imgbudget("check", ".", "--format", "json")
    assert (run.code, run.json["findings"], run.json["summary"]["requests"]) == (0, [], 0)


def test_gemini_session_that_was_resumed() -> None:
    """0.61.0 writes the history with each result of a tool in two messages, and sends both."""
    result = [answer("t1"), inline(coded(40))]
    history = [
        gemini_row("b", "user", [{"text": "look"}]),
        gemini_row("c", "gemini", [{"functionCall": {"id": "t1", "name": "read_file", "args": {}}}]),
        gemini_row("c_response", "user", result),
        gemini_row("d", "user", result),
    ]
    lines = (*SESSION, gemini_header(), {"$set": {"messages": history}})
    assert sizes(*lines) == ["contents.2.parts.1 40x10", "contents.2.parts.3 40x10"]


def test_copies_in_calls_are_not_changed_and_noted(imgbudget: Command, tmp_path: Path) -> None:
    """The image of the message is fixed; the copy in the call of a session that was not resumed stays."""
    result = [answer("t1"), inline(coded(30), "image/jpeg")]
    call = gemini_row("d", "gemini", "", toolCalls=[gemini_call("t1", *result)])
    path = write_lines(tmp_path / "s.jsonl", *SESSION[:1], call, gemini_row("e", "user", result))
    note = "1 copied image not checked: in toolCalls; Gemini CLI may send it if the session is resumed"
    assert note in imgbudget("check", "s.jsonl", "--select", "IB105").err
    run = imgbudget("check", "s.jsonl", "--fix", "--select", "IB105")
    assert (run.code, note in run.err) == (0, True)
    kept, changed = path.read_text().splitlines()[1:]
    assert ("image/jpeg" in kept, "image/jpeg" in changed, "image/png" in changed) == (True, False, True)
    alone = write_lines(tmp_path / "a.jsonl", *SESSION[:1], call)
    assert note not in imgbudget("check", str(alone), "--select", "IB105").err
