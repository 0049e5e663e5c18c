"""Verdicts of earlier runs: they count for files that have not changed, under what they were made under."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from imgbudget import programs
from imgbudget.config.settings import Settings
from imgbudget.discovery.walk import FoundFile, SkippedFile
from imgbudget.linter import verdicts
from imgbudget.linter.pool import WorkerPool
from imgbudget.linter.rows import PartReceiver
from imgbudget.linter.run import Session
from imgbudget.model.results import FileResult
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command, Run, posix

LONG_AGO = 1_700_000_000

Seen = list[str]


def put(path: Path, data: bytes, time: int = LONG_AGO) -> None:
    """A file that was last changed long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (time, time))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """The paths of the files that a run really checks."""
    paths: Seen = []
    check_all = Session.check_all

    def watched(
        self: Session, files: Iterable[FoundFile | SkippedFile], parts: PartReceiver | None = None
    ) -> Iterator[FileResult]:
        its = list(files)
        paths.extend(file.path for file in its)
        return check_all(self, its, parts)

    monkeypatch.setattr(Session, "check_all", watched)
    return paths


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with findings of several rules, two copies, a file without any, and one that is damaged."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    folder = tmp_path / "photos"
    put(folder / "a.jpg", image_bytes((1700, 304), "JPEG", orientation=6))
    put(folder / "b.png", image_bytes((800, 600)))
    put(folder / "deep" / "c.png", image_bytes((1700, 300)))
    put(folder / "deep" / "d.png", image_bytes((1700, 300)))
    put(folder / "deep" / "e.png", image_bytes((1700, 300))[:60])
    (tmp_path / ".git").mkdir()
    return folder


CHECK, JSON = ("check", "photos"), ("--format", "json")
ALL = {"photos/a.jpg", "photos/b.png", "photos/deep/c.png", "photos/deep/d.png", "photos/deep/e.png"}


def checked(imgbudget: Command, seen: Seen, *options: str) -> tuple[Run, set[str]]:
    """A run with the cache, which must be as one without it, and the files that it checked."""
    formats = () if "--format" in options else JSON
    plain = imgbudget(*CHECK, "--no-cache", *formats, *options)
    del seen[:]
    cached = imgbudget(*CHECK, "--cache", *formats, *options)
    assert cached == plain
    return cached, set(seen)


def test_a_second_run_checks_nothing(imgbudget: Command, photos: Path, seen: Seen) -> None:
    """Neither headers nor rules are needed, and the report is the same."""
    first, all_files = checked(imgbudget, seen)
    assert all_files == ALL
    second, rest = checked(imgbudget, seen)
    assert rest == set()
    assert second == first
    assert {"IB801", "IB201", "IB001"} <= {word.strip('",') for word in first.out.split()}


Change = Callable[[Path], tuple[str, ...]]


def configured(text: str, where: str = ".") -> Change:
    """A configuration that is there from now on."""

    def change(folder: Path) -> tuple[str, ...]:
        (folder / where / ".imgbudget.yaml").write_text(text)
        return ()

    return change


def _limits(folder: Path) -> tuple[str, ...]:
    (folder / "limits.yaml").write_text("models: {claude-sonnet-4-6: {input_price: {value: 9.5}}}\n")
    return ("--limits", "limits.yaml")


def _extended(folder: Path) -> tuple[str, ...]:
    (folder / "base.yaml").write_text("severity: {IB201: error}\n")
    (folder / ".imgbudget.yaml").write_text("extend: base.yaml\n")
    return ()


CHANGES: dict[str, Change] = {
    "model": lambda _: ("--model", "gpt-4o"),
    "platform": lambda _: ("--platform", "bedrock"),
    "client": lambda _: ("--client", "claude-code"),
    "ignored rule": lambda _: ("--ignore", "IB201"),
    "selected rule": lambda _: ("--select", "IB201"),
    "pedantic": lambda _: ("--pedantic",),
    "configured model": configured("model: claude-opus-4-8\n"),
    "severity": configured("severity: {IB201: error}\n"),
    "budget": configured("budgets: {image: {tokens: 90}}\n"),
    "override": configured("overrides: [{files: ['photos/deep/**'], ignore: [IB201]}]\n"),
    "model of some files": configured("overrides: [{files: ['*.jpg'], model: claude-opus-4-8}]\n"),
    "nested configuration": configured("ignore: [IB201]\n", "photos/deep"),
    "nested model": configured("model: claude-opus-4-8\n", "photos"),
    "extended configuration": _extended,
    "ignored finding": configured("ignores: [{rules: [IB201], files: ['a.jpg'], reason: known}]\n"),
    "platform of the configuration": configured(
        "platform: ours\nplatforms: {ours: {like: anthropic, max_edge: 900 px}}\n"
    ),
    "limits": _limits,
}


@pytest.mark.parametrize("name", CHANGES)
def test_no_verdict_counts_under_another(imgbudget: Command, photos: Path, seen: Seen, name: str) -> None:
    """Each of what a verdict depends on changes what the next run reports."""
    first, _ = checked(imgbudget, seen)
    options = CHANGES[name](photos.parent)
    second, again = checked(imgbudget, seen, *options)
    assert second.out != first.out
    assert again
    third, rest = checked(imgbudget, seen, *options)
    assert third == second
    assert not rest & ALL or name in ("client", "ignored finding")


@posix
def test_an_installed_program_counts(
    imgbudget: Command, photos: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether jpegtran is there decides whether turning a file is safe."""
    first, _ = checked(imgbudget, seen)
    put(photos.parent / "bin" / "jpegtran", b"#!/bin/sh\n")
    (photos.parent / "bin" / "jpegtran").chmod(0o700)
    monkeypatch.setattr(programs, "get_exec_path", lambda: [str(photos.parent / "bin")])
    second, again = checked(imgbudget, seen)
    assert again == ALL
    assert second.out != first.out


def _rewritten(path: Path) -> None:
    """In place, as long as before and with the time of before."""
    size = path.stat().st_size
    put(path, image_bytes((1800, 300))[:size].ljust(size, b"\0"))


def _replaced(path: Path) -> None:
    put(path.with_suffix(".new"), image_bytes((1800, 300)))
    path.with_suffix(".new").rename(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: put(path, image_bytes((1800, 300))),
        lambda path: put(path, path.read_bytes(), LONG_AGO + 1),
        _rewritten,
        _replaced,
    ],
)
def test_a_changed_file_is_checked(
    imgbudget: Command, photos: Path, seen: Seen, change: Callable[[Path], object]
) -> None:
    """Its bytes, also where its time is put back, its time, or another file under its name; others count."""
    checked(imgbudget, seen)
    change(photos / "b.png")
    _, again = checked(imgbudget, seen)
    assert again == {"photos/b.png"}
    _, again = checked(imgbudget, seen)
    assert again == set()


def test_a_file_that_was_just_written_is_checked_again(imgbudget: Command, photos: Path, seen: Seen) -> None:
    """Within the tick of a slow clock a second change would not show."""
    os.utime(photos / "b.png")
    checked(imgbudget, seen)
    _, again = checked(imgbudget, seen)
    assert again == {"photos/b.png"}


def test_formats_and_spellings_have_verdicts_of_their_own(
    imgbudget: Command, photos: Path, seen: Seen
) -> None:
    """One format does not write what another has written, nor a path as it was spelled before."""
    for format_name in ("full", "jsonl", "sarif", "github", "gitlab", "junit", "rdjson", "concise"):
        its = ("--format", format_name)
        assert [checked(imgbudget, seen, *its)[1] for _ in "12"] == [ALL, set()]
    both = ("--format", "full", "--format", "json:out.json")
    assert checked(imgbudget, seen, *both)[1] == ALL
    written = (photos.parent / "out.json").read_text()
    assert checked(imgbudget, seen, *both)[1] == set()
    assert (photos.parent / "out.json").read_text() == written
    assert checked(imgbudget, seen, "--format", "full", "--color", "always")[1] == ALL
    plain = imgbudget("check", str(photos), "--no-cache")
    for _ in "12":
        assert imgbudget("check", str(photos), "--cache") == plain


def test_runs_that_need_more_of_a_file_check_it(imgbudget: Command, photos: Path, seen: Seen) -> None:
    """Statistics, a comparison, a baseline, fixes that are tried, and a run that says what it ignores."""
    (photos.parent / "old.json").write_text(imgbudget(*CHECK, *JSON).out)
    for options in (
        ("--statistics",),
        ("--compare", "old.json"),
        ("--verbose",),
        ("--format", "markdown"),
        ("--client", "claude-code"),
    ):
        assert [checked(imgbudget, seen, *options)[1] >= ALL for _ in "12"] == [True, True]


def test_a_baseline_counts(imgbudget: Command, photos: Path, seen: Seen) -> None:
    """What it suppresses is checked each time, so that entries without use are known."""
    config = photos.parent / ".imgbudget.yaml"
    config.write_text("baseline: known.json\n")
    imgbudget("baseline", "photos", "--write")
    assert (photos.parent / "known.json").exists()
    first, _ = checked(imgbudget, seen)
    second, rest = checked(imgbudget, seen)
    assert second == first
    assert rest == ALL - {"photos/b.png"}
    text = (photos.parent / "known.json").read_text()
    (photos.parent / "known.json").write_text(text.replace('"rule": "IB201"', '"rule": "IB202"'))
    third, again = checked(imgbudget, seen)
    assert third.out != second.out
    assert again == ALL


def test_what_is_unused_is_known_without_checking(imgbudget: Command, photos: Path, seen: Seen) -> None:
    """Ignores and overrides: those that apply to unchanged files are in use, the others are reported."""
    (photos.parent / ".imgbudget.yaml").write_text(
        "overrides:\n"
        "- {files: [photos/b.png], ignore: [IB202]}\n"
        "- {files: [photos/gone.png], ignore: [IB202]}\n"
        "ignores: [{rules: [IB201], files: [photos/a.jpg], reason: known}, "
        "{rules: [IB201], files: [photos/b.png], reason: mistaken}]\n"
    )
    first, _ = checked(imgbudget, seen)
    second, rest = checked(imgbudget, seen)
    assert second == first
    assert first.err.count("holds for no file") == 1
    assert first.out.count('"unused-ignore"') == 1
    assert rest == {"photos/a.jpg"}


def test_the_day_counts_where_a_pack_could_read_it(
    imgbudget: Command, photos: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shipped rules on images read of a day what the limits say on it."""
    for day, expected in (("2026-11-01", ALL), ("2026-11-02", set())):
        monkeypatch.setenv("IMGBUDGET_DATE", day)
        assert checked(imgbudget, seen)[1] == expected


PACK = """
from imgbudget.rule import Context, Level, Problem, Severity, rule
from {helper} import WORDS

@rule("XX101", "always", level=Level.IMAGE, severity=Severity.INFO, since="0.1")
def always(use, ctx):
    \"\"\"Reports every image.\"\"\"
    yield Problem(message=f"{{WORDS}} on {{ctx.limits.day}}")

RULES = (always,)
"""


@pytest.mark.parametrize("changed", ["words.py", "house.py", "day"])
def test_a_changed_rule_pack_counts(photos: Path, changed: str) -> None:
    """Its code, and that of modules that it imports; and the day, which its rules may read."""
    folder = photos.parent
    put(folder / "words.py", b"WORDS = 'before'\n")
    put(folder / "house.py", PACK.format(helper="words").encode())
    (folder / ".imgbudget.yaml").write_text("packs: [imgbudget_rules, house]\nselect: [XX]\n")

    def out(*options: str, day: str = "2026-11-01") -> str:
        return subprocess.run(
            [sys.executable, "-B", "-m", "imgbudget", *CHECK, *JSON, "--allow-local-packs", *options],
            cwd=folder,
            env=os.environ | {"IMGBUDGET_DATE": day},
            capture_output=True,
            text=True,
            check=False,
        ).stdout

    first = out("--cache")
    assert "before on 2026-11-01" in first
    day = "2026-11-02" if changed == "day" else "2026-11-01"
    if changed != "day":
        put(
            folder / changed,
            (folder / changed).read_bytes().replace(b"before", b"later!") + b"#",
            LONG_AGO + 9,
        )
    second = out("--cache", day=day)
    assert second == out("--no-cache", day=day)
    assert (second == first) is (changed == "house.py")


def test_the_code_of_the_shipped_rules_counts() -> None:
    """Every module of the engine and of the rules, whether or not it is loaded."""
    names = {os.path.basename(path) for path, _ in verdicts._code_state(Settings())}
    assert {"verdicts.py", "records.py", "ib201_oversized_image.py", "_generated.py"} <= names


def test_requests_between_images_stay_in_order(imgbudget: Command, photos: Path, seen: Seen) -> None:
    """Files that are always checked are among those that are not, and so are their notes."""
    for name in ("a2.json", "z.json"):
        write_json(photos / name, body(image_block(image_bytes((1700, 300)))) | {"model": "unknown-model-9"})
    first, _ = checked(imgbudget, seen, "--platform", "bedrock")
    second, rest = checked(imgbudget, seen, "--platform", "bedrock")
    assert second == first
    assert rest == {"photos/a2.json", "photos/z.json"}


def test_several_processes_use_verdicts(
    imgbudget: Command, photos: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one process does: of many files, those from the first on that has changed go to workers."""
    for number in range(40):
        put(photos / "more" / f"{number:02}.png", image_bytes((300 + 50 * number, 300)))
    plain = imgbudget(*CHECK, *JSON, "--no-cache")
    monkeypatch.setattr(Session, "pool_threshold", 10)
    monkeypatch.setattr(Session, "chunk_size", 4)
    monkeypatch.setattr(verdicts, "_TOGETHER", 3)
    started: list[object] = []
    idle = WorkerPool._idle

    def watched(pool: WorkerPool[object, object]) -> object:
        started.append(pool)
        return idle(pool)

    monkeypatch.setattr(WorkerPool, "_idle", watched)
    assert imgbudget(*CHECK, *JSON, "--cache", "-j", "2") == plain
    assert started
    del started[:]
    assert imgbudget(*CHECK, *JSON, "--cache", "-j", "2") == plain
    assert not started  # all are known, so that one process is quicker
    put(photos / "more" / "01.png", image_bytes((1600, 300)), LONG_AGO + 3)
    plain = imgbudget(*CHECK, *JSON, "--no-cache")
    assert imgbudget(*CHECK, *JSON, "--cache", "-j", "2") == plain
    assert started
    del started[:]
    assert imgbudget(*CHECK, *JSON, "--cache", "-j", "2") == plain
    assert not started


def test_what_is_assumed_is_said_also_where_nothing_is_checked(
    imgbudget: Command, photos: Path, seen: Seen
) -> None:
    """A platform without the default model has another one, which the first image tells of."""
    (photos / "deep" / "e.png").unlink()
    options = ("--platform", "openai", "--ignore", "IB801")
    first, _ = checked(imgbudget, seen, *options)
    assert "no model is named" in first.err
    second, rest = checked(imgbudget, seen, *options)
    assert (second, rest) == (first, set())
