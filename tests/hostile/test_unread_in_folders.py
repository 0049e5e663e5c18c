"""What lies in a folder or an archive under a name that says nothing, or as a list, is never passed over."""

import base64
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.builders import image_bytes
from tests.conftest import Command

PICTURE = image_bytes((300, 300))
TEXT = base64.b64encode(image_bytes((30, 30), "JPEG")).decode()


def tarred(*names: str) -> bytes:
    """A tar archive with an image under each name."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(PICTURE)
            archive.addfile(info, io.BytesIO(PICTURE))
    return file.getvalue()


def zipped() -> bytes:
    """A zip archive with two images."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("images/", b"")
        archive.writestr("images/a.png", PICTURE)
        archive.writestr("images/b.png", PICTURE)
    return file.getvalue()


def table() -> bytes:
    """A Parquet file with an image."""
    file = io.BytesIO()
    pq.write_table(pa.table({"image": [PICTURE]}), file)
    return file.getvalue()


def arrow() -> bytes:
    """A Feather file with an image, which is an Arrow file."""
    file = io.BytesIO()
    content = pa.table({"image": [PICTURE]})
    with pa.ipc.new_file(file, content.schema) as writer:
        writer.write_table(content)
    return file.getvalue()


def csv(packing: str = "utf-8", line: str = "\n") -> bytes:
    """A table with an image in base64."""
    return line.join(("image,label", f"{TEXT},a")).encode(packing)


UNREAD = {
    "rar": b"Rar!\x1a\x07\0" + bytes(99),
    "seven.dat": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(99),
    "cut-tar": tarred("a.png", "b.png")[: 1024 + len(PICTURE)],
    "cut-packed-tar": gzip.compress(tarred("a.png"))[:60],
    "cut-zip": zipped()[:-60],
    "cut-table": table()[:-9],
    "old.csv": csv(line="\r"),
    "packed.jsonl.gz": gzip.compress(json.dumps({"image": TEXT}).encode()),
    "cut.csv.gz": gzip.compress(csv())[:-12],
}
READ = {
    "a.csv": csv(),
    "spreadsheet.csv": csv("utf-16"),
    "part-0": table(),
    "part-1": arrow(),
    "a.feather": arrow(),
}
WITHOUT = {
    "b.csv": b"name,label\na,b\n",
    "c.csv.gz": gzip.compress(b"name,label\na,b\n"),
    "Makefile": b"all:\n",
    "log.gz": gzip.compress(b"x"),
}


def test_what_lies_in_a_folder_is_read_or_named(imgbudget: Command, tmp_path: Path) -> None:
    """The unread ones, and tables without a suffix, were passed over with exit code 0."""
    for name, content in (UNREAD | READ | WITHOUT | {"k.png": PICTURE}).items():
        (tmp_path / name).write_bytes(content)
    run = imgbudget("audit", str(tmp_path), "--format", "json", "--isolated")
    statistics = run.json["statistics"]
    examples = [name for skip in statistics["skips"] if skip["missed"] for name in skip["examples"]]
    assert sorted(Path(name).name for name in examples) == sorted(UNREAD)
    before_the_cut = 1
    assert (run.code, statistics["totals"]["images"]) == (2, 1 + len(READ) + before_the_cut)


def test_table_in_a_folder_that_is_named_too_is_read(imgbudget: Command, tmp_path: Path) -> None:
    """As the reason of the unread one says."""
    (tmp_path / "k.png").write_bytes(PICTURE)
    (tmp_path / "a.csv").write_bytes(csv())
    run = imgbudget("audit", str(tmp_path), str(tmp_path / "a.csv"), "--format", "json", "--isolated")
    assert (run.code, run.json["statistics"]["totals"]["images"]) == (0, 2)


def test_archives_under_other_names_in_an_archive_are_named(imgbudget: Command, tmp_path: Path) -> None:
    """They were members of unknown content."""
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("k.png", PICTURE)
        archive.writestr("a", b"Rar!\x1a\x07\0" + bytes(99))
        archive.writestr("b.bin", zipped())
        archive.writestr("c", tarred("a.png"))
        archive.writestr("d", tarred("readme"))
    run = imgbudget("audit", str(outer), "--format", "json", "--isolated")
    totals = run.json["statistics"]["totals"]
    assert (run.code, totals["images"], totals["missed"]) == (2, 1, 3)


@pytest.mark.parametrize(
    "options",
    [
        ("list.csv", "--hashes", "list.csv"),
        ("list.csv", "--dedupe-list", "list.csv"),
        ("k.png", "--against", "list.csv", "--hashes", "list.csv"),
        ("k.png", "--limits", "list.csv", "--html", "list.csv"),
    ],
)
def test_output_that_would_replace_what_is_read_is_refused(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """A list of images was replaced by its own hashes."""
    monkeypatch.chdir(tmp_path)
    Path("k.png").write_bytes(PICTURE)
    Path("list.csv").write_bytes(b"image\nk.png\n")
    run = imgbudget("audit", *options, "--isolated")
    assert (run.code, Path("list.csv").read_bytes()) == (2, b"image\nk.png\n")
    assert "list.csv: is read by this command, and its output would replace it" in run.err


@pytest.mark.parametrize("option", ["--hashes", "--html", "--dedupe-list"])
@pytest.mark.parametrize("name", ["d/k.png", "out.csv"])
def test_output_never_replaces_an_image_in_a_folder(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, name: str
) -> None:
    """Nor anything else that is no text, as a report of an earlier run is."""
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()
    Path("d/k.png").write_bytes(PICTURE)
    Path("out.csv").symlink_to("d/k.png")
    run = imgbudget("audit", "d", "--isolated", option, name)
    assert (run.code, Path("d/k.png").read_bytes()) == (2, PICTURE)
    assert f"{name}: is not text, as all output is, and would be replaced" in run.err
    report = tmp_path / "d" / "caf\xe9.csv"
    report.write_text("é" * 4095 + "x", encoding="utf-8")
    assert imgbudget("audit", "d", "--isolated", "--format", f"csv:{report}").code == 0
    assert report.read_text("utf-8").startswith("source,")
