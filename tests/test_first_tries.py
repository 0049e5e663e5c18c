"""What somebody tries first who does not know the command: no silence, no riddle, no traceback."""

from pathlib import Path

import pytest

from tests.builders import image_bytes
from tests.conftest import Command


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image, a folder and a text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(image_bytes((300, 300)))
    (tmp_path / "notes.txt").write_text("buy milk")
    (tmp_path / "sub").mkdir()
    return tmp_path


def test_the_command_alone_shows_its_help(imgbudget: Command) -> None:
    """In lines, as `--help` does."""
    run = imgbudget()
    assert (run.code, run.out) == (2, "")
    assert run.err == imgbudget("--help").out
    assert run.err.count("\n") > 20
    assert "Error" not in run.err


TRIES = {
    ("check", "a.png", "--select", "IB2x"): "unknown rule 'IB2x'; did you mean 'IB201'?",
    ("check", "a.png", "--client", "foo"): "unknown client 'foo'; known are claude-code, codex, ",
    ("check", "a.png", "--limits", "notes.txt"): "notes.txt: must be a mapping, not a single value",
    ("check", "a.png", "-j", "x"): "'x' is not a valid integer.",
    ("check", "a.png", "--fix", "--output-dir", "notes.txt"): "notes.txt: is a file, not a folder",
    ("check", "a.png", "--format", "json:sub"): "sub: cannot be written: is a folder, not a file",
    ("check", "--files-from", "sub"): "--files-from sub: cannot be read: is a folder, not a file",
    ("check", "a.png", "--show-files", "--show-settings"): "exclude each other",
    ("check", "a.png", "--stdin-filename", "b.png"): "--stdin-filename goes with -",
    ("check", "a.png", "--model", ""): "--model: no model is named",
    ("plan", "a.png", "--model", ","): "no model is named",
    ("size", "a.png", "--model", ""): "no model is named",
    ("audit", "a.png", "--model", ""): "no model is named",
    ("plan", "a.png", "--keep", "7"): "--keep goes with --resend",
    ("rule", "IB201", "--all"): "give a rule's code or name, or --all, not both",
    ("help",): "no such command 'help'. Did you mean 'imgbudget --help'?",
    ("help", "plan"): "no such command 'help'. Did you mean 'imgbudget plan --help'?",
    ("version",): "no such command 'version'. Did you mean 'imgbudget --version'?",
    (
        "--verbose",
        "check",
        "a.png",
    ): "no option '--verbose' before the command; write it behind: imgbudget check",
    ("-q", "check", "a.png"): "write it behind: imgbudget check -q",
    ("plan", "a.png", "--fix"): "Did you mean --apply?",
    ("size", "-"): "-: images are not read from standard input here; name a file",
    ("tiles", "-"): "-: images are not read from standard input here; name a file",
}


@pytest.mark.parametrize("arguments", TRIES, ids=" ".join)
def test_what_is_wrong_is_said(imgbudget: Command, arguments: tuple[str, ...]) -> None:
    """With the remedy, and exit code 2; nothing is shown as if all was well."""
    run = imgbudget(*arguments)
    assert (run.code, run.out) == (2, "")
    assert TRIES[arguments] in run.err
