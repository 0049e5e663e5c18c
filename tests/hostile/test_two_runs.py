"""Two runs that fix the same folder at once: each file is the old or the new one, and neither run fails."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import imgbudget
from imgbudget.fixing import configuration, writer
from imgbudget.newfiles import Folder, sync
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command, posix

COMMAND = "import sys; from imgbudget.cli import main; main(sys.argv[1:])"
IGNORES = "ignores:\n" + "".join(
    f"- {{rules: [{code}], reason: old, files: ['**']}}\n" for code in ("IB302", "IB301", "IB303")
)


def fill(folder: Path) -> None:
    """Images that are fixed, images that get another name, a request, and ignores that match nothing."""
    folder.mkdir()
    for i in range(4):
        (folder / f"{i}.jpg").write_bytes(image_bytes((1600 + i, 300), "JPEG"))
        (folder / f"scan{i}.bmp").write_bytes(image_bytes((300 + i, 300), "BMP"))
    write_json(folder / "r.json", body(image_block(image_bytes((1700, 400)))))
    (folder / "imgbudget.yaml").write_text(IGNORES)


def tree(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start a run that fixes the working folder."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "check", "--fix", "--exit-zero", ".", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@posix
@pytest.mark.parametrize("arguments", [("-j", "1"), ("-j", "2", "--backup")])
def test_two_processes_at_once(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Several times: the result is that of one run, and both exit as one does."""
    fill(tmp_path / "wanted")
    alone = start(tmp_path / "wanted", *arguments)
    alone.communicate()
    wanted = tree(tmp_path / "wanted")
    for number in range(2):
        folder = tmp_path / f"{number}"
        fill(folder)
        both = [start(folder, *arguments) for _ in range(2)]
        said = [one.communicate() for one in both]
        assert [one.returncode for one in both] == [alone.returncode] * 2, said
        found = tree(folder)
        kept = {name: data for name, data in found.items() if not name.endswith(".bak")}
        assert kept == {name: data for name, data in wanted.items() if not name.endswith(".bak")}
        for name, data in wanted.items():
            assert found[name] == data or name.endswith(".bak")
        assert "Traceback" not in "".join(text for pair in said for text in pair)


OPTIONS = imgbudget.RunOptions(isolated=True)


def meanwhile(monkeypatch: pytest.MonkeyPatch, event: Callable[[], object], times: int = 1) -> None:
    """Have something happen the first times that a new file is written and not yet in place."""
    left = [times]

    def late(out: object) -> None:
        sync(out)  # type: ignore[arg-type]
        if left[0]:
            left[0] -= 1
            event()

    monkeypatch.setattr(writer, "sync", late)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an image to fix and one that becomes a PNG."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(image_bytes((1700, 300), "JPEG"))
    (folder / "scan.bmp").write_bytes(image_bytes((300, 300), "BMP"))
    monkeypatch.chdir(tmp_path)
    return folder


def test_what_another_run_has_fixed_is_reported_as_that(
    imgbudget: Command, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file changed while its fix was written: it is read again, and nothing is left to do."""
    fixed: list[bytes] = []

    def other_run() -> None:
        imgbudget_fix(photos / "a.jpg")
        fixed.append((photos / "a.jpg").read_bytes())

    def imgbudget_fix(path: Path) -> None:
        command = [sys.executable, "-c", COMMAND, "check", "--fix", str(path)]
        assert subprocess.run(command, check=False, capture_output=True).returncode in (0, 1)

    meanwhile(monkeypatch, other_run)
    run = imgbudget("check", "--fix", "--exit-zero", "photos", "-j", "1")
    assert run.code == 0
    assert "photos/a.jpg: was fixed by another run or changed by another program during the run" in run.err
    assert (photos / "a.jpg").read_bytes() == fixed[0]


def test_a_backup_that_two_runs_share_stays(
    imgbudget: Command, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One gives the old file its second name, the other takes that for its backup and replaces the file."""
    old = (photos / "a.jpg").read_bytes()
    link = Folder.link

    def late(folder: Folder, name: str, new: str) -> None:
        link(folder, name, new)
        monkeypatch.setattr(Folder, "link", link)
        command = [sys.executable, "-c", COMMAND, "check", "--fix", "--backup", str(photos / "a.jpg")]
        assert subprocess.run(command, check=False, capture_output=True).returncode == 0

    monkeypatch.setattr(Folder, "link", late)
    (photos / "scan.bmp").unlink()
    imgbudget("check", "--fix", "--backup", "photos", "-j", "1")
    assert (photos / "a.jpg.bak").read_bytes() == old
    assert (photos / "a.jpg").read_bytes() != old


def test_a_file_that_changes_each_time_is_given_up(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that writes all the time keeps its file; the message asks for another run."""
    (photos / "scan.bmp").unlink()
    number = iter(range(1, 100))
    meanwhile(monkeypatch, lambda: os.utime(photos / "a.jpg", (1, next(number))), times=100)
    report = imgbudget.fix("photos", OPTIONS)
    assert report.summary.unwritten == [
        "photos/a.jpg: was changed during the run and was not overwritten; run again"
    ]
    assert next(number) == configuration.ATTEMPTS + 1


def test_a_file_that_another_run_has_renamed_is_named(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the search, gone when its turn comes, or while it is fixed: its new name is given."""

    def renamed() -> None:
        (photos / "scan.png").write_bytes(image_bytes((300, 300), "PNG"))
        (photos / "scan.bmp").unlink()

    (photos / "a.jpg").unlink()
    meanwhile(monkeypatch, renamed)
    report = imgbudget.fix("photos", OPTIONS)
    assert report.summary.unwritten == []
    (skipped,) = report.summary.skipped
    assert skipped == (
        "photos/scan.bmp",
        "was renamed during the run, probably to scan.png by another run",
    )
    assert sorted(os.listdir(photos)) == ["scan.png"]


def test_a_new_name_that_is_taken_meanwhile_leads_to_another_one(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another image: both stay."""
    (photos / "a.jpg").unlink()
    meanwhile(monkeypatch, lambda: (photos / "scan.png").write_bytes(b"other"))
    report = imgbudget.fix("photos", OPTIONS)
    assert report.summary.unwritten == []
    assert (photos / "scan.png").read_bytes() == b"other"
    assert sorted(os.listdir(photos)) == ["scan.bmp.png", "scan.png"]


def test_the_only_copy_is_not_removed_between_two_runs(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run has given the new file its name, another removes the old one first: the new one stays."""
    (photos / "a.jpg").unlink()
    original = Folder.unlink

    def late(folder: Folder, name: str) -> None:
        if name == "scan.bmp" and (photos / "scan.bmp").exists():
            (photos / "scan.bmp").unlink()  # the other run, which found scan.png and took it for done
        original(folder, name)

    monkeypatch.setattr(Folder, "unlink", late)
    report = imgbudget.fix("photos", OPTIONS)
    assert report.summary.unwritten == []
    assert os.listdir(photos) == ["scan.png"]


@pytest.mark.parametrize("kept", [(), (2,), (0, 2), (2, 1, 0)])
def test_entries_of_a_configuration_that_another_run_has_changed_are_found_again(
    imgbudget: Command, photos: Path, monkeypatch: pytest.MonkeyPatch, kept: tuple[int, ...]
) -> None:
    """Their numbers are those of the file that was loaded; no other entry is removed in their place."""
    config = Path("imgbudget.yaml")
    config.write_text(IGNORES)
    head, *entries = IGNORES.splitlines(keepends=True)
    used = "- {rules: [IB201], reason: wanted, files: ['**']}\n"
    other = head + used + "".join(entries[number] for number in kept)
    meanwhile(monkeypatch, lambda: config.write_text(other))
    run = imgbudget("check", "--fix", "--exit-zero", ".", "-j", "1")
    assert run.code == 0
    assert config.read_text() == head + used
    assert ("imgbudget.yaml: was fixed by another run" in run.err) is (not kept)
    assert photos.exists()
