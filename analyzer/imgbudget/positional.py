"""Opening files and reading them by position, on every system."""

import os
from collections.abc import Callable
from typing import BinaryIO

OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    # a FIFO without a writer must not block the run
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
)


def open_file(path: str) -> BinaryIO:
    """The file at `path`, opened for reading; what has become a pipe meanwhile is empty. Raises OSError."""
    return open(os.open(path, OPEN_FLAGS), "rb")


def _seek_and_read(fd: int, size: int, offset: int) -> bytes:
    """`os.pread` for systems without it; moves the file's position."""
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, size)


pread: Callable[[int, int, int], bytes] = getattr(os, "pread", _seek_and_read)
