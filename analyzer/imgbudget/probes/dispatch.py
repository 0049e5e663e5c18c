"""One door to all probes: the first bytes say which one looks at a file, and nothing that it holds raises."""

from os import SEEK_END
from os import close as _close
from os import lseek as _lseek
from os import open as _open
from os import read as _read
from types import MethodType

from imgbudget.model import Fact, ImageFacts
from imgbudget.probes.gif import probe_gif
from imgbudget.probes.jpeg import probe_jpeg
from imgbudget.probes.png import probe_png
from imgbudget.probes.reader import HEAD, OPEN_FLAGS, Read, bytes_reader, pread
from imgbudget.probes.webp import probe_webp

PROBE_VERSION = 1
"""Rises whenever the facts of the same bytes may change: caches of facts are keyed by it."""


def _probe_other(head: bytes, read: Read, size: int, want: int) -> ImageFacts:
    from imgbudget.probes.others import probe_other  # noqa: PLC0415 - few files are of another kind

    return probe_other(head, read, size, want)


_PROBES = {
    **{b"\xff\xd8\xff" + bytes((marker,)): probe_jpeg for marker in range(256)},
    b"\x89PNG": probe_png,
    b"GIF8": probe_gif,
    b"RIFF": probe_webp,
}


def probe_file(path: str, want: Fact = Fact.NONE) -> ImageFacts:
    """The facts of a file; `want` names those that cost more than the header.

    Raises:
        OSError: the file cannot be opened or read.
    """
    fd = _open(path, OPEN_FLAGS)
    try:
        head = _read(fd, HEAD)
        # a method of the descriptor is made in half the time of a partial; the plus makes a plain integer
        # of the flags, whose own arithmetic is a hundred times slower
        read = MethodType(pread, fd)
        return _PROBES.get(head[:4], _probe_other)(head, read, _lseek(fd, 0, SEEK_END), +want)
    finally:
        _close(fd)


def probe_bytes(data: bytes, want: Fact = Fact.NONE) -> ImageFacts:
    """The facts of bytes in hand."""
    return _PROBES.get(data[:4], _probe_other)(data[:HEAD], bytes_reader(data), len(data), +want)


def probe_reader(read: Read, size: int, want: Fact = Fact.NONE) -> ImageFacts:
    """The facts of `size` bytes behind a positional reader, `read(size, offset)`.

    Raises:
        OSError: as the reader raises it.
    """
    head = read(HEAD, 0)
    return _PROBES.get(head[:4], _probe_other)(head, read, size, +want)
