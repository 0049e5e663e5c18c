"""Real inputs for tests: images through Pillow, requests as JSON."""

import base64
import json
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

CORPUS = Path(__file__).resolve().parents[1].parent / "shared" / "corpus"

Json = dict[str, Any]


@lru_cache(maxsize=1024)
def image_bytes(
    size: tuple[int, int] = (400, 300),
    form: str = "PNG",
    *,
    orientation: int = 1,
    colour: int = 0x406080,
    **options: Any,
) -> bytes:
    """A one-coloured image file; made once, since encoding it takes 25 ms."""
    mode = "P" if form == "GIF" else "RGB"
    image = Image.new("RGB", size, (colour >> 16, colour >> 8 & 255, colour & 255)).convert(mode)
    if orientation != 1:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def image_block(data: bytes | None = None, media_type: str = "image/png") -> Json:
    """An image block with its bytes as base64."""
    text = base64.b64encode(image_bytes() if data is None else data).decode()
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": text}}


def text_block(text: str) -> Json:
    """A text block."""
    return {"type": "text", "text": text}


def body(*content: Json | str, model: str | None = "claude-sonnet-4-6", **more: Any) -> Json:
    """A Messages API body of one user turn."""
    blocks = [text_block(item) if isinstance(item, str) else item for item in content]
    whole: Json = {"max_tokens": 100, "messages": [{"role": "user", "content": blocks}]} | more
    return ({"model": model} if model else {}) | whole


def write_json(path: Path, value: Any, **options: Any) -> Path:
    """A JSON file."""
    path.write_text(json.dumps(value, **options), encoding="utf-8")
    return path
