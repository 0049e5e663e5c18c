"""The key `thresholds` of a configuration: the bounds of the rules on pixels."""

import re

from imgbudget.config.shapes import Amount, Key, Record, Values
from imgbudget.model.pixels import DEFAULT_THRESHOLDS, PixelThresholds

_PATTERN = r"^\s*(\d{1,6}(\.\d{1,9})?)\s*$"


def parse_threshold(text: str) -> float:
    """A plain number of at least 0.

    Raises:
        ValueError: not such a number; the message is a clause with the valid spellings.
    """
    found = re.match(_PATTERN, text)
    if found is None:
        raise ValueError(f"expected a number such as 0.32 or 3, found {text!r}")
    return float(found[1])


def parse_share(text: str) -> float:
    """A share or a brightness.

    Raises:
        ValueError: not a number from 0 to 1; the message is a clause with the valid spellings.
    """
    if re.match(_SHARE, text) is None:
        raise ValueError(f"expected a number from 0 to 1, such as 0.4 for 40 %, found {text!r}")
    return float(text)


_SHARE = r"^\s*(0(\.\d{1,9})?|1(\.0{1,9})?)\s*$"

_ABOUT = {
    "blurred": "IB901: width of edges in px, at the size that the model uses.",
    "dark": "IB902: brightness that 99 % of the pixels do not reach, from 0 to 1.",
    "over_exposed": "IB903: brightness that 95 % of the pixels exceed, from 0 to 1.",
    "low_contrast": "IB904: range of brightness between the darkest and the brightest percent, from 0 to 1.",
    "blank": "IB905: greatest difference between any two parts of the image, in levels of 256.",
    "low_information": "IB906: share of the image in which something shows, from 0 to 1.",
    "idle_border": "IB907: share of the image that is border of one colour, from 0 to 1.",
    "flattened_mode": "IB908: share of the pixels that are transparent, from 0 to 1.",
    "grey_as_colour": "IB909: greatest difference between the channels of a pixel, in levels of 256.",
    "upscaled": "IB910: share of the resolution, along an edge, that carries detail, from 0 to 1.",
    "near_duplicate": "IB911, IB912: bits of 64 that differ between near duplicates at most, from 0 to 10.",
}

MOST_BITS = 10
"""Bits that near duplicates may differ in: beyond them unrelated images are near."""

_BITS = r"^\s*(\d|10)\s*$"


def parse_bits(text: str) -> float:
    """A number of bits.

    Raises:
        ValueError: not such a number; the message is a clause with the valid spellings.
    """
    if re.match(_BITS, text) is None:
        raise ValueError(f"expected a whole number from 0 to {MOST_BITS}, found {text!r}")
    return float(text)


_SHAPE = Amount("a number", parse_threshold, _PATTERN, "number", zero=True)

_SHARES = Amount("a number from 0 to 1", parse_share, _SHARE, "number", zero=True, most=1)

_SHAPES = {name: _SHARES for name, about in _ABOUT.items() if about.endswith("from 0 to 1.")} | {
    "near_duplicate": Amount("a number of bits", parse_bits, _BITS, "number", zero=True, most=MOST_BITS)
}

_KEYS = tuple(
    Key(name.replace("_", "-"), _SHAPES.get(name, _SHAPE), _ABOUT[name]) for name in PixelThresholds._fields
)


def _thresholds(values: Values) -> PixelThresholds:
    found = (values.get_or(key, default) for key, default in zip(_KEYS, DEFAULT_THRESHOLDS, strict=True))
    return PixelThresholds(*found)


THRESHOLDS = Key(
    "thresholds",
    Record("a table of thresholds (rule: number)", _KEYS, _thresholds),
    "Bounds of the rules on pixels, by the name of the rule.",
)
