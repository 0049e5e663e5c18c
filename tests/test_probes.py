"""The doors of the probes: a file, bytes, a reader; and the corpus, file by file, against its manifest."""

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from imgbudget.imageinfo.dispatch import PROBE_VERSION, probe_bytes, probe_file, probe_reader
from imgbudget.imageinfo.reader import HEAD, bytes_reader
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.positional import OPEN_FLAGS, _seek_and_read
from tests.imagebytes import chunk, exif_segment, jpeg, png, segment, tiff

CORPUS = Path(__file__).resolve().parents[1].parent / "shared" / "corpus"
IMAGES = CORPUS / "images"
WANTS = [ProbeField.NONE, *(fact for fact in ProbeField if fact), ProbeField.ALL]

needs_corpus = pytest.mark.skipif(not IMAGES.is_dir(), reason="the corpus is not beside this checkout")

PILLOW_NAMES = {"mpo": "jpeg", "jpeg2000": "jp2"}
"""What Pillow calls otherwise: MPO is JPEG bytes, and both kinds of JPEG 2000 are jp2 here."""

EXCEPTIONS = {
    "unsupported/fastimage__a.CR2": {"format"},  # a raw format, which Pillow calls TIFF
    "unsupported/fastimage__test.dng": {"format"},  # a raw format, which Pillow calls TIFF
    "unsupported/image-size__sample.pbm": {"format"},  # Pillow has one name for PBM, PGM and PPM
    # its size is that of the stored pixels, to which the orientation belongs; Pillow turns TIFF files
    "unsupported/fastimage__ExifOrientation6.tif": {"size"},
    # pictures of undefined type and other sizes, which CIPA DC-007 does not make frames
    "valid/jpeg/Pillow__frame_size.mpo": {"animated", "frames"},
}

UNSEEN = {
    "malformed/image-gif__issue-117-out-of-range.gif",  # codes that lead nowhere
    "malformed/sharp__65536-uint32-limit.png",  # whole, and too large for Pillow's limit only
    "malformed/sharp__giant-image.jpg",  # whole, and too large for Pillow's limit only
    "malformed/pillow_heif__corrupted.heic",  # HEIC is named and not proven
}
"""Files that do not decode although their structure is sound."""


def rows() -> list[dict[str, str]]:
    """The corpus manifest."""
    if not IMAGES.is_dir():
        return []
    with (IMAGES / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def row_facts(row: dict[str, str]) -> dict[str, object]:
    """What the manifest says for sure of a file."""
    name = row["format"].lower()
    expected: dict[str, object] = {
        "format": PILLOW_NAMES.get(name, name),
        "size": Size(int(row["width"]), int(row["height"])),
    }
    if row["exif_orientation"] in {"", *"12345678"}:
        expected["orientation"] = int(row["exif_orientation"] or 1)
    if row["animated"] in {"0", "1"}:
        expected["animated"] = row["animated"] == "1"
    if row["frames"].isdigit():
        expected["frames"] = int(row["frames"])
    return expected


def write(folder: Path, data: bytes) -> str:
    """A file of these bytes."""
    path = folder / "image.bin"
    path.write_bytes(data)
    return str(path)


@needs_corpus
def test_corpus_agrees_with_pillow() -> None:
    """Format, size, orientation and frames of every file that Pillow opens, each exception by name."""
    differing: dict[str, set[str]] = {}
    for row in rows():
        if row["opens"] == "1":
            facts = probe_file(str(IMAGES / row["path"]), ProbeField.ALL)
            wrong = {key for key, value in row_facts(row).items() if getattr(facts, key) != value}
            if wrong:
                differing[row["path"]] = wrong
    assert differing == EXCEPTIONS


@needs_corpus
def test_corpus_raises_no_false_alarm() -> None:
    """What Pillow decodes is never called damaged, nor no image."""
    alarms = {
        row["path"]: facts.damage or facts.content
        for row in rows()
        if row["valid"] == "1"
        for facts in [probe_file(str(IMAGES / row["path"]), ProbeField.ALL)]
        if facts.damage or facts.content
    }
    assert alarms == {}


@needs_corpus
def test_corpus_damage_is_seen() -> None:
    """What Pillow cannot decode is called damaged or no image, each exception by name."""
    unseen = {
        row["path"]
        for row in rows()
        if row["valid"] == "0" and row["path"].startswith("malformed/")
        for facts in [probe_file(str(IMAGES / row["path"]), ProbeField.ALL)]
        if not (facts.damage or facts.content)
    }
    assert unseen == UNSEEN


@needs_corpus
def test_corpus_facts_do_not_hang_on_what_else_is_wanted() -> None:
    """A quick look and a thorough one agree, from a file, from bytes and from a reader."""
    for row in rows():
        path = IMAGES / row["path"]
        data = path.read_bytes()
        whole = probe_bytes(data, ProbeField.ALL)
        assert probe_file(str(path), ProbeField.ALL) == whole
        assert probe_reader(bytes_reader(data), len(data), ProbeField.ALL) == whole
        for fields in WANTS:
            facts = probe_bytes(data, fields)
            assert (facts.byte_size, facts.format, facts.size, facts.animated, facts.content) == (
                whole.byte_size,
                whole.format,
                whole.size,
                whole.animated,
                whole.content,
            ), row["path"]
            for fact, name in (
                (ProbeField.ORIENTATION, "orientation"),
                (ProbeField.FRAMES, "frames"),
                (ProbeField.LOCATION, "has_location"),
                (ProbeField.QUALITY, "quality"),
                (ProbeField.METADATA, "metadata_bytes"),
                (ProbeField.INTEGRITY, "damage"),
            ):
                if fields & fact:
                    assert getattr(facts, name) == getattr(whole, name), (row["path"], fields)


@needs_corpus
@pytest.mark.parametrize(
    ("name", "expected"), [("Pillow__exif_gps.jpg", True), ("Pillow__empty_gps_ifd.jpg", False)]
)
def test_corpus_locations(name: str, *, expected: bool) -> None:
    """A GPS directory without a position is none."""
    assert probe_file(str(IMAGES / "valid" / "jpeg" / name), ProbeField.LOCATION).has_location is expected


@needs_corpus
def test_corpus_quality() -> None:
    """The file's name says which quality it was saved with."""
    path = IMAGES / "valid" / "jpeg" / "wuffs__mona-lisa.21x32.q50.jpeg"
    assert probe_file(str(path), ProbeField.QUALITY).quality == 50


@pytest.mark.parametrize("fields", WANTS)
def test_facts_are_the_models_own_type(fields: ProbeField) -> None:
    """However they were put together: the size has edges, defaults are the model's."""
    facts = probe_bytes(png(), fields)
    assert isinstance(facts, ImageFacts)
    assert isinstance(facts.size, Size)
    plain = ImageFacts(byte_size=len(png()), format="png", size=Size(40, 30))
    assert facts._replace(metadata_bytes=None, pixels=None, text=None) == plain


def test_version_is_a_whole_number() -> None:
    """Caches of facts are keyed by it."""
    assert PROBE_VERSION >= 1


@pytest.mark.parametrize("length", [HEAD - 1, HEAD, HEAD + 1, 3 * HEAD])
def test_a_header_may_lie_behind_the_first_read(tmp_path: Path, length: int) -> None:
    """From a file as from bytes."""
    data = jpeg(segment(0xFE, bytes(length)), exif_segment(tiff(6)))
    facts = probe_file(write(tmp_path, data), ProbeField.ORIENTATION)
    assert facts == probe_bytes(data, ProbeField.ORIENTATION)
    assert (facts.size, facts.orientation) == (Size(40, 30), 6)


@pytest.mark.parametrize("name", ["", "nowhere.png", "a\0b"])
def test_what_cannot_be_opened_raises_as_it_comes(tmp_path: Path, name: str) -> None:
    """The caller words it; a name with a zero byte is no path at all."""
    with pytest.raises((OSError, ValueError)):
        probe_file(str(tmp_path / name))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_without_a_writer_does_not_hold_the_run_up(tmp_path: Path) -> None:
    """It is opened without waiting, and cannot be read by position."""
    os.mkfifo(tmp_path / "fifo.png")
    with pytest.raises(OSError, match="seek"):
        probe_file(str(tmp_path / "fifo.png"))


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no socket files")
def test_a_socket_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket file cannot be opened."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        with pytest.raises(OSError, match="socket"):
            probe_file("socket.png")


def test_no_file_stays_open(tmp_path: Path) -> None:
    """Not after facts, not after an exception."""
    path = write(tmp_path, png())
    first = os.open(path, os.O_RDONLY)
    os.close(first)
    for _ in range(5):
        probe_file(path, ProbeField.ALL)
        with pytest.raises(IsADirectoryError):
            probe_file(str(tmp_path))
    again = os.open(path, os.O_RDONLY)
    os.close(again)
    assert again == first


@pytest.mark.parametrize(
    ("form", "allowed"),
    [
        (png(), 0),
        (jpeg(segment(0xFE, bytes(9000))), 1),
        (png(chunk(b"tEXt", bytes(9000))), 1),
        (b"\x0a\5\1\x08" + bytes(200), 1),
        (b"\1\2\3" * 900, 2),
    ],
)
def test_an_error_of_the_reader_comes_through(form: bytes, allowed: int) -> None:
    """Also where Pillow does the reading."""
    calls = 0

    def read(size: int, offset: int) -> bytes:
        nonlocal calls
        calls += 1
        if calls > allowed:
            raise OSError(5, "no such sector")
        return form[offset : offset + size]

    with pytest.raises(OSError, match="no such sector"):
        probe_reader(read, len(form), ProbeField.ALL)
    assert calls == allowed + 1


@pytest.mark.parametrize("left", [0, 3, 8, 40, 100, 5000])
def test_a_file_that_shrinks_while_it_is_read(left: int) -> None:
    """The size says more than the reader has: facts or damage, and no exception."""
    for data in (jpeg(segment(0xFE, bytes(9000)), exif_segment(tiff(6))), png(), bytes(9000)):
        facts = probe_reader(bytes_reader(data[:left]), len(data), ProbeField.ALL)
        assert facts.byte_size == len(data)
        assert facts.damage or facts.content or left > 40


def test_reading_without_pread(tmp_path: Path) -> None:
    """Where the system has no positional reads, the position is set first."""
    fd = os.open(write(tmp_path, b"0123456789"), OPEN_FLAGS)
    try:
        assert (_seek_and_read(fd, 3, 4), _seek_and_read(fd, 9, 0)) == (b"456", b"012345678")
    finally:
        os.close(fd)


def test_known_formats_are_probed_without_pillow() -> None:
    """Nothing heavy is imported for the four formats, nor for text."""
    code = (
        "import sys; from imgbudget.imageinfo.dispatch import probe_bytes\n"
        "from imgbudget.model.subjects import ProbeField\n"
        "from tests.imagebytes import *\n"
        "files = jpeg(exif_segment(tiff())), png(), gif(gif_frame()), riff(vp8()), b'{}', b'%PDF-1.5'\n"
        "for data in files:\n"
        "    probe_bytes(data, ProbeField.ALL)\n"
        "print(*{'PIL', 'logging', 'hashlib', 'yaml', 'msgspec'} & set(sys.modules))"
    )
    root = Path(__file__).resolve().parents[1]
    path = os.pathsep.join((str(root / "analyzer"), str(root)))
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert run.stdout.split() == []
