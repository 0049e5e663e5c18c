"""What depends on where output goes: colour, progress with the time left, and encodings without an arrow."""

import ast
import io
import sys
from collections.abc import Callable
from pathlib import Path
from unicodedata import category

import pytest

from imgbudget.auditing.work import PartitionSummary
from imgbudget.cli import output
from imgbudget.cli.main import main
from imgbudget.printable import READABLE
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

ROOT = Path(__file__).parents[1]


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.mark.parametrize(
    ("environment", "terminal", "colour"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ({"FORCE_COLOR": ""}, False, False),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
)
def test_colour(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], *, terminal: bool, colour: bool
) -> None:
    """On a terminal, unless NO_COLOR is set; FORCE_COLOR elsewhere too; --color counts more than both."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = Screen() if terminal else io.StringIO()
    assert output.wants_colour("auto", stream) is colour
    assert output.wants_colour("always", stream)
    assert not output.wants_colour("never", stream)


def test_forced_colour_is_in_no_file(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor in JSON."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    (tmp_path / "a.png").write_bytes(image_bytes((3000, 2000)))
    run = imgbudget(
        "check", "a.png", "--format", "full", "--format", "concise:c.txt", "--format", "json:a.json"
    )
    assert "\x1b[" in run.out
    assert "\x1b" not in (tmp_path / "c.txt").read_text() + (tmp_path / "a.json").read_text()


def a_screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Standard error is a terminal from now on, and each look at the clock is a second later."""
    seconds = iter(range(10_000))
    monkeypatch.setattr(output, "monotonic", lambda: next(seconds))
    shown = Screen()
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


def lines(screen: Screen) -> list[str]:
    """What was shown in place, one after the other."""
    return [line.removesuffix("\x1b[K") for line in screen.getvalue().split("\r") if line]


def test_progress_says_how_long_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the second second on, where the total is known; the last line makes room."""
    screen = a_screen(monkeypatch)
    progress = output.Progress(wanted=True)
    progress.at(1, 10)
    progress.at(2, 10)
    progress.at(3)
    progress.clear()
    assert lines(screen) == ["1 of 10 files", "2 of 10 files, about 8 s left", "3 files", ""]


@pytest.mark.parametrize(
    ("done", "total", "seconds", "text"),
    [
        (5, 10, 1.9, ""),
        (5, None, 60, ""),
        (0, 10, 60, ""),
        (11, 10, 60, ""),
        (10, 10, 60, ", about 0 s left"),
        (5, 10, 59, ", about 59 s left"),
        (1, 3, 65, ", about 2 min 10 s left"),
        (1, 101, 43.2, ", about 1 h 12 min left"),
    ],
)
def test_time_left(done: int, total: int | None, seconds: float, text: str) -> None:
    """At the rate so far."""
    assert output.time_left(done, total, seconds) == text


def test_progress_of_an_audit_leaves_out_what_was_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions of an earlier run took no time."""
    screen = a_screen(monkeypatch)
    progress = output.AuditProgress(wanted=True)
    assert progress.wants_total
    progress.at(PartitionSummary(partitions=4, images=4000), 10, 3)
    progress.at(PartitionSummary(partitions=5, images=5000), 10, 3)
    progress.clear()
    assert [line.rpartition(", ")[2] for line in lines(screen)] == ["0.00 GB", "about 5 s left", ""]


@pytest.mark.usefixtures("imgbudget")
def test_runs_count_their_files_for_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In all commands over many files; with -q and --no-progress nothing is shown."""
    screen = a_screen(monkeypatch)
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(image_bytes((3000, 2000 + number)))
    for arguments, shown in (
        (["check", "."], "of 4 files, about "),
        (["plan", ".", "--estimate"], "of 4 files, about "),
        (["audit", "."], "4 images"),
        (["check", ".", "--no-progress"], ""),
        (["plan", ".", "-q"], ""),
    ):
        screen.truncate(0)
        with pytest.raises(SystemExit):
            main(arguments)
        assert (shown in screen.getvalue()) if shown else ("\r" not in screen.getvalue())


class Ascii(io.TextIOWrapper):
    """A stream of an encoding that has ASCII only, as of PYTHONIOENCODING=ascii."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="ascii")

    def text(self) -> str:
        """What was written."""
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode("ascii")


Shown = Callable[..., tuple[str, str]]


@pytest.fixture
def ascii_only(imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shown:
    """The command, with streams that have ASCII only."""
    del imgbudget  # it sets up the folder
    (tmp_path / "ä→.png").write_bytes(image_bytes((3000, 2000)))
    write_json(tmp_path / "r.json", body(image_block(image_bytes((3000, 2000)))))

    def run(*arguments: str) -> tuple[str, str]:
        out, err = Ascii(), Ascii()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit):
            main(arguments)
        return out.text(), err.text()

    return run


def test_arrows_are_readable_in_ascii(ascii_only: Shown) -> None:
    """The plan says ->, and what has no such replacement is an escape."""
    out, _ = ascii_only("plan", "ä→.png")
    assert "1 image" in out
    assert " -> " in out
    assert "\\xe4->.png" in out
    out, _ = ascii_only("check", "--fix", ".")
    assert " bytes" in ascii_only("plan", ".", "--all")[0]


def test_columns_are_aligned_in_ascii(ascii_only: Shown) -> None:
    """What is written for an arrow has two characters, an escape more: cells count as they are shown."""
    out, _ = ascii_only("plan", ".", "--all")
    head, *rows = out.partition("\n\n")[0].splitlines()
    assert len(rows) > 1
    assert {row.find(" -> ") > 0 for row in rows} == {True}
    starts = [head.index(name) for name in ("from", "to", "bytes", "cost", "why")]
    assert [{row[at - 2 : at] for row in rows if len(row) > at} for at in starts[:2]] == [{"  "}] * 2
    assert {row[: starts[0]].rstrip() for row in rows} >= {"\\xe4->.png"}
    whole = ascii_only("plan", ".", "--all", "--format", "full:plan.txt")
    assert whole[0] == ""
    assert "ä→.png" in Path("plan.txt").read_text("utf-8")


@pytest.mark.usefixtures("imgbudget")
@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("check .", 50),
        ("check . --format concise", 60),
        ("rule --all", 70),
        ("audit .", 120),
        ("plan .", 100),
    ],
)
def test_lines_end_at_the_border_of_a_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, columns: int
) -> None:
    """Closing lines and tables are wrapped there, between words; in a pipe each is one line."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    for number in range(3):
        (tmp_path / f"a_photograph_{number}.png").write_bytes(image_bytes((1900, 1000 + number)))
    shown = {}
    for window in (Screen(), io.StringIO()):
        monkeypatch.setattr(sys, "stdout", window)
        with pytest.raises(SystemExit):
            main(line.split())
        shown[window.isatty()] = window.getvalue()
    findings = ("warning[", "  -->", "    |", "    =", "a_photograph")  # which are not wrapped in `check`
    lines = [text for text in shown[True].splitlines() if not (line[0] == "c" and text.startswith(findings))]
    assert [text for text in lines if len(text) > columns] == []
    assert max(map(len, shown[False].splitlines())) > columns
    if line[0] == "c":
        *_, closing = shown[False].splitlines()
        assert len(closing) > columns
        assert " ".join(shown[True].split()).endswith(closing)


@pytest.mark.parametrize(
    "line",
    [
        "check . --format full",
        "check . --format markdown",
        "check . --format github",
        "check . --statistics",
        "check . --show-settings",
        "check . --diff",
        "plan . --model gpt-4o,claude-sonnet-4-6",
        "split r.json --budget request.tokens=100",
        "tiles ä→.png",
        "audit . --format markdown",
        "audit . --format csv",
        "size ä→.png --model all",
        "coords 1,2 --original ä→.png",
        "crop ä→.png 1,2,300,400",
        "view ä→.png -o -",
        "rule --all",
        "rule IB902",
        "limits --model gpt-4o",
        "explain ×→…",
        "status r.json",
        "rescue r.json --dry-run",
        "init --dry-run",
        "baseline --write",
        "check gone→.png",
        "--help",
        "check --help",
        "nonsense→",
    ],
)
def test_no_command_fails_for_an_encoding(ascii_only: Shown, line: str) -> None:
    """No UnicodeEncodeError, whatever is printed."""
    out, err = ascii_only(*line.split())
    assert out + err
    assert "UnicodeEncodeError" not in err
    assert "internal error" not in err


OTHERS = frozenset("\u23bf\u23fa\u2502\u2503\u2551\u2575\u258f\u2595\u25cb\u25cf\ufffd\uff0c\uff1a\uff1f")
"""Characters that are read and never written: of screens, prompts and answers of servers."""


def test_all_characters_of_our_texts_have_a_replacement() -> None:
    """The signs in strings of the program and in its data: a new one needs an entry too."""
    found: set[str] = set()
    for path in (*(ROOT / "analyzer").rglob("*.py"), *(ROOT / "rules").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(node.value)
    for path in (ROOT / "rules").rglob("*.yaml"):
        found.update(path.read_text("utf-8"))
    drawn = {char for char in found if "\u2500" <= char <= "\u257f"}  # of docstrings
    signs = {char for char in found - OTHERS - drawn if char > "~" and category(char)[0] in "PSN"}
    assert {"→", "…", "²"} <= signs
    assert {char for char in signs if b"\\" in char.encode("ascii", READABLE)} == set()
