"""What an audit or a check could not read is printed, is in the JSON, and decides the exit code."""

import json
import multiprocessing
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imgbudget.auditing import records
from imgbudget.linter import files
from imgbudget.model.location import Location
from imgbudget.model.subjects import ImageFacts, ImageUse, Origin
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.datasets import STRUCT, as_tar, as_zip
from tests.processes import one_thread

CLEAN = image_bytes((560, 560))
TINY = image_bytes((100, 100))

forked = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="workers do not inherit what is patched"
)


@pytest.fixture(autouse=True)
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting a worker afresh takes a second."""
    one_thread(monkeypatch)


def audit(imgbudget: Command, *arguments: str) -> Any:
    """An audit with its report in JSON."""
    return imgbudget("audit", *arguments, "--isolated", "--format", "json")


def truncated(path: Path) -> None:
    """A tar archive without its end."""
    as_tar(path)
    path.write_bytes(path.read_bytes()[:3000])


def encrypted(path: Path) -> None:
    """A zip archive with a member whose directory entry says that it is encrypted."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", CLEAN)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)


def nested(path: Path) -> None:
    """An archive in an archive in an archive, beside an image."""
    inner = path.with_name("inner.zip")
    as_zip(inner)
    for name in ("middle.zip", path.name):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.png", CLEAN)
            archive.write(inner, "inner.zip" if name == "middle.zip" else name)
        inner.write_bytes(path.read_bytes())
    inner.unlink()


def with_paths(path: Path) -> None:
    """A table with a path that leads nowhere."""
    values = [{"bytes": CLEAN, "path": None}, {"bytes": None, "path": "gone.png"}]
    pq.write_table(pa.table({"image": pa.array(values, STRUCT)}), path)


def listing(path: Path) -> None:
    """A list that names an image that is there and one that is not."""
    path.with_name("a.png").write_bytes(CLEAN)
    path.write_text("".join(f"{json.dumps({'image': name})}\n" for name in ("a.png", "gone.png")))


def garbage(path: Path) -> None:
    """Nothing that the name promises."""
    path.write_bytes(b"no archive " * 100)


UNREAD: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "truncated tar": ("x.tar", truncated, "damaged archive: the archive ends inside"),
    "encrypted zip": ("x.zip", encrypted, "damaged member: it is encrypted"),
    "nested archive": ("x.zip", nested, "an archive inside an archive inside an archive is not opened"),
    "table of paths": ("x.parquet", with_paths, "there is no file at its path"),
    "list": ("x.jsonl", listing, "named in the list: no such file"),
    "wrong zip": ("x.zip", garbage, "damaged archive: "),
    "wrong tar": ("x.tar", garbage, "damaged archive: "),
    "wrong tar.gz": ("x.tar.gz", garbage, "damaged archive: "),
    "wrong parquet": ("x.parquet", garbage, "damaged Parquet file: "),
    "wrong arrow": ("x.arrow", garbage, "damaged Arrow file: "),
    "7z": ("x.7z", garbage, "a 7-Zip archive, which is not read; unpack it with `7z x`"),
}


@pytest.mark.parametrize("case", UNREAD)
def test_anything_unread_exits_2_and_is_named(imgbudget: Command, tmp_path: Path, case: str) -> None:
    """In the exit code, on standard error, in the JSON; also when findings would exit with 1."""
    name, make, reason = UNREAD[case]
    make(tmp_path / name)
    (tmp_path / "tiny.png").write_bytes(TINY)
    target = name if case == "list" else "."
    run = audit(imgbudget, target, "tiny.png", "--fail-on", "warning")
    assert run.code == 2
    assert "imgbudget: error: 1 item could not be read\n" in run.err
    assert reason in run.err
    assert run.json["statistics"]["totals"]["missed"] == 1
    assert any(reason in skip["reason"] and skip["missed"] for skip in run.json["statistics"]["skips"])
    assert "error: 1 item could not be read" in imgbudget("audit", target, "--isolated", "--quiet").err


def fail_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system does not return the bytes of one file, whoever runs the test."""
    probe = records.RecordBuilder._probe_file

    def refuse(self: records.RecordBuilder, path: str, fields: int) -> ImageFacts:
        if path.endswith(name):
            raise PermissionError(13, "Permission denied")
        return probe(self, path, fields)

    monkeypatch.setattr(records.RecordBuilder, "_probe_file", refuse)


@forked
def test_image_without_permission_exits_2(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a finding, and what it looks like is not known."""
    (tmp_path / "a.png").write_bytes(CLEAN)
    (tmp_path / "b.png").write_bytes(CLEAN)
    fail_on("b.png", monkeypatch)
    run = audit(imgbudget, ".", "-j", "1")
    assert run.code == 2
    assert "not read: b.png: cannot be read: permission denied" in run.err
    assert run.json["statistics"]["totals"]["missed"] == 1


def test_image_that_is_damaged_was_read(imgbudget: Command, tmp_path: Path) -> None:
    """Its damage is a finding like others: the exit code is that of findings."""
    (tmp_path / "a.png").write_bytes(CLEAN[:100])
    assert audit(imgbudget, ".").code == 0
    assert audit(imgbudget, ".", "--fail-on", "error").code == 1


@forked
def test_request_file_that_cannot_be_read_exits_2(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A named one is a finding, one that was found a skip; both were not read."""
    write_json(tmp_path / "r.json", body(image_block()))
    original = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith("r.json"):
            raise PermissionError(13, "Permission denied")
        return original(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    for path in ("r.json", "."):
        run = audit(imgbudget, path, "-j", "1")
        assert (run.code, run.json["statistics"]["totals"]["missed"]) == (2, 1)
        checked = imgbudget("check", path, "--isolated", "--fail-on", "never")
        assert checked.code == 0
        assert imgbudget("check", path, "--isolated", "--exit-zero", "--fail-on-unread").code == 2


def test_unreadable_folder_exits_2(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with `check --fail-on-unread`, and not without."""
    (tmp_path / "sound.png").write_bytes(CLEAN)
    (tmp_path / "locked").mkdir()
    original = os.scandir

    def refuse(path: Any = ".") -> Any:
        if str(path).rstrip("/").endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(os, "scandir", refuse)
    run = audit(imgbudget, ".")
    assert run.code == 2
    assert "not read: locked: permission denied" in run.err
    assert imgbudget("check", ".", "--isolated").code == 0
    assert imgbudget("check", ".", "--isolated", "--fail-on-unread").code == 2


def test_unread_image_is_told_from_a_damaged_one_by_check(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--fail-on-unread is about what was not read; damage is a finding."""
    (tmp_path / "a.png").write_bytes(CLEAN[:100])
    assert imgbudget("check", "a.png", "--isolated", "--fail-on-unread").code == 1

    def refuse(path: str, _fields: int) -> ImageUse:
        facts = ImageFacts(byte_size=0, damage="cannot be read: input/output error")
        return ImageUse(Location(path), Origin.PATH, facts, None, 0)

    monkeypatch.setattr(files, "read_image", refuse)
    assert imgbudget("check", "a.png", "--isolated").code == 1
    assert imgbudget("check", "a.png", "--isolated", "--fail-on-unread").code == 2


def empty_zip(path: Path) -> None:
    """An archive of nothing."""
    zipfile.ZipFile(path, "w").close()


def text_zip(path: Path) -> None:
    """An archive of text and JSON."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "x")
        archive.writestr("a.json", "{}")


def text_tar(path: Path) -> None:
    """An archive of a link."""
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "x"
        archive.addfile(info)


def text_table(path: Path) -> None:
    """A table without a column of images."""
    pq.write_table(pa.table({"text": ["a"]}), path)


def no_rows(path: Path) -> None:
    """A table of images without rows."""
    pq.write_table(pa.table({"image": pa.array([], STRUCT)}), path)


def text(path: Path) -> None:
    """A file of text."""
    path.write_text("text")


EMPTY: dict[str, tuple[str, Callable[[Path], None]]] = {
    "empty zip": ("x.zip", empty_zip),
    "zip of text": ("x.zip", text_zip),
    "tar of a link": ("x.tar", text_tar),
    "table of text": ("x.parquet", text_table),
    "table without rows": ("x.parquet", no_rows),
    "text": ("x.txt", text),
    "unknown bytes": ("x", text),
}


@pytest.mark.parametrize("case", EMPTY)
def test_argument_in_which_nothing_was_found_exits_2(imgbudget: Command, tmp_path: Path, case: str) -> None:
    """It is named, though another argument has images."""
    name, make = EMPTY[case]
    make(tmp_path / name)
    (tmp_path / "sound").mkdir()
    (tmp_path / "sound" / "a.png").write_bytes(CLEAN)
    run = audit(imgbudget, "sound", name)
    assert run.code == 2
    assert f"imgbudget: error: {name}: no image was found in it: " in run.err
    assert run.json["run"]["without_images"] == [name]
    (empty,) = run.json["run"]["empty"]
    assert empty["argument"] == name
    assert empty["reason"]
    assert empty["hint"]
    assert audit(imgbudget, "sound").code == 0
    accepted = audit(imgbudget, "sound", name, "--allow-unread")
    assert (accepted.code, accepted.json["run"]["without_images"]) == (0, [name])
    assert f"imgbudget: warning: {name}: no image was found in it: " in accepted.err


def test_every_argument_has_an_image_or_the_exit_code_is_2(imgbudget: Command, tmp_path: Path) -> None:
    """A folder of text, an empty one, requests without images; beside images they are only skipped."""
    (tmp_path / "text").mkdir()
    assert audit(imgbudget, "text").code == 2
    (tmp_path / "text" / "a.txt").write_text("x")
    run = audit(imgbudget, "text")
    assert (run.code, run.json["run"]["empty"][0]["reason"]) == (2, "not an image or a request")
    write_json(tmp_path / "text" / "r.json", body("text"))
    run = audit(imgbudget, "text")
    assert (run.code, run.json["run"]["empty"][0]["reason"]) == (2, "1 request or document without an image")
    empty_zip(tmp_path / "text" / "x.zip")
    (tmp_path / "text" / "a.png").write_bytes(CLEAN)
    assert audit(imgbudget, "text").code == 0


@pytest.mark.parametrize(
    "names", [("d", "d/a.png"), ("d/a.png", "d"), ("d", "d/sub"), ("d", "b.png"), (".", "d")]
)
def test_argument_whose_images_were_found_through_another_one_is_not_empty(
    imgbudget: Command, tmp_path: Path, names: tuple[str, str]
) -> None:
    """Each file is counted once, under the first argument that holds it."""
    (tmp_path / "d" / "sub").mkdir(parents=True)
    (tmp_path / "d" / "a.png").write_bytes(CLEAN)
    (tmp_path / "d" / "sub" / "it's.png").write_bytes(CLEAN + b"x")
    (tmp_path / "b.png").hardlink_to(tmp_path / "d" / "a.png")
    run = audit(imgbudget, *names)
    assert run.json["run"]["without_images"] == []


def test_reason_of_an_empty_argument_is_what_could_not_be_read(imgbudget: Command, tmp_path: Path) -> None:
    """Rather than the files that are no images, though there are more of them."""
    (tmp_path / "x.tar").write_bytes(b"no archive at all " * 100)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("x")
    (empty,) = audit(imgbudget, ".").json["run"]["empty"]
    assert empty["reason"].startswith("3 items in it, 1 of them: damaged archive: ")
    assert empty["hint"] == "see what was not read"


@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("error", 1)])
def test_allowing_what_is_unread_leaves_the_findings(
    imgbudget: Command, tmp_path: Path, fail_on: str, code: int
) -> None:
    """It is printed all the same, and --fail-on decides alone."""
    (tmp_path / "broken.png").write_bytes(CLEAN[:60])
    (tmp_path / "x.tar").write_bytes(b"no archive at all " * 100)
    assert audit(imgbudget, ".", "--fail-on", fail_on).code == 2
    run = audit(imgbudget, ".", "--fail-on", fail_on, "--allow-unread")
    assert run.code == code
    assert "imgbudget: warning: 1 item could not be read" in run.err
    assert "not read: x.tar: damaged archive: " in run.err


@pytest.mark.parametrize("name", ["r.json.gz", "r.zip", "r.TAR", "r.jsonl.zst", "r.7z", "r.parquet"])
def test_a_named_archive_is_said_to_be_unread(imgbudget: Command, name: str) -> None:
    """A check opens none; in a folder they are skipped as other files are."""
    Path("d").mkdir()
    Path("d", name).write_bytes(b"\x1f\x8b\x08\0packed")
    done = imgbudget("check", f"d/{name}", "--fail-on-unread")
    assert done.code == 2
    assert f"not checked: d/{name}" in done.err
    assert imgbudget("check", f"d/{name}").code == 0
    assert imgbudget("check", "d", "--fail-on-unread").code == 0
