"""PNG: the header and its checksum, animations, EXIF and XMP at any position, metadata, damage."""

import struct
import zlib

import pytest

from imgbudget.imageinfo.dispatch import probe_bytes, probe_reader
from imgbudget.imageinfo.reader import bytes_reader
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ProbeField
from tests.builders import image_bytes
from tests.imagebytes import IDAT, IEND, SIGNATURE, actl, chunk, fctl, ihdr, png, tiff

XMP = b"XML:com.adobe.xmp\0\0\0\0\0"
TURNED = b'<x tiff:Orientation="3"/>'


def profile(block: bytes, keyword: bytes = b"Raw profile type exif") -> bytes:
    """ImageMagick's text of a profile."""
    return keyword + b"\0" + b"\nexif\n      %d\n" % len(block) + block.hex().encode() + b"\n"


def many(count: int, last: bytes = b"xy") -> bytes:
    """Picture data in several chunks of one length and a shorter last one."""
    return chunk(b"IDAT", bytes(1000)) * count + chunk(b"IDAT", last)


@pytest.mark.parametrize(
    ("depth", "colour"),
    [
        (1, 0),
        (2, 0),
        (4, 0),
        (8, 0),
        (16, 0),
        (8, 2),
        (16, 2),
        (1, 3),
        (8, 3),
        (8, 4),
        (16, 4),
        (8, 6),
        (16, 6),
    ],
)
def test_every_kind_of_pixel_is_taken(depth: int, colour: int) -> None:
    """The bit depths and colour types that there are."""
    facts = probe_bytes(png(header=ihdr(70, 50, depth, colour)), ProbeField.ALL)
    assert (facts.format, facts.size, facts.damage) == ("png", Size(70, 50), None)


def test_apples_variant_has_a_size() -> None:
    """A CgBI chunk may precede the header."""
    apple = chunk(b"CgBI", b"\x50\0\x20\2") + ihdr(70, 50)
    assert probe_bytes(png(header=apple)).size == Size(70, 50)


@pytest.mark.parametrize(
    ("header", "clause", "size"),
    [
        (chunk(b"IHDR", ihdr(70, 50)[8:21], checksum=1), "a wrong checksum", Size(70, 50)),
        (ihdr(0, 50), "with an impossible size (0x50)", None),
        (ihdr(50, 0), "with an impossible size (50x0)", None),
        (ihdr(1 << 31, 1), "with an impossible size", None),
        (ihdr(70, 50, 3, 2), "3 bits per sample of colour type 2", Size(70, 50)),
        (ihdr(70, 50, 8, 1), "8 bits per sample of colour type 1", Size(70, 50)),
        (ihdr(70, 50, methods=b"\1\0\0"), "unknown compression", Size(70, 50)),
        (ihdr(70, 50, methods=b"\0\1\0"), "unknown compression", Size(70, 50)),
        (ihdr(70, 50, methods=b"\0\0\2"), "unknown compression", Size(70, 50)),
        (chunk(b"gAMA", bytes(4)), "does not start with a header chunk", None),
        (b"", "does not start with a header chunk", None),
    ],
)
def test_a_header_that_no_decoder_takes_is_damage(header: bytes, clause: str, size: Size | None) -> None:
    """What is known of the size stays, unless it is impossible."""
    facts = probe_bytes(png(header=header))
    assert facts.format == "png"
    assert clause in str(facts.damage)
    assert facts.size == size


def test_a_text_transfer_is_named() -> None:
    """Line ends that were converted break the signature."""
    facts = probe_bytes(png().replace(b"\r\n", b"\n", 1))
    assert (facts.format, facts.damage) == (
        "png",
        "has a broken PNG signature, as after a transfer in text mode",
    )


@pytest.mark.parametrize("length", [2, 3, 4, 8, 12, 16, 20, 32])
def test_a_cut_header_is_damage(length: int) -> None:
    """The file ends inside its header."""
    facts = probe_bytes(png()[:length])
    assert facts == facts._replace(format="png", damage=f"ends inside its header ({length} bytes)")


@pytest.mark.parametrize(
    ("data", "clause"),
    [(png(data=b"", end=b""), "ends before its image data"), (png(data=b""), "has no image data")],
)
def test_a_file_without_a_picture_is_damage(data: bytes, clause: str) -> None:
    """The first picture data is looked for in any case."""
    assert clause in str(probe_bytes(data).damage)


@pytest.mark.parametrize(
    ("before", "frames"),
    [([], 1), ([actl(3), fctl()], 3), ([actl(3)], 4), ([actl(1), fctl()], 1), ([actl(1)], 2)],
)
def test_frames_of_an_animation(before: list[bytes], frames: int) -> None:
    """The default picture counts as a frame only without a control chunk before it."""
    assert probe_bytes(png(*before), ProbeField.FRAMES).frames == frames
    for fields in (ProbeField.NONE, ProbeField.INTEGRITY):
        assert probe_bytes(png(*before), fields).frames == min(frames, 2)


@pytest.mark.parametrize("before", [actl(0), actl(0x80000001)])
def test_impossible_frame_counts_are_no_animation(before: bytes) -> None:
    """Pillow falls back to the picture too."""
    assert probe_bytes(png(before)).frames == 1


def test_an_animation_chunk_behind_the_picture_is_none() -> None:
    """The specification puts it first."""
    assert probe_bytes(png(after=actl(3)), ProbeField.ALL).frames == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "between",
    [b"", chunk(b"tEXt", bytes(4060)), chunk(b"tEXt", bytes(70_000)), chunk(b"pHYs", bytes(9)) * 300],
)
def test_exif_before_the_picture(between: bytes, order: str) -> None:
    """Found behind chunks of any length, in either byte order."""
    data = png(between, chunk(b"eXIf", tiff(6, order=order)))
    for fields in (ProbeField.ORIENTATION, ProbeField.ALL):
        assert probe_bytes(data, fields).orientation == 6


@pytest.mark.parametrize(
    "data", [IDAT, many(1), many(9), many(40, bytes(1000)), many(3) + many(2), IDAT + many(5)]
)
@pytest.mark.parametrize(
    "between", [b"", chunk(b"tEXt", b"a\0b"), chunk(b"tEXt", bytes(3000)), fctl() + chunk(b"fdAT", bytes(90))]
)
def test_exif_behind_the_picture(data: bytes, between: bytes) -> None:
    """Found however the picture data is divided, and whatever is in between."""
    whole = png(data=data, after=between + chunk(b"eXIf", tiff(8)))
    for fields in (ProbeField.ORIENTATION, ProbeField.ALL):
        assert probe_bytes(whole, fields).orientation == 8
    assert probe_bytes(png(data=data, after=between), ProbeField.ORIENTATION).orientation == 1


def test_exif_behind_many_chunks_takes_few_reads() -> None:
    """The way to the end of the picture data is not walked chunk by chunk."""
    data = png(
        data=chunk(b"IDAT", bytes(8192)) * 366 + chunk(b"IDAT", b"x"),
        after=chunk(b"eXIf", tiff(8) + bytes(30_000)),
    )
    reads = []

    def read(size: int, offset: int) -> bytes:
        reads.append(offset)
        return bytes_reader(data)(size, offset)

    assert probe_reader(read, len(data), ProbeField.ORIENTATION).orientation == 8
    assert len(reads) < 20


@pytest.mark.parametrize(
    "text",
    [
        chunk(b"tEXt", profile(tiff(5))),
        chunk(
            b"zTXt", profile(tiff(5)).replace(b"\0", b"\0\0", 1)[:23] + zlib.compress(profile(tiff(5))[22:])
        ),
        chunk(b"iTXt", XMP + TURNED.replace(b"3", b"5")),
        chunk(b"iTXt", XMP[:-4] + b"\1\0\0\0" + zlib.compress(b"<tiff:Orientation>5</tiff:Orientation>")),
        chunk(b"eXIf", b"Exif\0\0" + tiff(5)),
        chunk(b"eXIf", tiff(None)) + chunk(b"iTXt", XMP + TURNED.replace(b"3", b"5")),
    ],
)
def test_orientation_in_places_of_older_programs(text: bytes) -> None:
    """ImageMagick's profile, compressed or not, and XMP are read as Pillow reads them."""
    for data in (png(text), png(after=text)):
        assert probe_bytes(data, ProbeField.ORIENTATION).orientation == 5
        assert probe_bytes(data, ProbeField.ALL).orientation == 5


def test_exif_comes_before_xmp() -> None:
    """XMP counts only where EXIF has no orientation, and a profile only where there is no eXIf chunk."""
    xmp, profiles = (
        chunk(b"iTXt", XMP + TURNED),
        chunk(b"tEXt", profile(tiff(5))) + chunk(b"tEXt", profile(tiff(4))),
    )
    for fields in (ProbeField.ORIENTATION, ProbeField.ALL):
        assert probe_bytes(png(xmp, chunk(b"eXIf", tiff(6))), fields).orientation == 6
        assert probe_bytes(png(xmp, profiles), fields).orientation == 5
        assert probe_bytes(png(xmp, profiles, chunk(b"eXIf", tiff(6))), fields).orientation == 6


@pytest.mark.parametrize(
    "text",
    [
        chunk(b"tEXt", b"Raw profile type exif\0"),
        chunk(b"tEXt", b"Raw profile type exif\0\nexif\n5\nxyz"),
        chunk(b"zTXt", b"Raw profile type exif\0\0not zlib"),
        chunk(b"iTXt", XMP),
        chunk(b"iTXt", XMP[:19]),
        chunk(b"iTXt", XMP + b'tiff:Orientation="9"'),
        chunk(b"eXIf", b""),
        chunk(b"tEXt", b"Orientation\0" + b"6"),
    ],
)
def test_texts_without_an_orientation(text: bytes) -> None:
    """Empty, truncated and unrelated text means 1."""
    assert probe_bytes(png(text), ProbeField.ALL).orientation == 1
    assert probe_bytes(png(after=text), ProbeField.ORIENTATION).orientation == 1


@pytest.mark.parametrize("kind", ["before", "after"])
def test_location_in_exif(kind: str) -> None:
    """A GPS position is found at any position of the chunk."""
    exif = chunk(b"eXIf", tiff(gps=[(2, 3)]))
    data = png(exif) if kind == "before" else png(after=exif)
    assert probe_bytes(data, ProbeField.LOCATION).has_location
    assert not probe_bytes(png(), ProbeField.ALL).has_location


def test_metadata_counts_what_a_picture_is_not_shown_by() -> None:
    """Text, EXIF, profiles and private chunks count; gamma, transparency and the like do not."""
    shown = [chunk(b"gAMA", bytes(4)), chunk(b"tRNS", bytes(6)), chunk(b"pHYs", bytes(9))]
    others = [chunk(b"iCCP", b"x\0\0" + bytes(50)), chunk(b"tEXt", b"a\0b"), chunk(b"prVt", bytes(9))]
    behind = [chunk(b"tIME", bytes(7)), chunk(b"eXIf", tiff())]
    data = png(*shown, *others, after=b"".join(behind))
    assert probe_bytes(data, ProbeField.METADATA).metadata_bytes == sum(map(len, others + behind))
    assert probe_bytes(data).metadata_bytes is None


@pytest.mark.parametrize(
    "data",
    [
        png(),
        png(data=many(9)),
        png(end=b""),
        png(end=IEND[:6]),
        png(end=IEND + b"junk"),
        png()[:-20],
        png(end=b"\0\0\0\1\x80\x81\x82\x83"),
        png(data=IDAT + b"\0\0\xff\xffIDAT", end=b""),
        png(actl(2), fctl(), after=fctl(1) + chunk(b"fdAT", bytes(90)))[:-40],
        png(chunk(b"tEXt", b"a\0" + bytes(1 << 21))),
        png(chunk(b"prVt", b"a\0\1\0x\0y\0" + zlib.compress(bytes(1 << 21)))),
    ],
    ids=lambda data: f"{len(data)} bytes",
)
def test_what_decoders_forgive_is_whole(data: bytes) -> None:
    """A missing end, junk behind it, a cut in a later frame, and long data that is no compressed text."""
    assert probe_bytes(data, ProbeField.INTEGRITY).damage is None


@pytest.mark.parametrize(
    ("data", "clause"),
    [
        (png()[:-21], "is cut off inside its IDAT chunk"),
        (png(data=many(9))[:-300], "is cut off inside its IDAT chunk"),
        (png(data=many(9))[:-3000], "is cut off inside its IDAT chunk"),
        (png(after=chunk(b"tEXt", bytes(99)))[:-50], "is cut off inside its tEXt chunk"),
        (png(data=chunk(b"IDAT")), "has no image data"),
        (
            png(data=IDAT + chunk(b"tIME", bytes(7)) + IDAT[:20] + IDAT),
            "a tIME chunk inside its image data",
        ),
        (png(chunk(b"PLTE", bytes(3), checksum=5)), "a wrong checksum in its PLTE chunk"),
        (png(chunk(b"a\xffcd", bytes(3), checksum=5)), "a wrong checksum in its a\\xffcd chunk"),
        (
            png(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 21)))),
            "bytes of text compressed in its zTXt",
        ),
    ],
)
def test_a_broken_structure_is_damage_if_requested(data: bytes, clause: str) -> None:
    """The check costs more reads, so it is made only on request."""
    assert probe_bytes(data, ProbeField.ORIENTATION).damage is None
    assert clause in str(probe_bytes(data, ProbeField.INTEGRITY).damage)


def test_sixty_thousand_pixels_square_is_a_size_and_no_crash() -> None:
    """A header is taken at its word, whatever a decoder would need for it."""
    facts = probe_bytes(png(header=ihdr(60_000, 60_000)), ProbeField.ALL)
    assert (facts.size, facts.damage) == (Size(60_000, 60_000), None)


def test_lengths_beyond_the_file_end_the_walk() -> None:
    """A chunk that claims four gigabytes leads to the end of the file."""
    data = SIGNATURE + ihdr() + struct.pack(">I4s", 0xFFFFFFFF, b"tEXt") + bytes(100)
    assert "ends before its image data" in str(probe_bytes(data, ProbeField.ALL).damage)


def test_what_is_as_long_as_an_end_chunk_need_not_be_one() -> None:
    """Twelve bytes behind the picture data are looked at: another chunk may begin there, and be cut."""
    data = image_bytes((64, 48), "PNG")
    cut = data[:-12] + b"\0\0\0\x64tEXtmore"
    assert probe_bytes(data, ProbeField.INTEGRITY).damage is None
    assert "inside its tEXt chunk" in (probe_bytes(cut, ProbeField.INTEGRITY).damage or "")
