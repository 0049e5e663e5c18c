"""The address of the project: in no output until a maintainer sets it, then in each of them."""

from pathlib import Path

import pytest

from imgbudget import version
from imgbudget.linter.evaluate import page_of
from imgbudget.registry import load_packs
from tests.builders import image_bytes
from tests.conftest import Command

HOME = "https://forge.example/team/imgbudget"
PAGE = f"{HOME}/blob/main/docs/rules/ib301.md"
FORMATS = ("json", "jsonl", "sarif", "junit", "markdown", "rdjson", "gitlab", "github", "full")
LINKING = ("json", "jsonl", "sarif", "junit", "markdown", "rdjson")


@pytest.mark.parametrize("form", FORMATS)
def test_no_output_names_an_address_until_one_is_set(imgbudget: Command, tmp_path: Path, form: str) -> None:
    """A finding of a shipped rule has no link, and JSON says null."""
    (tmp_path / "a.png").write_bytes(image_bytes((40, 400)))
    out = imgbudget("check", "--format", form, "--no-cache").out
    assert "IB301" in out
    assert "ib301.md" not in out
    assert "informationUri" not in out
    if form == "json":
        assert '"url": null' in out


@pytest.mark.parametrize("form", LINKING)
def test_every_linking_format_names_the_page_once_the_address_is_set(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """One constant makes the address of each rule's page."""
    monkeypatch.setattr(version, "HOME", HOME)
    (tmp_path / "a.png").write_bytes(image_bytes((40, 400)))
    assert PAGE in imgbudget("check", "--format", form, "--no-cache").out


def test_init_leaves_the_address_of_the_hook_to_fill_in(
    imgbudget: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A placeholder until the address is set, then the address with the version."""
    assert "repo: <address of the repository of imgbudget>" in imgbudget("init").out
    Path(".imgbudget.yaml").unlink()
    monkeypatch.setattr(version, "HOME", HOME)
    assert f"repo: {HOME}\n    rev: v{version.__version__}" in imgbudget("init").out
    assert f"{HOME}/blob/main/docs/configuration.md" in Path(".imgbudget.yaml").read_text("utf-8")


def test_a_rule_of_a_pack_keeps_its_own_address() -> None:
    """Whether the project has one or not; a rule of a pack without an address has none."""
    (shipped,) = [rule for rule in load_packs(["imgbudget_rules"]).rules if rule.code == "IB301"]
    other = shipped._replace(code="ZZ101", url="https://example.com/zz101")
    assert page_of(other) == "https://example.com/zz101"
    assert page_of(other._replace(url=None)) is None
    assert page_of(shipped) is None
