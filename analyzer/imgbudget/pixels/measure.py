"""Measures the pixels of an image: numbers that rules compare with their bounds."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL.Image import fromarray

from imgbudget.errors import FixError
from imgbudget.limits.values import figure
from imgbudget.model.pixels import PixelFacts
from imgbudget.model.subjects import UNDECODABLE, ImageFacts
from imgbudget.pixels.borders import borders_of
from imgbudget.pixels.decode import DecodedPixels, Pixels, decoded_pixels
from imgbudget.pixels.hashes import perceptual_hash
from imgbudget.pixels.sharpness import sharpness_of

MOST_BYTES = 1 << 28
"""Bytes of a file from which on it is not measured: more than any API takes, and it has to be in memory."""

_TAKEN = frozenset({"jpeg", "png", "gif", "webp"})
"""Formats that APIs take, and that every installation can decode."""


def with_pixels(facts: ImageFacts, read: Callable[[int, int], bytes], size: int) -> ImageFacts:
    """The facts of an image with those of its pixels; `read` returns `size` bytes, by length and offset.

    An image of a format that APIs take and that cannot be decoded is damaged.

    Raises:
        OSError: raised by the reader.
    """
    if size > MOST_BYTES:
        flaw = f"has {figure(size)} bytes; at most {figure(MOST_BYTES)} are decoded to measure pixels"
        return facts._replace(pixels=PixelFacts(flaw=flaw))
    pixels = measured(read(size, 0), facts.format or "", facts.orientation)
    if facts.format in _TAKEN and pixels.flaw is not None and pixels.flaw.startswith(UNDECODABLE):
        return facts._replace(damage=pixels.flaw)
    return facts._replace(pixels=pixels)


def measured(data: bytes, form: str, orientation: int = 1) -> PixelFacts:
    """The facts of the pixels of an image; why it cannot be decoded is their flaw."""
    try:
        pixels = decoded_pixels(data, form, orientation)
    except FixError as error:
        return PixelFacts(flaw=str(error))
    return facts_of_pixels(pixels)


def facts_of_pixels(pixels: DecodedPixels) -> PixelFacts:
    """The facts of decoded pixels."""
    planes: Pixels = np.ascontiguousarray(pixels.rgb.transpose(2, 0, 1))
    light = _brightness(planes)
    shares = _shares(pixels.grey)
    dark, dim, bright = (float(value) for value in np.percentile(light, (1, 5, 99)))
    sharpness = sharpness_of(pixels.grey)
    left, top, right, bottom = borders_of(pixels)
    return PixelFacts(
        mode=pixels.mode,
        bright=_rounded(bright),
        dim=_rounded(dim),
        darkest=_rounded(_darkest(shares)),
        contrast=_rounded(bright - dark),
        edge_width=_rounded(sharpness.edge_width * pixels.shrink),
        detail=_rounded(sharpness.detail / pixels.shrink) if sharpness.detail < 1 else 1.0,
        spread=_spread(planes),
        entropy=_rounded(_entropy(shares)),
        busy=_rounded(_busy(pixels.small)),
        colour=_colour(planes),
        transparent=_rounded(pixels.transparent),
        border_left=left,
        border_top=top,
        border_right=right,
        border_bottom=bottom,
        phash=perceptual_hash(pixels.small, pixels.orientation),
        pixel_hash=pixels.pixel_hash,
    )


def _rounded(value: float) -> float:
    """A measurement as it is kept and shown."""
    return round(value, 4)


def _brightness(planes: Pixels) -> NDArray[np.float32]:
    """The perceived brightness of pixels from 0 to 1 (Finley, HSP Color Model), as CleanVision takes it."""
    red, green, blue = np.square(planes, dtype=np.float32)
    light: NDArray[np.float32] = np.sqrt(0.241 * red + 0.691 * green + 0.068 * blue) / 255
    return light


def _spread(planes: Pixels) -> int:
    """The greatest difference within a channel, in levels of 256."""
    return max(int(plane.max()) - int(plane.min()) for plane in planes)


def _shares(grey: Pixels) -> NDArray[np.float64]:
    """The share of each level of brightness."""
    some = fromarray(grey[::3, ::3])
    return np.array(some.histogram()) / (some.width * some.height)


_STRAY = 2e-5
"""The share of pixels that may be of any level: noise."""


def _darkest(shares: NDArray[np.float64]) -> float:
    """The brightness, from 0 to 1, that hardly any pixel is under."""
    return int(np.searchsorted(np.cumsum(shares), _STRAY, side="right")) / 255


def _entropy(shares: NDArray[np.float64]) -> float:
    """The entropy of the histogram of brightness in bits, at most 8."""
    found = shares[shares > 0]
    return max(float(-(found * np.log2(found)).sum()), 0.0)


_CELL, _LEVELS = 4, 8
"""Px of the cells of a reduced picture, about a patch of a model, and the levels of what shows in one."""


def _busy(small: Pixels) -> float:
    """The share of the cells in which there is anything."""
    height, width = (edge // _CELL for edge in small.shape)
    if not (height and width):
        return float(int(small.max()) - int(small.min()) >= _LEVELS)
    lines = [small[start : height * _CELL : _CELL, : width * _CELL] for start in range(_CELL)]
    most, least = np.maximum.reduce(lines), np.minimum.reduce(lines)
    high = np.maximum.reduce([most[:, start::_CELL] for start in range(_CELL)])
    low = np.minimum.reduce([least[:, start::_CELL] for start in range(_CELL)])
    return float((high - low >= _LEVELS).mean())


def _colour(planes: Pixels) -> int:
    """The greatest difference between the channels of a pixel, in levels of 256."""
    return int((np.maximum.reduce(planes) - np.minimum.reduce(planes)).max())
