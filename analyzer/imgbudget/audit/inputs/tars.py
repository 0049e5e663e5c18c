"""Tar archives and WebDataset shards, plain or compressed: read forwards, without extracting files."""

import bz2
import gzip
import io
import lzma
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from types import MethodType
from typing import IO, NamedTuple, cast

import pyarrow as pa

from imgbudget.audit.failures import until_failure
from imgbudget.audit.inputs.opening import open_stream
from imgbudget.audit.inputs.unpacking import HELD, MOST, STEP, Metered, too_much
from imgbudget.audit.partition import Naming, Partition
from imgbudget.audit.records import Content, RecordBuilder, RowLocation
from imgbudget.audit.rows import WHOLE, FactsRecord
from imgbudget.audit.urls import is_url
from imgbudget.errors import UnreadableError
from imgbudget.imageinfo.reader import bytes_reader
from imgbudget.output.base import figure
from imgbudget.positional import pread

DAMAGE = "damaged archive"

RECORD = 512
_REGULAR = (b"0", b"\0", b"7")
_LINKS = (b"1", b"2", b"3", b"4", b"6")
"""Links, devices and FIFOs: what a link points to is another member, or not in the archive."""
_FOLDER = b"5"
_NAME, _PAX, _PAX_GLOBAL = b"L", b"x", b"g"
_MOST_EXTRA = 1 << 20
"""Bytes of a long name or of pax records above which the archive counts as damaged."""

MOST_NAME = 4096
"""Characters of a name: no file system takes a longer path."""

MOST_SIZE = (1 << 63) - 1
"""Bytes that a member may claim to have: no file can be longer."""

_MOST_PADDING = 64 << 20
"""Bytes behind the end mark that are read to see that they are only padding."""


class DamagedArchiveError(UnreadableError):
    """The archive cannot be read on from here; the text says why and where, as a clause."""


class Head(NamedTuple):
    """A member that is not a folder: its name, its size in bytes, whether it is a regular file.

    `unread` is true if it has content that is not read: of a sparse file, or of an unknown type.
    """

    name: str
    size: int
    regular: bool
    unread: bool = False


def padded(size: int) -> int:
    """Bytes that a member of this size takes, its padding included."""
    return -(-size // RECORD) * RECORD


def heads(read: Callable[[int], bytes]) -> Iterator[Head]:
    """The members in order; after each the caller has to read or skip its content and padding.

    Raises:
        DamagedArchiveError: a header is invalid, the archive ends without an end mark, or goes on behind it.
    """
    name: str | None = None
    size: int | None = None
    sparse = False
    position = 0
    while True:
        block = read(RECORD)
        if not block and position:
            raise DamagedArchiveError("it ends without an end mark, so members may be missing")
        if len(block) < RECORD:
            raise DamagedArchiveError(f"the archive ends inside a header at byte {figure(position)}")
        if block.count(0) == RECORD:
            _require_padding(read, position)
            return
        own, kind = _size(block, position), block[156:157]
        position += RECORD + padded(own)
        if kind in (_NAME, _PAX, _PAX_GLOBAL, b"K"):
            extra = _extra(read, own, position)
            if kind == _NAME:
                name = _text(extra.rstrip(b"\0"))
            elif kind == _PAX:
                records = dict(_pax(extra, position))
                name = records.get("path", name)
                size = _claimed_size(records.get("size"), position) if "size" in records else size
                sparse = sparse or any(key.startswith("GNU.sparse.") for key in records)
            continue
        if size is not None:
            position += padded(size) - padded(own)
        regular = kind in _REGULAR and not sparse
        head = Head(
            name=name or _name(block),
            size=own if size is None else size,
            regular=regular,
            unread=not regular and kind not in _LINKS,
        )
        name, size, sparse = None, None, False
        if kind != _FOLDER and not head.name.endswith("/"):
            yield head


def _extra(read: Callable[[int], bytes], size: int, position: int) -> bytes:
    if size > _MOST_EXTRA:
        raise DamagedArchiveError(f"a name of {figure(size)} bytes before byte {figure(position)}")
    extra = read(padded(size))
    if len(extra) < size:
        raise DamagedArchiveError("the archive ends inside a long name")
    return extra[:size]


def _claimed_size(text: str | None, position: int) -> int:
    """The size of a member in a pax record."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > len(str(MOST_SIZE)):
        raise DamagedArchiveError(f"an invalid size before byte {figure(position)}")
    return _sane(int(text), position)


def _sane(size: int, position: int) -> int:
    if size > MOST_SIZE:
        raise DamagedArchiveError(f"a member that claims {figure(size)} bytes before byte {figure(position)}")
    return size


def _require_padding(read: Callable[[int], bytes], position: int) -> None:
    """Read what follows the end mark.

    Raises:
        DamagedArchiveError: it is more than padding, such as another archive.
    """
    left = _MOST_PADDING
    while data := read(min(left, STEP)):
        if data.count(0) != len(data):
            raise DamagedArchiveError(f"data after the end mark at byte {figure(position)} is not read")
        left -= len(data)
        if not left:
            raise DamagedArchiveError(f"what follows the end mark at byte {figure(position)} is not read")


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
    return _sane(size, position + RECORD)


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


def _pax(data: bytes, position: int) -> Iterator[tuple[str, str]]:
    """The records of a pax header: `LENGTH KEY=VALUE` and a line feed each.

    Raises:
        DamagedArchiveError: a record is invalid; it or one behind it may tell the name or the size.
    """
    at = 0
    while at < len(data) and data[at]:
        length, blank, _ = data[at : at + 20].partition(b" ")
        end = at + int(length) if blank and length.isdigit() else 0  # at most 20 digits
        key, equals, value = data[at + len(length) + 1 : end - 1].partition(b"=")
        if not equals or end > len(data) or data[end - 1 : end] != b"\n":
            raise DamagedArchiveError(f"an invalid pax record before byte {figure(position)}")
        yield _text(key), _text(value)
        at = end


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """One partition, the whole archive."""
    yield naming.name(Partition("", "tars", source, where, fingerprint=fingerprint))


def count(partition: Partition) -> int:
    """Members up to the end, or up to where the archive is damaged."""
    return sum(1 for _ in until_failure(_skipped(partition.where), lambda _: (None,)))


def _skipped(where: str) -> Iterator[None]:
    """Something for each member."""
    with _open(where) as stream:
        for head in heads(stream.read):
            yield
            _skip(stream, padded(head.size))


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the members in order."""
    with _open(partition.where) as stream:
        members = heads(stream.read)
        number = 0
        # what is behind the last item must not even be looked at: its damage is the row of another partition
        while partition.stop is None or number < partition.stop:
            head = next(members, None)
            if head is None:
                return
            if number >= partition.start:
                where = RowLocation(partition.source, head.name.removeprefix("./"))
                yield from _member(stream, head, where, builder)
            else:
                _skip(stream, padded(head.size))
            number += 1


def extracted(where: str, wanted: set[str | None], most: int) -> Iterator[tuple[str, bytes]]:
    """The contents of the wanted members of up to `most` bytes, as far as the archive can be read."""
    left = set(wanted)
    with _open(where) as stream:
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


def _member(
    stream: IO[bytes], head: Head, where: RowLocation, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    """The row of a member; the stream is behind it afterwards, whatever became of the row."""
    if len(head.name) > MOST_NAME:
        reason = f"its name has {figure(len(head.name))} characters"
        yield builder.skip(where._replace(member=head.name[:MOST_NAME]), reason, missed=True)
    elif not head.regular:
        reason = "a kind of entry that is not read" if head.unread else "a link or device, not a file"
        yield builder.skip(where, reason, missed=head.unread)
    elif (skipped := builder.unread_member(where, head.name)) is not None:
        yield skipped
    else:
        yield from _content(stream, head, where, builder)
        return
    _skip(stream, padded(head.size))


def _content(
    stream: IO[bytes], head: Head, where: RowLocation, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    rest = padded(head.size) - head.size

    def row(content: Content) -> Iterator[FactsRecord]:
        return builder.guarded(where, (builder.member(where, head.name, item) for item in (content,)))

    if head.size <= WHOLE or (head.size <= HELD and not _seekable(stream)):
        data = stream.read(head.size)
        _complete(len(data), head)
        yield from row(Content(head.size, bytes_reader(data), data))
    elif _seekable(stream):
        begin = stream.tell()
        fd = stream.fileno()
        _complete(min(head.size, os.fstat(fd).st_size - begin), head)

        def read_at(size: int, offset: int) -> bytes:
            return pread(fd, max(0, min(size, head.size - offset)), begin + offset)

        yield from row(Content(head.size, read_at))
        stream.seek(head.size, io.SEEK_CUR)
    elif head.size > MOST:
        yield builder.skip(where, str(too_much("it", MOST)), missed=True)
        _skip(stream, head.size)
    else:
        with TemporaryFile() as spooled:
            _copy(stream, spooled, head)
            yield from row(Content(head.size, MethodType(pread, spooled.fileno())))
    _skip(stream, rest)


def _complete(length: int, head: Head) -> None:
    if length < head.size:
        raise DamagedArchiveError(f"the archive ends inside {head.name}")


def _copy(stream: IO[bytes], spooled: IO[bytes], head: Head) -> None:
    left = head.size
    while left:
        data = stream.read(min(left, STEP))
        if not data:
            _complete(head.size - left, head)
        spooled.write(data)
        left -= len(data)
    spooled.flush()


def _seekable(stream: IO[bytes]) -> bool:
    """Whether the archive is a plain local file, so that its members can be read by position."""
    return isinstance(stream, io.BufferedReader) and isinstance(stream.raw, io.FileIO)


def _skip(stream: IO[bytes], size: int) -> None:
    """Move over so many bytes.

    Raises:
        DamagedArchiveError: the archive has fewer.
    """
    if _seekable(stream):
        at = stream.seek(size, io.SEEK_CUR)
        if size >= RECORD and at > os.fstat(stream.fileno()).st_size:
            raise DamagedArchiveError("the archive ends inside a member")
        return
    while size > 0:
        data = stream.read(min(size, STEP))
        if not data:
            raise DamagedArchiveError("the archive ends inside a member")
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
            # only `read` is called on what is not a plain file
            yield cast("IO[bytes]", Metered(stream, raw.tell))


def _compression(raw: IO[bytes], where: str) -> str:
    """The compression of the archive, by its first bytes."""
    head = raw.read(RECORD)
    raw.seek(0)
    if not head:
        raise DamagedArchiveError("the archive is empty" if not is_url(where) else "the object is empty")
    return next((name for start, name in _STARTS if head.startswith(start)), "")


_STARTS = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))


def _zstd(raw: IO[bytes]) -> IO[bytes]:
    return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"), STEP)


_UNPACK: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    "gzip": lambda raw: cast("IO[bytes]", gzip.GzipFile(fileobj=raw)),
    "bz2": lambda raw: cast("IO[bytes]", bz2.BZ2File(raw)),
    "xz": lambda raw: cast("IO[bytes]", lzma.LZMAFile(raw)),  # noqa: SIM115 - closed where it is used
    "zstd": _zstd,
}
