"""Fixes that do not do what their rule says: they count as failed, the others are made all the same."""

import json
from pathlib import Path

import pytest

from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

PACK = '''
from imgbudget.rule import FixSafety, Level, Problem, Resize, Severity, Size, StripMetadata, rule


@rule("XX001", "never-content", level=Level.IMAGE, severity=Severity.INFO, fix=FixSafety.SAFE, since="0.1")
def never_content(use, ctx):
    """It reports every image with metadata or a blue name, and no fix helps."""
    if use.facts and use.facts.format == "jpeg":
        yield Problem(message="still", fix=Resize(Size(use.size.width - 1, use.size.height - 1)))


@rule("XX002", "spoiler", level=Level.IMAGE, severity=Severity.ERROR, since="0.1")
def spoiler(use, ctx):
    """It reports the image that a fix has made."""
    if use.facts and use.size and use.size.width == 644:
        yield Problem(message="width is 644 px")


@rule("XX003", "misled", level=Level.IMAGE, severity=Severity.WARNING, fix=FixSafety.SAFE, since="0.1")
def misled(use, ctx):
    """Its fix brings what another rule refuses."""
    if use.facts and use.size and use.size.width == 910:
        yield Problem(message="width is 910 px", fix=Resize(Size(644, 476)))


RULES = (never_content, spoiler, misled)
'''


@pytest.fixture(autouse=True)
def pack(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that are wrong about their fixes, beside those that ship."""
    folder = tmp_path_factory.mktemp("packs")
    (folder / "doubtful_pack.py").write_text(PACK)
    monkeypatch.syspath_prepend(str(folder))
    (tmp_path / ".imgbudget.yaml").write_text("packs: [imgbudget_rules, doubtful_pack]\n")


def test_fix_that_brings_an_error_is_left_out(tmp_path: Path, imgbudget: Command) -> None:
    """The file keeps its bytes, the finding stays, and the reason is reported."""
    data = image_bytes((910, 680))
    (tmp_path / "a.png").write_bytes(data)
    run = imgbudget("check", "--allow-local-packs", "--fix", "a.png", "--format", "json")
    assert (run.code, run.codes) == (1, ["XX003"])
    assert run.json["not_fixed"] == [
        {
            "code": "XX003",
            "path": "a.png",
            "pointer": None,
            "location": None,
            "reason": "it would cause XX002 spoiler: width is 644 px",
        }
    ]
    assert "warning: not fixed: a.png: XX003: it would cause XX002" in run.err
    assert (tmp_path / "a.png").read_bytes() == data


def test_other_fixes_of_a_request_are_made(tmp_path: Path, imgbudget: Command) -> None:
    """One image is left as it was, the next one is fixed."""
    spoiled = image_block(image_bytes((910, 680)))
    write_json(tmp_path / "r.json", body(spoiled, image_block(image_bytes((2000, 1500)))))
    run = imgbudget(
        "check", "--allow-local-packs", "--fix", "--fix-level", "warning", "r.json", "--format", "json"
    )
    assert run.codes == ["XX003"]
    assert [item["code"] for item in run.json["fixed"]] == ["IB201"]
    blocks = json.loads((tmp_path / "r.json").read_text())["messages"][0]["content"]
    assert blocks[0] == spoiled


def test_fix_that_never_ends_is_left_out(tmp_path: Path, imgbudget: Command) -> None:
    """A rule that is never content asks no second time; its finding is still there, so nothing is written."""
    data = image_bytes((800, 600), "JPEG")
    (tmp_path / "a.jpg").write_bytes(data)
    run = imgbudget("check", "--allow-local-packs", "--fix", "a.jpg", "--format", "json")
    assert run.codes == ["XX001"]
    assert [item["reason"] for item in run.json["not_fixed"]] == ["the finding is still there after the fix"]
    assert (tmp_path / "a.jpg").read_bytes() == data
