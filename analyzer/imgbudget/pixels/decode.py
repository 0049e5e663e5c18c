"""One decoding of an image for measurements, as arrays: at reduced scale where the codec has one.

Measured on a JPEG file of 1850x1363 px: Pillow decodes its brightness in 5.7 ms and its colours at an eighth
in 4.2, OpenCV in 5.5 and 3.9, libvips in 12.9 and 5.0. So this needs no other decoder than Pillow. One
decoding of all colours at full size takes 9.1 ms, of YCbCr 10.5, from which brightness still has to be taken.
Memory costs as much as decoding: a copy from Pillow to an array takes 6 ms, so brightness is decoded into it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, Transpose, frombuffer, frombytes, new
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from imgbudget.errors import FixError
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.pixels.hashes import pixel_hash
from imgbudget.pixels.opening import TURNING, as_fix_error, open_picture, refuse_scans
from imgbudget.pixels.samples import DEEP, MOST_PIXELS, as_bytes

Pixels = NDArray[np.uint8]

DETAILED_EDGE = 1600
"""Px of the long edge that brightness keeps: about what most models use of an image (1568 px)."""

COLOUR_EDGE = 200
"""Px of the long edge that colours keep at least."""

_CHUNK = 1 << 20
_SHRINKS = (8, 4, 2)


class DecodedPixels(NamedTuple):
    """The pixels of the first frame as stored, on white where it is transparent.

    `size` is the full size in px, `mode` the colour mode in Pillow's words. `grey` is the brightness, of
    rows and columns, at 1/`shrink` of the size: as much as `DETAILED_EDGE` needs. `rgb` are the colours, of
    rows, columns and channels, at about an eighth of the size or what `COLOUR_EDGE` needs; `small` is the
    brightness of these. `transparent` is the share of the pixels that are not opaque. `orientation` is the
    one that was given, for hashes of the upright picture. `pixel_hash` is of all pixels; of a JPEG file of
    those that are decoded here, so that it differs from that of the same pixels in a lossless format.
    """

    size: Size
    mode: str
    grey: Pixels
    shrink: int
    rgb: Pixels
    small: Pixels
    transparent: float = 0.0
    orientation: int = 1
    pixel_hash: str = ""


def decoded_pixels(data: bytes, form: str, orientation: int = 1) -> DecodedPixels:
    """The pixels of an image, by the format that its first bytes name.

    Raises:
        FixError: it cannot be decoded completely, or takes too much memory; the text says why.
    """
    with as_fix_error(f"cannot be decoded as {form.upper()}"):
        image = open_picture(data, form)
        size = Size(*image.size)
        pixels = size.width * size.height
        if pixels > MOST_PIXELS:
            raise FixError(f"has {figure(pixels)} pixels; at most {figure(MOST_PIXELS)} are measured")
        if isinstance(image, JpegImageFile):
            refuse_scans(data, size, image)
            if image.mode in {"L", "RGB"}:
                found = _of_jpeg(data, image, size)
                hashed = pixel_hash(size, found.grey, found.rgb, orientation=orientation)
                return found._replace(orientation=orientation, pixel_hash=hashed)
        return _of_any(image, size, orientation, upright=form in TURNING)


_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""The mode of pixels by their channels."""


def raw_pixels(data: bytes, size: Size, mode: str | None = None, *, planar: bool = False) -> DecodedPixels:
    """The pixels of an array of 8-bit values: as of a PNG file with the same ones.

    Without a mode in Pillow's words they are grey, RGB or RGBA, by the length of `data`. `planar` pixels lie
    channel by channel.

    Raises:
        FixError: the bytes are not those of a picture of that size; the text says why.
    """
    pixels = size.width * size.height
    if pixels > MOST_PIXELS:
        raise FixError(f"has {figure(pixels)} pixels; at most {figure(MOST_PIXELS)} are measured")
    if mode in {"P", "PA"}:
        raise FixError("has colours from a palette that is not stored with it")
    channels = next((number for number in _MODES if number * pixels == len(data)), None)
    if not pixels or (mode is None and channels is None) or len(data) * 8 < pixels:
        raise FixError(f"has {figure(len(data))} bytes, which are not those of {size} pixels")
    if planar and channels is not None:
        planes = np.frombuffer(data, np.uint8).reshape(channels, size.height, size.width)
        data = planes.transpose(1, 2, 0).tobytes()
    with as_fix_error("cannot be read as pixels"):
        return _of_any(frombytes(mode or _MODES[channels or 1], (size.width, size.height), data), size, 1)


def _of_jpeg(data: bytes, image: JpegImageFile, size: Size) -> DecodedPixels:
    """Brightness and colours, each decoded at its own scale: together as fast as all colours at full size."""
    mode, shrink = image.mode, _shrink(size, DETAILED_EDGE)
    grey = _grey(image, size, shrink)
    if mode == "L":
        small = _reduced(grey, _shrink(Size(grey.shape[1], grey.shape[0]), COLOUR_EDGE))
        return DecodedPixels(size, mode, grey, shrink, np.stack((small,) * 3, axis=-1), small)
    colours = _drafted(open_picture(data, "jpeg"), "RGB", size, _shrink(size, COLOUR_EDGE))
    further = _shrink(Size(*colours.size), 2 * COLOUR_EDGE)
    colours = colours.reduce(further) if further > 1 else colours
    return DecodedPixels(size, mode, grey, shrink, np.asarray(colours), np.asarray(colours.convert("L")))


def _grey(image: JpegImageFile, size: Size, shrink: int) -> Pixels:
    """The brightness of a JPEG file at 1/`shrink` of its size, decoded into the memory of the array."""
    _draft(image, "L", size, shrink)
    if not image.tile:
        # a file that ends before its scan: Pillow raises if there is no memory yet
        return np.asarray(_loaded(image))
    grey = np.empty(image.size[::-1], np.uint8)
    memory = frombuffer("L", image.size, grey, "raw", "L", 0, 1).im
    image.im = memory
    loaded = _loaded(image)
    return grey if loaded.im is memory else np.asarray(loaded)


def _drafted(image: Image, mode: str, size: Size, shrink: int) -> Image:
    """A JPEG file decoded in a mode, at 1/`shrink` of its size."""
    _draft(image, mode, size, shrink)
    return _loaded(image)


def _draft(image: Image, mode: str, size: Size, shrink: int) -> None:
    image.draft(mode, (size.width // shrink, size.height // shrink))


def _loaded(image: Image) -> Image:
    if isinstance(image, ImageFile):
        image.decodermaxblock = _CHUNK
    image.load()
    return image


def _shrink(size: Size, edge: int) -> int:
    """The greatest factor, 1, 2, 4 or 8, that leaves the long edge at least so many px."""
    return next((by for by in _SHRINKS if size.long_edge // by >= edge), 1)


def _reduced(grey: Pixels, by: int) -> Pixels:
    """The means of blocks of so many px."""
    if by == 1:
        return grey
    height, width = (max(edge // by, 1) for edge in grey.shape)
    whole = grey[: height * by, : width * by].astype(np.uint16)
    means = whole.reshape(height, by, width, by).mean(axis=(1, 3))
    small: Pixels = means.astype(np.uint8)
    return small


def _stored_mode(image: Image) -> str:
    """The mode of a picture before it is loaded; Pillow reads colours of 16 bits as 8, here `RGB;16`."""
    for tile in image.tile if isinstance(image, ImageFile) else ():
        raw = tile.args if isinstance(tile.args, str) else (tile.args or ("",))[0]
        if isinstance(raw, str) and ";16" in raw and image.mode not in DEEP:
            return "LA;16" if raw.startswith("LA") else f"{image.mode};16"
    return image.mode


_BACK = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}
"""What makes of an upright picture the stored one, by EXIF orientation."""


def _of_any(image: Image, size: Size, orientation: int, *, upright: bool = False) -> DecodedPixels:
    """The pixels of a file whose decoder has one scale only, and may turn them `upright`."""
    if isinstance(image, ImageFile):
        image.decodermaxblock = _CHUNK
    mode = _stored_mode(image)
    image.load()
    if upright and orientation in _BACK:
        image = image.transpose(_BACK[orientation])
        size = Size(*image.size)
    if image.mode in DEEP:
        image = as_bytes(image)
    image, transparent = _opaque(image)
    shrink = _shrink(size, DETAILED_EDGE)
    by = _shrink(size, COLOUR_EDGE)
    colours = image if image.mode in {"L", "RGB"} else image.convert("RGB")
    whole = np.asarray(colours if colours.mode == "RGB" else colours.convert("RGB"))
    hashed = pixel_hash(size, whole, orientation=orientation)
    del whole
    grey = colours.convert("L")
    grey = grey.reduce(shrink) if shrink > 1 else grey
    colours = colours.reduce(by) if by > 1 else colours
    while (further := _shrink(Size(*colours.size), 2 * COLOUR_EDGE)) > 1:
        colours = colours.reduce(further)
    rgb = colours.convert("RGB")
    return DecodedPixels(
        size,
        mode,
        np.asarray(grey),
        shrink,
        np.asarray(rgb),
        np.asarray(rgb.convert("L")),
        transparent,
        orientation,
        hashed,
    )


def _opaque(image: Image) -> tuple[Image, float]:
    """The picture on white, and the share of its pixels that are not opaque."""
    if not image.has_transparency_data:
        return image, 0.0
    image = image.convert("RGBA")
    alpha = image.getchannel("A")
    opaque = alpha.histogram()[255]
    ground = new("RGB", image.size, "white")
    ground.paste(image, mask=alpha)
    return ground, 1 - opaque / (image.width * image.height)
