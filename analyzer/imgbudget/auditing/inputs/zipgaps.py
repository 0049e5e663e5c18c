"""Members that are in a zip archive but not in its directory: between the others, and before the first.

A tool that drops an entry from the directory leaves the member itself, and no reader of archives shows it.
"""

import struct
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.imageinfo.reader import Read
from imgbudget.output.base import figure

if TYPE_CHECKING:
    import zipfile

MARK = b"PK\3\4"
LOCAL = struct.Struct("<4s22xHH")
"""The header of a member (APPNOTE 4.3.7): its mark, the lengths of its name and of its extra field."""

_HEADER = struct.Struct("<4sHHH8xIIHH")
_METHODS = frozenset((*range(7), 8, 9, 10, 12, 14, 16, 18, 19, 20, *range(93, 100)))
"""Ways to pack a member that have a number (APPNOTE 4.4.5)."""

_MOST_VERSION = 100
_STREAMED = 1 << 3
"""The flag of a member whose size is behind it."""

_MOST_SEARCHED = 64 << 20
"""Bytes between two members that are searched."""

_MOST_NAMED = 100
"""Members between two others that are named; of more their number is not known."""

_STEP = 1 << 20

NOT_LISTED = (
    "a member that is in the archive but not in its directory, so that no reader shows it; to read it too,"
    " write the archive again with `zip -FF NAME.zip --out WHOLE.zip`"
)


class Unlisted(NamedTuple):
    """A member that the directory lacks; the name is None for bytes that were not searched."""

    name: str | None
    reason: str


class Gaps:
    """The places in an archive that may hold members which its directory lacks."""

    def __init__(self, entries: Sequence["zipfile.ZipInfo"], end: int) -> None:
        """`entries` are those of the directory in the order of their offsets, `end` is where it begins."""
        self._places: list[tuple[int, int, int]] = []
        """The offset of the entry before, the bytes of its data, the offset of what comes next."""
        starts = [*(info.header_offset for info in entries), end]
        if starts[0]:
            self._places.append((-1, 0, starts[0]))
        for info, following in zip(entries, starts[1:], strict=True):
            least = info.header_offset + LOCAL.size + len(info.orig_filename) + info.compress_size
            if following - least > LOCAL.size:
                self._places.append((info.header_offset, info.compress_size, following))

    def between(self, start: int, stop: int | None, read: Read) -> Iterator[Unlisted]:
        """What is behind the entries with offsets from `start` up to `stop`; -1 is before the first entry."""
        at = bisect_left(self._places, (start,))
        while at < len(self._places) and (stop is None or self._places[at][0] < stop):
            offset, size, end = self._places[at]
            at += 1
            head = read(LOCAL.size, max(offset, 0))
            is_member = len(head) == LOCAL.size and head[:4] == MARK
            if offset < 0 and not is_member:  # otherwise another archive, which is reported as such
                yield from _members(0, end, read)
            elif offset >= 0 and is_member:  # otherwise the member itself is reported
                _, name, extra = LOCAL.unpack(head)
                yield from _members(offset + LOCAL.size + name + extra + size, end, read)


def _members(begin: int, end: int, read: Read) -> Iterator[Unlisted]:
    """The members whose headers are in these bytes."""
    at, named = begin, 0
    while named < _MOST_NAMED and (at := _header_at(at, min(end, begin + _MOST_SEARCHED), read)) >= 0:
        _, _, flags, _, size, _, name_size, extra = _HEADER.unpack(read(_HEADER.size, at))
        name = read(name_size, at + LOCAL.size).decode("utf-8", "replace")
        at += LOCAL.size + name_size + extra
        if not flags & _STREAMED and at + size <= end:
            at += size
        named += 1
        yield Unlisted(name, NOT_LISTED)
    at = begin + _MOST_SEARCHED if at < 0 else at
    if end - at > LOCAL.size:
        yield Unlisted(None, f"{figure(end - at)} bytes between its members were not searched for others")


def _header_at(begin: int, end: int, read: Read) -> int:
    """The offset of the next header of a member that is below `end`, -1 if there is none."""
    at = begin
    while at + LOCAL.size < end:
        data = read(min(_STEP, end - at), at)
        found = data.find(MARK)
        while found >= 0:
            if _is_header(at + found, end, read):
                return at + found
            found = data.find(MARK, found + 1)
        if len(data) < len(MARK):
            break
        at += len(data) - len(MARK) + 1
    return -1


def _is_header(at: int, end: int, read: Read) -> bool:
    """Whether what has the mark of a member is the header of one, and not data."""
    head = read(_HEADER.size, at)
    if len(head) < _HEADER.size:
        return False
    _, version, _, method, _, _, name_size, extra = _HEADER.unpack(head)
    if version & 0xFF > _MOST_VERSION or method not in _METHODS or not name_size:
        return False
    if at + LOCAL.size + name_size + extra > end:
        return False
    return min(read(name_size, at + LOCAL.size)) >= ord(" ")
