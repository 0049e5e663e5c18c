"""AVIF and HEIC (HEIF, ISO/IEC 23008-12): size, rotation and frames from the boxes, without decoding."""

from collections.abc import Iterator
from typing import NamedTuple

from imgbudget.imageinfo.exif import BLOCK_LIMIT, read_exif, xmp_orientation
from imgbudget.imageinfo.reader import Source
from imgbudget.limits.geometry import Size

_BOX_LIMIT = 1000


class Box(NamedTuple):
    """The kind of a box, and the start and end of its content."""

    kind: bytes
    start: int
    end: int


def boxes(source: Source) -> Iterator[Box]:
    """The top-level boxes of a file, by offsets in the file; a truncated box ends at the end of the file."""
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
    """The box that starts at `at` with these bytes; None if there is none."""
    if len(header) < 8:
        return None
    length, kind, start = int.from_bytes(header[:4], "big"), header[4:8], at + 8
    if length == 1:
        length, start = int.from_bytes(header[8:16], "big"), at + 16
    elif length == 0:
        # the last box may extend to the end
        length = limit - at
    end = at + length
    if end < start:
        return None
    return Box(kind, start, min(end, limit))


_BOX_BYTES = 1 << 20
"""Maximum bytes read of a meta or moov box."""

_SEQUENCES = frozenset({b"avis", b"msf1", b"hevc", b"hevx"})

_ORIENTATIONS = {
    # counterclockwise quarter turns, then the mirror axis (0 swaps top and bottom, 1 left and right)
    (0, None): 1,
    (0, 0): 4,
    (0, 1): 2,
    (1, None): 8,
    (1, 0): 5,
    (1, 1): 7,
    (2, None): 3,
    (2, 0): 2,
    (2, 1): 4,
    (3, None): 6,
    (3, 0): 7,
    (3, 1): 5,
}
"""The EXIF orientation for irot and imir."""


class HeifItem(NamedTuple):
    """The properties of the primary image, and the number of all.

    `size` is that of the clean aperture, before rotation, if it has one. `aperture` is then its left, top,
    right and bottom in px of the encoded picture, whose size is `coded`.
    """

    size: Size | None = None
    orientation: int = 1
    frames: int = 1
    coded: Size | None = None
    aperture: tuple[int, int, int, int] | None = None


def read_heif(source: Source) -> HeifItem:
    """Size, orientation and frames of an AVIF or HEIC file; defaults if its boxes lack them.

    Frames are those of the picture track or, if they are more, the pictures beside the primary one.
    """
    picture, frames = HeifItem(), 1
    for box in boxes(source):
        if box.kind == b"meta":
            picture = _primary(_content(source, box))
        elif box.kind == b"moov" and source.head[8:12] in _SEQUENCES:
            frames = _samples(_content(source, box))
    return picture._replace(frames=max(frames, picture.frames))


def _content(source: Source, box: Box) -> bytes:
    return source.bytes_at(box.start, min(box.end - box.start, _BOX_BYTES))


def _primary(meta: bytes) -> HeifItem:
    """The properties of the primary item: ispe, irot and imir."""
    parts = {}
    for box in inner_boxes(meta, 4):
        parts[box.kind] = box
        if box.kind == b"iprp":
            parts |= {part.kind: part for part in inner_boxes(meta, box.start, box.end)}
    primary, container, links = (_inside(meta, parts.get(kind)) for kind in (b"pitm", b"ipco", b"ipma"))
    item = _primary_number(primary)
    properties = [(box.kind, container[box.start : box.end]) for box in inner_boxes(container)]
    mine = [properties[at - 1] for at in _linked(links, item) if 0 < at <= len(properties)]
    coded = next((Size(*_edges(value, 4)) for kind, value in mine or properties if kind == b"ispe"), None)
    pictures = 1 + len(_other_pictures(meta, parts, item))
    return _transformed(coded, mine or properties)._replace(frames=pictures)


def _primary_number(content: bytes) -> int:
    """The number of the primary item; from version 1 it has four bytes."""
    return int.from_bytes(content[4 : 8 if content[:1] != b"\0" else 6], "big")


def _edges(value: bytes, at: int) -> tuple[int, int]:
    return int.from_bytes(value[at : at + 4], "big"), int.from_bytes(value[at + 4 : at + 8], "big")


def _transformed(coded: Size | None, properties: list[tuple[bytes, bytes]]) -> HeifItem:
    """The size, orientation and aperture by the transformative properties, which apply in their order.

    A clean aperture (clap) that is not whole, or not inside the picture, is ignored, as in Chromium.
    """
    turn, mirror, aperture = 0, None, None
    for kind, value in properties:
        if kind == b"irot" and value:
            # a rotation after a mirror is the opposite rotation before it
            turn = (turn + (value[0] & 3) * (-1 if mirror is not None else 1)) % 4
        elif kind == b"imir" and value:
            mirror = value[0] & 1
        elif kind == b"clap" and coded is not None and aperture is None:
            seen = coded.transposed if turn % 2 else coded
            box = _clean_aperture(value, seen)
            aperture = box and _as_coded(box, seen, turn, mirror)
    orientation = _ORIENTATIONS[turn, mirror]
    if aperture is None:
        return HeifItem(coded, orientation, coded=coded)
    left, top, right, bottom = aperture
    return HeifItem(Size(right - left, bottom - top), orientation, coded=coded, aperture=aperture)


def _clean_aperture(value: bytes, size: Size) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of a clean aperture (ISO/IEC 14496-12, 12.1.4), in px of its input."""
    if len(value) < 32:
        return None
    fractions = [
        (
            int.from_bytes(value[at : at + 4], "big", signed=at > 15),
            int.from_bytes(value[at + 4 : at + 8], "big"),
        )
        for at in range(0, 32, 8)
    ]
    across = _range(size.width, fractions[0], fractions[2])
    down = _range(size.height, fractions[1], fractions[3])
    return (across[0], down[0], across[1], down[1]) if across and down else None


def _range(edge: int, length: tuple[int, int], offset: tuple[int, int]) -> tuple[int, int] | None:
    """The start and end of a range on an edge, whose centre is `offset` beside that of the edge."""
    if not length[1] or not offset[1] or length[0] % length[1]:
        return None
    px = length[0] // length[1]
    start, rest = divmod(2 * offset[0] + (edge - px) * offset[1], 2 * offset[1])
    return (start, start + px) if not rest and px and start >= 0 and start + px <= edge else None


def _as_coded(
    box: tuple[int, int, int, int], size: Size, turn: int, mirror: int | None
) -> tuple[int, int, int, int]:
    """A box of a picture that was rotated and mirrored, of this size then, in px of the encoded one."""
    left, top, right, bottom = box
    width, height = size
    if mirror == 1:
        left, right = width - right, width - left
    elif mirror == 0:
        top, bottom = height - bottom, height - top
    for _ in range(turn):  # back by a clockwise quarter turn
        left, top, right, bottom = height - bottom, left, height - top, right
        width, height = height, width
    return left, top, right, bottom


_CODED = frozenset({b"hvc1", b"hev1", b"av01", b"avc1", b"vvc1", b"evc1", b"lhv1", b"jpeg", b"j2k1", b"unci"})
"""The types of items that contain an encoded picture."""

_DERIVED = frozenset({b"grid", b"iovl", b"iden"})
"""The types of items that are made of others."""

_TONE_MAPPED = b"tmap"
"""The type of an item that is another picture, with the brightness of its gain map (ISO 21496-1)."""

_HIDDEN = 1

_XMP = b"application/rdf+xml"


def heif_xmp_orientation(source: Source) -> int:
    """The orientation in the XMP of the primary image if its EXIF has none, else 0.

    Pillow, which is the only reader known to obey it, does so in AVIF files that their boxes do not turn.
    """
    whole = next((box for box in boxes(source) if box.kind == b"meta"), None)
    if whole is None:
        return 0
    meta = _content(source, whole)
    parts = {box.kind: box for box in inner_boxes(meta, 4)}
    primary = _primary_number(_inside(meta, parts.get(b"pitm")))
    about = {
        item
        for kind, item, targets in _references(meta, parts.get(b"iref"))
        if kind == b"cdsc" and primary in targets
    }
    exif = xmp = None
    for item, kind, _, start, end in _items(meta, parts.get(b"iinf")):
        if item in about and kind == b"Exif":
            exif = item if exif is None else exif
        elif item in about and kind == b"mime" and meta[start:end].split(b"\0")[1:2] == [_XMP]:
            xmp = item if xmp is None else xmp
    places = _places(meta, parts, whole.start)
    if xmp not in places:
        return 0
    if exif in places:
        at, length = places[exif]
        before = 4 + int.from_bytes(source.bytes_at(at, 4), "big")
        if read_exif(source, at + before, length - before).orientation:
            return 0
    at, length = places[xmp]
    return xmp_orientation(source.bytes_at(at, min(length, BLOCK_LIMIT)))


def _places(meta: bytes, parts: dict[bytes, Box], base: int) -> dict[int | None, tuple[int, int]]:
    """For each item the offset in the file and the length of its first part; `meta` is at offset `base`."""
    places: dict[int | None, tuple[int, int]] = {}
    box, data = parts.get(b"iloc"), parts.get(b"idat")
    if box is None or box.end - box.start < 8:
        return places
    version, widths = meta[box.start], meta[box.start + 4 : box.start + 6]
    of_offset, of_length, of_base = widths[0] >> 4, widths[0] & 15, widths[1] >> 4
    of_index = widths[1] & 15 if version else 0
    wide = 2 if version < 2 else 4
    at = box.start + 6 + wide

    def number(length: int) -> int:
        nonlocal at
        at += length
        return int.from_bytes(meta[at - length : at], "big")

    for _ in range(int.from_bytes(meta[box.start + 6 : at], "big")):
        if at >= box.end:
            break
        item = number(wide)
        inside = bool(version) and number(2) & 15 == 1
        number(2)
        start, extents = number(of_base), number(2)
        following = at + extents * (of_index + of_offset + of_length)
        if extents:
            number(of_index)
            start += number(of_offset) + (base + data.start if inside and data else 0)
            places[item] = start, number(of_length)
        at = following
    return places


def _other_pictures(meta: bytes, parts: dict[bytes, Box], primary: int) -> set[int]:
    """The items that are pictures beside the primary one, which a conversion to one image would lose.

    None of them is hidden, a thumbnail, auxiliary (alpha, depth, gain map), a part of another picture, the
    same picture in another encoding, or a view of the primary picture.
    """
    kinds = _shown_items(meta, parts.get(b"iinf"))
    others = {item for item, kind in kinds.items() if kind != _TONE_MAPPED} - {primary}
    if not others:
        return others
    sources: dict[int, set[int]] = {}
    for kind, item, targets in _references(meta, parts.get(b"iref")):
        if kind in {b"thmb", b"auxl"}:
            others.discard(item)
        elif kind == b"dimg":
            sources.setdefault(item, set()).update(targets)
    mine = {primary} | sources.get(primary, set())
    for item, targets in sources.items():
        if item in kinds or item == primary:
            others -= targets
        if kinds.get(item) in _DERIVED and targets and targets <= mine:
            others.discard(item)
    for same in _alternatives(meta, parts.get(b"grpl")):
        if primary in same:
            others -= same
        else:
            others -= set(sorted(same & others)[1:])
    return others


def _shown_items(meta: bytes, box: Box | None) -> dict[int, bytes]:
    """The type of each item that is a picture and not hidden."""
    shown = _CODED | _DERIVED | {_TONE_MAPPED}
    found = _items(meta, box)
    return {item: kind for item, kind, flags, _, _ in found if kind in shown and not flags & _HIDDEN}


def _items(meta: bytes, box: Box | None) -> Iterator[tuple[int, bytes, int, int, int]]:
    """The number, type and flags of each item, and where its name and what follows start and end."""
    if box is None:
        return
    at = box.start + (6 if meta[box.start : box.start + 1] == b"\0" else 8)
    while at + 20 <= box.end:
        length, version, flags = int.from_bytes(meta[at : at + 4], "big"), meta[at + 8], meta[at + 11]
        if length < 20:
            break
        # from version 3 the number has four bytes; before version 2 there is no type
        start = at + (16 if version == 3 else 14)
        if meta[at + 4 : at + 8] == b"infe" and version >= 2:
            number = int.from_bytes(meta[at + 12 : start], "big")
            yield number, meta[start + 2 : start + 6], flags, start + 6, at + length
        at += length


def _references(meta: bytes, box: Box | None) -> Iterator[tuple[bytes, int, set[int]]]:
    """The kind of each reference between items, the item that has it, and those that it names."""
    if box is None:
        return
    wide = 2 if meta[box.start : box.start + 1] == b"\0" else 4
    for part in inner_boxes(meta, box.start + 4, box.end):
        first = part.start + wide + 2
        count = int.from_bytes(meta[part.start + wide : first], "big")
        last = min(first + count * wide, part.end)
        targets = {int.from_bytes(meta[at : at + wide], "big") for at in range(first, last, wide)}
        yield part.kind, int.from_bytes(meta[part.start : part.start + wide], "big"), targets


def _alternatives(meta: bytes, box: Box | None) -> Iterator[set[int]]:
    """The groups of items that are the same picture in several encodings."""
    if box is None:
        return
    for part in inner_boxes(meta, box.start, box.end):
        if part.kind == b"altr":
            first = part.start + 12
            last = min(first + 4 * int.from_bytes(meta[first - 4 : first], "big"), part.end)
            yield {int.from_bytes(meta[at : at + 4], "big") for at in range(first, last, 4)}


def _inside(meta: bytes, box: Box | None) -> bytes:
    return meta[box.start : box.end] if box else b""


def _linked(links: bytes, item: int) -> list[int]:
    """The 1-based numbers of the properties that an ipma box associates with an item."""
    if len(links) < 8:
        return []
    wide_item, wide_link = 4 if links[0] else 2, 2 if links[3] & 1 else 1
    at = 8
    while at + wide_item < len(links):
        found = int.from_bytes(links[at : at + wide_item], "big")
        count = links[at + wide_item]
        at += wide_item + 1
        end = at + count * wide_link
        if found == item:
            # the highest bit marks an essential property
            mask = 0x7FFF if wide_link == 2 else 0x7F
            return [int.from_bytes(links[i : i + wide_link], "big") & mask for i in range(at, end, wide_link)]
        at = end
    return []


def _samples(moov: bytes) -> int:
    """Frames of the first picture track; 1 if there is none."""
    for track in inner_boxes(moov):
        if track.kind == b"trak":
            handler, count = b"", 0
            for box in _descend(moov, track, (b"mdia", b"minf", b"stbl")):
                if box.kind == b"hdlr" and not handler:
                    handler = moov[box.start + 8 : box.start + 12]
                elif box.kind == b"stsz":
                    count = int.from_bytes(moov[box.start + 8 : box.start + 12], "big")
            if handler == b"pict" and count:
                return count
    return 1


def _descend(content: bytes, outer: Box, path: tuple[bytes, ...]) -> list[Box]:
    """The boxes inside `outer`, then inside its first box of each kind of `path`, nested."""
    found = list(inner_boxes(content, outer.start, outer.end))
    for kind in path:
        inner = next((box for box in found if box.kind == kind), None)
        if inner is None:
            break
        found += inner_boxes(content, inner.start, inner.end)
    return found
