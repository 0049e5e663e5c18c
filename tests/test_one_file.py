"""A file with several names, by links or hard links, is one file: checked, counted and fixed once."""

import hashlib
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

import imgbudget as package
from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import FoundFile, SkippedFile
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command, posix
from tests.trees import folder, search

__all__ = ["folder"]

pytestmark = [pytest.mark.usefixtures("folder"), posix]

WIDE = image_bytes((1700, 300), "JPEG")

Naming = Callable[[Path, Path], None]


def link(target: Path, name: Path) -> None:
    """A relative link."""
    name.parent.mkdir(parents=True, exist_ok=True)
    name.symlink_to(os.path.relpath(target, name.parent))


def chain(target: Path, name: Path) -> None:
    """A link to a link, with an absolute path."""
    link(target, Path("elsewhere/middle"))
    name.parent.mkdir(parents=True, exist_ok=True)
    name.symlink_to(Path("elsewhere/middle").absolute())


def hard_link(target: Path, name: Path) -> None:
    """A second name of equal rank."""
    name.parent.mkdir(parents=True, exist_ok=True)
    os.link(target, name)


def put(name: str, data: bytes = WIDE) -> Path:
    """A file with its folders."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def hub(revisions: int = 2) -> tuple[Path, Path]:
    """The cache of a hub: the content by its hash, and each revision's names as links; with one broken."""
    blob = put(f"hub/blobs/{hashlib.sha256(WIDE).hexdigest()}")
    broken = put("hub/blobs/" + "0" * 64, b"not an image")
    for revision in range(revisions):
        link(blob, Path(f"hub/snapshots/{revision}/a.jpg"))
        link(broken, Path(f"hub/snapshots/{revision}/b.jpg"))
    return blob, broken


@pytest.mark.parametrize("name", ["a.jpg", "z.jpg", "deep/er/z.jpg", "0/z.jpg"])
@pytest.mark.parametrize("kind", [link, chain, hard_link])
def test_a_second_name_is_skipped_with_the_first(kind: Naming, name: str) -> None:
    """In one folder or in several; links come last, so that a file is checked under its own name."""
    kind(put("p/m.jpg"), Path("p", name))
    (first,) = [entry for entry in search("p") if isinstance(entry, FoundFile)]
    (second,) = [entry for entry in search("p") if isinstance(entry, SkippedFile)]
    assert {first.path, second.path} == {"p/m.jpg", f"p/{name}"}
    assert second.reason == f"the same file as {first.path}"
    assert not second.missed
    assert kind is hard_link or first.path == "p/m.jpg"


def test_a_target_in_a_later_folder_is_found_by_its_own_name() -> None:
    """A link could not be renamed by a fix, and a file can."""
    link(put("p/z/real.tif"), Path("p/a.tif"))
    assert list(search("p")) == [
        FoundFile("p/z/real.tif", FileKind.IMAGE),
        SkippedFile("p/a.tif", "the same file as p/z/real.tif"),
    ]


@pytest.mark.parametrize("kind", [link, chain, hard_link])
@pytest.mark.parametrize("given", [("p", "q/a.jpg"), ("q/a.jpg", "p"), ("p/m.jpg", "q/a.jpg"), ("p", "q")])
def test_the_named_path_is_the_one_that_is_checked(kind: Naming, given: tuple[str, str]) -> None:
    """A search skips what an argument names under another path; of two named paths, the later one."""
    kind(put("p/m.jpg"), Path("q/a.jpg"))
    entries = list(search(*given))
    found = [entry.path for entry in entries if isinstance(entry, FoundFile)]
    assert found == (["p/m.jpg"] if given in {("p/m.jpg", "q/a.jpg"), ("p", "q")} else ["q/a.jpg"])
    assert len(entries) == 2


def test_files_of_several_names_and_folders_are_each_found_once() -> None:
    """Hard links of whole trees, as copies of backups have them, and several links to each file."""
    for number in range(6):
        file = put(f"a/{number}.jpg", WIDE + bytes(number))
        for copy in ("b", "c/d"):
            hard_link(file, Path(copy, file.name))
        link(file, Path("e", file.name))
    entries = list(search("."))
    assert [entry.path for entry in entries if isinstance(entry, FoundFile)] == [
        f"a/{n}.jpg" for n in range(6)
    ]
    reasons = [entry.reason for entry in entries if isinstance(entry, SkippedFile)]
    assert reasons == 3 * [f"the same file as a/{number}.jpg" for number in range(6)]


def test_equal_numbers_of_two_file_systems_are_two_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of an inode is only a hint; each file system counts for itself, and some have no numbers."""
    for name in ("a/1.jpg", "a/2.jpg", "b/3.jpg"):
        put(name)
    link(Path("b/3.jpg"), Path("c/4.jpg"))
    real = os.scandir

    class Same:
        def __init__(self, entry: "os.DirEntry[str]") -> None:
            self.name, self.path = entry.name, entry.path
            self.is_file, self.is_dir = entry.is_file, entry.is_dir

        def inode(self) -> int:
            return 7

    class Entries(list[Same]):
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", lambda path: Entries(map(Same, real(path))))
    found = [entry.path for entry in search(".") if isinstance(entry, FoundFile)]
    assert found[:3] == ["a/1.jpg", "a/2.jpg", "b/3.jpg"]


def test_a_name_under_which_it_is_read_otherwise_is_checked_too(imgbudget: Command) -> None:
    """Neither a misleading suffix nor one for another format hides a finding."""
    png = put("a/x.json", image_bytes((300, 300)))
    link(png, Path("a/y.png"))
    link(png, Path("a/z.jpg"))
    block = image_block(image_bytes((300, 300)))
    rows = put("b/rows.json", 2 * (json.dumps(body(block)) + "\n").encode())
    link(rows, Path("b/rows.jsonl"))
    run = imgbudget("check", "--format", "json", "--select", "ALL")
    assert {(entry["path"], entry["code"]) for entry in run.json["findings"]} >= {("a/z.jpg", "IB105")}
    paths = [image["path"] for image in run.json["images"]]
    # rows in a file of one document are no JSON; the images in them are checked all the same
    assert paths == [*2 * ["b/rows.json"], "a/y.png", "a/z.jpg", *2 * ["b/rows.jsonl"]]


def skipped(report: dict[str, dict[str, list[dict[str, str]]]]) -> list[tuple[str, str]]:
    """The skipped files and the reasons."""
    return [(entry["path"], entry["reason"]) for entry in report["summary"]["skipped"]]


def test_a_hub_cache_is_counted_once_and_its_broken_files_are_found(imgbudget: Command) -> None:
    """Blobs come first and have no suffix; a link to one that is no image is a finding under its own name."""
    blob, _ = hub()
    run = imgbudget("check", "hub", "--format", "json")
    assert [image["path"] for image in run.json["images"] if image["format"]] == [str(blob)]
    assert [(f["path"], f["code"]) for f in run.json["findings"] if f["code"] == "IB001"] == [
        ("hub/snapshots/0/b.jpg", "IB001")
    ]
    assert ("hub/snapshots/1/a.jpg", f"the same file as {blob}") in skipped(run.json)
    assert (
        run.json["summary"]["visual_tokens"]
        == imgbudget("check", str(blob), "--format", "json").json["summary"]["visual_tokens"]
    )
    text = imgbudget("check", "hub")
    assert f"skipped hub/snapshots/0/a.jpg: the same file as {blob}" in text.err


def test_snapshots_alone_have_one_of_each_file(imgbudget: Command) -> None:
    """Of several links to one file outside the argument, the first is checked."""
    hub(3)
    run = imgbudget("check", "hub/snapshots", "--format", "json")
    assert [image["path"] for image in run.json["images"]] == [
        "hub/snapshots/0/a.jpg",
        "hub/snapshots/0/b.jpg",
    ]
    assert len(skipped(run.json)) == 4


@pytest.mark.parametrize("kind", [link, hard_link])
def test_every_command_counts_it_once(imgbudget: Command, kind: Naming) -> None:
    """Plan, audit and the API count as check does."""
    kind(put("p/a.jpg"), Path("p/b.jpg"))
    assert imgbudget("plan", "p", "--format", "json").json["summary"]["images"] == 1
    for command in ("check", "plan"):
        assert "skipped p/b.jpg: the same file as p/a.jpg" in imgbudget(command, "p").err
        assert "skipped" not in imgbudget(command, "p", "--quiet").err
    assert len(package.check("p").images) == 1
    assert imgbudget("audit", "p", "--format", "json").json["statistics"]["totals"]["images"] == 1


def test_requests_are_counted_once(imgbudget: Command) -> None:
    """A link such as `latest.json` to a request in the same folder."""
    Path("p").mkdir()
    request = write_json(Path("p/request.json"), body(image_block(image_bytes((300, 300)))))
    link(request, Path("p/latest.json"))
    summary = imgbudget("check", "p", "--format", "json").json["summary"]
    assert (summary["requests"], len(summary["skipped"])) == (1, 1)


def test_an_archive_is_audited_once(imgbudget: Command) -> None:
    """The images in it are not counted again through a link to it."""
    put("in.jpg")
    Path("p").mkdir()
    with tarfile.open("p/a.tar", "w") as archive:
        archive.add("in.jpg")
    link(Path("p/a.tar"), Path("p/b.tar"))
    hard_link(Path("p/a.tar"), Path("p/c.tar"))
    assert imgbudget("audit", "p", "--format", "json").json["statistics"]["totals"]["images"] == 1


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_file_is_fixed_once_through_its_link_or_name(imgbudget: Command, jobs: str) -> None:
    """Also where fixing gives it a new inode before its other name is found; a second run changes nothing."""
    for number in range(8):
        link(put(f"p/m{number}.jpg"), Path(f"p/z/{number}.jpg"))
        link(Path(f"p/m{number}.jpg"), Path(f"p/{number}.jpg"))
    run = imgbudget("check", "--fix", "p", "--format", "json", "-j", jobs)
    assert (run.json["summary"]["images"], len(skipped(run.json))) == (8, 16)
    assert len({path.resolve() for path in Path("p").rglob("*.jpg")}) == 8
    assert imgbudget("check", "p").code == 0


def test_hard_links_are_left_as_they_are(imgbudget: Command) -> None:
    """Replacing one name would leave the other with the old content."""
    hard_link(put("p/a.jpg"), Path("p/b.jpg"))
    run = imgbudget("check", "--fix", "p")
    assert "p/a.jpg: has 2 hard links" in run.err
    assert Path("p/a.jpg").read_bytes() == Path("p/b.jpg").read_bytes() == WIDE


def test_an_output_tree_has_all_names(imgbudget: Command) -> None:
    """Each name holds the fixed image there, though it is one image of the run."""
    blob, _ = hub()
    hard_link(blob, Path("hub/c.jpg"))
    run = imgbudget("check", "--fix", "--output-dir", "out", "hub", "--format", "json")
    made = [Path("out", name) for name in ("c.jpg", "snapshots/0/a.jpg", "snapshots/1/a.jpg")]
    assert {path.read_bytes()[:2] for path in made} == {b"\xff\xd8"}
    assert all(len(path.read_bytes()) < len(WIDE) for path in made)
    assert [image["path"] for image in run.json["images"] if image["format"]] == ["hub/c.jpg"]
    assert blob.read_bytes() == WIDE


def test_a_name_without_suffix_is_the_same_file(imgbudget: Command) -> None:
    """It is read by its bytes, and its link as well if they are an image."""
    link(put("p/blob"), Path("p/c.jpg"))
    run = imgbudget("check", "p", "--format", "json")
    assert [image["path"] for image in run.json["images"]] == ["p/blob"]
    assert skipped(run.json) == [("p/c.jpg", "the same file as p/blob")]


def counted(imgbudget: Command, *arguments: str) -> tuple[int, int, int, int]:
    """The exit code of an audit, its images, its other names of files, and what its rows have as such."""
    run = imgbudget("audit", *arguments, "--isolated", "-j", "1", "--format", "json")
    totals, skips = run.json["statistics"]["totals"], run.json["statistics"]["skips"]
    links = sum(skip["items"] for skip in skips if skip["reason"].startswith("another name of a file"))
    return run.code, totals["images"], totals["links"], links


def test_an_audit_counts_a_file_once_whatever_names_it(imgbudget: Command) -> None:
    """A list and its folder, a list by two names, a table and its folder; each row of a list is an image."""
    import pyarrow as pa  # noqa: PLC0415 - this test only
    import pyarrow.parquet as pq  # noqa: PLC0415 - this test only

    for number in range(3):
        put(f"p/{number}.jpg", WIDE + bytes(number))
    names = ["0.jpg", "1.jpg", "1.jpg"]
    rows = "".join(json.dumps({"image": name}) + "\n" for name in names)
    put("p/list.jsonl", rows.encode())
    # the rows, and the one file that no row names; the list itself is no other name
    assert counted(imgbudget, "p/list.jsonl", "p") == (0, 4, 2, 2)
    assert counted(imgbudget, "p", "./p/list.jsonl") == (0, 4, 2, 2)
    link(Path("p/0.jpg"), Path("q/a.jpg"))
    hard_link(Path("p/2.jpg"), Path("q/b.jpg"))
    assert counted(imgbudget, "p/list.jsonl", "q", "p") == (0, 4, 4, 4)
    assert counted(imgbudget, "p/list.jsonl", "./p/list.jsonl") == (0, 3, 0, 0)
    hard_link(Path("p/list.jsonl"), Path("p/other.jsonl"))
    assert counted(imgbudget, "p/list.jsonl", "p/other.jsonl") == (0, 3, 1, 1)
    Path("t").mkdir()
    pq.write_table(pa.table({"image": [f"../p/{name}" for name in names]}), "t/t.parquet")
    assert counted(imgbudget, "t", "q", "p/0.jpg", "--allow-outside")[1] == 5
    pq.write_table(pa.table({"image": names}), "p/t.parquet")
    for path in Path("p").glob("*.jsonl"):
        path.unlink()
    assert counted(imgbudget, "p/t.parquet", "p") == (0, 3, 3, 3)
    text = imgbudget("audit", "p/t.parquet", "p", "--isolated", "-j", "1").out
    assert "\n3 other names of files that are read (links): each file is counted once\n" in text
    assert "skipped\n" not in text.partition("\n\n")[0]
