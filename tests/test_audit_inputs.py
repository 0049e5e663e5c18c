"""Every form of a dataset gives the same numbers, and no part of it is dropped silently."""

import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.builders import body, image_block, image_bytes, write_json
from tests.datasets import (
    IMAGES,
    STRUCT,
    as_arrow,
    as_folder,
    as_manifest,
    as_parquet,
    as_tar,
    as_zip,
    facts_of,
    rows_of,
    skips_of,
)

FORMS: dict[str, Callable[[Path], Path]] = {
    "tar": lambda at: as_tar(at / "x.tar"),
    "ustar": lambda at: as_tar(at / "x.tar", form=tarfile.USTAR_FORMAT),
    "gnu tar": lambda at: as_tar(at / "x.tar", form=tarfile.GNU_FORMAT),
    "tar.gz": lambda at: as_tar(at / "x.tar.gz", mode="w:gz"),
    "tar.bz2": lambda at: as_tar(at / "x.tar.bz2", mode="w:bz2"),
    "tar.xz": lambda at: as_tar(at / "x.tar.xz", mode="w:xz"),
    "zip": lambda at: as_zip(at / "x.zip"),
    "deflated zip": lambda at: as_zip(at / "x.zip", packing=zipfile.ZIP_DEFLATED),
    "lzma zip": lambda at: as_zip(at / "x.zip", packing=zipfile.ZIP_LZMA),
    "parquet": lambda at: as_parquet(at / "x.parquet"),
    "arrow stream": lambda at: as_arrow(at / "x.arrow"),
    "arrow file": lambda at: as_arrow(at / "x.arrow", stream=False),
    "llava": lambda at: as_manifest(at, "llava"),
    "openai": lambda at: as_manifest(at, "openai"),
    "coco": lambda at: as_manifest(at, "coco"),
    "metadata": lambda at: as_manifest(at, "metadata"),
}


@pytest.fixture(scope="module")
def folder_rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The facts of the plain folder."""
    return [facts_of(row) for row in rows_of(as_folder(tmp_path_factory.mktemp("plain")))]


@pytest.mark.parametrize("form", FORMS)
def test_facts_are_those_of_the_folder(tmp_path: Path, folder_rows: list[dict[str, Any]], form: str) -> None:
    """Sizes, tokens, findings and hashes depend on the images, not on how they lie."""
    rows = [facts_of(row) for row in rows_of(FORMS[form](tmp_path))]
    assert sorted(map(repr, rows)) == sorted(map(repr, folder_rows))
    assert len(rows) == len(IMAGES)


def test_archives_in_a_folder_are_opened_beside_its_images(tmp_path: Path) -> None:
    """Shards and images of one folder make one dataset."""
    as_tar(tmp_path / "0.tar")
    as_zip(tmp_path / "1.zip")
    as_folder(tmp_path / "more")
    rows = rows_of(tmp_path)
    assert [row["subject"] for row in rows] == ["image"] * 3 * len(IMAGES)


def test_everything_that_is_no_image_is_named_with_its_reason(tmp_path: Path) -> None:
    """Text, data without images, entries of a list without a file: each is a row with a reason."""
    (tmp_path / "readme.txt").write_text("x")
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "text.parquet")
    values = [{"bytes": None, "path": None}, None, {"bytes": None, "path": "gone.png"}]
    pq.write_table(pa.table({"image": pa.array(values, STRUCT)}), tmp_path / "nulls.parquet")
    assert skips_of(rows_of(tmp_path)) == {
        "holds no column of images": 1,
        "its bytes are not in the file, and there is no file at its path": 1,
        "not an image or a request": 1,
        "the row holds no image": 2,
    }


def test_image_lists_report_unusable_entries(tmp_path: Path) -> None:
    """Missing files, web addresses, entries without an image and invalid JSON lines are all reported."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    lines = [
        json.dumps({"image": "a.png"}),
        json.dumps({"image": "gone.png"}),
        json.dumps({"image": "https://example.org/a.png"}),
        json.dumps({"text": "no image"}),
        "{",
    ]
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    assert skips_of(rows_of(tmp_path / "list.jsonl")) == {
        "named in the list: no such file": 1,
        "not JSON, or not an object": 1,
        "named in the list: a URL outside those of the command line; --allow-remote opens it": 1,
        "the entry names no image": 1,
    }


def test_sizes_that_a_list_claims_are_checked(tmp_path: Path) -> None:
    """A claim that fits, turned or not, is silent; another one becomes the row's note."""
    (tmp_path / "a.png").write_bytes(image_bytes((300, 200)))
    sizes = ((300, 200), (200, 300), (640, 480))
    images = [{"file_name": "a.png", "width": width, "height": height} for width, height in sizes]
    write_json(tmp_path / "coco.json", {"images": images})
    notes = [row["note"] for row in rows_of(tmp_path / "coco.json")]
    assert notes == [None, None, "the manifest claims 640x480"]


def test_paths_of_a_list_begin_at_the_image_root(tmp_path: Path) -> None:
    """LLaVA's lists lie elsewhere than the images."""
    as_folder(tmp_path / "pictures")
    write_json(tmp_path / "list.json", [{"image": name} for name in IMAGES])
    rows = rows_of(tmp_path / "list.json", root=str(tmp_path / "pictures"))
    assert [row["member"] for row in rows if row["subject"] == "image"] == list(IMAGES)


def test_archive_that_is_cut_off_gives_what_it_has(tmp_path: Path) -> None:
    """The members before the damage are rows, the rest is named as lost."""
    path = as_tar(tmp_path / "x.tar", form=tarfile.USTAR_FORMAT)
    data = path.read_bytes()
    first = 512 + -(-len(IMAGES["a/big.jpg"]) // 512) * 512
    path.write_bytes(data[: first + 600])
    image, rest = rows_of(path)
    assert (image["member"], image["width"]) == ("a/big.jpg", 3000)
    assert rest["skipped"] == "damaged archive: the archive ends inside a/copy.png; the rest is lost"
    assert rest["missed"]


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.parquet", "x.arrow"])
@pytest.mark.parametrize("data", [b"", b"no archive at all " * 100, b"PK\3\4PAR1\x1f\x8b"])
def test_file_with_a_wrong_extension_is_reported(tmp_path: Path, name: str, data: bytes) -> None:
    """A mislabelled file is one unreadable item; nothing raises."""
    (tmp_path / name).write_bytes(data)
    (tmp_path / "a.png").write_bytes(image_bytes())
    rows = rows_of(tmp_path)
    assert sorted((row["subject"], row["missed"]) for row in rows) == [("image", False), ("skip", True)]


def test_damaged_members_are_reported(tmp_path: Path) -> None:
    """A wrong checksum in a zip archive loses only that member."""
    path = as_zip(tmp_path / "x.zip")
    data = path.read_bytes()
    at = data.index(IMAGES["c.gif"])
    path.write_bytes(data[:at] + b"X" + data[at + 1 :])
    assert skips_of(rows_of(path)) == {"damaged member: its checksum is wrong": 1}


def test_a_zip_archive_with_a_broken_name_ends_no_audit(tmp_path: Path) -> None:
    """A name that is no UTF-8 though the archive says so, and one of no letters: the others are looked at."""
    for name, broken in (("ä.png", b"\xff\xa4.png"), ("b.png", b"")):
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, image_bytes())
        data = bytearray(path.read_bytes())
        at = data.rindex(name.encode())
        if broken:
            data[at : at + len(broken)] = broken
        else:  # the name becomes the comment: their lengths stand 18 and 14 bytes before it
            data[at - 18 : at - 12] = b"\0\0\0\0" + len(name).to_bytes(2, "little")
        path.write_bytes(data)
    (tmp_path / "a.png").write_bytes(image_bytes())
    rows = rows_of(tmp_path)
    assert sorted((row["subject"], row["missed"]) for row in rows) == [
        ("image", False),
        ("skip", True),
        ("skip", True),
    ]


def test_requests_give_rows_for_themselves_and_their_images(tmp_path: Path) -> None:
    """Each line of request JSONL is there, its images with their pointers, bad lines with their finding."""
    lines = [json.dumps(body(image_block(), "text")), "", json.dumps({"x": 1}), "{"]
    (tmp_path / "r.jsonl").write_text("\n".join(lines) + "\n")
    rows = rows_of(tmp_path / "r.jsonl")
    assert [(row["subject"], row["row"], row["pointer"]) for row in rows] == [
        ("image", 0, "/messages/0/content/0/source"),
        ("request", 0, ""),
        ("document", 2, ""),
        ("document", 3, ""),
        ("skip", 1, ""),
    ]
    assert [finding["code"] for row in rows for finding in row["findings"]] == ["IB002", "IB002"]


def test_several_columns_and_lists_of_images_are_all_read(tmp_path: Path) -> None:
    """A row may have images in several columns, and several in one; an empty list beside them is no loss."""
    data = image_bytes()
    table = pa.table(
        {
            "image": pa.array([{"bytes": data, "path": None}] * 2, STRUCT),
            "images": pa.array([[{"bytes": data, "path": None}] * 3, []], pa.list_(STRUCT)),
            "jpg": [data, data],
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    rows = rows_of(tmp_path / "x.parquet")
    places = [(row["subject"], row["row"], row["pointer"]) for row in rows]
    assert places == [
        ("image", 0, "/image"),
        ("image", 0, "/images/0"),
        ("image", 0, "/images/1"),
        ("image", 0, "/images/2"),
        ("image", 0, "/jpg"),
        ("image", 1, "/image"),
        ("image", 1, "/jpg"),
    ]
