"""Batches of a hostile server: states, results and their ids; what can be read is counted and kept."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgbudget.live.client import MASK
from tests.conftest import Run
from tests.hostile.rawserver import RawServer, flooding, http
from tests.liveapi import KEY, message

Json = dict[str, Any]
MODEL = "claude-sonnet-4-6"
BATCH = b"/v1/messages/batches"
ID = "msgbatch_1"


def batch(server: RawServer, *lines: Any, ended: Any = None, results: bytes | None = None) -> None:
    """A batch that has ended, with these lines of results."""
    state = {"id": ID, "processing_status": "ended", "request_counts": {"succeeded": 2}}
    server.answers[BATCH] = http(state if ended is None else ended)
    server.answers[BATCH + b"/" + ID.encode()] = http(state)
    text = b"".join((it if isinstance(it, bytes) else json.dumps(it).encode()) + b"\n" for it in lines)
    server.answers[BATCH + b"/" + ID.encode() + b"/results"] = results or http(text)


def result(custom_id: Any, **more: Any) -> Json:
    """A result that was answered."""
    return {"custom_id": custom_id, "result": {"type": "succeeded", "message": message(MODEL, 76)}} | more


GOOD = (result("c0"), result("c1"))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"id": "../../etc", "processing_status": "ended"}, "its id cannot be read"),
        ({"id": KEY + "/", "processing_status": "ended"}, "its id cannot be read"),
        ({"id": 5, "processing_status": "ended"}, "its id cannot be read: 5"),
        ({"processing_status": "ended"}, "its id cannot be read: null"),
        ({"id": "a\x1b[2J", "processing_status": "ended"}, "its id cannot be read"),
        ({"id": ID, "processing_status": "ended\x1b[2J"}, "the status of batch msgbatch_1 cannot be read"),
        ({"id": ID, "processing_status": ["ended"]}, "the status of batch msgbatch_1 cannot be read"),
        ({"id": ID, "processing_status": None}, "the status of batch msgbatch_1 cannot be read: null"),
        ({"id": ID}, "the response did not come from the API"),
        ([], "the response did not come from the API"),
    ],
)
def test_states_of_a_batch_that_cannot_be_read(
    server: RawServer, send: Callable[..., Run], state: Any, words: str
) -> None:
    """A batch may run and be billed: the message says so, or how to find it; nothing is polled."""
    batch(server, *GOOD, ended=state)
    run = send("--yes", name="b.json")
    assert run.code == 2
    assert words in run.err
    assert "billed" in run.err or "--batch-id" in run.err or "msgbatch_1" in run.err
    assert "\x1b" not in run.err
    assert len(server.seen) == 1


def test_an_answer_about_another_batch_is_refused(server: RawServer, send: Callable[..., Run]) -> None:
    """The results of another batch are never read in place of those that were asked for."""
    batch(server, *GOOD)
    server.answers[BATCH + b"/" + ID.encode()] = http({"id": "msgbatch_2", "processing_status": "ended"})
    run = send("--batch-id", ID, name="b.json")
    assert run.code == 2
    assert 'the answer is about another batch: "msgbatch_2"' in run.err


def test_counts_of_a_batch_are_numbers_of_known_outcomes(server: RawServer, send: Callable[..., Run]) -> None:
    """Other names and values are not shown."""
    counts = {
        "succeeded": -2,
        "errored": "2",
        "processing": 1e400,
        "expired": True,
        f"{KEY}\x1b[2J": 2,
        "canceled": 3,
    }
    batch(server, *GOOD, ended={"id": ID, "processing_status": "ended", "request_counts": counts})
    run = send("--yes", name="b.json")
    assert run.code == 0, run.err
    assert "batch msgbatch_1 ended: 3 canceled" in run.err


ODD = {
    "twice": ((*GOOD, result("c0")), "answers 'c0' again; only its first result is counted"),
    "unknown": ((*GOOD, result("c9")), "answers 'c9', which is not in b.json"),
    "key-as-id": ((*GOOD, result(KEY)), "answers '[key removed]', which is not in b.json"),
    "escape-as-id": ((*GOOD, result("\x1b[2J")), "which is not in b.json"),
    "id-is-a-list": ((*GOOD, result(["c0"])), "has a result that cannot be read"),
    "id-is-long": ((*GOOD, result("x" * 100_000)), "has a result that cannot be read"),
    "no-id": ((*GOOD, {"result": {"type": "succeeded"}}), "has a result that cannot be read"),
    "no-result": ((GOOD[0], result("c1", result=None)), "no result for 1 request: c1"),
    "result-is-a-list": ((GOOD[0], result("c1", result=[1])), "no result for 1 request: c1"),
    "unknown-type": ((GOOD[0], result("c1", result={"type": "x"})), "no result for 1 request: c1"),
    "type-is-a-list": ((GOOD[0], result("c1", result={"type": []})), "no result for 1 request: c1"),
    "not-json": ((*GOOD, b"{]"), "has a result that cannot be read: {]"),
    "deep-json": ((*GOOD, b"[" * 10_000), "has a result that cannot be read"),
    "a-number": ((*GOOD, b"5"), "has a result that cannot be read: 5"),
    "not-utf-8": ((*GOOD, b"\xff\xfe"), "has a result that cannot be read"),
    "many": ((*GOOD, *[result(f"x{i}") for i in range(500)]), "has 495 more results that cannot be counted"),
    "missing": ((GOOD[0],), "no result for 1 request: c1"),
    "none": ((), "no result for 2 requests: c0, c1"),
    "message-is-missing": (
        (GOOD[0], result("c1", result={"type": "succeeded"})),
        "c1: the answer's usage cannot be read",
    ),
    "usage-is-nan": (
        (GOOD[0], json.dumps(result("c1")).replace('"input_tokens": 76', '"input_tokens": NaN').encode()),
        "c1: the answer's usage cannot be read: cost unknown",
    ),
    "error-is-odd": (
        (GOOD[0], result("c1", result={"type": "errored", "error": [5]})),
        "request c1: 400 errored",
    ),
    "error-has-odd-types": (
        (
            GOOD[0],
            result(
                "c1", result={"type": "errored", "error": {"error": {"message": 5, "details": {"paths": 5}}}}
            ),
        ),
        "request c1: 400 errored",
    ),
}


@pytest.mark.parametrize(("lines", "words"), ODD.values(), ids=ODD)
def test_odd_results_are_named_and_the_others_counted(
    server: RawServer, send: Callable[..., Run], tmp_path: Path, lines: tuple[Any, ...], words: str
) -> None:
    """Exit 2, at most five by name; what can be read is counted and recorded, and every line is kept."""
    batch(server, *lines)
    run = send("--yes", "--record", "seen.jsonl", "--output", "out.json", name="b.json")
    assert run.code == 2
    assert words in run.err
    assert run.err.count("warning: ") <= 7
    assert "\x1b" not in run.err
    assert len((tmp_path / "out.json").read_text().split("\n")) - 1 == len(lines)
    if lines:
        seen = [json.loads(line) for line in (tmp_path / "seen.jsonl").read_text().splitlines()]
        assert sum(it.get("observed", {}).get("input_tokens") == 76 for it in seen) >= 1


def test_a_line_separator_in_an_answer_is_no_end_of_a_line(
    server: RawServer, send: Callable[..., Run], tmp_path: Path
) -> None:
    """U+2028, U+0085 and form feeds are text in JSON Lines."""
    text = json.dumps(result("c0") | {"note": "a\u2028b\x85c"}, ensure_ascii=False).encode()
    batch(server, text, GOOD[1])
    run = send("--yes", "--output", "out.json", name="b.json")
    assert run.code == 0, run.err
    assert (tmp_path / "out.json").read_bytes().split(b"\n")[0] == text


def test_a_key_written_with_escapes_is_masked_in_the_results(
    server: RawServer, send: Callable[..., Run], tmp_path: Path
) -> None:
    """A line that hides it is masked; a program that reads it finds the mask."""
    line = json.dumps(result("c0") | {"note": "HERE"}).replace(
        "HERE", "".join(f"\\u{ord(it):04x}" for it in KEY)
    )
    batch(server, line.encode(), GOOD[1])
    assert send("--yes", "--output", "out.json", name="b.json").code == 0
    assert json.loads((tmp_path / "out.json").read_text().split("\n")[0])["note"] == MASK


@pytest.mark.parametrize(
    ("results", "words"),
    [
        (http("<h1>Sign in</h1>", kind="text/html"), "200 edge: the response did not come from the API"),
        (http(json.dumps(GOOD[0]), length=9999), "stream: the answer broke off: "),
        (http("no", "404 Not Found"), "404 edge"),
    ],
)
def test_results_that_do_not_arrive(
    server: RawServer, send: Callable[..., Run], results: bytes, words: str
) -> None:
    """The message says how to fetch them later."""
    batch(server, results=results)
    run = send("--yes", name="b.json")
    assert run.code == 2
    assert words in run.err
    assert f"batch {ID} is not lost: the same command with --batch-id {ID} goes on with it" in run.err


def test_results_without_end_are_given_up(
    server: RawServer, send: Callable[..., Run], tmp_path: Path
) -> None:
    """After a thousand lines more than there are requests."""
    batch(server)
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    server.answers[BATCH + b"/" + ID.encode() + b"/results"] = flooding(
        head, (json.dumps(GOOD[0]) + "\n").encode() + b"\n" * 50
    )
    run = send("--yes", "--record", "seen.jsonl", name="b.json")
    assert run.code == 2
    seen = [json.loads(line) for line in (tmp_path / "seen.jsonl").read_text().splitlines()]
    assert ["observed" in it for it in seen] == [True, False], "one record for each request"
    assert "the answer broke off: more than 1002 lines of results" in run.err


def test_a_batch_that_never_ends_is_given_up(
    server: RawServer, send: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch ends within 24 hours: after 25 it is not polled any more, and is not lost."""
    batch(server, ended={"id": ID, "processing_status": "in_progress"})
    server.answers[BATCH + b"/" + ID.encode()] = http({"id": ID, "processing_status": "in_progress"})
    monkeypatch.setattr("imgbudget.live.batches._LONGEST_RUN", 0.2)
    run = send("--yes", name="b.json")
    assert run.code == 2
    assert "has not ended after 25 hours" in run.err
    assert f"--batch-id {ID} goes on with it" in run.err
