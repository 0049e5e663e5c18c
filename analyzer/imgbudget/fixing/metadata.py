"""Metadata removed byte by byte: the encoded picture stays, also in JPEG files of several pictures."""

import re
import sys
from collections.abc import Callable, Iterator
from struct import pack, pack_into, unpack_from
from typing import NamedTuple
from zlib import crc32

from imgbudget.imageinfo.exif import ORDERS, directory, parse_exif
from imgbudget.imageinfo.jpeg import stays
from imgbudget.imageinfo.jpeg_turning import ABOUT_PICTURES

PROFILE_LIMIT = 1 << 15
"""Bytes of a colour profile that are kept: those of displays and cameras have 0.5 to 4 kB, those of printing
presses hundreds. A picture with a larger profile is better converted."""


class StripOptions(NamedTuple):
    """The EXIF orientation to write (1 for none), and whether to drop all frames but the first.

    With `any_profile` a colour profile is kept in JPEG and WebP whatever its size.
    """

    orientation: int = 1
    first_frame: bool = False
    any_profile: bool = False


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
_END = 0xD9
_ADOBE, _PROFILE, _JFIF = b"Adobe", b"ICC_PROFILE\0", b"JFIF\0"


def _strip_jpeg(data: bytes, options: StripOptions) -> bytes | None:
    turn = b""
    if options.orientation != 1:
        turn = _segment(0xE1, b"Exif\0\0" + exif_block(options.orientation))
    more = b"" if options.first_frame else _more_pictures(data)
    if more is None:
        return None
    kept, profile, written = bytearray(b"\xff\xd8"), 0, False
    index, thermal = None, False
    for kind, start, end in segments(data):
        segment = data[start:end]
        if kind == _END:
            kept += segment
            if index is not None and not _move_pictures(kept, *index, old=(end, len(data))):
                return None
            too_large = profile > PROFILE_LIMIT and not options.any_profile
            return None if too_large or _OTHER_PLACE.search(kept) else bytes(kept + more)
        part = _kept_segment(kind, segment)
        if not part and not options.first_frame:
            part = _picture_segment(kind, segment, more=bool(more))
            # what follows the raw data in APP3: how to read temperatures from it
            thermal = thermal or (kind == 0xE3 and part != b"")
            part = segment if thermal and 0xE4 <= kind <= 0xE9 else part
        if kind != 0xE0 and not written:
            # EXIF comes before everything but the JFIF header
            kept += turn
            written = True
        if kind == 0xE2 and part.startswith(_PROFILE, 4):
            profile += len(part)
        elif kind == 0xE2 and part.startswith(_MPF, 4) and index is None:
            index = len(kept), start
        kept += part
    return None


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The kind, start and end of each segment of the first picture; a scan includes its data."""
    at = 2
    while (at := next_marker(data, at)) >= 0:
        kind = data[at + 1]
        end = at + 2 if kind == _END else at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if kind == 0xDA:
            end = scan_end(data, end)
        yield kind, at, end
        if kind == _END:
            return
        at = end


def _segment(kind: int, payload: bytes) -> bytes:
    return b"\xff" + bytes((kind,)) + pack(">H", len(payload) + 2) + payload


# Other pictures in a JPEG file: gain map, preview, depth map, thermal data. They follow the first picture
# (MPF, CIPA DC-007; Ultra HDR and the motion photos of Google; trailers of Samsung), or are in its segments.
_MPF, _XMP = b"MPF\0", b"http://ns.adobe.com/xap/1.0/\0"
SIGNATURE = "signature of its origin (C2PA)"
"""It does not fit any changed file, so that no edit keeps it."""

_PICTURE = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n|ftyp|SEFT")
"""In the bytes after a picture: another one, a video, or the directory of a trailer of Samsung."""

_GPS_IN_XMP = re.compile(
    rb"""\sexif:GPS\w{1,40}\s{0,9}=\s{0,9}("[^"]{0,200}"|'[^']{0,200}')"""
    rb"""|<exif:GPS(\w{1,40})[^>]{0,200}>.{0,400}?</exif:GPS\2\s{0,9}>""",
    re.DOTALL,
)
"""A position in XMP; what is longer than positions are is left, so that no text takes long."""

_SEGMENT_OF_METADATA = re.compile(rb"\xff\xe1(..)(Exif\0\0|http://ns\.adobe\.com/xap/1\.0/\0)", re.DOTALL)
_VIDEO_PLACE = re.compile(rb"\xa9xyz(..)..", re.DOTALL)
"""The position of a video (QuickTime), after the length of its text and its language."""

_OTHER_PLACE = re.compile(rb"location\.ISO6709|exif:GPSL|loci\0\0\0\0")
"""Other positions, which are not removed: then the file is left as it is."""


def _picture_segment(kind: int, segment: bytes, *, more: bool) -> bytes:
    """The kept part of a segment that belongs to another picture; empty for any other."""
    if kind == 0xE1 and segment.startswith(_XMP, 4) and re.search(ABOUT_PICTURES, segment):
        return _segment(0xE1, _GPS_IN_XMP.sub(b"", segment[4:]))
    if kind == 0xE2 and segment.startswith(_MPF, 4):
        return segment if more else b""
    return segment if 0xE1 <= kind <= 0xEF and stays(0xFF00 + kind, segment, 4) else b""


_BESIDE = (
    (re.compile(rb"\xff\xe1..FLIR\0", re.DOTALL), "thermal data"),
    (re.compile(rb"\xff\xe1..http://ns\.adobe\.com/x.*(GDepth|GImage|depthmap)", re.DOTALL), "depth map"),
    (re.compile(rb"\xff\xe1..http://ns\.adobe\.com/x.*(hdrgm:Version|HDRGainMap)", re.DOTALL), "gain map"),
    (re.compile(rb"\xff\xe2..urn:iso:std:iso:ts:21496:|\xff\xeb..HDR_RI", re.DOTALL), "gain map"),
    (re.compile(rb"\xff\xeb..JP.{10}jumb.*c2pa", re.DOTALL), SIGNATURE),
    (re.compile(rb"\xff\xeb..JP.{10}(?!jumb)", re.DOTALL), "data of JPEG XT"),
)
"""The beginnings of segments with other data for the picture, and what they hold."""


def beside_picture(data: bytes) -> tuple[str, ...]:
    """What the segments of a JPEG file hold beside its picture and metadata, in words, without doubles."""
    found: dict[str, None] = {}
    for kind, start, end in segments(data):
        if kind == 0xDA:
            break
        segment = data[start:end]
        if kind == 0xE3 and stays(0xFFE3, segment, 4):
            found["thermal data"] = None
        elif kind in {0xE1, 0xE2, 0xEB}:
            found |= {name: None for head, name in _BESIDE if head.match(segment)}
    return tuple(found)


def _more_pictures(data: bytes) -> bytes | None:
    """What follows the first picture, without metadata but at the same offsets; empty if it is no picture.

    None if it has a position that cannot be removed.
    """
    end = jpeg_end(data)
    rest = bytearray(data[end + 2 :]) if end >= 0 else bytearray()
    if not _PICTURE.search(rest):
        return b""
    for found in list(_SEGMENT_OF_METADATA.finditer(rest)):
        first, last = found.start(2), found.start(1) + int.from_bytes(found[1], "big")
        if last > len(rest):
            continue
        payload = bytes(rest[first:last])
        if payload.startswith(b"Exif"):
            kept = b"Exif\0\0" + exif_block(parse_exif(payload[6:]).orientation or 1)
        elif re.search(ABOUT_PICTURES, payload):
            kept = _GPS_IN_XMP.sub(b"", payload)
        else:
            kept = _XMP
        if len(kept) <= len(payload):
            rest[first:last] = kept.ljust(len(payload), b" " if payload.startswith(_XMP) else b"\0")
    for found in list(_VIDEO_PLACE.finditer(rest)):
        length = int.from_bytes(found[1], "big")
        rest[found.end() : found.end() + length] = b" " * len(rest[found.end() : found.end() + length])
    return None if _OTHER_PLACE.search(rest) else bytes(rest)


def _move_pictures(kept: bytearray, at: int, old_at: int, *, old: tuple[int, int]) -> bool:
    """Correct the MP index at an offset of a stripped picture, where it was at `old_at`; whether that worked.

    `old` are the end of the picture and of the file before. Offsets count from the eighth byte of the
    segment. Sizes are cut to the file: Pillow writes larger ones.
    """
    block = bytes(kept[at + 8 : at + 2 + int.from_bytes(kept[at + 2 : at + 4], "big")])
    index = directory(block)
    entry = index.entry(_INDEX) if index else None
    if index is None or entry is None or entry.values != 16 * (index.number(_COUNT) or 1):
        return False
    sign, first = ORDERS[block[:4]].sign, index.order.long(entry.raw)[0]
    if first + entry.values > len(block):
        return False
    shorter = old[0] - len(kept)
    for start in range(first, first + entry.values, 16):
        size, offset = unpack_from(sign + "II", block, start + 4)
        begin = 0 if start == first else old_at + 8 + offset
        size = min(size, old[1] - begin)
        if start == first:
            size -= shorter
        elif begin >= old[0]:
            offset += old_at - at - shorter
        if size < 0 or offset < 0:
            return False
        pack_into(sign + "II", kept, at + 8 + start + 4, size, offset)
    return True


_COUNT = 0xB001
_INDEX = 0xB002
"""The tags of the number of pictures, and of their entries: attributes, bytes, offset, dependent pictures."""


def jpeg_end(data: bytes) -> int:
    """The offset of the marker that ends the first picture of a JPEG file; negative if there is none."""
    return next((start for kind, start, _ in segments(data) if kind == _END), -1)


def has_more_pictures(data: bytes) -> bool:
    """Whether another picture, such as a gain map or a preview, or a video follows that of a JPEG file."""
    end = jpeg_end(data)
    return end >= 0 and _PICTURE.search(data, end + 2) is not None


def next_marker(data: bytes, at: int) -> int:
    """The next marker that starts a segment or ends the picture; decoders skip bytes before it."""
    found = _MARKER.search(data, at)
    return found.start() if found else -1


def scan_end(data: bytes, at: int) -> int:
    """The end of the scan whose header ends at an offset."""
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
    limit = sys.maxsize if options.any_profile else PROFILE_LIMIT
    if any(kind == b"ICCP" and len(content) > limit for kind, content in shown):
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
