"""The cache of facts: what it gives, when it does not, and that it never matters when it is broken."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from imgbudget.imageinfo import cache, cachefiles
from imgbudget.imageinfo.cache import FactsCache
from imgbudget.imageinfo.cachefiles import cache_folder, clear
from imgbudget.imageinfo.dispatch import probe_file
from imgbudget.model.subjects import ProbeField
from tests.builders import image_bytes
from tests.conftest import Command, posix

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


def rewritten(path: Path) -> None:
    """In place, as long as before and with the time of before."""
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: os.utime(path, (LONG_AGO, LONG_AGO + 1)),
        rewritten,
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
    assert "2 files" in imgbudget("clean").out  # of facts, and of verdicts
    assert not (tmp_path / "xdg" / "imgbudget").exists()
    assert imgbudget("clean").code == 0


def small_files(folder: Path, count: int) -> list[Path]:
    """Files that have been at rest for long, each of another size."""
    folder.mkdir()
    paths = [folder / f"{number:03}.png" for number in range(count)]
    data = image_bytes((40, 30))
    for number, path in enumerate(paths):
        path.write_bytes(data + b"x" * number)
        os.utime(path, (LONG_AGO, LONG_AGO))
    return paths


def cache_files(folder: Path) -> list[Path]:
    """The files of a cache."""
    return [path for path in folder.rglob("*") if len(path.name) == 62]


def test_filling_a_large_folder_writes_and_reads_each_entry_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, probed: list[str]
) -> None:
    """A run writes after each chunk of files: all that is known of the folder would be quadratic."""
    paths, written, read = small_files(tmp_path / "photos", 60), list[int](), list[int]()
    dumps, loads = json.dumps, json.loads

    def count_written(entries: dict[str, object], separators: tuple[str, str]) -> str:
        written.append(len(entries))
        return dumps(entries, separators=separators)

    def count_read(text: bytes) -> object:
        entries = loads(text)
        read.append(len(entries))
        return entries

    monkeypatch.setattr(json, "dumps", count_written)
    monkeypatch.setattr(json, "loads", count_read)
    for _ in range(2):
        workers = [FactsCache(str(tmp_path / "cache")) for _ in range(2)]
        for number, path in enumerate(paths):
            worker = workers[number // 3 % 2]
            worker.probe(str(path), ProbeField.ALL)
            if number % 3 == 2:
                worker.flush()
    assert len(probed) == sum(written) == 60
    assert sum(read) < 4 * 60


def test_a_torn_part_costs_only_its_entries(tmp_path: Path, probed: list[str]) -> None:
    """A run that is killed while it writes, at any byte, and one that goes on behind it."""
    first, second, third = map(str, small_files(tmp_path / "photos", 3))
    once(tmp_path / "cache", Path(first))
    (file,) = cache_files(tmp_path / "cache")
    start = file.read_bytes()
    once(tmp_path / "cache", Path(second))
    part = file.read_bytes()[len(start) :]
    for end in (*range(1, 40, 3), len(part) - 2):
        file.write_bytes(start)
        later = FactsCache(str(tmp_path / "cache"))
        later.probe(third, ProbeField.ORIENTATION)
        file.write_bytes(start + part[:end])
        later.flush()
        del probed[:]
        notes: list[str] = []
        for _ in range(2):
            reader = FactsCache(str(tmp_path / "cache"), notes.append)
            for path in (first, second, third):
                assert reader.probe(path, ProbeField.ORIENTATION) == probe_file(path, ProbeField.ORIENTATION)
            reader.flush()
        assert probed == [second], end
        assert len(notes) == (end > 1)
        assert all(note.startswith(f"a part of the cached facts of {tmp_path / 'photos'}") for note in notes)


def test_entries_that_were_replaced_often_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder whose files change does not make its cache grow."""
    monkeypatch.setattr(cachefiles, "_OLD_ENTRIES", 5)
    (path,) = small_files(tmp_path / "photos", 1)
    for time in range(30):
        os.utime(path, (LONG_AGO, LONG_AGO + time))
        once(tmp_path / "cache", path)
    (file,) = cache_files(tmp_path / "cache")
    assert file.read_bytes().count(b"imgbudget facts") <= 8
    assert clear(str(tmp_path / "cache")) == 1


@posix
def test_a_cache_file_with_another_name_is_replaced(tmp_path: Path, probed: list[str]) -> None:
    """Backups are made of links; a file behind one is not written to, nor is one behind a symbolic link."""
    first, second, third = small_files(tmp_path / "photos", 3)
    once(tmp_path / "cache", first)
    (file,) = cache_files(tmp_path / "cache")
    kept = file.read_bytes()
    (tmp_path / "backup").hardlink_to(file)
    once(tmp_path / "cache", second)
    once(tmp_path / "cache", second)
    assert len(probed) == 2
    assert (tmp_path / "backup").read_bytes() == kept
    file.unlink()
    file.symlink_to(tmp_path / "backup")
    once(tmp_path / "cache", third)
    assert (tmp_path / "backup").read_bytes() == kept


def test_any_changes_give_the_report_of_a_run_without_a_cache(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are touched, replaced, renamed, swapped, removed or added between runs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    chance = random.Random(21)  # noqa: S311 - not secret
    contents = [
        image_bytes((1700, 300), "JPEG", orientation=6),
        image_bytes((90, 70)),
        image_bytes((90, 70))[:60],
        image_bytes((2000, 40), "GIF"),
        b"no image",
    ]
    (tmp_path / "photos" / "more").mkdir(parents=True)
    places = [tmp_path / "photos" / folder / f"{n}.png" for folder in (".", "more") for n in range(6)]

    def write(path: Path) -> None:
        path.write_bytes(chance.choice(contents))
        os.utime(path, (LONG_AGO, LONG_AGO + chance.randrange(3)))

    for _ in range(8):
        for path in chance.sample(places, 5):
            other = chance.choice(places)
            action = chance.randrange(5)
            if action == 0 and path.exists():
                path.unlink()
            elif action == 1 and path.exists():
                path.rename(other)
            elif action == 2 and path.exists():
                os.utime(path, (LONG_AGO, LONG_AGO + 9))
            elif action == 3:
                write(path.with_suffix(".new"))
                path.with_suffix(".new").rename(path)
            else:
                path.unlink(missing_ok=True)
                write(path)
        plain = imgbudget("check", "photos", "--format", "json", "--no-cache")
        cached = imgbudget("check", "photos", "--format", "json", "--cache")
        assert (cached.code, cached.out, cached.err) == (plain.code, plain.out, plain.err)
