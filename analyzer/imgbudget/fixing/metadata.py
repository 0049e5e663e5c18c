"""Metadata removed byte by byte: the encoded picture stays, also in JPEG files of several pictures."""

import re
from collections.abc import Callable
from struct import pack, pack_into, unpack_from
from typing import NamedTuple
from zlib import crc32

from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.imageinfo.exif import ORDERS, directory
from imgbudget.model.subjects import ProbeField

PROFILE_LIMIT = 1 << 15
"""Bytes of a colour profile that are kept: those of displays and cameras have 0.5 to 4 kB, those of printing
presses hundreds. A picture with a larger profile is better converted."""


class StripOptions(NamedTuple):
    """The EXIF orientation to write (1 for none), and whether to drop all frames but the first."""

    orientation: int = 1
    first_frame: bool = False


def strip(data: bytes, form: str, options: StripOptions) -> bytes | None:
    """The file without its metadata and, on request, without its other frames.

    None if that takes re-encoding. The file must be complete.
    """
    stripper = _STRIPPERS.get(form)
    return stripper(data, options) if stripper else None


def exif_block(orientation: int) -> bytes:
    """An EXIF block (TIFF 6.0) that contains only the orientation."""
    return b"MM\0*" + pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


# JPEG (ITU-T T.81): segments, then scans; in a scan, FF is followed by 00, by a restart marker or a fill byte
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_ADOBE, _PROFILE, _JFIF = b"Adobe", b"ICC_PROFILE\0", b"JFIF\0"


def _strip_jpeg(data: bytes, options: StripOptions) -> bytes | None:
    turn = b""
    if options.orientation != 1:
        block = b"Exif\0\0" + exif_block(options.orientation)
        turn = b"\xff\xe1" + pack(">H", len(block) + 2) + block
    kept, at, profile, written = [b"\xff\xd8"], 2, 0, False
    while (marker := _next_marker(data, at)) >= 0:
        at = marker
        kind = data[at + 1]
        if kind == 0xD9:
            return b"".join((*kept, b"\xff\xd9")) if profile <= PROFILE_LIMIT else None
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        part = _kept_segment(kind, data[at:end])
        if kind != 0xE0 and not written:
            # EXIF comes before everything but the JFIF header
            kept.append(turn)
            written = True
        if kind == 0xE2:
            profile += len(part)
        if kind == 0xDA:
            end = _scan_end(data, end)
            part = data[at:end]
        kept.append(part)
        at = end
    return None


def jpeg_end(data: bytes) -> int:
    """The offset of the marker that ends the first picture of a JPEG file; negative if there is none."""
    at = 2
    while (at := _next_marker(data, at)) >= 0:
        if data[at + 1] == 0xD9:
            return at
        scan = data[at + 1] == 0xDA
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if scan:
            at = _scan_end(data, at)
    return -1


def _next_marker(data: bytes, at: int) -> int:
    """The next marker that starts a segment or ends the picture; decoders skip bytes before it."""
    found = _MARKER.search(data, at)
    return found.start() if found else -1


def _scan_end(data: bytes, at: int) -> int:
    found = _MARKER.search(data, at)
    return found.start() if found else len(data)


def _kept_segment(kind: int, part: bytes) -> bytes:
    """The kept part of a segment; empty for one that no decoder needs."""
    if kind == 0xE0 and part.startswith(_JFIF, 4):
        # the header without its thumbnail, whose two edges end it
        return b"\xff\xe0\0\x10" + part[4:16] + b"\0\0" if len(part) >= 18 else part
    if kind == 0xE2:
        return part if part.startswith(_PROFILE, 4) else b""
    if kind == 0xEE:
        return part if part.startswith(_ADOBE, 4) else b""
    return b"" if 0xE0 <= kind <= 0xEF or kind == 0xFE else part


# PNG (W3C PNG, third edition): chunks
_SHOWN_BY = frozenset(b"tRNS gAMA cHRM sRGB sBIT bKGD hIST pHYs sPLT cICP mDCV cLLI iCCP".split())
_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})


def _strip_png(data: bytes, options: StripOptions) -> bytes | None:
    animation = frozenset() if options.first_frame else _ANIMATION
    kept, at, written = [data[:8]], 8, options.orientation == 1
    while at + 12 <= len(data):
        length, kind = unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind == b"iCCP" and length > PROFILE_LIMIT:
            return None
        if kind == b"IDAT" and not written:
            kept.append(_chunk(b"eXIf", exif_block(options.orientation)))
            written = True
        # a capital letter first: critical
        if not kind[0] & 0x20 or kind in _SHOWN_BY or kind in animation:
            kept.append(data[at:end])
        if kind == b"IEND":
            return b"".join(kept)
        at = end
    return None


def _chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", crc32(kind + content))


# WebP (RFC 9649): RIFF chunks, padded to even lengths
_EXIF_FLAG, _XMP_FLAG, _ANIMATION_FLAG, _ALPHA_FLAG = 0x08, 0x04, 0x02, 0x10
_WEBP_SHOWN_BY = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})


def _strip_webp(data: bytes, options: StripOptions) -> bytes | None:
    chunks = _riff_chunks(data, 12, min(len(data), 8 + unpack_from("<I", data, 4)[0]))
    if not chunks or chunks[0][0] != b"VP8X":
        # the simple layout holds only the picture
        return _riff(chunks[:1]) if options.orientation == 1 else None
    flags = chunks[0][1][0] & ~(_EXIF_FLAG | _XMP_FLAG)
    shown = [chunk for chunk in chunks if chunk[0] in _WEBP_SHOWN_BY]
    if any(kind == b"ICCP" and len(content) > PROFILE_LIMIT for kind, content in shown):
        return None
    if options.first_frame and flags & _ANIMATION_FLAG:
        frame = next((content for kind, content in shown if kind == b"ANMF"), b"")
        # offset 0, 0 and the size of the canvas, else the frame is not the whole picture
        if frame[:6] != bytes(6) or frame[6:12] != chunks[0][1][4:10]:
            return None
        inside = _riff_chunks(frame, 16, len(frame))
        flags &= ~(_ANIMATION_FLAG | _ALPHA_FLAG)
        # a lossless picture has its own alpha flag; the one in the header is a hint to readers
        alpha = any(kind == b"ALPH" or (kind == b"VP8L" and content[4] & 0x10) for kind, content in inside)
        flags |= _ALPHA_FLAG if alpha else 0
        shown = [chunk for chunk in shown if chunk[0] == b"ICCP"] + [
            chunk for chunk in inside if chunk[0] in {b"VP8 ", b"VP8L", b"ALPH"}
        ]
    if options.orientation != 1:
        flags |= _EXIF_FLAG
        shown.append((b"EXIF", exif_block(options.orientation)))
    return _riff([(b"VP8X", bytes((flags,)) + chunks[0][1][1:]), *shown])


def webp_is_lossless(data: bytes) -> bool:
    """Whether the first picture of a WebP file is losslessly encoded."""
    at, end = 12, len(data)
    while at + 8 <= end:
        kind, length = unpack_from("<4sI", data, at)
        if kind in {b"VP8 ", b"VP8L"}:
            return bool(kind == b"VP8L")
        # the chunks of a frame follow its header
        at += 24 if kind == b"ANMF" else 8 + length + (length & 1)
    return False


def _riff_chunks(data: bytes, at: int, end: int) -> list[tuple[bytes, bytes]]:
    chunks = []
    while at + 8 <= end:
        kind, length = unpack_from("<4sI", data, at)
        chunks.append((kind, data[at + 8 : at + 8 + length]))
        at += 8 + length + (length & 1)
    return chunks


def _riff(chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(
        kind + pack("<I", len(content)) + content + bytes(len(content) & 1) for kind, content in chunks
    )
    return b"RIFF" + pack("<I", len(body) + 4) + b"WEBP" + body


# GIF89a: the header, then blocks: images (2C) and extensions (21), each a chain of sub-blocks
_GRAPHIC_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def _strip_gif(data: bytes, options: StripOptions) -> bytes | None:
    if options.orientation != 1:
        return None
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    kept = [data[:at]]
    while at < len(data):
        start = at
        if data[at] == 0x2C:
            local = data[at + 9]
            at = _sub_blocks_end(data, at + 11 + (3 << (local & 7) + 1 if local & 0x80 else 0))
            kept.append(data[start:at])
            if options.first_frame:
                break
        elif data[at] == 0x21:
            label = data[at + 1]
            at = _sub_blocks_end(data, at + 2)
            loops = label == _APPLICATION and data.startswith(_LOOPS, start + 3) and not options.first_frame
            if label == _GRAPHIC_CONTROL or loops:
                kept.append(data[start:at])
        else:
            break
    return b"".join((*kept, b";"))


def _sub_blocks_end(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


_STRIPPERS: dict[str, Callable[[bytes, StripOptions], bytes | None]] = {
    "jpeg": _strip_jpeg,
    "png": _strip_png,
    "webp": _strip_webp,
    "gif": _strip_gif,
}


_INDEX = 0xB002
"""The tag of the MP entries, 16 bytes a picture: attributes, byte size, offset, dependent pictures."""

_MARK = b"MPF\0"


def strip_pictures(data: bytes) -> bytes | None:
    """The file with all its pictures but only their orientations as metadata; None if that fails."""
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
    location = _exif_end(parts[0])
    offset = len(parts[0]) + len(segment) - location - 8
    pack_into(sign + "II", segment, 8 + first + 4, len(parts[0]) + len(segment), 0)
    for number, part in enumerate(parts[1:], 1):
        pack_into(sign + "II", segment, 8 + first + 16 * number + 4, len(part), offset)
        offset += len(part)
    return b"".join((parts[0][:location], segment, parts[0][location:], *parts[1:]))


def _stripped(picture: bytes) -> bytes | None:
    facts = probe_bytes(picture, ProbeField.ORIENTATION | ProbeField.INTEGRITY)
    if facts.format != "jpeg" or facts.damage is not None:
        return None
    return strip(picture, "jpeg", StripOptions(facts.orientation))


def _index_segment(data: bytes) -> int:
    """The offset of the segment with the index, among those before the picture data; negative if none."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1] != 0xDA:
        if data[at + 1] == 0xE2 and data.startswith(_MARK, at + 4):
            return at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return -1


def _exif_end(data: bytes) -> int:
    """The offset where the index belongs (CIPA DC-007, section 5.1): after JFIF and EXIF."""
    at = 2
    while data[at + 1] in {0xE0, 0xE1}:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at
