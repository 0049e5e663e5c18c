"""Every public report has the document of its command, and is a table for pandas, Arrow and notebooks."""

import copy
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import imgbudget as package
from imgbudget.legibility import task
from imgbudget.linter import selection
from tests.builders import body, image_block, image_bytes, write_json
from tests.configs import write
from tests.conftest import Command
from tests.test_python_api import documents, read_of

PLACE = "messages.0.content.0.image.source.base64.data"
ERROR = f"{PLACE}: image exceeds 5 MB maximum: 6291456 bytes > 5242880 bytes"
BOTH = "claude-sonnet-4-6,gpt-5.6"
MODELS = BOTH.split(",")

REPORTS: dict[str, list[tuple[list[str], Callable[[], Any]]]] = {
    "AuditReport": [(["audit", "in", "-j", "1"], lambda: package.audit("in"))],
    "CheckReport": [
        (["check", "in"], lambda: package.check("in")),
        (["check", "in/fine.json"], lambda: package.check_request(Path("in/fine.json").read_bytes())),
    ],
    "ExplainReport": [(["explain", ERROR], lambda: package.explain(ERROR))],
    "LegibleReport": [
        (["legible", "in", "-j", "1"], lambda: package.legible("in")),
        (["legible", "in", "-j", "1", "--model", BOTH], lambda: package.legible("in", model=MODELS)),
    ],
    "PlanReport": [
        (["plan", "in"], lambda: package.plan("in")),
        (["plan", "in", "--model", BOTH], lambda: package.plan("in", model=MODELS)),
    ],
    "RescueReport": [(["rescue", "s.jsonl", "--dry-run"], lambda: package.rescue("s.jsonl"))],
    "SizeReport": [
        (["size", "in"], lambda: package.size("in")),
        (["size", "in", "--model", BOTH], lambda: package.size("in", model=MODELS)),
        (["size", "in", "--client", "codex"], lambda: package.size("in", client="codex")),
        (["size", "3000x2000"], lambda: package.size((3000, 2000))),
    ],
    "SplitReport": [
        (
            ["split", "in", "--budget", "request.tokens=1800"],
            lambda: package.split("in", budget={"request.tokens": 1800}),
        )
    ],
    "TilesReport": [
        (["tiles", "in/fine"], lambda: package.tiles("in/fine")),
        (["tiles", "1000x8000", "--overlap", "50"], lambda: package.tiles("1000x8000", overlap=50)),
    ],
}
"""What gives each report, and the command with the same document."""

ROWS = [(name, *row) for name, rows in REPORTS.items() for row in rows]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: images, a broken one, requests, an agent's session; a folder leaves out files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(selection, "is_installed", lambda _name: True)
    monkeypatch.setattr(task, "read_image", read_of)
    for name in ("in", "in/fine", "in/less"):
        (tmp_path / name).mkdir()
    (tmp_path / "in/large.jpg").write_bytes(image_bytes((9000, 300), "JPEG"))
    (tmp_path / "in/cut.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    (tmp_path / "in/fine/long.png").write_bytes(image_bytes((300, 1900)))
    blocks = [image_block(image_bytes((900, 10 * edge))) for edge in (90, 95)]
    write_json(tmp_path / "in/fine.json", body(*blocks))
    (tmp_path / "in/less/left.png").write_bytes(image_bytes((150, 100)))
    (tmp_path / "in/less/kept.png").write_bytes(image_bytes((150, 400)))
    write(tmp_path / "in/less", "exclude: [left.png]\n")
    write(tmp_path / "in/fine", "exclude: ['*.gif']\n")
    entry = {
        "type": "user",
        "message": {"role": "user", "content": [image_block(image_bytes((9000, 40)))]},
        "uuid": "a",
        "parentUuid": None,
        "sessionId": "s",
        "version": "2.1.0",
        "timestamp": "2026-09-01T00:00:00Z",
    }
    (tmp_path / "s.jsonl").write_text(json.dumps(entry) + "\n")
    os.utime(tmp_path / "s.jsonl", (1e9, 1e9))  # no agent is at work
    return tmp_path


def test_every_report_is_here() -> None:
    """Each public class that a function gives as its result."""
    assert set(REPORTS) == {name for name in package.__all__ if name.endswith("Report")}


@pytest.mark.parametrize(("name", "arguments", "call"), ROWS, ids=[" ".join(row[1])[:40] for row in ROWS])
def test_reports(imgbudget: Command, name: str, arguments: list[str], call: Callable[[], Any]) -> None:
    """The document is that of the command, and plain JSON; text is short, and HTML has what columns say."""
    report = call()
    assert type(report).__name__ == name
    stdin = Path("in/fine.json").read_bytes() if arguments[-1] == "in/fine.json" else b""
    given = [*arguments[:-1], "-"] if stdin else arguments
    document = report.to_dict()
    assert json.loads(json.dumps(document, allow_nan=False)) == documents(imgbudget, *given, stdin=stdin)
    assert document["version"] == 1
    assert repr(report).startswith(f"<{name}: ")
    assert len(repr(report)) < 100
    records = report.records()
    assert records
    known = {key for record in records for key in record}
    shown = report._repr_html_()
    head = shown.partition("<thead>")[2].partition("</thead>")[0]
    columns = head.replace("<tr>", "").replace("</tr>", "").replace("<th>", "").split("</th>")[:-1]
    assert set(columns) <= known
    assert shown.count("<tr>") >= 2
    for copied in (copy.copy(report), pickle.loads(pickle.dumps(report))):  # noqa: S301 - our own
        assert (repr(copied), copied.to_dict()) == (repr(report), document)


@pytest.mark.parametrize(("name", "arguments", "call"), ROWS, ids=[" ".join(row[1])[:40] for row in ROWS])
def test_reports_are_tables(name: str, arguments: list[str], call: Callable[[], Any]) -> None:
    """With a column for each name and a row for each record."""
    pa = pytest.importorskip("pyarrow")
    report = call()
    table = report.to_arrow()
    assert isinstance(table, pa.Table)
    assert table.num_rows == len(report.records())
    assert table.column_names == list(dict.fromkeys(key for record in report.records() for key in record))


def test_lists_of_an_audit() -> None:
    """Each is one of the statistics; without images all are empty."""
    report = package.audit("in")
    statistics: Any = report.to_dict()["statistics"]
    tables: Any = ("rules", "folders", "formats", "sizes", "costs", "models", "offenders", "skips")
    for table in tables:
        assert report.records(table) == statistics[table]
    assert report.records("folders")
    Path("empty").mkdir()
    assert package.audit("empty").records() == []
    assert "<table>" in package.audit("empty")._repr_html_()


@pytest.mark.parametrize(
    ("command", "call"),
    [
        ("check", package.check),
        ("legible", package.legible),
        ("plan", package.plan),
        ("size", package.size),
        ("split", package.split),
        ("tiles", package.tiles),
    ],
)
def test_what_folders_leave_out_is_named(
    imgbudget: Command, command: str, call: Callable[[str], Any]
) -> None:
    """As the command says; nothing where it does not count."""
    Path("in/cut.png").unlink()
    listed = documents(imgbudget, command, "in")["summary"]["narrowed_by"]
    assert {one["path"]: one["leaves_out"] for one in listed} == {
        "in/less/imgbudget.yaml": "exclude left.png",
        "in/fine/imgbudget.yaml": "exclude *.gif",
    }
    report = call("in")
    assert (
        [one._asdict() for one in report.narrowed_by] == report.to_dict()["summary"]["narrowed_by"] == listed
    )
    fine = call("in/fine.json")
    assert (fine.narrowed_by, "narrowed_by" in fine.to_dict()["summary"]) == ((), False)


def test_what_could_not_be_measured_is_in_the_document(imgbudget: Command) -> None:
    """Of files in folders and of those in a list, which the tiles of others do not lack."""
    (lost,) = documents(imgbudget, "size", "in")["summary"]["unread"]
    assert (lost["path"], lost["place"]) == ("in/cut.png", "in/cut.png")
    assert package.size("in").unread == (f"{lost['place']}: {lost['reason']}",)
    Path("list").write_text("in/large.jpg\nlist\n")
    for command in ("size", "tiles"):
        (lost,) = documents(imgbudget, command, "--files-from", "list")["summary"]["unread"]
        assert (lost["path"], lost["place"]) == ("list", "list")
        assert "image" in lost["reason"] or "not" in lost["reason"]


def test_a_part_of_an_image_has_the_document_of_the_command(imgbudget: Command) -> None:
    """Whether it is written or not."""
    document = documents(imgbudget, "crop", "in/fine/long.png", "0,0,100,100", "-o", "a.png")
    part = package.crop("in/fine/long.png", (0, 0, 100, 100), output="a.png")
    assert isinstance(part, package.Crop)
    assert part.to_dict() == document
    assert repr(part).startswith("<Crop: png ")
    assert len(repr(part)) < 100
