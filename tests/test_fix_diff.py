"""`--diff` for pictures: what changes, with numbers."""

import base64
import json
import re
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageCms, ImageFilter

from imgbudget.fixing.comparison import comparison, similarity
from tests.builders import body, image_block, write_json
from tests.conftest import Command
from tests.drawings import drawn, encoded, noisy, soft

PHOTO = soft((2000, 1500))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def nearness(text: str) -> float:
    """The SSIM of a line."""
    found = re.search(r"SSIM ([\d.]+) against Lanczos at \d+x\d+", text)
    assert found is not None
    return float(found[1])


def test_similarity_is_that_of_the_textbook() -> None:
    """1 for equal pictures, less for noise, about 0 for unrelated ones, and the same in either direction."""
    one = soft((240, 180))
    assert similarity(one, one) == pytest.approx(1, abs=1e-4)
    weak = similarity(one, Image.blend(one, noisy((240, 180)), 0.05))
    strong = similarity(one, Image.blend(one, noisy((240, 180)), 0.4))
    assert 0.5 < weak < 1
    assert strong < weak
    assert abs(similarity(noisy((240, 180)), ImageChops.offset(noisy((240, 180)), 37))) < 0.1
    assert similarity(one, drawn((240, 180))) == pytest.approx(similarity(drawn((240, 180)), one))
    # a constant difference: only the term of the means remains
    flat = [Image.new("RGB", (64, 64), (level,) * 3) for level in (100, 120)]
    assert similarity(*flat) == pytest.approx((2 * 100 * 120 + 6.5025) / (100**2 + 120**2 + 6.5025), abs=1e-3)
    assert similarity(Image.new("RGB", (3, 2)), Image.new("RGB", (3, 2))) == pytest.approx(1, abs=1e-4)


def test_a_resized_photo_has_its_numbers(tmp_path: Path, imgbudget: Command) -> None:
    """Size, bytes, mode, profile, orientation and SSIM; nothing is written."""
    data = encoded(PHOTO, "JPEG", quality=92, icc_profile=SRGB, orientation=3)
    (tmp_path / "a.jpg").write_bytes(data)
    run = imgbudget("check", "--diff", ".")
    lines = run.out.splitlines()
    assert lines[:2] == ["--- a.jpg", "+++ a.jpg"]
    assert lines[2].startswith("-jpeg 2000x1500, ")
    assert lines[3].startswith("+jpeg 1268x951, ")
    assert lines[4].startswith(" mode RGB, profile sRGB built-in -> none, orientation 3 -> 1, SSIM 0.99")
    assert nearness(lines[4]) > 0.99
    assert (tmp_path / "a.jpg").read_bytes() == data


def test_a_worse_result_has_a_lower_number() -> None:
    """A blurred one, one that is turned, and one whose white sign is gone."""
    good = PHOTO.resize((400, 300), Image.Resampling.LANCZOS)
    picture = Image.blend(good, noisy((400, 300)), 0.3)
    original = encoded(picture)
    assert comparison(original, original).endswith(", same pixels")
    half = picture.resize((200, 150), Image.Resampling.LANCZOS)
    assert nearness(comparison(original, encoded(half))) == 0.9999
    blurred = nearness(comparison(original, encoded(half.filter(ImageFilter.GaussianBlur(2)))))
    turned = nearness(comparison(original, encoded(half.rotate(180))))
    assert max(blurred, turned) < 0.9
    sign = Image.new("RGBA", (400, 300), (255, 255, 255, 0))
    sign.paste((255, 255, 255, 255), (100, 80, 300, 220))
    lost = Image.new("RGB", (400, 300), "white")
    assert nearness(comparison(encoded(sign), encoded(lost))) < 0.9
    assert "mode RGB with alpha -> RGB" in comparison(encoded(sign), encoded(lost))


def test_modes_are_named() -> None:
    """Palettes with their colours, grey with its depth."""
    assert "mode palette of 3 colours -> RGB" in comparison(
        encoded(drawn().quantize(4)), encoded(drawn().quantize(4).convert("RGB"))
    )
    deep = soft(mode="I;16")
    shallow = Image.frombytes("L", deep.size, deep.tobytes()[1::2])
    text = comparison(encoded(deep), encoded(shallow))
    assert "mode 16-bit grey -> grey" in text
    assert nearness(text) > 0.99
    assert "mode CMYK -> RGB" in comparison(
        encoded(drawn().convert("CMYK"), "JPEG"), encoded(drawn(), "JPEG")
    )
    assert comparison(b"no image", encoded(drawn())).startswith("not compared: ")


def test_pictures_of_requests_have_their_numbers(tmp_path: Path, imgbudget: Command) -> None:
    """Also where the block moves in the same fix."""
    data = encoded(PHOTO, "JPEG", quality=92)
    write_json(tmp_path / "a.json", body(image_block(data, "image/jpeg")))
    write_json(tmp_path / "b.json", body("What is in this image?", image_block(data, "image/jpeg")))
    run = imgbudget("check", "--diff", "--unsafe-fixes", "--fix-level", "warning", ".")
    lines = [line for line in run.out.splitlines() if line.startswith(" mode ")]
    assert len(lines) == 2
    assert all(nearness(line) > 0.99 for line in lines)
    assert all(line.startswith(" mode RGB, profile none, orientation 1, SSIM ") for line in lines)


def test_removed_metadata_leaves_the_same_pixels(tmp_path: Path, imgbudget: Command) -> None:
    """Which the difference says, in files and in requests."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 0.0, 0.0), 3: "E", 4: (8.0, 0.0, 0.0)})
    data = encoded(soft((400, 300)), "JPEG", exif=exif)
    (tmp_path / "a.jpg").write_bytes(data)
    value = body(image_block(data, "image/jpeg"))
    assert base64.b64encode(data).decode() in json.dumps(value)
    write_json(tmp_path / "r.json", value)
    run = imgbudget("check", "--diff", "--fix-level", "warning", ".")
    assert run.out.count(" mode RGB, profile none, orientation 1, same pixels\n") == 2
