"""Every command that prints a result has --format, with the same names; exit codes are documented."""

import json
import re
from pathlib import Path

import pytest

from imgbudget.cli.main import COMMANDS, load
from tests.agentsessions import coded, pi_header, pi_image, pi_message, write_lines
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

USAGE = Path(__file__).parents[1] / "docs" / "usage.md"

WITHOUT_FORMAT = {"hook", "mcp", "lsp"}
"""They speak the protocol of an agent or an editor."""

FINE = {
    "check": ("small.png",),
    "plan": ("small.png",),
    "split": ("r.json",),
    "tiles": ("small.png",),
    "audit": ("small.png",),
    "size": ("1920x1080",),
    "legible": ("small.png",),
    "view": ("small.png", "-o", "page.html"),
    "coords": ("1,2", "--original", "1920x1080"),
    "crop": ("small.png", "1,2,30,40"),
    "rule": ("IB201",),
    "limits": (),
    "explain": ("image exceeds 5 MB maximum: 5316852 bytes > 5242880 bytes",),
    "status": ("r.json",),
    "rescue": ("s.jsonl", "--dry-run"),
    "send": ("r.json", "--dry-run"),
    "init": ("--dry-run",),
    "baseline": ("--write", "small.png"),
    "clean": (),
}
"""Each command with a result and nothing to complain of."""

FOUND = {
    "check": ("large.png",),
    "plan": ("r.json", "--budget", "request.bytes=1KB"),
    "split": ("r.json", "--budget", "request.bytes=1KB"),
    "audit": ("large.png", "--fail-on", "warning"),
    "explain": ("nothing that is known",),
}
"""Those that find something, with exit code 1."""


@pytest.fixture(autouse=True)
def folder(imgbudget: Command, tmp_path: Path) -> Path:
    """Two images, a request, and a session of an agent."""
    (tmp_path / "small.png").write_bytes(image_bytes((560, 560)))
    (tmp_path / "large.png").write_bytes(image_bytes((4000, 3000)))
    write_lines(tmp_path / "s.jsonl", pi_header(), pi_message("user", "1", None, pi_image(coded(100))))
    write_json(tmp_path / "r.json", body(image_block(image_bytes((560, 560)))))
    return tmp_path


def test_every_command_has_the_same_formats() -> None:
    """`full` is the text, the default and first; `json` is there too."""
    for name in COMMANDS:
        formats = load(name).formats
        if name in WITHOUT_FORMAT:
            assert not formats
        else:
            assert (formats[0], "json" in formats) == ("full", True)


@pytest.mark.parametrize("name", FINE)
def test_formats_streams_and_exit_code_0(imgbudget: Command, folder: Path, name: str) -> None:
    """Text under both of its names, and JSON, which is all that is on standard output, or in a file."""
    runs = {}
    for form in ("full", "text", "json", "json:out.json"):
        for made in ("page.html", "small.1-2-29x38.png", ".imgbudget-baseline.json"):
            (folder / made).unlink(missing_ok=True)
        run = imgbudget(name, *FINE[name], "--format", form)
        if "needs an extra" in run.err or "pip install" in run.err:
            pytest.skip("needs an extra")
        for crop in folder.glob("small.*x*.png"):
            crop.unlink()
        runs[form] = run
    assert {run.code for run in runs.values()} == {0}
    assert runs["full"].out == runs["text"].out != ""
    assert json.loads(runs["json"].out) == json.loads((folder / "out.json").read_text())
    assert runs["json:out.json"].out == ""
    assert not [run.err for run in runs.values() if "Traceback" in run.err]


@pytest.mark.parametrize("name", FOUND)
def test_exit_code_1(imgbudget: Command, name: str) -> None:
    """Results are on standard output also where something was found."""
    run = imgbudget(name, *FOUND[name])
    assert (run.code, run.out != "") == (1, True)


@pytest.mark.parametrize("name", COMMANDS)
def test_exit_code_2(imgbudget: Command, name: str) -> None:
    """A mistake of use: nothing on standard output, and the message on standard error; 1 from a hook."""
    run = imgbudget(name, *FINE.get(name, ()), "--nonsense")
    assert (run.code, run.out) == (1 if name == "hook" else 2, "")
    assert "No such option" in run.err
    if name not in WITHOUT_FORMAT:
        run = imgbudget(name, *FINE.get(name, ()), "--format", "xml")
        assert (run.code, run.out) == (2, "")
        assert "unknown format 'xml'; known are full, " in run.err


def test_the_table_of_exit_codes_has_every_command() -> None:
    """Each row of the documentation names codes and what goes where."""
    text = USAGE.read_text("utf-8").partition("## Exit codes and streams")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \|(.+)\|$", text, re.MULTILINE))
    assert set(rows) | {"lsp"} == {*COMMANDS, "lsp"}
    for name, row in rows.items():
        one = row.split("|")[1].strip()
        assert (one not in {"", "–"}) or name not in FOUND


def test_show_files_and_packs_as_json(imgbudget: Command) -> None:
    """What is printed instead of a result has the formats too."""
    found = imgbudget("check", ".", "--show-files", "--format", "json").json
    assert sorted(found["files"]) == ["large.png", "r.json", "s.jsonl", "small.png"]
    assert "small.png\n" in imgbudget("check", ".", "--show-files").out
    assert imgbudget("check", ".", "--show-files", "--format", "sarif").code == 2
    assert "imgbudget_rules" in [one["name"] for one in imgbudget("rule", "--packs", "--format", "json").json]


def test_what_commands_that_write_print_as_json(imgbudget: Command) -> None:
    """A baseline, a configuration, the cache, a page: what was written, and how much."""
    made = imgbudget("baseline", "--write", ".", "--format", "json")
    assert (made.json["baseline"], made.json["written"]) == (".imgbudget-baseline.json", 2)
    pruned = imgbudget("baseline", "--prune", "small.png", "--format", "json").json
    assert {name: pruned[name] for name in ("removed", "left", "new")} == {"removed": 0, "left": 2, "new": 0}
    first = imgbudget("init", "--format", "json").json
    assert (first["path"], first["written"]) == (".imgbudget.yaml", True)
    assert "model:" in first["configuration"]
    assert imgbudget("clean", "--format", "json").json["folder"]
    run = imgbudget("view", "small.png", "-o", "-", "--format", "json")
    assert (run.code, "cannot both go to standard output" in run.err) == (2, True)
    options = ("--model", "gpt-4o,claude-sonnet-4-6", "--format", "json")
    seen = imgbudget("view", "small.png", "-o", "p.html", *options)
    assert [one["model"] for one in seen.json["sizes"]] == ["gpt-4o", "claude-sonnet-4-6"]
