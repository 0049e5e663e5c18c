"""A folder whose names break what is careless: blanks, per cent, colons, commas, line feeds, broken UTF-8."""

import os
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.builders import body, image_block, image_bytes, write_json

SCHEMAS = Path(__file__).resolve().parent / "schemas"
NAMES = (b"a b.jpg", "fotó 100%.jpg".encode(), b"x,y:z.jpg", b"new\nline.jpg", b"bad\xff.jpg", b"<&|`.jpg")


def make_awkward(folder: Path) -> None:
    """Six images over the native size, and a request on one line with three mistakes behind an umlaut."""
    for i, name in enumerate(NAMES):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(image_bytes((2000, 1500), "JPEG", colour=i * 99))
    wrong = body("Größe", image_block(media_type="image/jpeg"), "", image_block(image_bytes((2000, 1000))))
    write_json(folder / "request.json", wrong, ensure_ascii=False)


def validator(name: str) -> Any:
    """The validator of a schema in tests/schemas."""
    return jsonschema_rs.validator_for((SCHEMAS / name).read_text(encoding="utf-8"))


def edited(text: str, start: tuple[int, int], end: tuple[int, int], new: str) -> str:
    """A text with one stretch replaced; places are lines and columns from 1, the end is exclusive."""
    lines = text.splitlines(keepends=True)
    before = "".join(lines[: start[0] - 1]) + lines[start[0] - 1][: start[1] - 1]
    return before + new + lines[end[0] - 1][end[1] - 1 :] + "".join(lines[end[0] :])
