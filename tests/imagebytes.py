"""Image files put together byte by byte, so that each odd shape can be had: for tests of the probes."""

import struct
import zlib
from collections.abc import Iterable

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def tiff(orientation: int | None = 6, *, order: str = "<", gps: Iterable[tuple[int, int]] = ()) -> bytes:
    """A TIFF block with a maker, an orientation and a GPS directory of `gps`: tags and numbers of values."""
    gps = list(gps)
    entries = [(0x010F, 2, 4, b"abc\0")]
    if orientation is not None:
        entries.append((0x0112, 3, 1, struct.pack(order + "HH", orientation, 0)))
    if gps:
        entries.append((0x8825, 4, 1, struct.pack(order + "I", 8 + 2 + 12 * (len(entries) + 1) + 4)))
    block = b"II*\0" if order == "<" else b"MM\0*"
    block += struct.pack(order + "IH", 8, len(entries))
    block += b"".join(struct.pack(order + "HHI", *entry[:3]) + entry[3] for entry in entries) + bytes(4)
    if gps:
        block += struct.pack(order + "H", len(gps))
        block += b"".join(struct.pack(order + "HHI4s", tag, 2, count, b"N\0\0\0") for tag, count in gps)
    return block


def segment(marker: int, payload: bytes = b"") -> bytes:
    """A JPEG segment."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def exif_segment(block: bytes) -> bytes:
    """An APP1 segment with EXIF."""
    return segment(0xE1, b"Exif\0\0" + block)


def frame_header(
    width: int = 40, height: int = 30, *, marker: int = 0xC0, bits: int = 8, components: int = 3
) -> bytes:
    """A JPEG frame header; each component uses the table of its number, two at most."""
    parts = b"".join(bytes((number + 1, 0x11, min(number, 1))) for number in range(components))
    return segment(marker, struct.pack(">BHHB", bits, height, width, components) + parts)


TABLES = segment(0xDB, b"\0" + bytes([16] * 64) + b"\1" + bytes([17] * 64))
SCAN = segment(0xDA, b"\1\1\0\0\x3f\0")


def jpeg(
    *before: bytes, frame: bytes | None = None, after: bytes = b"", end: bytes = b"\1\2\3\xff\xd9"
) -> bytes:
    """A JPEG file: segments, tables, the frame header, more segments, the scan, what follows it."""
    header = frame_header() if frame is None else frame
    return b"\xff\xd8" + b"".join(before) + TABLES + header + after + SCAN + end


def chunk(kind: bytes, data: bytes = b"", *, checksum: int | None = None) -> bytes:
    """A PNG chunk."""
    crc = zlib.crc32(kind + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def ihdr(
    width: int = 40, height: int = 30, depth: int = 8, colour: int = 2, methods: bytes = b"\0\0\0"
) -> bytes:
    """A PNG header chunk."""
    return chunk(b"IHDR", struct.pack(">IIBB", width, height, depth, colour) + methods)


IEND = chunk(b"IEND")
IDAT = chunk(b"IDAT", zlib.compress(bytes(30 * 121)))


def png(
    *before: bytes, header: bytes | None = None, data: bytes = IDAT, after: bytes = b"", end: bytes = IEND
) -> bytes:
    """A PNG file: header, chunks, picture data, more chunks, the end."""
    return SIGNATURE + (ihdr() if header is None else header) + b"".join(before) + data + after + end


def actl(frames: int) -> bytes:
    """The chunk that makes a PNG file an animation."""
    return chunk(b"acTL", struct.pack(">II", frames, 0))


def fctl(number: int = 0) -> bytes:
    """The control chunk of a frame."""
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, 40, 30, 0, 0, 1, 10, 0, 0))


def gif(*blocks: bytes, size: tuple[int, int] = (40, 30), end: bytes = b";") -> bytes:
    """A GIF file with a palette of two colours."""
    return b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 0, 0) + bytes(6) + b"".join(blocks) + end


def gif_frame(
    size: tuple[int, int] = (4, 3),
    at: tuple[int, int] = (0, 0),
    *,
    data: bytes = b"\x04\x84\x8f\xa9\x50\0",
    code: int = 2,
) -> bytes:
    """A GIF frame: descriptor, code size, sub-blocks."""
    return b"," + struct.pack("<HHHHB", *at, *size, 0) + bytes((code,)) + data


def sub_blocks(data: bytes, length: int = 255) -> bytes:
    """Data cut into GIF sub-blocks, with their end."""
    pieces = (data[at : at + length] for at in range(0, len(data), length))
    return b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\0"


def riff(*chunks: bytes, length: int | None = None) -> bytes:
    """A WebP file of chunks."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if length is None else length) + body


def webp_chunk(kind: bytes, data: bytes = b"") -> bytes:
    """A chunk of a WebP file, padded to an even length."""
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) & 1)


def vp8(
    width: int = 40, height: int = 30, *, start: bytes = b"\x9d\x01\x2a", tag: bytes = b"\x10\0\0"
) -> bytes:
    """A lossy picture; only its header is real."""
    return webp_chunk(b"VP8 ", tag + start + struct.pack("<HH", width, height) + bytes(8))


def vp8l(width: int = 40, height: int = 30, *, mark: int = 0x2F, version: int = 0) -> bytes:
    """A lossless picture; only its header is real."""
    return webp_chunk(
        b"VP8L", struct.pack("<BI", mark, width - 1 | height - 1 << 14 | version << 29) + bytes(8)
    )


def vp8x(width: int = 40, height: int = 30, flags: int = 0) -> bytes:
    """The header of an extended WebP file."""
    return webp_chunk(
        b"VP8X",
        struct.pack("<I", flags) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
    )


def anmf() -> bytes:
    """A frame of an animated WebP file."""
    return webp_chunk(b"ANMF", bytes(16) + vp8l(4, 4))


def bmff(kind: bytes, *parts: bytes) -> bytes:
    """A box of an ISO base media file."""
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body
