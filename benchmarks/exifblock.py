"""EXIF blocks (TIFF 6.0) made by hand: directories with a maker's note, a position and a thumbnail."""

import struct
from random import Random
from typing import NamedTuple

_BYTE, _TEXT, _SHORT, _LONG, _RATIONAL, _BYTES = 1, 2, 3, 4, 5, 7


class _Entry(NamedTuple):
    """An entry of a directory; `data` is its values as encoded in the block."""

    tag: int
    kind: int
    values: int
    data: bytes


def exif_block(rng: Random, orientation: int, *, note: int, thumbnail: bytes, has_position: bool) -> bytes:
    """A block with an orientation, a maker's note of `note` bytes, and optional further entries."""
    sign = rng.choice("<>")

    def short(tag: int, value: int) -> _Entry:
        return _Entry(tag, _SHORT, 1, struct.pack(sign + "H", value))

    def long(tag: int, value: int) -> _Entry:
        return _Entry(tag, _LONG, 1, struct.pack(sign + "I", value))

    def text(tag: int, value: str) -> _Entry:
        return _Entry(tag, _TEXT, len(value) + 1, value.encode() + b"\0")

    def ratios(tag: int, *values: int) -> _Entry:
        return _Entry(
            tag, _RATIONAL, len(values), b"".join(struct.pack(sign + "II", value, 1) for value in values)
        )

    day, minute = rng.randrange(1, 29), rng.randrange(60)
    when = f"2024:{rng.randrange(1, 13):02}:{day:02} {rng.randrange(24):02}:{minute:02}:07"
    camera = [ratios(0x829A, rng.randrange(1, 1000)), text(0x9003, when)]
    if note:
        camera.append(_Entry(0x927C, _BYTES, note, rng.randbytes(16) * (note // 16) + bytes(note % 16)))
    position = (
        [text(1, "N"), ratios(2, 48, 51, 24), text(3, "E"), ratios(4, 2, 21, 3)] if has_position else []
    )
    main = [
        *[long(0x00FE, 0)][: rng.randrange(2)],
        text(0x010F, "Example Cameras"),
        text(0x0110, f"Model {rng.randrange(1000)}"),
        short(0x0112, orientation),
        ratios(0x011A, 72),
        ratios(0x011B, 72),
        text(0x0132, when),
    ]
    # pointers take four bytes in place, so lengths are known before offsets
    camera_at = 8 + _length(main) + 12 * (2 if position else 1)
    position_at = camera_at + _length(camera)
    second_at = position_at + (_length(position) if position else 0)
    main.append(long(0x8769, camera_at))
    if position:
        main.append(long(0x8825, position_at))
    out = (b"II*\0" if sign == "<" else b"MM\0*") + struct.pack(sign + "I", 8)
    out += _directory(sign, main, 8, second_at if thumbnail else 0)
    out += _directory(sign, camera, camera_at, 0)
    if position:
        out += _directory(sign, position, position_at, 0)
    if thumbnail:
        second = [short(0x0103, 6), long(0x0201, 0), long(0x0202, len(thumbnail))]
        second[1] = long(0x0201, second_at + _length(second))
        out += _directory(sign, second, second_at, 0) + thumbnail
    return out


def _length(entries: list[_Entry]) -> int:
    """Bytes of a directory with what it points to."""
    return 6 + sum(12 + (len(data) + 1 & ~1 if len(data) > 4 else 0) for _, _, _, data in entries)


def _directory(sign: str, entries: list[_Entry], at: int, following: int) -> bytes:
    """A directory at an offset of its block, values of more than four bytes behind it."""
    table, values, values_at = struct.pack(sign + "H", len(entries)), b"", at + 6 + 12 * len(entries)
    for tag, kind, count, data in entries:
        where = data.ljust(4, b"\0")
        if len(data) > 4:
            where = struct.pack(sign + "I", values_at + len(values))
            values += data + b"\0" * (len(data) & 1)
        table += struct.pack(sign + "HHI", tag, kind, count) + where
    return table + struct.pack(sign + "I", following) + values
