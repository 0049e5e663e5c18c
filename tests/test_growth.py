"""`--compare` by file, and `--fail-over`."""

import json
from pathlib import Path

import pytest

from imgbudget.cli.growth import parse_growth
from imgbudget.model.comparison import Allowed
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("5%", Allowed("5%", share=0.05)),
        ("+5 %", Allowed("+5 %", share=0.05)),
        ("0.5%", Allowed("0.5%", share=0.005)),
        ("0", Allowed("0", tokens=0)),
        ("20k", Allowed("20k", tokens=20_000)),
        ("+1600 tokens", Allowed("+1600 tokens", tokens=1600)),
        ("$0.10", Allowed("$0.10", cost_usd=0.1)),
        ("2 USD", Allowed("2 USD", cost_usd=2)),
    ],
)
def test_growth_is_a_share_tokens_or_dollars(text: str, allowed: Allowed) -> None:
    """With or without a plus."""
    assert parse_growth(text) == allowed


@pytest.mark.parametrize("text", ["", "%", "-5%", "five", "1e3%", "5%%", "++5%", "$", "5 %  x", "-20k"])
def test_other_texts_are_no_growth(imgbudget: Command, tmp_path: Path, text: str) -> None:
    """They are a mistake of use, with what can be written."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    imgbudget("check", "a.png", "--format", "json:old.json")
    run = imgbudget("check", "a.png", "--compare", "old.json", f"--fail-over={text}")
    assert run.code == 2
    assert f"--fail-over: {text!r} is no growth; write 5%, 20k (tokens) or $0.10" in run.err


def test_growth_needs_an_earlier_run(imgbudget: Command, tmp_path: Path) -> None:
    """Without --compare there is nothing to exceed."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    run = imgbudget("check", "a.png", "--fail-over", "5%")
    assert (run.code, "--fail-over needs --compare" in run.err) == (2, True)


def test_gate_at_its_bound(imgbudget: Command, tmp_path: Path) -> None:
    """Growth to the bound passes, one token more fails; --exit-zero only shows it."""
    image = image_bytes((1092, 1092))  # 1521 tokens
    (tmp_path / "a.png").write_bytes(image)
    imgbudget("check", "a.png", "--format", "json:old.json", "--exit-zero")
    (tmp_path / "b.png").write_bytes(image_bytes((1092, 1092), colour=0))
    arguments = ("check", "a.png", "b.png", "--compare", "old.json", "--fail-on", "never")
    for text, code in (
        *(("1521", 0), ("1520", 1), ("100%", 0), ("99.9%", 1), ("0", 1)),
        *(("$0.004563", 0), ("$0.004562", 1)),
    ):
        run = imgbudget(*arguments, "--fail-over", text)
        assert (run.code, "(--fail-over)" in run.err) == (code, bool(code)), text
    assert "+1521 tokens: more than the allowed 1520" in imgbudget(*arguments, "--fail-over", "1520").err
    summary = imgbudget(*arguments, "--fail-over", "1520", "--format", "markdown").out
    assert "\n+1521 tokens: more than the allowed 1520\n" in summary  # in the job's summary too
    assert imgbudget(*arguments, "--fail-over", "0", "--exit-zero").code == 0
    fewer = imgbudget("check", "b.png", "--compare", "old.json", "--fail-over", "0", "--format", "json")
    assert fewer.code == 0
    assert fewer.json["comparison"]["exceeded"] is False


def test_growth_that_is_not_known(imgbudget: Command, tmp_path: Path) -> None:
    """Images whose tokens or price are not known would pass any gate: they fail with 2 if some were added."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    imgbudget("check", "a.png", "--model", "nonesuch", "--format", "json:unknown.json")
    imgbudget("check", "a.png", "--format", "json:old.json")
    unpriced = ("--model", "gemma-4")
    imgbudget("check", "a.png", *unpriced, "--format", "json:unpriced.json", "--exit-zero")
    (tmp_path / "b.png").write_bytes(image_bytes((560, 420)))
    for options, before, allowed, code, says in (
        (("--model", "nonesuch"), "old", "5%", 2, "2 more images of unknown tokens: "),
        (("--model", "nonesuch", "--exit-zero"), "unknown", "5k", 2, "1 more image of unknown tokens: "),
        (unpriced, "unpriced", "$1", 2, "1 more image of unknown price: "),
        (unpriced, "unpriced", "5k", 0, ""),
    ):
        arguments = ("check", "a.png", "b.png", "--compare", f"{before}.json", "--fail-on", "never", *options)
        run = imgbudget(*arguments, "--fail-over", allowed, "--format", "github", "--format", "json:new.json")
        known = "" if not code else f"{says}whether the growth is within the allowed {allowed} is not known"
        assert (run.code, known in run.err) == (code, True), run
        assert run.out.startswith("::error title=fail-over::") is bool(code)
        exceeded = json.loads((tmp_path / "new.json").read_text("utf-8"))["comparison"]["exceeded"]
        assert exceeded is (None if code else False)
    same = ("check", "a.png", "--model", "nonesuch", "--compare", "unknown.json", "--fail-over", "0")
    assert imgbudget(*same).code == 0


def test_share_of_nothing(imgbudget: Command, tmp_path: Path) -> None:
    """Where there was no image before, each token exceeds a share."""
    (tmp_path / "empty").mkdir()
    imgbudget("check", "empty", "--format", "json:old.json")
    (tmp_path / "a.png").write_bytes(image_bytes())
    run = imgbudget("check", "a.png", "--compare", "old.json", "--fail-over", "500%")
    assert run.code == 1
    assert "+165 tokens: more than the allowed 500%" in run.err


def test_files_that_differ(imgbudget: Command, tmp_path: Path) -> None:
    """Added, removed and changed ones with their differences, the dearest first; others are not listed."""
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "same.png").write_bytes(image_bytes())
    (folder / "gone.png").write_bytes(image_bytes((560, 420)))
    write_json(folder / "request.json", body(image_block()))
    imgbudget("check", "f", "--format", "json:old.json")
    (folder / "gone.png").unlink()
    (folder / "large.png").write_bytes(image_bytes((1092, 1092)))
    write_json(folder / "request.json", body(image_block(), image_block(image_bytes((420, 560)))))
    found = imgbudget("check", "f", "--compare", "old.json", "--format", "json").json["comparison"]["files"]
    assert [(one["path"], one["state"], one["images"], one["visual_tokens"]) for one in found] == [
        ("f/large.png", "added", 1, 1521),
        ("f/gone.png", "removed", -1, -300),
        ("f/request.json", "changed", 1, 300),
    ]
    assert sum(one["cost_usd"] for one in found) == pytest.approx(1521 * 3e-6)


def test_files_of_workers_are_summed(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several processes have the same differences as one."""
    monkeypatch.setattr("imgbudget.linter.run.Session.pool_threshold", 2)
    monkeypatch.setattr("imgbudget.linter.run.Session.chunk_size", 2)
    (tmp_path / "f").mkdir()
    for number in range(9):
        (tmp_path / "f" / f"{number}.png").write_bytes(image_bytes((300 + 28 * number, 300)))
    imgbudget("check", "f/0.png", "--format", "json:old.json")
    arguments = ("check", "f", "--compare", "old.json", "--format", "json")
    one, two = (imgbudget(*arguments, "-j", jobs).json["comparison"] for jobs in ("1", "2"))
    assert one == two
    assert len(one["files"]) == 8


def test_moved_files(imgbudget: Command, tmp_path: Path) -> None:
    """A folder that was renamed: its files are counted, its findings neither new nor fixed."""
    for name in ("assets", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "assets" / "small.png").write_bytes(image_bytes((100, 300)))
    (tmp_path / "assets" / "a.png").write_bytes(image_bytes((560, 420)))
    (tmp_path / "other" / "a.png").write_bytes(image_bytes((700, 700)))
    imgbudget("check", "assets", "other", "--format", "json:old.json")
    (tmp_path / "assets").rename(tmp_path / "images")
    (tmp_path / "other" / "small.png").write_bytes(image_bytes((100, 300)))
    arguments = ("check", "images", "other", "--compare", "old.json", "--fail-over", "0")
    run = imgbudget(*arguments, "--format", "json", "--format", "markdown:summary.md")
    comparison = run.json["comparison"]
    assert comparison["moved"] == [
        {"path": "images/a.png", "before": "assets/a.png"},
        {"path": "images/small.png", "before": "assets/small.png"},
    ]
    assert [(one["path"], one["state"]) for one in comparison["files"]] == [("other/small.png", "added")]
    assert {one["path"] for one in comparison["new"]} == {"other/small.png"}
    assert comparison["fixed"] == []
    line = "2 files moved to another folder, with as many images and tokens"
    assert f"\n{line}\n" in (tmp_path / "summary.md").read_text("utf-8")
    assert f"\n  {line}\n" in imgbudget(*arguments).out
