"""Makes the inputs of this folder: small, honest, each with one thing that a vision model minds.

Run from anywhere: `python examples/make_examples.py [FOLDER]`. Needs Pillow only.
"""

import base64
import json
import math
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFilter

ORIENTATION_TAG = 0x0112
TURN_CLOCKWISE = 6


def landscape(width: int, height: int) -> Image.Image:
    """A picture with a photograph's smoothness: sky, sun, two ranges of hills."""
    small = Image.new("RGB", (width // 8, height // 8))
    draw = ImageDraw.Draw(small)
    for y in range(small.height):
        part = y / small.height
        draw.line(
            [(0, y), (small.width, y)],
            fill=(int(90 + 130 * part), int(140 + 60 * part), int(220 - 60 * part)),
        )
    sun = small.width * 0.7, small.height * 0.25, small.height * 0.09
    draw.ellipse([sun[0] - sun[2], sun[1] - sun[2], sun[0] + sun[2], sun[1] + sun[2]], fill=(255, 240, 200))
    for base, swing, colour in ((0.62, 0.08, (70, 100, 110)), (0.78, 0.06, (40, 80, 50))):
        ridge = [
            (x, small.height * (base + swing * math.sin(x / small.width * 9 + base * 20)))
            for x in range(small.width + 1)
        ]
        draw.polygon([*ridge, (small.width, small.height), (0, small.height)], fill=colour)
    return small.resize((width, height), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2))


def screen(width: int, height: int) -> Image.Image:
    """A picture with a screenshot's edges: a window, a side bar, lines of text as bars."""
    image = Image.new("RGB", (width, height), (245, 246, 248))
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, 0, width, height // 18], fill=(40, 44, 52))
    draw.rectangle([0, height // 18, width // 6, height], fill=(225, 228, 234))
    for row in range(24):
        y = height // 9 + row * height // 30
        length = (row * 7919) % (width // 2) + width // 8
        draw.rectangle([width // 5, y, width // 5 + length, y + height // 70], fill=(90, 96, 110))
    return image


def icon(edge: int) -> Image.Image:
    """A small square badge."""
    image = Image.new("RGB", (edge, edge), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.ellipse([edge // 8, edge // 8, edge * 7 // 8, edge * 7 // 8], fill=(200, 60, 40))
    return image


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    """The picture as a file's bytes."""
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def block(data: bytes, media_type: str) -> dict[str, Any]:
    """An image block of the Messages API."""
    source = {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode("ascii")}
    return {"type": "image", "source": source}


def text(words: str) -> dict[str, Any]:
    """A text block of the Messages API."""
    return {"type": "text", "text": words}


def request(*content: dict[str, Any]) -> str:
    """A request of one user turn, as a client would write it."""
    body = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": list(content)}],
    }
    return json.dumps(body, indent=2) + "\n"


def three_shapes(data: bytes, question: str) -> dict[str, str]:
    """One picture and one question as a request to Claude, to OpenAI and to Gemini."""
    encoded = base64.b64encode(data).decode("ascii")
    address = {"url": f"data:image/png;base64,{encoded}", "detail": "high"}
    openai = [{"type": "image_url", "image_url": address}, text(question)]
    gemini = [{"inlineData": {"mimeType": "image/png", "data": encoded}}, {"text": question}]
    bodies = {
        "openai": {"model": "gpt-5.5", "messages": [{"role": "user", "content": openai}]},
        "gemini": {"model": "gemini-3.5-flash", "contents": [{"role": "user", "parts": gemini}]},
    }
    shapes = {name: json.dumps(body, indent=2) + "\n" for name, body in bodies.items()}
    return {"claude": request(block(data, "image/png"), text(question)), **shapes}


def make(folder: Path) -> None:
    """Write every example into the folder."""
    requests = folder / "requests"
    requests.mkdir(parents=True, exist_ok=True)
    (folder / "photo.jpg").write_bytes(encode(landscape(4000, 3000), "JPEG", quality=70))
    (folder / "screenshot.png").write_bytes(encode(screen(1920, 1080), "PNG", optimize=True))
    (folder / "icon.png").write_bytes(encode(icon(64), "PNG", optimize=True))
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = TURN_CLOCKWISE
    (folder / "rotated.jpg").write_bytes(encode(landscape(1200, 896), "JPEG", quality=70, exif=exif))

    chart = block(encode(screen(812, 588), "PNG", optimize=True), "image/png")
    (requests / "clean.json").write_text(
        request(chart, text("What does this window show?")), encoding="utf-8"
    )
    (requests / "image-after-text.json").write_text(
        request(text("Describe the window in this picture in two sentences."), chart), encoding="utf-8"
    )
    picture = encode(screen(1920, 1080), "PNG", optimize=True)
    for name, shape in three_shapes(picture, "What does this window show?").items():
        (requests / f"screenshot.{name}.json").write_text(shape, encoding="utf-8")
    pages = [block(encode(screen(2100, 1400), "PNG", optimize=True), "image/png")]
    for number in range(20):
        page = screen(420, 308)
        ImageDraw.Draw(page).rectangle([10, 10, 10 + number * 10, 16], fill=(200, 60, 40))
        pages.append(block(encode(page, "PNG", optimize=True), "image/png"))
    labelled = [part for i, page in enumerate(pages, 1) for part in (text(f"Image {i}:"), page)]
    (requests / "many-images.json").write_text(
        request(*labelled, text("Which of these pages differ?")), encoding="utf-8"
    )

    make_monorepo(folder / "monorepo" / "services")


def make_monorepo(services: Path) -> None:
    """Write the images of three services, of which one has files that no model gets."""
    for place, width in (("chat", 1700), ("ocr", 1704), ("web/prompts", 1708)):
        (services / place).mkdir(parents=True, exist_ok=True)
        (services / place / "screen.png").write_bytes(encode(screen(width, 1000), "PNG", optimize=True))
    (services / "web" / "static").mkdir(exist_ok=True)
    (services / "web" / "static" / "favicon.png").write_bytes(encode(icon(64), "PNG", optimize=True))


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
