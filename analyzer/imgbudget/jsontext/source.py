"""Positional access to the bytes of a JSON text: an open file, or bytes in hand."""

import os
from types import TracebackType
from typing import NamedTuple, Self

from imgbudget.positional import OPEN_FLAGS, pread


class Start(NamedTuple):
    """A place in a text of lines: the byte, its line from 1, the number of the document that follows."""

    offset: int
    line: int
    number: int


BEGINNING = Start(0, 1, 0)


class JsonSource:
    """Bytes that are read by position and never as a whole.

    What cannot seek (standard input, a pipe) has to be spooled by the caller, to a file or to bytes.
    """

    __slots__ = ("_data", "_fd", "_owned", "size")

    size: int
    """Bytes of the whole text when the source was made."""

    def __init__(self, origin: int | bytes, *, owned: bool = False) -> None:
        """Read from a file descriptor, closed here only when `owned`, or from bytes. Raises OSError."""
        self._fd = origin if isinstance(origin, int) else -1
        self._owned = owned
        self._data = memoryview(origin) if isinstance(origin, bytes) else None
        self.size = len(origin) if isinstance(origin, bytes) else os.fstat(origin).st_size

    @classmethod
    def open(cls, path: str) -> Self:
        """The file at `path`, to be closed by `close` or `with`. Raises OSError."""
        return cls(os.open(path, OPEN_FLAGS), owned=True)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """A text in hand."""
        return cls(data)

    def close(self) -> None:
        """Close the file that `open` opened; what came from elsewhere is left alone."""
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
        """The bytes at `offset`, fewer than `size` at the end of the text only. Raises OSError."""
        if self._data is not None:
            return bytes(self._data[offset : offset + size])
        data = pread(self._fd, size, offset)
        while 0 < len(data) < size:  # one call gives at most 2 GiB on Linux
            more = pread(self._fd, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def readinto(self, buffer: memoryview, offset: int) -> int:
        """Fill the buffer from `offset` on; how many bytes there were, 0 at the end. Raises OSError."""
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
        """The same text as if it ended at byte `end`; it is not to be closed."""
        return _Range(self, end)


class _Range(JsonSource):
    """A text up to some byte."""

    __slots__ = ("_whole",)

    def __init__(self, whole: JsonSource, end: int) -> None:
        super().__init__(b"")
        self._whole = whole
        self.size = end

    def pread(self, size: int, offset: int) -> bytes:
        """See JsonSource."""
        return self._whole.pread(max(min(size, self.size - offset), 0), offset)

    def readinto(self, buffer: memoryview, offset: int) -> int:
        """See JsonSource."""
        return self._whole.readinto(buffer[: max(min(len(buffer), self.size - offset), 0)], offset)
