"""What a safe fix must not take from a picture: pages, alpha, depth, generations, bytes."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from imgbudget.errors import FixError
from imgbudget.fixing.decode import _READERS
from imgbudget.fixing.image import edit_image
from imgbudget.limits.geometry import Size
from imgbudget.model.edits import ImageEdit
from imgbudget.model.fixes import BakeOrientation, FirstFrame, Recode, Resize, StripMetadata
from imgbudget.model.safety import CONVERSIONS, NO_LOSS, Loss, permitted_loss, predicted_loss
from imgbudget.model.subjects import ImageFacts
from tests.conftest import Command
from tests.drawings import encoded, noisy, opened, soft

RESIZE = ImageEdit(size=Size(60, 45), permits=Loss.GENERATION, may_grow=False)
CONVERT = ImageEdit(format="png", permits=Loss.GENERATION)


def logo(form: str) -> bytes:
    """A white sign on nothing."""
    picture = Image.new("RGBA", (120, 90), (255, 255, 255, 0))
    picture.paste((255, 255, 255, 255), (30, 20, 91, 71))
    return encoded(picture, form)


@pytest.mark.parametrize("form", ["AVIF", "JPEG2000", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("wanted", ["jpeg", "png", None])
def test_alpha_is_kept(form: str, wanted: str | None) -> None:
    """A white logo does not become a white page, whatever format was planned."""
    for size in (None, Size(60, 45)):
        made = edit_image(logo(form), ImageEdit(format=wanted, size=size, permits=Loss.GENERATION))
        assert opened(made.data).convert("RGBA").getchannel("A").getextrema() == (0, 255)
        assert made.format in {"png", "webp"}
    if wanted == "jpeg":
        lossy = edit_image(logo(form), ImageEdit(format=wanted))
        assert (lossy.format, lossy.degraded[-1]) == ("jpeg", "transparency laid on white")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("high", [200, 4095, 65535])
def test_grey_of_16_bits_keeps_its_levels_in_either_byte_order(order: str, high: int) -> None:
    """TIFF of both orders; Pillow has separate modes for one of them."""
    levels = [column * high // 299 for column in range(300)] * 2
    data = tiff16(levels, order)
    made = edit_image(data, CONVERT)
    shown = opened(made.data)
    assert shown.mode == "I;16"
    assert list(memoryview(shown.convert("I").tobytes()).cast("i")) == levels
    assert made.degraded == ()


def tiff16(levels: list[int], order: str) -> bytes:
    """A TIFF file of two rows of 16-bit grey."""
    import struct  # noqa: PLC0415 - this helper only

    pixels = struct.pack(f"{order}{len(levels)}H", *levels)
    entries = [(256, 4, len(levels) // 2), (257, 4, 2), (258, 3, 16), (259, 3, 1), (262, 3, 1)]
    entries += [(273, 4, 8), (277, 3, 1), (278, 4, 2), (279, 4, len(pixels))]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(pixels))
    table = struct.pack(order + "H", len(entries))
    for tag, kind, value in entries:
        table += struct.pack(order + "HHI", tag, kind, 1)
        table += struct.pack(order + ("I" if kind == 4 else "HH"), *([value] if kind == 4 else [value, 0]))
    return head + pixels + table + bytes(4)


@pytest.mark.parametrize("maximum", [255, 65535])
def test_colours_of_16_bits_are_not_cut_to_8(maximum: int) -> None:
    """Pillow decodes them as 8 bits, so only an unsafe fix converts them."""
    step = 2 if maximum > 255 else 1
    data = b"P6\n# a comment\n4 2\n%d\n" % maximum + bytes(range(24 * step))
    if step == 1:
        assert edit_image(data, CONVERT).degraded == ("written as WEBP instead of PNG",)
        assert edit_image(data, CONVERT._replace(webp=False)).degraded == ()
        return
    with pytest.raises(FixError, match=r"would be changed \(8 bits a sample\); that is an unsafe fix"):
        edit_image(data, CONVERT)
    assert edit_image(data, ImageEdit(format="png")).degraded == ("8 bits a sample",)


def test_nothing_grows_that_is_not_refused() -> None:
    """A pattern of black and white dots has greys once it is scaled."""
    data = encoded(noisy().resize((480, 360)).convert("1"), "PNG")
    edit = ImageEdit(size=Size(470, 352), permits=Loss.GENERATION, may_grow=False)
    with pytest.raises(FixError, match=r"would grow from .* bytes as 470x352 px .*; left as it is"):
        edit_image(data, edit)
    assert len(edit_image(data, edit._replace(may_grow=True)).data) > len(data)


@pytest.mark.parametrize("quality", [30, 60, 85, 92, 97])
def test_a_resized_photo_keeps_the_quality_of_its_tables(quality: int) -> None:
    """At least 85, unless it would grow."""
    made = edit_image(encoded(noisy(), "JPEG", quality=quality), RESIZE)
    assert made.quality is not None
    assert made.quality >= quality
    assert made.quality >= 85 or len(made.data) > 0.8 * len(encoded(noisy(), "JPEG", quality=quality))


def test_a_photo_is_not_encoded_once_more_only_to_turn_it() -> None:
    """PNG is, because nothing is lost."""
    edit = ImageEdit(upright=True, permits=permitted_loss([BakeOrientation()], unsafe=False))
    with pytest.raises(
        FixError,
        match=r"cannot be turned without loss: its height of 90 px .*; encoding it once more is an uns",
    ):
        edit_image(encoded(soft(), "JPEG", quality=90, orientation=6), edit)
    made = edit_image(encoded(soft(), "PNG", orientation=6), edit)
    assert (made.size, made.degraded) == ((90, 120), ())


FACTS: Callable[..., ImageFacts] = lambda form, frames=1: ImageFacts(  # noqa: E731 - short
    byte_size=1, format=form, size=Size(9, 9), frames=frames
)


@pytest.mark.parametrize("form", ["jpeg", "png", "gif", "webp", "avif", "heic", "tiff", "ico", "bmp"])
@pytest.mark.parametrize("fix", [Resize(Size(1, 1)), Recode("png"), BakeOrientation(), FirstFrame()])
def test_losing_pictures_is_predicted_for_each_format_and_fix(form: str, fix: Resize) -> None:
    """Whichever rule asks."""
    assert predicted_loss(fix, FACTS(form, 2)) & Loss.PICTURES
    lossy = isinstance(fix, BakeOrientation) and form in {"jpeg", "webp", "avif", "heic"}
    assert predicted_loss(fix, FACTS(form)) == (Loss.GENERATION if lossy else NO_LOSS)
    assert predicted_loss(fix, FACTS("psd", 5)) == NO_LOSS


def test_metadata_goes_without_a_loss_of_pictures_in_jpeg() -> None:
    """Each picture of the file is stripped alone."""
    assert predicted_loss(StripMetadata(), FACTS("jpeg", 2)) == NO_LOSS
    assert predicted_loss(StripMetadata(), FACTS("gif", 2)) == Loss.PICTURES


def test_pages_stay_where_they_are(tmp_path: Path, imgbudget: Command) -> None:
    """A scan of five pages is reported, not cut to its first."""
    pages = [Image.new("1", (800, 1000), shade) for shade in (0, 1, 0, 1, 0)]
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    (tmp_path / "scan.tif").write_bytes(out.getvalue())
    run = imgbudget("check", "--fix", ".", "--format", "json")
    (finding,) = (one for one in run.json["findings"] if one["code"] == "IB104")
    assert finding["fix"]["safety"] == "unsafe"
    assert (tmp_path / "scan.tif").read_bytes() == out.getvalue()
    assert [path.name for path in tmp_path.iterdir()] == ["scan.tif"]


def test_what_cannot_be_decoded_has_no_fix(tmp_path: Path, imgbudget: Command) -> None:
    """No finding promises a resize that `--fix` then refuses."""
    eps = io.BytesIO()
    Image.new("RGB", (3000, 2000)).save(eps, "EPS")
    (tmp_path / "a.eps").write_bytes(eps.getvalue())
    run = imgbudget("check", ".", "--format", "json")
    assert "IB201" in run.codes
    assert all(finding["fix"] is None for finding in run.json["findings"])


def test_every_conversion_has_a_reader() -> None:
    """And none that a rule promises is missing."""
    assert {form for form in CONVERSIONS if form not in _READERS} <= {"heic", "heif"}


def test_icons_keep_their_sizes() -> None:
    """The largest one alone is an unsafe fix."""
    out = io.BytesIO()
    soft().resize((64, 64)).save(out, "ICO", sizes=[(16, 16), (32, 32), (64, 64)])
    with pytest.raises(FixError, match=r"would be changed \(the largest of 3 sizes\); that is an unsafe fix"):
        edit_image(out.getvalue(), CONVERT)
    assert edit_image(out.getvalue(), ImageEdit(format="png")).degraded == ("the largest of 3 sizes",)
    alone = io.BytesIO()
    soft().resize((64, 64)).save(alone, "ICO", sizes=[(64, 64)])
    assert edit_image(alone.getvalue(), CONVERT).degraded == ()
