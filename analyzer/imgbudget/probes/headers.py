"""The size out of the headers of formats that the API does not take, where a few lines tell it."""

from collections.abc import Callable
from struct import Struct

from imgbudget.geometry import Size
from imgbudget.probes.boxes import boxes
from imgbudget.probes.reader import Source

_TOKEN_LIMIT = 1024


def _bmp(source: Source) -> Size | None:
    if source.head[14:18] == b"\x0c\0\0\0":
        return _at(source.head, 18, "<HH")
    size = _at(source.head, 18, "<ii")
    # a negative height says that the rows run from top to bottom
    return Size(size.width, abs(size.height)) if size else None


def _icon(source: Source) -> Size | None:
    """The size of the largest picture, as its own header has it: the directory may say 0 for unknown."""
    count = min(int.from_bytes(source.head[4:6], "little"), (len(source.head) - 6) // 16)
    entries = list(Struct("<BB10xI").iter_unpack(source.head[6 : 6 + 16 * count]))
    if not entries:
        return None
    width, height, offset = max(entries, key=lambda entry: (entry[0] or 256) * (entry[1] or 256))
    header = source.bytes_at(offset, 24)
    if header.startswith(b"\x89PNG"):
        return _at(header, 16, ">II")
    size = _at(header, 4, "<ii") if header.startswith(b"\x28\0\0\0") else None
    # the height counts the mask too
    return Size(size.width, abs(size.height) // 2) if size else Size(width or 256, height or 256)


def _psd(source: Source) -> Size | None:
    size = _at(source.head, 14, ">II")
    return size.transposed if size else None


def _qoi(source: Source) -> Size | None:
    return _at(source.head, 4, ">II")


def _dds(source: Source) -> Size | None:
    size = _at(source.head, 12, "<II")
    return size.transposed if size else None


def _pnm(source: Source) -> Size | None:
    """Two numbers behind the mark, with comments from # to the end of a line between them."""
    lines = source.head[2:_TOKEN_LIMIT].split(b"\n")
    words = b" ".join(line.partition(b"#")[0] for line in lines).split()
    if len(words) < 2 or not (words[0].isdigit() and words[1].isdigit()) or len(words[0] + words[1]) > 20:
        return None
    return Size(int(words[0]), int(words[1]))


def _jp2(source: Source) -> Size | None:
    """SIZ of a codestream, or the ihdr box, the first inside jp2h (ISO/IEC 15444-1, annexes A and I)."""
    if source.head.startswith(b"\xff\x4f"):
        size, offset = _at(source.head, 8, ">II"), _at(source.head, 16, ">II")
        return Size(size.width - offset.width, size.height - offset.height) if size and offset else None
    for box in boxes(source):
        if box.kind == b"jp2h":
            size = _at(source.bytes_at(box.start + 8, 8), 0, ">II")
            return size.transposed if size else None
    return None


def _jxl(source: Source) -> Size | None:
    """SizeHeader of the codestream (ISO/IEC 18181-1, section D.3), which a box may hold."""
    stream = source.head[:16]
    if not stream.startswith(b"\xff\x0a"):
        # the box of a codestream in parts starts with the part's number
        starts = {b"jxlc": 0, b"jxlp": 4}
        box = next((box for box in boxes(source) if box.kind in starts), None)
        stream = source.bytes_at(box.start + starts[box.kind], 16) if box else b""
    if len(stream) < 12 or not stream.startswith(b"\xff\x0a"):
        return None
    bits = int.from_bytes(stream[2:], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & (1 << count) - 1
        bits >>= count
        return value

    small = take(1)

    def edge() -> int:
        return (take(5) + 1) * 8 if small else take((9, 13, 18, 30)[take(2)]) + 1

    height = edge()
    ratio = take(3)
    if not ratio:
        return Size(edge(), height)
    across, down = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
    return Size(height * across // down, height)


def _xbm(source: Source) -> Size | None:
    """Two lines of C: #define x_width 16, #define x_height 16."""
    edges = {name: _number_behind(source.head, name) for name in (b"_width", b"_height")}
    return Size(edges[b"_width"], edges[b"_height"])


def _eps(source: Source) -> Size | None:
    """%%BoundingBox of the header in points, which is what Pillow takes for pixels."""
    _, found, rest = source.head.partition(b"%%BoundingBox:")
    words = rest[:_TOKEN_LIMIT].split(None, 4)[:4]
    numbers = [word for word in words if word.lstrip(b"-").isdigit() and len(word) < 8]
    if not found or len(numbers) < 4:
        return None
    left, bottom, right, top = map(int, numbers)
    return Size(right - left, top - bottom)


def _number_behind(data: bytes, name: bytes) -> int:
    """The number that follows a name; 0 when there is none."""
    words = data.partition(name)[2][:_TOKEN_LIMIT].split(None, 1)
    return int(words[0]) if words and words[0].isdigit() and len(words[0]) < 8 else 0


SIZES: dict[str, Callable[[Source], Size | None]] = {
    "bmp": _bmp,
    "ico": _icon,
    "cur": _icon,
    "psd": _psd,
    "qoi": _qoi,
    "dds": _dds,
    "pbm": _pnm,
    "pgm": _pnm,
    "ppm": _pnm,
    "jp2": _jp2,
    "jxl": _jxl,
    "xbm": _xbm,
    "eps": _eps,
}
"""By format: how its size is read; None for a header that is too short or makes no sense."""


def _at(data: bytes, offset: int, layout: str) -> Size | None:
    """Two numbers at an offset, as a size."""
    numbers = Struct(layout)
    if offset + numbers.size > len(data):
        return None
    return Size(*numbers.unpack_from(data, offset))
