"""Audits whose workers die, that are killed and begun again: nothing is lost, nothing comes twice."""

import csv
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imgbudget.auditing import executors, whole
from imgbudget.auditing import work as audit_work
from imgbudget.auditing.executors import LocalExecutor
from imgbudget.auditing.partition import Naming, Partition
from imgbudget.auditing.rows import PlainRows, unpacked
from imgbudget.auditing.run import plan
from imgbudget.linter.options import RunOptions
from imgbudget.linter.pool import WorkerPool, process_context
from imgbudget.linter.run import Session
from tests.builders import image_bytes
from tests.conftest import Command
from tests.datasets import as_folder, as_tar, as_zip
from tests.processes import one_thread

MAIN = (
    # a shell in the background has it ignored
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from imgbudget.auditing import whole; from imgbudget.cli import main; whole.SHARE = 25; main()"
)
"""Small partitions, so that there is a middle of the run to interfere in."""

PICTURE = image_bytes((300, 300))


@pytest.fixture
def small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions of ten files or members."""
    monkeypatch.setattr(whole, "SHARE", 10)


def fill(folder: Path, count: int, poison: int | None = None) -> None:
    """Many images, one of them poisonous; not hard links, which would be one file."""
    folder.mkdir(exist_ok=True)
    for i in range(count):
        (folder / (f"poison{i}.png" if i == poison else f"{i}.png")).write_bytes(PICTURE)


def configure(folder: Path) -> None:
    """A configuration with the pack whose rule kills."""
    (folder / "imgbudget.yaml").write_text("packs: [imgbudget_rules, tests.crashing_rule_pack]\n")


def table(run: Any) -> list[dict[str, str]]:
    """The facts table of a run."""
    return list(csv.DictReader(run.out.splitlines()))


@pytest.mark.usefixtures("small_shares")
def test_image_that_kills_is_the_only_one_lost(imgbudget: Command, tmp_path: Path) -> None:
    """It ends as one finding that names it; its neighbours are all there, and it is not tried for ever."""
    fill(tmp_path / "x", 60, poison=33)
    configure(tmp_path)
    run = imgbudget("audit", "x", "--allow-local-packs", "--format", "csv", "-j", "2")
    assert run.code == 2
    assert "1 item could not be read: the worker process crashed while reading it" in run.err
    rows = table(run)
    assert len({row["member"] for row in rows}) == len(rows) == 60
    assert [row["member"] for row in rows if "IB003" in row["findings"]] == ["poison33.png"]
    assert all(row["width"] for row in rows if row["member"] != "poison33.png")


@pytest.mark.usefixtures("small_shares")
def test_image_that_kills_is_known_the_next_time(imgbudget: Command, tmp_path: Path) -> None:
    """A run that goes on neither reads it again nor counts its neighbours twice."""
    fill(tmp_path / "x", 30, poison=7)
    configure(tmp_path)
    first = imgbudget("audit", "x", "--allow-local-packs", "--format", "csv", "--rows", "rows")
    again = imgbudget("audit", "x", "--allow-local-packs", "--format", "csv", "--rows", "rows")
    assert (first.code, again.code) == (2, 2)
    assert again.out == first.out
    assert "3 partitions of 3 reused from rows" in again.err


@pytest.mark.parametrize(("poison", "tries", "shares"), [(None, 0, 4), (33, 0, 4), (None, 3, 1)])
def test_a_folder_of_one_partition_is_read_by_all_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, poison: int | None, tries: int, shares: int
) -> None:
    """Its parts are one result, as of one process; a part that crashes is a failure of the whole."""
    fill(tmp_path / "x", 60, poison=poison)
    sent = []
    run = WorkerPool.run

    def counted(pool: WorkerPool[Partition, Any], items: Iterable[Partition]) -> Iterator[Any]:
        chosen = list(items)
        sent.append(len(chosen))
        return run(pool, chosen)

    monkeypatch.setattr(WorkerPool, "run", counted)
    monkeypatch.setattr(executors, "LEAST_FILES", 8)
    monkeypatch.chdir(tmp_path)
    configure(tmp_path)
    session = Session(RunOptions(isolated=poison is None, allow_local_packs=poison is not None))
    (partition,) = plan([str(tmp_path / "x")], session, Naming(""))
    partition = partition._replace(plain=True, tries=tries)
    results = []
    for jobs in (1, 4):
        engine = LocalExecutor(jobs)
        results.append(list(engine.run(audit_work.Work.of(session), [partition])))
        engine.close()
    assert sent == [1, shares]
    (one,), (other,) = results
    if poison is not None:
        assert isinstance(other, audit_work.Failed)
        assert other == audit_work.Failed(partition, executors.WORKER_CRASHED)
        return
    assert isinstance(one, audit_work.Done)
    assert isinstance(other, audit_work.Done)
    assert isinstance(one.rows, PlainRows)
    assert isinstance(other.rows, PlainRows)
    assert (one.partition.id, one.summary, one.notes) == (other.partition.id, other.summary, other.notes)
    assert list(unpacked(one.rows)) == list(unpacked(other.rows))


def test_crashing_member_is_found_in_a_tar_of_unknown_length(imgbudget: Command, tmp_path: Path) -> None:
    """Bisecting needs the number of members, which is known only after reading."""
    folder = as_folder(tmp_path / "x")
    (folder / "poison.png").write_bytes(PICTURE)
    subprocess.run(["tar", "-cf", tmp_path / "x.tar", "-C", folder, "."], check=True)
    configure(tmp_path)
    rows = table(imgbudget("audit", "x.tar", "--allow-local-packs", "--format", "csv"))
    assert len(rows) == 9
    assert [row["row"] for row in rows if "IB003" in row["findings"]] != []
    assert sum(bool(row["width"]) for row in rows) == 8


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start an audit in a separate process."""
    command = [sys.executable, "-c", MAIN, "audit", *arguments, "--isolated"]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for_rows(folder: Path, process: subprocess.Popen[str], count: int) -> None:
    """Wait until some partitions are done."""
    deadline = time.monotonic() + 30
    while len(list(folder.glob("rows-*.parquet"))) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def children(process: subprocess.Popen[str]) -> list[int]:
    """The workers of a run."""
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="workers are found in /proc")


@needs_proc
def test_killed_worker_costs_nothing(tmp_path: Path) -> None:
    """A worker ended by its number in the middle of a run: every image is there once."""
    fill(tmp_path / "x", 3_000)
    process = begin(tmp_path, "x", "--rows", "rows", "--format", "json", "-j", "2")
    wait_for_rows(tmp_path / "rows", process, 3)
    os.kill(children(process)[0], signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    told = json.loads(out)
    assert (told["statistics"]["totals"]["images"], told["run"]["lost"]) == (3_000, [])


def test_killed_run_goes_on_from_its_finished_partitions(tmp_path: Path) -> None:
    """The same command again: what was done is taken, the rest is read, each image is there once."""
    fill(tmp_path / "x", 3_000)
    process = begin(tmp_path, "x", "--rows", "rows", "--format", "json", "-j", "2")
    wait_for_rows(tmp_path / "rows", process, 3)
    process.kill()
    process.communicate(timeout=10)
    finished = len(list((tmp_path / "rows").glob("rows-*.parquet")))
    again = begin(tmp_path, "x", "--rows", "rows", "--format", "json", "--format", "csv:t.csv", "-j", "2")
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    run = json.loads(out)["run"]
    assert (run["partitions"], run["resumed"]) == (120, finished)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    members = Counter(row["member"] for row in csv.DictReader(lines))
    assert (len(members), set(members.values())) == (3_000, {1})


def test_ctrl_c_stops_soon_and_leaves_no_worker(tmp_path: Path) -> None:
    """An interrupted audit exits 130 with one line."""
    fill(tmp_path / "x", 8_000)
    process = begin(tmp_path, "x", "--rows", "rows", "-j", "2")
    wait_for_rows(tmp_path / "rows", process, 1)
    begun = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert time.monotonic() - begun < 5
    assert (process.returncode, err.strip()) == (130, "imgbudget: interrupted")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@pytest.mark.usefixtures("small_shares")
def test_changed_input_is_read_again(imgbudget: Command, tmp_path: Path) -> None:
    """Only the partition of a changed file is; the old one's rows are not counted."""
    fill(tmp_path / "x", 30)
    imgbudget("audit", "x", "--isolated", "--rows", "rows")
    (tmp_path / "x" / "7.png").unlink()
    (tmp_path / "x" / "7.png").write_bytes(image_bytes((5000, 100)))
    run = imgbudget("audit", "x", "--isolated", "--rows", "rows", "--format", "json")
    totals = run.json["statistics"]["totals"]
    assert (run.json["run"]["partitions"], run.json["run"]["resumed"]) == (3, 2)
    assert (totals["images"], totals["resized"]) == (30, 1)


@pytest.mark.parametrize("option", [("--model", "claude-opus-4-8"), ("--ignore", "IB301"), ("--pedantic",)])
@pytest.mark.usefixtures("small_shares")
def test_changed_question_is_asked_again(imgbudget: Command, tmp_path: Path, option: tuple[str, ...]) -> None:
    """Rows hold findings, so another model or selection makes other rows."""
    fill(tmp_path / "x", 20)
    imgbudget("audit", "x", "--isolated", "--rows", "rows")
    run = imgbudget("audit", "x", "--isolated", "--rows", "rows", "--format", "json", *option)
    assert run.json["run"] == {"partitions": 2, "resumed": 0, "lost": [], "without_images": [], "empty": []}


def test_damaged_row_file_is_made_again(imgbudget: Command, tmp_path: Path) -> None:
    """A row file from another run does not count as evidence that its partition was read."""
    as_folder(tmp_path / "x")
    first = imgbudget("audit", "x", "--isolated", "--rows", "rows", "--format", "csv")
    (file,) = (tmp_path / "rows").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:100])
    again = imgbudget("audit", "x", "--isolated", "--rows", "rows", "--format", "csv")
    assert (again.code, again.out) == (0, first.out)


@pytest.mark.usefixtures("small_shares")
def test_report_does_not_depend_on_the_number_of_processes(imgbudget: Command, tmp_path: Path) -> None:
    """One process, three, and a resumed run print the same bytes."""
    as_folder(tmp_path / "x")
    as_tar(tmp_path / "x" / "y.tar")
    as_zip(tmp_path / "x" / "z.zip")
    fill(tmp_path / "x" / "many", 40)
    outs = [
        imgbudget("audit", "x", "--isolated", *arguments, "--format", form).out
        for form in ("full", "markdown", "csv")
        for arguments in (
            ("-j", "1", "--measure"),
            ("-j", "3", "--rows", f"rows-{form}"),
            ("--rows", f"rows-{form}"),
        )
    ]
    assert len(set(outs)) == 3


def test_forked_worker_has_the_session_in_memory(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pickling and loading all limits takes longer than the headers of a hundred images."""
    one_thread(monkeypatch)
    if not process_context()[1]:
        pytest.skip("this system starts new processes")
    fill(tmp_path / "x", 3)
    monkeypatch.setattr(audit_work, "_dump", None)
    run = imgbudget("audit", "x", "--isolated", "--format", "json")
    assert (run.code, run.json["statistics"]["totals"]["images"]) == (0, 3)


def test_work_is_the_same_in_another_process(tmp_path: Path) -> None:
    """A pickled copy reads as the original does; the session of all copies is made once."""
    fill(tmp_path / "x", 3)
    session = Session(RunOptions(isolated=True))
    work = audit_work.Work.of(session)
    first, second = (pickle.loads(pickle.dumps(work)) for _ in range(2))  # noqa: S301 - made here
    assert first.shared is second.shared
    for partition in plan([str(tmp_path / "x")], session, Naming("")):
        assert first(partition) == work(partition)
