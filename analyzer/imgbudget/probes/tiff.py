"""TIFF 6.0 and the camera raw formats built on it: what the first directory says, and the pages."""

from typing import NamedTuple

from imgbudget.geometry import Size
from imgbudget.model import Fact
from imgbudget.probes.exif import ENTRY_LIMIT, GPS_DIRECTORY, ORDERS, ORIENTATION, ByteOrder, Directory
from imgbudget.probes.reader import Source

_FRAMES, _LOCATION = int(Fact.FRAMES), int(Fact.LOCATION)

_WIDTH, _HEIGHT, _SUBFILE_TYPE, _MAKE, _SUBFILES, _DNG_VERSION = 256, 257, 254, 271, 330, 0xC612
_RAW_MAKERS = {b"NIKON": "nef", b"SONY": "arw", b"PENTA": "pef"}

_PAGE_LIMIT = 1000


class Pages(NamedTuple):
    """What a TIFF file says: the raw format that it is, None for plain TIFF, and its first page's facts."""

    format: str | None = None
    size: Size | None = None
    orientation: int = 1
    frames: int = 1
    has_location: bool = False


def read_tiff(source: Source, want: int) -> Pages | None:
    """What the directories of a TIFF file say; None for a BigTIFF file, whose layout is another."""
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
    turn = first.number(ORIENTATION) or 1
    frames, seen = 1, {offset}
    while following and following not in seen and frames < (_PAGE_LIMIT if want & _FRAMES else 2):
        seen.add(following)
        page, following = _page(source, order, following)
        frames += page is not None
    return Pages(
        _raw_format(source, first),
        Size(width, height) if width and height else None,
        turn if turn <= 8 else 1,
        frames,
        bool(want & _LOCATION) and _has_location(source, order, first),
    )


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
    """The raw format, None for plain TIFF: raw files keep a small picture first, the sensor's elsewhere."""
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
