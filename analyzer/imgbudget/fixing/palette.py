"""Pictures of few colours in fewer bits a pixel: as grey, or with a palette, exactly or within rounding."""

import sys
from collections.abc import Iterable
from itertools import product

from PIL import ImageChops
from PIL.Image import Image, frombytes

from imgbudget.model.safety import NO_LOSS, Lost

COLOURS = 256
"""Colours of a palette; a GIF file uses one of them for transparency."""

ROUNDED = Lost(NO_LOSS, "colours moved by at most 1 of 255, into a palette")

_FEW_GREYS = 16
"""Grey levels up to which a palette takes fewer bits than grey itself."""

_STEPS = tuple(sorted(product((0, -1, 1), repeat=3), key=lambda step: sum(map(abs, step))))
"""The neighbours of a colour within rounding, the nearest first."""

Colour = tuple[int, ...]


def reduced(image: Image, *, rounding: bool) -> tuple[Image, bool]:
    """The picture in fewer bits a pixel if it has few colours or only greys, and whether colours moved.

    With `rounding` a colour may move by one level of 255, as in a picture that was scaled.
    """
    if image.mode in {"RGB", "RGBA"} and _is_grey(image):
        image = image.getchannel("R") if image.mode == "RGB" else image.convert("LA")
    if image.mode == "L":
        return with_palette(image, most=_FEW_GREYS, rounding=False) or (image, False)
    if image.mode in {"RGB", "RGBA", "LA"}:
        return with_palette(image, rounding=rounding) or (image, False)
    return image, False


def with_palette(image: Image, *, most: int = COLOURS, rounding: bool) -> tuple[Image, bool] | None:
    """The picture with a palette, and whether colours moved; None if it has too many.

    `most` is the number of colours that the palette may have. Frequent colours stay exactly.
    """
    mode = "RGBA" if image.mode.endswith("A") else "RGB"
    image = image.convert(mode)
    found = image.getcolors(most * len(_STEPS) if rounding else most)
    if found is None:
        return None
    colours = [colour for _, colour in sorted(found, key=lambda item: (-item[0], item[1]))]
    numbers = _numbers(colours, most)  # type: ignore[arg-type]  # tuples
    if numbers is None:
        return None
    table = {int.from_bytes(_rgba(colour), sys.byteorder): number for colour, number in numbers.items()}
    pixels = memoryview(image.convert("RGBA").tobytes()).cast("I")
    made = frombytes("P", image.size, bytes(map(table.__getitem__, pixels)))
    palette: dict[int, Colour] = {}
    for colour, number in numbers.items():
        palette.setdefault(number, colour)
    made.putpalette(bytes(level for number in range(len(palette)) for level in palette[number][:3]))
    if mode == "RGBA":
        made.info["transparency"] = bytes(palette[number][3] for number in range(len(palette)))
    return made, len(palette) < len(numbers)


def _numbers(colours: list[Colour], most: int) -> dict[Colour, int] | None:
    """The number of each colour in a palette of at most so many; None if it takes more.

    If there are more colours than that, each takes the number of an earlier one that is one level away.
    """
    if len(colours) <= most:
        return {colour: number for number, colour in enumerate(colours)}
    numbers: dict[Colour, int] = {}
    kept: dict[Colour, int] = {}
    for colour in colours:
        number = next((kept[near] for near in _near(colour) if near in kept), len(kept))
        if number == most:
            return None
        if number == len(kept):
            kept[colour] = number
        numbers[colour] = number
    return numbers


def _near(colour: Colour) -> Iterable[Colour]:
    red, green, blue, *alpha = colour
    return ((red + x, green + y, blue + z, *alpha) for x, y, z in _STEPS)


def _rgba(colour: Colour) -> bytes:
    return bytes(colour if len(colour) == 4 else (*colour, 255))


def _is_grey(image: Image) -> bool:
    red, green, blue, *_ = image.split()
    return not any(ImageChops.difference(red, other).getbbox() is not None for other in (green, blue))
