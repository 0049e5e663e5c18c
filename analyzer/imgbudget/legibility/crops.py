"""Cuts lines out of pictures, so that they read from left to right."""

import math

import numpy as np
from PIL.Image import Image, Resampling, Transform, Transpose

from imgbudget.legibility.engine import Pixels, Quad
from imgbudget.limits.geometry import Size
from imgbudget.model.text import Corners

_LEVEL = 0.02
"""The slope up to which a line is cut out without turning it: less than a px over 50."""

_UPRIGHT = 1.5
"""A crop that is so many times as high as it is wide is a line that runs down."""


def corners_of(quad: Quad) -> Corners:
    """The corners as plain numbers."""
    first, second, third, fourth = ((round(float(x), 1), round(float(y), 1)) for x, y in quad)
    return first, second, third, fourth


def quad_of(corners: Corners) -> Quad:
    """The corners as an array."""
    return np.asarray(corners, np.float64)


def lengths(quad: Quad) -> tuple[float, float]:
    """The length of a line and the height of its box, px; whichever way it runs."""
    across = float(np.linalg.norm(quad[1] - quad[0]))
    down = float(np.linalg.norm(quad[3] - quad[0]))
    return (down, across) if down >= across * _UPRIGHT else (across, down)


def beginning(quad: Quad, share: float) -> Quad:
    """The first part of a line, by its share of the length."""
    across, down = quad[1] - quad[0], quad[3] - quad[0]
    if np.linalg.norm(down) >= np.linalg.norm(across) * _UPRIGHT:
        return np.stack((quad[0], quad[1], quad[1] + down * share, quad[0] + down * share))
    return np.stack((quad[0], quad[0] + across * share, quad[3] + across * share, quad[3]))


def widened(quad: Quad, margin: float) -> Quad:
    """The corners moved outwards, so that there is so much more on each side, px."""
    across, down = quad[1] - quad[0], quad[3] - quad[0]
    across = across * (margin / max(float(np.linalg.norm(across)), 1.0))
    down = down * (margin / max(float(np.linalg.norm(down)), 1.0))
    moved: Quad = quad + np.stack((-across - down, across - down, across + down, down - across))
    return moved


def crop(picture: Image, quad: Quad) -> Image:
    """The part of a picture inside the corners, as it reads from left to right.

    A line that runs down or up is turned against the clock, so that one that runs up is upside down.
    """
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    edge, side = quad[1] - quad[0], quad[3] - quad[0]
    width, height = (max(round(float(np.linalg.norm(one))), 1) for one in (edge, side))
    if abs(edge[1]) <= _LEVEL * abs(edge[0]) + 1 and abs(side[0]) <= _LEVEL * abs(side[1]) + 1:
        box = (
            max(math.floor(left), 0),
            max(math.floor(top), 0),
            min(max(math.ceil(right), math.floor(left) + 1), picture.width),
            min(max(math.ceil(bottom), math.floor(top) + 1), picture.height),
        )
        part = picture.crop(box) if box[0] < box[2] and box[1] < box[3] else picture.crop((0, 0, 1, 1))
    else:
        # top left, bottom left, bottom right, top right, as Pillow takes them
        data = tuple(float(number) for corner in (quad[0], quad[3], quad[2], quad[1]) for number in corner)
        part = picture.transform((width, height), Transform.QUAD, data, Resampling.BICUBIC)
    return part.transpose(Transpose.ROTATE_90) if part.height >= part.width * _UPRIGHT else part


def pixels_of(image: Image) -> Pixels:
    """The picture as an array."""
    return np.asarray(image.convert("RGB"))


def on_smaller(quad: Quad, size: Size, seen: Size) -> Quad:
    """The corners of a line of a picture of `size` px on the same picture of `seen` px."""
    return quad * (seen.width / size.width, seen.height / size.height)
