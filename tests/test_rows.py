"""Rows of JSONL: every one is checked, or named with what is wrong with it or why it was passed over."""

import gc
import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget import check
from imgbudget.linter import collector
from imgbudget.linter import documents as linter_documents
from imgbudget.linter import rows as row_counts
from imgbudget.linter.options import RunOptions
from imgbudget.linter.rows import PartReceiver
from imgbudget.linter.run import Session
from imgbudget.model.results import FileResult
from imgbudget.model.subjects import Nested, Text
from tests.builders import body, image_block, image_bytes, text_block
from tests.conftest import Command, Run

GOOD = json.dumps({"custom_id": "a", "params": body(image_block())})
FOREIGN = json.dumps({"model": "grok-4", "messages": [{"role": "user", "content": "hi"}]})


def settled(run: Run) -> Any:
    """The rows of a report, all of which are accounted for."""
    rows = run.json["summary"]["rows"]
    skipped = sum(item["end_line"] - item["line"] + 1 for item in rows["skipped"])
    assert rows["total"] == rows["checked"] + rows["bad"] + skipped
    return rows


def named(rows: Any) -> list[tuple[int, int, str]]:
    """The rows that were passed over."""
    return [(item["line"], item["end_line"], item["reason"]) for item in rows["skipped"]]


def test_valid_rows(imgbudget: Command, tmp_path: Path) -> None:
    """Every row is checked; a file that is not JSONL has no rows."""
    (tmp_path / "r.jsonl").write_text(f"{GOOD}\n{GOOD.replace('custom_id', 'id')}\n")
    (tmp_path / "r.json").write_text(GOOD)
    rows = settled(imgbudget("check", "r.jsonl", "--format", "json"))
    assert (rows["total"], rows["checked"], rows["skipped"]) == (2, 2, [])
    assert settled(imgbudget("check", "r.json", "--format", "json"))["total"] == 0


@pytest.mark.parametrize(
    ("text", "total", "blanks"),
    [
        (f"{GOOD}\n", 1, []),
        (GOOD, 1, []),
        (f"\n\n{GOOD}\n", 3, [(1, 2)]),
        (f"{GOOD}\n \t\n\r\n{GOOD}\n\n\n", 6, [(2, 3), (5, 6)]),
        (f"{GOOD}\n  ", 2, [(2, 2)]),
        (f"{GOOD} \n", 1, []),
        (f"\ufeff{GOOD}\r\n{GOOD}", 2, []),
    ],
)
def test_blank_rows(
    imgbudget: Command, tmp_path: Path, text: str, total: int, blanks: list[tuple[int, int]]
) -> None:
    """Blank lines before, between and behind the others are named as such; a last line end begins no row."""
    (tmp_path / "r.jsonl").write_bytes(text.encode())
    rows = settled(imgbudget("check", "r.jsonl", "--format", "json"))
    assert rows["total"] == total
    assert named(rows) == [(first, last, "blank") for first, last in blanks]


def test_bad_rows_are_findings_by_number(imgbudget: Command, tmp_path: Path) -> None:
    """A line that is no JSON, one that is no request, a half last line: IB002 each; the rest is checked."""
    stray = json.dumps({"question": "what?", "image_path": "a.png"})
    text = f"{GOOD}\n\n{{'a': 1}}\n{stray}\n{FOREIGN}\n{GOOD}\n{GOOD[:200]}"
    (tmp_path / "r.jsonl").write_text(text)
    run = imgbudget("check", "r.jsonl", "--format", "json", "--select", "IB002")
    assert [finding["line"] for finding in run.json["findings"]] == [3, 4, 7]
    rows = settled(run)
    assert (rows["total"], rows["checked"], rows["bad"]) == (7, 3, 2)
    assert named(rows) == [
        (2, 2, "blank"),
        (4, 4, "a JSON object without the messages of a request"),
    ]


def test_ids_of_a_batch(imgbudget: Command, tmp_path: Path) -> None:
    """A duplicate custom_id is reported at its line, in the order of the file."""
    (tmp_path / "r.jsonl").write_text(f"{GOOD}\n{GOOD}\n{{\n")
    run = imgbudget("check", "r.jsonl", "--format", "json", "--select", "IB406,IB002")
    reported = [(finding["code"], finding["line"], finding["pointer"]) for finding in run.json["findings"]]
    assert reported == [("IB406", 2, "/custom_id"), ("IB002", 3, "")]


def test_rows_before_the_first_request_are_reported_too(imgbudget: Command, tmp_path: Path) -> None:
    """In a folder, a file of junk only is skipped; if a request follows, each row of junk is named."""
    junk = 'not json\n{"a": 1}\n[1]\n'
    (tmp_path / "r.jsonl").write_text(junk)
    run = imgbudget("check", ".", "--format", "json")
    assert (run.codes, run.json["summary"]["rows"]["total"]) == ([], 0)
    assert len(run.json["summary"]["skipped"]) == 1
    (tmp_path / "r.jsonl").write_text(f"{junk}{GOOD}\n")
    run = imgbudget("check", ".", "--format", "json", "--select", "IB002")
    assert [finding["line"] for finding in run.json["findings"]] == [1, 2, 3]
    rows = settled(run)
    assert (rows["total"], rows["checked"], rows["bad"]) == (4, 1, 1)


def test_rows_of_a_file_without_requests(imgbudget: Command, tmp_path: Path) -> None:
    """A named file with a bad line is a finding; its other rows are accounted for."""
    (tmp_path / "r.jsonl").write_text('{"a": 1}\n{"a": \n[]\n')
    run = imgbudget("check", "r.jsonl", "--format", "json")
    assert run.codes == ["IB002"]
    rows = settled(run)
    assert (rows["total"], rows["checked"], rows["bad"]) == (3, 0, 1)


def test_many_rows_without_a_request_keep_nothing(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rows of two alternating kinds than are kept: reported exactly once a request follows."""
    monkeypatch.setattr(row_counts, "_MAX_RANGES", 1000)
    (tmp_path / "r.jsonl").write_text('{"a": 1}\n[]\n' * 600 + GOOD + "\n")
    run = imgbudget("check", "r.jsonl", "--format", "json", "--select", "IB3")
    rows = settled(run)
    assert (rows["total"], rows["checked"], len(rows["skipped"])) == (1201, 1, 1200)


def test_session_rows(imgbudget: Command, tmp_path: Path) -> None:
    """Lines of a session that hold no message are checked rows; what was compacted away is named."""
    lines = [
        {"type": "summary", "summary": "s", "leafUuid": "u"},
        {"type": "user", "uuid": "1", "message": {"role": "user", "content": [image_block()]}},
        {"type": "system", "subtype": "compact_boundary", "uuid": "2"},
        {"type": "user", "uuid": "3", "message": {"role": "user", "content": "go on"}},
    ]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = imgbudget("check", "s.jsonl", "--format", "json")
    assert run.codes == []
    rows = settled(run)
    assert (rows["total"], rows["checked"]) == (4, 3)
    assert named(rows) == [(2, 2, "sent before the session was compacted, not sent again")]


def test_lines_that_only_look_like_a_session(imgbudget: Command, tmp_path: Path) -> None:
    """Events with a type and an id are no session: skipped alone, named between requests."""
    event = json.dumps({"type": "event", "uuid": "1"})
    (tmp_path / "e.jsonl").write_text(f"{event}\n{event}\n")
    run = imgbudget("check", "e.jsonl", "--format", "json")
    assert run.json["summary"]["skipped"][0]["reason"] == "no request: a line of a session without a message"
    (tmp_path / "e.jsonl").write_text(f"{event}\n{GOOD}\n{event}\n")
    rows = settled(imgbudget("check", "e.jsonl", "--format", "json"))
    assert [reason for _, _, reason in named(rows)] == ["a line of a session without a message"] * 2


def test_beginnings_of_texts_are_kept(tmp_path: Path) -> None:
    """A file of many requests keeps all blocks of each, and of long texts no more than their beginning."""
    nested = {"type": "tool_result", "tool_use_id": "t", "content": [text_block("x" * 5000), image_block()]}
    line = json.dumps(body("y" * 5000, nested))
    (tmp_path / "r.jsonl").write_text(f"{line}\n{line}\n")
    for result in check([str(tmp_path / "r.jsonl")], RunOptions(isolated=True)).requests:
        first, second = result.request.turns[0].blocks
        assert isinstance(first, Text)
        assert isinstance(second, Nested)
        inner, image = second.blocks
        assert isinstance(inner, Text)
        assert (len(first.text), len(inner.text)) == (64, 64)
        assert image == result.request.images[0]


def test_findings_on_texts_of_rows(imgbudget: Command, tmp_path: Path) -> None:
    """A finding on the text of a row has its location, and requests keep their image counts."""
    late = body("describe this picture at length, please", image_block(image_bytes((40, 300))))
    (tmp_path / "r.jsonl").write_text(f"{json.dumps(late)}\n{GOOD}\n")
    run = imgbudget("check", "r.jsonl", "--format", "json")
    assert {"IB301", "IB501"} <= set(run.codes)
    assert [item["images"] for item in run.json["requests"]] == [1, 1]


@pytest.mark.parametrize("form", ["json", "jsonl", "concise", "full"])
def test_long_file_is_read_in_parts(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """It is reported as one file, like a short one: findings, images, requests and rows in order, once."""
    monkeypatch.setattr(linter_documents, "PART_REQUESTS", 50)
    small = json.dumps(body(image_block(image_bytes((40, 300)))))
    lines = [*[small, small, "", "{broken"] * 28, FOREIGN]
    (tmp_path / "r.jsonl").write_text("\n".join(lines) + "\n")
    run = imgbudget("check", "r.jsonl", "--format", f"{form}:out", "--format", "json")
    whole = check([str(tmp_path / "r.jsonl")], RunOptions(isolated=True))
    reported = run.json
    rows = settled(run)
    assert (reported["summary"]["files"], rows["total"], rows["checked"], rows["bad"]) == (1, 113, 57, 28)
    assert (len(reported["images"]), len(reported["requests"])) == (56, 57)
    assert [item["line"] for item in reported["requests"]] == [
        i + 1 for i, line in enumerate(lines) if line in (small, FOREIGN)
    ]
    expected = [(finding.code, finding.span.line if finding.span else 0) for finding in whole.findings]
    assert [(item["code"], item["line"]) for item in reported["findings"]] == expected
    assert whole.summary.files == len(whole.files) == 1
    out = (tmp_path / "out").read_text()
    assert out.count("IB301") >= 56
    assert "1 checked file" in out or form in ("json", "jsonl")


class Parts(PartReceiver):
    """Keeps the results of parts."""

    def __init__(self) -> None:
        self.results: list[FileResult] = []

    def on_partial_result(self, result: FileResult) -> None:
        """Keep one."""
        self.results.append(result)


def test_parts_are_not_made_for_formats_that_want_files(tmp_path: Path) -> None:
    """Without a taker everything is in one result; with one the parts are, and the last result sums up."""
    small = json.dumps(body(image_block()))
    (tmp_path / "r.jsonl").write_text(f"{small}\n" * 1203)
    session = Session(RunOptions(isolated=True))
    (entry,) = session.walk([str(tmp_path / "r.jsonl")])
    taken = Parts()
    (last,) = session.check_all([entry], taken)
    parts = taken.results
    assert [len(part.requests) for part in (*parts, last)] == [500, 500, 203, 0]
    assert [part.partial for part in (*parts, last)] == [True, True, True, False]
    assert [part.rows for part in parts] == [None, None, None]
    assert last.rows is not None
    assert last.rows.checked == 1203
    assert len(session.check_found(entry).requests) == 1203


def test_a_check_leaves_the_collector_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on again, and what a host has frozen stays frozen."""
    (tmp_path / "r.jsonl").write_text(GOOD)
    monkeypatch.setattr(collector, "_host_freezes", False)  # the suite has frozen itself
    gc.unfreeze()  # what was collected of the suite
    check([str(tmp_path / "r.jsonl")], RunOptions(isolated=True))
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    gc.freeze()
    frozen = gc.get_freeze_count()
    for _ in range(2):
        check([str(tmp_path / "r.jsonl")], RunOptions(isolated=True))
        assert 0 < gc.get_freeze_count() <= frozen
