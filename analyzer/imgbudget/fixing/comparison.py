"""What differs between a picture and the one that a fixer made of it, in numbers: for `--diff`."""

import io
from collections.abc import Iterator
from typing import NamedTuple

from PIL import ImageCms, ImageMath
from PIL.Image import Image, Resampling, new

from imgbudget.errors import FixError
from imgbudget.fixing.decode import RasterImage, decode
from imgbudget.fixing.encode import has_alpha, in_srgb, scalable, turned
from imgbudget.fixing.palette import COLOURS
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ProbeField
from imgbudget.output.base import count, figure
from imgbudget.pixels.opening import BROKEN

_BLOCK = 8
"""Edge of the windows of SSIM, px (Wang and others, 2004); they overlap by half in both directions."""

_FIRST, _SECOND = (0.01 * 255) ** 2, (0.03 * 255) ** 2
"""The constants of SSIM for samples of 8 bits."""

_MODES = {"1": "1-bit", "L": "grey", "LA": "grey with alpha", "RGBA": "RGB with alpha", "I;16": "16-bit grey"}


class _Described(NamedTuple):
    """A picture as it is described, and its pixels: upright, in sRGB, 8 bits a sample."""

    mode: str
    profile: str
    orientation: int
    bits: int
    pixels: Image


def comparison(before: bytes, after: bytes) -> str:
    """Colours, profile and orientation before and after, and how near the new pixels are to the old ones.

    The old ones are scaled to the new size by Lanczos for that, without any shortcut.
    """
    try:
        old, made = _shown(before), _shown(after)
    except FixError as error:
        return f"not compared: {error}"
    words = [
        f"{name} {one}" if one == other else f"{name} {one} -> {other}"
        for name, one, other in zip(("mode", "profile", "orientation"), old, made, strict=False)
    ]
    return ", ".join((*words, _nearness(old, made)))


def _shown(data: bytes) -> _Described:
    facts = probe_bytes(data, ProbeField.ALL)
    picture = decode(data, facts, None)
    pixels, _ = in_srgb(scalable(picture.image), picture.profile)
    pixels = turned(pixels, picture.turn)
    return _Described(_mode(picture), _profile(picture.profile), facts.orientation, picture.bits, pixels)


def _mode(picture: RasterImage) -> str:
    image = picture.image
    if image.mode == "P":
        colours = count(len(image.getcolors(COLOURS) or ()), "colour")
        return f"palette of {colours}" + (" with alpha" if "transparency" in image.info else "")
    name = _MODES.get(image.mode, image.mode)
    return f"{name} of {picture.bits} bits" if picture.bits > 8 and "16" not in name else name


def _profile(profile: bytes | None) -> str:
    if profile is None:
        return "none"
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
    except (*BROKEN, ImageCms.PyCMSError):
        name = ""
    return name or f"of {figure(len(profile))} bytes"


def _nearness(before: _Described, after: _Described) -> str:
    """How alike two pictures are: the same pixels, or SSIM against the old one at the size of the new one."""
    old, made = before.pixels, after.pixels
    alpha = has_alpha(old) or has_alpha(made)
    mode = "RGBA" if alpha else "RGB"
    old, made = old.convert(mode), made.convert(mode)
    if before.bits <= after.bits and old.size == made.size and old.tobytes() == made.tobytes():
        return "same pixels"
    size = Size(*made.size)
    if old.size != made.size:
        old = old.resize(size, Resampling.LANCZOS)
    # what is transparent is seen on any background
    papers = ("white", "black") if alpha else (None,)
    lowest = min(similarity(_on(old, paper), _on(made, paper)) for paper in papers)
    return f"SSIM {_rounded(lowest)} against Lanczos at {size}"


def _rounded(share: float) -> str:
    """A share with four digits that is 1 only for equal pictures."""
    return f"{min(share, 0.9999):.4f}"


def _on(image: Image, paper: str | None) -> Image:
    if paper is None:
        return image
    page = new("RGBA", image.size, paper)
    page.alpha_composite(image)
    return page.convert("RGB")


def similarity(one: Image, other: Image) -> float:
    """SSIM of two RGB pictures of one size: 1 if they are equal; the mean over windows and colours."""
    means = [
        _mean(_similarities(left.crop(box).convert("F"), right.crop(box).convert("F")))
        for left, right in zip(one.split(), other.split(), strict=True)
        for box in _halves(Size(*one.size))
    ]
    return sum(means) / len(means)


def _halves(size: Size) -> Iterator[tuple[int, int, int, int]]:
    """The whole picture, and what remains if half a window is left out at each edge."""
    yield 0, 0, size.width, size.height
    if size.short_edge > 2 * _BLOCK:
        half = _BLOCK // 2
        yield half, half, size.width, size.height


def _similarities(one: Image, other: Image) -> Image:
    window = min(_BLOCK, one.width), min(_BLOCK, one.height)
    square = ImageMath.lambda_eval(lambda of: of["a"] * of["a"] + of["b"] * of["b"], a=one, b=other)
    product = ImageMath.lambda_eval(lambda of: of["a"] * of["b"], a=one, b=other)
    means = {"a": one, "b": other, "square": square, "product": product}
    found: Image = ImageMath.lambda_eval(
        lambda of: (
            (2 * of["a"] * of["b"] + _FIRST)
            * (2 * (of["product"] - of["a"] * of["b"]) + _SECOND)
            / (of["a"] * of["a"] + of["b"] * of["b"] + _FIRST)
            / (of["square"] - of["a"] * of["a"] - of["b"] * of["b"] + _SECOND)
        ),
        **{name: image.reduce(window) for name, image in means.items()},
    )
    return found


def _mean(image: Image) -> float:
    mean = image.reduce(image.size).getpixel((0, 0))
    return float(mean) if isinstance(mean, int | float) else 0.0
