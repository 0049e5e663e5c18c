"""Shell completion: what is offered for a word, and the documented lines that switch it on."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
