"""One decoding, one encoding: exact sizes, upright pixels, honest losses, and refusals with a reason."""

import io
import struct
import sys
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageOps

from imgbudget.errors import FixError
from imgbudget.fixing.image import edit_image
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import CoordinateMap, Size, is_remainder
from imgbudget.model.edits import ImageEdit
from imgbudget.model.subjects import ProbeField
from tests.drawings import animated, distance, drawn, encoded, noisy, opened, seen, soft
from tests.imagebytes import SIGNATURE, bmff, chunk, ihdr

HALF = ImageEdit(size=Size(60, 45))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_resize_gives_the_planned_size_in_the_same_format(form: str) -> None:
    """To the pixel, and the same bytes each time."""
    data = encoded(soft(), form)
    made = edit_image(data, HALF)
    assert (made.format, made.size) == (form.lower(), (60, 45))
    assert opened(made.data).size == (60, 45)
    assert distance(seen(made.data), seen(data, (60, 45))) < 3
    assert made.coordinates == CoordinateMap(Size(120, 90), Size(60, 45))
    assert edit_image(data, HALF) == made


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_orientation_is_baked_in(form: str, orientation: int) -> None:
    """The new pixels are those that were seen, with no tag; the planned size is turned with them."""
    data = encoded(soft(), form, orientation=orientation)
    size = probe_bytes(data, ProbeField.ALL).size
    assert size is not None
    lies = orientation > 4
    for edit in (
        ImageEdit(upright=True),
        ImageEdit(upright=True, size=Size(size.width // 2, size.height // 2)),
    ):
        made = edit_image(data, edit)
        expected = (90, 120) if lies else (120, 90)
        if edit.size is not None:
            expected = (expected[0] // 2, expected[1] // 2)
        facts = probe_bytes(made.data, ProbeField.ALL)
        assert (made.size, facts.size, facts.orientation) == (expected, expected, 1)
        assert distance(seen(made.data), seen(data, expected)) < 3
        assert made.coordinates == CoordinateMap(Size(90, 120) if lies else Size(120, 90), Size(*expected))


def test_a_resize_that_bakes_nothing_in_keeps_the_orientation() -> None:
    """The size is that of the stored pixels; what is seen is turned as before."""
    data = encoded(soft(), "JPEG", orientation=6)
    made = edit_image(data, HALF)
    assert probe_bytes(made.data, ProbeField.ALL).orientation == 6
    assert made.size == (60, 45)
    assert distance(seen(made.data), seen(data, (45, 60))) < 3
    assert made.coordinates == CoordinateMap(Size(90, 120), Size(45, 60))


def test_transparent_colours_leave_no_fringe() -> None:
    """What is hidden under alpha does not shine through at the edges."""
    picture = Image.new("RGBA", (120, 90), (0, 0, 255, 0))
    picture.paste((255, 0, 0, 255), (30, 20, 91, 71))
    for form in ("PNG", "WEBP"):
        made = opened(edit_image(encoded(picture, form, lossless=True), HALF).data).convert("RGBA")
        blue, alpha = made.getchannel("B"), made.getchannel("A")
        shown = Image.composite(blue, Image.new("L", blue.size), alpha.point(lambda level: 255 * (level > 8)))
        assert shown.getextrema() == (0, 0)
        assert sum(alpha.histogram()[1:255]) > 0


def test_alpha_that_hides_nothing_goes() -> None:
    """Screenshots have it, and it costs bytes."""
    picture = drawn()
    picture.putalpha(255)
    made = edit_image(encoded(picture), HALF)
    shown = opened(made.data)
    assert shown.mode in {"RGB", "P"}
    assert "transparency" not in shown.info
    assert made.degraded == ()


def test_transparency_in_a_jpeg_is_laid_on_white_and_named() -> None:
    """JPEG has no alpha."""
    data = encoded(soft(mode="RGBA"))
    made = edit_image(data, ImageEdit(format="jpeg"))
    assert distance(seen(made.data), seen(data)) < 3
    assert made.degraded == ("lossy: quality 90, was lossless PNG", "transparency laid on white")


def test_cmyk_of_either_sign_becomes_the_colours_that_are_seen() -> None:
    """Adobe writes CMYK inverted."""
    picture = ImageOps.posterize(soft(), 3)
    data = encoded(picture.convert("CMYK"), "JPEG", quality=95, subsampling=0)
    assert b"Adobe" in data[:200]
    made = edit_image(data, HALF)
    assert opened(made.data).mode == "RGB"
    assert distance(seen(made.data), picture.resize((60, 45), Image.Resampling.LANCZOS)) < 4
    assert made.degraded[-1] == "colours converted from CMYK to sRGB"


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bits_stay_in_png_and_become_8_in_jpeg(form: str) -> None:
    """Each level is divided, none is cut off."""
    data = encoded(soft(mode="I;16"), form)
    made = edit_image(data, HALF._replace(format="png"))
    assert opened(made.data).mode == "I;16"
    assert made.degraded == ()
    made = edit_image(data, HALF._replace(format="jpeg"))
    assert opened(made.data).mode == "L"
    assert distance(seen(made.data), seen(data, (60, 45))) < 2
    assert made.degraded[0] == "8 bits a sample"
    assert edit_image(encoded(soft(mode="I;16"), "PNG"), ImageEdit(upright=True)).degraded == ()


def test_floating_point_and_wide_integers_are_brought_into_range() -> None:
    """From zero to one, to 255, to 65535, or over what there is."""
    grey = soft(mode="L")
    for scale, base in ((1 / 255, 0.0), (1.0, 0.0), (1000.0, -500.0)):
        floats = grey.convert("F").point(lambda level, a=scale, b=base: level * a + b)
        made = edit_image(encoded(floats, "TIFF"), ImageEdit(format="png"))
        expected = ImageOps.autocontrast(grey) if base else grey
        assert distance(seen(made.data), expected.convert("RGB")) < 1.5
        assert made.degraded == ("8 bits a sample",)


def swapped_profile() -> bytes:
    """The sRGB profile with red and green exchanged, under another name."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"sRGB", b"test").replace(
        "sRGB".encode("utf-16-be"), "test".encode("utf-16-be")
    )
    return profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_colours_follow_their_profile(form: str) -> None:
    """In sRGB afterwards, and without the profile; sRGB itself is not touched."""
    picture = Image.new("RGB", (120, 90), (200, 30, 40))
    made = edit_image(encoded(picture, form, icc_profile=swapped_profile()), HALF)
    expected = Image.new("RGB", (60, 45), (30, 200, 40))
    assert distance(seen(made.data), expected) < 3
    assert "colours converted to sRGB" in made.degraded
    assert "icc_profile" not in opened(made.data).info
    for profile in (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), b"no profile"):
        made = edit_image(encoded(picture, form, icc_profile=profile), HALF)
        assert distance(seen(made.data), Image.new("RGB", (60, 45), (200, 30, 40))) < 3
        assert made.degraded == ()


@pytest.mark.parametrize(("quality", "expected"), [(30, 80), (80, 80), (87, 87), (94, 94), (100, 94)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_jpeg_keeps_its_quality_within_bounds(quality: int, expected: int, subsampling: int) -> None:
    """And how coarse its colours are."""
    data = encoded(soft(), "JPEG", quality=quality, subsampling=subsampling)
    made = edit_image(data, HALF)
    assert (made.quality, probe_bytes(made.data, ProbeField.ALL).quality) == (expected, expected)
    assert opened(made.data).layer == opened(data).layer  # type: ignore[attr-defined]  # of JPEG files only
    assert made.degraded == (("quality 94, was 100",) if quality == 100 else ())


def test_webp_stays_as_lossless_as_it_was() -> None:
    """Pixel by pixel, or lossy as before."""
    data = encoded(drawn(), "WEBP", lossless=True)
    made = edit_image(data, HALF)
    assert made.quality is None
    assert seen(made.data).tobytes() == seen(edit_image(encoded(drawn()), HALF).data).tobytes()
    assert edit_image(encoded(soft(), "WEBP", quality=70), HALF).quality == 90


@pytest.mark.parametrize("form", ["BMP", "TIFF", "PPM", "TGA"])
def test_unsupported_formats_become_png_or_jpeg_by_what_they_show(form: str) -> None:
    """A drawing keeps each pixel, a photograph takes a tenth of the bytes."""
    made = edit_image(encoded(drawn(), form), ImageEdit())
    assert (made.format, made.degraded) == ("png", ())
    assert opened(made.data).tobytes() == drawn().tobytes()
    made = edit_image(encoded(noisy(), form), ImageEdit())
    name = probe_bytes(encoded(noisy(), form)).format or ""
    assert (made.format, made.quality) == ("jpeg", 90)
    assert made.degraded == (f"lossy: quality 90, was lossless {name.upper()}",)


def test_lossy_formats_become_jpeg() -> None:
    """AVIF is a photograph's format; with transparency it becomes WebP, or PNG if the API takes no WebP."""
    assert edit_image(encoded(drawn(), "AVIF"), ImageEdit()).format == "jpeg"
    clear = encoded(soft(mode="RGBA"), "AVIF")
    made, other = edit_image(clear, ImageEdit()), edit_image(clear, ImageEdit(webp=False))
    assert (made.format, other.format) == ("webp", "png")
    assert len(made.data) < len(other.data)
    assert opened(made.data).tobytes() == opened(other.data).tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_rotated_by_its_boxes(orientation: int) -> None:
    """Its reader does not rotate it."""
    data = encoded(soft(), "AVIF", orientation=orientation)
    made = edit_image(data, ImageEdit(upright=True))
    assert distance(seen(made.data), seen(data)) < 3


@pytest.mark.parametrize("turns", range(4))
def test_heic_is_rotated_by_its_reader(turns: int) -> None:
    """The image is rotated once, not twice, although its box holds another rotation."""
    reader = pytest.importorskip("pillow_heif")
    reader.register_heif_opener()
    data = encoded(soft((128, 96)), "HEIF", quality=90).replace(b"pixi\0", b"irot" + bytes((turns,)))
    size = (48, 64) if turns % 2 else (64, 48)
    made = edit_image(data, ImageEdit(upright=True, size=Size(64, 48)))
    assert (made.format, made.size) == ("jpeg", size)
    assert distance(seen(made.data), seen(data, size)) < 4


def test_heic_without_its_reader_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow itself does not read it."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    data = bmff(b"ftyp", b"heic", bytes(4), b"mif1heic")
    with pytest.raises(FixError, match=r"is HEIC, which needs an extra .* pip install 'imgbudget\[heif\]'"):
        edit_image(data, ImageEdit())


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_an_animation_loses_frames_only_where_that_is_allowed(form: str) -> None:
    """Named with their number."""
    data = animated(form)
    with pytest.raises(FixError, match="has 3 frames; keeping only the first is an unsafe fix"):
        edit_image(data, HALF)
    made = edit_image(data, HALF._replace(first_frame=True))
    assert made.degraded[0] == "first of 3 frames"
    assert distance(seen(made.data), seen(data, (60, 45))) < 4


def test_nothing_is_enlarged() -> None:
    """A plan that asks for it is wrong."""
    with pytest.raises(FixError, match="has 120x90 px and would be enlarged to 121x90"):
        edit_image(encoded(soft()), ImageEdit(size=Size(121, 90)))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_byte_limit_reduces_quality_then_scale(form: str) -> None:
    """Quality stays at 80 or more; the size is reduced only if necessary, to whole patches."""
    data = encoded(noisy((240, 180)), form, **({"quality": 94} if form == "JPEG" else {"lossless": True}))
    for share in (0.95, 0.8, 0.5, 0.2, 0.05):
        limit = int(len(data) * share)
        made = edit_image(data, ImageEdit(max_bytes=limit))
        assert len(made.data) <= limit
        assert made.quality is None or made.quality >= 80
        assert made.format == ("webp" if form == "WEBP" else "jpeg" if made.quality else "png")
        if made.size != (240, 180):
            assert not any(is_remainder(edge) for edge in made.size)
            # as large as a few tries find
            assert len(made.data) > 0.75 * limit
            assert f"scaled to {made.size} instead of 240x180" in made.degraded
            assert abs(made.size.width * 3 - made.size.height * 4) <= 4
        assert made.degraded or made.format == "png"


def test_a_limit_that_quality_meets_costs_no_pixel_and_no_more_quality_than_needed() -> None:
    """One step more would be too much."""
    data = encoded(noisy((240, 180)), "JPEG", quality=94)
    lowest = len(encoded(opened(data), "JPEG", quality=80, optimize=True, progressive=True))
    limit = (len(data) + lowest) // 2
    made = edit_image(data, ImageEdit(max_bytes=limit))
    assert made.size == (240, 180)
    assert made.quality is not None
    assert 80 < made.quality < 94
    assert made.degraded == (f"quality {made.quality}, was 94",)
    dearer = encoded(opened(data), "JPEG", quality=made.quality + 1, optimize=True, progressive=True)
    assert len(dearer) > limit


def test_a_limit_on_a_drawing_costs_colours_before_pixels() -> None:
    """A palette does it no harm."""
    picture = drawn((400, 300))
    for x in range(0, 400, 7):
        picture.paste((x % 251, 5, x % 13), (x, 100, x + 3, 140))
    data = encoded(picture, compress_level=0)
    made = edit_image(data, ImageEdit(max_bytes=len(encoded(picture)) * 2))
    assert (made.size, made.degraded) == ((400, 300), ())
    assert opened(made.data).tobytes() == picture.tobytes()


def test_an_impossible_limit_is_refused() -> None:
    """Each format has a header."""
    for form in ("JPEG", "PNG", "WEBP", "GIF"):
        with pytest.raises(FixError, match="cannot be brought within 10 bytes: 120x90 px take"):
            edit_image(encoded(soft(), form), ImageEdit(max_bytes=10))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (ImageEdit(format="bmp"), "cannot be written as bmp; imgbudget writes jpeg, png, gif, webp"),
        (ImageEdit(size=Size(0, 5)), "cannot be scaled to 0x5 px"),
        (ImageEdit(format="webp"), "cannot be written as WEBP: .* 16383 pixels"),
    ],
    ids=["bmp", "nothing", "wide"],
)
def test_unwritable_size_is_reported(edit: ImageEdit, reason: str) -> None:
    """WebP has a longest edge, too."""
    with pytest.raises(FixError, match=reason):
        edit_image(encoded(Image.new("1", (17_000, 4))), edit)


def cut(data: bytes, share: float, end: bytes) -> bytes:
    """A file whose last part is missing, with an end."""
    return data[: int(len(data) * share)] + end


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_truncated_picture_is_refused_and_not_filled_with_grey(share: float) -> None:
    """With or without an end marker: decoders do not report the former."""
    data = encoded(noisy((200, 160)), "JPEG")
    assert edit_image(data, HALF).size == (60, 45)
    for end in (b"", b"\xff\xd9", b"\xff\xff\xd9"):
        with pytest.raises(FixError, match="is cut off inside its image data"):
            edit_image(cut(data, share, end), HALF)


def test_a_flat_corner_is_no_cut() -> None:
    """Scans and screenshots end in one colour."""
    for size in ((120, 90), (121, 97), (128, 96), (8, 8), (1, 1)):
        for options in ({}, {"progressive": True}, {"restart_marker_rows": 1}):
            data = encoded(Image.new("RGB", size, "red"), "JPEG", **options)
            assert edit_image(data, ImageEdit(format="png")).size == size


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_other_cut_files_are_refused(form: str) -> None:
    """By the probe or by the decoder."""
    data = encoded(noisy(), form, **({"lossless": True} if form == "WEBP" else {}))
    with pytest.raises(FixError):
        edit_image(cut(data, 0.7, b""), HALF)


def test_bombs_are_refused_before_they_are_decoded() -> None:
    """By pixels; a JPEG file also by the scans over them."""
    rows = zlib.compress(bytes(100))
    bomb = SIGNATURE + ihdr(60_000, 60_000) + chunk(b"IDAT", rows) + chunk(b"IEND")
    with pytest.raises(FixError, match="has 3,600,000,000 pixels; imgbudget decodes at most 178,956,970"):
        edit_image(bomb, HALF)
    data = encoded(soft((4000, 3000)), "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    slow = data[:scan] + data[scan:-2] * 400 + b"\xff\xd9"
    with pytest.raises(FixError, match=r"scans of 4000x3000 px"):
        edit_image(slow, HALF)


def test_large_pictures_are_edited_without_a_warning() -> None:
    """Pillow warns from 89 million pixels on; tests make errors of warnings."""
    data = encoded(Image.new("1", (10_000, 9_500)))
    made = edit_image(data, ImageEdit(size=Size(100, 95)))
    assert made.size == (100, 95)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is not an image"),
        (b"%PDF-1.4 ", "is not an image but PDF"),
        (b"#?RADIANCE\n", "is HDR, which imgbudget cannot decode; export it as JPEG or PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is EPS, which imgbudget cannot decode"),
        (
            b"BM" + struct.pack("<IHHIIiiHH", 99, 0, 0, 54, 40, 9, 9, 1, 77) + bytes(99),
            "cannot be decoded as BMP",
        ),
    ],
    ids=["empty", "pdf", "hdr", "eps", "bmp"],
)
def test_what_cannot_be_decoded_is_named(data: bytes, reason: str) -> None:
    """EPS is refused too: its decoder would be an external program."""
    with pytest.raises(FixError, match=reason):
        edit_image(data, ImageEdit())


def test_a_gif_has_few_colours_and_reports_it() -> None:
    """Transparent pixels stay transparent."""
    picture = soft()
    picture.putalpha(Image.linear_gradient("L").resize(picture.size).point(lambda level: 255 * (level > 99)))
    data = encoded(picture, "GIF")
    made = edit_image(data, HALF)
    assert made.degraded == ("at most 256 colours", "half transparent parts laid on white")
    assert opened(made.data).convert("RGBA").getpixel((30, 2))[3] == 0  # type: ignore[index]  # four bands
    assert distance(seen(made.data), seen(data, (60, 45))) < 5


def test_no_comment_slips_through() -> None:
    """Pillow writes the comments and the resolution that it has read, unless this is prevented."""
    options: dict[str, Any] = {"comment": b"secret", "dpi": (72, 72)}
    for form in ("JPEG", "GIF"):
        assert b"secret" not in edit_image(encoded(soft(), form, **options), HALF).data
    info = Image.open(io.BytesIO(edit_image(encoded(soft(), "PNG", dpi=(300, 300)), HALF).data)).info
    assert info == {}
