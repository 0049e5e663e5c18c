"""Opening files and reading them by position, on every system."""

import errno
import os
import stat
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


def read_named(path: str, size: int) -> bytes:
    """At most the first `size` bytes of a file or pipe that the user named; does not wait for a writer.

    Raises:
        OSError: it cannot be opened or read, or is a pipe without a writer.
    """
    with open_file(path) as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            os.set_blocking(file.fileno(), True)  # shells pass the output of a command as a pipe
        data = file.read(size)
    if not data and stat.S_ISFIFO(mode):
        raise OSError(errno.EINVAL, "not a regular file, but a pipe that nothing is written to")
    return data


def _seek_and_read(fd: int, size: int, offset: int) -> bytes:
    """`os.pread` for systems without it; moves the file's position."""
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, size)


pread: Callable[[int, int, int], bytes] = getattr(os, "pread", _seek_and_read)
