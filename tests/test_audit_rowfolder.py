"""The folder of `audit --rows`: it has one dataset, that of the last run, whenever anything is killed."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from imgbudget.auditing import rowfolder, whole
from imgbudget.auditing.rowfolder import (
    MANIFEST,
    PENDING,
    RowVersions,
    open_row_folder,
    read_manifest,
    row_name,
)
from imgbudget.errors import UsageError
from tests.builders import image_bytes
from tests.conftest import Command

PICTURES = [image_bytes((300, 300 + number)) for number in range(4)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, and partitions of two files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(whole, "SHARE", 2)
    return tmp_path


def fill(name: str, *numbers: int) -> None:
    """A folder of small images."""
    Path(name).mkdir(exist_ok=True)
    for number in numbers:
        Path(name, f"{number}.png").write_bytes(PICTURES[number % len(PICTURES)])


def members() -> list[str]:
    """The images that DuckDB finds in the folder, as any reader of `*.parquet` would."""
    with duckdb.connect() as connection:
        found = connection.execute("select source, member from 'rows/*.parquet' where subject = 'image'")
        return sorted("/".join(row) for row in found.fetchall())


def row_files() -> set[str]:
    """The Parquet files in the folder."""
    return {path.name for path in Path("rows").glob("*.parquet")}


def manifest() -> dict[str, Any]:
    """The manifest as others read it."""
    value: dict[str, Any] = json.loads(Path("rows", MANIFEST).read_text())
    return value


def test_rows_are_those_of_the_last_run(imgbudget: Command) -> None:
    """Images that were removed and added are there once; the folder may be in the dataset; it is named."""
    fill("a", *range(5))
    Path("a/list.jsonl").write_text("{}\n")
    arguments = ("audit", "a", "--rows", "a/rows", "--isolated", "-j", "1", "--format", "json")
    first = imgbudget(*arguments)
    Path("rows").symlink_to("a/rows")
    assert members() == [f"a/{number}.png" for number in range(5)]
    assert {(skip["reason"], *skip["examples"]) for skip in first.json["statistics"]["skips"]} >= {
        ("rows that an audit wrote", f"a/rows/{MANIFEST}")
    }
    again = imgbudget(*arguments)
    assert again.json["statistics"] == first.json["statistics"]
    assert again.json["run"]["resumed"] == again.json["run"]["partitions"]
    Path("a/4.png").unlink()
    fill("a", 6)
    run = imgbudget(*arguments)
    assert members() == ["a/0.png", "a/1.png", "a/2.png", "a/3.png", "a/6.png"]
    assert "1 row file of earlier runs removed from a/rows" in run.err
    assert set(manifest()["files"]) == row_files()
    assert (manifest()["complete"], manifest()["removable"]) == (True, [])
    assert manifest()["datasets"] == [{"name": "a", "path": ".."}]


def test_another_dataset_is_refused_until_asked(imgbudget: Command) -> None:
    """Two datasets do not share a folder, and one that was misspelled claims nothing."""
    fill("a", 0)
    fill("b", 1)
    assert imgbudget("audit", "gone", "--rows", "rows", "--isolated", "-j", "1").code == 2
    imgbudget("audit", "a", "--rows", "rows", "--isolated", "-j", "1")
    before = {path: path.read_bytes() for path in Path("rows").iterdir()}
    run = imgbudget("audit", "b", "--rows", "rows", "--isolated", "-j", "1")
    assert (run.code, run.out) == (2, "")
    assert run.err == (
        "imgbudget: rows has the rows of another dataset, a: name another folder for --rows, or "
        "replace them with --replace-rows\n"
    )
    assert {path: path.read_bytes() for path in Path("rows").iterdir()} == before
    assert imgbudget("audit", "b", "--rows", "rows", "--isolated", "-j", "1", "--replace-rows").code == 0
    assert members() == ["b/1.png"]
    run = imgbudget("audit", "b", "--replace-rows", "--isolated", "-j", "1")
    assert (run.code, run.err) == (2, "imgbudget: --replace-rows needs --rows\n")


def version_of(path: str) -> int | None:
    """The version of a file in the tests below, whose row files are texts."""
    return 6 if Path(path).read_bytes().startswith(b"rows") else None


VERSIONS = RowVersions(6, version_of)


def identity(number: int) -> str:
    """The id of a partition."""
    return f"{number:024x}"


def run(*numbers: int, datasets: Iterable[str] = ("a",), replace: bool = False) -> tuple[int, int]:
    """A run with these partitions: how many are reused, how many files are removed."""
    reused = 0
    with open_row_folder("rows", tuple(datasets), VERSIONS, replace=replace) as opened:
        paths = []
        for number in numbers:
            path = opened.find(identity(number))
            reused += path is not None
            paths.append(path or opened.save(identity(number), b"rows"))
        return reused, opened.keep(paths)


def put(*numbers: int) -> None:
    """Row files of an earlier version, which had no manifest."""
    Path("rows").mkdir(exist_ok=True)
    for number in numbers:
        Path("rows", row_name(identity(number))).write_bytes(b"rows of an earlier version")


def files_of(*numbers: int) -> set[str]:
    """Their names."""
    return {row_name(identity(number)) for number in numbers}


@pytest.mark.parametrize("later", [("a", "b"), ("./a/",), ("b", "a")])
def test_arguments_may_be_added_and_spelled_otherwise(folder: Path, later: tuple[str, ...]) -> None:
    """More shards are the same dataset, grown; so is a folder by another path, or moved with its rows."""
    run(1, 2)
    assert run(2, 3, datasets=later) == (1, 1)
    assert row_files() == files_of(2, 3)
    assert run(3, datasets=(str(folder / "a"),)) == (1, 1)
    (folder / "moved").mkdir()
    (folder / "rows").rename(folder / "moved/rows")
    os.chdir("moved")
    assert run(3) == (1, 0)


def test_killed_run_of_another_dataset_is_not_mixed_in() -> None:
    """What it left is refused like a whole dataset, and removed when replaced."""
    with open_row_folder("rows", ("a",), VERSIONS) as opened:
        opened.save(identity(1), b"rows")
    with pytest.raises(UsageError, match="rows has the rows of another dataset, a: "):
        run(2, datasets=("b",))
    assert run(2, datasets=("b",), replace=True) == (0, 1)
    assert row_files() == files_of(2)


@pytest.mark.parametrize("audited", ["before", "never"])
@pytest.mark.parametrize("name", ["x.parquet", row_name(identity(9)), "X.PARQUET"])
def test_folder_with_the_parquet_of_others_is_refused(name: str, audited: str) -> None:
    """Neither deleted nor mixed with rows, whether it was there first or came later, whatever its name is."""
    put(1)
    if audited == "before":
        run(1)
    Path("rows", name).write_bytes(b"x")
    with pytest.raises(UsageError, match=f"rows: {name} is a Parquet file that no audit has listed here"):
        run(1, replace=True)
    assert Path("rows", name).read_bytes() == b"x"
    assert Path("rows", MANIFEST).exists() is (audited == "before")


def test_folder_of_an_earlier_version_is_taken_over() -> None:
    """Without a manifest, row files are recognised by their content; those that are no longer used go."""
    put(1, 2, 3)
    assert run(2, 4) == (1, 2)
    assert row_files() == files_of(2, 4)
    assert read_manifest("rows") == rowfolder.RowManifest(
        (("a", "../a"),), 6, complete=True, files=tuple(sorted(files_of(2, 4)))
    )


LISTS = (
    '{{"tool": "imgbudget", "version": 1, "rows_version": 6, "complete": true, "datasets": [], '
    '"model": "m", "platform": "p", {}}}'
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"tool": "other"}',
        '{"tool": "imgbudget", "version": 2}',
        LISTS.format('"files": ["../a.png"], "removable": []'),
        LISTS.format('"files": [], "removable": ["../a.png"]'),
        LISTS.format('"files": ["x.parquet"], "removable": []'),
    ],
)
def test_manifest_of_another_kind_is_refused(text: str) -> None:
    """It is neither replaced nor followed out of the folder, and it frees no file of others for deletion."""
    put(1)
    Path("a.png").write_bytes(b"x")
    Path("rows", MANIFEST).write_text(text)
    with pytest.raises(UsageError, match="not a manifest that this version of imgbudget reads"):
        run(2, replace=True)
    assert Path("rows", MANIFEST).read_text() == text
    assert (Path("a.png").exists(), row_files()) == (True, files_of(1))


def test_manifest_that_is_whole_is_read() -> None:
    """Those that are refused above differ from it by the names alone."""
    Path("rows").mkdir()
    Path("rows", MANIFEST).write_text(LISTS.format('"files": [], "removable": []'))
    assert read_manifest("rows") == rowfolder.RowManifest((), 6, complete=True, model="m", platform="p")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/etc/passwd", path)])
def test_manifest_that_is_no_file_is_refused(make: Callable[[str], None]) -> None:
    """A pipe is not waited for, a link not followed."""
    Path("rows").mkdir()
    make(f"rows/{MANIFEST}")
    with pytest.raises(UsageError, match="not a manifest"):
        run(1)


def test_pending_rows_are_not_written_through_a_link() -> None:
    """Whoever made the folder could make it lead anywhere."""
    run(1)
    Path("other").mkdir()
    Path("rows", PENDING).symlink_to("../other")
    with pytest.raises(NotADirectoryError):
        run(2)
    assert (list(Path("other").iterdir()), row_files()) == ([], files_of(1))


class KilledError(BaseException):
    """What ends a run in these tests, as a signal would: nothing catches it."""


def kill_at(patch: pytest.MonkeyPatch, number: int) -> list[str]:
    """Kill a run before its change number `number` to the folder; the changes so far."""
    done: list[str] = []

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if len(done) == number:
                raise KilledError
            done.append(f"{real.__name__} {arguments}")
            return real(*arguments, **options)

        return call

    for owner, name in (
        (rowfolder, "_write"),
        (rowfolder, "whole_file"),
        (os, "replace"),
        (os, "unlink"),
        (os, "rmdir"),
        (os, "mkdir"),
    ):
        patch.setattr(owner, name, counted(getattr(owner, name)))
    return done


@pytest.mark.parametrize("state", ["empty", "early version", "whole"])
def test_kill_at_any_moment_leaves_one_dataset_and_can_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: str
) -> None:
    """The manifest names a whole dataset, the old or the new one, and the next run ends as if nothing was."""
    old, new = files_of(1, 2, 3), files_of(3, 4, 5)
    for number in range(100):
        (tmp_path / str(number)).mkdir()
        os.chdir(tmp_path / str(number))
        if state == "early version":
            put(1, 2, 3)
        elif state == "whole":
            run(1, 2, 3)
        with monkeypatch.context() as patch:
            done = kill_at(patch, number)
            with suppress(KilledError):
                run(3, 4, 5)
        killed = len(done) == number
        found = read_manifest("rows") if Path("rows").exists() else None
        if found is not None and found.complete:
            assert set(found.files) in (old, new), done
            assert set(found.files) <= row_files(), done
            assert row_files() <= {*found.files, *found.removable}, done
        else:
            assert state != "whole", done
        reused, _ = run(3, 4, 5)
        assert reused >= sum("whole_file" in call and "rows-" in call for call in done) - 1, done
        assert row_files() == new, done
        assert {path.name for path in Path("rows").iterdir()} == {*new, MANIFEST, ".imgbudget-rows.lock"}
        if not killed:
            break
    assert 5 < number < 50


def test_dataset_stays_as_it_is_until_a_run_has_ended() -> None:
    """Rows that are not yet whole are in no `*.parquet`; the next run takes them."""
    run(1, 2)
    with open_row_folder("rows", ("a",), VERSIONS) as opened:
        opened.save(identity(3), b"rows")
    assert row_files() == files_of(1, 2)
    assert run(2, 3) == (2, 1)
    assert row_files() == files_of(2, 3)


def test_two_runs_do_not_write_to_one_folder() -> None:
    """The second one is refused; the lock ends with its process."""
    run(1)
    code = (
        "import fcntl, sys; f = open('rows/.imgbudget-rows.lock', 'ab'); fcntl.lockf(f, fcntl.LOCK_EX); "
        "print(flush=True); sys.stdin.read()"
    )
    assert fcntl.LOCK_EX
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(
            UsageError, match="another audit is writing its rows here; wait until it has ended"
        ):
            run(2)
        other.communicate()
    assert run(2) == (0, 1)


def test_folder_is_read_as_one_table_by_others(imgbudget: Command) -> None:
    """The names of the manifest and the lock are those that readers of a folder of Parquet pass over."""
    fill("a", 0, 1, 2)
    imgbudget("audit", "a", "--rows", "rows", "--isolated", "-j", "1")
    assert pq.read_table("rows").num_rows == 3
    others = {path.name for path in Path("rows").iterdir()} - row_files()
    assert {name[0] for name in others} <= {"_", "."}
