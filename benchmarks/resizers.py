"""What scales an image file in memory, each a function; run as a program, one of them on a file.

Each measurement runs in a separate process: no candidate profits from what another one has loaded.
"""

import io
import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from PIL import Image

_LANCZOS = Image.Resampling.LANCZOS
_QUALITY = 85

Pixels = tuple[tuple[int, int], bytes]
"""Size in px and samples of RGB, row by row."""


class Resizer(NamedTuple):
    """Ways to scale the bytes of a file to a size.

    `resample` gives the pixels (an object of the library's own), `read` makes plain samples of it. `encode`
    does the whole job: JPEG of quality 85, or PNG.
    """

    title: str
    resample: Callable[[bytes, tuple[int, int]], Any]
    encode: Callable[[bytes, tuple[int, int]], bytes]
    package: str | None = None
    """What must be installed for it beside imgbudget."""


def _pillow(data: bytes, size: tuple[int, int], *, draft: bool = False, gap: float | None = None) -> Any:
    image = Image.open(io.BytesIO(data))
    if draft and image.format == "JPEG":
        image.draft("RGB", size)
    return image.convert("RGB").resize(size, _LANCZOS, reducing_gap=gap)


def _pillow_encode(data: bytes, size: tuple[int, int], **options: Any) -> bytes:
    return _encoded(_pillow(data, size, **options), data)


def _encoded(image: Image.Image, data: bytes) -> bytes:
    out = io.BytesIO()
    if data.startswith(b"\x89PNG"):
        image.save(out, "PNG")
    else:
        image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _vips(data: bytes, size: tuple[int, int]) -> Any:
    vips = import_module("pyvips").Image
    thumbnail = vips.thumbnail_buffer(data, size[0], height=size[1], size="force", no_rotate=True)
    # pixels are made when they are asked for
    return size, thumbnail.bands, thumbnail.write_to_memory()


def _vips_encode(data: bytes, size: tuple[int, int]) -> bytes:
    vips = import_module("pyvips").Image
    thumbnail = vips.thumbnail_buffer(data, size[0], height=size[1], size="force", no_rotate=True)
    png = data.startswith(b"\x89PNG")
    made: bytes = (
        thumbnail.write_to_buffer(".png") if png else thumbnail.write_to_buffer(f".jpg[Q={_QUALITY}]")
    )
    return made


def _ours(data: bytes, size: tuple[int, int]) -> Any:
    from imgbudget.fixing.decode import decode  # noqa: PLC0415 - only the candidate that runs is loaded
    from imgbudget.fixing.encode import scaled  # noqa: PLC0415
    from imgbudget.imageinfo.dispatch import probe_bytes  # noqa: PLC0415
    from imgbudget.limits.geometry import Size  # noqa: PLC0415
    from imgbudget.model.subjects import ProbeField  # noqa: PLC0415

    return scaled(decode(data, probe_bytes(data, ProbeField.ALL), Size(*size)), Size(*size))


def _ours_encode(data: bytes, size: tuple[int, int]) -> bytes:
    from imgbudget.fixing.image import edit_image  # noqa: PLC0415
    from imgbudget.limits.geometry import Size  # noqa: PLC0415
    from imgbudget.model.edits import ImageEdit  # noqa: PLC0415 - only the candidate that runs is loaded

    return edit_image(data, ImageEdit(size=Size(*size))).data


RESIZERS = {
    "lanczos": Resizer("Pillow LANCZOS", _pillow, _pillow_encode),
    "gap": Resizer(
        "Pillow LANCZOS, reducing_gap 2",
        lambda data, size: _pillow(data, size, gap=2),
        lambda data, size: _pillow_encode(data, size, gap=2),
    ),
    "draft": Resizer(
        "Pillow draft + LANCZOS",
        lambda data, size: _pillow(data, size, draft=True),
        lambda data, size: _pillow_encode(data, size, draft=True),
    ),
    "vips": Resizer("pyvips thumbnail", _vips, _vips_encode, package="pyvips"),
    "ours": Resizer("**imgbudget**", _ours, _ours_encode),
}


def pixels(made: Any) -> Pixels:
    """Plain samples out of what `resample` gave."""
    if isinstance(made, Image.Image):
        return made.size, made.convert("RGB").tobytes()
    size, bands, samples = made
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[bands]
    return size, Image.frombytes(mode, size, samples).convert("RGB").tobytes()


def main(name: str, step: str, path: str, width: str, height: str) -> None:
    """Run a step (`resample` or `encode`) of a resizer on a file: prints CPU and wall seconds, and bytes."""
    with open(path, "rb") as file:
        data = file.read()
    size = int(width), int(height)
    work = getattr(RESIZERS[name], step)
    # once before, so that modules are loaded and memory is had
    work(data, size)
    cpu, wall = time.process_time(), time.perf_counter()
    made = work(data, size)
    spent = time.process_time() - cpu, time.perf_counter() - wall
    print(json.dumps([*spent, len(made) if isinstance(made, bytes) else 0]))


if __name__ == "__main__":
    # one thread each: what counts is the work
    os.environ["VIPS_CONCURRENCY"] = "1"
    main(*sys.argv[1:])
