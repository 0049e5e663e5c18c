"""The baseline: what was known when it was written is not reported; it only shrinks."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.errors import UsageError
from imgbudget.linter.baseline import Baseline, BaselineEntry, read_baseline
from imgbudget.linter.run import Session
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

NAME = ".imgbudget-baseline.json"


def tiny(number: int) -> bytes:
    """A distinct image that IB301 reports."""
    return image_bytes((100 + number % 90, 300 + number // 90), colour=number)


def old_findings(folder: Path, count: int) -> None:
    """A folder of that many findings, an image each."""
    (folder / "old").mkdir()
    for number in range(count):
        (folder / "old" / f"{number:04}.png").write_bytes(tiny(number))


def test_a_thousand_old_findings_and_one_new_one(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written on several processes, the run is clean; a changed image is reported alone; a fixed one goes."""
    monkeypatch.setattr(Session, "pool_threshold", 100)
    monkeypatch.setattr(Session, "chunk_size", 90)
    old_findings(tmp_path, 1000)
    run = imgbudget("baseline", "--write", "-j", "2")
    assert (run.code, run.out) == (0, f"wrote 1000 findings to {NAME}\n")
    assert "baseline: in the configuration" in run.err
    run = imgbudget("check", "--baseline", NAME, "-j", "2")
    assert (run.code, run.err) == (0, "")
    assert "; 1000 in the baseline; " in run.out
    (tmp_path / "old" / "0007.png").write_bytes(tiny(5000))
    run = imgbudget("check", "--baseline", NAME, "--format", "json")
    assert [item["path"] for item in run.json["findings"]] == ["old/0007.png"]
    assert run.json["summary"]["silenced"] == {"ignores": 0, "baseline": 999}
    assert "1 entry of the baseline no longer found; imgbudget baseline --prune removes them" in run.err
    before = (tmp_path / NAME).read_text().splitlines()
    (tmp_path / "old" / "0008.png").write_bytes(image_bytes((300, 300)))
    run = imgbudget("baseline", "--prune")
    assert (run.code, run.out) == (0, f"removed 2 of 1000 findings from {NAME}; 1 finding is not in it\n")
    after = (tmp_path / NAME).read_text().splitlines()
    assert len(after) == len(before) - 2
    assert [line for line in before if line not in after] == before[8:10]


def test_a_moved_image_stays_known_and_a_changed_one_is_new(imgbudget: Command, tmp_path: Path) -> None:
    """Images are identified by content, not by name; a copy of a known file is only reported as a copy."""
    (tmp_path / "a.png").write_bytes(tiny(1))
    imgbudget("baseline", "--write")
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.png").rename(tmp_path / "deep" / "b.png")
    assert imgbudget("check", "--baseline", NAME, "--format", "json").codes == []
    shutil.copy(tmp_path / "deep" / "b.png", tmp_path / "c.png")
    assert imgbudget("check", "--baseline", NAME, "--format", "json").codes == ["IB801"]
    imgbudget("baseline", "--write", "--force")
    assert imgbudget("check", "--baseline", NAME, "--format", "json").codes == []
    shutil.copy(tmp_path / "c.png", tmp_path / "d.png")
    run = imgbudget("check", "--baseline", NAME, "--format", "json")
    assert [(item["code"], item["path"]) for item in run.json["findings"]] == [("IB801", "d.png")]


def test_a_finding_in_a_request_is_known_by_its_place(imgbudget: Command, tmp_path: Path) -> None:
    """By rule, file and pointer; in a batch by the custom_id, so that rows may come and go around it."""
    block = image_block(tiny(1))
    write_json(tmp_path / "r.json", body("x", block))
    row = json.dumps({"custom_id": "b", "params": body(block)})
    (tmp_path / "batch.jsonl").write_text(row + "\n")
    imgbudget("baseline", "--write")
    lines = (tmp_path / NAME).read_text().splitlines()
    assert json.loads(lines[1].rstrip(",")) == {
        "path": "batch.jsonl",
        "rule": "IB301",
        "pointer": "/params/messages/0/content/0/source",
        "custom_id": "b",
    }
    other = json.dumps({"custom_id": "a", "params": body(block)})
    (tmp_path / "batch.jsonl").write_text(f"{other}\n{row}\n")
    write_json(tmp_path / "r.json", body(block, "x", block))
    run = imgbudget("check", "--baseline", NAME, "--format", "json", "--select", "IB301")
    found = run.json["findings"]
    assert [(item["path"], item["location"], item["line"]) for item in found] == [
        ("batch.jsonl", "messages.0.content.0", 1),
        ("r.json", "messages.0.content.0", 1),
        ("r.json", "messages.0.content.2", 1),
    ]


def test_a_finding_on_a_whole_body_is_known(imgbudget: Command, tmp_path: Path) -> None:
    """Its pointer is empty, which is not the same as none."""
    write_json(tmp_path / "r.json", body(image_block()))
    budget = ("--budget", "request.bytes=10")
    imgbudget("baseline", "--write", *budget)
    assert json.loads((tmp_path / NAME).read_text())["findings"] == [
        {"path": "r.json", "rule": "IB605", "pointer": ""}
    ]
    run = imgbudget("check", "--baseline", NAME, "--format", "json", *budget)
    assert (run.codes, run.json["summary"]["silenced"]["baseline"]) == ([], 1)


def test_findings_on_the_run_are_never_known(imgbudget: Command, tmp_path: Path) -> None:
    """A run budget, and an ignore without effect."""
    (tmp_path / "a.png").write_bytes(tiny(1))
    (tmp_path / "imgbudget.yaml").write_text(
        f"baseline: {NAME}\nbudgets: {{run: {{tokens: 1}}}}\nignores: [{{rules: [IB2], reason: x}}]\n"
    )
    assert imgbudget("baseline", "--write").out == f"wrote 1 finding to {NAME}\n"
    assert imgbudget("check", "--format", "json").codes == ["IB604", "IB004"]


def test_the_configuration_names_the_baseline(imgbudget: Command, tmp_path: Path) -> None:
    """Relative to itself; from any folder; --no-baseline reports what it knows; ignores come first."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.png").write_bytes(tiny(1))
    config = tmp_path / "imgbudget.yaml"
    config.write_text("baseline: known.json\n")
    run = imgbudget("check")
    assert run.code == 2
    assert "known.json: no such file or folder; imgbudget baseline --write makes a baseline" in run.err
    run = imgbudget("baseline", "--write")
    assert (run.out, run.err) == ("wrote 1 finding to known.json\n", "")
    assert imgbudget("check", "sub").code == 0
    assert imgbudget("check", str(tmp_path / "sub")).code == 0
    assert imgbudget("check", "--no-baseline").code == 1
    config.write_text("baseline: known.json\nignores: [{rules: [IB301], reason: x}]\n")
    run = imgbudget("check", "--format", "json")
    assert run.json["summary"]["silenced"] == {"ignores": 1, "baseline": 0}


def test_it_only_shrinks(imgbudget: Command, tmp_path: Path) -> None:
    """An existing file is written only by force; pruning a part leaves the rest alone."""
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(tiny(len(name) + ord(name)))
    imgbudget("baseline", "--write", "x")
    first = (tmp_path / NAME).read_text()
    run = imgbudget("baseline", "--write")
    assert run.code == 2
    assert f"{NAME} exists, and a baseline only shrinks: --prune removes fixed findings" in run.err
    assert (tmp_path / NAME).read_text() == first
    imgbudget("baseline", "--write", "--force")
    assert len(json.loads((tmp_path / NAME).read_text())["findings"]) == 2
    for name in ("x", "y"):
        (tmp_path / name / "a.png").unlink()
    assert imgbudget("baseline", "--prune", "y").out == f"removed 1 of 2 findings from {NAME}\n"
    ignoring = imgbudget("baseline", "--prune", "--ignore", "IB301")
    assert ignoring.out == f"removed 0 of 1 finding from {NAME}\n"
    assert imgbudget("baseline", "--prune").out == f"removed 1 of 1 finding from {NAME}\n"
    assert (tmp_path / NAME).read_text() == '{"version": 1, "findings": []}\n'


def test_a_partial_run_keeps_the_other_entries(imgbudget: Command, tmp_path: Path) -> None:
    """Entries of files that were not checked are not reported as fixed."""
    for number in (1, 2):
        (tmp_path / f"{number}.png").write_bytes(tiny(number))
    imgbudget("baseline", "--write")
    (tmp_path / "1.png").unlink()
    assert imgbudget("check", "--baseline", NAME, "2.png").err == ""
    assert "1 entry of the baseline no longer found" in imgbudget("check", "--baseline", NAME).err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a baseline: line 1: not JSON"),
        ("[]", "not a baseline: it has no list of findings"),
        ('{"findings": []}', "unknown baseline version (known: 1)"),
        ('{"version": 2, "findings": []}', "unknown baseline version 2"),
        ('{"version": 1, "findings": [{"path": "a"}]}', "findings[0] is not a baseline entry"),
        ('{"version": 1, "findings": [{"path": "a", "rule": 5}]}', "findings[0] is not a baseline entry"),
        ('{"version": 1, "findings": [{"path": "a", "rule": "b", "document": true}]}', "findings[0] is not"),
        ("[" * 100_000, "not a baseline: "),
        ("\udcff", "not a baseline: not JSON"),
    ],
)
def test_a_file_that_is_not_a_baseline_ends_the_run(
    imgbudget: Command, tmp_path: Path, text: str, message: str
) -> None:
    """With exit code 2, the file, what is wrong with it and what to do."""
    (tmp_path / "b.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    run = imgbudget("check", "--baseline", "b.json")
    assert run.code == 2
    assert run.err.startswith(f"imgbudget: b.json: {message}")
    assert "imgbudget baseline --write --force" in run.err
    assert imgbudget("check", "--baseline", ".").code == 2
    assert imgbudget("baseline", "--prune", "--baseline", "nope.json").code == 2


@pytest.mark.parametrize("options", [(), ("--write", "--prune")])
def test_one_of_both_is_wanted(imgbudget: Command, options: tuple[str, ...]) -> None:
    """Neither and both are errors of use."""
    run = imgbudget("baseline", *options)
    assert (run.code, run.err) == (2, "imgbudget: give either --write or --prune\n")


words = st.text(min_size=1, max_size=5)
entries = st.builds(
    BaselineEntry,
    path=words,
    rule=words,
    pointer=st.none() | st.text(max_size=5),
    document=st.integers(0, 9),
    custom_id=st.none() | st.text(max_size=5),
    sha256=st.none() | words,
)


@given(st.lists(entries, max_size=8))
def test_what_is_written_is_read_back(known: list[BaselineEntry]) -> None:
    """Every entry once, sorted, a line each, and each one is found."""
    baseline = Baseline(known)
    text = baseline.text()
    assert text.isascii()
    assert text.count("\n") == len(set(known)) + (2 if known else 1)
    read = read_baseline(text.encode(), "b.json")
    assert read.entries == baseline.entries
    assert set(read.entries) == set(known)
    assert all(read.find(entry) is not None for entry in known)
    assert Baseline(reversed(known)).text() == text


def test_a_report_is_not_a_baseline() -> None:
    """A JSON report has version 1 and findings too, but other ones."""
    with pytest.raises(UsageError, match=r"findings\[0\] is not a baseline entry"):
        read_baseline(b'{"version": 1, "findings": [{"code": "IB301", "path": "a"}]}', "report.json")
