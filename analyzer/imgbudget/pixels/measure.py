"""Measures the pixels of an image: numbers that rules compare with their bounds."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL.Image import fromarray

from imgbudget.errors import FixError
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.model.pixels import PixelFacts
from imgbudget.model.subjects import MOST_DECODED, UNDECODABLE, ImageFacts
from imgbudget.pixels.borders import borders_of
from imgbudget.pixels.decode import DecodedPixels, Pixels, decoded_pixels, raw_pixels
from imgbudget.pixels.hashes import perceptual_hash
from imgbudget.pixels.sharpness import sharpness_of

_TAKEN = frozenset({"jpeg", "png", "gif", "webp"})
"""Formats that APIs take, and that every installation can decode."""


def with_pixels(facts: ImageFacts, read: Callable[[int, int], bytes], size: int) -> ImageFacts:
    """The facts of an image with those of its pixels; `read` returns `size` bytes, by length and offset.

    An image of a format that APIs take and that cannot be decoded is damaged.

    Raises:
        OSError: raised by the reader.
    """
    if size > MOST_DECODED:
        flaw = f"has {figure(size)} bytes; at most {figure(MOST_DECODED)} are decoded to measure pixels"
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


def measured_array(data: bytes, size: Size, mode: str | None = None, *, planar: bool = False) -> PixelFacts:
    """The facts of pixels that are stored in an array, see `raw_pixels`; what is wrong is their flaw."""
    try:
        pixels = raw_pixels(data, size, mode, planar=planar)
    except FixError as error:
        return PixelFacts(flaw=str(error))
    return facts_of_pixels(pixels)


def facts_of_pixels(pixels: DecodedPixels) -> PixelFacts:
    """The facts of decoded pixels."""
    planes: Pixels = np.ascontiguousarray(pixels.rgb.transpose(2, 0, 1))
    dark, dim, bright = _brightness(planes)
    shares = _shares(pixels.grey)
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


_DARK, _DIM, _BRIGHT = 0.01, 0.05, 0.99
"""The shares of the pixels that are at most as bright as the brightness that stands for them."""


def _brightness(planes: Pixels) -> tuple[float, float, float]:
    """The perceived brightness, from 0 to 1, that these shares of the pixels do not exceed.

    It is that of the HSP Color Model (Finley), as CleanVision takes it. Only the pixels with about that
    brightness are put in order.
    """
    red, green, blue = np.square(planes, dtype=np.float32)
    squares: NDArray[np.float32] = (0.241 * red + 0.691 * green + 0.068 * blue).ravel()
    last = len(squares) - 1
    low, high = int(_DIM * last), int(_BRIGHT * last)
    squares.partition(high)
    if high < last:
        squares[high + 1 :].partition(0)
    if low + 1 < high:
        squares[:high].partition(low + 1)
    squares[: low + 1].sort()
    return _ranked(squares, _DARK), _ranked(squares, _DIM), _ranked(squares, _BRIGHT)


def _ranked(squares: NDArray[np.float32], share: float) -> float:
    """The brightness at this share of the pixels, between two of them interpolated."""
    rank = share * (len(squares) - 1)
    near = np.sqrt(squares[int(rank) : int(rank) + 2]) / 255
    return float(near[0] + (near[-1] - near[0]) * (rank % 1))


def _spread(planes: Pixels) -> int:
    """The greatest difference within a channel, in levels of 256."""
    return max(int(plane.max()) - int(plane.min()) for plane in planes)


_MANY = 1 << 17
"""Pixels from which on one in sixteen is enough for a histogram."""


def _shares(grey: Pixels) -> NDArray[np.float64]:
    """The share of each level of brightness."""
    step = 4 if grey.size > _MANY else 1
    some = np.ascontiguousarray(grey[::step, ::step])
    return np.array(fromarray(some).histogram()) / some.size


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
