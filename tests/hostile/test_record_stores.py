"""Stores that a package reads: what is in them, and what they name outside, which is not opened."""

import os
from collections import Counter
from pathlib import Path
from struct import pack_into
from typing import Any

import pyarrow as pa
import pytest

from imgbudget.auditing.inputs import input_of
from imgbudget.auditing.inputs.values import HEAD
from tests.builders import image_bytes
from tests.conftest import Command, posix
from tests.datasets import rows_of, skips_of
from tests.recordfiles import field

PNG, JPEG = image_bytes((300, 200)), image_bytes((640, 480), "JPEG")


def images_of(*paths: Path) -> Counter[tuple[int, int, int | None]]:
    """Width, height and bytes of all images, with how often."""
    rows = (row for row in rows_of(*paths) if row["subject"] == "image")
    return Counter((row["width"], row["height"], row["bytes"]) for row in rows)


def missed_of(*paths: Path) -> dict[str, str]:
    """The reasons of what could not be read, by the name inside the source."""
    return {row["member"] or "": row["skipped"] for row in rows_of(*paths) if row["missed"]}


def database(path: Path, values: dict[bytes, bytes], name: bytes | None = None) -> Path:
    """An LMDB database: a folder, or a file if its name has a suffix."""
    lmdb = pytest.importorskip("lmdb")
    with lmdb.open(str(path), map_size=1 << 22, subdir=not path.suffix, max_dbs=4) as environment:
        handle = environment.open_db(name) if name else None
        with environment.begin(write=True, db=handle) as transaction:
            for key, value in values.items():
                transaction.put(key, value)
    return path


DATUM = field(1, 3) + field(2, 20) + field(3, 30) + field(4, bytes(1800)) + field(5, 7)


def test_values_of_lmdb_are_images(tmp_path: Path) -> None:
    """As LSUN, OCR data sets and Caffe have them; nothing is written beside the database."""
    folder = database(
        tmp_path / "train_lmdb",
        {
            b"image-000000001": PNG,
            b"image-000000002": JPEG,
            b"\xff\x00": PNG,
            b"datum": DATUM,
            b"encoded": field(1, 3) + field(2, 1) + field(3, 1) + field(4, PNG) + field(7, 1),
            b"label-000000001": b"text",
            b"num-samples": b"2",
            b"sample": b"\x80\x04].",
        },
    )
    (folder / "lock.mdb").unlink()
    assert images_of(folder) == {(300, 200, len(PNG)): 3, (640, 480, len(JPEG)): 1, (30, 20, None): 1}
    assert missed_of(folder) == {"sample": "its values are pickled Python objects, which are never loaded"}
    assert "2 of its 8 values are no images" in skips_of(rows_of(folder))
    assert {row["member"] for row in rows_of(folder)} >= {"image-000000001", "ff00"}
    assert os.listdir(folder) == ["data.mdb"]


def test_smallest_values_of_lmdb_that_may_be_images(tmp_path: Path) -> None:
    """No image is shorter; a shorter value is some other one."""
    head = field(1, 3) + field(2, 1) + field(3, 18) + field(5, 1)
    whole = head + field(4, bytes(54))
    assert len(whole) == HEAD
    path = database(tmp_path / "x.lmdb", {b"a": whole, b"image-b": bytes(HEAD), b"image-c": bytes(HEAD - 1)})
    assert images_of(path) == {(18, 1, None): 1}
    assert missed_of(path) == {"image-b": "in no known format of images"}


def test_named_databases_and_single_files_are_read(tmp_path: Path) -> None:
    """Each named database by itself, under its name."""
    path = tmp_path / "x.lmdb"
    for name in (b"train", b"val"):
        database(path, {b"a": PNG, b"b": PNG}, name)
    assert [row["member"] for row in rows_of(path)] == ["train/a", "train/b", "val/a", "val/b"]


def test_large_database_is_several_partitions_and_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each key once."""
    pytest.importorskip("lmdb")
    monkeypatch.setattr(input_of("lmdbs"), "SHARE", 100)
    values = {b"%05d" % i: PNG for i in range(210)}
    rows = rows_of(database(tmp_path / "x.lmdb", values))
    assert sorted(row["member"] for row in rows) == sorted(key.decode() for key in values)


def test_cut_off_database_is_not_mapped(tmp_path: Path) -> None:
    """Reading a page that is not there would end the process."""
    path = database(tmp_path / "x.lmdb", {b"%d" % i: PNG for i in range(100)})
    data = path.read_bytes()
    for length in (0, 100, 5000, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        assert "it is cut off" in missed_of(path)[""]
    path.write_bytes(data[:16] + bytes(4) + data[20:])
    assert "does not begin as an LMDB database" in missed_of(path)[""]


@pytest.mark.parametrize("writes", [1, 2])
def test_length_of_a_database_is_that_of_its_last_transaction(tmp_path: Path, writes: int) -> None:
    """Of the two headers the newer one counts, whichever it is; what the older one says is past."""
    path = tmp_path / "x.lmdb"
    for number in range(writes):
        database(path, {b"%d" % number: PNG})
    data = bytearray(path.read_bytes())
    pack_into("<Q", data, 4096 * (writes % 2 == 0) + LAST_PAGE, 1 << 30)
    path.write_bytes(data)
    assert images_of(path) == {(300, 200, len(PNG)): writes}
    pack_into("<Q", data, 4096 * (writes % 2) + LAST_PAGE, 1 << 30)
    path.write_bytes(data)
    assert "it is cut off" in missed_of(path)[""]


LAST_PAGE = 136
"""Where a header of LMDB has the number of the last page."""


@posix
def test_page_that_ends_the_worker_costs_its_part_of_the_database_only(
    tmp_path: Path, imgbudget: Command
) -> None:
    """It is one item with a finding and exit code 2, not one for each key behind it; others are read."""
    path = database(tmp_path / "x.lmdb", {b"%05d" % i: PNG for i in range(300)})
    data = bytearray(path.read_bytes())
    keys = [at for at in range(0, len(data), 4096) if data[at + 10] == 2]
    for at in keys[len(keys) // 2 :]:
        data[at + 10] = 0x40  # no kind of page
    path.write_bytes(data)
    (tmp_path / "a.png").write_bytes(PNG)
    run = imgbudget("audit", str(tmp_path), "--format", "json", "--jobs", "1")
    assert run.code == 2
    assert 1 <= len(run.json["run"]["lost"]) <= 2
    assert run.json["statistics"]["totals"]["images"] < 300


def test_data_sets_of_hdf5_are_images(tmp_path: Path) -> None:
    """Pixels, variable and fixed lengths, opaque values, one image in an array of bytes."""
    h5py, numpy = pytest.importorskip("h5py"), pytest.importorskip("numpy")
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["photos"] = numpy.zeros((4, 30, 40, 3), numpy.uint8)
        packed = {"chunks": (16, 32, 32, 3), "compression": "gzip"}
        file.create_dataset("packed", data=numpy.ones((20, 32, 32, 3), numpy.uint8), **packed)
        lengths = file.create_dataset("group/lengths", (2,), dtype=h5py.vlen_dtype(numpy.uint8))
        lengths[0], lengths[1] = (numpy.frombuffer(one, numpy.uint8) for one in (PNG, JPEG))
        file["opaque"] = numpy.void(JPEG)
        file["bytes"] = numpy.frombuffer(PNG, numpy.uint8)
        file["fixed"] = numpy.array([PNG, PNG], dtype=f"S{len(PNG)}")
        file["texts"], file["empty"] = ["a", "b"], h5py.Empty("f4")
        file["embeddings"] = numpy.zeros((10, 768), numpy.float32)
        file["same"], file["alias"] = file["photos"], h5py.SoftLink("/photos")
        file["group/loop"] = file["group"]
    assert images_of(path) == {
        (40, 30, None): 4,
        (32, 32, None): 20,
        (300, 200, len(PNG)): 4,
        (640, 480, len(JPEG)): 2,
    }
    assert missed_of(path) == {}


def test_hdf5_opens_nothing_outside_the_file_and_reads_no_more_than_is_stored(tmp_path: Path) -> None:
    """Links, virtual sources and external storage are named; shapes are claims."""
    h5py, numpy = pytest.importorskip("h5py"), pytest.importorskip("numpy")
    shape = (4, 30, 40, 3)
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = numpy.zeros(shape, numpy.uint8)
    (tmp_path / "d").mkdir()
    path = tmp_path / "d" / "x.h5"
    with h5py.File(path, "w") as file:
        file["link"] = h5py.ExternalLink("../secret.h5", "/x")
        layout = h5py.VirtualLayout(shape, numpy.uint8)
        layout[...] = h5py.VirtualSource("../secret.h5", "x", shape)
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("raw", shape, numpy.uint8, external=[("/etc/passwd", 0, 14400)])
        file.create_dataset("huge", (1 << 40, 30, 40, 3), numpy.uint8, chunks=(1, 30, 40, 3))
        file.create_dataset("unwritten", shape, numpy.uint8, chunks=(1, 30, 40, 3))
        file.create_dataset("wide", (1, 6000, 6000, 3), numpy.uint8, chunks=(1, 6000, 6000, 3))
        file["wide"][0, 0, 0] = 1
    assert images_of(path) == {(6000, 6000, None): 1}
    assert {row["hash"] for row in rows_of(path) if row["subject"] == "image"} == {None}
    assert missed_of(path) == {
        "link": "a link to another file, which is not opened",
        "virtual": "its values are those of other files, which are not opened",
        "raw": "its values are in another file, which is not opened",
        "huge": "damaged data set: it unpacks to more than 1,073,741,824 bytes",
    }
    path.write_bytes(path.read_bytes()[:1000])
    assert "cannot be read" in missed_of(path)[""]


def lance_dataset(path: Path, table: pa.Table, **options: Any) -> Path:
    """A Lance dataset."""
    lance = pytest.importorskip("lance")
    lance.write_dataset(table, str(path), **options)
    return path


def test_columns_of_lance_are_images(tmp_path: Path) -> None:
    """Of the latest version, in fragments, without deleted rows; also in a folder of another name."""
    lance = pytest.importorskip("lance")
    table = pa.table({"image": pa.array([PNG, JPEG] * 10), "id": list(range(20))})
    path = lance_dataset(tmp_path / "x.lance", table, max_rows_per_file=7)
    lance.dataset(str(path)).delete("id = 3")
    path.rename(tmp_path / "other")
    rows = rows_of(tmp_path)
    assert Counter(row["width"] for row in rows) == {300: 10, 640: 9}
    assert {row["source"] for row in rows} == {str(tmp_path / "other")}


def test_blobs_of_lance_are_images_and_external_ones_are_not_opened(tmp_path: Path) -> None:
    """Their values are read from their places in the files of the dataset only."""
    blob = pytest.importorskip("lance.blob")
    secret = tmp_path / "secret.png"
    secret.write_bytes(PNG)
    table = pa.table({"image": blob.blob_array([PNG, None, secret.as_uri(), JPEG])})
    path = lance_dataset(
        tmp_path / "x.lance", table, data_storage_version="2.2", allow_external_blob_outside_bases=True
    )
    assert [(row["row"], row["width"], row["skipped"]) for row in rows_of(path)] == [
        (0, 300, None),
        (1, None, "the row holds no image"),
        (2, None, "its bytes are in another file, which is not opened"),
        (3, 640, None),
    ]


def test_lance_dataset_with_files_elsewhere_is_not_opened(tmp_path: Path) -> None:
    """By a link or a base path; a part of a dataset is named as such, a damaged one too."""
    lance = pytest.importorskip("lance")
    path = lance_dataset(tmp_path / "x.lance", pa.table({"image": pa.array([PNG])}))
    lance.dataset(str(path)).shallow_clone(str(tmp_path / "y.lance"), 1)
    refused = "some of its files are outside its folder, so it is not opened"
    assert refused in missed_of(tmp_path / "y.lance")[""]
    assert all("name its folder" in reason for reason in missed_of(path / "data").values())
    data = next((path / "data").iterdir())
    data.rename(tmp_path / "moved")
    assert "cannot be read as a Lance dataset" in missed_of(path)[""]
    data.symlink_to(tmp_path / "moved")
    assert refused in missed_of(path)[""]
