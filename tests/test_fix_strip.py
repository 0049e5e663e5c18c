"""Metadata goes byte by byte: pixels, colours and frames stay as they were encoded."""

import io
from random import Random
from typing import Any

import pytest
from PIL import Image, ImageCms

from imgbudget.errors import FixError
from imgbudget.fixing.image import edit_image
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.model.edits import EditedImage, ImageEdit
from imgbudget.model.subjects import ProbeField
from tests.drawings import animated, distance, encoded, opened, seen, soft
from tests.imagebytes import chunk, segment, tiff, webp_chunk

STRIP = ImageEdit(strip=True)
FIRST = ImageEdit(first_frame=True)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GPS = tiff(None, gps=[(2, 3), (4, 3)])


def stripped(data: bytes, edit: ImageEdit = STRIP) -> EditedImage:
    """The file without metadata: smaller, nothing lost, no position, and once more changes nothing."""
    made = edit_image(data, edit)
    facts = probe_bytes(made.data, ProbeField.ALL)
    assert made.degraded == ()
    assert made.quality is None
    assert not facts.has_location
    assert facts.metadata_bytes is not None
    assert facts.metadata_bytes < 1000
    assert edit_image(made.data, edit).data == made.data
    return made


def test_a_file_without_metadata_is_unchanged() -> None:
    """There is nothing to remove, so nothing is rewritten."""
    for form in ("JPEG", "PNG", "WEBP", "GIF"):
        data = encoded(soft(), form)
        assert edit_image(data, STRIP).data == data


def test_no_wish_changes_nothing() -> None:
    """An empty edit, and limits that the file keeps already."""
    data = encoded(soft(), "JPEG", orientation=6, comment=b"a" * 99)
    for edit in (
        ImageEdit(),
        ImageEdit(max_bytes=len(data)),
        ImageEdit(size=probe_bytes(data).size, format="jpeg"),
    ):
        made = edit_image(data, edit)
        assert made.data == data
        assert made.degraded == ()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_keeps_its_scans_and_its_profile(mode: str, options: dict[str, Any]) -> None:
    """EXIF with a position, XMP, a comment, a maker's segment and a trailer go."""
    clean = encoded(soft(mode=mode), "JPEG", icc_profile=PROFILE, **options)
    more = (
        segment(0xE1, b"Exif\0\0" + GPS)
        + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")
        + segment(0xFE, b"hello")
        + segment(0xEC, b"Ducky" + bytes(3000))
    )
    data = clean[:2] + more + clean[2:] + b"a video" * 1000
    assert probe_bytes(data, ProbeField.ALL).has_location
    made = stripped(data)
    assert made.data == clean
    assert opened(made.data).info["icc_profile"] == PROFILE


def test_a_jpeg_header_loses_its_thumbnail_only() -> None:
    """JFIF has room for one behind its fourteen bytes."""
    clean = encoded(soft(), "JPEG")
    assert clean[2:6] == b"\xff\xe0\0\x10"
    fat = clean[:2] + segment(0xE0, clean[6:18] + b"\x14\x14" + bytes(1200)) + clean[20:]
    assert stripped(fat).data == clean


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_orientation_that_is_not_applied_is_kept(form: str, orientation: int) -> None:
    """Without it the picture would be shown rotated."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "a description" * 100
    data = encoded(soft(), form, exif=exif)
    made = stripped(data)
    assert len(made.data) < len(data)
    assert probe_bytes(made.data, ProbeField.ALL).orientation == orientation
    assert seen(made.data).tobytes() == seen(data).tobytes()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_a_png_keeps_what_it_is_shown_by(mode: str) -> None:
    """Texts, times and EXIF go, transparency, gamma and the profile stay; what follows the end goes."""
    clean = encoded(soft(mode=mode), "PNG", icc_profile=PROFILE)
    gamma = chunk(b"gAMA", b"\0\0\xb1\x8f")
    more = (
        chunk(b"tEXt", b"Comment\0hello")
        + chunk(b"tIME", bytes(7))
        + chunk(b"prIv", b"x")
        + chunk(b"eXIf", GPS)
    )
    data = (
        clean[:33]
        + gamma
        + more
        + clean[33:-12]
        + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>")
        + clean[-12:]
    )
    assert probe_bytes(data, ProbeField.ALL).has_location
    made = stripped_png = edit_image(data + b"trailer", STRIP)
    assert made.data == clean[:33] + gamma + clean[33:]
    assert opened(stripped_png.data).tobytes() == opened(data).tobytes()


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 60}], ids=str)
def test_a_webp_keeps_its_picture(options: dict[str, Any]) -> None:
    """Alpha and profile too; EXIF, XMP and unknown chunks go."""
    data = encoded(
        soft(mode="RGBA"), "WEBP", exif=b"Exif\0\0" + GPS, xmp=b"<x/>", icc_profile=PROFILE, **options
    )
    data += webp_chunk(b"JUNK", b"12345678")
    data = data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]
    made = edit_image(data, STRIP)
    facts = probe_bytes(made.data, ProbeField.ALL)
    assert (facts.has_location, made.degraded) == (False, ())
    picture = opened(made.data)
    assert picture.info["icc_profile"] == PROFILE
    assert not {"exif", "xmp"} & set(picture.info)
    assert picture.tobytes() == opened(data).tobytes()


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_an_animation_keeps_its_frames_and_their_times(form: str) -> None:
    """Only its comments go."""
    options: dict[str, Any] = {"GIF": {"comment": b"a" * 900}, "PNG": {}, "WEBP": {"xmp": b"<x/>" * 99}}[form]
    data = animated(form, **options)
    if form == "PNG":
        data = data[:33] + chunk(b"tEXt", b"Comment\0" + b"a" * 900) + data[33:]
    made = edit_image(data, STRIP)
    assert len(made.data) < len(data) - 300
    before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(made.data))
    assert getattr(after, "n_frames", 1) == 3
    assert after.info["loop"] == before.info["loop"]
    for number in range(3):
        before.seek(number)
        after.seek(number)
        assert after.convert("RGBA").tobytes() == before.convert("RGBA").tobytes()
        assert after.info["duration"] == before.info["duration"]


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "MPO"])
def test_the_first_frame_is_cut_out_without_a_loss(form: str) -> None:
    """Its bytes are those of the animation; what is lost is named."""
    data = animated(form, lossless=True) if form == "WEBP" else animated(form)
    made = edit_image(data, FIRST)
    assert made.degraded == (f"first of 3 {'pictures' if form == 'MPO' else 'frames'}",)
    assert probe_bytes(made.data, ProbeField.ALL).frames == 1
    assert len(made.data) < len(data)
    assert distance(seen(made.data), seen(data)) == 0


def test_a_first_frame_that_is_not_the_whole_picture_is_drawn() -> None:
    """A WebP frame may cover any part of the canvas."""
    data = bytearray(animated("WEBP", lossless=True))
    at = data.index(b"ANMF")
    # two px further right, on a canvas as much wider
    data[at + 8] = 1
    data[24] += 2
    made = edit_image(bytes(data), FIRST)
    assert made.size == (122, 90)
    assert distance(seen(made.data), seen(bytes(data))) < 0.5


def test_pictures_behind_the_first_are_kept_and_stripped() -> None:
    """Stereo pairs and large previews belong to the file's owner; positions go from all of them."""
    data = animated("MPO", exif=b"Exif\0\0" + GPS, comment=b"a" * 500)
    assert data.count(GPS) == 3
    made = edit_image(data, STRIP)
    assert made.degraded == ()
    assert not probe_bytes(made.data, ProbeField.ALL).has_location
    assert GPS not in made.data
    before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(made.data))
    assert getattr(after, "n_frames", 1) == 3
    for number in range(3):
        before.seek(number)
        after.seek(number)
        assert after.tobytes() == before.tobytes()
    assert edit_image(made.data, STRIP).data == made.data


def test_pictures_that_the_index_does_not_lead_to_are_not_dropped_unasked() -> None:
    """A broken index leaves the file unchanged."""
    data = bytearray(animated("MPO"))
    at = data.index(b"MPF\0") + 4
    entries = data.index(b"\2\xb0", at) if data[at : at + 2] == b"II" else data.index(b"\xb0\2", at)
    first = at + int.from_bytes(
        data[entries + 8 : entries + 12], "little" if data[at : at + 2] == b"II" else "big"
    )
    data[first + 16 + 8 : first + 16 + 12] = b"\0\0\0\1"
    with pytest.raises(FixError, match="has 3 pictures; keeping only the first is an unsafe fix"):
        edit_image(bytes(data), STRIP)


def test_a_large_profile_is_not_kept_but_followed() -> None:
    """It would be most of the file: pixels are converted, and the quality of the new encoding is named."""
    profile = PROFILE + Random(1).randbytes(60_000)  # noqa: S311 - bytes that deflate cannot shrink
    made = edit_image(encoded(soft(), "JPEG", icc_profile=profile, quality=90), STRIP)
    assert made.degraded == ("re-encoded at quality 90",)
    for form in ("PNG", "WEBP"):
        data = encoded(soft(mode="RGBA"), form, icc_profile=profile, lossless=True)
        kept = stripped(data)
        assert "icc_profile" not in opened(kept.data).info
        assert opened(kept.data).tobytes() == opened(data).tobytes()


def test_a_byte_limit_drops_metadata_first() -> None:
    """Nothing visible is reduced as long as invisible bytes can be removed."""
    clean = encoded(soft(), "JPEG", quality=99)
    data = clean[:2] + segment(0xE1, b"Exif\0\0" + GPS + bytes(9000)) + clean[2:]
    made = edit_image(data, ImageEdit(max_bytes=len(clean)))
    assert (made.data, made.degraded) == (clean, ())
