"""Hashes of what images show: equal for the same pixels in other files, near for pictures that look alike."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.model.pixels import PixelFacts
from imgbudget.model.subjects import ProbeField
from imgbudget.pixels.hashes import oriented


def scene(seed: int, width: int = 480, height: int = 360) -> Image.Image:
    """A picture with areas, shades and grain, unlike that of any other seed."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (7, 9, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    grain = random.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def page(seed: int) -> Image.Image:
    """A page of text with the layout of all others."""
    random = np.random.default_rng(seed)
    image = Image.new("L", (500, 700), "white")
    draw = ImageDraw.Draw(image)
    for line in range(40):
        words = " ".join("x" * int(n) for n in random.integers(1, 9, int(random.integers(3, 12))))
        if random.random() > 0.15:
            draw.text((40, 40 + 15 * line), words, fill="black")
    return image


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    """The bytes of a file."""
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def facts(data: bytes) -> PixelFacts:
    """The measurements of a file."""
    found = probe_bytes(data, ProbeField.PIXELS).pixels
    assert found is not None
    assert found.flaw is None
    return found


def differing(one: bytes, two: bytes) -> int:
    """In how many bits two perceptual hashes differ."""
    return (int(facts(one).phash, 16) ^ int(facts(two).phash, 16)).bit_count()


def test_the_same_pixels_have_the_same_hash_in_any_lossless_file() -> None:
    """Format, compression, palette, colour mode and metadata do not change the hash of the pixels."""
    image = scene(1, 240, 180).quantize(200).convert("RGB")
    exif = Image.Exif()
    exif[0x010E] = "a text"
    files = [
        encoded(image, "PNG"),
        encoded(image, "PNG", compress_level=1, exif=exif),
        encoded(image.quantize(256), "PNG"),
        encoded(image.convert("RGBA"), "PNG"),
        encoded(image, "WEBP", lossless=True, method=0, quality=0),
        encoded(image, "BMP"),
        encoded(image, "TIFF", compression="tiff_lzw"),
    ]
    assert len({facts(data).pixel_hash for data in files}) == 1
    changed = image.copy()
    changed.putpixel((230, 170), (1, 2, 3))
    assert facts(encoded(changed, "PNG")).pixel_hash != facts(files[0]).pixel_hash
    grey = scene(2).convert("L")
    assert facts(encoded(grey, "PNG")).pixel_hash == facts(encoded(grey.convert("RGB"), "PNG")).pixel_hash


def test_a_jpeg_file_with_other_metadata_has_the_same_hash() -> None:
    """Comments and EXIF do not change the hash of the pixels, another quality does."""
    image = scene(3)
    plain, commented = encoded(image, "JPEG", quality=90), encoded(image, "JPEG", quality=90, comment=b"x")
    assert plain != commented
    assert facts(plain).pixel_hash == facts(commented).pixel_hash
    assert facts(plain).pixel_hash != facts(encoded(image, "JPEG", quality=88)).pixel_hash


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_hashes_are_of_the_picture_as_it_is_shown(orientation: int, form: str) -> None:
    """A turned file with its orientation has the hashes of the upright one, also if Pillow turns it."""
    image, exif = scene(4, 300, 200), Image.Exif()
    exif[0x0112] = orientation
    stored = encoded(image, form, exif=exif)
    shown = encoded(ImageOps.exif_transpose(Image.open(BytesIO(encoded(image, "PNG", exif=exif)))), "PNG")
    assert facts(stored).pixel_hash == facts(shown).pixel_hash
    assert facts(stored).phash == facts(shown).phash
    assert oriented(np.zeros((2, 3), np.uint8), orientation).shape == ((2, 3) if orientation < 5 else (3, 2))


@pytest.mark.parametrize("seed", range(2))
def test_pictures_that_look_alike_differ_in_few_bits(seed: int) -> None:
    """Encodings, sizes, grey and a narrow crop change at most 6 bits; other pictures differ in many."""
    image = scene(seed)
    whole = encoded(image, "PNG")
    alike = [
        encoded(image, "JPEG", quality=30),
        encoded(image, "WEBP", quality=50),
        encoded(image.resize((200, 150)), "JPEG"),
        encoded(image.convert("L"), "PNG"),
        encoded(image.crop((4, 3, 476, 357)), "JPEG"),
    ]
    assert [differing(whole, other) for other in alike] == [pytest.approx(0, abs=6)] * len(alike)
    assert differing(whole, encoded(scene(seed + 100), "PNG")) > 12


def test_pages_of_text_are_not_near_duplicates() -> None:
    """Different pages of the same layout differ in more than 6 bits, each pair of them."""
    hashes = [int(facts(encoded(page(seed), "PNG")).phash, 16) for seed in range(9)]
    pairs = [(one ^ two).bit_count() for one in hashes for two in hashes if one < two]
    assert len(pairs) == 36
    assert min(pairs) > 6


@pytest.mark.parametrize("ground", ["white", "black", "gradient"])
def test_a_picture_without_structure_has_no_perceptual_hash(ground: str) -> None:
    """One colour or one gradient looks like any other of its kind, so it is not compared."""
    blank = Image.new("RGB", (300, 200), "white" if ground == "gradient" else ground)
    if ground == "gradient":
        blank = Image.linear_gradient("L").resize((300, 200))
    found = facts(encoded(blank, "PNG"))
    assert found.phash == ""
    assert len(found.pixel_hash) == 32
