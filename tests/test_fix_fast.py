"""libvips, if it is installed, scales common pictures; Pillow does the rest, and the same where it is not."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops, ImageCms

from imgbudget.errors import FixError
from imgbudget.fixing import vips
from imgbudget.fixing.decode import RasterImage
from imgbudget.fixing.encode import scaled
from imgbudget.fixing.image import edit_image
from imgbudget.limits.geometry import Size
from imgbudget.linter import parallel, pool
from imgbudget.linter.pool import has_threads
from imgbudget.linter.run import Session
from imgbudget.model.edits import EditedImage, ImageEdit
from imgbudget.model.safety import ANY_LOSS
from imgbudget.pixels import opening
from tests.builders import image_bytes
from tests.conftest import Command, posix
from tests.drawings import distance, drawn, encoded, noisy, opened, seen, soft

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("pyvips")

LARGE = (1000, 750)
HALF = ImageEdit(size=Size(400, 300))


@cache
def photo(size: tuple[int, int] = LARGE) -> Image.Image:
    """A soft picture with fine structure."""
    return Image.blend(soft(size), noisy((90, 60)).resize(size, Image.Resampling.BICUBIC), 0.3)


def by_pillow(data: bytes, edit: ImageEdit) -> EditedImage:
    """The result without the extra."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vips, "library", lambda: None)
        return edit_image(data, edit)


@pytest.fixture
def scaled_by_pillow(monkeypatch: pytest.MonkeyPatch) -> list[Size]:
    """The sizes that Pillow scales to."""
    sizes: list[Size] = []
    resize = Image.Image.resize

    def counted(image: Image.Image, size: Size, *args: object, **options: object) -> Image.Image:
        sizes.append(size)
        return resize(image, size, *args, **options)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(Image.Image, "resize", counted)
    return sizes


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(("form", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("PNG", "RGB"), ("PNG", "L")])
def test_common_pictures_are_scaled_by_libvips(
    form: str, mode: str, orientation: int, scaled_by_pillow: list[Size]
) -> None:
    """In the same format and mode, turned alike, with the pixels of Pillow up to rounding; twice the same."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(photo().convert(mode), form, orientation=orientation, icc_profile=profile)
    edit = HALF._replace(upright=True)
    scaled_by_pillow.clear()
    made = edit_image(data, edit)
    assert not scaled_by_pillow
    assert edit_image(data, edit) == made
    assert made._replace(data=b"") == by_pillow(data, edit)._replace(data=b"")
    assert opened(made.data).mode == mode
    assert distance(seen(made.data), seen(by_pillow(data, edit).data)) < 1.5


def test_an_opaque_alpha_channel_is_dropped() -> None:
    """As by Pillow."""
    picture = drawn(LARGE)
    picture.putalpha(255)
    made = edit_image(encoded(picture), HALF)
    assert opened(made.data).mode == "RGB"
    assert distance(seen(made.data), seen(by_pillow(encoded(picture), HALF).data)) < 1


RARE = ("alpha", "palette", "16-bit", "transparent colour", "cmyk", "small", "webp")


@cache
def _rare() -> dict[str, bytes]:
    half_clear = photo().copy()
    half_clear.putalpha(Image.linear_gradient("L").resize(LARGE))
    return {
        "alpha": encoded(half_clear),
        "palette": encoded(drawn(LARGE).quantize(8)),
        "16-bit": encoded(soft(LARGE, "I;16")),
        "transparent colour": encoded(drawn(LARGE), transparency=(255, 255, 255)),
        "cmyk": encoded(photo().convert("CMYK"), "JPEG"),
        "small": encoded(soft((640, 480)), "JPEG"),
        "webp": encoded(drawn(LARGE), "WEBP", lossless=True, quality=0, method=0),
    }


@pytest.mark.parametrize("name", RARE)
def test_rare_pictures_are_left_to_pillow(name: str) -> None:
    """Byte for byte the same as without libvips; so are small ones, for which it would not be loaded."""
    data = _rare()[name]
    edit = HALF._replace(permits=ANY_LOSS, may_grow=True)
    assert edit_image(data, edit) == by_pillow(data, edit)


@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("end", [b"", b"\xff\xd9"])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_broken_pictures_are_refused_in_the_same_words(
    form: str, end: bytes, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    """As without libvips, which prints nothing either."""
    data = encoded(photo(), form)
    data = data[: int(len(data) * share)] + end
    with pytest.raises(FixError) as expected:
        by_pillow(data, HALF)
    with pytest.raises(FixError) as found:
        edit_image(data, HALF)
    assert str(found.value) == str(expected.value)
    assert capfd.readouterr() == ("", "")


def test_a_limit_on_bytes_that_does_not_bind_changes_nothing() -> None:
    """Limits of the API are set for every image; one that does bind is kept from all pixels, as by Pillow."""
    data = encoded(photo(), "JPEG", quality=92)
    free = edit_image(data, HALF)
    assert edit_image(data, HALF._replace(max_bytes=len(free.data))) == free
    tight = HALF._replace(max_bytes=len(free.data) // 4, permits=ANY_LOSS)
    assert len(edit_image(data, tight).data) <= len(free.data) // 4
    assert distance(seen(edit_image(data, tight).data, (100, 75)), seen(data, (100, 75))) < 8


def test_a_new_png_file_holds_pixels_only() -> None:
    """No resolution, text or profile; drawings without filters, photographs with them."""
    for picture in (drawn((1200, 900)), photo((1200, 900))):
        data = encoded(picture, dpi=(300, 300))
        edit = ImageEdit(size=Size(840, 630))
        made = edit_image(data, edit).data
        kinds, at = set(), 8
        while at < len(made):
            kinds.add(made[at + 4 : at + 8])
            at += 12 + int.from_bytes(made[at : at + 4], "big")
        assert kinds == {b"IHDR", b"IDAT", b"IEND"}
        assert len(made) <= max(len(data), 1.05 * len(by_pillow(data, edit).data))


def test_a_jpeg_file_is_written_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Optimal Huffman tables save 2 % of the bytes in twice the time; a limit on bytes asks for them."""
    found: list[bool] = []
    save = Image.Image.save

    def noted(image: Image.Image, file: io.BytesIO, form: str, **options: object) -> None:
        found.append(bool(options.get("optimize")))
        save(image, file, form, **options)

    monkeypatch.setattr(Image.Image, "save", noted)
    data = encoded(photo(), "JPEG")
    found.clear()
    made = edit_image(data, HALF)
    assert found == [False]
    edit_image(data, HALF._replace(max_bytes=len(made.data) - 1))
    assert found.count(True) >= 1


def test_scans_are_counted_only_where_there_may_be_several() -> None:
    """The markers of a scan in the data of a segment are none; scans of one colour each are counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "_MAX_SCANNED", 5 * LARGE[0] * LARGE[1])
        comment = b"\xff\xda" * 9
        edit_image(encoded(photo(), "JPEG", comment=comment), HALF)
        with pytest.raises(FixError, match=r"has 1[0-9] scans"):
            edit_image(encoded(photo(), "JPEG", progressive=True), HALF)
        single = encoded(photo(), "JPEG")
        at = single.rindex(b"\xff\xda")
        # a file of three colours whose first scan has one of them
        several = single[:at] + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + b"\xff\xda" * 9 + single[at:]
        with pytest.raises(FixError, match="has 11 scans"):
            edit_image(several, HALF)


@pytest.mark.parametrize("error", [ImportError, OSError, AttributeError])
def test_without_libvips_pillow_does_all(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """Also where pyvips is installed without libvips, or too old."""

    def missing(name: str) -> None:
        raise error(name)

    uncached: Callable[[], tuple[object, int]] = vips._loaded.__wrapped__
    monkeypatch.setattr(vips, "import_module", missing)
    assert uncached() == (None, os.getpid())


def test_a_process_that_has_loaded_libvips_is_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its threads would be missing in the new process, which would wait for them."""
    assert vips.library() is not None
    assert has_threads()
    monkeypatch.delitem(sys.modules, "pyvips")


_FORKED = """
import os
from imgbudget.fixing.image import edit_image
from imgbudget.limits.geometry import Size
from imgbudget.model.edits import ImageEdit
from tests.drawings import encoded, soft
data, edit = encoded(soft((1000, 750)), "JPEG"), ImageEdit(size=Size(400, 300))
edit_image(data, edit)
child = os.fork()
edit_image(data, edit)
if child:
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@posix
def test_a_caller_may_fork_after_a_fix() -> None:
    """The new process uses Pillow."""
    subprocess.run([sys.executable, "-c", _FORKED], check=True, timeout=60)


def test_rows_are_scaled_in_strips_without_a_seam() -> None:
    """Each as in the whole picture, but for rounding; whatever the factor, and if rows are left over."""
    for size in (Size(500, 375), Size(499, 301), Size(333, 129)):
        made = scaled(RasterImage(photo(), Size(*LARGE), 1, 0, None), size)
        whole = photo().resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        assert max(high for _, high in ImageChops.difference(made, whole).getextrema()) <= 1  # type: ignore[misc]  # three bands


def test_one_more_process_than_cores_fixes_files(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits for the disk after each file; `--jobs` is exact, and checks do not wait."""
    started: list[int] = []

    def counted(*arguments: object) -> Iterator[object]:
        started.append(int(str(arguments[-1])))
        return iter(())

    monkeypatch.setattr(parallel, "check_in_pool", counted)
    monkeypatch.setattr(pool, "cores", lambda: 2)
    monkeypatch.setattr(Session, "pool_threshold", 2)
    for i in range(8):
        (tmp_path / f"{i}.png").write_bytes(image_bytes((20 + i, 20)))
    imgbudget("check", "--fix", str(tmp_path))
    imgbudget("check", "--fix", "-j2", str(tmp_path))
    imgbudget("check", str(tmp_path))
    monkeypatch.setattr(pool, "cores", lambda: 1)
    imgbudget("check", "--fix", str(tmp_path))
    assert started == [3, 2, 2]
