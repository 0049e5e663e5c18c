"""What the pixels of an image show, as numbers that depend on its bytes, and the bounds of rules."""

from collections.abc import Sequence
from typing import cast

from imgbudget.namedtuples import NamedTuple


class PixelFacts(NamedTuple):
    """Measurements of the first frame of one image, of its stored pixels; on white where it is transparent.

    `flaw` says in a clause why the pixels were not measured, None if they were. `mode` is the colour mode in
    Pillow's words, e.g. RGB, RGBA, CMYK, I;16, or RGB;16 for colours of 16 bits. Brightness is between 0,
    black, and 1, white: `bright` is the one that 99 % of the pixels do not exceed, `dim` the one that 95 %
    reach, `darkest` the one that hardly any is under, `contrast` the range from the darkest percent to the
    brightest. `edge_width` is the width in px over which edges spread, 0 if there are none, `detail` the
    share of the resolution, along an edge of the picture, that carries detail. `spread` is the greatest
    difference within a colour channel, `colour` the one between the channels of a pixel, both in levels of
    256. `entropy` is that of the histogram of brightness in bits, `busy` the share of the picture, in cells
    of about 32 px, in which there is anything, `transparent` the share of its pixels that are not opaque. The
    borders are the px at each edge that carry nothing. `phash` and `pixel_hash` are hexadecimal hashes of the
    picture as viewers show it: the first differs in few bits between pictures that look alike and is empty
    for one without structure, the second is equal for equal pixels. The defaults are those of an image that
    no rule reports.
    """

    flaw: str | None = None
    mode: str = "RGB"
    bright: float = 1.0
    dim: float = 0.0
    darkest: float = 0.0
    contrast: float = 1.0
    edge_width: float = 1.0
    detail: float = 1.0
    spread: int = 255
    entropy: float = 8.0
    busy: float = 1.0
    colour: int = 255
    transparent: float = 0.0
    border_left: int = 0
    border_top: int = 0
    border_right: int = 0
    border_bottom: int = 0
    phash: str = ""
    pixel_hash: str = ""


PIXEL_TYPES: dict[str, type] = {
    name: str if value is None else type(value) for name, value in PixelFacts._field_defaults.items()
}
"""The type of each field, in their order: columns of audits and caches have it. Only `flaw` may be None."""


def pixels_from(values: Sequence[object]) -> PixelFacts | None:
    """The facts with these values, None if they do not have the right types."""
    if len(values) != len(PIXEL_TYPES):
        return None
    for value, kind in zip(values[1:], list(PIXEL_TYPES.values())[1:], strict=True):
        if type(value) is not kind or (kind is not str and not abs(cast("float", value)) < _MOST):
            return None
    return PixelFacts._make(values) if isinstance(values[0], str | None) else None


_MOST = 1 << 64
"""More than any measurement is."""


class PixelThresholds(NamedTuple):
    """The bounds of the rules on pixels, by the name of the rule with `_` for `-`; a configuration sets them.

    How each is measured, and why this is the bound, is on the page of its rule.
    """

    blurred: float = 5.0
    dark: float = 0.32
    over_exposed: float = 0.95
    low_contrast: float = 0.05
    blank: float = 9.0
    low_information: float = 0.05
    idle_border: float = 0.2
    flattened_mode: float = 0.0
    grey_as_colour: float = 3.0
    upscaled: float = 0.6
    near_duplicate: float = 6


DEFAULT_THRESHOLDS = PixelThresholds()
