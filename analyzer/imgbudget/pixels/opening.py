"""Opens a picture with Pillow, by the reader for its signature, and refuses those that take too much."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from PIL import UnidentifiedImageError
from PIL.Image import DecompressionBombError, Image
from PIL.Image import open as open_image
from PIL.JpegImagePlugin import JpegImageFile

from imgbudget.errors import FixError
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure

MAX_PIXELS = 178_956_970
"""Most pixels that are decoded: half a gigabyte in memory, and the limit at which Pillow warns of a bomb."""

_MAX_SCANNED = 20 * MAX_PIXELS
"""Pixels times scans; progressive files have about ten scans."""

BROKEN = (
    *(OSError, EOFError, ValueError, TypeError, SyntaxError, LookupError, ArithmeticError, AttributeError),
    *(AssertionError, RuntimeError, BufferError, MemoryError, NameError, struct.error, zlib.error),
)
"""The exceptions that Pillow's readers raise on broken bytes."""

READERS = {
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
}
"""By format: the stem of Pillow's module that reads it. EPS is missing: Pillow runs Ghostscript for it."""

HEIF = frozenset({"heic", "heif"})

TURNING = HEIF | {"tiff"}
"""Formats whose readers rotate the pixels upright themselves."""


@contextmanager
def as_fix_error(what: str) -> Iterator[None]:
    """Convert the exceptions of Pillow to an error that begins with `what`, a clause.

    Raises:
        FixError: any exception was raised.
    """
    try:
        with warnings.catch_warnings():
            # about missing extras, and about large pictures, which are refused here
            warnings.simplefilter("ignore")
            yield
    except BROKEN as error:
        # without the address of Pillow's object, which differs between runs
        why = str(error).partition("\n")[0].partition(" <_io")[0] or type(error).__name__
        raise FixError(f"{what}: {why[:200]}") from error


def refuse_bomb(size: Size) -> None:
    """Raise FixError for a size in px that takes too much memory."""
    pixels = size.width * size.height
    if pixels > MAX_PIXELS:
        raise FixError(f"has {figure(pixels)} pixels; imgbudget decodes at most {figure(MAX_PIXELS)}")


def refuse_scans(data: bytes, size: Size, image: Image) -> None:
    """Refuse a JPEG file with so many scans over all pixels that decoding would take minutes."""
    if _has_one_scan(data, image):
        return
    scans = data.count(b"\xff\xda")
    if scans * size.width * size.height > _MAX_SCANNED:
        raise FixError(f"has {figure(scans)} scans of {size} px, which would take minutes to decode")


def _has_one_scan(data: bytes, image: Image) -> bool:
    """Whether the first scan of a JPEG file, at whose data Pillow stops reading, is all that is decoded."""
    if not isinstance(image, JpegImageFile) or "progressive" in image.info or image.fp is None:
        return False
    colours = len(image.layer)
    header = struct.pack(">2sHB", b"\xff\xda", 6 + 2 * colours, colours)
    start = image.fp.tell() - 8 - 2 * colours
    return data.startswith(header, max(start, 0))


def open_picture(data: bytes, form: str, readers: Mapping[str, str] = READERS) -> Image:
    """The picture of a file, of which only the header is read.

    Raises:
        FixError: no reader is known or installed, or it does not recognise the file.
    """
    if form in HEIF:
        return _open_heif(data, form)
    stem = readers.get(form)
    if stem is None:
        raise FixError(f"is {form.upper()}, which imgbudget cannot decode; export it as JPEG or PNG")
    import_module(f"PIL.{stem}ImagePlugin")
    try:
        return open_image(io.BytesIO(data), formats=("JPEG2000" if stem == "Jpeg2K" else stem.upper(),))
    except DecompressionBombError as error:
        raise FixError("has more pixels than Pillow decodes") from error
    except UnidentifiedImageError as error:
        raise FixError(f"cannot be decoded as {form.upper()}: Pillow does not recognise it") from error


def _open_heif(data: bytes, form: str) -> Image:
    image: Image = heif_reader(form).open_heif(data, convert_hdr_to_8bit=True).to_pillow()
    return image


def heif_reader(form: str) -> ModuleType:
    """The module that reads HEIF. Raises FixError if it is not installed."""
    try:
        return import_module("pillow_heif")
    except ImportError as error:
        raise FixError(
            f"is {form.upper()}, which needs an extra to decode: pip install 'imgbudget[heif]'"
        ) from error
