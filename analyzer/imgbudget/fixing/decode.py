"""Bytes to pixels: one decoding with Pillow, bounded in memory, by the reader that the signature names."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.errors import FixError
from imgbudget.fixing.metadata import jpeg_end
from imgbudget.imageinfo.other_formats import RARE_FORMATS
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ImageFacts
from imgbudget.output.base import figure

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 178_956_970
"""Pixels that are decoded at most: half a gigabyte in memory, and where Pillow itself speaks of a bomb."""

_MAX_SCANNED = 20 * MAX_PIXELS
"""Pixels times scans; progressive files have about ten scans."""

SHRINK_FROM = 2.0
"""How many times the wanted size a JPEG file must still have when its decoder shrinks it; Lanczos does the
rest. SSIM against Lanczos alone is 0.992 to 0.999 then (benchmarks/resize.py)."""

LARGE, LARGE_SHRINK_FROM = 6_000_000, 1.5
"""Pixels from which on less is enough: large photographs are not sharp to the pixel, 0.996 to 0.999, and
take 0.4 of the time of Lanczos alone."""

BROKEN = (
    *(OSError, EOFError, ValueError, TypeError, SyntaxError, LookupError, ArithmeticError, AttributeError),
    *(AssertionError, RuntimeError, BufferError, MemoryError, struct.error, zlib.error),
)
"""What Pillow's readers raise, whatever broken bytes make of them."""

_READERS = {
    "jpeg": "Jpeg",
    "png": "Png",
    "gif": "Gif",
    "webp": "WebP",
    "avif": "Avif",
    "tiff": "Tiff",
    "bmp": "Bmp",
    "ico": "Ico",
    "cur": "Cur",
    "icns": "Icns",
    "psd": "Psd",
    "jp2": "Jpeg2K",
    "qoi": "Qoi",
    "dds": "Dds",
    "xbm": "Xbm",
    "xpm": "Xpm",
    **dict.fromkeys(("pbm", "pgm", "ppm", "pfm", "pam"), "Ppm"),
    **{name.lower(): name for name in RARE_FORMATS},
}
"""By format: the stem of Pillow's module that reads it. EPS is missing: Pillow hands it to Ghostscript."""

_HEIF = frozenset({"heic", "heif"})
_CROPPING = _HEIF | {"avif"}
_TURNING = _HEIF | {"tiff"}
"""Formats whose readers turn the pixels upright themselves."""

LYING = 5
"""The EXIF orientation from which on width and height change places."""


class RasterImage(NamedTuple):
    """Decoded pixels of the first frame.

    `size` is the full size in px, turned as the facts have it; a shrinking decoder may have made `image`
    smaller. `turn` is the EXIF orientation that is still to be baked in. `sampling` is how coarse a JPEG
    file's colours are (0 4:4:4, 1 4:2:2, 2 4:2:0), None for other formats. `profile` is its colour profile.
    """

    image: "Image"
    size: Size
    turn: int
    sampling: int | None
    profile: bytes | None


def decode(data: bytes, facts: ImageFacts, wanted: Size | None) -> RasterImage:
    """Decode the first frame; `wanted` is the size in px, as `facts` has it, that it is scaled to at once.

    Raises:
        FixError: what cannot be decoded whole.
    """
    form = facts.format or ""
    if facts.size is not None:
        _refuse_bomb(facts.size)
    with refusing(f"cannot be decoded as {form.upper()}"):
        image = _open(data, form)
        size = Size(*image.size)
        _refuse_bomb(size)
        sampling = None
        if form == "jpeg":
            _refuse_scans(data, size)
            sampling = _sampling(image)
        if sampling is not None and wanted is not None:
            share = SHRINK_FROM if size.width * size.height < LARGE else LARGE_SHRINK_FROM
            image.draft(image.mode, (round(wanted.width * share), round(wanted.height * share)))
        image.load()
        if sampling is not None and _ends_early(data, image, size):
            raise FixError("is cut off inside its image data; the rest would be grey")
    if form in _HEIF and facts.orientation >= LYING:
        size = size.transposed
    # a HEIF file may crop what it holds, by a few px of its last blocks
    if facts.size not in {None, size} and form not in _CROPPING:
        raise FixError(f"decodes to {size} px, its header says {facts.size}")
    turn = 1 if form in _TURNING else facts.orientation
    return RasterImage(image, size, turn, sampling, image.info.get("icc_profile") or None)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn what Pillow raises into an error that says `what` went wrong, as a clause.

    Raises:
        FixError: anything was raised.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of what it can do without; and of large pictures, which are refused here
            warnings.simplefilter("ignore")
            yield
    except BROKEN as error:
        # without the address of the object that Pillow names, which differs from run to run
        why = str(error).partition("\n")[0].partition(" <_io")[0] or type(error).__name__
        raise FixError(f"{what}: {why[:200]}") from error


def shown_size(facts: ImageFacts, size: Size) -> Size:
    """A size in px, given as `facts` has the image's own, once the orientation is baked in."""
    # the size of a TIFF file is told as it is shown
    return size.transposed if facts.orientation >= LYING and facts.format != "tiff" else size


def _refuse_bomb(size: Size) -> None:
    pixels = size.width * size.height
    if pixels > MAX_PIXELS:
        raise FixError(f"has {figure(pixels)} pixels; imgbudget decodes at most {figure(MAX_PIXELS)}")


def _refuse_scans(data: bytes, size: Size) -> None:
    """Refuse a JPEG file whose many scans, each over all pixels, would keep the decoder busy for minutes."""
    scans = data.count(b"\xff\xda")
    if scans * size.width * size.height > _MAX_SCANNED:
        raise FixError(f"has {figure(scans)} scans of {size} px; imgbudget does not wait that long")


def _open(data: bytes, form: str) -> "Image":
    if form in _HEIF:
        return _open_heif(data, form)
    stem = _READERS.get(form)
    if stem is None:
        raise FixError(f"is {form.upper()}, which imgbudget cannot decode; export it as JPEG or PNG")
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - Pillow takes 17 ms to import

    import_module(f"PIL.{stem}ImagePlugin")
    try:
        return Image.open(io.BytesIO(data), formats=("JPEG2000" if stem == "Jpeg2K" else stem.upper(),))
    except Image.DecompressionBombError as error:
        raise FixError("has more pixels than Pillow agrees to decode") from error
    except UnidentifiedImageError as error:
        raise FixError(f"cannot be decoded as {form.upper()}: Pillow does not know this kind") from error


def _open_heif(data: bytes, form: str) -> "Image":
    try:
        reader = import_module("pillow_heif")
    except ImportError as error:
        raise FixError(
            f"is {form.upper()}, which needs an extra to be decoded: pip install 'imgbudget[heif]'"
        ) from error
    image: Image = reader.open_heif(data, convert_hdr_to_8bit=True).to_pillow()
    return image


def _sampling(image: "Image") -> int:
    from PIL.JpegImagePlugin import get_sampling  # noqa: PLC0415 - Pillow takes 17 ms to import

    if image.mode == "L":
        return 0
    found: int = get_sampling(image)
    # what Pillow has no name for (4:4:0, 4:1:1) is coarser in one direction than 4:2:0 is, or finer
    return found if found in {0, 1, 2} else 2


# the zero makes an ordinary byte of an FF that the data may have been cut behind
_NOISE = b"\0" + bytes(range(1, 255)) * 4
_BLOCK = 8


def _ends_early(data: bytes, image: "Image", size: Size) -> bool:
    """Whether the picture data of a JPEG file ends before the picture does, though an end marker follows.

    Decoders fill up with flat blocks and say nothing. So where the last block is flat, the end of the data
    is moved: if it was not needed, noise before the end marker changes nothing. That holds for baseline
    files; a progressive one without its last scans is a picture with less detail.
    """
    width, height = image.size
    block = max(_BLOCK * width // size.width, 1)
    corner = image.crop(((width - 1) // block * block, (height - 1) // block * block, width, height))
    extremes = corner.getextrema()
    pairs = extremes if isinstance(extremes[0], tuple) else (extremes,)
    if any(low != high for low, high in pairs):
        return False
    end = jpeg_end(data)
    if end < 0:
        return True
    return _thumbnail(data[:end] + b"\xff\xd9") != _thumbnail(data[:end] + _NOISE + b"\xff\xd9")


def _thumbnail(data: bytes) -> bytes:
    """The pixels of a JPEG file at an eighth of its size."""
    image = _open(data, "jpeg")
    image.draft(image.mode, (1, 1))
    return image.tobytes()
