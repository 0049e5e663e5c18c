"""Boxes of ISO base media files (ISO/IEC 14496-12): kind, start and end, in a file or inside a box."""

from collections.abc import Iterator
from typing import NamedTuple

from imgbudget.probes.reader import Source

_BOX_LIMIT = 1000


class Box(NamedTuple):
    """Kind of a box, and where its content starts and ends."""

    kind: bytes
    start: int
    end: int


def boxes(source: Source) -> Iterator[Box]:
    """The boxes at the top of a file, by offsets in the file; a box that is cut ends where the file does."""
    at = 0
    for _ in range(_BOX_LIMIT):
        header = source.bytes_at(at, 16)
        box = _box(header, at, source.size)
        if box is None:
            return
        yield box
        at = box.end


def inner_boxes(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes inside content[start:end], by offsets in it."""
    at, end = start, len(content) if end is None else min(end, len(content))
    for _ in range(_BOX_LIMIT):
        box = _box(content[at : min(at + 16, end)], at, end)
        if box is None:
            return
        yield box
        at = box.end


def _box(header: bytes, at: int, limit: int) -> Box | None:
    """The box that starts at `at` with these bytes; None where there is none."""
    if len(header) < 8:
        return None
    length, kind, start = int.from_bytes(header[:4], "big"), header[4:8], at + 8
    if length == 1:
        length, start = int.from_bytes(header[8:16], "big"), at + 16
    elif length == 0:
        # the last box may run to the end
        length = limit - at
    end = at + length
    if end < start:
        return None
    return Box(kind, start, min(end, limit))
