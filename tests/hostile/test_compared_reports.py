"""A report to compare with may be damaged, made to harm, or endless: a usage error, never a traceback."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.model import comparison
from tests.conftest import Command

SUMMARY = {"images": 0, "requests": 0, "visual_tokens": 0, "tokens_after_fix": 0, "cost_usd": 0.0}


def saved(folder: Path, text: str) -> str:
    """The name of a report with this text, beside an image-free folder."""
    (folder / "old.json").write_text(text)
    return str(folder / "old.json")


@pytest.mark.parametrize("name", list(SUMMARY))
@pytest.mark.parametrize("number", ["1e999", "-Infinity", "NaN", "1" + "0" * 4000, "[]", "{}", '"x"', "null"])
def test_numbers_that_are_none(imgbudget: Command, tmp_path: Path, name: str, number: str) -> None:
    """Infinite ones too, which no whole number is."""
    summary = json.dumps(SUMMARY | {name: "?"}).replace('"?"', number)
    report = f'{{"version": 1, "findings": [], "summary": {summary}}}'
    run = imgbudget("check", "--compare", saved(tmp_path, report), str(tmp_path))
    assert run.code == 2
    assert "is no whole JSON report" in run.err


@pytest.mark.parametrize("version", ["[1]", '"\\u001b[2J"', "1e999", '"' + "9" * 9999 + '"'])
def test_versions_that_are_none(imgbudget: Command, tmp_path: Path, version: str) -> None:
    """The message has one line of a length that can be read."""
    run = imgbudget("check", "--compare", saved(tmp_path, f'{{"version": {version}}}'), str(tmp_path))
    assert run.code == 2
    assert "of a report is not known" in run.err
    assert len(run.err) < 1000


@pytest.mark.parametrize("location", [["x"], {"a": 1}, 5, None])
@pytest.mark.parametrize("form", ["full", "json", "markdown"])
def test_locations_that_are_no_text(imgbudget: Command, tmp_path: Path, location: Any, form: str) -> None:
    """They are shown as text."""
    keys = ("code", "name", "severity", "path", "message", "fingerprint")
    finding = dict.fromkeys(keys, "x") | {"location": location}
    report = json.dumps({"version": 1, "findings": [finding], "summary": SUMMARY})
    run = imgbudget("check", "--compare", saved(tmp_path, report), str(tmp_path), "--format", form)
    assert run.code == 0


def test_a_report_without_end(imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link may lead to a device that never ends; what is read has a bound."""
    monkeypatch.setattr(comparison, "MAX_BYTES", 1 << 20)
    run = imgbudget("check", "--compare", saved(tmp_path, " " * (1 << 21)), str(tmp_path))
    assert run.code == 2
    assert "larger than the 1 MB that a report may have" in run.err
