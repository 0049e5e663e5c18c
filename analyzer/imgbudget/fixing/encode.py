"""Pixels to bytes: colour modes, sizes and orientation that encoders take, and the options of each format."""

import io
from collections.abc import Callable
from typing import Any, NamedTuple

from PIL import ImageChops, ImageCms, ImageFile
from PIL.Image import Image, Quantize, Resampling, Transpose, new

from imgbudget.fixing import vips
from imgbudget.fixing.decode import RasterImage
from imgbudget.fixing.metadata import exif_block
from imgbudget.fixing.palette import COLOURS, ROUNDED, with_palette
from imgbudget.limits.geometry import Size
from imgbudget.model.safety import NO_LOSS, Loss, Lost
from imgbudget.pixels.opening import BROKEN, as_fix_error

_DEEP = frozenset({"I", "I;16", "F"})
_SMOOTH = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})
"""Modes that can be scaled; Pillow multiplies colours by alpha for that, so that no fringes appear."""

_GAP = 3.0
"""Factor over the target size that a reduction before Lanczos must leave: Pillow's own advice."""

_TILES = 4
_TILE = 64
_TINY = 64 * 64
"""Pixels below which even a lossless encoding is small."""

_GRAPHIC_SHARE = 0.5
"""Share of equal neighbours from which on a picture is a graphic. In the corpus, lossless photographs have up
to 0.3 (0.6 with a black border), screenshots and diagrams 0.8 and more."""


def is_graphic(image: Image) -> bool:
    """Whether a picture is a graphic (a screenshot, a diagram), not a photo: most neighbours are equal."""
    if image.mode in {"1", "P", "PA"} or "transparency" in image.info or image.mode.endswith(("A", "a")):
        return True
    width, height = image.size
    if width * height <= _TINY:
        return True
    same = total = 0
    for column in range(_TILES):
        for row in range(_TILES):
            left = column * max(width - _TILE, 0) // (_TILES - 1)
            top = row * max(height - _TILE, 0) // (_TILES - 1)
            tile = image.crop((left, top, min(left + _TILE, width), min(top + _TILE, height)))
            tile = tile.convert("L" if image.mode in _DEEP else "RGB")
            if tile.width < 2:
                continue
            across = tile.width - 1
            apart = ImageChops.difference(
                tile.crop((0, 0, across, tile.height)), tile.crop((1, 0, across + 1, tile.height))
            )
            bands = apart.split()
            most = bands[0]
            for band in bands[1:]:
                most = ImageChops.lighter(most, band)
            same += most.histogram()[0]
            total += across * tile.height
    return same >= _GRAPHIC_SHARE * total


def has_alpha(image: Image) -> bool:
    """Whether a picture has any transparent pixel."""
    return image.mode in {"LA", "RGBA"} and image.getchannel("A").getextrema() != (255, 255)


def has_depth(image: Image) -> bool:
    """Whether a sample has more than 8 bits."""
    return image.mode in _DEEP


def scalable(image: Image) -> Image:
    """The picture in a mode that can be scaled: grey, RGB or CMYK of 8 bits a sample, perhaps with alpha."""
    if image.mode in _DEEP:
        return _levels(image)
    if image.mode in _SMOOTH and "transparency" not in image.info:
        return image
    if image.mode == "LAB":
        return _from_lab(image)
    if image.mode in {"P", "PA", "RGBa", "La"} or "transparency" in image.info:
        has_alpha = image.mode != "P" or "transparency" in image.info or image.palette.mode == "RGBA"  # type: ignore[union-attr]  # a picture of mode P has a palette
        return image.convert("RGBA" if has_alpha else "RGB")
    return image.convert("L" if image.mode == "1" else "RGB")


def scaled(picture: RasterImage, size: Size) -> Image:
    """The picture at a size in px, in its stored orientation, by Lanczos; unchanged at its own size."""
    if picture.image.size == size:
        return picture.image
    if picture.image.mode == "I;16":
        return picture.image.resize(size, Resampling.LANCZOS)
    image = scalable(picture.image)
    if image.mode in {"RGB", "CMYK"} and size.height > _STRIP and image.height < 2 * _GAP * size.height:
        return _in_strips(image, size)
    return image.resize(size, Resampling.LANCZOS, reducing_gap=_GAP)


_STRIP = 128
"""Rows that are scaled at a time."""


def _in_strips(image: Image, size: Size) -> Image:
    """The same picture as without strips; Pillow keeps a copy of all rows that it has scaled across only."""
    made = new(image.mode, size)
    share = image.height / size.height
    for top in range(0, size.height, _STRIP):
        end = min(top + _STRIP, size.height)
        box = (0.0, top * share, float(image.width), min(end * share, image.height))
        strip = image.resize((size.width, end - top), Resampling.LANCZOS, box=box, reducing_gap=_GAP)
        made.paste(strip, (0, top))
    return made


def turned(image: Image, orientation: int) -> Image:
    """The picture rotated as its EXIF orientation (TIFF 6.0, tag 274) says."""
    steps = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(steps[orientation]) if orientation in steps else image


def in_srgb(image: Image, profile: bytes | None) -> tuple[Image, bool]:
    """The picture in the colours that a viewer without colour management shows; whether they changed.

    A profile that is broken or for another kind of pixels is ignored.
    """
    if profile is None or _is_srgb(profile):
        return (image.convert("RGB"), True) if image.mode == "CMYK" else (image, False)
    alpha = image.getchannel("A") if image.mode in {"LA", "RGBA"} else None
    base = image.convert(image.mode[:-1]) if alpha else image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(
            base,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (*BROKEN, ImageCms.PyCMSError):
        converted = None
    if converted is None:
        return (image.convert("RGB"), True) if image.mode == "CMYK" else (image, False)
    if base.mode == "L":
        converted = converted.convert("L")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted, True


def without_alpha(image: Image) -> Image:
    """The picture without an alpha channel that is opaque everywhere."""
    return image if image.mode not in {"LA", "RGBA"} or has_alpha(image) else image.convert(image.mode[:-1])


def on_white(image: Image) -> Image:
    """The picture on a white background."""
    paper = new("RGBA", image.size, "white")
    paper.alpha_composite(image.convert("RGBA"))
    return paper.convert("L" if image.mode == "LA" else "RGB")


def _levels(image: Image) -> Image:
    """Grey of 8 bits from deeper samples: 16 bits by 257, others over their range."""
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
        image = image.convert("I")
    else:
        low, high = image.getextrema()  # type: ignore[assignment]  # one band has one pair
        if low >= 0:
            # ranges that writers use; any other is stretched
            low = 0.0
            ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
            high = next((top for top in ranges if high <= top), high)
    scale = 255.0 / ((high - low) or 1.0)
    if image.mode == "I":
        image = image.convert("F")
    return image.point(lambda level: level * scale + (0.5 - low * scale)).convert("L")


def _fits_16_bits(image: Image) -> bool:
    low, high = image.getextrema()
    return isinstance(low, int) and isinstance(high, int) and low >= 0 and 255 < high < 65536


def _from_lab(image: Image) -> Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    return converted if converted is not None else image.convert("L")


def _is_srgb(profile: bytes) -> bool:
    """Whether a profile is named sRGB, in one of the two encodings that ICC.1 has for text."""
    return profile[16:20] == b"RGB " and (b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile)


LOWEST, HIGHEST = 80, 94
"""Qualities that are written: below the first a model sees the loss; above the second it sees no gain, and
files grow by half."""

SAFE_LOWEST, SAFE_HIGHEST = 85, 98
"""The same for fixes that are safe: no lower than the tables of the original say."""

NEW_QUALITY = 90
"""Quality, 1 to 100, of a lossy encoding of a lossless image, or of one that is not scaled."""

_MOST_JPEG_BYTES = 3
"""Bytes a pixel that noise takes as JPEG at the highest quality without subsampling, at most."""

LONGEST_WEBP = 16_383
"""The longest edge of a WebP file, px."""


class EncodingStyle(NamedTuple):
    """How an image is written: the format and the quality, which is None for lossless encodings.

    `sampling` is the chroma subsampling of a JPEG file (0 4:4:4, 1 4:2:2, 2 4:2:0), `thorough` whether to
    spend time on saving bytes without loss.
    """

    format: str
    quality: int | None = None
    sampling: int = 2
    thorough: bool = False


def encode(image: Image, style: EncodingStyle, orientation: int = 1) -> bytes:
    """The image as a file without metadata, except for an EXIF orientation other than 1.

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
    if style == EncodingStyle("png") and orientation == 1 and (made := vips.png(image)) is not None:
        return made
    out = io.BytesIO()
    info = image.info
    # Pillow would also write the comments, profiles and resolutions that it has read
    image.info = {key: info[key] for key in ("transparency",) if key in info}
    usual = ImageFile.MAXBLOCK
    if style.format == "jpeg" and style.thorough:
        # Pillow has all of such a file in one buffer, which is too small for noise at a high quality
        ImageFile.MAXBLOCK = max(usual, _MOST_JPEG_BYTES * image.width * image.height)
    try:
        with as_fix_error(f"cannot be written as {style.format.upper()}"):
            image.save(out, style.format.upper(), **options)
    finally:
        image.info = info
        ImageFile.MAXBLOCK = usual
    return out.getvalue()


def prepared(
    image: Image, form: str, profile: bytes | None, *, rounding: bool
) -> tuple[Image, tuple[Lost, ...]]:
    """The image in sRGB colours that a format can hold, and what that changed.

    With `rounding`, colours of a palette may be one level off, see `reduced`.
    """
    lost = []
    if form == "gif" and image.mode in {"1", "L", "P"}:
        return image, ()
    if form == "png" and image.mode == "I" and _fits_16_bits(image):
        image = image.convert("I;16")
    if profile is not None and _is_srgb(profile):
        profile = None
    keeps = form == "png" and image.mode in {"1", "P", "I;16"} and profile is None
    if not keeps:
        cmyk = image.mode == "CMYK"
        image, converted = in_srgb(scalable(image), profile)
        if converted:
            lost.append(Lost(NO_LOSS, f"colours converted {'from CMYK ' if cmyk else ''}to sRGB"))
        image = without_alpha(image)
    if form == "gif":
        image, changes = _in_gif_colours(image, rounding=rounding)
        lost += changes
    if form == "jpeg" and image.mode not in {"L", "RGB"}:
        image = on_white(image)
        lost.append(Lost(Loss.ALPHA, "transparency laid on white"))
    return image, tuple(lost)


def _in_gif_colours(image: Image, *, rounding: bool) -> tuple[Image, list[Lost]]:
    """The image with a palette of exactly its colours if that holds them, and what a GIF file cannot hold."""
    if image.mode == "RGB" and (found := with_palette(image, rounding=rounding)):
        return found[0], [ROUNDED] if found[1] else []
    lost, alpha = [], image.mode in {"LA", "RGBA"}
    few = on_white(image).getcolors(COLOURS - 1) is not None if alpha else image.mode == "L"
    if not few:
        lost.append(Lost(Loss.COLOURS, f"at most {COLOURS} colours"))
    if alpha and any(image.getchannel("A").histogram()[1:255]):
        # pixels are either transparent or opaque
        lost.append(Lost(Loss.ALPHA, "half transparent parts laid on white"))
    return image, lost


def _with_palette(image: Image) -> Image:
    """The image with a palette for GIF: its own if it has one, else of the nearest colours."""
    if image.mode in {"1", "L", "P"}:
        return image
    if image.mode not in {"LA", "RGBA"}:
        return image.convert("RGB").quantize(COLOURS, Quantize.MEDIANCUT)
    made = on_white(image).convert("RGB").quantize(COLOURS - 1, Quantize.MEDIANCUT)
    made.paste(COLOURS - 1, mask=image.getchannel("A").point(lambda level: 255 * (level == 0)))
    made.info["transparency"] = COLOURS - 1
    return made


def _jpeg(style: EncodingStyle) -> dict[str, Any]:
    options: dict[str, Any] = {"quality": style.quality, "subsampling": style.sampling}
    if style.thorough:
        options["optimize"] = options["progressive"] = True
    return options


def _png(style: EncodingStyle) -> dict[str, Any]:
    # level 3 is within 10 % of level 9 in a fifth of its time; on screenshots it is often smaller
    return {"compress_level": 9 if style.thorough else 3}


def _webp(style: EncodingStyle) -> dict[str, Any]:
    if style.quality is None:
        # for lossless encoding, quality is the effort
        return {"lossless": True, "exact": True, "quality": 50, "method": 2}
    # higher methods take up to a hundred times as long where there is alpha, for a percent
    return {"quality": style.quality, "method": 4}


def _gif(_style: EncodingStyle) -> dict[str, Any]:
    return {"optimize": False}


_OPTIONS: dict[str, Callable[[EncodingStyle], dict[str, Any]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "gif": _gif,
}
