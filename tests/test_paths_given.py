"""Paths that a command is given: a missing one has the same wording everywhere, and lists of paths."""

import sys
from pathlib import Path

import pytest

from imgbudget.cli.main import COMMANDS, load
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

GONE = {
    "check": ("gone.png",),
    "plan": ("gone.png",),
    "split": ("gone.json",),
    "tiles": ("gone.png",),
    "audit": ("gone.zip",),
    "size": ("gone.png",),
    "view": ("gone.png", "-o", "x.html"),
    "coords": ("1,2", "--original", "gone.png"),
    "crop": ("gone.png", "1,2,3,4"),
    "limits": ("--limits", "gone.yaml"),
    "explain": ("gone.jsonl",),
    "status": ("gone.jsonl",),
    "rescue": ("gone.jsonl",),
    "send": ("gone.json", "--dry-run"),
    "mcp": ("--root", "gone"),
    "lsp": ("--limits", "gone.yaml"),
    "init": ("gone",),
    "baseline": ("--write", "gone.png"),
    "rule": ("IB201", "--config", "gone.yaml"),
    "verify": ("--config", "gone.yaml"),
    "legible": ("gone.png",),
}
WITHOUT = {"hook", "clean", "lsp"}
"""Commands that are given no path that must exist: hooks go on, whatever happens."""


def test_every_command_is_listed() -> None:
    """A new command says what it does without its file."""
    assert set(GONE) | WITHOUT >= set(COMMANDS)


@pytest.mark.parametrize("name", GONE)
def test_a_missing_file_has_one_wording(imgbudget: Command, name: str) -> None:
    """The name, and that there is no such file or folder; exit code 2, and nothing on standard output."""
    run = imgbudget(name, *GONE[name])
    if "extra" in run.err:
        pytest.skip("needs an extra")
    (gone,) = (word for word in GONE[name] if word.startswith("gone"))
    assert (run.code, run.out) == (2, "")
    assert f"{gone}: no such file or folder" in run.err


@pytest.mark.parametrize(
    "options",
    [
        ("check", "--config", "gone"),
        ("check", "--limits", "gone"),
        ("check", "--baseline", "gone"),
        ("check", "--compare", "gone"),
        ("check", "--files-from", "gone"),
        ("audit", ".", "--compare", "gone"),
        ("audit", ".", "--against", "gone"),
        ("explain", "text", "--request", "gone"),
    ],
)
def test_so_do_files_of_options(imgbudget: Command, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Whatever the file is for."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    run = imgbudget(*options)
    assert (run.code, run.out) == (2, "")
    assert "gone: no such file or folder" in run.err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images and a request; names with a blank, a letter outside ASCII, and a dash in front."""
    for name in ("a b.png", "ä.png", "-j.png"):
        (tmp_path / name).write_bytes(image_bytes((3000, 2000)))
    write_json(tmp_path / "r.json", body(image_block(image_bytes((3000, 2000)))))
    return tmp_path


LISTS = {
    "lines": "a b.png\nä.png\n-j.png\n".encode(),
    "windows": "\ufeffa b.png\r\n\r\nä.png\r\n-j.png".encode(),
    "powershell": "\ufeffa b.png\r\nä.png\r\n-j.png\r\n".encode("utf-16-le"),
    "nul": "a b.png\0ä.png\0-j.png\0".encode(),
    "git": b'"a b.png"\n"\\303\\244.png"\n-j.png\n',
}


@pytest.mark.parametrize("kind", LISTS)
def test_lists_of_paths(imgbudget: Command, folder: Path, kind: str) -> None:
    """One a line or ended by NUL, as git, find and PowerShell write them; from a file or standard input."""
    (folder / "list").write_bytes(LISTS[kind])
    wanted = ["-j.png", "a b.png", "ä.png"]
    for arguments, stdin in (("list", b""), ("-", LISTS[kind])):
        options = ("--files-from", arguments, "--format", "json", "--select", "IB201")
        run = imgbudget("check", *options, stdin=stdin)
        assert sorted(one["path"] for one in run.json["images"]) == wanted
        assert run.code == 1


@pytest.mark.parametrize("name", [name for name in COMMANDS if hasattr(load(name).options, "files_from")])
def test_every_command_of_several_paths_takes_a_list(imgbudget: Command, folder: Path, name: str) -> None:
    """With the result of the same paths as arguments, and beside others."""
    (folder / "list").write_text("a b.png\n" if name == "tiles" else "r.json\n")
    path = (folder / "list").read_text().strip()
    more = ("--write", "--baseline", "known.json", "--force") if name == "baseline" else ()
    listed, named = imgbudget(name, "--files-from=list", *more), imgbudget(name, *more, "--", path)
    assert listed == named
    if "extra" not in named.err:
        assert named.code in (0, 1)


@pytest.mark.parametrize("name", ["size", "tiles"])
def test_what_a_list_names_beside_images_is_passed_over(imgbudget: Command, folder: Path, name: str) -> None:
    """As git lists it: configurations, code; a missing file is an error, and so is a list without images."""
    (folder / "imgbudget.yaml").write_text("ignore: [IB1]\n")
    (folder / "list").write_text("imgbudget.yaml\na b.png\nlist\n100x200\n")
    run = imgbudget(name, "--files-from", "list", "--format", "json")
    assert run.code == 0
    assert [one["path"] for one in run.json["sizes" if name == "size" else "tilings"]] == ["a b.png", None]
    assert "warning: imgbudget.yaml: not an image or a request\n" in run.err
    (folder / "list").write_text("a b.png\ngone.png\n")
    run = imgbudget(name, "--files-from", "list")
    assert (run.code, run.out, run.err) == (2, "", "imgbudget: gone.png: no such file or folder\n")
    (folder / "list").write_text("imgbudget.yaml\n")
    run = imgbudget(name, "--files-from", "list")
    assert (run.code, run.out, run.err) == (2, "", "imgbudget: imgbudget.yaml: not an image or a request\n")
    assert imgbudget(name, "a b.png", "imgbudget.yaml").code == 2


def test_which_commands_take_a_list() -> None:
    """All that take several paths."""
    several = {
        name
        for name in COMMANDS
        for field in load(name).fields()
        if field.parameter.many and field.parameter.complete and not field.parameter.names
    }
    assert several == {name for name in COMMANDS if hasattr(load(name).options, "files_from")}
    assert several == {"check", "plan", "split", "tiles", "audit", "size", "legible", "baseline"}


def test_a_list_beside_arguments_and_an_empty_one(imgbudget: Command, folder: Path) -> None:
    """Both count; an empty list is not the current folder, and an error where something is needed."""
    (folder / "list").write_text("r.json\n")
    run = imgbudget("check", "ä.png", "--files-from", "list", "--format", "json")
    assert sorted({one["path"] for one in run.json["images"]}) == ["r.json", "ä.png"]
    (folder / "list").write_text("\n\n")
    for name in ("check", "plan"):
        run = imgbudget(name, "--files-from", "list")
        assert (run.code, "no files found" in run.err) == (0, True)
    for name in ("audit", "split", "tiles"):
        run = imgbudget(name, "--files-from", "list")
        assert (run.code, run.out) == (2, "")
        assert "--files-from list: names no file" in run.err
        run = imgbudget(name)
        assert (run.code, "or --files-from FILE" in run.err) == (2, True)


def test_several_lists(imgbudget: Command, folder: Path) -> None:
    """The paths of all of them count, not those of the last one alone."""
    (folder / "one").write_text("r.json\n")
    (folder / "two").write_text("ä.png\n")
    (folder / "none").write_text("\n")
    run = imgbudget("check", "--files-from", "one", "--files-from=two", "--format", "json")
    assert sorted({one["path"] for one in run.json["images"]}) == ["r.json", "ä.png"]
    run = imgbudget("tiles", "--files-from", "none", "--files-from", "none")
    assert (run.code, "--files-from none, none: names no file" in run.err) == (2, True)


def test_a_list_that_is_an_image(imgbudget: Command, folder: Path) -> None:
    """Ten of its pieces are named, and the others counted."""
    (folder / "list").write_bytes(b"\n".join(b"\x89%d" % number for number in range(300)))
    for name in ("check", "plan"):
        run = imgbudget(name, "--files-from", "list")
        assert (run.code, run.out, len(run.err.splitlines())) == (2, "", 11), name
        assert run.err.endswith("imgbudget: 290 more of the 300 paths do not exist\n")


def test_lists_that_make_no_sense(imgbudget: Command, folder: Path) -> None:
    """Missing files are errors, - in a list is a file, and output never replaces the list or its files."""
    (folder / "list").write_text("ä.png\ngone.png\n")
    run = imgbudget("check", "--files-from", "list")
    assert (run.code, run.out, run.err) == (2, "", "imgbudget: gone.png: no such file or folder\n")
    run = imgbudget("check", "-", "--files-from", "-", stdin=b"a.png\n")
    assert (run.code, "cannot be both" in run.err) == (2, True)
    (folder / "list").write_text("-\n")
    assert "./-: no such file or folder" in imgbudget("check", "--files-from", "list", stdin=b"x").err
    (folder / "list").write_text("r.json\n")
    for file in ("list", "r.json"):
        run = imgbudget("check", "--files-from", "list", "--format", f"json:{file}")
        assert (run.code, f"{file}: is read by this command" in run.err) == (2, True)


@pytest.mark.skipif(sys.platform == "win32", reason="needs names that are no text")
def test_names_that_are_no_text(imgbudget: Command, tmp_path: Path) -> None:
    """Bytes of names stay as they are, and a NUL-ended name may contain a line feed."""
    for name in (b"\xff.png", b"a\nb.png"):
        Path(str(tmp_path) + "/" + name.decode("utf-8", "surrogateescape")).write_bytes(image_bytes())
    run = imgbudget("check", "--files-from", "-", "--format", "json", stdin=b"\xff.png\0a\nb.png\0")
    assert run.json["summary"]["images"] == 2
