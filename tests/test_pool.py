"""Many files over several processes: the same text in the same order, whatever happens to a worker."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import FoundFile
from imgbudget.fixing.run import Fixer, FixOptions
from imgbudget.fixing.strategy import FindingFixes, FixStrategy, PlanFixes
from imgbudget.imageinfo.files import read_image
from imgbudget.linter import pool
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.output.base import TextStyle
from imgbudget.output.registry import FORMATS, make_reporter
from imgbudget.output.sarif import rule_pages
from imgbudget.planner.bounds import NO_BUDGET
from imgbudget.planner.image import SizeGoal
from imgbudget.registry import load_packs
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command, posix
from tests.processes import one_thread


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 60 files of all kinds, for which three processes are thought worth it."""
    pictures = [image_bytes((100 + i, 300), colour=i * 999) for i in range(3)]
    for i in range(40):
        (tmp_path / f"{i:03}.png").write_bytes(pictures[i % 3])
    (tmp_path / "empty.png").write_bytes(b"")
    for i in range(10):
        (tmp_path / f"notes{i}.txt").write_text("x")
        write_json(tmp_path / f"r{i}.json", body(image_block(pictures[0]), model="no-such-model"))
    monkeypatch.setattr(Session, "pool_threshold", 20)
    monkeypatch.setattr(Session, "chunk_size", 7)
    one_thread(monkeypatch)
    return tmp_path


@pytest.mark.parametrize("form", FORMATS)
def test_output_is_the_same_on_one_process_and_on_several(imgbudget: Command, tree: Path, form: str) -> None:
    """Order, text, sums and notes do not depend on the number of processes."""
    alone = imgbudget("check", "--format", form, "-j", "1")
    several = imgbudget("check", "--format", form, "-j", "3")
    assert alone.code == several.code == 1
    assert several.out == alone.out
    assert several.err == alone.err
    assert "unknown model 'no-such-model'" in several.err


@pytest.mark.parametrize("command", [("check", "-j"), ("audit", "--jobs")], ids=" ".join)
def test_output_is_the_same_on_processes_that_are_not_forked(
    imgbudget: Command, tree: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """A process with threads starts new ones, which load everything themselves."""
    monkeypatch.setattr(Session, "chunk_size", 40)
    forked = imgbudget(*command, "2", ".", "--format", "json")
    monkeypatch.setattr(pool, "has_threads", lambda: True)
    spawned = imgbudget(*command, "2", ".", "--format", "json")
    assert (forked.code, forked.out) == (spawned.code, spawned.out)
    assert forked.code == 1 or command[0] == "audit"


@pytest.mark.parametrize("form", FORMATS)
def test_reporters_go_to_processes_that_are_not_forked(form: str) -> None:
    """Where processes cannot fork, a reporter is sent to them: rules are functions and must not be in it."""
    reporter = make_reporter(form, TextStyle(rules=rule_pages(load_packs(["imgbudget_rules"]).rules)))
    assert type(pickle.loads(pickle.dumps(reporter))) is type(reporter)  # noqa: S301 - our own bytes


def test_worker_that_dies_loses_only_the_file_that_kills(
    imgbudget: Command, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that crashes its worker is reported as not checked, all the others are checked."""
    from imgbudget.linter import files  # noqa: PLC0415 - this test only

    read = read_image

    def crash(path: str, *more: object, **named: object) -> object:
        if path == "013.png":
            os.kill(os.getpid(), signal.SIGKILL)
        return read(path, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "read_image", crash)
    run = imgbudget("check", "--format", "json", "-j", "2")
    assert run.code == 1
    assert "not checked: 013.png: the worker process crashed while checking this file" in run.err
    summary = run.json["summary"]
    assert summary["files"] == 61
    assert [item["path"] for item in summary["skipped"] if "crashed" in item["reason"]] == ["013.png"]
    paths = [item["path"] for item in run.json["images"] if item["pointer"] is None]
    assert paths == sorted(paths)
    assert len(paths) == 40


def test_a_worker_that_comes_later_counts_nothing_twice(
    imgbudget: Command, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made when results of others were taken in already, and knows them: they are not its own."""
    from imgbudget.linter import files  # noqa: PLC0415 - this test only

    read, here = read_image, os.getpid()

    def crash(path: str, *more: object, **named: object) -> object:
        if path == "036.png" and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(path, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "read_image", crash)
    (tree / "036.png").write_bytes(image_bytes((999, 999)))  # no copy of another one
    arguments = ("check", "--format", "json", "--statistics")
    alone, several = (imgbudget(*arguments, "-j", jobs).json for jobs in ("1", "2"))
    copies, again = (
        [item["path"] for item in run["findings"] if item["code"] == "IB801"] for run in (alone, several)
    )
    assert copies == again
    counted = {item["code"]: item["findings"] for item in several["statistics"]["rules"]}
    assert counted["IB801"] == len(copies)
    assert counted["IB301"] == sum(item["code"] == "IB301" for item in several["findings"])


def test_what_was_counted_before_the_workers_came_is_counted_once(imgbudget: Command, tree: Path) -> None:
    """Standard input is checked first, by the process that the workers are made of."""
    arguments = ("check", "-", ".", "--stdin-filename", "s.json", "--format", "json", "--statistics")
    text = json.dumps(body(image_block(image_bytes((100, 300)))))
    alone, several = (imgbudget(*arguments, "-j", jobs, stdin=text.encode()) for jobs in ("1", "3"))
    assert several.out == alone.out


def test_jsonl_ends_with_the_sum(imgbudget: Command, tree: Path) -> None:
    """Each line is a record with its type; the last one sums up."""
    lines = [json.loads(line) for line in imgbudget("check", "--format", "jsonl").out.splitlines()]
    assert lines[0]["type"] == "run"
    assert lines[-1]["type"] == "summary"
    assert lines[-1]["files"] == 61
    counts = {kind: sum(line["type"] == kind for line in lines) for kind in ("image", "request", "finding")}
    copies, unknown_models = 40 - 3, 10
    assert counts == {"image": 51, "request": 10, "finding": 51 + copies + unknown_models}


HEARS_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""A shell that starts tests in the background has them ignore it, and so whatever they start."""


SLOWLY = """import os, time
from imgbudget.cli import main
from imgbudget.linter import files
from imgbudget.linter.run import Session
read, here = files.read_image, os.getpid()
def read_slowly(*arguments, **named):
    if os.getpid() == here:
        raise SystemExit("there are no workers")
    time.sleep(0.01)
    return read(*arguments, **named)
files.read_image, Session.pool_threshold, Session.chunk_size = read_slowly, 20, 20
main()
"""
"""The command, whose workers take ten seconds for the images of `fill`."""


def fill(folder: Path) -> None:
    """2,000 images: hard links would be one file."""
    picture = image_bytes((300, 300))
    for i in range(2000):
        (folder / f"{i}.png").write_bytes(picture)


@posix
def test_ctrl_c_stops_soon_and_leaves_nothing(tmp_path: Path) -> None:
    """An interrupted run exits 130 with one line, no traceback, no worker left."""
    fill(tmp_path)
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{HEARS_CTRL_C}\n{SLOWLY}",
            "check",
            "--format",
            "jsonl",
            "-j",
            "2",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    assert process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    begun = time.monotonic()
    _, err = process.communicate(timeout=10)
    assert time.monotonic() - begun < 5
    assert (process.returncode, err.decode().strip()) == (130, "imgbudget: interrupted")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@posix
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    """A run that is killed outright leaves no process behind."""
    fill(tmp_path)
    command = [
        sys.executable,
        "-c",
        SLOWLY,
        "check",
        "-j",
        "2",
        "--format",
        "jsonl",
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    assert process.stdout.readline()  # the workers are at it
    process.kill()
    process.communicate(timeout=10)
    for _ in range(100):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("workers live on")


@pytest.mark.parametrize(
    "strategy", [FindingFixes(unsafe=True), PlanFixes(SizeGoal(), NO_BUDGET, unsafe=True)]
)
def test_a_fixer_reaches_a_process_that_is_not_forked(tmp_path: Path, strategy: FixStrategy) -> None:
    """Everything that makes it can be pickled; the copy has the budgets of its session."""
    (tmp_path / "imgbudget.yaml").write_text("budgets: {image: {tokens: 700}}\n")
    (tmp_path / "a.png").write_bytes(image_bytes((1000, 800)))
    options = RunOptions(config=str(tmp_path / "imgbudget.yaml"))
    fixer = Fixer(Session(options), FixOptions(strategy, difference=True), [str(tmp_path / "a.png")])
    copy = pickle.loads(pickle.dumps(fixer.factory))()  # noqa: S301 - made here
    found = FoundFile(str(tmp_path / "a.png"), FileKind.IMAGE)
    one, other = next(fixer.check_all([found])), next(copy.check_all([found]))
    assert one.fix is not None
    assert one.fix == other.fix
    assert (one.fix.images[0].after.tokens or 9999) <= 700
