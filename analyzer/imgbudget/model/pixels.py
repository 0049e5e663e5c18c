"""What the pixels of an image show, as numbers that depend on its bytes, and the bounds of rules."""

from collections.abc import Sequence
from typing import cast

from imgbudget.namedtuples import NamedTuple


class PixelFacts(NamedTuple):
    """Measurements of the first frame of one image, of its stored pixels; on white where it is transparent.

    `flaw` says in a clause why the pixels were not measured, None if they were. `mode` is the colour mode in
    Pillow's words, e.g. RGB, RGBA, CMYK, I;16. Brightness is between 0, black, and 1, white: `bright` is the
    one that 99 % of the pixels do not exceed, `dim` the one that 95 % reach, `contrast` the range from the
    darkest percent to the brightest. `phash` and `pixel_hash` are hexadecimal hashes of the picture as
    viewers show it: the first differs in few bits between pictures that look alike and is empty for one
    without structure, the second is equal for equal pixels. The defaults are those of an image that no rule
    reports.
    """

    flaw: str | None = None
    mode: str = "RGB"
    bright: float = 1.0
    dim: float = 0.0
    contrast: float = 1.0
    phash: str = ""
    pixel_hash: str = ""


PIXEL_TYPES: dict[str, type] = {
    "flaw": str,
    "mode": str,
    "bright": float,
    "dim": float,
    "contrast": float,
    "phash": str,
    "pixel_hash": str,
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

    dark: float = 0.32
    over_exposed: float = 0.95
    low_contrast: float = 0.05
    near_duplicate: float = 6


DEFAULT_THRESHOLDS = PixelThresholds()
