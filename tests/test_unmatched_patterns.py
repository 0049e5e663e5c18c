"""A file pattern of a configuration that matches no file is named, once, where that can be known."""

from pathlib import Path

import pytest

import imgbudget as package
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session, run
from tests.builders import image_bytes
from tests.configs import write
from tests.conftest import Command

IMAGE = image_bytes((300, 300))
ABSENT = "matches no file that this configuration holds for; correct or remove it"


def put(root: Path, *names: str) -> None:
    """Write small images."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(IMAGE)


def unmatched(err: str) -> list[str]:
    """What is said of patterns without a file, each as place and pattern."""
    found = [line for line in err.splitlines() if ABSENT in line]
    return [line.removeprefix("imgbudget: warning: ").removesuffix(f" {ABSENT}") for line in found]


@pytest.mark.parametrize(
    "include", ["[]", "[p/]", "['*.png']", "[p/**, '!p/b.png']", "['**/q/*', '[ab].png']"]
)
def test_patterns_that_match(imgbudget: Command, tmp_path: Path, include: str) -> None:
    """Of a file, of a folder around it or above that, or of what is taken back."""
    put(tmp_path, "a.png", "p/q/c.png", "p/b.png")
    write(tmp_path, f"include: {include}\n" if include != "[]" else "model: claude-opus-4-8\n")
    assert unmatched(imgbudget("check", ".").err) == []


def test_one_misspelt_pattern_among_several(imgbudget: Command, tmp_path: Path) -> None:
    """It is named with its file and line, in every list that says which files something holds for."""
    put(tmp_path, "a.png", "p/b.png")
    write(
        tmp_path,
        "include:\n  - a.png\n  - pp/**\n  - p/\n"
        "overrides:\n  - files: [p/*, q/*]\n    ignore: [IB2]\n"
        "ignores:\n  - rules: [IB2]\n    files: ['*.png', '*.pgn']\n    reason: known\n",
    )
    run = imgbudget("check", ".", "--no-cache")
    assert unmatched(run.err) == [
        'imgbudget.yaml:3: include[1]: "pp/**"',
        'imgbudget.yaml:6: overrides[0].files[1]: "q/*"',
        'imgbudget.yaml:10: ignores[0].files[1]: "*.pgn"',
    ]
    assert imgbudget("check", ".", "--no-cache", "--select", "IB2").code == 0


def test_every_command_that_searches_folders(imgbudget: Command, tmp_path: Path) -> None:
    """They read no more than the configuration includes."""
    put(tmp_path, "a.png")
    write(tmp_path, "include: [a.png, b.png]\n")
    expected = ['imgbudget.yaml:1: include[1]: "b.png"']
    for command in (["check"], ["check", "--fix"], ["plan"], ["split"], ["size"], ["baseline", "--write"]):
        assert unmatched(imgbudget(*command, ".").err) == expected, command
    notes = package.check(str(tmp_path)).notes
    assert [note.endswith(ABSENT) for note in notes] == [True]


def test_only_where_it_can_be_known(imgbudget: Command, tmp_path: Path) -> None:
    """Not for named files, as hooks name them, nor where only a part of the folder was searched."""
    put(tmp_path, "a.png", "p/b.png", "q/c.png")
    write(tmp_path, "include: [a.png, 'p/x.png', '*.jpg', 'p/b.png', 'q/*.png']\n")
    assert unmatched(imgbudget("check", "a.png", "p/b.png").err) == []
    assert unmatched(imgbudget("check", "--force-exclude", "p/b.png").err) == []
    assert unmatched(imgbudget("check", "q").err) == []
    assert unmatched(imgbudget("check", "p").err) == ['imgbudget.yaml:1: include[1]: "p/x.png"']
    assert unmatched(imgbudget("check", "p", "a.png", ".").err) == [
        'imgbudget.yaml:1: include[1]: "p/x.png"',
        'imgbudget.yaml:1: include[2]: "*.jpg"',
    ]
    write(tmp_path, "include: [a.png, p/x.png]\nexclude: [p, gone/**]\n")
    assert unmatched(imgbudget("check", "--force-exclude", "p").err) == []


def test_a_folder_that_cannot_be_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in it is not known."""
    put(tmp_path, "a.png", "p/b.png")
    write(tmp_path, "include: [a.png, p/b.png]\n")
    monkeypatch.chdir(tmp_path)
    session = Session(RunOptions(nested=True))
    found = session.walk(".")
    for _ in found:
        for path in (tmp_path / "p").iterdir() if (tmp_path / "p").exists() else ():
            path.unlink()
        if (tmp_path / "p").exists():
            (tmp_path / "p").rmdir()
    assert session.context.paths.watch.pending == {"p/b.png"}
    assert session.context.paths.watch.absent == set()


def test_an_entry_whose_patterns_all_match_nothing(imgbudget: Command, tmp_path: Path) -> None:
    """What is said is about the whole entry, once."""
    put(tmp_path, "a.png")
    write(tmp_path, "overrides:\n  - files: [p/*, q/*]\n    ignore: [IB2]\n")
    run = imgbudget("check", ".")
    assert unmatched(run.err) == []
    assert run.err.count("the override for p/*, q/* holds for no file that was checked") == 1


def test_nested_configurations(imgbudget: Command, tmp_path: Path) -> None:
    """A pattern that they inherit may match in their folders; it is shown as it was written."""
    put(tmp_path, "a/b/x.png", "c/y.png")
    write(tmp_path, "include: ['x.png', 'y.png', 'z.png']\n")
    write(tmp_path / "a/b", "inherit: true\noverrides:\n  - {files: [x.png, xx.png], ignore: [IB2]}\n")
    assert unmatched(imgbudget("check", ".").err) == [
        'imgbudget.yaml:1: include[2]: "z.png"',
        'a/b/imgbudget.yaml:3: overrides[0].files[1]: "xx.png"',
    ]


def test_a_copied_note_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many folders inherit the pattern, and however often a session searches."""
    put(tmp_path, "a/x.png", "b/x.png", "c/x.png")
    write(tmp_path, "include: ['x.png', 'z.png']\n")
    for name in "abc":
        write(tmp_path / name, "inherit: true\n")
    monkeypatch.chdir(tmp_path)
    session = Session(RunOptions(nested=True))
    for _ in range(2):
        run(session, ".")
    assert [note for note in session.notes if ABSENT in note] == [
        f'imgbudget.yaml:1: include[1]: "z.png" {ABSENT}'
    ]
