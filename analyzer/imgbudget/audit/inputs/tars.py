"""Tar archives and WebDataset shards, plain or compressed: read forwards, without extracting files."""

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
from typing import IO, NamedTuple, cast

import pyarrow as pa

from imgbudget.audit.inputs.opening import open_stream
from imgbudget.audit.partition import Naming, Partition
from imgbudget.audit.records import Content, RecordBuilder, RowLocation
from imgbudget.audit.rows import WHOLE, FactsRecord
from imgbudget.audit.urls import is_url
from imgbudget.imageinfo.reader import bytes_reader
from imgbudget.output.base import figure
from imgbudget.positional import pread

RECORD = 512
_REGULAR = (b"0", b"\0", b"7")
_FOLDER = b"5"
_NAME, _PAX, _PAX_GLOBAL = b"L", b"x", b"g"
_MOST_EXTRA = 1 << 20
"""Bytes of a long name or of pax records above which the archive counts as damaged."""


class DamagedArchiveError(Exception):
    """The archive cannot be read on from here; the text says why and where, as a clause."""


class Head(NamedTuple):
    """A member that is not a folder: its name, its size in bytes, whether it is a regular file."""

    name: str
    size: int
    regular: bool


def padded(size: int) -> int:
    """Bytes that a member of this size takes, its padding included."""
    return -(-size // RECORD) * RECORD


def heads(read: Callable[[int], bytes]) -> Iterator[Head]:
    """The members in order; after each the caller has to read or skip its content and padding.

    Raises:
        DamagedArchiveError: a header is invalid, or the archive ends too early.
    """
    name: str | None = None
    size: int | None = None
    position = 0
    while True:
        block = read(RECORD)
        if len(block) < RECORD:
            if block or position == 0:
                raise DamagedArchiveError(f"the archive ends inside a header at byte {figure(position)}")
            return  # many tools omit the end marker
        if block.count(0) == RECORD:
            return
        own, kind = _size(block, position), block[156:157]
        position += RECORD + padded(own)
        if kind in (_NAME, _PAX, _PAX_GLOBAL, b"K"):
            extra = _extra(read, own, position)
            if kind == _NAME:
                name = _text(extra.rstrip(b"\0"))
            elif kind == _PAX:
                records = dict(_pax(extra))
                name = records.get("path", name)
                size = int(records["size"]) if records.get("size", "").isdecimal() else size
            continue
        if size is not None:
            position += padded(size) - padded(own)
        head = Head(name or _name(block), own if size is None else size, kind in _REGULAR)
        name = size = None
        if kind != _FOLDER and not head.name.endswith("/"):
            yield head


def _extra(read: Callable[[int], bytes], size: int, position: int) -> bytes:
    if size > _MOST_EXTRA:
        raise DamagedArchiveError(f"a name of {figure(size)} bytes before byte {figure(position)}")
    extra = read(padded(size))
    if len(extra) < size:
        raise DamagedArchiveError("the archive ends inside a long name")
    return extra[:size]


def _size(block: bytes, position: int) -> int:
    """The size field, after the checksum was verified."""
    try:
        expected = _number(block[148:156])
        size = _number(block[124:136])
    except ValueError:
        raise DamagedArchiveError(f"no tar header at byte {figure(position)}") from None
    total = sum(block) - sum(block[148:156]) + 8 * 32
    if total != expected or size < 0:
        raise DamagedArchiveError(f"invalid tar header at byte {figure(position)}")
    return size


def _number(field: bytes) -> int:
    """An octal number, or GNU's binary one."""
    if field[0] in (0x80, 0xFF):
        return int.from_bytes(field[1:], "big", signed=field[0] == 0xFF)
    return int(field.rstrip(b" \0").lstrip(b" ") or b"0", 8)


def _name(block: bytes) -> str:
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0] if block[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _pax(data: bytes) -> Iterator[tuple[str, str]]:
    """The records of a pax header: `LENGTH KEY=VALUE` and a line feed each."""
    at = 0
    while at < len(data):
        length, blank, _ = data[at : at + 20].partition(b" ")
        if not blank or not length.isdigit() or int(length) <= len(length) + 1:
            return
        key, _, value = data[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        yield _text(key), _text(value)
        at += int(length)


HELD = 64 << 20
"""Bytes of a member that is read into memory, at most."""

_STEP = 1 << 20
_DAMAGE = (DamagedArchiveError, OSError, EOFError, zlib.error, lzma.LZMAError)


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """One partition, the whole archive."""
    yield naming.name(Partition("", "tars", source, where, fingerprint=fingerprint))


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


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the members; everything after damage is reported as one item that could not be read."""
    number = -1
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(_open(partition.where))
            for head in heads(stream.read):
                number += 1
                if partition.stop is not None and number >= partition.stop:
                    return
                if number >= partition.start and head.regular:
                    yield from _member(stream, head, partition.source, builder)
                    continue
                _skip(stream, padded(head.size))
                if number >= partition.start:
                    yield builder.skip(
                        RowLocation(partition.source, head.name), "a link or device, not a file"
                    )
        except _DAMAGE as error:
            text = str(error) or type(error).__name__
            yield builder.skip(
                RowLocation(partition.source), f"damaged archive: {text}; the rest is lost", missed=True
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


def _member(stream: IO[bytes], head: Head, source: str, builder: RecordBuilder) -> Iterator[FactsRecord]:
    where = RowLocation(source, head.name.removeprefix("./"))
    rest = padded(head.size) - head.size
    if head.size <= WHOLE or (head.size <= HELD and not _seekable(stream)):
        data = stream.read(head.size)
        _complete(len(data), head)
        yield builder.member(where, head.name, Content(head.size, bytes_reader(data), data))
    elif _seekable(stream):
        begin = stream.tell()
        fd = stream.fileno()
        _complete(min(head.size, os.fstat(fd).st_size - begin), head)

        def read_at(size: int, offset: int) -> bytes:
            return pread(fd, max(0, min(size, head.size - offset)), begin + offset)

        yield builder.member(where, head.name, Content(head.size, read_at))
        stream.seek(head.size, io.SEEK_CUR)
    else:
        with TemporaryFile() as spooled:
            _copy(stream, spooled, head)
            yield builder.member(where, head.name, Content(head.size, MethodType(pread, spooled.fileno())))
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
    """The archive as a stream, decompressed if needed."""
    with open_stream(where) as raw:
        unpack = _UNPACK.get(_compression(raw, where))
        if unpack is None:
            yield raw
            return
        with unpack(raw) as stream:
            yield stream


def _compression(raw: IO[bytes], where: str) -> str:
    """The compression of the archive, by its first bytes."""
    head = raw.read(RECORD)
    raw.seek(0)
    if not head:
        raise DamagedArchiveError("the archive is empty" if not is_url(where) else "the object is empty")
    return next((name for start, name in _STARTS if head.startswith(start)), "")


_STARTS = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))


def _zstd(raw: IO[bytes]) -> IO[bytes]:
    return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"), _STEP)


_UNPACK: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    "gzip": lambda raw: cast("IO[bytes]", gzip.GzipFile(fileobj=raw)),
    "bz2": lambda raw: cast("IO[bytes]", bz2.BZ2File(raw)),
    "xz": lambda raw: cast("IO[bytes]", lzma.LZMAFile(raw)),  # noqa: SIM115 - closed where it is used
    "zstd": _zstd,
}
