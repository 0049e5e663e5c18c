"""Command-line tools that tell facts of image files: how each is called once for many files, and read."""

import re
import shutil
from collections.abc import Callable
from typing import NamedTuple

from candidates import Told

_FORMATS = {
    "JPEG": "jpeg",
    "PNG": "png",
    "GIF": "gif",
    "WEBP": "webp",
    "EXTENDED WEBP": "webp",
    "APNG": "png",
}

_TURNS = (
    *("", "TopLeft", "TopRight", "BottomRight", "BottomLeft"),
    *("LeftTop", "RightTop", "RightBottom", "LeftBottom"),
)
"""ImageMagick's words for orientations 1 to 8."""


class Tool(NamedTuple):
    """A program; `command` takes the paths behind it, `read` gives what it says of each path."""

    title: str
    command: tuple[str, ...]
    read: Callable[[str], dict[str, Told]]


def _read_file(out: str) -> dict[str, Told]:
    told = {}
    for line in out.splitlines():
        path, _, text = line.partition("\t")
        form = re.search(r"JPEG|PNG|GIF|Web/P", text)
        sizes = re.findall(r"(?:, |encoding, )(\d+) ?x ?(\d+)", text)
        size = (int(sizes[-1][0]), int(sizes[-1][1])) if sizes else None
        told[path] = Told(form[0].replace("/", "").lower() if form else None, size)
    return told


def _read_exiftool(out: str) -> dict[str, Told]:
    told = {}
    for line in out.splitlines():
        path, form, width, height, turn, frames, is_webp_animated = line.split("\t")
        size = (int(width), int(height)) if width.isdigit() and height.isdigit() else None
        count = int(frames) if frames.isdigit() else 1
        animated = count > 1 or is_webp_animated not in {"-", ""}
        told[path] = Told(_FORMATS.get(form.upper()), size, int(turn) if turn.isdigit() else 1, animated)
    return told


def _read_identify(out: str) -> dict[str, Told]:
    """A line a frame; the first one of a file has its size."""
    told: dict[str, Told] = {}
    for line in out.splitlines():
        form, width, height, turn, path = line.split(" ", 4)
        if before := told.get(path):
            told[path] = before._replace(animated=True, frames=(before.frames or 1) + 1)
            continue
        orientation = _TURNS.index(turn) if turn in _TURNS[1:] else 1
        told[path] = Told(
            _FORMATS.get(form), (int(width), int(height)), orientation, animated=False, frames=1
        )
    return told


def installed() -> tuple[list[Tool], list[str]]:
    """The tools that are there, and the names of those that are not."""
    magick = ["magick", "identify"] if shutil.which("magick") else ["identify"]
    layout = r"%m %w %h %[orientation] %d/%f\n"
    tags = ("FileType", "ImageWidth", "ImageHeight", "Orientation#", "FrameCount", "Duration")
    known = [
        Tool("`file`", ("file", "-F", "\t", "-N"), _read_file),
        Tool(
            "`exiftool -fast2`",
            ("exiftool", "-fast2", "-q", "-T", "-FilePath", *(f"-{tag}" for tag in tags)),
            _read_exiftool,
        ),
        Tool("ImageMagick `identify -ping`", (*magick, "-ping", "-format", layout), _read_identify),
    ]
    present = [tool for tool in known if shutil.which(tool.command[0])]
    return present, [tool.title for tool in known if tool not in present]
