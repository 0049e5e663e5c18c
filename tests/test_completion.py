"""Shell completion: what is offered for a word, and the documented lines that switch it on."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from imgbudget.cli.group import cli
from imgbudget.cli.main import COMMANDS, load
from imgbudget.cli.options import CLIENTS
from imgbudget.limits.clients import CLIENT_NAMES

USAGE = Path(__file__).resolve().parents[1] / "docs" / "usage.md"
BIN = Path(sys.executable).parent


def offered(folder: Path, line: str) -> list[str]:
    """What bash is offered at the end of a line, as click's own protocol has it."""
    done = subprocess.run(
        [str(BIN / "imgbudget")],
        cwd=folder,
        env=os.environ
        | {
            "_IMGBUDGET_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(line.count(" ")),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "items"),
    [
        ("imgbudget che", ["plain,check"]),
        ("imgbudget check --format sa", ["plain,sarif"]),
        ("imgbudget check pho", ["file,pho"]),
        ("imgbudget check --config ", ["file,"]),
        ("imgbudget init ", ["dir,"]),
        ("imgbudget rule ib20", [f"plain,IB20{i}" for i in range(1, 7)]),
        ("imgbudget rule exif", ["plain,exif-rotation"]),
        ("imgbudget rule nothing", []),
    ],
)
def test_words_are_completed(tmp_path: Path, line: str, items: list[str]) -> None:
    """Commands, formats, files, folders and rules."""
    assert offered(tmp_path, line) == items


def test_mistaken_configuration_completes_nothing(tmp_path: Path) -> None:
    """A shell that completes shows no error of ours."""
    (tmp_path / "imgbudget.yaml").write_text("modle: x\n")
    assert offered(tmp_path, "imgbudget rule IB") == []


def test_documented_line_switches_completion_on(tmp_path: Path) -> None:
    """The line for bash, sourced, leaves a completion for imgbudget."""
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    text = USAGE.read_text("utf-8")
    assert re.findall(r"_IMGBUDGET_COMPLETE=(\w+)_source imgbudget", text) == ["bash", "zsh", "fish"]
    (line,) = re.findall(r"^(eval .*bash_source imgbudget\)\")", text, re.MULTILINE)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", f"{line}; complete -p imgbudget"],
        cwd=tmp_path,
        env={"PATH": f"{BIN}:{os.defpath}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("imgbudget")


SHELLS = (BashComplete, ZshComplete, FishComplete)


def items(shell: type[ShellComplete], words: list[str], begun: str) -> list[str]:
    """What a shell offers for a word that is begun, behind others."""
    complete = shell(cli, {}, "imgbudget", "_IMGBUDGET_COMPLETE")
    found = complete.get_completions(words, begun)
    assert all(complete.format_completion(item) for item in found)
    return [item.value for item in found]


VALUES = {
    "--model": ("claude-sonnet-4-", "claude-sonnet-4-6"),
    "--platform": ("bed", "bedrock"),
    "--client": ("co", "codex"),
    "--select": ("ib20", "IB201"),
    "--extend-select": ("IB201,exif", "IB201,exif-rotation"),
    "--ignore": ("", "IB001"),
    "--detail": ("ultra", "ultra_high"),
    "--target": ("same", "same:0.99"),
    "--budget": ("request.cost=1,request.t", "request.cost=1,request.tokens="),
}
"""Options whose values are known, with a word that is begun, and one of those that are offered."""


@pytest.mark.parametrize("name", COMMANDS)
def test_known_values_are_completed_in_every_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Models, platforms, agents and rules; files and folders wherever an option takes one."""
    monkeypatch.chdir(tmp_path)
    for field in load(name).fields():
        parameter = field.parameter
        if not parameter.names or parameter.is_flag:
            continue
        option = parameter.names[-1]
        if option in VALUES:
            begun, offered_one = VALUES[option]
            assert offered_one in items(BashComplete, [name, option], begun)
        elif parameter.metavar in {"FILE", "DIR", "REPORT"}:
            kinds = BashComplete(cli, {}, "imgbudget", "X").get_completions([name, option], "x")
            assert {item.type for item in kinds} <= {"file", "dir"}
            assert kinds


@pytest.mark.parametrize("shell", SHELLS)
def test_models_and_platforms_in_each_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shell: type[ShellComplete]
) -> None:
    """Also behind a comma where several are taken; none where the configuration has mistakes."""
    monkeypatch.chdir(tmp_path)
    assert items(shell, ["check", "--platform"], "an") == ["anthropic"]
    several = items(shell, ["plan", "--model"], "gpt-4o,claude-sonnet-4-6")
    assert several == ["gpt-4o,claude-sonnet-4-6"]
    assert items(shell, ["size", "--model"], "al") == ["all"]
    assert "all" not in items(shell, ["check", "--model"], "")
    assert items(shell, ["plan", "--target"], "na") == ["native"]
    assert "image.tokens=" in items(shell, ["plan", "--budget"], "")
    assert items(shell, ["split", "--budget"], "i") == []
    assert items(shell, ["check", "--budget"], "run.b") == ["run.bytes="]
    (tmp_path / "imgbudget.yaml").write_text("modle: x\n")
    assert items(shell, ["check", "--model"], "") == []


def test_clients_are_those_that_are_known() -> None:
    """The list of the options is one that a start need not load."""
    assert CLIENTS == CLIENT_NAMES
