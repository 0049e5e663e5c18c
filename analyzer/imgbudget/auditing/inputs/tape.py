"""A tar archive as it is read: forwards, with jumps where it is not packed, and over any number of zeros."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from imgbudget.auditing.inputs.opening import STEP
from imgbudget.auditing.records import Content
from imgbudget.errors import UnreadableError

if TYPE_CHECKING:
    from imgbudget.imageinfo.reader import Read

RECORD = 512
_ZEROS = bytes(STEP)


class DamagedArchiveError(UnreadableError):
    """The archive cannot be read on from here; the text says why and where, as a clause."""


class Stream(Protocol):
    """Something that is read forwards."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, fewer only at the end."""


class Tape:
    """An archive that is read forwards, or if it is not packed also by position, through `content`.

    `seek` moves to a position, `data_from` finds the next one with data in a file with holes, and `packed`
    returns the bytes of the file that were read so far.
    """

    def __init__(
        self,
        stream: Stream,
        content: Content | None = None,
        *,
        packed: Callable[[], int] = lambda: 0,
        seek: Callable[[int], object] | None = None,
        data_from: Callable[[int], int] | None = None,
    ) -> None:
        """The archive at its beginning."""
        self.at: Read | None = None if content is None else content.read
        self.size: int = 0 if content is None else content.size
        self.packed = packed
        self.position: int = 0
        self._stream = stream
        self._seek = seek if content is not None else None
        self._data_from = data_from
        self._ahead = b""
        self._recent = b""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes."""
        data = self._ahead[:size]
        self._ahead = self._ahead[size:]
        if len(data) < size:
            data += self._stream.read(size - len(data))
        self.position += len(data)
        self._recent = data[-RECORD:] if len(data) >= RECORD else (self._recent + data)[-RECORD:]
        return data

    def skip(self, size: int) -> None:
        """Move over so many bytes.

        Raises:
            DamagedArchiveError: the archive has fewer.
        """
        if self._seek is not None and size:
            if self.position + size > self.size and size >= RECORD:
                raise DamagedArchiveError("the archive ends inside a member")
            self._move(self.position + size)
            return
        while size > 0:
            data = self.read(min(size, STEP))
            if not data:
                raise DamagedArchiveError("the archive ends inside a member")
            size -= len(data)

    def recent(self, size: int) -> bytes:
        """The last bytes before this position, at most a record."""
        if self.at is not None:
            return self.at(size, self.position - size)
        return self._recent[-size:]

    def data_behind(self) -> int | None:
        """Move to the next record that is not all zeros, and return its position; None at the end."""
        while True:
            if self._data_from is not None:
                self._move(max(self.position, self._data_from(self.position) // RECORD * RECORD))
            begin = self.position
            data = self.read(STEP)
            if not data:
                return None
            if data != (_ZEROS if len(data) == STEP else _ZEROS[: len(data)]):
                zeros = len(data) - len(data.lstrip(b"\0"))
                self._back(begin + zeros // RECORD * RECORD, data)
                return self.position

    def header_behind(self) -> int | None:
        """Move to the next record that is a header, and return its position; None at the end."""
        first = self.position
        while True:
            begin = self.position
            data = self.read(STEP)
            if not data:
                return None
            for start in range(0, len(data) - RECORD + 1, RECORD):
                is_first = begin + start == first
                if (is_first or data[start + 257 : start + 262] == b"ustar") and is_header(
                    data[start : start + RECORD]
                ):
                    self._back(begin + start, data)
                    return self.position

    def _move(self, position: int) -> None:
        if self._seek is not None and position != self.position:
            self._seek(position)
            self.position = position

    def _back(self, position: int, data: bytes) -> None:
        """Move back to a position in the data that was read last."""
        if self._seek is not None:
            self._move(position)
            return
        self._ahead = data[len(data) - (self.position - position) :] + self._ahead
        self.position = position


def is_tar(head: bytes) -> bool:
    """Whether the first record of a file is the header of a tar archive."""
    return len(head) >= RECORD and any(head[:RECORD]) and is_header(head[:RECORD])


def is_header(block: bytes) -> bool:
    """Whether the checksum is right: the sum of the bytes, which old programs took as signed numbers."""
    try:
        expected = number_in(block[148:156])
    except ValueError:
        return False
    rest = block[:148] + block[156:]
    total = sum(rest) + 8 * 32
    return expected == total or expected == total - 256 * len(re.findall(rb"[\x80-\xff]", rest))


def number_in(data: bytes) -> int:
    """An octal number, or GNU's binary one."""
    if data[0] in (0x80, 0xFF):
        return int.from_bytes(data[1:], "big", signed=data[0] == 0xFF)
    return int(data.partition(b"\0")[0].strip(b" ") or b"0", 8)
