"""TIFF and its raw relatives, AVIF and HEIC: size, turn and frames out of directories and boxes."""

import io
import struct
from typing import Any

import pytest
from PIL import Image

from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ProbeField
from tests.imagebytes import bmff, tiff


def saved(form: str, size: tuple[int, int] = (50, 37), **options: Any) -> bytes:
    """A file of Pillow's."""
    out = io.BytesIO()
    Image.new("RGB", size).save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize(("turn", "order"), [(turn, order) for turn in range(1, 9) for order in "<>"])
def test_tiff_orientation(turn: int, order: str) -> None:
    """The tag is the same as in EXIF; the size stays as stored."""
    facts = probe_bytes(tiff(turn, order=order), ProbeField.ORIENTATION)
    assert (facts.format, facts.orientation, facts.size) == ("tiff", turn, None)


def test_tiff_pages_and_location() -> None:
    """Pages are frames; a GPS position is reported if requested."""
    pages = saved("TIFF", save_all=True, append_images=[Image.new("L", (3, 3))] * 4)
    assert (probe_bytes(pages).frames, probe_bytes(pages, ProbeField.FRAMES).frames) == (2, 5)
    assert probe_bytes(tiff(gps=[(2, 3)]), ProbeField.LOCATION).has_location
    assert not probe_bytes(tiff(gps=[(29, 3)]), ProbeField.LOCATION).has_location
    assert not probe_bytes(tiff(), ProbeField.LOCATION).has_location


def test_tiff_directories_that_form_a_ring_end() -> None:
    """The next directory may be one that was there before."""
    ring = bytearray(tiff(6))
    struct.pack_into("<I", ring, len(ring) - 4, 8)
    assert probe_bytes(bytes(ring), ProbeField.FRAMES).frames == 1


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ([(0xC612, 1, 4, b"\1\4\0\0")], "dng"),
        ([(254, 4, 1, b"\1\0\0\0"), (271, 2, 18, b"\x32\0\0\0"), (330, 4, 1, b"\0\0\0\0")], "nef"),
        ([(271, 2, 18, b"\x32\0\0\0")], "tiff"),
    ],
)
def test_raw_formats_that_are_tiff(tags: list[tuple[int, int, int, bytes]], name: str) -> None:
    """Told by their tags; a TIFF file of the same maker stays one."""
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags))
    data += b"".join(struct.pack("<HHI", *tag[:3]) + tag[3] for tag in tags) + bytes(4)
    data = data.ljust(50, b"\0") + b"NIKON CORPORATION\0"
    assert probe_bytes(data).format == name


@pytest.mark.parametrize("turn", range(1, 9))
def test_avif_of_pillow(turn: int) -> None:
    """Size and rotation are read from boxes; frames are those of the picture track."""
    pytest.importorskip("PIL._avif", reason="this Pillow has no AVIF")
    exif = Image.Exif()
    exif[0x0112] = turn
    facts = probe_bytes(saved("AVIF", exif=exif), ProbeField.ALL)
    assert (facts.format, facts.size, facts.orientation, facts.frames) == ("avif", Size(50, 37), turn, 1)
    frames = [Image.new("RGB", (50, 37), (shade, 0, 0)) for shade in (10, 200, 90)]
    moving = probe_bytes(saved("AVIF", save_all=True, append_images=frames), ProbeField.ALL)
    assert (moving.format, moving.size, moving.frames) == ("avif", Size(50, 37), 4)


def heic(major: bytes = b"heic", *brands: bytes, links: bytes = b"\2\1\x83") -> bytes:
    """A HEIC file's boxes: two pictures of which the second is the primary one, and a turn."""
    ispe = [bmff(b"ispe", bytes(4), struct.pack(">II", *size)) for size in ((512, 512), (4032, 3024))]
    container = bmff(b"ipco", ispe[0], bmff(b"irot", b"\3"), ispe[1], bmff(b"imir", b"\1"))
    item = struct.pack(">HB", 1, 1) + b"\1" + struct.pack(">HB", 7, links[0]) + links[1:]
    associations = bmff(b"ipma", bytes(4), struct.pack(">I", 2), item)
    primary = bmff(b"pitm", bytes(4), struct.pack(">H", 7))
    meta = bmff(b"meta", bytes(4), bmff(b"hdlr", bytes(20)), primary, bmff(b"iprp", container, associations))
    return bmff(b"ftyp", major, bytes(4), *brands) + meta + bmff(b"mdat", bytes(100))


@pytest.mark.parametrize(
    ("major", "brands", "name"),
    [
        (b"heic", [b"mif1"], "heic"),
        (b"mif1", [b"mif1", b"heic"], "heic"),
        (b"mif1", [b"mif1", b"avif"], "avif"),
        (b"avif", [b"mif1"], "avif"),
        (b"mif1", [b"mif1"], "heif"),
        (b"msf1", [], "heif"),
    ],
)
def test_heif_is_named_by_its_brands(major: bytes, brands: list[bytes], name: str) -> None:
    """The compatible brands name the format of a generic file."""
    assert probe_bytes(heic(major, *brands)).format == name


@pytest.mark.parametrize(
    ("links", "size", "turn"),
    [
        (b"\1\3", Size(4032, 3024), 1),
        (b"\2\x83\x82", Size(4032, 3024), 6),
        (b"\3\x83\x82\x84", Size(4032, 3024), 5),
        (b"\1\1", Size(512, 512), 1),
        (b"\1\x09", Size(512, 512), 5),
    ],
)
def test_heic_takes_the_primary_pictures_properties(links: bytes, size: Size, turn: int) -> None:
    """Tiles and thumbnails have a size too; without a link that leads anywhere the first one counts."""
    facts = probe_bytes(heic(links=links), ProbeField.ORIENTATION)
    assert (facts.size, facts.orientation) == (size, turn)
