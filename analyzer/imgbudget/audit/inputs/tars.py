"""Tar archives and WebDataset shards, plain or compressed, local or remote: read forwards, nothing extracted.

A shard is one partition, since its members are found only by reading on. What is too large to hold is read
by position where the archive is a plain local file, else spooled to a temporary file.
"""

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from tempfile import TemporaryFile
from types import MethodType
from typing import IO, cast

from imgbudget.audit.desk import Content, Desk, Where
from imgbudget.audit.digest import WHOLE
from imgbudget.audit.inputs.opening import is_url, open_stream
from imgbudget.audit.inputs.tarheaders import RECORD, DamagedArchiveError, Head, heads, padded
from imgbudget.audit.partition import Naming, Partition
from imgbudget.audit.rows import Record
from imgbudget.positional import pread
from imgbudget.probes.reader import bytes_reader

HELD = 64 << 20
"""Bytes of a member that are held in memory at most."""

_STEP = 1 << 20
_DAMAGE = (DamagedArchiveError, OSError, EOFError, zlib.error, lzma.LZMAError)


def plan(source: str, where: str, mark: str, naming: Naming) -> Iterator[Partition]:
    """One partition, the whole archive."""
    yield naming.name(Partition("", "tars", source, where, mark=mark))


def count(partition: Partition) -> int:
    """Members up to the end, or up to where the archive is damaged."""
    found = 0
    try:
        with _open(partition.where) as stream:
            for head in heads(stream.read):
                _skip(stream, padded(head.size))
                found += 1
    except _DAMAGE:
        found += 1
    return found


def read(partition: Partition, desk: Desk) -> Iterator[Record]:
    """The rows of the members; what stands behind a damaged place is told as one that is missed."""
    number = -1
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(_open(partition.where))
            for head in heads(stream.read):
                number += 1
                if partition.stop is not None and number >= partition.stop:
                    return
                if number >= partition.start and head.regular:
                    yield from _member(stream, head, partition.source, desk)
                    continue
                _skip(stream, padded(head.size))
                if number >= partition.start:
                    yield desk.skip(Where(partition.source, head.name), "a link or device, not a file")
        except _DAMAGE as error:
            text = str(error) or type(error).__name__
            yield desk.skip(
                Where(partition.source), f"damaged archive: {text}; the rest is lost", missed=True
            )


def extracted(where: str, wanted: set[str | None], most: int) -> Iterator[tuple[str, bytes]]:
    """The contents of the wanted members of up to `most` bytes, as far as the archive can be read."""
    left = set(wanted)
    with suppress(*_DAMAGE), _open(where) as stream:
        for head in heads(stream.read):
            name = head.name.removeprefix("./")
            if name in left and head.regular and head.size <= most:
                left.remove(name)
                data = stream.read(padded(head.size))[: head.size]
                yield name, data
            else:
                _skip(stream, padded(head.size))
            if not left:
                return


def _member(stream: IO[bytes], head: Head, source: str, desk: Desk) -> Iterator[Record]:
    where = Where(source, head.name.removeprefix("./"))
    rest = padded(head.size) - head.size
    if head.size <= WHOLE or (head.size <= HELD and not _seekable(stream)):
        data = stream.read(head.size)
        _complete(len(data), head)
        yield desk.member(where, head.name, Content(head.size, bytes_reader(data), data))
    elif _seekable(stream):
        begin = stream.tell()
        fd = stream.fileno()
        _complete(min(head.size, os.fstat(fd).st_size - begin), head)

        def read_at(size: int, offset: int) -> bytes:
            return pread(fd, max(0, min(size, head.size - offset)), begin + offset)

        yield desk.member(where, head.name, Content(head.size, read_at))
        stream.seek(head.size, io.SEEK_CUR)
    else:
        with TemporaryFile() as spooled:
            _copy(stream, spooled, head)
            yield desk.member(where, head.name, Content(head.size, MethodType(pread, spooled.fileno())))
    if rest:
        stream.read(rest)


def _complete(length: int, head: Head) -> None:
    if length < head.size:
        raise DamagedArchiveError(f"the archive ends inside {head.name}")


def _copy(stream: IO[bytes], spooled: IO[bytes], head: Head) -> None:
    left = head.size
    while left:
        data = stream.read(min(left, _STEP))
        if not data:
            _complete(head.size - left, head)
        spooled.write(data)
        left -= len(data)
    spooled.flush()


def _seekable(stream: IO[bytes]) -> bool:
    """Whether the archive is a plain local file, so that its members can be read by position."""
    return isinstance(stream, io.BufferedReader) and isinstance(stream.raw, io.FileIO)


def _skip(stream: IO[bytes], size: int) -> None:
    if _seekable(stream):
        stream.seek(size, io.SEEK_CUR)
        return
    while size > 0 and (data := stream.read(min(size, _STEP))):
        size -= len(data)


@contextmanager
def _open(where: str) -> Iterator[IO[bytes]]:
    """The archive, unpacked on the way where it is compressed."""
    with open_stream(where) as raw:
        unpack = _UNPACK.get(_compression(raw, where))
        if unpack is None:
            yield raw
            return
        with unpack(raw) as stream:
            yield stream


def _compression(raw: IO[bytes], where: str) -> str:
    """How the archive is packed, by its first bytes."""
    head = raw.read(RECORD)
    raw.seek(0)
    if not head:
        raise DamagedArchiveError("the archive is empty" if not is_url(where) else "the object is empty")
    return next((name for start, name in _STARTS if head.startswith(start)), "")


_STARTS = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))


def _zstd(raw: IO[bytes]) -> IO[bytes]:
    import pyarrow as pa  # noqa: PLC0415 - few archives

    return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"), _STEP)


_UNPACK: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    "gzip": lambda raw: cast("IO[bytes]", gzip.GzipFile(fileobj=raw)),
    "bz2": lambda raw: cast("IO[bytes]", bz2.BZ2File(raw)),
    "xz": lambda raw: cast("IO[bytes]", lzma.LZMAFile(raw)),  # noqa: SIM115 - closed where it is used
    "zstd": _zstd,
}
