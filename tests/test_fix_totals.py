"""The last line of a run that fixes: fixes made and not made; bytes, tokens and cost before and after."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

import imgbudget as package
from imgbudget.limits.values import figure
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.drawings import animated

LARGE = image_bytes((2000, 1500), "JPEG")


def weight(folder: Path) -> int:
    """The bytes of the images and requests in a folder."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.suffix in {".jpg", ".json", ".png"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A photo and a request to resize, a rotated photo that stays, and one that needs nothing."""
    (tmp_path / "a.jpg").write_bytes(LARGE)
    (tmp_path / "small.png").write_bytes(image_bytes((400, 300)))
    write_json(tmp_path / "r.json", body(image_block(LARGE, "image/jpeg"), image_block()))
    return tmp_path


LINE = re.compile(
    r"(\d+) fix(?:es)? (?:made|to make) in (\d+) files?"
    r": ([\d,]+) → ([\d,]+) bytes, ([\d,]+) → ([\d,]+) tokens, \$([\d.]+) → \$([\d.]+)"
)


@pytest.mark.parametrize("form", ["full", "concise", "json", "github", "sarif"])
def test_one_line_sums_up_the_fixes_in_any_format(folder: Path, imgbudget: Command, form: str) -> None:
    """Beside the results, which do not repeat it."""
    before = weight(folder) - (folder / "small.png").stat().st_size
    run = imgbudget("check", "--fix", ".", "--fix-level", "warning", "--format", form)
    after = weight(folder) - (folder / "small.png").stat().st_size
    (line,) = [text for text in run.err.splitlines() if "fixes made" in text]
    found = LINE.search(line)
    assert found is not None
    assert [int(text.replace(",", "")) for text in found.groups()[:6]] == [2, 2, before, after, 3293, 3293]
    assert found[7] == found[8]
    assert "fixes made" not in run.out
    assert "remaining" not in run.out


def test_numbers_are_in_json(folder: Path, imgbudget: Command) -> None:
    """In the summary, and in the manifest."""
    before = weight(folder) - (folder / "small.png").stat().st_size
    run = imgbudget(
        "check", "--fix", ".", "--fix-level", "warning", "--format", "json", "--report", "../m.json"
    )
    after = weight(folder) - (folder / "small.png").stat().st_size
    fixes = run.json["summary"]["fixes"]
    assert (fixes["made"], fixes["not_made"], fixes["files"], fixes["images"]) == (2, 0, 2, 2)
    assert fixes["bytes"] == [before, after]
    manifest = json.loads((folder.parent / "m.json").read_text())["summary"]
    assert {key: manifest[key] for key in ("bytes", "visual_tokens", "cost_usd")} == {
        key: fixes[key] for key in ("bytes", "visual_tokens", "cost_usd")
    }
    assert "fixes" not in imgbudget("check", ".", "--format", "json").json["summary"]


def test_what_was_not_made_is_counted(tmp_path: Path, imgbudget: Command) -> None:
    """A fix that fails, and a file that cannot be written."""
    (tmp_path / "a.jpg").write_bytes(LARGE)
    (tmp_path / "a.jpg").chmod(0o444)
    picture = Image.effect_noise((1600, 1000), 60).quantize(4)
    picture.save(tmp_path / "b.png", optimize=True)
    run = imgbudget("check", "--fix", ".")
    assert run.code == 2
    assert "b.png: IB201: would grow from " in run.err
    assert run.err.endswith("imgbudget: 0 fixes made, 2 not made\n")


def test_a_plan_counts_its_resizes(tmp_path: Path, imgbudget: Command) -> None:
    """Those that it makes, and the animation that it does not."""
    (tmp_path / "a.jpg").write_bytes(LARGE)
    (tmp_path / "b.gif").write_bytes(animated("GIF"))
    before = len(LARGE)
    run = imgbudget("plan", "--apply", ".", "--target", "dimension:100")
    after = (tmp_path / "a.jpg").stat().st_size
    numbers = f"{figure(before)} → {figure(after)} bytes, 1564 → 12 tokens, $0.004692 → $0.000036"
    assert f"imgbudget: 1 resize made in 1 file, 1 not made: {numbers}\n" in run.err
    again = imgbudget("plan", "--apply", ".", "--target", "dimension:100")
    assert "imgbudget: 0 resizes made, 1 not made\n" in again.err


def test_a_run_without_fixes_says_nothing(tmp_path: Path, imgbudget: Command) -> None:
    """Nor does one that checks only, or is quiet."""
    (tmp_path / "a.png").write_bytes(image_bytes((400, 300)))
    assert imgbudget("check", "--fix", ".").err == ""
    (tmp_path / "a.jpg").write_bytes(LARGE)
    assert imgbudget("check", ".").err == ""
    assert imgbudget("check", "--fix", "--quiet", ".").err == ""


@pytest.mark.usefixtures("real_workers")
def test_several_processes_and_parts_of_long_files_add_up(tmp_path: Path, imgbudget: Command) -> None:
    """The same line whatever the number of processes."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for i in range(7):
            Image.new("RGB", (1600 + i, 300), (i, 0, 0)).save(tmp_path / folder / f"{i}.jpg", quality=90)
        row = json.dumps(
            {"custom_id": "a", "params": body(image_block(image_bytes((1700, 400)), "image/png"))}
        )
        small = json.dumps({"custom_id": "b", "params": body("x" * 400_000, image_block())})
        (tmp_path / folder / "long.jsonl").write_text(f"{small}\n{row}\n{small}\n{small}\n")
    options = ("--fix-level", "warning", "--ignore", "IB4", "--ignore", "IB5", "--ignore", "IB3")
    runs = [
        imgbudget("check", "--fix", folder, "-j", jobs, *options)
        for folder, jobs in (("one", "1"), ("two", "2"))
    ]
    assert runs[0].err == runs[1].err
    assert "8 fixes made in 8 files: " in runs[0].err


def test_python_gives_the_same_numbers(folder: Path) -> None:
    """In the summary of the report."""
    before = weight(folder) - (folder / "small.png").stat().st_size
    report = package.fix(str(folder), level="warning")
    after = weight(folder) - (folder / "small.png").stat().st_size
    summary = report.summary
    assert (summary.fixed, summary.not_made, summary.changed) == (2, 0, 2)
    assert (summary.before.byte_size, summary.after.byte_size) == (before, after)
    assert (summary.before.tokens, summary.after.tokens) == (3293, 3293)
