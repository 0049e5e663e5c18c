"""Keeps on disk what was read of images: reading takes seconds, and the same bytes always read the same.

Each text has a file, whose name is a hash of the bytes of the image, of the size at which they were read, and
of the versions of all that has a part in it. A file that is damaged or not of the shape that is written here
is not used, and replaced; errors in writing one are ignored.
"""

import hashlib
import json
import math
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from imgbudget.imageinfo.cachefiles import cache_folder, make_folder
from imgbudget.limits.geometry import Size
from imgbudget.model.text import AppearingLine, Corners, ImageText, SeenLine, SeenText, TextLine
from imgbudget.newfiles import whole_file
from imgbudget.version import __version__

READING_VERSION = 6
"""To be raised with every change of imgbudget.legibility after which an image may read differently."""

_PACKAGES = ("rapidocr", "onnxruntime", "opencv-python", "numpy", "Pillow")
"""Packages that have a part in what is read: models and recogniser, arithmetic, scaling, decoders."""

_MOST_BYTES = 1 << 24
"""Bytes of a file that is read: more than 2,000 lines take."""

_HEAD = b"imgbudget text 1 %08x\n"


@cache
def versions() -> Mapping[str, str]:
    """The version of all that has a part in reading, by name; empty for what is not installed."""
    found = {"imgbudget": __version__, "reading": str(READING_VERSION)}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    return found


class TextsKept:
    """The texts of one image that are kept in the cache."""

    __slots__ = ("_digest", "_folder")

    def __init__(self, data: bytes) -> None:
        """The texts of an image of these bytes."""
        self._folder = cache_folder()
        self._digest = hashlib.sha256(data).hexdigest()

    def find(self, seen: Size) -> ImageText | None:
        """The text at full size and at this one in px; None if it is not kept."""
        with suppress(OSError, ValueError, TypeError, KeyError, IndexError, RecursionError):
            with open(self._path(seen), "rb") as file:
                head, text = file.readline(64), file.read(_MOST_BYTES)
            if head == _HEAD % zlib.crc32(text):
                found = _text(json.loads(text, parse_constant=float))
                found.at(seen)
                return found
        return None

    def keep(self, seen: Size, text: ImageText) -> None:
        """Keep the text at full size and at this one in px."""
        data = json.dumps(_plain(text), separators=(",", ":")).encode("ascii")
        path = self._path(seen)
        with suppress(OSError):  # a full or read-only disk must not fail the run
            make_folder(self._folder, os.path.dirname(path))
            with whole_file(path, follow=False, private=True, durable=False) as file:
                file.write(_HEAD % zlib.crc32(data) + data)

    def _path(self, seen: Size) -> str:
        known = json.dumps([self._digest, *seen, *sorted(versions().items())])
        name = hashlib.sha256(b"text\0" + known.encode()).hexdigest()
        return os.path.join(self._folder, name[:2], name[2:])


def _plain(text: ImageText) -> list[Any]:
    """The text as JSON; a line at another size is named by its number."""
    numbers = {line: number for number, line in enumerate(text.lines)}
    seen = [
        [
            list(one.size),
            [[numbers[line.line], line.height, line.kept, line.text] for line in one.lines],
            [[list(found.line), found.resampling] for found in one.appearing],
        ]
        for one in text.seen
    ]
    return [list(text.size), [list(line) for line in text.lines], seen, text.finest]


def _text(plain: Any) -> ImageText:
    """The text of JSON. Raises an error of Python's if it has another shape."""
    size, lines, seen, finest = plain
    read = tuple(_line(one) for one in lines)
    return ImageText(
        _size(size),
        read,
        tuple(
            SeenText(
                _size(edges),
                tuple(
                    SeenLine(read[_whole(number)], _number(height), _number(kept), _optional(text))
                    for number, height, kept, text in its
                ),
                tuple(AppearingLine(_line(one), _string(by)) for one, by in appearing),
            )
            for edges, its, appearing in seen
        ),
        _number(finest),
    )


def _line(plain: Any) -> TextLine:
    corners, height, contrast, characters, text, is_part = plain
    if not isinstance(is_part, bool):
        raise TypeError(is_part)
    return TextLine(
        _corners(corners), _number(height), _number(contrast), _whole(characters), _optional(text), is_part
    )


def _corners(plain: Any) -> Corners:
    first, second, third, fourth = ((_number(x), _number(y)) for x, y in plain)
    return first, second, third, fourth


def _size(plain: Any) -> Size:
    width, height = plain
    return Size(_whole(width), _whole(height))


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError(value)
    return float(value)


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(value)
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else _string(value)
