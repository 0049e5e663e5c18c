"""Pictures inside a page: as data URIs, bounded in pixels and bytes."""

import base64
import io
from collections.abc import Iterator

from PIL.Image import Image, Resampling

from imgbudget.limits.geometry import Size
from imgbudget.model.views import EmbeddedPicture

MOST_EDGE = 16_000
"""Px of an edge; browsers draw no larger pictures, and JPEG holds edges of at most 65,535 px."""

_FEW_COLOURS = 1 << 14
"""Colours up to which a picture is taken for a drawing or screenshot, which PNG keeps exactly."""

_QUALITIES = (92, 80, 60)


def embedded(picture: Image, *, most_pixels: int, most_bytes: int) -> EmbeddedPicture:
    """An RGB picture as a data URI, without metadata: PNG if it has few colours, else JPEG.

    It is downscaled until it has at most `most_pixels` px and `most_bytes` bytes before base64.
    """
    picture = _within(picture, most_pixels)
    while True:
        for media_type, data in _encodings(picture):
            if len(data) <= most_bytes:
                text = base64.b64encode(data).decode()
                return EmbeddedPicture(f"data:image/{media_type};base64,{text}", Size(*picture.size))
        if max(picture.size) == 1:
            raise ValueError(f"no picture has {most_bytes} bytes")
        picture = _within(picture, max(picture.width * picture.height // 2, 1))


def _within(picture: Image, pixels: int) -> Image:
    size = Size(*picture.size)
    share = min(1.0, (pixels / (size.width * size.height)) ** 0.5, MOST_EDGE / size.long_edge)
    if share == 1:
        return picture
    target = Size(*(max(int(edge * share), 1) for edge in size))
    if target == size:  # an edge of 1 px cannot shrink
        target = Size(*(max(edge // 2, 1) for edge in size))
    return picture.resize(target, Resampling.LANCZOS)


def _encodings(picture: Image) -> Iterator[tuple[str, bytes]]:
    """The picture in the formats that are tried, the best first."""
    bare = picture.copy()
    bare.info = {}  # metadata and profiles, which Pillow would write
    if picture.getcolors(_FEW_COLOURS) is not None:
        out = io.BytesIO()
        bare.save(out, "PNG")
        yield "png", out.getvalue()
    for quality in _QUALITIES:
        out = io.BytesIO()
        bare.save(out, "JPEG", quality=quality, subsampling=0)
        yield "jpeg", out.getvalue()
