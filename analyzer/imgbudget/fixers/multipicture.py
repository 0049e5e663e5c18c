"""JPEG files that hold several pictures (CIPA DC-007): stripped each on its own, and their index mended."""

from struct import pack_into, unpack_from

from imgbudget.fixers.stripping import Wish, strip
from imgbudget.model import Fact
from imgbudget.probes import probe_bytes
from imgbudget.probes.exif import ORDERS, directory

_INDEX = 0xB002
"""The tag of the MP entries, 16 bytes a picture: attributes, byte size, offset, and what depends on it."""

_MARK = b"MPF\0"


def strip_pictures(data: bytes) -> bytes | None:
    """The file with all its pictures, without their metadata but for orientations; None where that fails."""
    at = _index_segment(data)
    if at < 0:
        return None
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    segment = bytearray(data[at : at + 2 + length])
    block = bytes(segment[8:])
    index = directory(block)
    entry = index.entry(_INDEX) if index else None
    if index is None or entry is None or entry.values % 16 or not entry.values:
        return None
    sign, first = ORDERS[block[:4]].sign, index.order.long(entry.raw)[0]
    pictures = [data]
    for number in range(1, entry.values // 16):
        size, offset = unpack_from(sign + "II", block, first + 16 * number + 4)
        pictures.append(data[at + 8 + offset : at + 8 + offset + size])
    stripped = [_stripped(picture) for picture in pictures]
    if None in stripped:
        return None
    parts = [part for part in stripped if part is not None]
    place = _behind_exif(parts[0])
    offset = len(parts[0]) + len(segment) - place - 8
    pack_into(sign + "II", segment, 8 + first + 4, len(parts[0]) + len(segment), 0)
    for number, part in enumerate(parts[1:], 1):
        pack_into(sign + "II", segment, 8 + first + 16 * number + 4, len(part), offset)
        offset += len(part)
    return b"".join((parts[0][:place], segment, parts[0][place:], *parts[1:]))


def _stripped(picture: bytes) -> bytes | None:
    facts = probe_bytes(picture, Fact.ORIENTATION | Fact.INTEGRITY)
    if facts.format != "jpeg" or facts.damage is not None:
        return None
    return strip(picture, "jpeg", Wish(facts.orientation))


def _index_segment(data: bytes) -> int:
    """Where the segment with the index starts, among those before the picture data; negative for none."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1] != 0xDA:
        if data[at + 1] == 0xE2 and data.startswith(_MARK, at + 4):
            return at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return -1


def _behind_exif(data: bytes) -> int:
    """Where the index belongs (CIPA DC-007, section 5.1): behind JFIF and EXIF."""
    at = 2
    while data[at + 1] in {0xE0, 0xE1}:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at
