"""Files that are neither JPEG, PNG, GIF nor WebP: named by their bytes, with a size where that is cheap."""

import gzip
import io
import struct
import zipfile
from typing import Any

import pytest
from PIL import Image

from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ImageFacts, ProbeField
from tests.imagebytes import bmff


def saved(form: str, size: tuple[int, int] = (50, 37), mode: str = "RGB", **options: Any) -> bytes:
    """A file of Pillow's."""
    out = io.BytesIO()
    Image.new(mode, size, 1 if mode == "1" else None).save(out, form, **options)
    return out.getvalue()


def zipped() -> bytes:
    """A small archive, of the same bytes at any time: they are part of a test's name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.txt"), "a")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (saved("BMP"), "bmp"),
        (saved("DIB", mode="L"), None),
        (saved("TIFF"), "tiff"),
        (saved("TIFF", compression="tiff_lzw"), "tiff"),
        (saved("TIFF", big_tiff=True), "tiff"),
        (saved("PPM"), "ppm"),
        (saved("PPM", mode="L"), "pgm"),
        (saved("PPM", mode="1"), "pbm"),
        (saved("JPEG2000"), "jp2"),
        (saved("JPEG2000", no_jp2=True), "jp2"),
        (saved("DDS"), "dds"),
        (saved("QOI"), "qoi"),
        (saved("EPS"), "eps"),
        (saved("PCX"), "pcx"),
        (saved("SGI"), "sgi"),
        (saved("TGA"), "tga"),
        (saved("TGA", rle=True), "tga"),
        (saved("XBM", mode="1"), "xbm"),
        (saved("MSP", mode="1"), "msp"),
    ],
)
def test_formats_that_pillow_writes(data: bytes, name: str | None) -> None:
    """Named in small letters, with their size."""
    facts = probe_bytes(data, ProbeField.ALL)
    if name is None:
        assert facts == ImageFacts(byte_size=len(data), content="unknown bytes")
    else:
        assert (facts.format, facts.size, facts.frames, facts.damage) == (name, Size(50, 37), 1, None)


@pytest.mark.parametrize("bitmap", ["bmp", "png"])
@pytest.mark.parametrize("edge", [17, 48, 256])
def test_icons_have_the_size_of_their_largest_picture(bitmap: str, edge: int) -> None:
    """0 in the directory means 256."""
    data = saved("ICO", (256, 256), "RGBA", sizes=[(16, 16), (edge, edge)], bitmap_format=bitmap)
    for icon, name in ((data, "ico"), (b"\0\0\2\0" + data[4:], "cur")):
        assert (probe_bytes(icon).format, probe_bytes(icon).size) == (name, Size(edge, edge))


@pytest.mark.parametrize("bitmap", ["bmp", "png"])
def test_icons_have_the_size_of_their_pictures_own_header(bitmap: str) -> None:
    """Some programs leave the directory empty; if the picture is truncated, the directory is used."""
    data = saved("ICO", (16, 16), "RGBA", sizes=[(16, 16)], bitmap_format=bitmap)
    assert probe_bytes(data[:6] + b"\0\0" + data[8:]).size == Size(16, 16)
    assert probe_bytes(data[:22]).size == Size(16, 16)
    assert probe_bytes(data[:22] + b"junk" * 20).size == Size(16, 16)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"8BPS" + bytes(30), "psd"),
        (b"icns" + bytes(30), "icns"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(30), "cr2"),
        (bmff(b"ftyp", b"crx ", bytes(12)), "cr3"),
        (b"FUJIFILMCCD-RAW " + bytes(30), "raf"),
        (b"IIRO\x08\0\0\0", "orf"),
        (b"IIU\0\x18\0\0\0", "rw2"),
        (b"\xff\x0a" + bytes(30), "jxl"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(30), "jxl"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "hdr"),
        (b"v/1\x01" + bytes(30), "exr"),
        (bytes(128) + b"DICM" + bytes(30), "dicom"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <html> -->\n<svg/>".replace(b"<html>", b"html"), "svg"),
        ("﻿<svg/>".encode("utf-16-le"), "svg"),
    ],
)
def test_formats_known_by_their_signature(data: bytes, name: str) -> None:
    """The name is what matters: the API takes none of them."""
    facts = probe_bytes(data, ProbeField.ALL)
    assert (facts.format, facts.content, facts.damage) == (name, None, None)


@pytest.mark.parametrize(("stored", "orientation"), [(0, 1), (1, 1), (8, 8), (9, 1)])
def test_orientation_of_a_tiff_is_one_of_eight(stored: int, orientation: int) -> None:
    """Other numbers mean nothing."""
    data = saved("TIFF", tiffinfo={274: stored})
    assert probe_bytes(data, ProbeField.ORIENTATION).orientation == orientation


@pytest.mark.parametrize("text", [b"static int x_width = 5;\n", b"#define PI 3\n", b"x #define x_width 5\n"])
def test_source_code_is_no_x_bitmap(text: bytes) -> None:
    """A bitmap begins with a definition, and a width is defined; one of the two is not enough."""
    facts = probe_bytes(text, ProbeField.ALL)
    assert (facts.format, facts.content) == (None, "plain text")
    assert probe_bytes(b"#define x_width 5\n#define x_height 3\n").format == "xbm"


@pytest.mark.parametrize(
    ("bits", "size"),
    [
        ([(1, 1), (4, 5), (0, 3), (9, 5)], Size(80, 40)),
        ([(1, 1), (4, 5), (1, 3)], Size(40, 40)),
        ([(0, 1), (0, 2), (455, 9), (0, 3), (0, 2), (122, 9)], Size(123, 456)),
        ([(0, 1), (1, 2), (1079, 13), (5, 3)], Size(1920, 1080)),
    ],
)
def test_jpeg_xl_size_header(bits: list[tuple[int, int]], size: Size) -> None:
    """Small and large edges, and widths given as a ratio, lowest bit first; bare and in a box."""
    value = shift = 0
    for number, width in bits:
        value |= number << shift
        shift += width
    stream = b"\xff\x0a" + value.to_bytes(14, "little")
    assert probe_bytes(stream).size == size
    boxed = b"\0\0\0\x0cJXL \r\n\x87\n" + bmff(b"ftyp", b"jxl ", bytes(4))
    assert probe_bytes(boxed + bmff(b"jxlc", stream)).size == size
    assert probe_bytes(boxed + bmff(b"jxlp", bytes(4), stream)).size == size


@pytest.mark.parametrize(
    "data",
    [
        b"BM" + bytes(12) + b"\x28\0\0\0" + struct.pack("<ii", -5, 5),
        b"BM" + bytes(12) + b"\x28\0\0\0" + struct.pack("<ii", 5, 0),
        b"BM" + bytes(12) + b"\x28\0\0\0",
        b"8BPS" + bytes(30),
        b"qoif" + bytes(8),
        b"P6\n# 5 5\n",
        b"P6\nx y\n",
        b"P6\n" + b"9" * 30 + b" 5\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: (atend)\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 5 5 5 5\n",
        b"\xff\x4f\xff\x51" + bytes(8),
        bmff(b"ftyp", b"heic", bytes(4)),
        bmff(b"ftyp", b"heic", bytes(4)) + b"\0\0\0\1meta",
    ],
)
def test_headers_that_make_no_sense_have_no_size(data: bytes) -> None:
    """Zero, negative, missing: None, and the name stays."""
    facts = probe_bytes(data, ProbeField.ALL)
    assert facts.format is not None
    assert facts.size is None


def test_a_bitmap_may_run_from_top_to_bottom() -> None:
    """A negative height is one."""
    data = b"BM" + bytes(12) + b"\x28\0\0\0" + struct.pack("<ii", 5, -7)
    assert probe_bytes(data).size == Size(5, 7)
    assert probe_bytes(b"BM" + bytes(12) + b"\x0c\0\0\0" + struct.pack("<HH", 5, 7)).size == Size(5, 7)


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"%PDF-1.7\n", "PDF"),
        (b"<!DOCTYPE html><html><svg/></html>", "HTML"),
        (b"\n <html>", "HTML"),
        (b"<?xml version='1.0'?><html xmlns='x'/>", "HTML"),
        (b"<?xml version='1.0'?><a/>", "XML"),
        (b"<!-- a --><a/>", "XML"),
        (b"< 5", "plain text"),
        (b'{"a": 1}', "JSON"),
        (b"[\n  1, 2]", "JSON"),
        (b"{a: 1}", "plain text"),
        (b"[section]\na=1", "plain text"),
        (b"hello", "plain text"),
        ("größe".encode(), "plain text"),
        ("größe, und mehr davon".encode("latin-1"), "plain text"),
        ("я".encode() * 3000, "plain text"),
        (("a" + "я" * 3000).encode(), "plain text"),
        (("a" + "я" * 9).encode()[:-1], "unknown bytes"),
        ("﻿text".encode("utf-16-be"), "plain text"),
        (b"iVBORw0KGgoAAAANSUhEUgAA", "base64 text of an image"),
        (b"data:image/png;base64,iVBOR", "base64 text of an image"),
        (gzip.compress(b"x", mtime=0), "gzip data"),
        (zipped(), "a ZIP archive"),
        (bmff(b"ftyp", b"isom", bytes(4)), "MP4 video"),
        (bmff(b"ftyp", b"qt  ", bytes(4)), "QuickTime video"),
        (bmff(b"ftyp", b"M4A ", bytes(4)), "MP4 audio"),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88webm", "WebM video"),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", "Matroska video"),
        (b"RIFF\0\0\0\0AVI LIST", "AVI video"),
        (b"RIFF\0\0\0\0WAVEfmt ", "WAV audio"),
        (b"RIFF\0\0\0\0CDR6", "a RIFF file"),
        (b"%!PS\n/x 1 def", "PostScript"),
        (b"\x89\x50NG\r\n\x1a\n\0\0\0\rIHDR".replace(b"\x89", b"\x09"), "a PNG file with a broken signature"),
        (bytes(range(256)), "unknown bytes"),
        (b"\xff", "unknown bytes"),
        (bytes(50), "unknown bytes"),
    ],
)
def test_what_is_no_image_is_named(data: bytes, content: str) -> None:
    """The name completes "the bytes are"."""
    assert probe_bytes(data, ProbeField.ALL) == ImageFacts(byte_size=len(data), content=content)


def test_an_empty_file_is_damage() -> None:
    """Nothing is no image."""
    assert probe_bytes(b"", ProbeField.ALL) == ImageFacts(byte_size=0, damage="is empty (0 bytes)")


def test_a_bomb_that_only_pillow_knows_is_damage() -> None:
    """Pillow's limit becomes a clause."""
    bomb = (
        b"\x0a\5\1\x08\0\0\0\0" + struct.pack("<HH", 59_999, 59_999) + bytes(53) + b"\1\xff\xff" + bytes(60)
    )
    assert probe_bytes(bomb).damage == "claims more pixels than Pillow opens"
