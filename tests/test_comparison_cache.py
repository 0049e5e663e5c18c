"""The cache of comparisons: files that were compared, and have not changed, are not read again."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from imgbudget.imageinfo.cache import ComparisonCache
from imgbudget.imageinfo.files import identical_files
from imgbudget.linter import copies
from imgbudget.linter.copies import copies_among
from tests.builders import image_bytes
from tests.conftest import Command

OLD = 1_700_000_000


def _write(folder: Path, contents: str) -> list[str]:
    """A file for each letter, with the letter in it, changed long ago."""
    paths = [folder / f"{number}.png" for number in range(len(contents))]
    for path, letter in zip(paths, contents, strict=True):
        path.write_bytes(letter.encode() * 5000)
        os.utime(path, (OLD, OLD))
    return [str(path) for path in paths]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The groups of files that are compared."""
    groups: list[list[str]] = []

    def watched(candidates: Iterable[Sequence[str]]) -> "list[copies.Copies]":
        its = list(map(list, candidates))
        groups.extend(its)
        return list(identical_files(its))

    monkeypatch.setattr(copies, "identical_files", watched)
    return groups


def _found(cache: Path, *groups: list[str]) -> "list[copies.Copies]":
    return list(copies_among(groups, 1, ComparisonCache(str(cache))))


def test_what_was_compared_is_not_read_again(tmp_path: Path, compared: list[list[str]]) -> None:
    """Not all of a group either, and with the same answer."""
    paths = _write(tmp_path, "abcabda")
    answer = [(5000, (paths[0], paths[3], paths[6])), (5000, (paths[1], paths[4]))]
    assert _found(tmp_path / "cache", paths) == answer
    assert _found(tmp_path / "cache", paths) == answer
    assert _found(tmp_path / "cache", paths[1:]) == [
        (5000, (paths[3], paths[6])),
        (5000, (paths[1], paths[4])),
    ]
    assert _found(tmp_path / "cache", paths[2:4]) == []
    assert compared == [paths]


def test_a_changed_or_new_file_is_compared_with_all(tmp_path: Path, compared: list[list[str]]) -> None:
    """Other groups are not read for it."""
    (tmp_path / "other").mkdir()
    paths, others = _write(tmp_path, "aab"), _write(tmp_path / "other", "zz")
    assert _found(tmp_path / "cache", paths[:2], others) == [(5000, tuple(paths[:2])), (5000, tuple(others))]
    assert _found(tmp_path / "cache", paths, others) == [(5000, tuple(paths[:2])), (5000, tuple(others))]
    Path(paths[0]).write_bytes(b"b" * 5000)
    os.utime(paths[0], (OLD + 1, OLD + 1))
    assert _found(tmp_path / "cache", paths, others) == [
        (5000, (paths[0], paths[2])),
        (5000, tuple(others)),
    ]
    assert compared == [paths[:2], others, paths, paths]


def test_groups_that_were_compared_apart_say_nothing_of_each_other(
    tmp_path: Path, compared: list[list[str]]
) -> None:
    """The same bytes are in two groups of earlier runs."""
    paths = _write(tmp_path, "aaaa")
    _found(tmp_path / "cache", paths[:2], paths[2:])
    assert _found(tmp_path / "cache", paths) == [(5000, tuple(paths))]
    assert len(compared) == 3


def test_very_many_files_are_compared_without_the_cache(
    tmp_path: Path, compared: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking up parts of them would read the whole cache for each part."""
    paths = _write(tmp_path, "aabbcc")
    groups = [paths[:2], paths[2:4], paths[4:]]
    monkeypatch.setattr(copies, "PATHS_WITH_CACHE", 4)
    monkeypatch.setattr(ComparisonCache, "load", None)  # not called
    assert _found(tmp_path / "cache", *groups) == [(5000, tuple(group)) for group in groups]
    assert compared == groups


def test_a_file_that_changed_just_now_or_cannot_be_read_is_not_kept(
    tmp_path: Path, compared: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time may not show the next change."""
    paths = _write(tmp_path, "aab")
    os.utime(paths[1])
    for _ in range(2):
        assert _found(tmp_path / "cache", paths) == [(5000, tuple(paths[:2]))]
    os.utime(paths[1], (OLD, OLD))
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # as for users without the permission
    for _ in range(2):
        assert _found(tmp_path / "cache", [*paths, str(tmp_path / "gone.png")]) == [(5000, tuple(paths[:2]))]
    assert len(compared) == 4


@pytest.mark.parametrize(
    "entry", ["1", '[1, 2, 3, "x"]', "[1, 2, 3, 4, 5]", '[1, 2, 3, "x", null]', '[1.0, 2, 3, "x", 0]']
)
def test_entries_of_another_shape_are_ignored(tmp_path: Path, compared: list[list[str]], entry: str) -> None:
    """With a note, and written again as a whole."""
    paths, notes = _write(tmp_path, "aa"), list[str]()
    cache = ComparisonCache(str(tmp_path / "cache"), notes.append)
    cache._save(str(tmp_path), {"0.png": json.loads(entry)})
    assert list(copies_among([paths], 1, cache)) == [(5000, tuple(paths))]
    assert notes == [
        f"the cached comparisons of {tmp_path} are ignored: its entries do not have the right shape"
    ]
    assert _found(tmp_path / "cache", paths) == [(5000, tuple(paths))]
    assert len(compared) == 1


def test_a_second_check_reads_no_copies(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its report is the same."""
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.png").write_bytes(image_bytes((300, 300)))
        os.utime(tmp_path / f"{name}.png", (OLD, OLD))
    first = imgbudget("check", "--cache", "--format", "json", ".")
    monkeypatch.setattr(copies, "identical_files", lambda _candidates: iter(()))
    assert imgbudget("check", "--cache", "--format", "json", ".").out == first.out
    assert first.codes == ["IB801", "IB801"]
    assert imgbudget("check", "--no-cache", "--format", "json", ".").codes == []
