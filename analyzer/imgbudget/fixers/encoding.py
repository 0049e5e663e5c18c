"""Pixels to bytes: how each format is written."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from imgbudget.fixers.decoding import refusing
from imgbudget.fixers.pixels import in_srgb, on_white, smooth, without_alpha
from imgbudget.fixers.stripping import exif_block

if TYPE_CHECKING:
    from PIL.Image import Image

LOWEST, HIGHEST = 80, 94
"""Qualities that are written: below the first a model sees the loss, above the second it sees no gain, and
files grow by half."""

NEW_QUALITY = 90
"""Quality, 1 to 100, of a lossy encoding of what was not lossy before, or is not scaled."""

LONGEST_WEBP = 16_383
"""The longest edge of a WebP file, px."""

COLOURS = 256
"""Colours of a palette; in a GIF file one of them is for what is transparent."""


class Style(NamedTuple):
    """How an image is written: the format, the quality of a lossy encoding and None of a lossless one.

    `sampling` is how coarse a JPEG file's colours are (0 4:4:4, 1 4:2:2, 2 4:2:0), `thorough` whether time
    is spent to save bytes without loss.
    """

    format: str
    quality: int | None = None
    sampling: int = 2
    thorough: bool = False


def encode(image: "Image", style: Style, orientation: int = 1) -> bytes:
    """The image as a file without metadata, but for an EXIF orientation other than 1.

    Raises:
        FixError: the format cannot hold it: WebP has edges of at most 16,383 px.
    """
    options = _OPTIONS[style.format](style)
    if orientation != 1 and style.format != "gif":
        options["exif"] = exif_block(orientation)
        if style.format == "jpeg":
            options["exif"] = b"Exif\0\0" + options["exif"]
    if style.format == "gif":
        image = _with_palette(image)
    elif style.format == "png" and style.thorough:
        image = _indexed(image)
    out = io.BytesIO()
    info = image.info
    # Pillow writes what it has read of comments, profiles and dots an inch
    image.info = {key: info[key] for key in ("transparency",) if key in info}
    try:
        with refusing(f"cannot be written as {style.format.upper()}"):
            image.save(out, style.format.upper(), **options)
    finally:
        image.info = info
    return out.getvalue()


def prepared(image: "Image", form: str, profile: bytes | None) -> tuple["Image", tuple[str, ...]]:
    """The image in colours that a format can hold, sRGB, and in clauses what that took."""
    lost = []
    if form == "gif" and image.mode in {"1", "L", "P"}:
        return image, ()
    keeps = form == "png" and image.mode in {"1", "P", "I;16"} and profile is None
    if not keeps:
        cmyk = image.mode == "CMYK"
        image, moved = in_srgb(smooth(image), profile)
        if moved:
            lost.append("colours converted from CMYK to sRGB" if cmyk else "colours converted to sRGB")
        image = without_alpha(image)
    if form == "gif" and image.mode in {"LA", "RGBA"} and any(image.getchannel("A").histogram()[1:255]):
        # transparent or not, there is nothing between
        lost.append("half transparent parts laid on white")
    if form == "jpeg" and image.mode not in {"L", "RGB"}:
        image = on_white(image)
        lost.append("transparency laid on white")
    return image, tuple(lost)


def has_few_colours(image: "Image") -> bool:
    """Whether a palette can hold the colours of an opaque picture, each as it is."""
    return image.mode == "RGB" and image.getcolors(COLOURS) is not None


def _indexed(image: "Image") -> "Image":
    """The image with a palette of its own colours where that holds each of them, else as it is."""
    from PIL.Image import Quantize  # noqa: PLC0415 - Pillow takes 17 ms to import

    if has_few_colours(image):
        made = image.quantize(COLOURS, Quantize.MEDIANCUT)
        if made.convert("RGB").tobytes() == image.tobytes():
            return made
    return image


def _with_palette(image: "Image") -> "Image":
    """The image with a palette as GIF has it: its own colours where it has so few, else the nearest."""
    from PIL.Image import Quantize  # noqa: PLC0415 - Pillow takes 17 ms to import

    if image.mode in {"1", "L", "P"}:
        return image
    if image.mode not in {"LA", "RGBA"}:
        return image.convert("RGB").quantize(COLOURS, Quantize.MEDIANCUT)
    made = on_white(image).convert("RGB").quantize(COLOURS - 1, Quantize.MEDIANCUT)
    made.paste(COLOURS - 1, mask=image.getchannel("A").point(lambda level: 255 * (level == 0)))
    made.info["transparency"] = COLOURS - 1
    return made


def _jpeg(style: Style) -> dict[str, Any]:
    options: dict[str, Any] = {"quality": style.quality, "subsampling": style.sampling, "optimize": True}
    if style.thorough:
        options["progressive"] = True
    return options


def _png(style: Style) -> dict[str, Any]:
    # level 3 stays within 10 % of level 9 at a fifth of its time; on screenshots it is often the smaller
    return {"compress_level": 9 if style.thorough else 3}


def _webp(style: Style) -> dict[str, Any]:
    if style.quality is None:
        # without loss, quality is effort
        return {"lossless": True, "quality": 50, "method": 2}
    # higher methods take up to a hundred times as long where there is alpha, for a percent
    return {"quality": style.quality, "method": 4}


def _gif(_style: Style) -> dict[str, Any]:
    return {"optimize": False}


_OPTIONS: dict[str, Callable[[Style], dict[str, Any]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "gif": _gif,
}
