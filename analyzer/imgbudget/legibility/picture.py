"""The pixels of an image as a model gets them: upright, opaque, RGB; and at smaller sizes."""

import math
from typing import TYPE_CHECKING, NamedTuple

from PIL.Image import Image, Resampling, Transform, Transpose, new

from imgbudget.errors import FixError
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.model.subjects import MOST_DECODED, ImageFacts
from imgbudget.pixels.opening import as_fix_error, open_picture, refuse_scans
from imgbudget.pixels.samples import DEEP, MOST_PIXELS, as_bytes

if TYPE_CHECKING:
    from imgbudget.legibility.engine import Quad

RESAMPLING = Resampling.LANCZOS
"""The filter that the API is assumed to downscale with: no provider publishes its own. It is the one of
imgbudget's fixes, and keeps small letters best: what is lost here is lost with the others too."""

_UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What turns stored pixels upright, by EXIF orientation (EXIF 2.32, tag 0x0112)."""

_TURNED_BY_READER = frozenset({"heic", "heif", "tiff"})
"""Formats whose readers turn the pixels upright themselves."""


def picture_of(data: bytes, facts: ImageFacts) -> Image:
    """The first frame of an image as RGB, upright, on white where it is transparent.

    Raises:
        FixError: it cannot be decoded completely, or takes too much memory; the text says why, as a clause.
    """
    form = facts.format or ""
    if facts.damage is not None or not form:
        raise FixError(facts.damage or facts.not_image)
    if len(data) > MOST_DECODED:
        raise FixError(f"has {figure(len(data))} bytes; at most {figure(MOST_DECODED)} are decoded")
    if facts.size is not None:
        _refuse_large(facts.size)
    with as_fix_error(f"cannot be decoded as {form.upper()}"):
        image = open_picture(data, form)
        size = Size(*image.size)
        _refuse_large(size)
        if form == "jpeg":
            refuse_scans(data, size, image)
        image.load()
        image = _on_white(as_bytes(image) if image.mode in DEEP else image)
        turn = None if form in _TURNED_BY_READER else _UPRIGHT.get(facts.orientation)
        return image if turn is None else image.transpose(turn)


_STRIP = 512
"""Rows that are laid on white at a time: the picture is in memory twice anyway."""


def _on_white(image: Image) -> Image:
    """The picture in colours, on white where it is transparent; not copied where it need not be."""
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    if image.mode != "RGBA":
        image = image.convert("RGBA")
    ground = new("RGB", image.size, "white")
    for top in range(0, image.height, _STRIP):
        strip = image.crop((0, top, image.width, min(top + _STRIP, image.height)))
        ground.paste(strip, (0, top), strip)
    return ground


def _refuse_large(size: Size) -> None:
    pixels = size.width * size.height
    if pixels > MOST_PIXELS:
        raise FixError(f"has {figure(pixels)} pixels; at most {figure(MOST_PIXELS)} are decoded")


class Sampling(NamedTuple):
    """A filter that looks only at px next to the middle of each new px, or next to its top left corner."""

    name: str
    resampling: Resampling
    from_corner: bool = False


SAMPLED = (
    Sampling("nearest", Resampling.NEAREST),
    Sampling("nearest", Resampling.NEAREST, from_corner=True),
    Sampling("bilinear", Resampling.BILINEAR),
    Sampling("bicubic", Resampling.BICUBIC),
)
"""Filters that look at the nearest px only: what most px show is lost with them, and what a few px hold
appears. Pillow's nearest takes the px in the middle; OpenCV's takes the one in the corner, as TensorFlow 1
does with its bilinear one too. OpenCV's bilinear and bicubic ones are from the middle."""


def sampled_picture(picture: Image, size: Size, sampling: Sampling) -> Image:
    """The picture at a smaller size in px, of a few of its px."""
    across, down = picture.width / size.width, picture.height / size.height
    # the middle of a px is at 0.5: a thousandth more, as the corner is a px itself
    moved = (_WITHIN - across / 2, _WITHIN - down / 2) if sampling.from_corner else (0, 0)
    return picture.transform(
        size, Transform.AFFINE, (across, 0, moved[0], 0, down, moved[1]), sampling.resampling
    )


_WITHIN = 0.001


def seen_picture(picture: Image, size: Size) -> Image:
    """The picture as a model sees it at a size in px; unchanged if it is no smaller there."""
    if size.width >= picture.width and size.height >= picture.height:
        return picture
    return picture.resize(size, RESAMPLING)


def seen_part(picture: Image, size: Size, quad: "Quad") -> tuple[Image, tuple[int, int]]:
    """The part of the picture around these corners as it is seen at a size in px, and where that part begins.

    To downscale a line takes a hundredth of the time that a large picture takes.
    """
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    begin = max(math.floor(left) - 1, 0), max(math.floor(top) - 1, 0)
    end = min(math.ceil(right) + 1, size.width), min(math.ceil(bottom) + 1, size.height)
    if begin[0] >= end[0] or begin[1] >= end[1]:
        return seen_picture(picture, size), (0, 0)
    across, down = picture.width / size.width, picture.height / size.height
    box = begin[0] * across, begin[1] * down, end[0] * across, end[1] * down
    return picture.resize((end[0] - begin[0], end[1] - begin[1]), RESAMPLING, box), begin
