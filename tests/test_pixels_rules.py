"""What the rules on pixels report of pictures that are made here, and what they do not report."""

import io
import random
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from imgbudget.limits.geometry import Size
from imgbudget.model.location import Location
from imgbudget.model.pixels import PixelFacts, PixelThresholds
from imgbudget.model.subjects import ImageFacts, ImageUse, Origin
from imgbudget.pixels.decode import decoded_pixels
from imgbudget.pixels.measure import _brightness, facts_of_pixels, measured
from imgbudget.testing import run_rule
from imgbudget_rules import RULES

ON_PIXELS = [rule for rule in RULES if rule.family == "IB9" and rule.level.value == "image"]
SIZE = (720, 540)


@cache
def scene() -> Image.Image:
    """A sharp picture with the spectrum of a photo: shapes of all sizes that cover each other."""
    chosen = random.Random(7)  # noqa: S311 - a picture
    picture = Image.new("RGB", SIZE, "grey")
    draw = ImageDraw.Draw(picture)
    for _ in range(1500):
        x, y = chosen.randrange(-20, SIZE[0]), chosen.randrange(-20, SIZE[1])
        radius = int(4 / max(chosen.random(), 0.05))
        colour = tuple(chosen.randrange(10, 246) for _ in range(3))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return picture


def page() -> Image.Image:
    """A page with lines of print."""
    picture = Image.new("L", SIZE, 255)
    draw = ImageDraw.Draw(picture)
    for y in range(10, SIZE[1] - 12, 18):
        draw.text((8, y), "The quick brown fox jumps over the lazy dog. " * 3, fill=0)
    return picture.crop((0, 0, SIZE[0], SIZE[1]))


def levels(change: Callable[[float], float]) -> Image.Image:
    """The scene with other levels."""
    return scene().point([min(max(round(change(level)), 0), 255) for level in range(256)] * 3)


def enlarged(by: float, how: Image.Resampling) -> Image.Image:
    """The scene, made smaller and enlarged again."""
    return (
        scene().resize((round(SIZE[0] / by), round(SIZE[1] / by)), Image.Resampling.LANCZOS).resize(SIZE, how)
    )


def encoded(picture: Image.Image, form: str) -> bytes:
    """The bytes of a file."""
    out = io.BytesIO()
    picture.save(out, form, quality=90)
    return out.getvalue()


def found_in(picture: Image.Image, form: str = "JPEG") -> set[str]:
    """The codes that the rules report of a picture."""
    data = encoded(picture, form)
    facts = ImageFacts(len(data), form.lower(), Size(*picture.size), pixels=measured(data, form.lower()))
    use = ImageUse(Location(f"a.{form.lower()}"), Origin.PATH, facts)
    return {rule.code for rule in ON_PIXELS if run_rule(rule, use)}


def in_front_of_blur() -> Image.Image:
    """A sharp subject before a background out of focus."""
    picture = scene().filter(ImageFilter.GaussianBlur(8))
    picture.paste(scene().crop((200, 100, 560, 460)), (200, 100))
    return picture


def with_bars() -> Image.Image:
    """A wide picture between the black bars of a film."""
    return ImageOps.pad(scene().crop((0, 100, 720, 400)), SIZE, color=(0, 0, 0))


PICTURES: dict[str, tuple[Callable[[], Image.Image], set[str]]] = {
    "as it is": (scene, set()),
    "a page": (page, set()),
    "blurred by 1 px": (lambda: scene().filter(ImageFilter.GaussianBlur(0.6)), set()),
    "blurred": (lambda: scene().filter(ImageFilter.GaussianBlur(5)), {"IB901"}),
    "a sharp subject": (in_front_of_blur, set()),
    "dark": (lambda: levels(lambda level: level * 0.2), {"IB902"}),
    "dim": (lambda: levels(lambda level: level * 0.5), set()),
    "burnt out": (lambda: levels(lambda level: 228 + level), {"IB903"}),
    "bright": (lambda: levels(lambda level: 90 + level * 0.6), set()),
    "washed out": (lambda: levels(lambda level: 120 + level * 0.04), {"IB904"}),
    "faint": (lambda: levels(lambda level: 100 + level * 0.2), set()),
    "one colour": (lambda: Image.new("RGB", SIZE, (90, 30, 30)), {"IB905"}),
    "black": (lambda: Image.new("RGB", SIZE), {"IB905"}),
    "with bars": (with_bars, {"IB907"}),
    "grey": (lambda: scene().convert("L").convert("RGB"), {"IB909"}),
    "grey in one channel": (lambda: scene().convert("L"), set()),
    "enlarged by 3": (lambda: enlarged(3, Image.Resampling.LANCZOS), {"IB910"}),
    "enlarged by 2, in copies": (lambda: enlarged(2, Image.Resampling.NEAREST), {"IB910"}),
    "tinted": (lambda: ImageOps.colorize(scene().convert("L"), "#201000", "#fff0c0"), set()),
}


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_these_findings_and_no_others(name: str, form: str) -> None:
    """As a JPEG file, whose decoder reduces it, and as a PNG file."""
    make, expected = PICTURES[name]
    assert found_in(make(), form) == expected


def test_an_almost_empty_page_has_low_information() -> None:
    """One word on it: neither blank nor burnt out nor washed out."""
    picture = Image.new("RGB", (1200, 1600), "white")
    ImageDraw.Draw(picture).text((600, 100), "Annex", fill="black")
    ImageDraw.Draw(picture).text((60, 1500), "7", fill="black")
    assert found_in(picture, "PNG") >= {"IB906"}
    assert not found_in(picture, "PNG") & {"IB903", "IB904", "IB905"}


def test_transparent_pixels_and_modes_are_reported() -> None:
    """An opaque alpha channel is not, and neither are palettes."""
    picture = scene().convert("RGBA")
    assert found_in(picture, "PNG") == set()
    picture.putalpha(Image.linear_gradient("L").resize(SIZE))
    assert found_in(picture, "PNG") == {"IB908"}
    assert found_in(scene().convert("CMYK"), "JPEG") == {"IB908"}
    assert found_in(scene().convert("P"), "PNG") == set()
    assert found_in(Image.new("RGBA", SIZE, (200, 20, 20, 0)), "PNG") == {"IB905", "IB908"}


def test_borders_are_measured_to_the_pixel() -> None:
    """Each edge by itself; in large pictures to the pixel of the reduced one."""
    picture = ImageOps.expand(scene(), border=(30, 0, 7, 50), fill=(255, 255, 255))
    facts = measured(encoded(picture, "PNG"), "png")
    borders = facts.border_left, facts.border_top, facts.border_right, facts.border_bottom
    assert borders == (30, 0, 7, 50)
    assert measured(encoded(Image.new("L", (300, 300), 9), "PNG"), "png").border_left == 0


def test_the_detail_of_enlarged_pictures_is_estimated() -> None:
    """Within a quarter, in both formats; that of the original is all."""
    for by, how in ((3, Image.Resampling.LANCZOS), (4, Image.Resampling.BICUBIC)):
        detail = measured(encoded(enlarged(by, how), "JPEG"), "jpeg").detail
        assert 0.75 / by < detail < 1.5 / by
    assert measured(encoded(scene(), "JPEG"), "jpeg").detail == 1.0


@pytest.mark.parametrize(
    "size", [(1, 1), (2, 300), (300, 2), (31, 31), (40, 40), (65, 90), (129, 1000), (5000, 20)]
)
def test_pictures_of_any_size_are_measured(size: tuple[int, int]) -> None:
    """Down to one pixel, and strips."""
    for picture in (scene().resize(size), Image.new("RGB", size)):
        facts = facts_of_pixels(decoded_pixels(encoded(picture, "PNG"), "png"))
        assert all(np.isfinite(value) for value in facts if isinstance(value, float))
        assert 0 < facts.detail <= 1


def test_blur_is_checked_at_the_size_that_the_model_uses() -> None:
    """A large photo that is soft at full size is sharp when it is scaled down."""
    (rule,) = (rule for rule in ON_PIXELS if rule.code == "IB901")
    pixels = PixelFacts(edge_width=9.0)
    facts = ImageFacts(1, "jpeg", Size(8000, 6000), pixels=pixels)
    use = ImageUse(Location("a.jpg"), Origin.PATH, facts)
    assert run_rule(rule, use) == []
    assert run_rule(rule, use._replace(facts=facts._replace(size=Size(800, 600)))) != []


def test_each_rule_has_a_threshold_by_its_name() -> None:
    """The configuration names them as the rules are named."""
    of_images = set(PixelThresholds._fields) - {"near_duplicate"}
    assert {rule.name.replace("-", "_") for rule in ON_PIXELS} == of_images


@pytest.mark.parametrize("width", [1, 2, 3, 19, 20, 21, 101, 4000])
def test_brightness_is_measured_as_of_pixels_in_order(width: int) -> None:
    """Few of them are put in order: the rest must be on their side of these."""
    planes = np.random.default_rng(width).integers(0, 256, (3, 2, width)).astype(np.uint8)
    light = np.sqrt(np.tensordot([0.241, 0.691, 0.068], np.square(planes, dtype=np.float64), 1)) / 255
    assert _brightness(planes) == pytest.approx(np.percentile(light, (1, 5, 99)), abs=1e-6)
