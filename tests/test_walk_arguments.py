"""The paths of a command line: how results spell them, and that each file comes once."""

import os
from pathlib import Path

import pytest

from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import FoundFile, SkippedFile, missing
from tests.trees import folder, make, names, search

__all__ = ["folder"]

pytestmark = pytest.mark.usefixtures("folder")
posix = pytest.mark.skipif(os.name == "nt", reason="links as POSIX has them")


def test_no_paths_give_nothing() -> None:
    """Without arguments there is nothing to search."""
    assert names() == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("photos", "photos/a.jpg"),
        ("photos/", "photos/a.jpg"),
        ("./photos", "photos/a.jpg"),
        ("photos//.", "photos/a.jpg"),
        (".", "photos/a.jpg"),
        ("./", "photos/a.jpg"),
        ("photos/a.jpg", "photos/a.jpg"),
        ("./photos//a.jpg", "photos/a.jpg"),
        ("../work/photos", "../work/photos/a.jpg"),
        ("photos/..", "photos/../photos/a.jpg"),
    ],
)
def test_relative_paths_stay_relative(given: str, expected: str) -> None:
    """Results are spelled as the argument is, without steps that lead nowhere."""
    make("photos/a.jpg")
    assert names(given) == [expected]


def test_absolute_paths_stay_absolute(folder: Path) -> None:
    """An absolute argument gives absolute results."""
    make("photos/a.jpg")
    assert names(str(folder)) == [(folder / "photos/a.jpg").as_posix()]


def test_a_named_file_is_looked_at_whatever_its_suffix() -> None:
    """Who names a file wants an answer from its bytes."""
    make("a.txt", "b.PNG")
    assert list(search("a.txt", "b.PNG")) == [
        FoundFile("a.txt", FileKind.UNKNOWN, explicit=True),
        FoundFile("b.PNG", FileKind.IMAGE, explicit=True),
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["p", "p"], ["p/a.png", "p/s/b.png"]),
        (["p", "p/s"], ["p/a.png", "p/s/b.png"]),
        (["p/s", "p"], ["p/s/b.png", "p/a.png"]),
        (["p", "."], ["p/a.png", "p/s/b.png"]),
        (["p/a.png", "p"], ["p/a.png", "p/s/b.png"]),
        (["p", "p/a.png"], ["p/s/b.png", "p/a.png"]),
        (["p/a.png", "./p//a.png", "p/s/../a.png"], ["p/a.png"]),
        (["p/s", "p/s/b.png", "p/s/"], ["p/s/b.png"]),
        (["p/a.png", "p/s/b.png"], ["p/a.png", "p/s/b.png"]),
    ],
)
def test_arguments_that_overlap_give_each_file_once(given: list[str], expected: list[str]) -> None:
    """What an argument names comes at that argument, and not again in a search around it."""
    make("p/a.png", "p/s/b.png")
    assert names(*given) == expected


def test_a_file_inside_a_searched_folder_is_still_named() -> None:
    """Naming a file counts, though a folder around it is named before."""
    make("p/a.png", "p/b.png")
    assert list(search("p", "p/a.png")) == [
        FoundFile("p/b.png", FileKind.IMAGE, explicit=False),
        FoundFile("p/a.png", FileKind.IMAGE, explicit=True),
    ]


def test_absolute_and_relative_names_of_a_folder_are_one(folder: Path) -> None:
    """Two spellings of a folder are searched once, as spelled first."""
    make("p/a.png")
    assert names("p", str(folder / "p"), str(folder)) == ["p/a.png"]


@posix
def test_a_named_link_to_a_folder_is_searched() -> None:
    """Naming a link means the folder behind it, which then is the same folder."""
    make("p/a.png")
    Path("link").symlink_to("p")
    assert names("link") == ["link/a.png"]
    assert names("link", "p") == ["link/a.png"]
    assert names("p", "link/a.png") == ["link/a.png"]


@pytest.mark.parametrize("path", ["gone.png", "gone/", "", "a\0b"])
def test_a_path_that_does_not_exist_is_missing(path: str) -> None:
    """The caller learns of it beforehand; a search passes it and goes on."""
    Path("here.png").touch()
    assert missing(["here.png", path, "-"]) == [path]
    assert [type(entry) for entry in search(path, "here.png")] == [SkippedFile, FoundFile]


@posix
def test_a_broken_link_is_not_missing() -> None:
    """It exists, and the search says what is wrong with it."""
    Path("broken.png").symlink_to("nowhere.png")
    assert missing(["broken.png"]) == []
