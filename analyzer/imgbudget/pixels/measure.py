"""Measures the pixels of an image: numbers that rules compare with their bounds."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imgbudget.errors import FixError
from imgbudget.limits.values import figure
from imgbudget.model.pixels import PixelFacts
from imgbudget.model.subjects import UNDECODABLE, ImageFacts
from imgbudget.pixels.decode import DecodedPixels, Pixels, decoded_pixels
from imgbudget.pixels.hashes import perceptual_hash

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
    light = _brightness(pixels.rgb)
    darkest, dim, bright = (float(value) for value in np.percentile(light, (1, 5, 99)))
    return PixelFacts(
        mode=pixels.mode,
        bright=_rounded(bright),
        dim=_rounded(dim),
        contrast=_rounded(bright - darkest),
        phash=perceptual_hash(pixels.small, pixels.orientation),
        pixel_hash=pixels.pixel_hash,
    )


def _rounded(value: float) -> float:
    """A measurement as it is kept and shown."""
    return round(value, 4)


_WEIGHTS = np.array((0.241, 0.691, 0.068), np.float32) / np.float32(255 * 255)


def _brightness(rgb: Pixels) -> NDArray[np.float32]:
    """The perceived brightness of pixels from 0 to 1, as CleanVision takes it (Finley, HSP color model)."""
    squares: NDArray[np.float32] = np.sqrt(np.square(rgb, dtype=np.float32) @ _WEIGHTS)
    return squares
