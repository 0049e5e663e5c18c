"""Images within a byte limit: what is reduced first, what last, and what is reported."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgbudget.fixing.image import edit_image
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size, is_remainder, without_remainders
from imgbudget.model.edits import EditedImage, ImageEdit
from imgbudget.model.subjects import ProbeField
from tests.conftest import Command
from tests.drawings import distance, drawn, encoded, noisy, opened, seen, soft


def interface() -> Image.Image:
    """A drawing with more colours than a palette can hold."""
    picture = drawn((240, 180))
    picture.paste(soft((60, 180)), (0, 0))
    return picture


def within(picture: Image.Image, limit: int, form: str = "PNG") -> EditedImage:
    """The picture, stored without loss, within a number of bytes."""
    made = edit_image(encoded(picture, form), ImageEdit(max_bytes=limit))
    assert len(made.data) <= limit
    return made


def webp(picture: Image.Image) -> bytes:
    """The picture as WebP without loss, as fixers write it."""
    return encoded(picture, "WEBP", lossless=True, quality=50, method=2)


def test_what_fits_stays_png() -> None:
    """At any limit that an encoder with patience reaches; uncompressed files are such."""
    picture = interface()
    patient = len(encoded(picture, compress_level=9))
    made = edit_image(encoded(picture, compress_level=0), ImageEdit(max_bytes=patient))
    assert (made.format, made.size, made.degraded) == ("png", (240, 180), ())
    assert opened(made.data).tobytes() == picture.tobytes()


def test_a_palette_is_taken_where_it_holds_every_colour() -> None:
    """Pixel by pixel the same."""
    picture = Image.effect_noise((240, 180), 60).point(lambda level: level // 16 * 16).convert("RGB")
    limit = len(encoded(picture.quantize(256, Image.Quantize.MEDIANCUT), compress_level=9)) * 101 // 100
    assert limit < len(encoded(picture, compress_level=9))
    made = within(picture, limit)
    assert (made.format, made.degraded, opened(made.data).mode) == ("png", (), "P")
    assert opened(made.data).convert("RGB").tobytes() == picture.tobytes()


def test_webp_without_loss_comes_before_any_loss() -> None:
    """The change of format is reported; every pixel is kept."""
    picture = interface()
    limit = len(webp(picture))
    assert limit < len(encoded(picture, compress_level=9))
    made = within(picture, limit)
    assert (made.format, made.quality, made.size) == ("webp", None, (240, 180))
    assert made.degraded == ("written as WEBP instead of PNG",)
    assert opened(made.data).tobytes() == picture.tobytes()


def test_a_drawing_becomes_jpeg_with_fine_colours_at_the_highest_quality_that_fits() -> None:
    """4:4:4, from 94 down; one step more would be too much."""
    picture = Image.blend(noisy((240, 180)), Image.new("RGB", (240, 180), "white"), 0.8)
    picture.paste(drawn((240, 130)), (0, 0))
    limit = len(webp(picture)) * 9 // 10
    made = within(picture, limit)
    assert (made.format, made.size) == ("jpeg", (240, 180))
    assert made.quality is not None
    assert 80 < made.quality < 94
    assert made.degraded == (
        "written as JPEG instead of PNG",
        f"lossy: quality {made.quality}, was lossless PNG",
    )
    assert [layer[1:3] for layer in opened(made.data).layer] == [(1, 1)] * 3  # type: ignore[attr-defined]  # of JPEG files only
    dearer = encoded(
        picture, "JPEG", quality=made.quality + 1, subsampling=0, optimize=True, progressive=True
    )
    assert len(dearer) > limit


def test_webp_with_loss_comes_before_scale() -> None:
    """Where not even JPEG of quality 80 fits."""
    picture = soft((480, 360))
    assert len(encoded(picture, "JPEG", quality=80, optimize=True, progressive=True)) > 5000
    made = within(picture, 5000)
    assert (made.format, made.size) == ("webp", (480, 360))
    assert made.quality is not None
    assert made.quality >= 80


def test_transparency_is_never_given_up_for_bytes() -> None:
    """Lossy WebP keeps transparency; if that is not enough, the size is reduced."""
    picture = noisy((240, 180))
    picture.putalpha(Image.linear_gradient("L").resize((240, 180)))
    for share in (0.15, 0.03):
        made = within(picture, int(len(encoded(picture)) * share))
        assert made.format == "webp"
        assert opened(made.data).mode == "RGBA"
        assert made.quality is not None
        assert made.quality >= 80


def test_a_gif_of_many_pixels_becomes_what_takes_fewer_bytes() -> None:
    """Its few colours all fit into a palette PNG."""
    picture = Image.effect_noise((200, 150), 40).point(lambda level: level // 32 * 32).convert("P")
    data = encoded(picture, "GIF")
    made = edit_image(data, ImageEdit(max_bytes=len(data) * 9 // 10))
    assert made.format in {"png", "webp"}
    assert seen(made.data).tobytes() == seen(data).tobytes()


@pytest.mark.parametrize("quality", [15, 30, 45])
def test_a_resize_does_not_make_a_file_larger(quality: int) -> None:
    """A source of low quality gets no more of it than its bytes allow, and no less than it had."""
    picture = noisy((240, 180))
    data = encoded(picture, "JPEG", quality=quality)
    made = edit_image(data, ImageEdit(size=Size(216, 162)))
    assert len(made.data) <= len(data)
    assert made.quality is not None
    assert quality <= made.quality < 80
    assert made.degraded == (f"quality {made.quality} to fit the bytes, was {quality}",)


def test_a_resize_of_webp_with_loss_does_not_make_it_larger() -> None:
    """Its own quality is unknown, so 80 is the lowest."""
    data = encoded(noisy((240, 180)), "WEBP", quality=84)
    made = edit_image(data, ImageEdit(size=Size(238, 178)))
    assert len(made.data) <= len(data)
    assert made.quality is not None
    assert 80 <= made.quality < 90


def test_a_converted_image_may_be_larger_than_the_original() -> None:
    """Bytes of one format say nothing about another: the quality of the new one is not lowered for them."""
    data = encoded(noisy((240, 180)), "JPEG", quality=83)
    made = edit_image(data, ImageEdit(format="webp"))
    assert (made.format, made.quality) == ("webp", 90)
    assert len(made.data) > len(data)


@pytest.mark.parametrize(
    ("form", "options"), [("PNG", {}), ("JPEG", {"quality": 92}), ("WEBP", {"quality": 95})]
)
def test_a_byte_limit_reached_exactly_costs_nothing(form: str, options: dict[str, int]) -> None:
    """An encoding of exactly the allowed bytes is kept; with one byte fewer it is encoded again."""
    data = encoded(soft((240, 180)), form, **options)
    free = edit_image(data, ImageEdit(size=Size(216, 162)))
    exact = edit_image(data, ImageEdit(size=Size(216, 162), max_bytes=len(free.data)))
    assert exact == free
    smaller = edit_image(data, ImageEdit(size=Size(216, 162), max_bytes=len(free.data) - 1))
    assert len(smaller.data) < len(free.data)


def test_what_cannot_be_smaller_is_larger_rather_than_worse() -> None:
    """Headers alone take as much: the quality is not spent on them."""
    data = encoded(Image.new("RGB", (64, 64)), "JPEG", quality=20)
    assert edit_image(data, ImageEdit(size=Size(60, 60))).quality == 80
    small = encoded(drawn((60, 40)).quantize(4))
    made = edit_image(small, ImageEdit(size=Size(50, 33)))
    assert (made.format, made.degraded) == ("png", ())


@given(
    size=st.builds(Size, st.integers(1, 3000), st.integers(1, 3000)),
    least=st.sampled_from((1, 200)),
)
def test_sizes_without_remainders_end_with_patches_or_well_inside_them(size: Size, least: int) -> None:
    """Never larger, about the same ratio, and the same when asked again."""
    made = without_remainders(size, least)
    assert made.width <= size.width
    assert made.height <= size.height
    assert without_remainders(made, least) == made
    if made != size:
        assert made.short_edge >= least
    if made.short_edge >= least + 56:
        assert not any(is_remainder(edge) for edge in made)


def test_files_take_the_name_of_what_they_become(imgbudget: Command, tmp_path: Path) -> None:
    """A budget of bytes, from the shell: the new name, no findings after, no change by a second run."""
    (tmp_path / ".imgbudget.yaml").write_text("budgets: {image: {bytes: 40000}}\n")
    picture = Image.blend(noisy((364, 252)), Image.new("RGB", (364, 252), "white"), 0.3)
    (tmp_path / "shot.png").write_bytes(encoded(picture))
    run = imgbudget("check", "--fix", ".")
    assert (run.code, "error" in run.err, "warning" in run.err) == (0, False, False)
    (path,) = tmp_path.glob("shot.*")
    assert path.suffix in {".jpg", ".webp"}
    assert "instead of PNG" in run.out
    facts = probe_bytes(path.read_bytes(), ProbeField.ALL)
    assert facts.byte_size <= 40_000
    before = path.read_bytes()
    assert imgbudget("check", "--fix", ".").out.count("fixed") == 0
    assert path.read_bytes() == before
    assert distance(seen(before, (91, 63)), picture.resize((91, 63), Image.Resampling.LANCZOS)) < 12
