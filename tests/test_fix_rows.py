"""Long files of JSON Lines, fixed part by part: the same bytes and the same words as if taken as a whole."""

import json
import os
from pathlib import Path

import pytest

from imgbudget.fixing import long_files
from imgbudget.fixing.long_files import LONG
from imgbudget.linter import documents
from tests.builders import body, image_block, image_bytes
from tests.conftest import Command

PART = 70
"""Rows of a part in these tests: fewer than the product takes, to have three parts soon."""

ROWS = 2 * PART + 20
"""Three parts, the last of which is short."""

PNG = image_bytes((300, 280))
PROSE = "What is to be seen here? " * (LONG // 25 // ROWS + 5)


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have parts of `PART` rows, in checks and in fixes."""
    for module in (documents, long_files):
        monkeypatch.setattr(module, "PART_REQUESTS", PART)


def row(number: int, media_type: str) -> str:
    """A row with an image, different for each number."""
    params = body(image_block(PNG, media_type), f"{number}: {PROSE}")
    return json.dumps({"custom_id": f"r{number}", "params": params}, ensure_ascii=False)


def rows(wrong: str = "image/jpeg") -> bytes:
    """Rows of which every tenth declares a wrong type, with blank, broken and foreign ones between."""
    lines = [row(i, "image/png" if i % 10 else wrong) for i in range(ROWS)]
    for at in range(14, ROWS, 23):
        lines[at] = ("", "  \t", '{"custom_id": ', "[]", lines[at] + "  \r")[at // 23 % 5]
    text = "\n".join(lines).encode()
    assert len(text) > LONG
    return text


def test_parts_give_the_same_as_the_whole_file(imgbudget: Command, tmp_path: Path) -> None:
    """Same bytes, findings with lines, and sums as standard input, which is read as a whole."""
    text = rows()
    (tmp_path / "r.jsonl").write_bytes(text)
    whole = imgbudget("check", "--fix", "-", "--stdin-filename", "r.jsonl", stdin=text)
    run = imgbudget("check", "--fix", "r.jsonl", "--format", "json")
    new = (tmp_path / "r.jsonl").read_bytes()
    assert new.decode() == whole.out
    assert new != text
    found = run.json
    left = imgbudget("check", "r.jsonl", "--format", "json").json
    assert (run.code, found["findings"], found["summary"]["rows"]) == (
        1,
        left["findings"],
        left["summary"]["rows"],
    )
    assert len(found["fixed"]) == text.count(b'"image/jpeg"')
    assert found["summary"]["files"] == 1
    assert os.listdir(tmp_path) == ["r.jsonl"]
    assert imgbudget("check", "--fix", "r.jsonl").out.count("fixed r.jsonl") == 0
    assert (tmp_path / "r.jsonl").read_bytes() == new


def test_a_file_in_which_nothing_can_be_fixed_stays(imgbudget: Command, tmp_path: Path) -> None:
    """Not even its time changes; its findings are reported once."""
    (tmp_path / "r.jsonl").write_bytes(rows(wrong="image/png"))
    before = os.stat(tmp_path / "r.jsonl")
    expected = imgbudget("check", "r.jsonl", "--format", "json").json
    run = imgbudget("check", "--fix", "r.jsonl", "--format", "json")
    assert (run.code, run.json["findings"]) == (1, expected["findings"])
    assert expected["findings"]
    assert run.json["summary"]["images"] == expected["summary"]["images"]
    assert os.stat(tmp_path / "r.jsonl") == before


def test_an_unwritable_file_is_reported_with_all_its_findings(imgbudget: Command, tmp_path: Path) -> None:
    """Exit 2, nothing counts as fixed, every finding is reported."""
    path = tmp_path / "r.jsonl"
    path.write_bytes(rows())
    path.chmod(0o444)
    expected = imgbudget("check", "r.jsonl", "--format", "json").json
    run = imgbudget("check", "--fix", "r.jsonl", "--format", "json")
    assert run.code == 2
    assert "is read-only and was not changed" in run.err
    assert (run.json["fixed"], run.json["findings"]) == ([], expected["findings"])
    assert path.read_bytes() == rows()


def test_findings_on_the_whole_file_are_reported(imgbudget: Command, tmp_path: Path) -> None:
    """A duplicate id in rows of different parts, with results in another folder."""
    text = rows().replace(b'"r151"', b'"r1"')
    (tmp_path / "r.jsonl").write_bytes(text)
    run = imgbudget("check", "--fix", "r.jsonl", "--output-dir", "new", "--format", "json")
    assert [finding["line"] for finding in run.json["findings"] if finding["code"] == "IB406"] == [152]
    assert (tmp_path / "r.jsonl").read_bytes() == text
    assert b'"image/jpeg"' not in (tmp_path / "new" / "r.jsonl").read_bytes()
