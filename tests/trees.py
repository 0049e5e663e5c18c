"""Trees of empty files for tests of the search, and short ways to say what it meets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from imgbudget.discovery.walk import FoundFile, SkippedFile, find_files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with nothing of the user's own around."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def make(*paths: str) -> None:
    """Make empty files, and the folders they need."""
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()


def write(path: str, *lines: str) -> None:
    """Write a text file, and the folders it needs."""
    make(path)
    Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def search(*paths: str) -> Iterator[FoundFile | SkippedFile]:
    """The files under paths, with nothing excluded."""
    return find_files(paths, exclude_root=".")


def names(*paths: str) -> list[str]:
    """The paths of all that a search meets, in its order."""
    return [entry.path for entry in search(*paths)]
