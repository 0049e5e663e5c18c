"""Pictures for tests of fixers: soft ones, drawn ones, and what Pillow sees of a file, laid on white."""

import io
from typing import Any

from PIL import Image, ImageChops, ImageOps, ImageStat


def soft(size: tuple[int, int] = (120, 90), mode: str = "RGB") -> Image.Image:
    """A picture whose neighbours differ a little, and whose corners a lot: a wrong turn is seen at once."""
    across = Image.linear_gradient("L").rotate(90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    both = ImageChops.multiply(across, down)
    if mode == "I;16":
        # fine steps, so that more than 8 bits count
        return ImageChops.add(across, both, 2).convert("I").point(lambda level: level * 257).convert("I;16")
    picture = Image.merge("RGB", (across, down, both))
    if mode in {"RGBA", "LA"}:
        picture.putalpha(down)
    return picture.quantize(200) if mode == "P" else picture.convert(mode)


def noisy(size: tuple[int, int] = (120, 90)) -> Image.Image:
    """A picture that no encoder makes small, the same each time."""
    width, height = size
    samples = bytes(
        (x * 7919 + y * 104729 + band * 31 + x * y * 17) % 251
        for y in range(height)
        for x in range(width)
        for band in range(3)
    )
    return Image.frombytes("RGB", size, samples)


def drawn(size: tuple[int, int] = (120, 90)) -> Image.Image:
    """Flat panels."""
    picture = Image.new("RGB", size, "white")
    picture.paste((20, 40, 160), (10, 10, size[0] // 2, size[1] // 2))
    picture.paste((200, 30, 30), (size[0] // 2, size[1] // 2, size[0] - 5, size[1] - 5))
    return picture


def encoded(picture: Image.Image, form: str = "PNG", *, orientation: int = 1, **options: Any) -> bytes:
    """A picture as a file."""
    if orientation != 1:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def animated(form: str, frames: int = 3, **options: Any) -> bytes:
    """An animation whose frames differ."""
    pictures = [ImageOps.solarize(soft(), 255 - 50 * number) for number in range(frames)]
    return encoded(
        pictures[0], form, save_all=True, append_images=pictures[1:], duration=70, loop=2, **options
    )


def opened(data: bytes) -> Image.Image:
    """The first frame as Pillow decodes it."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def seen(data: bytes, size: tuple[int, int] | None = None) -> Image.Image:
    """What is seen of a file: turned upright, on white, scaled. Pillow's own way, not that of the fixers."""
    picture = ImageOps.exif_transpose(opened(data))
    if picture.mode == "I;16":
        # the upper byte of each sample
        picture = Image.frombytes("L", picture.size, picture.tobytes()[1::2])
    picture = picture.convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    flat = Image.alpha_composite(paper, picture).convert("RGB")
    return flat if size is None else flat.resize(size, Image.Resampling.LANCZOS)


def distance(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of samples, 0 to 255."""
    assert one.size == other.size
    means = ImageStat.Stat(ImageChops.difference(one, other)).mean
    return sum(means) / len(means)
