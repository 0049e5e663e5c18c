"""What a search of folders meets: kinds, order, links, devices, odd names, folders that go away."""

import errno
import os
import socket
import sys
from pathlib import Path

import pytest

from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import FoundFile, SkippedFile, missing
from tests.trees import folder, make, names, search

__all__ = ["folder"]

pytestmark = pytest.mark.usefixtures("folder")
posix = pytest.mark.skipif(os.name == "nt", reason="links and devices as POSIX has them")
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")


def test_a_folder_without_files_gives_nothing(folder: Path) -> None:
    """Folders are no files: an empty tree has nothing to report."""
    (folder / "a/b").mkdir(parents=True)
    assert names("a") == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", FileKind.IMAGE),
        ("a.JPeG", FileKind.IMAGE),
        ("a.b.webp", FileKind.IMAGE),
        (".png", FileKind.IMAGE),
        ("a.heic", FileKind.IMAGE),
        ("a.tiff", FileKind.IMAGE),
        ("a.json", FileKind.JSON),
        ("a.JSONL", FileKind.JSONL),
        ("a.ndjson", FileKind.JSONL),
        ("README", FileKind.UNKNOWN),
        ("png", FileKind.UNKNOWN),
        ("a.", FileKind.UNKNOWN),
        ("a.png.part", FileKind.UNKNOWN),
    ],
)
def test_the_suffix_decides_the_expected_kind(name: str, kind: FileKind) -> None:
    """A file that may be an image or a request is found with its kind, in any case."""
    make(name)
    assert list(search(".")) == [FoundFile(name, kind, explicit=False)]


@pytest.mark.parametrize("name", ["a.py", "a.TXT", "a.tar.gz", "a.pdf", "a.mp4", "a.parquet", ".gitignore"])
def test_what_is_known_to_be_neither_is_passed(name: str) -> None:
    """Text, code, data and archives are counted and not opened."""
    make(name)
    assert list(search(".")) == [SkippedFile(name, "not an image or a request")]


def test_files_come_by_name_and_before_the_folders_beside_them() -> None:
    """The order is the same on every file system."""
    make("b/x.png", "b/c/y.png", "z.png", "a.png", "B.png", "a/y.png", "a-/w.png", "a.d/v.png")
    order = ["B.png", "a.png", "z.png", "a/y.png", "a-/w.png", "a.d/v.png", "b/x.png", "b/c/y.png"]
    assert names(".") == order


@linux
def test_names_are_ordered_by_their_bytes_and_may_be_any_bytes(folder: Path) -> None:
    """Line feeds and bytes that are no UTF-8 go through and keep their place."""
    raw = [b"a\nb.png", b"a.png", b"\xc3\xa9.png", b"\xee\x80\x80.png", b"\xff.png", b"\xf0\x9f\x98\x80.png"]
    for name in raw:
        Path(os.fsdecode(name)).touch()
    assert [os.fsencode(path) for path in names(".")] == sorted(raw)
    assert os.fsencode(names(str(folder))[-1]).endswith(b"/\xff.png")


def test_every_file_is_found_once(folder: Path) -> None:
    """FoundFile and skipped files together are all files."""
    for number in range(300):
        suffix = ("png", "py", "json", "")[number % 4]
        make("/".join(str(number // 7**step % 7) for step in (3, 2, 1)) + f"/{number}.{suffix}")
    there = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    entry = names(".")
    assert len(entry) == 300
    assert sorted(entry) == sorted(there)


def test_the_search_goes_only_as_far_as_it_is_asked() -> None:
    """A folder is read when its turn comes: what appears before is found."""
    make("a/1.png", "b/1.png")
    entry = search(".")
    assert next(entry).path == "a/1.png"
    make("b/2.png")
    assert [item.path for item in entry] == ["b/1.png", "b/2.png"]


@posix
def test_links_to_files_are_files_and_links_to_folders_are_not_followed() -> None:
    """A search never leaves the tree, and never runs in circles."""
    make("p/a.png", "q/b.png")
    Path("p/file.png").symlink_to("../q/b.png")
    Path("p/folder").symlink_to("../q")
    Path("p/loop").symlink_to("..")
    assert names("p") == ["p/a.png", "p/file.png"]


@posix
def test_links_that_lead_nowhere_are_passed() -> None:
    """A broken link and a link to itself are named, in a search and when given."""
    Path("broken.png").symlink_to("nowhere.png")
    Path("self.png").symlink_to("self.png")
    expected = [
        SkippedFile("broken.png", "broken symbolic link"),
        SkippedFile("self.png", os.strerror(errno.ELOOP).lower()),
    ]
    assert list(search(".")) == expected
    assert list(search("broken.png", "self.png")) == expected


@posix
def test_what_is_no_regular_file_is_passed_and_not_opened() -> None:
    """A pipe without a writer, a socket and a device cannot hang the run."""
    make("a.png")
    os.mkfifo("fifo.png")
    Path("link.png").symlink_to("fifo.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        assert list(search(".")) == [
            FoundFile("a.png", FileKind.IMAGE),
            SkippedFile("fifo.png", "not a regular file (FIFO)"),
            SkippedFile("link.png", "not a regular file (FIFO)"),
            SkippedFile("socket.png", "not a regular file (socket)"),
        ]
    assert list(search("fifo.png", "/dev/null")) == [
        SkippedFile("fifo.png", "not a regular file (FIFO)"),
        SkippedFile("/dev/null", "not a regular file (character device)"),
    ]


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_passed() -> None:
    """The rest of the tree is searched all the same."""
    make("closed/a.png", "open/a.png")
    Path("closed").chmod(0)
    try:
        entry = list(search("."))
        named = list(search("closed/a.png"))
        gone = missing(["closed/a.png"])
    finally:
        Path("closed").chmod(0o755)
    assert entry == [
        SkippedFile("closed", "permission denied: the folder was not searched"),
        FoundFile("open/a.png", FileKind.IMAGE),
    ]
    assert named == [SkippedFile("closed/a.png", "permission denied")]
    assert gone == []


def test_a_folder_that_vanishes_is_passed() -> None:
    """A folder that is removed or replaced before it is searched is named."""
    make("a/1.png", "b/1.png", "c/1.png", "d/1.png")
    entry = search(".")
    next(entry)
    for name in ("b", "c"):
        Path(name, "1.png").unlink()
        Path(name).rmdir()
    Path("c").touch()
    gone, replaced, last = entry
    assert gone == SkippedFile("b", "deleted before it could be checked: the folder was not searched")
    assert isinstance(replaced, SkippedFile)
    assert replaced.path == "c"
    assert last == FoundFile("d/1.png", FileKind.IMAGE)


@linux
def test_a_tree_deeper_than_paths_may_be_is_passed_where_it_ends(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search ends with a named folder when the system takes no longer path."""
    for _ in range(25):
        os.mkdir("d" * 200)
        monkeypatch.chdir("d" * 200)
    Path("a.png").touch()
    monkeypatch.chdir(folder)
    (entry,) = search(".")
    assert isinstance(entry, SkippedFile)
    assert entry.reason == f"{os.strerror(errno.ENAMETOOLONG).lower()}: the folder was not searched"
