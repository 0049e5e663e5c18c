"""A long file of JSON Lines on several processes: the same text as on one, whatever its rows are."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from imgbudget.jsontext.lines import Chunk
from imgbudget.jsontext.source import BEGINNING, Start
from imgbudget.linter import documents, parallel
from imgbudget.linter.options import RunOptions
from imgbudget.linter.parallel import PartChecker, RowPart, check_rows
from imgbudget.linter.run import Session
from imgbudget.output.base import TextStyle
from imgbudget.output.registry import make_reporter
from tests.builders import body, image_block, image_bytes
from tests.conftest import Command, posix
from tests.processes import one_thread

if TYPE_CHECKING:
    from imgbudget.linter.parallel import ResultBatch

PICTURES = [image_bytes((40, 300)), image_bytes((1121, 80)), image_bytes((90, 90), "GIF"), b"no image"]

NAME = ".imgbudget-baseline.json"

FORMATS = ("json", "jsonl", "concise", "full")
"""Those that take a long file in parts."""


def request(rng: Random, number: int) -> str:
    """A body, alone or in an envelope whose id may be missing or that of another."""
    model = rng.choice(["claude-sonnet-4-6", "claude-opus-4-7", "no-such-model"])
    params = body("Look. é" * rng.randrange(9), image_block(rng.choice(PICTURES)), model=model)
    entry = {"custom_id": f"r{rng.choice([number, number, number, number // 7])}", "params": params}
    kind = rng.randrange(9)
    if kind == 0:
        return json.dumps(params)
    if kind == 1:
        del entry["custom_id"]
    if kind == 2:
        return json.dumps([entry, {**entry, "custom_id": "list"}], ensure_ascii=False)
    return json.dumps(entry, ensure_ascii=rng.random() < 0.5)


def other(rng: Random) -> str:
    """A line that is no request."""
    foreign = json.dumps({"model": "grok-4", "messages": [{"role": "user", "content": "hi"}]})
    doubled = (
        '{"messages": [], "messages": [{"role": "user", "content": "hi"}], "model": "claude-sonnet-4-6"}'
    )
    lines = (
        "",
        " \t",
        "\r",
        "{broken",
        '{"messages": [',
        "[]",
        '{"question": 1}',
        "7",
        "\ufeff",
        foreign,
        doubled,
    )
    return rng.choice(lines)


def turn(number: int) -> str:
    """A line of a session."""
    content = [{"type": "text", "text": "look"}, image_block(PICTURES[0])]
    message = {"role": "user", "content": content}
    return json.dumps({"type": "user", "uuid": f"u{number}", "sessionId": "s", "message": message})


def text_of(rng: Random, *, odd: float, turns: float = 0.0) -> str:
    """A file of some hundred rows."""
    lines = []
    for number in range(rng.randrange(40, 160)):
        kind = rng.random()
        if kind < turns:
            lines.append(turn(number))
        else:
            lines.append(other(rng) if kind < turns + odd else request(rng, number))
    text = "\n".join(lines)
    return text[: -rng.randrange(1, 400)] if rng.random() < 0.4 else text + rng.choice(["", "\n", "\n\n \n"])


@pytest.fixture
def parted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for files that are thought long, with an ignore and a model."""
    monkeypatch.setattr(documents, "LONG_FILE", 1)
    monkeypatch.setattr(documents, "PART_REQUESTS", 30)
    monkeypatch.setattr(parallel, "PART_SIZE", 9000)
    one_thread(monkeypatch)
    (tmp_path / "imgbudget.yaml").write_text(
        "select: [ALL]\nignores:\n"
        "- {rules: [IB301], files: ['*.jsonl'], pointer: /params/messages/0/content/1, reason: known}\n"
        "budgets: {run: {cost: $0.0001, bytes: 1 KB}}\n"
    )
    return tmp_path


def agree(imgbudget: Command, *arguments: str) -> str:
    """The output on one process, which is that on two."""
    alone = imgbudget("check", *arguments, "-j", "1")
    several = imgbudget("check", *arguments, "-j", "2")
    assert several.out == alone.out
    assert (several.code, several.err) == (alone.code, alone.err)
    return alone.out


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("odd", "turns"), [(0.02, 0.0), (0.3, 0.0), (0.95, 0.0), (0.1, 0.02), (0.1, 0.5)])
def test_output_is_the_same_on_one_process_and_on_several(
    imgbudget: Command, parted: Path, seed: int, odd: float, turns: float
) -> None:
    """Findings, places, rows, sums, notes; rows of all kinds, ids doubled far apart, half a last line."""
    rng = Random(seed)  # noqa: S311 - the same rows for the same seed
    (parted / "a.jsonl").write_text(text_of(rng, odd=odd, turns=turns), "utf-8")
    (parted / "b.jsonl").write_text(text_of(rng, odd=odd), "utf-8")
    agree(
        imgbudget, "--format", FORMATS[(seed + round(10 * odd)) % len(FORMATS)], "--statistics", "--pedantic"
    )
    agree(imgbudget, "a.jsonl", "b.jsonl", "--format", "json", "--isolated")


def rows(count: int, **more: dict[int, str]) -> str:
    """Sound rows, each with a finding; `instead` has other lines by number."""
    instead = more.get("instead", {})
    params = body(image_block(PICTURES[0]))
    lines = [json.dumps({"custom_id": f"r{number}", "params": params}) for number in range(count)]
    return "\n".join(instead.get(number, line) for number, line in enumerate(lines)) + "\n"


def test_parts_are_checked_by_other_processes(
    imgbudget: Command, parted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows behind the first requests; none where one was asked for, or the order would be another."""
    (parted / "a.jsonl").write_text("\n{broken\n" + rows(90))
    asked: list[Start] = []

    def spy(*arguments: Any) -> Any:
        asked.append(arguments[3])
        return check_rows(*arguments)

    monkeypatch.setattr(parallel, "check_rows", spy)
    here = os.getpid()
    check_part = documents.check_part

    def elsewhere(*arguments: Any) -> Any:
        assert os.getpid() != here
        return check_part(*arguments)

    monkeypatch.setattr(parallel, "check_part", elsewhere)
    run = imgbudget("check", "a.jsonl", "--format", "json", "-j", "3").json
    (start,) = asked
    assert (start.line, start.number) == (6, 5)
    assert run["summary"]["rows"]["checked"] == 90
    assert run["summary"]["files"] == 1
    imgbudget("check", "a.jsonl", "--format", "json", "-j", "1")
    imgbudget("check", "a.jsonl", "--format", "jsonl", "-j", "3")
    imgbudget("check", "a.jsonl", "--format", "sarif", "-j", "3")
    imgbudget("check", "a.jsonl", "--fix", "--diff", "-j", "3")
    imgbudget("check", "-", "-j", "3", stdin=rows(90).encode())
    assert len(asked) == 1


def test_ids_of_a_batch_are_compared_over_all_parts(imgbudget: Command, parted: Path) -> None:
    """The later of two rows with one id is reported with line and column, in whichever part the first is."""
    params = json.dumps(body("hi"))
    behind = f'{{"params": {params}, "custom_id": '
    ids = {70: f'{{"custom_id":   "r3", "params": {params}}}', 80: f'{behind}"r79"}}'}
    (parted / "a.jsonl").write_text(rows(90, instead=ids))
    found = json.loads(agree(imgbudget, "a.jsonl", "--format", "json"))["findings"]
    doubled = [(item["line"], item["column"]) for item in found if item["code"] == "IB406"]
    assert doubled == [(71, 17), (81, len(behind) + 1)]


def test_what_a_baseline_knows_is_silent_on_several_processes(imgbudget: Command, parted: Path) -> None:
    """Its entries match whichever process checks the row."""
    (parted / "a.jsonl").write_text(rows(60))
    imgbudget("baseline", "--write", "a.jsonl", "-j", "2")
    (parted / "a.jsonl").write_text(rows(90))
    reported = json.loads(agree(imgbudget, "a.jsonl", "--format", "json", "--baseline", NAME))
    assert reported["summary"]["silenced"]["baseline"] >= 60


@pytest.mark.parametrize("seed", range(2))
def test_a_baseline_is_written_the_same_on_several_processes(
    imgbudget: Command, parted: Path, seed: int
) -> None:
    """Whichever process reported a finding."""
    rng = Random(seed)  # noqa: S311 - the same rows for the same seed
    (parted / "a.jsonl").write_text(text_of(rng, odd=0.1, turns=0.02), "utf-8")
    written = []
    for jobs in ("1", "2"):
        run = imgbudget("baseline", "--write", "a.jsonl", "-j", jobs)
        written.append((run.out, run.err, (parted / NAME).read_text()))
        (parted / NAME).unlink()
    assert written[0] == written[1]


def test_nothing_is_kept_of_rows_that_depend_on_others(parted: Path) -> None:
    """A reader that continues from there finds it again."""
    path = parted / "a.jsonl"
    path.write_text(rows(3) + turn(1) + "\n")
    chunk = Chunk(BEGINNING, path.stat().st_size)
    checker = PartChecker(Session(RunOptions(isolated=True, collect=True)))
    (result,) = checker.check_all([RowPart(str(path), chunk)])
    assert (result.partial, result.requests, result.findings) == (True, (), ())
    kept = checker.drain()
    assert [count.independent for count in kept.parts] == [False]
    assert kept.usage.collected == []


def test_a_part_that_crashes_ends_only_its_file(
    imgbudget: Command, parted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is reported as not checked, findings before the part are shown, the next file is checked."""
    (parted / "a.jsonl").write_text(rows(90, instead={60: '{"poison": 1}'}))
    (parted / "b.jsonl").write_text(rows(50))
    check_part, here = documents.check_part, os.getpid()

    def crash(context: Any, path: str, chunk: Any, seen: Any) -> Any:
        text = Path(path).read_bytes()[chunk.start.offset : chunk.end]
        if os.getpid() != here and b"poison" in text:
            os.kill(os.getpid(), signal.SIGKILL)
        return check_part(context, path, chunk, seen)

    monkeypatch.setattr(parallel, "check_part", crash)
    run = imgbudget("check", "a.jsonl", "b.jsonl", "--format", "json", "-j", "2")
    assert "not checked: a.jsonl: the worker process crashed while checking this file" in run.err
    summary = run.json["summary"]
    assert (summary["files"], [item["path"] for item in summary["skipped"]]) == (2, ["a.jsonl"])
    lines = [item["line"] for item in run.json["requests"] if item["path"] == "a.jsonl"]
    assert lines == list(range(1, len(lines) + 1))
    assert 1 < len(lines) <= 60
    assert sum(item["path"] == "b.jsonl" for item in run.json["requests"]) == 50


@posix
def test_ctrl_c_stops_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    """An interrupted run exits 130 with one line, no traceback, no worker left."""
    (tmp_path / "a.jsonl").write_text(rows(300) * 600)
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from imgbudget.cli import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "check", "a.jsonl", "--format", "concise", "-j", "2"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    while b"a.jsonl:2000:" not in (line := process.stdout.readline()):
        assert line
    os.killpg(process.pid, signal.SIGINT)
    begun = time.monotonic()
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - begun < 5
    assert (process.returncode, err.decode().strip()) == (130, "imgbudget: interrupted")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_processes_that_are_not_forked_check_parts_too(parted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They load the session by its options, and have the same counts."""
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    path = parted / "a.jsonl"
    path.write_text(rows(40))
    session = Session(RunOptions(isolated=True))
    shown: list[ResultBatch] = []
    reporter = make_reporter("json", TextStyle())
    counts = list(check_rows(session, [reporter], str(path), BEGINNING, 1, shown.append))
    assert sum(batch.summary.requests for batch in shown) == 40
    assert [count.independent for count in counts if count] == [True] * len(shown)
    assert next(count.rows.first for count in counts if count) == 1
