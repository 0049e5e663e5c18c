"""Stores of records and arrays as inputs of an audit: the images in them, and what is never opened."""

import gzip
import importlib.util
import json
import struct
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image

from imgbudget.auditing import inputs
from imgbudget.auditing.inputs import unpacking
from imgbudget.auditing.inputs.stores import masked_crc32c
from imgbudget.auditing.inputs.values import arrangement_of
from imgbudget.auditing.partition import STORES, container_of
from imgbudget.limits.geometry import Size
from imgbudget.pixels.measure import measured_array
from tests.builders import image_bytes
from tests.conftest import Command
from tests.datasets import as_tar, rows_of, skips_of
from tests.recordfiles import (
    crc32c,
    example,
    masked,
    mds_index,
    mds_shard,
    npy,
    npz,
    sequence_example,
    tfrecord,
)

PNG, JPEG = image_bytes((300, 200)), image_bytes((640, 480), "JPEG")
PICKLE = b"\x80\x04]."
"""A pickled list."""


@pytest.fixture(autouse=True)
def crc_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package of the extra `tfrecord`, as far as the reader uses it."""
    if importlib.util.find_spec("google_crc32c") is None:
        package = types.ModuleType("google_crc32c")
        package.value = crc32c  # type: ignore[attr-defined]
        package.__spec__ = importlib.util.spec_from_loader("google_crc32c", None)
        monkeypatch.setitem(sys.modules, "google_crc32c", package)


def images_of(*paths: Path) -> list[tuple[int, int, int | None]]:
    """Width, height and bytes of all images."""
    return [
        (row["width"], row["height"], row["bytes"]) for row in rows_of(*paths) if row["subject"] == "image"
    ]


def missed_of(*paths: Path) -> list[str]:
    """The reasons of what could not be read."""
    return [row["skipped"] for row in rows_of(*paths) if row["missed"]]


EXAMPLES = [
    example(image__encoded=PNG, image__height=200, label=3, score=1.5),
    example(text=b"a caption"),
    sequence_example({"id": b"x"}, {"frames": [PNG, JPEG]}),
    JPEG,
    example(image_raw=bytes(40 * 30 * 3), height=30, width=40),
]


@pytest.mark.parametrize(
    "name", ["x.tfrecord", "x.tfrec", "x.tfrecords-00000-of-00010", "train-00000-of-01024"]
)
def test_images_of_examples_are_found_by_name_and_by_signature(tmp_path: Path, name: str) -> None:
    """In features and feature lists, as whole records, and as pixels whose size is beside them."""
    (tmp_path / name).write_bytes(tfrecord(EXAMPLES))
    rows = rows_of(tmp_path)
    assert [(row["row"], row["pointer"]) for row in rows] == [
        (0, "/image/encoded"),
        (1, None),
        (2, "/frames/0"),
        (2, "/frames/1"),
        (3, None),
        (4, "/image_raw"),
    ]
    assert images_of(tmp_path)[-1] == (40, 30, None)
    assert skips_of(rows) == {"the record holds no image": 1}


def test_gzipped_records_are_read(tmp_path: Path) -> None:
    """As TensorFlow writes them, under any name."""
    (tmp_path / "x.tfrecord").write_bytes(gzip.compress(tfrecord(EXAMPLES)))
    assert len(images_of(tmp_path)) == 5


def test_wrong_crc_costs_a_record_and_a_wrong_length_the_rest(tmp_path: Path) -> None:
    """What is before the damage, and behind a record that is damaged inside, is read."""
    path = tmp_path / "x.tfrecord"
    first, second, third = (tfrecord([record]) for record in EXAMPLES[:1] * 3)
    damaged = bytearray(second)
    damaged[200] ^= 1
    path.write_bytes(first + damaged + third)
    assert len(images_of(path)) == 2
    assert missed_of(path) == ["its CRC does not match its bytes"]
    for bad, reason in (
        (first + b"\1" * 12, "record 1 has a damaged length"),
        (first + second[:-3], "record 1 is cut off"),
        (first + struct.pack("<Q", 1 << 60) + masked(struct.pack("<Q", 1 << 60)), "record 1 is cut off"),
    ):
        path.write_bytes(bad)
        assert len(images_of(path)) == 1
        assert missed_of(path) == [f"damaged TFRecord file: {reason}; the rest is lost"]


def test_records_that_are_no_examples_are_named(tmp_path: Path) -> None:
    """A record of another protocol, and a feature that should be an image."""
    path = tmp_path / "x.tfrecord"
    path.write_bytes(tfrecord([b"\x0b\xff\xff", example(image_raw=bytes(100))]))
    assert missed_of(path) == [
        "not a tf.train.Example: a field has the unknown wire type 3",
        "image_raw is in no known format of images",
    ]


def test_crc_of_the_signature_is_that_of_the_reader() -> None:
    """The known value of the CRC-32C of RFC 3720: 32 zero bytes."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert struct.pack("<I", masked_crc32c(bytes(32))) == masked(bytes(32))


PIXELS = struct.pack("<III", 10, 20, 3) + b"RGB" + bytes(600)
COLUMNS = {
    "image": "jpeg",
    "i": "int",
    "pixels": "pil",
    "array": "ndarray:uint8:20,30,3",
    "more": "list[jpeg]",
}
MORE = struct.pack("<IIII", 0, 2, len(PNG), len(JPEG)) + PNG + JPEG
SAMPLE = {"image": JPEG, "i": bytes(8), "pixels": PIXELS, "array": bytes(1800), "more": MORE}


def test_images_of_samples_are_found_in_all_encodings(tmp_path: Path) -> None:
    """JPEG, Pillow's pixels, arrays, and lists of images."""
    (tmp_path / "shard.00000.mds").write_bytes(mds_shard(COLUMNS, [SAMPLE] * 2))
    (tmp_path / "index.json").write_bytes(mds_index([("shard.00000.mds", None)]))
    rows = rows_of(tmp_path)
    images = [(row["pointer"], row["width"], row["height"]) for row in rows if row["subject"] == "image"]
    assert images == 2 * [
        ("/array", 30, 20),
        ("/image", 640, 480),
        ("/more/0", 300, 200),
        ("/more/1", 640, 480),
        ("/pixels", 10, 20),
    ]
    assert skips_of(rows) == {"the index of 1 MDS shard": 1}


@pytest.mark.parametrize(
    ("suffix", "codec"), [("zstd", "zstd"), ("gz", "gzip"), ("bz2", "bz2"), ("br", "brotli")]
)
def test_packed_shards_are_read_once(tmp_path: Path, suffix: str, codec: str) -> None:
    """Also if they are beside themselves unpacked, or named by their index."""
    shard = mds_shard({"image": "png"}, [{"image": PNG}] * 3)
    packed = tmp_path / f"shard.00000.mds.{suffix}"
    with pa.CompressedOutputStream(str(packed), codec) as out:
        out.write(shard)
    index = tmp_path / "index.json"
    index.write_bytes(mds_index([("shard.00000.mds", packed.name)]))
    assert len(images_of(tmp_path)) == len(images_of(index)) == len(images_of(packed)) == 3
    (tmp_path / "shard.00000.mds").write_bytes(shard)
    assert len(images_of(tmp_path)) == 3
    assert missed_of(tmp_path) == []


def test_index_that_is_named_itself_has_the_images_of_its_shards(tmp_path: Path, imgbudget: Command) -> None:
    """As parts of it, each once if their folder is named too."""
    (tmp_path / "shard.00000.mds").write_bytes(mds_shard({"image": "png"}, [{"image": PNG}] * 3))
    index = tmp_path / "index.json"
    index.write_bytes(mds_index([("shard.00000.mds", None)]))
    run = imgbudget("audit", str(index), "--format", "json")
    assert (run.code, run.json["statistics"]["totals"]["images"]) == (0, 3), run.err
    assert len(images_of(index, tmp_path)) == len(images_of(tmp_path, index)) == 3


def test_index_names_no_file_outside_its_folder(tmp_path: Path) -> None:
    """Whatever the command line allows; and a shard that is not there is missed."""
    (tmp_path / "d").mkdir()
    secret = tmp_path / "secret.mds"
    secret.write_bytes(mds_shard({"image": "png"}, [{"image": PNG}]))
    (tmp_path / "d" / "link.mds").symlink_to(secret)
    names = ["../secret.mds", str(secret), "link.mds", "gone.mds", "..\\secret.mds", "%2e%2e/secret.mds"]
    index = tmp_path / "d" / "index.json"
    index.write_bytes(mds_index([(name, None) for name in names]))
    rows = rows_of(index)
    assert [row["subject"] for row in rows] == ["skip"] * 7
    assert skips_of(rows) == {
        "outside the folder of the index, so not opened": 4,
        "the index lists it, but it is not there": 2,
        "the index of 0 MDS shards": 1,
    }


def test_damaged_shards_are_named(tmp_path: Path) -> None:
    """Offsets and lengths are claims; pickled columns are never loaded."""
    path = tmp_path / "x.mds"
    sound = mds_shard({"image": "png", "image_pickle": "pkl"}, [{"image": PNG, "image_pickle": PICKLE}] * 2)
    path.write_bytes(sound)
    assert missed_of(path) == ["a pickled Python object, which is never loaded"] * 2
    for data, reason in (
        (sound[:-100], "it ends before its header says"),
        (b"\xff\xff\xff\xff" + sound[4:], "its header lists 4,294,967,295 samples"),
        (sound[:4] + b"\xff\xff\xff\x7f" + sound[8:], "its first sample is not behind its header"),
        (b"", "it ends before its header says"),
    ):
        path.write_bytes(data)
        assert any(reason in found for found in missed_of(path)), (reason, missed_of(path))


def test_arrays_of_pixels_and_of_encoded_images_are_images(tmp_path: Path) -> None:
    """By their shape and type alone; labels and embeddings are neither read nor missed."""
    arrays = {
        "x_train": npy("|u1", (7, 28, 28), bytes(7 * 784)),
        "photos": npy("|u1", (2, 30, 40, 3), bytes(7200)),
        "planes": npy("|u1", (2, 3, 30, 40), bytes(7200)),
        "encoded": npy(f"|S{len(PNG)}", (2,), PNG + PNG),
        "y_train": npy("<i8", (7,), bytes(56)),
        "embeddings": npy("<f2", (7, 768), bytes(7 * 768 * 2)),
    }
    assert images_of(npz(tmp_path / "x.npz", arrays)) == [
        *[(28, 28, None)] * 7,
        *[(40, 30, None)] * 4,
        *[(300, 200, len(PNG))] * 2,
    ]
    assert missed_of(tmp_path) == []
    (tmp_path / "one.npy").write_bytes(npy("|u1", (50, 60, 3), bytes(9000)))
    assert images_of(tmp_path / "one.npy") == [(60, 50, None)]


def test_pickled_arrays_are_never_loaded(tmp_path: Path) -> None:
    """They are named; nothing in them runs."""
    (tmp_path / "x.npy").write_bytes(npy("|O", (3,), b"cposix\nsystem\n(S'touch pwned'\ntR."))
    npz(tmp_path / "y.npz", {"images": npy("|O", (3,), PICKLE)})
    assert missed_of(tmp_path) == ["its values are pickled Python objects, which are never loaded"] * 2


@pytest.mark.parametrize(
    ("descr", "shape", "reason"),
    [
        ("|u1", (1 << 40, 8, 8, 3), "it ends before its header says"),
        ("|S64", (1 << 40,), "it ends before its header says"),
        ("|u1", (1 << 60,), "its shape is not one of an array"),
        ("|u1", (-1, 8, 8, 3), "its shape is not one of an array"),
    ],
)
def test_shapes_are_claims(tmp_path: Path, descr: str, shape: tuple[int, ...], reason: str) -> None:
    """No shape decides how much is planned or read."""
    data = npy(descr, shape, bytes(400))
    (tmp_path / "x.npy").write_bytes(data)
    assert len(rows_of(tmp_path / "x.npy")) < 10
    assert any(reason in found for found in missed_of(tmp_path / "x.npy"))
    npz(tmp_path / "y.npz", {"x": data})
    assert any(reason in found for found in missed_of(tmp_path / "y.npz"))


def test_arrays_unpack_to_a_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read before the bound has its rows."""
    monkeypatch.setattr(unpacking, "FREE", 1 << 16)
    monkeypatch.setattr(unpacking, "RATIO", 1)
    path = npz(tmp_path / "x.npz", {"x": npy("|u1", (200, 32, 32, 3), bytes(200 * 3072))})
    assert 0 < len(images_of(path)) < 30
    assert "unpacks to more than" in missed_of(path)[0]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (("x", "uint8", (5, 64, 48, 3)), (5, Size(48, 64), False)),
        (("x", "uint8", (2, 5, 64, 48, 4)), (10, Size(48, 64), False)),
        (("x", "uint8", (64, 48, 1)), (1, Size(48, 64), False)),
        (("x", "uint8", (5, 3, 64, 48)), (5, Size(48, 64), False)),
        (("images", "uint8", (5, 64, 48)), (5, Size(48, 64), False)),
        (("image", "uint8", (64, 48)), (1, Size(48, 64), False)),
        (("z", "uint8", (5, 64, 48)), (0, None, True)),
        (("masks", "uint8", (5, 64, 48)), (0, None, False)),
        (("x", "uint8", (3, 64, 48)), (0, None, True)),
        (("x", "float32", (5, 64, 48, 3)), (0, None, True)),
        (("x", "float32", (5, 768)), (0, None, False)),
        (("images", "float32", (5, 768)), (0, None, False)),
        (("img_emb_0.npy", "float16", (5, 768)), (0, None, False)),
        (("img", "float32", (4, 64, 64)), (0, None, False)),
        (("img", "float32", (3, 224, 224)), (0, None, True)),
        (("image_hashes", "uint8", (500, 16)), (0, None, False)),
        (("image", "uint8", (500, 8)), (0, None, True)),
        (("x", "uint8", (0, 64, 48, 3)), (0, None, False)),
        (("x", "record", (5,)), (0, None, False)),
        (("x", "S10", (5,)), (0, None, False)),
    ],
)
def test_what_an_array_holds_follows_from_its_name_type_and_shape(
    array: tuple[str, str, tuple[int, ...]], expected: tuple[int, Size | None, bool]
) -> None:
    """Images are counted only where the order of the axes is certain; what may be images is missed."""
    held = arrangement_of(*array)
    found = held.images if held.reason is None else 0
    assert (found, held.size, held.missed) == expected


@pytest.mark.parametrize("kind", inputs.NEEDED)
def test_form_without_its_package_is_named_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """By name and by signature, with exit code 2; other files are read."""
    monkeypatch.setattr(inputs, "find_spec", lambda _: None)
    (tmp_path / "z.png").write_bytes(PNG)
    needed = inputs.NEEDED[kind]
    for path, data in {
        "tfrecords": [("a.tfrecord", b"x"), ("b-00000-of-00001", tfrecord(EXAMPLES))],
        "hdf5s": [("a.h5", b"x"), ("b.mat", bytes(512) + b"\x89HDF\r\n\x1a\n")],
        "lmdbs": [("data.mdb", bytes(16) + b"\xde\xc0\xef\xbe\1\0\0\0"), ("b.lmdb", b"x")],
        "lances": [("x.lance/_versions/1.manifest", b"x"), ("y/_versions/1.manifest", b"x")],
    }[kind]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    rows = rows_of(tmp_path)
    assert [row["subject"] for row in rows] == ["skip", "skip", "image"]
    assert missed_of(tmp_path) == [needed.reason] * 2
    assert f"pip install 'imgbudget[{needed.extra}]'" in needed.reason


def test_names_of_stores() -> None:
    """In any case, also as shards; a database of Access is none."""
    assert {container_of(f"A{suffix.upper()}") for suffix in STORES} == set(STORES.values())
    assert container_of("a.tfrecord-00001-of-00002.gz") == "tfrecords"
    assert container_of("shard.00000.mds.zstd") == "mds"
    assert [container_of(name) for name in ("a.mdb", "a.mds2", "a.tfrecordx", "index.json")] == [None] * 4


def test_arrays_beside_images_in_an_archive_are_passed_over(tmp_path: Path) -> None:
    """Shards with embeddings are read as before; other stores in an archive are missed."""
    path = as_tar(tmp_path / "x.tar")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.png", PNG)
        archive.writestr("a.npy", npy("<f2", (768,), bytes(1536)))
        archive.writestr("b.tfrecord", b"")
    rows = rows_of(tmp_path / "x.zip")
    assert [(row["member"], row["missed"]) for row in rows if row["subject"] == "skip"] == [
        ("a.npy", False),
        ("b.tfrecord", True),
    ]
    assert path.exists()


def test_audit_of_arrays_has_sums_without_their_bytes(tmp_path: Path, imgbudget: Command) -> None:
    """Tokens of pixels count, their bytes are absent; duplicates among them are found."""
    (tmp_path / "x.npy").write_bytes(npy("|u1", (3, 200, 300, 3), bytes(3 * 180_000)))
    (tmp_path / "a.png").write_bytes(PNG)
    run = imgbudget("audit", str(tmp_path), "--format", "json")
    assert run.code == 0, run.err
    totals: Any = json.loads(run.out)["statistics"]["totals"]
    assert (totals["images"], totals["byte_size"]) == (4, len(PNG))
    assert totals["tokens"] == 4 * 88


def test_pixels_in_arrays_are_measured(tmp_path: Path, imgbudget: Command) -> None:
    """Channel by channel or pixel by pixel: they show the same as the PNG file of them, and are like it."""
    picture = Image.effect_noise((90, 70), 90).convert("RGB").rotate(8, fillcolor="red")
    picture.save(tmp_path / "a.png")
    pixels = picture.tobytes()
    (tmp_path / "x.npy").write_bytes(npy("|u1", (2, 70, 90, 3), pixels + pixels))
    planes = b"".join(pixels[channel::3] for channel in range(3))
    (tmp_path / "y.npy").write_bytes(npy("|u1", (1, 3, 70, 90), planes))
    hashes = tmp_path / "hashes.csv"
    run = imgbudget("audit", str(tmp_path), "--pixels", "--hashes", str(hashes), "--format", "json")
    assert run.code == 0, run.err
    assert "not measured" not in run.err
    assert len(hashes.read_text().splitlines()) == 2, "of four images with the same pixels, and the header"
    assert json.loads(run.out)["statistics"]["totals"]["images"] == 4


@pytest.mark.parametrize(
    ("size", "data", "mode", "reason"),
    [
        ((9, 8), bytes(9 * 8 * 2), None, "has 144 bytes, which are not those of 9x8 pixels"),
        ((9, 8), bytes(9 * 8), "RGB", "cannot be read as pixels: not enough image data"),
        ((9, 8), bytes(9 * 8), "X", "cannot be read as pixels: unrecognized image mode"),
        ((9, 8), bytes(9 * 8), "P", "has colours from a palette that is not stored with it"),
        ((0, 8), b"", None, "has 0 bytes, which are not those of 0x8 pixels"),
        ((1 << 30, 1 << 30), bytes(9), "1", "has 1,152,921,504,606,846,976 pixels; at most 64,000,000 are"),
        ((8000, 8000), bytes(9), "F", "has 9 bytes, which are not those of 8000x8000 pixels"),
    ],
)
def test_bytes_that_are_not_the_pixels_are_named(
    size: tuple[int, int], data: bytes, mode: str | None, reason: str
) -> None:
    """Sizes and modes are claims of the file: memory is taken for what is there."""
    flaw = measured_array(data, Size(*size), mode).flaw
    assert flaw is not None
    assert flaw.startswith(reason)


def test_only_opaque_columns_named_after_images_are_missed(tmp_path: Path) -> None:
    """A pickled label is no image, and neither is the text in a column of captions of images."""
    columns = {"image": "png", "image_name": "str", "label": "pkl", "picture": "bytes", "meta": "bytes"}
    sample = {"image": PNG, "image_name": b"a", "label": PICKLE, "picture": b"x", "meta": b"y"}
    (tmp_path / "x.mds").write_bytes(mds_shard(columns, [sample]))
    rows = rows_of(tmp_path / "x.mds")
    assert [(row["subject"], row["pointer"]) for row in rows] == [("image", "/image"), ("skip", "/picture")]
    assert [row["skipped"] for row in rows if row["missed"]] == ["in no known format of images"]
