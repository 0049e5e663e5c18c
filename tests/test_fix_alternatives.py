"""A fix that would save nothing is made in another way, or not at all: palettes, lossless WebP, nothing."""

import base64
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFile

from imgbudget.errors import FixError
from imgbudget.fixing.encode import EncodingStyle, encode
from imgbudget.fixing.image import edit_image
from imgbudget.fixing.palette import with_palette
from imgbudget.limits.geometry import Size
from imgbudget.model.edits import ImageEdit
from imgbudget.model.safety import Loss
from tests.builders import body, image_block, write_json
from tests.conftest import Command
from tests.drawings import encoded, noisy, opened, soft

SAVING = ImageEdit(size=Size(680, 400), permits=Loss.GENERATION, may_grow=False)
"""A resize of `text` that the API would make itself."""


@cache
def text(inks: int, size: tuple[int, int] = (1700, 1000)) -> Image.Image:
    """A screenshot of text in some colours of ink, with soft edges."""
    picture = Image.new("RGB", size, (250, 250, 252))
    pen = ImageDraw.Draw(picture)
    colours = [(20, 20, 20), (0, 90, 160), (200, 30, 30), (40, 150, 60), (240, 180, 0)][:inks]
    for row, y in enumerate(range(0, size[1], 24)):
        colour = colours[row % inks]
        for x in range(10 + row * 7 % 50, size[0] - 200, 240):
            pen.text((x, y), f"the total of invoice {row} is due", fill=colour)
        if row % 5 == 0:
            pen.rectangle((800, y, 1200, y + 20), fill=colour)
    return picture


def palette_file(inks: int, form: str = "PNG", size: tuple[int, int] = (1700, 1000)) -> bytes:
    """Such a screenshot with a palette, as optimisers write it."""
    return encoded(text(inks, size).quantize(256), form, optimize=True)


def shown(data: bytes) -> Image.Image:
    """The pixels of a file."""
    return opened(data).convert("RGB")


def apart(one: Image.Image, other: Image.Image) -> int:
    """The greatest difference of two samples."""
    return max(high for _, high in ImageChops.difference(one, other).getextrema())  # type: ignore[misc]  # RGB


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_text_in_one_ink_gets_a_palette_again(form: str) -> None:
    """Its edges have hundreds of colours once it is scaled, of which rounding leaves a palette."""
    data = palette_file(1, form)
    made = edit_image(data, SAVING._replace(keeps_format=True))
    assert (made.format, opened(made.data).mode, made.size) == (form.lower(), "P", (680, 400))
    assert len(made.data) < len(data)
    scaled = text(1).resize((680, 400), Image.Resampling.LANCZOS)
    assert apart(shown(made.data), scaled) <= 2  # one by the palette, one by an earlier reduction
    assert made.degraded == ("colours moved by at most 1 of 255, into a palette",)


def test_the_background_of_a_new_palette_is_exact() -> None:
    """Frequent colours are the last to move."""
    made = edit_image(palette_file(1), SAVING._replace(keeps_format=True))
    assert shown(made.data).getpixel((1, 399)) == (250, 250, 252)


def test_colours_move_only_in_a_picture_that_is_scaled() -> None:
    """As much as one level, and never more; without scaling all stay."""
    soft = text(1).resize((680, 400), Image.Resampling.LANCZOS)
    assert with_palette(soft, rounding=False) is None
    made = with_palette(soft, rounding=True)
    assert made is not None
    assert made[1]
    assert apart(made[0].convert("RGB"), soft) == 1
    assert with_palette(text(5).resize((680, 400), Image.Resampling.LANCZOS), rounding=True) is None


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_a_palette_of_all_colours_changes_no_pixel(mode: str) -> None:
    """Transparency included."""
    picture = Image.effect_noise((60, 40), 60).point(lambda level: level // 32 * 32).convert(mode)
    if mode != "RGB":
        picture.putalpha(Image.linear_gradient("L").resize((60, 40)).point(lambda level: level // 64 * 64))
    made = with_palette(picture, rounding=False)
    assert made is not None
    assert not made[1]
    assert opened(encoded(made[0])).convert("RGBA").tobytes() == picture.convert("RGBA").tobytes()


def test_greys_stored_as_colours_become_grey() -> None:
    """A third of the samples."""
    picture = Image.effect_noise((300, 200), 60)
    data = encoded(picture.quantize(4), optimize=True)
    made = edit_image(
        encoded(picture.convert("RGB")), ImageEdit(max_bytes=len(encoded(picture, compress_level=9)))
    )
    assert (made.format, opened(made.data).mode, made.degraded) == ("png", "L", ())
    with pytest.raises(FixError, match="would grow"):
        edit_image(data, SAVING._replace(size=Size(290, 193)))


def test_lossless_webp_is_written_where_the_format_may_change() -> None:
    """In a request, which declares the type; a file keeps its name, so it stays."""
    data = palette_file(3)
    made = edit_image(data, SAVING)
    assert (made.format, made.quality) == ("webp", None)
    assert len(made.data) < len(data)
    with pytest.raises(FixError, match=r"would grow from .* to .* bytes as 680x400 px png; left as it is"):
        edit_image(data, SAVING._replace(keeps_format=True))


KINDS: dict[str, Callable[[], bytes]] = {
    "ink.png": lambda: palette_file(1),
    "ink.gif": lambda: palette_file(1, "GIF"),
    "inks.png": lambda: palette_file(4),
    "inks.gif": lambda: palette_file(4, "GIF"),
    "scan.png": lambda: encoded(text(1).convert("1"), optimize=True),
    "grey.png": lambda: encoded(text(1).convert("L").quantize(4), optimize=True),
    "large.png": lambda: palette_file(1, size=(4760, 2800)),
    "profile.png": lambda: encoded(text(3).quantize(8), optimize=True, icc_profile=b"\0" * 128),
    "photo.jpg": lambda: encoded(
        Image.effect_noise((1700, 1000), 90).convert("RGB"), "JPEG", quality=20, optimize=True
    ),
}
"""Files that take more bytes when they are scaled, or hardly fewer; made by the tests that use them."""


@cache
def kind(name: str) -> bytes:
    """The file of one kind."""
    return KINDS[name]()


@pytest.mark.parametrize("name", KINDS)
def test_no_file_grows_or_loses_its_name(tmp_path: Path, imgbudget: Command, name: str) -> None:
    """A second run changes nothing."""
    path = tmp_path / name
    path.write_bytes(kind(name))
    imgbudget("check", "--fix", ".", "--fix-level", "warning")
    assert [one.name for one in tmp_path.iterdir()] == [name]
    after = path.read_bytes()
    assert len(after) <= len(kind(name))
    if name == "large.png":
        assert len(after) < len(kind(name))
    imgbudget("check", "--fix", ".", "--fix-level", "warning")
    assert path.read_bytes() == after


def test_no_image_of_a_request_grows(tmp_path: Path, imgbudget: Command) -> None:
    """Whatever format it gets, and although a wrong type is an error."""
    images = [kind(name) for name in ("ink.gif", "inks.png", "scan.png", "photo.jpg")]
    write_json(tmp_path / "r.json", body(*map(image_block, images)))
    imgbudget("check", "--fix", "r.json", "--fix-level", "warning")
    content = json.loads((tmp_path / "r.json").read_text())["messages"][0]["content"]
    made = [base64.b64decode(block["source"]["data"]) for block in content]
    assert [len(new) <= len(old) for new, old in zip(made, images, strict=True)] == [True] * len(images)
    assert any(new != old for new, old in zip(made, images, strict=True))


CONVERSION = ImageEdit(format="png", upright=True, permits=Loss.GENERATION)
ZIPPED: dict[str, Any] = {"compression": "tiff_adobe_deflate"}


@pytest.mark.parametrize("kind", ["palette", "colours", "grey", "alpha", "black and white"])
def test_a_conversion_that_would_grow_is_made_in_another_lossless_way(kind: str) -> None:
    """A TIFF file of few colours gets a palette again, or becomes WebP if that is smaller; no pixel moves."""
    picture = {
        "palette": text(3, (850, 500)).quantize(64),
        "colours": text(3, (850, 500)),
        "grey": text(3, (850, 500)).convert("L"),
        "alpha": text(3, (850, 500)).convert("RGBA"),
        "black and white": text(3, (850, 500)).convert("1"),
    }[kind]
    if kind == "alpha":
        picture.putalpha(text(1, (850, 500)).convert("L"))
    data = encoded(picture, "TIFF", **ZIPPED)
    plain = len(encoded(picture, "PNG", compress_level=3))
    assert plain > len(data)
    made, other = (edit_image(data, CONVERSION._replace(webp=webp)) for webp in (True, False))
    assert len(made.data) < plain
    assert len(made.data) <= len(other.data) <= plain
    assert other.format == "png"
    for one in (made, other):
        assert opened(one.data).convert("RGBA").tobytes() == picture.convert("RGBA").tobytes()
    assert (made.degraded == ()) is (made.format == "png")


def test_a_conversion_of_16_bits_does_not_become_webp() -> None:
    """It would be smaller by half of each sample."""
    picture = soft((600, 400), "I;16")
    made = edit_image(encoded(picture, "TIFF", **ZIPPED), CONVERSION)
    assert (made.format, opened(made.data).tobytes()) == ("png", picture.tobytes())


@pytest.mark.parametrize("model", ["grok-4", "gpt-5.1"])
def test_webp_is_written_only_for_an_api_that_takes_it(
    model: str, imgbudget: Command, tmp_path: Path
) -> None:
    """XAI takes JPEG and PNG: neither a conversion nor a limit on bytes leads to WebP."""
    (tmp_path / "a.tif").write_bytes(encoded(text(3, (850, 500)), "TIFF", **ZIPPED))
    platform = ("--platform", "xai") if model == "grok-4" else ()
    imgbudget("check", "--fix", "--model", model, *platform, "a.tif")
    (made,) = (path.suffix for path in tmp_path.iterdir())
    assert made == (".png" if model == "grok-4" else ".webp")
    picture = noisy((300, 200)).quantize(64)
    data = base64.b64encode(encoded(picture)).decode()
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    turn = {"role": "user", "content": [url, {"type": "text", "text": "what?"}]}
    write_json(tmp_path / "r.json", {"model": model, "messages": [turn]})
    run = imgbudget("plan", "--apply", "--target", "bytes:9KB", *platform, "r.json")
    assert "1 resize made" in run.err
    assert ("image/webp" in (tmp_path / "r.json").read_text()) is (model != "grok-4")


def test_noise_of_high_quality_is_written_as_progressive_jpeg() -> None:
    """It takes more than a byte for each pixel, for which Pillow has no room."""
    image = noisy((700, 500))
    for quality in (94, 98):
        assert len(encode(image, EncodingStyle("jpeg", quality, 0, thorough=True))) > 700 * 500
    assert ImageFile.MAXBLOCK == 65536


def test_a_palette_that_is_not_decoded_is_refused(imgbudget: Command, tmp_path: Path) -> None:
    """That of a picture in ICNS, with its transparency."""
    out = encoded(soft((64, 64)).quantize(9), "ICNS", sizes=[(64, 64)])
    with pytest.raises(FixError, match="has a palette that Pillow does not decode"):
        edit_image(out, ImageEdit(format="png"))
    (tmp_path / "a.icns").write_bytes(out)
    run = imgbudget("check", "--fix", "--unsafe-fixes", "a.icns")
    assert run.code == 1
    assert "not fixed: a.icns: IB104: has a palette that Pillow does not decode" in run.err
    assert (tmp_path / "a.icns").read_bytes() == out
