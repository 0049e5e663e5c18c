"""Common files to pixels and back by libvips, which comes with the extra `fast`.

libvips decodes and scales in one stream: in about half of Pillow's time, and without the full picture in
memory. A function returns None if Pillow must do the work: libvips is not installed, the file is rare or
broken, or so small that it is done before libvips is loaded.
"""

import os
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from PIL.Image import Image, frombytes

from imgbudget.limits.geometry import Size

_FEWEST_PIXELS = 500_000
"""Pixels from which on libvips is used; it is loaded in the time that Pillow takes for as many."""

_SHRINKS = (8, 4, 2)
"""Factors by which JPEG files are shrunk while they are decoded."""

_MODES = {1: "L", 3: "RGB"}
"""Pillow's mode by the number of bands."""

_STRIPES, _ROWS = 8, 8
"""Stripes of a picture on which the filters of PNG are tried, and the rows of each."""

_COMPRESSION = 4
"""Level of zlib: within 1 % of level 6 in 0.85 of its time."""


def library() -> ModuleType | None:
    """The module pyvips with a libvips that reports broken files; None if it is not installed.

    Also None in a process that was forked after libvips was loaded: its threads do not exist there, and it
    would wait for them.
    """
    module, process = _loaded()
    return module if process == os.getpid() else None


@cache
def _loaded() -> tuple[ModuleType | None, int]:
    """The module, and the process that has loaded it."""
    try:
        vips = import_module("pyvips")
        # all cores have pictures to work on; and a cache would keep pictures in memory
        vips.concurrency_set(1)
        vips.cache_set_max(0)
    except (ImportError, OSError, AttributeError):  # without libvips itself, or with an old pyvips
        return None, os.getpid()
    return vips if vips.at_least_libvips(8, 15) else None, os.getpid()


def decoded(data: bytes, form: str, source: Size, wanted: Size, gap: float) -> Image | None:
    """The pixels of a JPEG or PNG file of 8 bits a sample at a smaller size in px, or None.

    A JPEG decoder shrinks as long as `gap` times the wanted size remains; Lanczos does the rest. A file that
    is broken gives None, also where Pillow would decode it with errors.
    """
    if source.width * source.height < _FEWEST_PIXELS or (vips := library()) is None:
        return None
    least = min(source.width / wanted.width, source.height / wanted.height) / gap
    shrink = next((by for by in _SHRINKS if by <= least), 1)
    try:
        # the operations, with their memory, are gone when the picture is made
        found = _pixels(vips, data, wanted, shrink if form == "jpeg" else None)
    except vips.Error:
        return None
    return frombytes(found[0], wanted, found[1]) if found else None


def _pixels(vips: Any, data: bytes, wanted: Size, shrink: int | None) -> tuple[str, bytes] | None:
    """Mode and samples of a JPEG file that is shrunk while it is decoded, or of a PNG file; None if rare."""
    # a buffer would be copied
    source = vips.Source.new_from_memory(data)
    if shrink is not None:
        # missing data is a warning of libjpeg, not an error
        image = vips.Image.jpegload_source(source, shrink=shrink, access="sequential", fail_on="warning")
    else:
        image = vips.Image.pngload_source(source, access="sequential", fail_on="error")
        if image.bands == 4:
            image = image.copy_memory()
            if image[3].min() < 255:
                return None
            image = image[:3]
    mode = _MODES.get(image.bands)
    if mode is None or image.format != "uchar":
        return None
    image = image.resize(wanted.width / image.width, vscale=wanted.height / image.height)
    return (mode, image.write_to_memory()) if (image.width, image.height) == wanted else None


def png(image: Image) -> bytes | None:
    """A picture of mode L or RGB as a PNG file without metadata, or None."""
    if image.mode not in _MODES.values() or "transparency" in image.info:
        return None
    if image.width * image.height < _FEWEST_PIXELS or (vips := library()) is None:
        return None
    bands = len(image.mode)
    pixels = vips.Image.new_from_memory(image.tobytes(), image.width, image.height, bands, "uchar")
    pixels = pixels.copy(interpretation="srgb" if bands > 1 else "b-w")
    step = max(image.height // _STRIPES, _ROWS)
    tops = range(0, image.height - _ROWS + 1, step)
    sample = vips.Image.arrayjoin([pixels.crop(0, top, image.width, _ROWS) for top in tops], across=1)
    # photographs need filters, drawings are smaller without
    tried = {way: len(_encoded(sample, way)) for way in ("none", "all")}
    return _encoded(pixels, min(tried, key=tried.__getitem__))


_PHYSICAL_SIZE = slice(33, 54)
"""The chunk pHYs after IHDR, which libvips always writes."""


def _encoded(pixels: Any, filters: str) -> bytes:
    made: bytes = pixels.pngsave_buffer(compression=_COMPRESSION, filter=filters, keep="none")
    return made[: _PHYSICAL_SIZE.start] + made[_PHYSICAL_SIZE.stop :] if made[37:41] == b"pHYs" else made
