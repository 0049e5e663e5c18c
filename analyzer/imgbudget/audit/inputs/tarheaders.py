"""The headers of a tar archive, read forwards.

ustar, GNU long names and pax records are known (POSIX.1-2001, GNU tar manual). The standard library's reader
builds a whole entry for each member and takes longer over it than the probe over a small image.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

RECORD = 512
_REGULAR = (b"0", b"\0", b"7")
_FOLDER = b"5"
_NAME, _PAX, _PAX_GLOBAL = b"L", b"x", b"g"
_MOST_EXTRA = 1 << 20
"""Bytes of a long name or of pax records beyond which the archive is taken as damaged."""


class DamagedArchiveError(Exception):
    """The archive cannot be read on from here; the text says why and where, as a clause."""


class Head(NamedTuple):
    """A member that is no folder: its name, its size in bytes, whether it is a regular file."""

    name: str
    size: int
    regular: bool


def padded(size: int) -> int:
    """Bytes that a member of this size takes, its padding included."""
    return -(-size // RECORD) * RECORD


def heads(read: Callable[[int], bytes]) -> Iterator[Head]:
    """The members in order; behind each the caller has to read or skip its content and padding.

    Raises:
        DamagedArchiveError: what should be a header is none, or the archive ends too early.
    """
    name: str | None = None
    size: int | None = None
    position = 0
    while True:
        block = read(RECORD)
        if len(block) < RECORD:
            if block or position == 0:
                raise DamagedArchiveError(f"the archive ends inside a header at byte {position:,}")
            return  # many tools leave the end marker out
        if block.count(0) == RECORD:
            return
        own, kind = _size(block, position), block[156:157]
        position += RECORD + padded(own)
        if kind in (_NAME, _PAX, _PAX_GLOBAL, b"K"):
            extra = _extra(read, own, position)
            if kind == _NAME:
                name = _text(extra.rstrip(b"\0"))
            elif kind == _PAX:
                records = dict(_pax(extra))
                name = records.get("path", name)
                size = int(records["size"]) if records.get("size", "").isdecimal() else size
            continue
        if size is not None:
            position += padded(size) - padded(own)
        head = Head(name or _name(block), own if size is None else size, kind in _REGULAR)
        name = size = None
        if kind != _FOLDER and not head.name.endswith("/"):
            yield head


def _extra(read: Callable[[int], bytes], size: int, position: int) -> bytes:
    if size > _MOST_EXTRA:
        raise DamagedArchiveError(f"a name of {size:,} bytes stands before byte {position:,}")
    extra = read(padded(size))
    if len(extra) < size:
        raise DamagedArchiveError("the archive ends inside a long name")
    return extra[:size]


def _size(block: bytes, position: int) -> int:
    """The size field, after the checksum was found right."""
    try:
        expected = _number(block[148:156])
        size = _number(block[124:136])
    except ValueError:
        raise DamagedArchiveError(f"no tar header stands at byte {position:,}") from None
    total = sum(block) - sum(block[148:156]) + 8 * 32
    if total != expected or size < 0:
        raise DamagedArchiveError(f"no sound tar header stands at byte {position:,}")
    return size


def _number(field: bytes) -> int:
    """An octal number, or GNU's binary one."""
    if field[0] in (0x80, 0xFF):
        return int.from_bytes(field[1:], "big", signed=field[0] == 0xFF)
    return int(field.rstrip(b" \0").lstrip(b" ") or b"0", 8)


def _name(block: bytes) -> str:
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0] if block[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _pax(data: bytes) -> Iterator[tuple[str, str]]:
    """The records of a pax header: `LENGTH KEY=VALUE` and a line feed each."""
    at = 0
    while at < len(data):
        length, blank, _ = data[at : at + 20].partition(b" ")
        if not blank or not length.isdigit() or int(length) <= len(length) + 1:
            return
        key, _, value = data[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        yield _text(key), _text(value)
        at += int(length)
