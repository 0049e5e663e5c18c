"""Decompression by the bytes that come out: sizes in a file are claims, and what they claim is never trusted.

A member of an archive unpacks to at most `MOST` bytes, an archive to at most `most_unpacked` of its packed
size. What is longer is not unpacked, and says so in its row.
"""

import bz2
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from tempfile import TemporaryFile
from types import MethodType
from typing import IO, TYPE_CHECKING, Protocol

from imgbudget.auditing.extras import needed
from imgbudget.auditing.inputs.opening import STEP
from imgbudget.auditing.records import Content
from imgbudget.errors import UnreadableError
from imgbudget.imageinfo.reader import Read, bytes_reader
from imgbudget.output.base import figure
from imgbudget.positional import pread

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST = 512 << 20
"""Bytes of a packed member above which it is not unpacked: no model accepts an image of that length."""

HELD = 64 << 20
"""Bytes of a member that are in memory, at most; a longer one is in a temporary file."""

FREE = 1 << 30
"""Bytes that any archive may unpack to."""

RATIO = 200
"""Times its packed size that a larger archive may unpack to: images are packed already, bombs are not."""

MOST_UNPACKED = 1 << 40
"""Bytes that no archive may unpack to."""

MOST_DICTIONARY = 256 << 20
"""Bytes of the dictionary that an LZMA member may ask for."""

_PACKED_STEP = 1 << 16


def most_unpacked(packed: int) -> int:
    """The bytes that an archive of so many packed bytes may unpack to."""
    return min(FREE + RATIO * packed, MOST_UNPACKED)


def too_much(what: str, most: int) -> UnreadableError:
    """The error of something that unpacks to more than it may."""
    return UnreadableError(f"{what} unpacks to more than {figure(most)} bytes")


class ByteStream(Protocol):
    """What is read forwards."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""


def exactly(stream: ByteStream, size: int) -> bytes:
    """So many bytes, read in steps; fewer at the end of the stream."""
    parts = []
    while size and (data := stream.read(min(size, STEP))):
        parts.append(data)
        size -= len(data)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class Decompressor(Protocol):
    """What all decompressors of the standard library have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end of the packed data was reached."""

    def unpack(self, data: bytes, most: int) -> bytes:
        """Up to `most` bytes of what `data`, and what was kept of earlier data, unpack to."""

    @property
    def needs_input(self) -> bool:
        """Whether all that is there is unpacked."""


class _Deflate:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(-15)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def unpack(self, data: bytes, most: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, most)


class _Buffered:
    """BZ2 and LZMA, which keep the data that they have not unpacked."""

    def __init__(self, inner: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._inner = inner

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return self._inner.needs_input

    def unpack(self, data: bytes, most: int) -> bytes:
        return self._inner.decompress(data, most)


class _ZipLzma:
    """LZMA as zip archives have it: a version and the properties come first."""

    def __init__(self) -> None:
        self._head = b""
        self._inner: lzma.LZMADecompressor | None = None

    @property
    def eof(self) -> bool:
        return self._inner is not None and self._inner.eof

    @property
    def needs_input(self) -> bool:
        return self._inner is None or self._inner.needs_input

    def unpack(self, data: bytes, most: int) -> bytes:
        if self._inner is None:
            self._head += data
            if len(self._head) < 9:
                return b""
            data, self._head = self._head[9:], self._head[:9]
            self._inner = _lzma(self._head)
        return self._inner.decompress(data, most)


def _lzma(head: bytes) -> lzma.LZMADecompressor:
    length, properties, dictionary = struct.unpack("<2xHBI", head)
    if length != 5 or properties >= 9 * 5 * 5:
        raise UnreadableError("its LZMA properties are invalid")
    if dictionary > MOST_DICTIONARY:
        raise UnreadableError(f"it needs a dictionary of {figure(dictionary)} bytes")
    rest, literal = divmod(properties, 9)
    position, low = divmod(rest, 5)
    chain = {
        "id": lzma.FILTER_LZMA1,
        "dict_size": max(dictionary, 1 << 12),
        "lc": literal,
        "lp": low,
        "pb": position,
    }
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[chain])


_METHODS: dict[int, Callable[[], Decompressor]] = {
    zipfile.ZIP_DEFLATED: _Deflate,
    zipfile.ZIP_BZIP2: lambda: _Buffered(bz2.BZ2Decompressor()),
    zipfile.ZIP_LZMA: _ZipLzma,
    95: lambda: _Buffered(lzma.LZMADecompressor(lzma.FORMAT_XZ, MOST_DICTIONARY)),
}


_ZSTD, _OLD_ZSTD = 93, 20
_UNSUPPORTED = {
    **dict.fromkeys(range(1, 6), "Shrink or Reduce"),
    6: "Implode",
    9: "Deflate64",
    10: "PKWARE's Implode",
    18: "IBM TERSE",
    19: "LZ77",
    94: "MP3",
    96: "a packer for JPEG",
    97: "WavPack",
    98: "PPMd",
    99: "AES encryption",
}
"""Methods of zip archives that are not supported (APPNOTE 4.4.5)."""


class _Forwards(io.RawIOBase):
    """The packed bytes of a member as a file."""

    def __init__(self, read: Read, size: int) -> None:
        super().__init__()
        self._read, self._size, self._at = read, size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        data = self._read(min(len(view), self._size - self._at), self._at)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def by_arrow(raw: IO[bytes], codec: str) -> IO[bytes]:
    """A packed stream, unpacked by pyarrow, which is imported with the first one."""
    arrow = needed("pyarrow", f"files packed with {codec}")
    return io.BufferedReader(arrow.CompressedInputStream(arrow.PythonFile(raw, mode="r"), codec), STEP)


def _zstd(read: Read, packed: int) -> Iterator[bytes]:
    with by_arrow(io.BufferedReader(_Forwards(read, packed)), "zstd") as stream:
        while piece := stream.read(STEP):
            yield piece


def unpacked(read: Read, packed: int, method: int) -> Iterator[bytes]:
    """The content of a zip member of `packed` bytes, in pieces of up to a megabyte.

    Raises:
        UnreadableError: the method is unknown, or the data ends too early. Others: as the decompressors do.
    """
    if method in (_ZSTD, _OLD_ZSTD):
        yield from _zstd(read, packed)
        return
    make = _METHODS.get(method)
    if make is None:
        name = _UNSUPPORTED.get(method, "an unknown method")
        raise UnreadableError(f"packed by {name} (method {method}), which is not supported; unpack it first")
    decompressor: Decompressor = make()
    at = 0
    while not decompressor.eof:
        data = b""
        if decompressor.needs_input:
            data = read(min(_PACKED_STEP, packed - at), at)
            if not data:
                break
            at += len(data)
        if piece := decompressor.unpack(data, STEP):
            yield piece
    while not decompressor.eof and (piece := decompressor.unpack(b"", STEP)):
        yield piece
    if not decompressor.eof and method != zipfile.ZIP_LZMA:  # its end mark is optional
        raise UnreadableError("it ends before its packed data does")


def gathered(pieces: Iterator[bytes], size: int) -> tuple[Content, int]:
    """The pieces as the content of an image with its CRC: in memory, or in a temporary file if it is long.

    Raises:
        UnreadableError: they are not `size` bytes.
    """
    held = bytearray()
    spooled: IO[bytes] | None = None
    length = crc = 0
    for piece in pieces:
        length += len(piece)
        if length > size:
            raise UnreadableError(f"it unpacks to more than the {figure(size)} bytes that are declared")
        crc = zlib.crc32(piece, crc)
        if spooled is None and length <= HELD:
            held += piece
            continue
        if spooled is None:
            spooled = TemporaryFile()  # noqa: SIM115 - closed with the content that reads it
            spooled.write(held)
            held = bytearray()
        spooled.write(piece)
    if length != size:
        raise UnreadableError(f"it unpacks to {figure(length)} bytes, but {figure(size)} are declared")
    if spooled is None:
        data = bytes(held)
        return Content(length, bytes_reader(data), data), crc
    spooled.flush()
    return Content(length, _Spooled(spooled)), crc


class XzStream(io.RawIOBase):
    """A stream packed by xz or LZMA, of one part or several, whose dictionary is bounded."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__()
        self._raw = raw
        self._inner = _xz()

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill a buffer; the number of bytes, 0 at the end."""
        view = memoryview(buffer)
        data = b""
        while not data:
            packed = b""
            if self._inner.eof:
                packed = self._inner.unused_data.lstrip(b"\0")  # zeros may be between two parts
                while not packed and (more := self._raw.read(_PACKED_STEP)):
                    packed = more.lstrip(b"\0")
                if not packed:
                    return 0
                self._inner = _xz()
            elif self._inner.needs_input:
                packed = self._raw.read(_PACKED_STEP)
                if not packed:
                    raise EOFError("the packed data ends before its end marker")
            data = self._inner.decompress(packed, len(view))
        view[: len(data)] = data
        return len(data)


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_AUTO, MOST_DICTIONARY + (16 << 20))


class Metered:
    """Reads a packed stream forwards, until it unpacks to more than an archive of its size may."""

    def __init__(self, stream: ByteStream, packed: Callable[[], int]) -> None:
        """`packed` returns how many packed bytes have been read."""
        self._stream = stream
        self._packed = packed
        self._left = FREE
        self._total = 0

    def read(self, size: int) -> bytes:
        """Up to `size` bytes.

        Raises:
            UnreadableError: the archive unpacks to too much.
        """
        data = self._stream.read(size)
        self._total += len(data)
        self._left -= len(data)
        if self._left < 0:
            most = most_unpacked(self._packed())
            if self._total > most:
                raise too_much("the archive", most)
            self._left = most - self._total
        return data


class _Spooled:
    """A reader by position of a temporary file, which goes away with it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._read: Read = MethodType(pread, file.fileno())

    def __call__(self, size: int, offset: int) -> bytes:
        return self._read(size, offset)

    def __del__(self) -> None:
        self._file.close()
