"""Pixels to bytes: how each format is written, and how it is written smaller, the gentlest step first."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from imgbudget.errors import FixError
from imgbudget.fixers.decoding import refusing
from imgbudget.fixers.pixels import in_srgb, on_white, smooth, without_alpha
from imgbudget.fixers.stripping import exif_block
from imgbudget.geometry import Size

if TYPE_CHECKING:
    from PIL.Image import Image

LOWEST, HIGHEST = 80, 94
"""Qualities that are written: below the first a model sees the loss, above the second it sees no gain, and
files grow by half."""

NEW_QUALITY = 90
"""Quality, 1 to 100, of a lossy encoding of what was not lossy before, or is not scaled."""

_PALETTE = 256
_PATIENT = frozenset({"jpeg", "png"})
"""Formats whose encoders save bytes for time."""

_THOROUGH_GAIN = 1.5
"""Times the bytes allowed from which on no patience of an encoder helps: it saves 2 to 30 %."""

GIF_COLOURS = 256
"""Colours of a GIF file, one of them for what is transparent."""

_SCALES = 10
_NEAR_ENOUGH = 0.9
"""Share of the bytes allowed from which on no larger size is tried."""


class Style(NamedTuple):
    """How an image is written: the format, the quality of a lossy encoding and None of a lossless one.

    `sampling` is how coarse a JPEG file's colours are (0 4:4:4, 1 4:2:2, 2 4:2:0), `palette` the most
    colours of a palette, `thorough` whether time is spent to save bytes without loss.
    """

    format: str
    quality: int | None = None
    sampling: int = 2
    palette: int | None = None
    thorough: bool = False


class Encoded(NamedTuple):
    """An encoded image, how it was written, and its size in px."""

    data: bytes
    style: Style
    size: Size


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
    if style.palette is not None and (image.mode != "P" or len(image.getcolors() or ()) > style.palette):
        image = _with_palette(image, style)
    else:
        image = image.copy()
    # Pillow writes what it has read of comments, profiles and dots an inch
    image.info = {key: image.info[key] for key in ("transparency",) if key in image.info}
    out = io.BytesIO()
    with refusing(f"cannot be written as {style.format.upper()}"):
        image.save(out, style.format.upper(), **options)
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


def fit(draw: Callable[[Size], "Image"], size: Size, style: Style, limit: int, orientation: int) -> Encoded:
    """The image within a number of bytes: options first, then colours or quality, then scale.

    `draw` gives the image at a size in px. The first step that fits ends the search; of qualities and sizes
    the result is about the highest.

    Raises:
        FixError: not even a few pixels fit.
    """
    image = draw(size)

    def attempt(style: Style) -> Encoded:
        return Encoded(encode(image, style, orientation), style, size)

    lowest = _lower(style, image)
    last = attempt(style)
    for way in (style, lowest):
        if way != last.style:
            last = attempt(way)
        if limit < len(last.data) <= _THOROUGH_GAIN * limit and way.format in _PATIENT and not way.thorough:
            last = attempt(way._replace(thorough=True))
        if len(last.data) <= limit:
            return last if way is style else _best_quality(attempt, last, style, limit)
    return _largest(draw, last, limit, orientation)


def _lower(style: Style, image: "Image") -> Style:
    """The style that gives up all that may be given up but pixels; the same where there is nothing."""
    if style.format == "gif":
        return style
    if style.format == "png":
        return style._replace(palette=_PALETTE) if image.mode == "P" or _is_flat(image) else style
    return style._replace(quality=LOWEST, thorough=style.format == "jpeg")


def _is_flat(image: "Image") -> bool:
    """Whether a palette does a picture no harm to speak of: few colours, thus no photograph."""
    return image.mode in {"RGB", "RGBA"} and image.getcolors(image.width * image.height // 20) is not None


def _best_quality(attempt: Callable[[Style], Encoded], lowest: Encoded, style: Style, limit: int) -> Encoded:
    """The highest quality below that of `style` that fits, given that the lowest one does."""
    if lowest.style.quality is None or lowest.style.quality == style.quality:
        return lowest
    best, low, high = lowest, LOWEST, style.quality or NEW_QUALITY + 1
    while low + 1 < high:
        middle = (low + high) // 2
        tried = attempt(lowest.style._replace(quality=middle))
        if len(tried.data) <= limit:
            best, low = tried, middle
        else:
            high = middle
    return best


def _largest(draw: Callable[[Size], "Image"], over: Encoded, limit: int, orientation: int) -> Encoded:
    """The image at a smaller size that fits: as large as a few encodings find.

    Bytes grow with the area to a power a little below one, so that the next guess is a good one.

    Raises:
        FixError: not even a few pixels fit.
    """
    full, style = over.size, over.style
    best: Encoded | None = None
    low, high, length = 0.0, 1.0, len(over.data)
    share = 1.0
    for _ in range(_SCALES):
        guess = share * (limit / length) ** 0.55
        # keep away from both ends of what is left
        share = min(max(guess * 0.985, low + (high - low) * 0.05), low + (high - low) * 0.95)
        size = Size(max(round(full.width * share), 1), max(round(full.height * share), 1))
        if size == full or (best is not None and size == best.size):
            break
        tried = Encoded(encode(draw(size), style, orientation), style, size)
        length = len(tried.data)
        if length > limit:
            high = share
        else:
            best, low = tried, share
            if length >= _NEAR_ENOUGH * limit:
                break
    if best is None:
        raise FixError(f"cannot be brought within {limit:,} bytes: {full} px take {len(over.data):,}")
    return best


def _with_palette(image: "Image", style: Style) -> "Image":
    """The image with a palette: its own colours where it has so few, else the nearest of the best."""
    from PIL.Image import Quantize  # noqa: PLC0415 - Pillow takes 17 ms to import

    colours = style.palette or GIF_COLOURS
    if image.mode in {"1", "L"} and colours >= _PALETTE:
        return image.copy()
    if image.mode not in {"LA", "RGBA"}:
        return image.convert("RGB").quantize(colours, Quantize.MEDIANCUT)
    if style.format != "gif":
        return image.convert("RGBA").quantize(colours, Quantize.FASTOCTREE)
    made = on_white(image).convert("RGB").quantize(colours - 1, Quantize.MEDIANCUT)
    made.paste(colours - 1, mask=image.getchannel("A").point(lambda level: 255 * (level == 0)))
    made.info["transparency"] = colours - 1
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
