"""Plans on a narrow terminal, of what some rules find, and on a number of processes."""

import io
import json
import sys
from pathlib import Path

import pytest

from imgbudget.cli.main import main
from imgbudget.output.base import TextTable
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command


class Window(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image for IB201, one for IB101, one that fits, and requests with and without a large image."""
    (tmp_path / "photographs-of-summer").mkdir()
    (tmp_path / "photographs-of-summer" / "the_old_harbour_at_night.png").write_bytes(
        image_bytes((3000, 2000))
    )
    (tmp_path / "wide.png").write_bytes(image_bytes((9000, 100)))
    (tmp_path / "fits.png").write_bytes(image_bytes((560, 560)))
    write_json(tmp_path / "large.json", body(image_block(image_bytes((3000, 2000)))))
    write_json(tmp_path / "small.json", body(image_block(image_bytes((560, 560)))))
    return tmp_path


@pytest.mark.usefixtures("imgbudget", "folder")
@pytest.mark.parametrize("columns", [80, 100, 120, 400])
def test_a_plan_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Nothing of an image is lost: cells are wrapped, and the older estimate goes first."""
    window = Window()
    monkeypatch.setattr(sys, "stdout", window)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    with pytest.raises(SystemExit):
        main(["plan", "photographs-of-summer", "wide.png"])
    table, _, rest = window.getvalue().partition("\n\n")
    assert max(map(len, table.splitlines())) <= columns
    assert ("estimate" in table) == (columns >= 120 + 40)
    for word in ("photographs-", "of-", "summer/", "3000x2000", "→"):
        assert word in table
    assert "images to resize" in rest or "image to resize" in rest


def test_piped_output_is_whole(imgbudget: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever COLUMNS says: a line for each image, with all columns."""
    del folder
    monkeypatch.setenv("COLUMNS", "40")
    lines = imgbudget("plan", "photographs-of-summer").out.splitlines()
    assert lines[0].split() == ["image", "from", "to", "row", "tokens", "estimate", "bytes", "cost", "why"]
    assert lines[1].startswith("photographs-of-summer/the_old_harbour_at_night.png  3000x2000  ")


def fitted(
    most: int | None, *rows: tuple[str, ...], right: tuple[int, ...] = (), optional: tuple[int, ...] = ()
) -> list[str]:
    """A table on a terminal of so many columns."""
    table = TextTable(("name", "n", "more"))
    for row in rows:
        table.add(*row)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TextTable, "most", most)
        return table.text(right=right, optional=optional).splitlines()


def test_cells_are_wrapped_at_words_and_folders() -> None:
    """The widest first, down to twelve columns; optional columns go before; wide characters count as two."""
    row = ("a/long/path/of/a_file.png", "1 → 2", "some words that go on")
    assert fitted(None, row) == fitted(200, row)
    assert fitted(40, row, right=(1,)) == [
        "name                 n  more",
        "a/long/path/of/  1 → 2  some words that",
        "a_file.png              go on",
    ]
    assert fitted(50, row, optional=(1,)) == [
        "name                       more",
        "a/long/path/of/a_file.png  some words that go on",
    ]
    assert max(map(len, fitted(10, row, right=(1,)))) <= 12 + 2 + 5 + 2 + 12
    assert fitted(24, ("中" * 12, "", "x")) == ["name                more", "中" * 9 + "  x", "中" * 3]


def planned(imgbudget: Command, *options: str) -> list[str]:
    """The images of the plan that are listed."""
    return sorted({one["path"] for one in imgbudget("plan", ".", "--format", "json", *options).json["plans"]})


def test_select_plans_what_a_rule_finds(imgbudget: Command, folder: Path) -> None:
    """By code, prefix or name; requests as a whole; --ignore takes rules out."""
    night = "photographs-of-summer/the_old_harbour_at_night.png"
    every = sorted(["fits.png", "large.json", night, "small.json", "wide.png"])
    assert planned(imgbudget) == every
    assert planned(imgbudget, "--select", "IB101") == ["wide.png"]
    assert planned(imgbudget, "--select", "oversized-image") == ["large.json", night]
    assert planned(imgbudget, "--select", "IB2,IB1", "--ignore", "IB2") == ["wide.png"]
    line = imgbudget("plan", ".", "--select", "IB101").out.splitlines()[-1]
    assert "1 of 1 image to resize" in line
    assert "; 4 images not selected" in line
    assert "cannot be measured" not in line
    run = imgbudget("plan", ".", "--select", "IB999")
    assert (run.code, "IB999" in run.err) == (2, True)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert imgbudget("plan", ".", "--select", "IB101", "--apply").code == 0
    changed = [path.name for path, data in before.items() if path.read_bytes() != data]
    assert changed == ["wide.png"]


def test_select_counts_what_it_leaves_out(imgbudget: Command, folder: Path) -> None:
    """In JSON too; a named request that cannot be read is an error, though the rule on it is not selected."""
    select = ("--select", "IB101", "--estimate")
    assert imgbudget("plan", ".", *select, "--format", "json").json["summary"]["not_selected"] == 4
    assert "not_selected" not in imgbudget("plan", ".", "--estimate", "--format", "json").json["summary"]
    (folder / "cut.json").write_text('{"model": "claude-opus-4-8", "messages": [')
    run = imgbudget("plan", "cut.json", *select)
    assert (run.code, run.err.count("cut.json")) == (2, 1)
    assert "error: cut.json: not planned: no request: not JSON: expecting value" in run.err
    run = imgbudget("plan", ".", *select)
    assert (run.code, "error: cut.json: not planned: " in run.err) == (2, True)
    run = imgbudget("check", "cut.json", "--select", "IB101", "--fail-on-unread")
    assert (run.code, "warning: not checked: cut.json: no request: not JSON" in run.err) == (2, True)


def test_processes_do_not_change_a_plan(imgbudget: Command, folder: Path) -> None:
    """One or two encode the same."""
    del folder
    one, two = (imgbudget("plan", ".", "-j", number, "--format", "json") for number in "12")
    assert json.loads(one.out) == json.loads(two.out)
    assert imgbudget("plan", ".", "-j", "0").code == 2
