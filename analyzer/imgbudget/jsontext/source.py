"""Positional access to the bytes of a JSON text: an open file, or bytes in memory."""

import os
from types import TracebackType
from typing import Self

from imgbudget.namedtuples import NamedTuple
from imgbudget.positional import OPEN_FLAGS, pread


class Start(NamedTuple):
    """A position in JSON Lines: byte offset, 1-based line, 0-based number of the next document."""

    offset: int
    line: int
    number: int


BEGINNING = Start(0, 1, 0)


class JsonSource:
    """Bytes that are read by position.

    The caller must spool input that cannot seek (standard input, a pipe) to a file or to bytes.
    """

    __slots__ = ("_data", "_fd", "_owned", "data", "size")

    data: bytes | None
    """All bytes, if they are in memory."""

    size: int
    """Size of the text in bytes when the source was opened."""

    def __init__(self, origin: int | bytes, *, owned: bool = False) -> None:
        """Read from a file descriptor, which `close` closes if `owned`, or from bytes. Raises OSError."""
        self.data = origin if isinstance(origin, bytes) else None
        self._fd = origin if isinstance(origin, int) else -1
        self._owned = owned
        self._data = memoryview(origin) if isinstance(origin, bytes) else None
        self.size = len(origin) if isinstance(origin, bytes) else os.fstat(origin).st_size

    @classmethod
    def open(cls, path: str) -> Self:
        """Open the file at `path`, for use with `with` or `close`. Raises OSError."""
        return cls(os.open(path, OPEN_FLAGS), owned=True)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """A source for bytes in memory."""
        return cls(data)

    def fileno(self) -> int:
        """The file descriptor, -1 for bytes in memory."""
        return self._fd

    def close(self) -> None:
        """Close the file if it is owned."""
        if self._owned:
            self._owned = False
            os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def pread(self, size: int, offset: int) -> bytes:
        """The bytes at `offset`, fewer than `size` only at the end of the text. Raises OSError."""
        if self._data is not None:
            return bytes(self._data[offset : offset + size])
        data = pread(self._fd, size, offset)
        while 0 < len(data) < size:  # one call returns at most 2 GiB on Linux
            more = pread(self._fd, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def readinto(self, buffer: memoryview, offset: int) -> int:
        """Fill the buffer from `offset`; returns the number of bytes, 0 at the end. Raises OSError."""
        if self._data is not None:
            part = self._data[offset : offset + len(buffer)]
            buffer[: len(part)] = part
            return len(part)
        if hasattr(os, "preadv"):
            return os.preadv(self._fd, [buffer], offset)
        data = self.pread(len(buffer), offset)
        buffer[: len(data)] = data
        return len(data)

    def until(self, end: int) -> "JsonSource":
        """A view of the text up to byte `end`; it must not be closed."""
        return _Range(self, end)


class _Range(JsonSource):
    """A text up to a byte offset."""

    __slots__ = ("_whole",)

    def __init__(self, whole: JsonSource, end: int) -> None:
        super().__init__(b"")
        self.data = None
        self._whole = whole
        self.size = end

    def pread(self, size: int, offset: int) -> bytes:
        """See JsonSource."""
        return self._whole.pread(max(min(size, self.size - offset), 0), offset)

    def readinto(self, buffer: memoryview, offset: int) -> int:
        """See JsonSource."""
        return self._whole.readinto(buffer[: max(min(len(buffer), self.size - offset), 0)], offset)
