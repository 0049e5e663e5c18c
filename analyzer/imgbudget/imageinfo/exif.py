"""EXIF blocks, TIFF 6.0 and raw formats based on it: orientation, GPS position, size, pages."""

import re
from struct import Struct
from typing import TYPE_CHECKING

from imgbudget.imageinfo.reader import Source
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ProbeField
from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from _typeshed import ReadableBuffer

    class Unpacker(Protocol):
        """Unpacks integers from a buffer."""

        def __call__(self, buffer: ReadableBuffer, offset: int = 0) -> tuple[int, ...]:
            """The integers that are packed at an offset."""


BLOCK_LIMIT = 1 << 20
"""Maximum bytes read of an EXIF block; a JPEG segment holds 65,533."""

_FIRST_BYTES = 512

_GPS_BYTES = 2 + 12 * 40
"""Bytes of a GPS directory, which has 32 tags."""

ENTRY_LIMIT = 4096
"""Maximum number of directory entries; cameras write dozens."""

ORIENTATION, GPS_DIRECTORY = 0x0112, 0x8825
_LATITUDE, _LONGITUDE = 2, 4

_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes per value, by TIFF type (TIFF 6.0, section 2)."""


class ByteOrder:
    """The byte order of a TIFF block; `orientation` and `position` are encoded tags."""

    __slots__ = ("long", "orientation", "position", "short", "short_entry", "sign", "tag")

    def __init__(self, sign: str) -> None:
        self.sign: str = sign
        self.short: Unpacker = Struct(sign + "H").unpack_from
        self.long: Unpacker = Struct(sign + "I").unpack_from
        self.tag: Callable[[int], bytes] = Struct(sign + "H").pack
        # after the tag: the type, and the value of a SHORT
        self.short_entry: Unpacker = Struct(sign + "H4xH").unpack_from
        self.orientation: bytes = self.tag(ORIENTATION)
        self.position: bytes = self.tag(GPS_DIRECTORY)


_LITTLE, _BIG = ByteOrder("<"), ByteOrder(">")
ORDERS = {
    b"II*\0": _LITTLE,
    b"MM\0*": _BIG,
    # the version in the wrong byte order, which Pillow accepts too
    b"II\0*": _LITTLE,
    b"MM*\0": _BIG,
}
"""The byte order for the first four bytes of a block."""


class Exif(NamedTuple):
    """The orientation in a block (0 if it has none) and whether it has a GPS position."""

    orientation: int
    has_location: bool


NO_EXIF = Exif(0, has_location=False)


class IfdEntry(NamedTuple):
    """An entry of a directory: type, number of values, and the four bytes of the value or offset."""

    kind: int
    values: int
    raw: bytes


class Directory(NamedTuple):
    """A directory in a TIFF block: entries of 12 bytes at block[first:last], possibly truncated."""

    block: bytes
    order: ByteOrder
    first: int
    last: int

    def entry(self, tag: int) -> IfdEntry | None:
        """The first entry with a tag."""
        at = _find(self.block, self.order.tag(tag), self.first, self.last)
        if at < 0:
            return None
        kind = self.order.short(self.block, at + 2)[0]
        return IfdEntry(kind, self.order.long(self.block, at + 4)[0], self.block[at + 8 : at + 12])

    def number(self, tag: int) -> int | None:
        """The first value of a tag of type BYTE, SHORT, LONG or IFD; None if there is no such tag."""
        entry = self.entry(tag)
        if entry is None or entry.kind not in {1, 3, 4, 13}:
            return None
        raw = entry.raw
        if entry.values * _TYPE_SIZES[entry.kind] > 4:
            offset = self.order.long(raw)[0]
            raw = self.block[offset : offset + 4].ljust(4, b"\0")
        if entry.kind == 1:
            return raw[0]
        value: int = (self.order.short if entry.kind == 3 else self.order.long)(raw)[0]
        return value

    def data(self, tag: int) -> bytes:
        """The bytes of the values of a tag; empty if there is no such tag or they are outside the block."""
        entry = self.entry(tag)
        if entry is None:
            return b""
        length = entry.values * _TYPE_SIZES.get(entry.kind, 1)
        if length <= 4:
            return entry.raw[:length]
        offset = self.order.long(entry.raw)[0]
        data = self.block[offset : offset + length]
        return data if len(data) == length else b""

    def has_position(self) -> bool:
        """Whether this GPS directory has a latitude or longitude; some cameras omit them."""
        return any(
            entry is not None and entry.values > 0 for entry in map(self.entry, (_LATITUDE, _LONGITUDE))
        )


def directory(block: bytes, offset: int | None = None) -> Directory | None:
    """The directory at `offset` of a TIFF block, by default the first one; None if there is none."""
    order = ORDERS.get(block[:4])
    if order is None or len(block) < 8:
        return None
    first = (order.long(block, 4)[0] if offset is None else offset) + 2
    if first > len(block):
        return None
    count = min(order.short(block, first - 2)[0], (len(block) - first) // 12, ENTRY_LIMIT)
    return Directory(block, order, first, first + 12 * count)


def orientation(buffer: bytes, start: int, end: int) -> int | None:
    """The orientation, 1 to 8, of the block at buffer[start:end]; 0 if it has none.

    None if the first directory is not between `start` and `end`, so that the whole block is needed.
    """
    if start + 8 > end:
        return None
    order = ORDERS.get(buffer[start : start + 4])
    if order is None:
        # some writers put the JPEG prefix into PNG and WebP chunks too; read_exif removes it
        return None if buffer.startswith(b"Exif\0\0", start) else 0
    first: int = start + order.long(buffer, start + 4)[0] + 2
    if first > end:
        return None
    last: int = first + 12 * order.short(buffer, first - 2)[0]
    if last > end:
        return None
    return _orientation(buffer, order, first, last)


def has_gps_entry(buffer: bytes, start: int) -> bool:
    """Whether the first directory of the block at buffer[start:] has a GPS entry.

    Only valid if `orientation` did not return None for the block.
    """
    order = ORDERS.get(buffer[start : start + 4])
    if order is None:
        return False
    first: int = start + order.long(buffer, start + 4)[0] + 2
    last: int = first + 12 * order.short(buffer, first - 2)[0]
    return _find(buffer, order.position, first, last) >= 0


def read_exif(source: Source, offset: int, length: int) -> Exif:
    """Orientation and position in the block of `length` bytes at an offset of the input.

    Reads only its first bytes and the GPS directory, if its first directory is in the first bytes.
    """
    length = min(length, BLOCK_LIMIT)
    block = source.bytes_at(offset, min(length, _FIRST_BYTES))
    turn = orientation(block, 0, len(block))
    if turn is not None:
        root = directory(block)
        gps = None if root is None else root.entry(GPS_DIRECTORY)
        if root is None or gps is None:
            return Exif(turn, has_location=False)
        if gps.kind in {4, 13} and gps.values <= 1:
            at = root.order.long(gps.raw)[0]
            part = source.bytes_at(offset + at, min(length - at, _GPS_BYTES))
            count = root.order.short(part)[0] if len(part) > 1 else 0
            if 2 + 12 * count <= _GPS_BYTES:
                last = 2 + 12 * min(count, max(len(part) - 2, 0) // 12)
                return Exif(turn, Directory(part, root.order, 2, last).has_position())
    return parse_exif(source.bytes_at(offset, length))


def parse_exif(block: bytes) -> Exif:
    """Orientation and position in a complete block; entries outside of it are ignored."""
    block = block.removeprefix(b"Exif\0\0").removeprefix(b"Exif\0\0")
    root = directory(block)
    if root is None:
        return NO_EXIF
    turn = _orientation(block, root.order, root.first, root.last)
    offset = root.number(GPS_DIRECTORY)
    gps = directory(block, offset) if offset is not None else None
    return Exif(turn, gps is not None and gps.has_position())


_XMP_ORIENTATION = rb'tiff:Orientation(?:="|>)([0-9])'
"""As Pillow looks for it, which is the only reader known to obey it."""


def xmp_orientation(packet: bytes) -> int:
    """tiff:Orientation of an XMP packet, 1 to 8; 0 if there is none."""
    at = packet.find(b"tiff:Orientation")  # hardly any packet has it
    found = re.compile(_XMP_ORIENTATION).search(packet, at) if at >= 0 else None
    if found is None:
        return 0
    value = int(found[1])
    return value if 1 <= value <= 8 else 1


def _orientation(buffer: bytes, order: ByteOrder, first: int, last: int) -> int:
    """The orientation in the directory entries at buffer[first:last]; 0 if there is none."""
    at = buffer.find(order.orientation, first, last)
    if at >= 0 and (at - first) % 12:
        # the two bytes are inside another entry
        at = _find(buffer, order.orientation, first, last)
    if at < 0:
        return 0
    kind, value = order.short_entry(buffer, at + 2)
    if kind == 4:
        value = order.long(buffer, at + 8)[0]
    elif kind != 3:
        value = buffer[at + 8]
    return value if 1 <= value <= 8 else 1


def _find(buffer: bytes, tag: bytes, first: int, last: int) -> int:
    """The position of the entry with a tag among those at buffer[first:last]; negative if there is none."""
    if last - first > 12 * ENTRY_LIMIT:
        last = first + 12 * ENTRY_LIMIT
    at = buffer.find(tag, first, last)
    while at >= 0 and (at - first) % 12:
        at = buffer.find(tag, at + 1, last)
    return at


_FRAMES, _LOCATION = int(ProbeField.FRAMES), int(ProbeField.LOCATION)
_TURN = int(ProbeField.ORIENTATION)

_WIDTH, _HEIGHT, _SUBFILE_TYPE, _MAKE, _SUBFILES, _XMP, _DNG_VERSION = 256, 257, 254, 271, 330, 700, 0xC612
_RAW_MAKERS = {b"NIKON": "nef", b"SONY": "arw", b"PENTA": "pef"}

_PAGE_LIMIT = 1000


class Pages(NamedTuple):
    """Properties of a TIFF file: the raw format, None for plain TIFF, and the facts of its first page."""

    format: str | None = None
    size: Size | None = None
    orientation: int = 1
    frames: int = 1
    has_location: bool = False
    in_xmp: bool = False


def read_tiff(source: Source, fields: int) -> Pages | None:
    """The properties in the directories of a TIFF file; None for BigTIFF, which has a different layout."""
    order = ORDERS.get(source.head[:4])
    if order is None:
        return None
    if len(source.head) < 8:
        return Pages()
    offset: int = order.long(source.head, 4)[0]
    first, following = _page(source, order, offset)
    if first is None:
        return Pages()
    width, height = first.number(_WIDTH), first.number(_HEIGHT)
    turn, raw = first.number(ORIENTATION) or 1, _raw_format(source, first)
    in_xmp = False
    if fields & _TURN and raw is None and first.entry(ORIENTATION) is None:
        turn = _xmp_of(source, first) or 1
        in_xmp = turn > 1
    frames, visited = 1, {offset}
    while following and following not in visited and frames < (_PAGE_LIMIT if fields & _FRAMES else 2):
        visited.add(following)
        page, following = _page(source, order, following)
        frames += page is not None
    return Pages(
        raw,
        Size(width, height) if width and height else None,
        turn if turn <= 8 else 1,
        frames,
        bool(fields & _LOCATION) and _has_location(source, order, first),
        in_xmp,
    )


def _xmp_of(source: Source, first: Directory) -> int:
    """The orientation in the XMP packet of a TIFF file; 0 if there is none."""
    packet = first.entry(_XMP)
    if packet is None or packet.kind not in {1, 7}:
        return 0
    length = min(packet.values, BLOCK_LIMIT)
    return xmp_orientation(source.bytes_at(first.order.long(packet.raw)[0], length))


def _page(source: Source, order: ByteOrder, offset: int) -> tuple[Directory | None, int]:
    """The directory at an offset of the file, without its values, and the offset of the next one or 0."""
    count = source.bytes_at(offset, 2)
    if len(count) < 2:
        return None, 0
    length = 12 * min(order.short(count)[0], ENTRY_LIMIT)
    entries = source.bytes_at(offset + 2, length + 4)
    if len(entries) < length + 4:
        return (Directory(entries, order, 0, len(entries) // 12 * 12), 0) if len(entries) >= 12 else (None, 0)
    return Directory(entries, order, 0, length), order.long(entries, length)[0]


def _raw_format(source: Source, first: Directory) -> str | None:
    """The raw format, None for plain TIFF; raw files have a preview first and the sensor data elsewhere."""
    if first.number(_DNG_VERSION) is not None:
        return "dng"
    if first.number(_SUBFILE_TYPE) == 1 and first.entry(_SUBFILES) is not None:
        make = first.entry(_MAKE)
        if make is not None and make.values > 4:
            return _RAW_MAKERS.get(source.bytes_at(first.order.long(make.raw)[0], 5))
    return None


def _has_location(source: Source, order: ByteOrder, first: Directory) -> bool:
    offset = first.number(GPS_DIRECTORY)
    gps = _page(source, order, offset)[0] if offset else None
    return gps is not None and gps.has_position()
