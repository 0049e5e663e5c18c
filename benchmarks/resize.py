"""Compares scaling an image with Pillow and pyvips, in one run and in turn, with SSIM, as Markdown."""

import argparse
import io
import json
import os
import platform
import sys
import tempfile
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from random import Random
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFilter

from imgbudget.limits.geometry import Size
from measuring import Cost, interleave, median, note, ratio, run, table
from resizers import RESIZERS, pixels

_HEADER = (
    "candidate",
    "CPU, ms",
    "wall, ms",
    "× Pillow LANCZOS",
    "× pyvips",
    "SSIM to reference",
    "to LANCZOS",
)
_JOB_HEADER = ("candidate", "CPU, ms", "wall, ms", "× Pillow LANCZOS", "× pyvips", "bytes")
_BASES = ("lanczos", "vips")


class Subject(NamedTuple):
    """A file, what it is, and the size in px that it is scaled to."""

    path: str
    title: str
    size: Size


def compare(subject: Subject, rounds: int) -> None:
    """Both steps on one file: decoding and scaling with its quality, then the whole job."""
    names = [name for name, it in RESIZERS.items() if it.package is None or find_spec(it.package)]
    note(subject.title)
    costs = interleave({name: partial(_measure, name, "resample", subject) for name in names}, rounds)
    marks = _marks(subject, names)
    title = f"{subject.title} to {subject.size}"
    rows = [(*_row(name, costs), *marks[name]) for name in names]
    table(f"{title}: decoding and scaling, medians of {rounds} rounds", _HEADER, rows)
    lengths: dict[str, int] = {}
    job = {name: partial(_measure, name, "encode", subject, lengths) for name in names}
    costs = interleave(job, rounds)
    table(
        f"{title}: the whole job",
        _JOB_HEADER,
        [(*_row(name, costs), f"{lengths[name]:,}") for name in names],
    )


def _row(name: str, costs: dict[str, list[Cost]]) -> tuple[str, ...]:
    mine = median(costs[name])
    ratios = [f"{ratio(costs[name], costs[base]).cpu:.2f}" if base in costs else "–" for base in _BASES]
    return RESIZERS[name].title, f"{mine.cpu * 1e3:.1f}", f"{mine.wall * 1e3:.1f}", *ratios


def _measure(name: str, step: str, subject: Subject, lengths: dict[str, int] | None = None) -> Cost:
    """By the process's own word, which leaves its start and its first try out."""
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "resizers.py")
    command = [sys.executable, beside, name, step, subject.path, *map(str, subject.size)]
    cpu, wall, length = json.loads(run(command).out)
    if lengths is not None:
        lengths[name] = length
    return Cost(cpu, wall)


def _marks(subject: Subject, names: list[str]) -> dict[str, tuple[str, str]]:
    """SSIM of each candidate to the reference and to Pillow's LANCZOS; dashes without scikit-image."""
    if not find_spec("skimage"):
        return dict.fromkeys(names, ("–", "–"))
    with open(subject.path, "rb") as file:
        data = file.read()
    exact = reference(data, subject.size)
    made = {name: array(*pixels(RESIZERS[name].resample(data, subject.size))) for name in names}
    return {
        name: (f"{ssim(made[name], exact):.4f}", f"{ssim(made[name], made['lanczos']):.4f}") for name in names
    }


def array(size: tuple[int, int], samples: bytes) -> Any:
    """Samples of RGB as an array of numbers."""
    numpy = import_module("numpy")
    return numpy.frombuffer(samples, numpy.uint8).reshape(size[1], size[0], 3).astype(numpy.float64)


def reference(data: bytes, size: Size) -> Any:
    """Lanczos over all pixels in floating point, a band at a time, with nothing rounded."""
    numpy = import_module("numpy")
    image = Image.open(io.BytesIO(data)).convert("RGB")
    bands = [band.convert("F").resize(size, Image.Resampling.LANCZOS) for band in image.split()]
    return numpy.stack([numpy.asarray(band) for band in bands], axis=-1).clip(0, 255).astype(numpy.float64)


def ssim(one: Any, other: Any) -> float:
    """Structural similarity (Wang and others, 2004): Gaussian windows, the mean over the colours."""
    similarity = import_module("skimage.metrics").structural_similarity
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(similarity(one, other, channel_axis=-1, data_range=255, **options))


def photo(size: tuple[int, int]) -> Image.Image:
    """Noise of every scale with the spectrum of photographs, and edges over it."""
    rng = Random(5)  # noqa: S311 - the same picture each time
    image = Image.new("RGB", size, (128, 128, 128))
    cells, share = 4, 0.7
    while cells < size[0] // 2:
        noise = Image.frombytes("RGB", (cells, cells), rng.randbytes(3 * cells * cells))
        image = Image.blend(image, noise.resize(size, Image.Resampling.BICUBIC), share)
        cells, share = cells * 3, share * 0.62
    draw = ImageDraw.Draw(image)
    for _ in range(120):
        left, top, extent = rng.randrange(size[0]), rng.randrange(size[1]), rng.randrange(20, 400)
        box = (left, top, left + extent, top + extent // 2)
        (draw.ellipse if extent % 2 else draw.rectangle)(
            box, outline=tuple(rng.randbytes(3)), width=extent % 9 + 1
        )
    # a lens is never sharp to the pixel
    return image.filter(ImageFilter.GaussianBlur(0.8))


def screen(size: tuple[int, int]) -> Image.Image:
    """Panels and lines of text."""
    rng = Random(6)  # noqa: S311 - the same picture each time
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for left in range(0, size[0], 480):
        shade = rng.randrange(225, 256)
        draw.rectangle((left, 0, left + 460, size[1]), fill=(shade, shade, 250))
        for top in range(8, size[1], 22):
            text = "".join(rng.choices("etaoin shrdlu 0123456789 {}();=", k=rng.randrange(20, 70)))
            draw.text((left + 8, top), text, fill=tuple(rng.randbytes(3)), font_size=16)
    return image


def _made(folder: str) -> list[Subject]:
    photo_path, screen_path = os.path.join(folder, "photo.jpg"), os.path.join(folder, "screen.png")
    photo((4000, 3000)).save(photo_path, quality=92)
    screen((3840, 2160)).save(screen_path)
    return [
        Subject(photo_path, "JPEG photograph 4000x3000", Size(1268, 951)),
        Subject(photo_path, "JPEG photograph 4000x3000", Size(784, 588)),
        Subject(screen_path, "PNG screenshot 3840x2160", Size(1456, 819)),
    ]


def _given(path: str, edge: int) -> Subject:
    with Image.open(path) as image:
        size = Size(*image.size)
        form = image.format
    share = edge / size.long_edge
    target = Size(round(size.width * share), round(size.height * share))
    return Subject(path, f"{form} {os.path.basename(path)} {size}", target)


def main() -> int:
    """Make the pictures, or take those that are named, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="*", help="own files to scale, instead of those that are made")
    parser.add_argument(
        "--edge", type=int, default=1268, help="their long edge after it (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each (default: %(default)s)")
    wish = parser.parse_args()
    print(f"# Measured with CPython {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores")
    for resizer in RESIZERS.values():
        if resizer.package and not find_spec(resizer.package):
            print(f"\n{resizer.title}: {resizer.package} is not installed, left out.")
    with tempfile.TemporaryDirectory() as folder:
        subjects = [_given(path, wish.edge) for path in wish.pictures] or _made(folder)
        for subject in subjects:
            compare(subject, wish.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
