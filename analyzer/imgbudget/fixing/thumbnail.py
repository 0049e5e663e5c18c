"""Thumbnails as data URIs."""

import base64
import io
from typing import TYPE_CHECKING

from imgbudget.errors import FixError, UnreadableError
from imgbudget.fixing.decode import decode
from imgbudget.fixing.encode import scalable, turned
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.pixels.opening import as_fix_error

if TYPE_CHECKING:
    from PIL.Image import Image

EDGE = 192
"""Px: the long edge of a thumbnail; twice its size in the page of an audit, for high-density screens."""

MOST_BYTES = 16_000
"""Bytes of a thumbnail; a larger one is left out."""

MOST_PIXELS = 60_000_000
"""Pixels above which no image is decoded for a thumbnail."""


def thumbnail(data: bytes) -> str | None:
    """An image file's first frame, upright and small, as a data URI; None if none can be made."""
    try:
        facts = probe_bytes(data, ProbeField.ORIENTATION)
        if facts.size is None or facts.size.width * facts.size.height > MOST_PIXELS:
            return None
        picture = decode(data, facts, _small(facts))
        with as_fix_error("cannot be made small"):
            return _encoded(picture.image, picture.turn)
    except (FixError, UnreadableError):
        return None


def _small(facts: ImageFacts) -> Size | None:
    if facts.size is None:
        return None
    share = min(1, EDGE / facts.size.long_edge)
    return Size(max(1, round(facts.size.width * share)), max(1, round(facts.size.height * share)))


def _encoded(image: "Image", turn: int) -> str | None:
    small = scalable(image)
    small.thumbnail((EDGE, EDGE))
    small = small.convert("RGBA" if small.mode in {"LA", "RGBA"} else "RGB")
    small = turned(small, turn)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=60, method=4, exif=b"", icc_profile=None)
    data = out.getvalue()
    if len(data) > MOST_BYTES:
        return None
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"
