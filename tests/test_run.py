"""One run for the command and for programs: both find the same, in files and in the run as a whole."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from imgbudget import check, fix
from imgbudget.imageinfo.cachefiles import cache_folder
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session, StandardInput, run
from imgbudget.model.results import FileResult, Report
from tests.builders import body, image_block, image_bytes
from tests.conftest import Command

LARGE = image_bytes((2000, 1500), "JPEG")
TINY = image_bytes((100, 100))

CONFIG = """budgets: {run: {tokens: 100}}
ignores:
- {rules: [IB201], files: [nothing.png], reason: for a file that is gone}
"""

OF_THE_RUN = {"IB004", "IB604", "IB801"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two equal images, one that is too large, and a configuration with a budget and an unused ignore."""
    (tmp_path / "imgbudget.yaml").write_text(CONFIG)
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(TINY)
    (tmp_path / "c.jpg").write_bytes(LARGE)
    return tmp_path


def found(report: Report) -> list[tuple[str, str, str]]:
    """The findings of a report, sorted."""
    return sorted((one.code, one.location.path, one.message) for one in report.findings)


def reported(command: Command, *arguments: str) -> list[tuple[str, str, str]]:
    """The findings of the command's report, sorted."""
    findings = command(*arguments, "--format", "json").json["findings"]
    return sorted((one["code"], one["path"], one["message"]) for one in findings)


def test_function_checks_the_run_as_the_command_does(imgbudget: Command, folder: Path) -> None:
    """Copies, a budget of the run and an unused ignore are in both reports."""
    findings = found(check(["."]))
    assert findings == reported(imgbudget, "check", ".")
    assert {code for code, _, _ in findings} >= OF_THE_RUN


def test_function_fixes_the_run_as_the_command_does(
    imgbudget: Command, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same findings are left and the same files written; the unused ignore is gone from both folders."""
    by_command = imgbudget("check", "--fix", ".", "--format", "json").json
    twin = tmp_path_factory.mktemp("command")
    for path in folder.iterdir():
        shutil.move(path, twin / path.name)
    (folder / "imgbudget.yaml").write_text(CONFIG)
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(TINY)
    (folder / "c.jpg").write_bytes(LARGE)
    report = fix(["."])
    findings = found(report)
    assert findings == sorted((one["code"], one["path"], one["message"]) for one in by_command["findings"])
    assert {code for code, _, _ in findings} >= {"IB604", "IB801"}
    fixed = [one.code for file in report.files if file.fix for one in file.fix.fixed]
    assert sorted(fixed) == sorted(one["code"] for one in by_command["fixed"]) == ["IB004", "IB201"]
    assert report.summary.changed == 2
    for path in twin.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()
    assert "nothing.png" not in (folder / "imgbudget.yaml").read_text()


def test_dry_run_shows_the_ignore_that_would_be_removed(imgbudget: Command, folder: Path) -> None:
    """The configuration is not written, and the difference is with its result."""
    report = fix(["."], dry_run=True)
    (config,) = [file for file in report.files if file.fix and "imgbudget.yaml" in file.path]
    assert config.fix is not None
    assert "-- {rules: [IB201], files: [nothing.png]" in config.fix.difference
    assert (folder / "imgbudget.yaml").read_text() == CONFIG


def test_output_folder_leaves_the_configuration(imgbudget: Command, folder: Path) -> None:
    """Results go to another folder, so the ignore is reported and stays."""
    report = fix(["."], output_dir="out")
    assert "IB004" in {finding.code for finding in report.findings}
    assert (folder / "imgbudget.yaml").read_text() == CONFIG


@pytest.mark.parametrize("function", [check, fix])
def test_functions_write_the_facts_that_they_cache(
    imgbudget: Command, folder: Path, function: Callable[[Sequence[str], RunOptions], Report]
) -> None:
    """The next run need not read the headers of files that were not changed just now."""
    os.utime(folder / "a.png", (1, 1))
    function([str(folder / "a.png")], RunOptions(cache=True))
    (facts,) = [path for path in Path(cache_folder()).rglob("*") if path.is_file() and "TAG" not in path.name]
    assert b'"a.png":' in facts.read_bytes()


def test_results_come_whole_and_in_order(imgbudget: Command, tmp_path: Path) -> None:
    """Standard input first, then a long file in one result; the end of the run has nothing to add here."""
    row = json.dumps(body(image_block(TINY)))
    (tmp_path / "r.jsonl").write_text(f"{row}\n" * 600)
    results: list[FileResult] = []
    counted: list[tuple[int, int | None]] = []
    stdin = StandardInput(row.encode, "s.json")
    session = Session(RunOptions(isolated=True))
    summary = run(
        session,
        ["-", "r.jsonl"],
        on_result=results.append,
        progress=lambda *at: counted.append(at),
        stdin=stdin,
    )
    assert [(one.path, one.partial, len(one.requests)) for one in results] == [
        ("s.json", False, 1),
        ("r.jsonl", False, 600),
    ]
    assert (summary.files, summary.requests, counted) == (2, 601, [(0, None), (1, 2)])
