"""What cannot be used is named and decides the exit code by one rule, in all commands."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

import imgbudget as package
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

USAGE = Path(__file__).parent.parent / "docs" / "usage.md"
WIDE = image_bytes((1200, 300))

LISTING = {
    "check": ("check",),
    "baseline": ("baseline", "--write", "--force"),
    "plan": ("plan", "--estimate"),
    "split": ("split",),
    "size": ("size",),
    "tiles": ("tiles",),
    "audit": ("audit",),
}
"""The commands that take several files and folders; `legible` has a test for itself, as it needs an extra."""

LISTS = {"plan": "plans", "split": "splits", "size": "sizes", "tiles": "tilings"}
"""What the list of results is called in JSON."""

CODES = {
    #            check, baseline, plan, split, size, tiles, audit
    "missing": (2, 2, 2, 2, 2, 2, 2),
    "cut.png": (1, 0, 2, 2, 2, 2, 0),
    "bad.json": (1, 0, 2, 2, 2, 2, 2),
    "flawed.json": (1, 0, 2, 2, 2, 2, 0),
    "notes.txt": (0, 0, 2, 2, 2, 2, 2),
    "list.json": (0, 0, 2, 2, 2, 2, 2),
    "with-cut": (1, 0, 2, 2, 2, 2, 0),
    "with-notes": (0, 0, 0, 0, 0, 0, 0),
    "from list": (0, 0, 0, 0, 0, 0, 2),
}
"""The exit code of each command for a good request and what is named beside it."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good request, and what cannot be used: broken, without an image or request, or found in a folder."""
    write_json(tmp_path / "good.json", body(image_block(WIDE), "What is this?"))
    (tmp_path / "cut.png").write_bytes(WIDE[:40])
    (tmp_path / "bad.json").write_text('{"model": ')
    flawed = body(image_block(WIDE), "What is this?")
    flawed["messages"][0]["content"][0]["source"]["data"] = "!!!!"
    write_json(tmp_path / "flawed.json", flawed)
    (tmp_path / "notes.txt").write_text("buy milk")
    (tmp_path / "list.json").write_text("[]")
    for name, other in (("with-cut", "cut.png"), ("with-notes", "notes.txt")):
        (tmp_path / name).mkdir()
        write_json(tmp_path / name / "g.json", body(image_block(image_bytes((900, 300))), "What is this?"))
        (tmp_path / name / other).write_bytes((tmp_path / other).read_bytes())
    (tmp_path / "names").write_text("good.json\nnotes.txt\n")
    return tmp_path


@pytest.mark.parametrize("case", CODES)
@pytest.mark.parametrize("command", LISTING)
def test_one_rule_for_all_commands(imgbudget: Command, folder: Path, command: str, case: str) -> None:
    """The exit code, the name of what was not used, and the result for the rest."""
    given = ("--files-from", "names") if case == "from list" else ("good.json", case)
    run = imgbudget(*LISTING[command], *given)
    expected = dict(zip(LISTING, CODES[case], strict=True))[command]
    assert run.code == expected
    assert "Traceback" not in run.err
    if case == "missing":
        assert (run.out, "missing: no such file or folder" in run.err) == ("", True)
        return
    assert run.out != ""
    if expected == 2:
        name = case.replace("with-cut", "with-cut/cut.png").replace("from list", "notes.txt")
        assert re.search(rf"^imgbudget: error: {name}: ", run.err, re.MULTILINE)
    else:
        assert "error: " not in run.err
    if command in ("plan", "split", "size", "tiles"):
        document = imgbudget(*LISTING[command], *given, "--format", "json").json
        unread = document["summary"]["unread"]
        passed = case == "from list" and command in ("size", "tiles")  # they have no list of skipped files
        assert bool(unread) is (expected == 2 or passed)
        rows = document[
            "plans" if command == "plan" else f"{command.removesuffix('s')}s".replace("tile", "tiling")
        ]
        assert any("good.json" in json.dumps(row) for row in rows)


ALONE = {
    "view": ("-o", "page.html"),
    "coords": ("1,1", "--original"),
    "explain": ("Could not process image", "--request"),
    "status": (),
    "rescue": (),
    "send": ("--dry-run",),
}


@pytest.mark.parametrize("name", ["missing", "cut.png", "bad.json", "notes.txt", "list.json"])
@pytest.mark.parametrize("command", ALONE)
def test_commands_for_one_file(imgbudget: Command, folder: Path, command: str, name: str) -> None:
    """They have nothing else to do: the reason, and exit code 2."""
    run = imgbudget(command, *ALONE[command], name)
    assert (run.code, run.out) == (2, "")
    assert name in run.err
    assert "no request: no request" not in run.err
    assert "px, over the" not in run.err
    assert "holds no image" not in run.err or name != "bad.json"
    assert not (folder / "page.html").exists()


def test_why_a_file_holds_no_request(imgbudget: Command, folder: Path) -> None:
    """An image is named as one, not by what a rule finds in it."""
    (folder / "wide.png").write_bytes(image_bytes((1700, 400)))
    run = imgbudget("explain", "Could not process image", "--request", "wide.png")
    assert run.err == "imgbudget: --request wide.png: holds no request: an image, not a request\n"
    run = imgbudget("split", "wide.png", "good.json")
    assert "error: wide.png: not split: an image, not a request" in run.err
    run = imgbudget("view", "flawed.json", "-o", "page.html")
    assert (
        "flawed.json: messages.0.content.0: its base64 text holds characters outside the alphabet" in run.err
    )


def test_excluded_files_are_no_mistake(imgbudget: Command, folder: Path) -> None:
    """Nor is a file that is named twice."""
    (folder / "imgbudget.yaml").write_text("exclude: [good.json]\n")
    assert imgbudget("plan", "good.json", "--force-exclude").code == 0
    (folder / "imgbudget.yaml").unlink()
    for command in ("plan", "split", "size", "tiles"):
        assert imgbudget(command, "good.json", "./good.json").code == 0


def test_python_says_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not used is in `unread`; nothing at all is an error."""
    monkeypatch.chdir(folder)
    for function in (package.plan, package.split):
        report = function(["good.json", "notes.txt"])
        assert [text.partition(":")[0] for text in report.unread] == ["notes.txt"]
        with pytest.raises(package.UsageError, match=r"notes\.txt"):
            function(["notes.txt"])


def test_tiles_of_several_models(imgbudget: Command, folder: Path) -> None:
    """Those that can be cut are, and of the others it is said why not."""
    for name in ("a", "b"):
        (folder / "tall" / name).mkdir(parents=True)
        (folder / "tall" / name / "x.png").write_bytes(WIDE)
    (folder / "tall" / "a" / "imgbudget.yaml").write_text("model: gpt-5.4\n")
    run = imgbudget("tiles", "tall", "--format", "json")
    assert (run.code, [row["path"] for row in run.json["tilings"]]) == (2, ["tall/b/x.png"])
    reason = "tiles are computed for Claude's patches of 28 px; gpt-5.4 does not use them"
    assert run.json["summary"]["unread"] == [
        {"path": "tall/a/x.png", "place": "tall/a/x.png", "reason": reason}
    ]
    assert f"error: tall/a/x.png: {reason}" in run.err
    report = package.tiles("tall")
    assert ([one.path for one in report], report.unread) == (["tall/b/x.png"], (f"tall/a/x.png: {reason}",))
    run = imgbudget("tiles", "tall/a")
    assert (run.code, run.out) == (2, "")


@pytest.mark.skipif(importlib.util.find_spec("rapidocr") is None, reason="needs the extra text")
def test_legible(imgbudget: Command, folder: Path) -> None:
    """By the same rule: a text that is named, and a broken image in a folder."""
    run = imgbudget("legible", "good.json", "notes.txt", "with-cut", "--jobs", "1")
    assert run.code == 2
    assert "good.json" in run.out
    assert "error: notes.txt: not read: neither an image nor a request: plain text" in run.err
    assert imgbudget("legible", "with-notes").code == 0


def test_the_documentation_has_the_rule() -> None:
    """The table names each command of the matrix."""
    text = USAGE.read_text("utf-8").partition("| what cannot be used |")[2].partition("\n\n")[0]
    assert set(LISTING) | {"legible"} == set(re.findall(r"`(\w+)`", text.partition("\n")[0]))


@pytest.mark.parametrize("command", LISTING)
def test_an_empty_folder(imgbudget: Command, folder: Path, command: str) -> None:
    """Nothing is found in it, which each command says, and which is an error where a result is expected."""
    (folder / "empty").mkdir()
    done = imgbudget(*LISTING[command], "empty")
    assert done.code == (2 if command in {"size", "tiles", "audit"} else 0)
    assert re.search(r"no (files|requests) found|holds no image|no image was found", done.err)
