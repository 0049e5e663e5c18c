"""The formats `sarif` and `rdjson`: valid, with places and edits that other programs can apply."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.linter.reporting import merge
from imgbudget.model.fixes import DropBlock
from imgbudget.model.location import Location
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.subjects import Finding, Severity
from imgbudget.output.base import TextStyle, relative, uri
from imgbudget.output.sarif import MOST, Sarif
from tests.builders import body, image_block, image_bytes, text_block, write_json
from tests.conftest import Command, Run
from tests.findings import finding_of
from tests.hostile_names import edited, make_hostile_names, validator

SARIF = validator("sarif-2.1.0.json")
RDJSON = validator("rdjson.json")


def results(run: Run) -> list[dict[str, Any]]:
    """The results of a valid SARIF log."""
    SARIF.validate(run.json)
    found: list[dict[str, Any]] = run.json["runs"][0]["results"]
    return found


def finding(number: int, severity: Severity, measured: float | None = None) -> Finding:
    """A finding on a distinct file."""
    return finding_of(
        severity=severity,
        location=Location(f"{number}.png"),
        measured=measured,
        limit=10 if measured else None,
        unit="px",
        fingerprint=f"{number:016x}",
    )


def test_clean_run_has_no_result_and_all_rules(imgbudget: Command, tmp_path: Path) -> None:
    """A clean folder: valid, no result, and the page of every rule as its help."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    run = imgbudget("check", "--format", "sarif")
    assert (run.code, results(run)) == (0, [])
    rules = run.json["runs"][0]["tool"]["driver"]["rules"]
    by_code = {rule["id"]: rule for rule in rules}
    assert list(by_code) == sorted(by_code)
    assert "## Why it matters" in by_code["IB201"]["help"]["markdown"]
    assert "helpUri" not in by_code["IB201"]
    assert run.json["runs"][0]["invocations"][0]["executionSuccessful"] is True


def test_hostile_names_are_relative_uris(imgbudget: Command, tmp_path: Path) -> None:
    """Names with any characters are URIs below the source root; the region of an image is line 1."""
    make_hostile_names(tmp_path)
    found = results(imgbudget("check", "--format", "sarif", "--select", "IB201", str(tmp_path)))
    locations = [result["locations"][0]["physicalLocation"] for result in found]
    images = {
        location["artifactLocation"]["uri"] for location in locations if "endLine" not in location["region"]
    }
    assert images == {
        "a%20b.jpg",
        "fot%C3%B3%20100%25.jpg",
        "x%2Cy%3Az.jpg",
        "new%0Aline.jpg",
        "bad%FF.jpg",
        "%3C%26%7C%60.jpg",
    }
    assert {location["artifactLocation"]["uriBaseId"] for location in locations} == {"%SRCROOT%"}
    assert all(location["region"]["startLine"] == 1 for location in locations)


def test_pointer_is_a_logical_location(imgbudget: Command, tmp_path: Path) -> None:
    """A finding in a request has its region, the JSON pointer as logical location, and its rule by index."""
    make_hostile_names(tmp_path)
    run = imgbudget("check", "request.json", "--format", "sarif", "--select", "IB105")
    (result,) = results(run)
    location = result["locations"][0]
    assert location["logicalLocations"] == [
        {"fullyQualifiedName": "/messages/0/content/1/source", "name": "messages.0.content.1"}
    ]
    region = location["physicalLocation"]["region"]
    text = (tmp_path / "request.json").read_text(encoding="utf-8")
    assert text[region["startColumn"] - 1 :].startswith('{"type": "base64"')
    rules = run.json["runs"][0]["tool"]["driver"]["rules"]
    assert rules[result["ruleIndex"]]["id"] == "IB105"


def test_fixes_of_a_request_mend_it(imgbudget: Command, tmp_path: Path) -> None:
    """Each fix, applied as SARIF says (characters), settles its finding and leaves a request."""
    make_hostile_names(tmp_path)
    path = tmp_path / "request.json"
    for code, count in (("IB105", 1), ("IB407", 1)):
        found = results(imgbudget("check", "request.json", "--format", "sarif", "--select", code))
        assert len(found) == count
        (change,) = found[0]["fixes"][0]["artifactChanges"]
        (replacement,) = change["replacements"]
        region = replacement["deletedRegion"]
        path.write_text(
            edited(
                path.read_text(encoding="utf-8"),
                (region["startLine"], region["startColumn"]),
                (region["endLine"], region["endColumn"]),
                replacement["insertedContent"]["text"],
            ),
            encoding="utf-8",
        )
        assert results(imgbudget("check", "request.json", "--format", "sarif", "--select", code)) == []
    assert [block["type"] for block in json.loads(path.read_text("utf-8"))["messages"][0]["content"]] == [
        "text",
        "image",
        "image",
    ]


def test_suggestions_of_rdjson_count_bytes(imgbudget: Command, tmp_path: Path) -> None:
    """Reviewdog's columns are bytes: its suggestions mend a line that has an umlaut before them."""
    make_hostile_names(tmp_path)
    path = tmp_path / "request.json"
    run = imgbudget("check", "--format", "rdjson")
    RDJSON.validate(run.json)
    diagnostics = [one for one in run.json["diagnostics"] if one["code"]["value"] == "IB105"]
    (suggestion,) = diagnostics[0]["suggestions"]
    assert suggestion["text"] == '"image/png"'
    start, end = suggestion["range"]["start"], suggestion["range"]["end"]
    data = path.read_bytes()
    assert data[start["column"] - 1 : end["column"] - 1] == b'"image/jpeg"'
    assert {"path": "a b.jpg"} in [one["location"] for one in run.json["diagnostics"]]
    severities = {one["severity"] for one in run.json["diagnostics"]}
    assert {"ERROR", "WARNING"} <= severities <= {"ERROR", "WARNING", "INFO"}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_removed_block_takes_its_comma_along(
    imgbudget: Command, tmp_path: Path, at: int, indent: int | None
) -> None:
    """An empty text in front, in the middle or at the end, on one line or on many: JSON is left."""
    blocks = [image_block(), text_block("what is this?")]
    blocks.insert(at, text_block(""))
    write_json(tmp_path / "r.json", body(*blocks), indent=indent)
    run = imgbudget("check", "r.json", "--format", "rdjson", "--select", "IB407")
    (suggestion,) = run.json["diagnostics"][0]["suggestions"]
    start, end = suggestion["range"]["start"], suggestion["range"]["end"]
    text = (tmp_path / "r.json").read_text()
    mended = edited(text, (start["line"], start["column"]), (end["line"], end["column"]), suggestion["text"])
    assert len(json.loads(mended)["messages"][0]["content"]) == 2
    (tmp_path / "r.json").write_text(mended)
    assert imgbudget("check", "r.json", "--format", "rdjson", "--select", "IB407").json["diagnostics"] == []


def test_content_that_is_an_empty_text_becomes_an_empty_list(imgbudget: Command, tmp_path: Path) -> None:
    """An empty string in a tool result beside an image: there is no block to remove."""
    result = {"type": "tool_result", "tool_use_id": "t", "content": ""}
    write_json(tmp_path / "r.json", body(image_block(), result))
    run = imgbudget("check", "r.json", "--format", "rdjson", "--select", "IB407")
    (suggestion,) = run.json["diagnostics"][0]["suggestions"]
    start, end = suggestion["range"]["start"]["column"], suggestion["range"]["end"]["column"]
    text = (tmp_path / "r.json").read_text()
    assert (text[start - 1 : end - 1], suggestion["text"]) == ('""', "[]")


def test_bedrock_names_the_format(imgbudget: Command, tmp_path: Path) -> None:
    """In Converse a wrong type is a wrong `format`; the edit writes that."""
    source = {"bytes": image_block()["source"]["data"]}
    image = {"image": {"format": "jpeg", "source": source}}
    request = {
        "modelId": "anthropic.claude-sonnet-4-6",
        "messages": [{"role": "user", "content": [image, {"text": "what is this?"}]}],
    }
    write_json(tmp_path / "r.json", request)
    run = imgbudget("check", "r.json", "--format", "rdjson", "--select", "IB105")
    (suggestion,) = run.json["diagnostics"][0]["suggestions"]
    start, end = suggestion["range"]["start"]["column"], suggestion["range"]["end"]["column"]
    text = (tmp_path / "r.json").read_text()
    assert (text[start - 1 : end - 1], suggestion["text"]) == ('"jpeg"', '"png"')


def test_fix_of_an_image_file_is_no_edit(imgbudget: Command, tmp_path: Path) -> None:
    """Pixels are not text: a resize is named in the properties and has no replacement."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    (result,) = results(imgbudget("check", "--format", "sarif"))
    assert "fixes" not in result
    assert result["properties"]["fix"] == "safe"
    assert result["partialFingerprints"]["imgbudget/v1"]


def test_findings_on_one_line_have_different_fingerprints(imgbudget: Command, tmp_path: Path) -> None:
    """GitHub would merge two images of a one-line request into one alert."""
    large = [image_block(image_bytes((2000, 1000), colour=i)) for i in range(2)]
    write_json(tmp_path / "r.json", body(*large))
    found = results(imgbudget("check", "--format", "sarif", "--select", "IB201"))
    prints = {result["partialFingerprints"]["primaryLocationLineHash"] for result in found}
    assert len(found) == len(prints) == 2


def test_unchecked_files_are_reported(imgbudget: Command, tmp_path: Path) -> None:
    """A file that cannot be read is a notification, so that it is not taken for clean."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    (tmp_path / "loop.json").symlink_to("loop.json")
    run = imgbudget("check", "--format", "sarif")
    assert results(run) == []
    (note,) = run.json["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("not checked: ")
    assert note["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "loop.json"


def test_at_most_25000_results_and_the_worst_of_them() -> None:
    """25,010 warnings, then five errors: the errors lead, then what is furthest over; 15 are counted."""
    reporter = Sarif(TextStyle())
    for begin in range(0, MOST + 10, 1000):
        count = min(1000, MOST + 10 - begin)
        warnings = [finding(begin + i, Severity.WARNING, 20 + (begin + i) % 7) for i in range(count)]
        result = FileResult(path="x", findings=tuple(warnings))
        assert reporter.add(merge(reporter.separators, [reporter.render(result)])) == ""
    errors = tuple(finding(MOST + 10 + i, Severity.ERROR) for i in range(5))
    reporter.add(reporter.render(FileResult(path="y", findings=errors)))
    log = json.loads(reporter.end(Summary()))
    SARIF.validate(log)
    found = log["runs"][0]["results"]
    assert len(found) == MOST
    assert [result["level"] for result in found[:6]] == ["error"] * 5 + ["warning"]
    measured = [result["properties"]["measured"] for result in found[5:]]
    assert measured == sorted(measured, reverse=True)
    (note,) = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("15 of 25,015 findings were left out")


def test_paths_and_uris() -> None:
    """Below the root paths are relative; outside they stay, and an absolute one is a file URI."""
    assert relative("./a/b.png", "/work") == "a/b.png"
    assert relative("/srv/a.png", "/srv/") == "a.png"
    assert relative("/workshop/a.png", "/work") == "/workshop/a.png"
    assert uri("a/ö.png") == "a/%C3%B6.png"
    assert uri("/out/a b") == "file:///out/a%20b"
    assert uri("C:/a") == "file:///C:/a"
    assert uri("\ud800") == "%3F"


def test_fix_without_a_neighbour_is_no_edit(imgbudget: Command, tmp_path: Path) -> None:
    """The only block of a tool result cannot be taken out as text: an empty array would be left."""
    alone = {"type": "tool_result", "tool_use_id": "t", "content": [text_block("")]}
    write_json(tmp_path / "r.json", body(image_block(), alone))
    run = imgbudget("check", "r.json", "--format", "rdjson", "--select", "IB407")
    (diagnostic,) = run.json["diagnostics"]
    assert "suggestions" not in diagnostic
    assert DropBlock().title == "remove the block"
