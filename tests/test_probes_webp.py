"""WebP: the three kinds of header, frames, EXIF where the flags announce it, metadata, damage."""

import io
import re

import pytest
from PIL import Image

from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ProbeField
from tests.imagebytes import anmf, riff, tiff, vp8, vp8l, vp8x, webp_chunk

ANIMATION, XMP, EXIF, ICC = 2, 4, 8, 32
ANIM = webp_chunk(b"ANIM", bytes(6))


def exif(turn: int = 6, **options: object) -> bytes:
    """An EXIF chunk."""
    return webp_chunk(b"EXIF", tiff(turn, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [Size(1, 1), Size(40, 30), Size(0x3FFF, 0x3FFF)])
def test_size_of_lossy_lossless_and_extended_files(size: Size) -> None:
    """14 bits an edge, 24 in the extended header."""
    for data in (riff(vp8(*size)), riff(vp8l(*size)), riff(vp8x(*size), vp8(*size))):
        facts = probe_bytes(data, ProbeField.ALL)
        assert (facts.format, facts.size, facts.frames, facts.damage) == ("webp", size, 1, None)


def test_scaling_bits_are_no_part_of_the_size() -> None:
    """Two bits above the 14 say how a player should scale it."""
    assert probe_bytes(riff(vp8(40 | 0x4000, 30 | 0x8000))).size == Size(40, 30)


def test_a_canvas_may_be_larger_than_any_frame() -> None:
    """24 bits an edge."""
    assert probe_bytes(riff(vp8x(1 << 24, 100_000), vp8())).size == Size(1 << 24, 100_000)


@pytest.mark.parametrize("fields", [ProbeField.FRAMES, ProbeField.ALL])
def test_frames_are_counted_where_the_flags_announce_an_animation(fields: ProbeField) -> None:
    """One frame under the animation flag is no animation."""
    assert probe_bytes(riff(vp8x(flags=ANIMATION), ANIM, anmf()), fields).frames == 1
    assert probe_bytes(riff(vp8x(flags=ANIMATION), ANIM, *[anmf()] * 40), fields).frames == 40
    assert probe_bytes(riff(vp8x(), ANIM, *[anmf()] * 3), fields).frames == 1


def test_frames_are_two_unless_they_are_wanted() -> None:
    """That it is an animation is known in any case."""
    assert probe_bytes(riff(vp8x(flags=ANIMATION), ANIM, *[anmf()] * 40)).frames == 2
    assert probe_bytes(riff(vp8x(flags=ANIMATION), ANIM, anmf())).frames == 1


@pytest.mark.parametrize("fields", [ProbeField.ORIENTATION, ProbeField.ALL])
@pytest.mark.parametrize(
    "before", [[], [vp8()], [vp8(), webp_chunk(b"XMP ", bytes(5001))], [ANIM, *[anmf()] * 9]]
)
def test_orientation_is_found_anywhere(before: list[bytes], fields: ProbeField) -> None:
    """Usually after the picture; a chunk of odd length is padded."""
    flags = EXIF | XMP | (ANIMATION if ANIM in before else 0)
    assert probe_bytes(riff(vp8x(flags=flags), *before, exif(7)), fields).orientation == 7
    assert probe_bytes(riff(vp8x(flags=flags), *before, exif(7, order=">")), fields).orientation == 7


def test_exif_without_its_flag_is_not_read() -> None:
    """The library of WebP does not hand it out either."""
    assert probe_bytes(riff(vp8x(), vp8(), exif()), ProbeField.ALL).orientation == 1


@pytest.mark.parametrize("block", [b"", b"II", b"Exif\0\0" + tiff(5), b"Exif\0\0Exif\0\0" + tiff(5)])
def test_odd_exif_chunks(block: bytes) -> None:
    """The prefix of JPEG is taken off; nothing else makes an orientation."""
    data = riff(vp8x(flags=EXIF), vp8(), webp_chunk(b"EXIF", block))
    assert probe_bytes(data, ProbeField.ORIENTATION).orientation == (5 if len(block) > 2 else 1)


def test_location() -> None:
    """A GPS position in EXIF is found."""
    location = webp_chunk(b"EXIF", tiff(gps=[(2, 3), (4, 3)]))
    assert probe_bytes(riff(vp8x(flags=EXIF), vp8(), location), ProbeField.LOCATION).has_location
    assert not probe_bytes(riff(vp8x(flags=EXIF), vp8(), exif()), ProbeField.LOCATION).has_location


def test_metadata() -> None:
    """EXIF, XMP and unknown chunks count, with their padding; a profile, which decoders use, does not."""
    profile = webp_chunk(b"ICCP", bytes(501))
    others = [
        exif(),
        webp_chunk(b"XMP ", b"<x/>"),
        webp_chunk(b"abcd", b"123"),
    ]
    data = riff(vp8x(flags=EXIF | XMP | ICC), profile, vp8(), *others)
    assert probe_bytes(data, ProbeField.METADATA).metadata_bytes == sum(map(len, others))
    assert probe_bytes(riff(vp8()), ProbeField.METADATA).metadata_bytes == 0
    assert probe_bytes(data).metadata_bytes is None


@pytest.mark.parametrize(
    ("data", "clause"),
    [
        (riff(vp8())[:29], "ends inside its header (29 bytes)"),
        (riff(vp8l())[:25], "ends inside its header (25 bytes)"),
        (b"RIFF\x10\0\0\0WEBP", "ends inside its header (12 bytes)"),
        (riff(vp8(0, 30)), "a broken image header (0x30)"),
        (riff(vp8(start=b"abc")), "a broken image header"),
        (riff(vp8(tag=b"\x11\0\0")), "a broken image header"),
        (riff(vp8l(mark=0x2E)), "a broken image header"),
        (riff(vp8l(version=1)), "a broken image header"),
        (riff(webp_chunk(b"ICCP", bytes(40))), "has no image after its header"),
    ],
)
def test_a_header_that_no_decoder_takes_is_damage(data: bytes, clause: str) -> None:
    """What the header shows needs no further look."""
    facts = probe_bytes(data)
    assert (facts.format, facts.size) == ("webp", None)
    assert clause in str(facts.damage)


@pytest.mark.parametrize(
    "data", [riff(vp8()) + b"junk", riff(vp8x(flags=ANIMATION), ANIM, anmf()) + bytes(50), riff(vp8l())[:29]]
)
def test_what_decoders_forgive_is_whole(data: bytes) -> None:
    """Bytes behind the end, and a picture shorter than the header of the other kinds."""
    if len(data) < 30:
        data = data[:4] + (21).to_bytes(4, "little") + data[8:16] + (9).to_bytes(4, "little") + data[20:]
    assert probe_bytes(data, ProbeField.INTEGRITY).damage is None


@pytest.mark.parametrize(
    ("data", "clause"),
    [
        (riff(vp8())[:-5], "is cut off: it has 33 of 38 bytes"),
        (riff(vp8(), length=1000), "is cut off: it has 38 of 1008 bytes"),
        (riff(vp8x(), vp8())[:-4], "is cut off"),
        (riff(vp8x(flags=EXIF), exif()), "has no image after its header"),
    ],
)
def test_a_file_that_is_cut_is_damage_when_asked(data: bytes, clause: str) -> None:
    """The length in the header against the file's."""
    assert probe_bytes(data, ProbeField.ORIENTATION).damage is None
    assert clause in str(probe_bytes(data, ProbeField.INTEGRITY).damage)


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("edge", [24, 27])
def test_canvas_of_another_size_than_its_still_picture_is_damage(lossless: bool, edge: int) -> None:  # noqa: FBT001
    """The libwebp decoder refuses such a file, whichever edge it is; an animation may have smaller frames."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "WEBP", lossless=lossless, xmp=b"<x/>")
    data = bytearray(out.getvalue())
    assert probe_bytes(bytes(data), ProbeField.ALL).damage is None
    data[edge] += 1
    found = probe_bytes(bytes(data), ProbeField.ALL).damage
    assert found is not None
    assert re.fullmatch(r"has a canvas of (41x30|40x31) px and a picture of 40x30 px", found)
    with pytest.raises(OSError, match="decoder"):
        Image.open(io.BytesIO(data)).load()
