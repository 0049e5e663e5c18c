"""The cache of facts: what it gives, when it does not, and that it never matters when it is broken."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from imgbudget.imageinfo import cache
from imgbudget.imageinfo.cache import FactsCache, cache_folder, clear
from imgbudget.imageinfo.dispatch import probe_file
from imgbudget.model.subjects import ProbeField
from tests.builders import image_bytes
from tests.conftest import Command

LONG_AGO = 1_700_000_000


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """An image that has been at rest for long."""
    path = tmp_path / "photos" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(image_bytes((300, 200), "JPEG", orientation=6))
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were really probed."""
    paths: list[str] = []

    def spy(path: str, fields: ProbeField) -> object:
        paths.append(path)
        return probe_file(path, fields)

    monkeypatch.setattr(cache, "probe_file", spy)
    return paths


def once(folder: Path, path: Path, fields: ProbeField = ProbeField.ORIENTATION) -> object:
    """The facts through a new cache, as in another run."""
    cache = FactsCache(str(folder))
    facts = cache.probe(str(path), fields)
    cache.flush()
    return facts


def test_second_run_reads_no_image(tmp_path: Path, picture: Path, probed: list[str]) -> None:
    """Cached facts equal the probe's, without opening the file."""
    first = once(tmp_path / "cache", picture)
    assert once(tmp_path / "cache", picture) == first == probe_file(str(picture), ProbeField.ORIENTATION)
    assert probed == [str(picture)]


def test_more_facts_are_read_again(tmp_path: Path, picture: Path, probed: list[str]) -> None:
    """An entry is valid for the facts requested when it was made, and for fewer."""
    once(tmp_path / "cache", picture, ProbeField.ORIENTATION)
    once(tmp_path / "cache", picture, ProbeField.ORIENTATION | ProbeField.QUALITY)
    once(tmp_path / "cache", picture, ProbeField.QUALITY)
    assert len(probed) == 2


def replaced(path: Path) -> None:
    """Another file of the same size under the same name, with the same times."""
    data = path.read_bytes()
    path.with_suffix(".new").write_bytes(data)
    os.utime(path.with_suffix(".new"), (LONG_AGO, LONG_AGO))
    path.with_suffix(".new").rename(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: os.utime(path, (LONG_AGO, LONG_AGO + 1)),
        replaced,
    ],
)
def test_changed_file_is_probed_again(
    tmp_path: Path, picture: Path, probed: list[str], change: Callable[[Path], object]
) -> None:
    """A different size, time or inode is a different file."""
    once(tmp_path / "cache", picture)
    change(picture)
    once(tmp_path / "cache", picture)
    assert len(probed) == 2


def test_file_that_was_just_written_is_not_kept(tmp_path: Path, picture: Path, probed: list[str]) -> None:
    """Within the tick of a slow clock a second change would not show."""
    os.utime(picture)
    once(tmp_path / "cache", picture)
    once(tmp_path / "cache", picture)
    assert len(probed) == 2


@pytest.mark.parametrize("damage", [b"", b"garbage", b"imgbudget facts 1 1 00000000\n{}", None])
def test_damaged_cache_is_ignored(
    tmp_path: Path, picture: Path, probed: list[str], damage: bytes | None
) -> None:
    """A truncated, foreign or corrupted cache file costs only the time to probe again."""
    once(tmp_path / "cache", picture)
    (file,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file() and len(path.name) == 62)
    data = file.read_bytes()
    file.write_bytes(data[:-9] + b"9" + data[-8:] if damage is None else damage)
    once(tmp_path / "cache", picture)
    assert len(probed) == 2
    once(tmp_path / "cache", picture)
    assert len(probed) == 2


def test_cache_that_cannot_be_written_costs_nothing(tmp_path: Path, picture: Path) -> None:
    """A file where the folder should be: the run goes on."""
    (tmp_path / "cache").write_text("in the way")
    assert once(tmp_path / "cache", picture) == probe_file(str(picture), ProbeField.ORIENTATION)


def test_clearing_takes_only_a_cache(tmp_path: Path, picture: Path) -> None:
    """A folder without our mark is left alone."""
    (tmp_path / "mine").mkdir()
    assert clear(str(tmp_path / "mine")) is None
    assert clear(str(tmp_path / "gone")) is None
    once(tmp_path / "cache", picture)
    assert clear(str(tmp_path / "cache")) == 1
    assert not (tmp_path / "cache").exists()


def test_check_with_cache_gives_the_same(
    imgbudget: Command, tmp_path: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache does not change the output, named files do not use it, and `clean` removes it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    plain = imgbudget("check", "photos", "--format", "json", "--no-cache")
    imgbudget("check", "photos/a.jpg")
    assert not (tmp_path / "xdg").exists()
    first = imgbudget("check", "photos", "--format", "json")
    assert (tmp_path / "xdg").exists()
    second = imgbudget("check", "photos", "--format", "json", "--cache")
    assert plain.out == first.out == second.out
    assert cache_folder() == str(tmp_path / "xdg" / "imgbudget")
    assert "1 file" in imgbudget("clean").out
    assert not (tmp_path / "xdg" / "imgbudget").exists()
    assert imgbudget("clean").code == 0
