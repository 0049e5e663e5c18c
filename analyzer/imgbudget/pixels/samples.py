"""Pictures of deep samples, of 16 bits or of numbers, as pictures of 8 bits; with Pillow alone."""

import math
from array import array

from PIL.Image import Image, frombytes

DEEP = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I", "F"})
"""Modes with more than 8 bits a sample."""

MOST_PIXELS = 64_000_000
"""Pixels of an image from which on it is not measured: no API takes an image of more than 8000x8000 px."""

_WITHIN = 1e-4
"""What keeps a whole number from being rounded down; far below the step of a sample."""


def as_bytes(image: Image) -> Image:
    """A picture of 16 bits or of numbers as one of 8 bits; numbers from the least to the greatest."""
    if image.mode.startswith("I;16"):
        return _scaled(image.convert("I"), 1 / 257, 0.0)
    least, most = _extremes(image)
    if not (math.isfinite(least) and math.isfinite(most)):
        image = _finite(image)
        least, most = _extremes(image)
    scale = 255 / ((most - least) or 1.0)
    return _scaled(image, scale, -least * scale)


def _scaled(image: Image, scale: float, offset: float) -> Image:
    added = offset + _WITHIN
    # Pillow reads a line off the function: it is called once
    return image.point(lambda value: value * scale + added).convert("L")


def _extremes(image: Image) -> tuple[float, float]:
    least, most = image.getextrema()
    return float(least), float(most)  # type: ignore[arg-type] # of one band


def _finite(image: Image) -> Image:
    """A picture of floating-point numbers, with the least of them for what is no number, or infinite."""
    numbers = array("f", image.tobytes())
    least = min(filter(math.isfinite, numbers), default=0.0)
    clean = array("f", (number if math.isfinite(number) else least for number in numbers))
    return frombytes("F", image.size, clean.tobytes())
