"""Files other than JPEG, PNG, GIF and WebP: format and size from the header, Pillow as a last resort."""

import io
import warnings
from collections.abc import Callable
from importlib import import_module
from struct import Struct
from typing import NamedTuple

from imgbudget.imageinfo.exif import read_tiff
from imgbudget.imageinfo.heif import boxes, heif_xmp_orientation, read_heif
from imgbudget.imageinfo.reader import Read, Source
from imgbudget.imageinfo.signatures import identify, identify_text
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.model.subjects import ImageFacts, ProbeField

RARE_FORMATS = (
    *("Blp", "Dcx", "Fli", "Ftex", "Gbr", "Im", "McIdas", "Msp", "Pcd", "Pcx", "Pixar", "Sgi", "Sun"),
    *("Wmf", "XVThumb", "Tga"),
)
"""Pillow's readers for formats without a signature known here; TGA has none at all and is last."""

_BYTE_LIMIT = 1 << 19
"""Maximum total bytes that Pillow may read; headers take a few thousand, malformed ones are endless."""

_BUFFER = 512


class PillowInfo(NamedTuple):
    """Format, size and frames according to Pillow."""

    format: str
    size: Size
    frames: int


class _PositionalFile(io.RawIOBase):
    """A file object over a positional reader, limited to `_BYTE_LIMIT` bytes."""

    def __init__(self, read: "Read", size: int) -> None:
        self._read, self._size, self._position, self._left = read, size, 0, _BYTE_LIMIT
        self.failure: OSError | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        try:
            data = self._read(min(len(buffer), self._left), self._position)
        except OSError as error:
            self.failure = error
            raise
        buffer[: len(data)] = data
        self._position += len(data)
        self._left -= len(data)
        return len(data)


def open_with_pillow(read: "Read", size: int, readers: tuple[str, ...]) -> PillowInfo | str | None:
    """Format, size and frames according to Pillow, using only these readers.

    A clause if Pillow refuses to open such a large image; None if it does not recognise the file, or is not
    there, as in a browser.

    Raises:
        OSError: raised by the reader.
    """
    try:
        from PIL import Image  # noqa: PLC0415 - rare
    except ModuleNotFoundError:
        return None

    # else Pillow imports all readers; readers that a later Pillow removed are skipped
    formats = [reader.upper() for reader in readers if _imported(f"PIL.{reader}ImagePlugin")]
    file = _PositionalFile(read, size)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BufferedReader(file, _BUFFER), formats=formats) as image:
                return PillowInfo(
                    (image.format or "").lower(), Size(*image.size), getattr(image, "n_frames", 1)
                )
    except Image.DecompressionBombError:
        return "claims more pixels than Pillow opens"
    except Exception:  # noqa: BLE001 - Pillow's readers raise arbitrary exceptions on broken bytes
        if file.failure is not None:
            raise file.failure from None
        return None


def _imported(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return False
    return True


_TOKEN_LIMIT = 1024


def _bmp(source: Source) -> Size | None:
    if source.head[14:18] == b"\x0c\0\0\0":
        return _at(source.head, 18, "<HH")
    size = _at(source.head, 18, "<ii")
    # a negative height means that rows run from top to bottom
    return Size(size.width, abs(size.height)) if size else None


def _icon(source: Source) -> Size | None:
    """The size of the largest image from its own header; the directory may have 0 for unknown."""
    count = min(int.from_bytes(source.head[4:6], "little"), (len(source.head) - 6) // 16)
    entries = list(Struct("<BB10xI").iter_unpack(source.head[6 : 6 + 16 * count]))
    if not entries:
        return None
    width, height, offset = max(entries, key=lambda entry: (entry[0] or 256) * (entry[1] or 256))
    header = source.bytes_at(offset, 24)
    if header.startswith(b"\x89PNG"):
        return _at(header, 16, ">II")
    size = _at(header, 4, "<ii") if header.startswith(b"\x28\0\0\0") else None
    # the height includes the mask
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
    """Two numbers after the signature, with comments from # to the end of the line."""
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
    """SizeHeader of the codestream (ISO/IEC 18181-1, section D.3), which may be in a box."""
    stream = source.head[:16]
    if not stream.startswith(b"\xff\x0a"):
        # the box of a partial codestream starts with the number of the part
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
    """%%BoundingBox of the header in points, which Pillow uses as pixels."""
    _, found, rest = source.head.partition(b"%%BoundingBox:")
    words = rest[:_TOKEN_LIMIT].split(None, 4)[:4]
    numbers = [word for word in words if word.lstrip(b"-").isdigit() and len(word) < 8]
    if not found or len(numbers) < 4:
        return None
    left, bottom, right, top = map(int, numbers)
    return Size(right - left, top - bottom)


def _number_behind(data: bytes, name: bytes) -> int:
    """The number after a name; 0 if there is none."""
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
"""The reader of the size for each format; it returns None for a header that is too short or invalid."""


def _at(data: bytes, offset: int, layout: str) -> Size | None:
    """The two numbers at an offset, as a size; None if the data is too short."""
    numbers = Struct(layout)
    if offset + numbers.size > len(data):
        return None
    return Size(*numbers.unpack_from(data, offset))


_STARTS = (("jpeg", b"\xff\xd8\xff"), ("png", b"\x89PNG"), ("gif", b"GIF8"), ("webp", b"RIFF"))

_FRAMES, _TURN = int(ProbeField.FRAMES), int(ProbeField.ORIENTATION)

_HEAD = 4096
"""Bytes that distinguish kinds of text; the first read of image files is shorter."""

_HEIF = frozenset({"avif", "heic", "heif"})
_TIFF = frozenset({"tiff", "cr2"})
_PILLOW_READERS = {"tiff": "Tiff", "psd": "Psd", "icns": "Icns", "fits": "Fits", "xpm": "Xpm"}
"""Formats with a known signature whose size Pillow reads, and Pillow's readers."""


def probe_other(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:
    """The facts of a file of any other kind; `head` are its first bytes, `fields` the needed bits."""
    if not head:
        return ImageFacts(byte_size=size, damage="is empty (0 bytes)")
    for name, start in _STARTS:
        if 1 < len(head) < 4 and start.startswith(head):
            damage = f"ends inside its header ({figure(size)} bytes)"
            return ImageFacts(byte_size=size, format=name, damage=damage)
    if len(head) < min(_HEAD, size):
        head = read(_HEAD, 0)
    kind = identify(head)
    if kind == (None, None):
        kind = identify_text(head, whole=len(head) >= size)
    if kind.content is not None:
        return ImageFacts(byte_size=size, content=kind.content)
    source = Source(head, read, size)
    facts = _unknown(source) if kind.format is None else _known(kind.format, source, fields)
    if facts.size is not None and min(facts.size) < 1:
        facts = facts._replace(size=None)
    if facts.frames > 2 and not fields & _FRAMES:
        facts = facts._replace(frames=2)
    return facts


def _known(name: str, source: Source, fields: int) -> ImageFacts:
    """The facts of a file with a known signature."""
    facts = ImageFacts(byte_size=source.size, format=name)
    if name in SIZES:
        facts = facts._replace(size=SIZES[name](source))
        if name != "psd":  # Pillow counts the layers of a PSD as frames
            return facts
    if name in _HEIF:
        picture = read_heif(source)
        turn = heif_xmp_orientation(source) if name == "avif" and fields & _TURN else 0
        if picture.orientation == 1 and turn > 1:
            return facts._replace(size=picture.size, orientation=turn, frames=picture.frames, in_xmp=True)
        return facts._replace(size=picture.size, orientation=picture.orientation, frames=picture.frames)
    if name in _TIFF:
        pages = read_tiff(source, fields)
        if pages is not None:
            return facts._replace(
                format=pages.format or name,
                size=pages.size,
                orientation=pages.orientation,
                frames=pages.frames,
                has_location=pages.has_location,
                in_xmp=pages.in_xmp,
            )
    if name in _PILLOW_READERS:
        info = open_with_pillow(source.read, source.size, (_PILLOW_READERS[name],))
        if isinstance(info, str):
            return facts._replace(damage=info)
        if info is not None:
            return facts._replace(size=info.size, frames=info.frames)
    return facts


def _unknown(source: Source) -> ImageFacts:
    """The facts of a file without a known signature, if Pillow recognises it."""
    info = open_with_pillow(source.read, source.size, RARE_FORMATS)
    if isinstance(info, str):
        return ImageFacts(byte_size=source.size, content="unknown bytes", damage=info)
    if info is None:
        return ImageFacts(byte_size=source.size, content="unknown bytes")
    return ImageFacts(byte_size=source.size, format=info.format, size=info.size, frames=info.frames)
