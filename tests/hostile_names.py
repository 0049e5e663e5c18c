"""A folder of hostile file names: blanks, per cent signs, colons, commas, line feeds, invalid UTF-8."""

import os
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.builders import body, image_block, image_bytes, write_json

SCHEMAS = Path(__file__).resolve().parent / "schemas"
NAMES = (b"a b.jpg", "fotó 100%.jpg".encode(), b"x,y:z.jpg", b"new\nline.jpg", b"bad\xff.jpg", b"<&|`.jpg")


def make_hostile_names(folder: Path) -> None:
    """Six images over the native size, and a one-line request with three errors after an umlaut."""
    for i, name in enumerate(NAMES):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(image_bytes((2000, 1500), "JPEG", colour=i * 99))
    wrong = body("Größe", image_block(media_type="image/jpeg"), "", image_block(image_bytes((2000, 1000))))
    write_json(folder / "request.json", wrong, ensure_ascii=False)


def validator(name: str) -> Any:
    """The validator of a schema in tests/schemas."""
    return jsonschema_rs.validator_for((SCHEMAS / name).read_text(encoding="utf-8"))


def edited(text: str, start: tuple[int, int], end: tuple[int, int], new: str) -> str:
    """Replace one range of a text; positions are lines and columns from 1, the end is exclusive."""
    lines = text.splitlines(keepends=True)
    before = "".join(lines[: start[0] - 1]) + lines[start[0] - 1][: start[1] - 1]
    return before + new + lines[end[0] - 1][end[1] - 1 :] + "".join(lines[end[0] :])
