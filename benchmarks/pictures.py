"""Encoded pictures without metadata: clouds for photographs, panels with text for screenshots."""

# ruff: noqa: S311 - pictures are to be the same for the same seed, not secret

import io
from random import Random
from typing import Any, NamedTuple

from PIL import Image, ImageChops, ImageDraw

SHORTEST, LONGEST, LONGEST_ANIMATED, LONGEST_EXACT = 100, 4000, 480, 1200
"""Long edges, px; the last one is that of photographs in PNG, which are small or few in practice."""

_SHAPES = (1, 4 / 3, 3 / 2, 16 / 9, 2)
_WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "0123456789", "=>", "{ return }")
_GRAIN = 256

KINDS: dict[str, tuple[str, ...]] = {
    "jpeg": (
        *["photo"] * 8,
        "progressive",
        "progressive",
        "progressive",
        "screen",
        "grey",
        "cmyk",
        "restarts",
    ),
    "png": (*["screen"] * 6, "palette", "palette", "photo", "photo", "alpha", "16-bit", "animated"),
    "gif": ("still", "still", "still", "animated", "animated"),
    "webp": (*["photo"] * 4, "lossless", "lossless", "alpha", "animated", "animated"),
}
"""What is made of each format, in these proportions."""

SHARES = {"jpeg": 10, "png": 5, "webp": 3, "gif": 2}
"""Of 20 files."""


class Picture(NamedTuple):
    """An encoded picture, with a thumbnail of it as a JPEG file."""

    format: str
    kind: str
    width: int
    height: int
    frames: int
    data: bytes
    thumbnail: bytes


def make_picture(seed: int, number: int) -> Picture:
    """The picture of a pool with this number: the formats by their shares, the kinds in turn."""
    rng = Random(f"{seed}/picture/{number}")
    turns = [form for form, share in SHARES.items() for _ in range(share)]
    form = turns[number % len(turns)]
    kinds = KINDS[form]
    kind = kinds[
        (number // len(turns) * SHARES[form] + turns[: number % len(turns)].count(form)) % len(kinds)
    ]
    size = _size(rng, _longest(form, kind))
    image = _screen(rng, size) if kind in {"screen", "palette", "still"} else _clouds(rng, size)
    frames = rng.randrange(2, 25) if kind == "animated" else 1
    data = _animation(rng, image, form, frames) if frames > 1 else _still(rng, image, form, kind)
    return Picture(form, kind, *size, frames, data, _encoded(image.resize((160, 120)), "jpeg", quality=70))


def _longest(form: str, kind: str) -> int:
    if kind == "animated":
        return LONGEST_ANIMATED
    return LONGEST_EXACT if form == "png" and kind in {"photo", "alpha", "16-bit"} else LONGEST


def _size(rng: Random, longest: int) -> tuple[int, int]:
    """Long edges spread evenly over their logarithm: as many from 100 to 200 px as from 2000 to 4000."""
    long = round(SHORTEST * (longest / SHORTEST) ** rng.random())
    short = max(50, round(long / rng.choice(_SHAPES)))
    return (long, short) if rng.random() < 0.65 else (short, long)


def _clouds(rng: Random, size: tuple[int, int]) -> Image.Image:
    """Soft colours in three octaves under a little grain: compresses like a photograph out of focus."""
    image = _noise(rng, 5, size)
    for cells, share in ((20, 0.3), (90, 0.12)):
        image = Image.blend(image, _noise(rng, cells, size), share)
    tile = Image.frombytes("L", (_GRAIN, _GRAIN), rng.randbytes(_GRAIN * _GRAIN)).point(
        lambda level: level // 64
    )
    grain = Image.new("L", size)
    for left in range(0, size[0], _GRAIN):
        for top in range(0, size[1], _GRAIN):
            grain.paste(tile, (left, top))
    return ImageChops.add(image, Image.merge("RGB", (grain, grain, grain)), 1, -1)


def _noise(rng: Random, cells: int, size: tuple[int, int]) -> Image.Image:
    small = Image.frombytes("RGB", (cells, cells), rng.randbytes(3 * cells * cells))
    return small.resize(size, Image.Resampling.BICUBIC)


def _screen(rng: Random, size: tuple[int, int]) -> Image.Image:
    """Flat panels and lines of text."""
    width, height = size
    image = Image.new("RGB", size, (rng.randrange(225, 256),) * 3)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.randrange(3, 12)):
        left, top = rng.randrange(width), rng.randrange(height)
        right, bottom = left + rng.randrange(10, width), top + rng.randrange(8, max(9, height // 3))
        draw.rectangle((left, top, right, bottom), fill=tuple(rng.randbytes(3)))
    for top in range(4, height - 12, 14):
        words = rng.choices(_WORDS, k=rng.randrange(2 + width // 60))
        draw.text((rng.randrange(4, 40), top), " ".join(words), fill=(20, 20, 20))
    return image


def _animation(rng: Random, image: Image.Image, form: str, frames: int) -> bytes:
    """A disc that crosses the picture: no two frames are the same, else encoders would join them."""
    sequence = []
    for number in range(frames):
        frame = image.copy()
        left = number * (image.width - 30) // frames
        ImageDraw.Draw(frame).ellipse((left, 10, left + 30, 40), fill=(255, number * 10 % 256, 0))
        sequence.append(frame.quantize(rng.choice((16, 64, 128))) if form == "gif" else frame)
    options: dict[str, Any] = {"method": 0, "quality": 60} if form == "webp" else {}
    return _encoded(
        sequence[0], form, save_all=True, append_images=sequence[1:], duration=80, loop=0, **options
    )


def _still(rng: Random, image: Image.Image, form: str, kind: str) -> bytes:
    options: dict[str, Any] = {}
    if form == "jpeg":
        options = {"quality": rng.randrange(45, 92), "subsampling": rng.choice((0, 1, 2, 2, 2))}
        options |= {"progressive": kind == "progressive", "optimize": rng.random() < 0.3}
        options |= {"restart_marker_rows": 1} if kind == "restarts" else {}
    elif form == "png":
        options = {"compress_level": rng.choice((1, 6))}
    elif form == "webp":
        options = {"quality": rng.randrange(40, 90), "method": 1}
        options |= {"lossless": True, "quality": 10, "method": 0} if kind == "lossless" else {}
    return _encoded(_converted(rng, image, kind), form, **options)


def _converted(rng: Random, image: Image.Image, kind: str) -> Image.Image:
    """The picture in the colours that its kind is named after."""
    if kind == "grey":
        return image.convert("L")
    if kind == "cmyk":
        return image.convert("CMYK")
    if kind in {"palette", "still"}:
        return image.quantize(rng.choice((8, 32, 128)))
    if kind == "lossless":
        return image.quantize(32).convert("RGB")
    if kind == "alpha":
        image = image.copy()
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    if kind == "16-bit":
        levels = image.convert("L").tobytes()
        samples = bytearray(2 * len(levels))
        samples[::2] = samples[1::2] = levels
        return Image.frombytes("I;16", image.size, bytes(samples))
    return image


def _encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form.upper(), **options)
    return out.getvalue()
