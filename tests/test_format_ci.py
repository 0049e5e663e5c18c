"""The formats that CI servers show: `github`, `gitlab`, `junit`, `markdown`."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped

from imgbudget.model.location import Location
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.subjects import Finding
from imgbudget.output.base import TextStyle
from imgbudget.output.markdown import MOST_BYTES, Markdown
from imgbudget.output.registry import FORMATS, make_reporter
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.findings import finding_of
from tests.hostile_names import make_hostile_names, validator

GITLAB = validator("gitlab-code-quality.json")


def finding(message: str, **more: Any) -> Finding:
    """A warning with a message."""
    return finding_of(message=message, **more)


def written(name: str, *findings: Finding) -> str:
    """What a format writes of one file with these findings."""
    reporter = make_reporter(name, TextStyle(quiet=True))
    text = reporter.begin()
    text += reporter.add(reporter.render(FileResult(path="a.png", findings=findings)))
    return text + reporter.end(Summary())


def test_github_is_silent_on_a_clean_run(imgbudget: Command, tmp_path: Path) -> None:
    """No command, and the sum for who reads the log."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    run = imgbudget("check", "--format", "github")
    assert (run.code, run.out.count("\n")) == (0, 1)
    assert run.out.startswith("no findings in 1 checked file")


def test_github_escapes_messages_and_properties() -> None:
    """Per cent and line ends in both, colon and comma in properties only; nothing else is touched."""
    line = written("github", finding("100% of\r\nit: a, b", location=Location("50%:a,b\n.png")))
    assert line == (
        "::warning file=50%25%3Aa%2Cb%0A.png,title=IB201 oversized-image::100%25 of%0D%0Ait: a, b\n"
    )


def test_github_names_line_and_columns_of_a_request(imgbudget: Command, tmp_path: Path) -> None:
    """On one line both columns; over several lines no end column, which GitHub refuses."""
    write_json(tmp_path / "a.json", body("x" * 80, image_block()))
    write_json(tmp_path / "b.json", body("x" * 80, image_block()), indent=1)
    lines = imgbudget("check", "--format", "github", "-q", "--select", "IB501").out.splitlines()
    assert re.search(r"file=a\.json,line=1,endLine=1,col=\d+,endColumn=\d+,title=IB501", lines[0])
    assert re.search(r"file=b\.json,line=14,endLine=18,col=\d+,title=IB501", lines[1])


def test_github_lists_the_worst_first(imgbudget: Command, tmp_path: Path) -> None:
    """Errors come first even if their file is last; warnings are sorted by how far they exceed the limit."""
    for i, edge in enumerate((1600, 4000, 2000)):
        (tmp_path / f"{i}.png").write_bytes(image_bytes((edge, edge // 2)))
    (tmp_path / "z.png").write_bytes(b"")
    lines = imgbudget("check", "--format", "github").out.splitlines()
    assert [line.partition(",")[0] for line in lines[:4]] == [
        "::error file=z.png",
        "::warning file=1.png",
        "::warning file=2.png",
        "::warning file=0.png",
    ]
    assert lines[-1].startswith("1 error, 3 warnings in 4 checked files")


def test_github_notes_the_limit_of_ten(imgbudget: Command, tmp_path: Path) -> None:
    """With more than ten findings of a level, the log says that the annotations are incomplete."""
    for i in range(11):
        (tmp_path / f"{i}.png").write_bytes(image_bytes((100, 300)))
    out = imgbudget("check", "--format", "github").out
    assert out.count("::warning ") == 11
    assert "GitHub shows only the first 10 of 11 warnings as annotations\n" in out


def test_gitlab_clean_run_is_an_empty_array(imgbudget: Command, tmp_path: Path) -> None:
    """GitLab wants a report from clean runs too."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    assert imgbudget("check", "--format", "gitlab").json == []


def test_gitlab_is_valid_with_unique_fingerprints(imgbudget: Command, tmp_path: Path) -> None:
    """Every issue has its fields, a relative path, and a fingerprint that no other has."""
    make_hostile_names(tmp_path)
    issues = imgbudget("check", str(tmp_path), "--format", "gitlab").json
    GITLAB.validate(issues)
    assert {issue["severity"] for issue in issues} == {"critical", "major"}
    assert "a b.jpg" in {issue["location"]["path"] for issue in issues}
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


def test_gitlab_parts_two_findings_of_a_rule_on_one_place() -> None:
    """A rule that says two things of one block: GitLab would drop the second of two like fingerprints."""
    text = written("gitlab", finding("one"), finding("two"))
    assert text.count('"fingerprint": "0123456789abcdef"') == 1
    assert text.count('"fingerprint": "0123456789abcdef-2"') == 1


def test_junit_clean_run_is_one_passing_case(imgbudget: Command, tmp_path: Path) -> None:
    """A report without a case is a mistake for many servers."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    xml = JUnitXml.fromstring(imgbudget("check", "--format", "junit").out.encode())
    cases = [case for suite in xml for case in suite]
    assert [(case.name, case.is_passed) for case in cases] == [("no findings", True)]


def test_junit_has_a_failure_for_each_finding(imgbudget: Command, tmp_path: Path) -> None:
    """A suite a file, a failed case a finding with its place, remedy and fix."""
    make_hostile_names(tmp_path)
    (tmp_path / "loop.json").symlink_to("loop.json")
    run = imgbudget("check", "--format", "junit")
    xml = JUnitXml.fromstring(run.out.encode())
    suites = {suite.name: suite for suite in xml}
    assert set(suites) >= {"a b.jpg", "fotó 100%.jpg", "new\\nline.jpg", "bad\\udcff.jpg", "<&|`.jpg"}
    request = suites["request.json"]
    assert request.failures == request.tests == len(list(request)) > 1
    failures = [fault for suite in xml for case in suite for fault in case.result]
    assert {type(fault) for fault in failures} == {Failure, Skipped}
    (resize,) = next(iter(suites["a b.jpg"])).result
    assert (resize.type, "fix: resize to 1268x951 (safe)" in resize.text) == ("warning", True)
    assert [case.classname for case in suites["not checked"]] == ["loop.json"]


def test_junit_calls_a_failed_rule_an_error() -> None:
    """A failure of a rule is no fault of the image but a test that could not run."""
    xml = JUnitXml.fromstring(written("junit", finding("failed", internal=True)).encode())
    assert [type(fault) for suite in xml for case in suite for fault in case.result] == [Error]


@settings(max_examples=50)
@given(st.text())
def test_junit_is_xml_whatever_a_message_holds(message: str) -> None:
    """Control characters, lone surrogates and characters that XML has not: one case is there."""
    text = written("junit", finding(message, help=message, location=Location(message or "x")))
    xml = JUnitXml.fromstring(text.encode())
    assert [len(case.result) for suite in xml for case in suite] == [1]


@settings(max_examples=50)
@given(st.text())
def test_github_is_one_line_a_finding_whatever_a_message_holds(message: str) -> None:
    """No message and no name can start a new line, where it could be a command."""
    text = written("github", finding(message, help=message, location=Location(message or "x")))
    assert text.count("\n") == 1
    assert "\r" not in text
    text.encode()


@settings(max_examples=50)
@given(st.text())
def test_a_table_row_is_one_row_whatever_a_message_holds(message: str) -> None:
    """No bar, line feed or tag of a message or a name breaks the table."""
    text = written("markdown", finding(message, location=Location(message or "x")))
    row = text.split("\n")[4]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 7
    assert not re.search(r"(?<!\\)(?:\\\\)*<", row)


def test_markdown_clean_run_is_its_sum(imgbudget: Command, tmp_path: Path) -> None:
    """No table where nothing was found."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    out = imgbudget("check", "--format", "markdown").out
    assert out.startswith("## imgbudget\n\n**no findings in 1 checked file (1 image, 0 requests)")
    assert "|" not in out


def test_markdown_shows_measured_limit_over_and_saved(imgbudget: Command, tmp_path: Path) -> None:
    """The largest first, each with its numbers; then what the safe fixes save in all."""
    (tmp_path / "a.png").write_bytes(image_bytes((1121, 800)))
    (tmp_path / "b.jpg").write_bytes(image_bytes((4000, 3000), "JPEG", quality=95))
    (tmp_path / "c.jpg").write_bytes(image_bytes((2000, 1500), "JPEG", quality=95))
    (tmp_path / "d.png").write_bytes(image_bytes((100, 300)))
    rows = imgbudget("check", "--format", "markdown").out.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("| ")][1:]
    assert [row[1:5] for row in cells] == [
        ["b.jpg", "4000 px", "1568 px", "2432 px"],
        ["d.png", "100 px", "200 px", "100 px under"],
        ["c.jpg", "2000 px", "1568 px", "432 px"],
        ["a.png", *cells[3][2:5]],
    ]
    size = os.path.getsize(tmp_path / "b.jpg")
    assert not any(line.startswith("The safe fixes save") for line in rows)
    rows = imgbudget(
        "check", "a.png", "--format", "markdown", "--budget", "image.tokens=1160"
    ).out.splitlines()
    assert any(line.startswith("The safe fixes save 29 tokens, about $0.000087") for line in rows)
    imgbudget("check", "b.jpg", "--fix")
    assert cells[0][5] == f"{size - os.path.getsize(tmp_path / 'b.jpg'):,} bytes"


def test_markdown_prices_saved_tokens_at_the_rates_of_their_models(
    imgbudget: Command, tmp_path: Path
) -> None:
    """29 tokens of a cheap model and 29 of a dear one: not 58 at the average rate of all that was sent."""
    block = image_block(image_bytes((1121, 800)))
    write_json(tmp_path / "a.json", body(block, model="claude-haiku-4-5"))
    write_json(tmp_path / "b.json", body(block, *[image_block()] * 9, model="claude-opus-4-6"))
    formats = ("--format", "markdown", "--format", "json:r.json", "--statistics")
    run = imgbudget("check", *formats, "--budget", "image.tokens=1160")
    total = json.loads((tmp_path / "r.json").read_text())["statistics"]["total"]
    assert total["saved_usd"] == pytest.approx(29 * 1e-6 + 29 * 5e-6)
    assert "The safe fixes save 58 tokens, about $0.000174." in run.out


def test_markdown_fits_into_a_job_summary() -> None:
    """However much is found, the summary stays under 1 MiB and counts what it leaves out."""
    reporter = Markdown(TextStyle())
    findings = tuple(finding("ü" * 300, location=Location(f"{i}.png")) for i in range(5000))
    reporter.add(reporter.render(FileResult(path="x", findings=findings)))
    text = reporter.end(Summary())
    rows = text.count("| warning ")
    assert MOST_BYTES * 0.9 < len(text.encode()) <= MOST_BYTES
    assert f"and {5000 - rows} more findings omitted for lack of space" in text


def test_summary_shows_what_a_pull_request_changes(imgbudget: Command, tmp_path: Path) -> None:
    """With an earlier report both GitHub formats show the difference, and the summary the statistics."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    imgbudget("check", "--format", "json:../old.json")
    (tmp_path / "b.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    options = ("--compare", "../old.json", "--statistics")
    lines = imgbudget("check", "--format", "markdown", *options).out.splitlines()
    difference = "+1 image, +1564 tokens, +$0.004692 per run"
    escaped = difference.replace("$", "\\$")
    assert lines[2] == f"**{escaped}** compared with old.json; 1 new finding, 0 fixed"
    assert lines[-1] == "</details>"
    assert any(line.startswith("IB201  oversized-image") for line in lines)
    github = imgbudget("check", "--format", "github", *options).out.splitlines()
    assert github[-2] == f"compared with old.json: {difference}; 1 new finding, 0 fixed"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_a_file_beside_another(imgbudget: Command, tmp_path: Path, name: str) -> None:
    """The file holds what standard output would hold, and no temporary file remains."""
    make_hostile_names(tmp_path)
    alone = imgbudget("check", "--format", name)
    both = imgbudget("check", "--format", "concise", "--format", f"{name}:out.txt")
    assert alone.code == both.code == 1
    assert (tmp_path / "out.txt").read_text("utf-8", "surrogateescape") == alone.out
    assert not list(tmp_path.glob("out.txt.*"))


def test_unknown_format_is_reported_before_the_run(imgbudget: Command) -> None:
    """A misspelt format wastes no run."""
    run = imgbudget("check", "--format", "sarf")
    assert (run.code, run.out) == (2, "")
    assert "unknown format 'sarf'; known are full, concise, json" in run.err
