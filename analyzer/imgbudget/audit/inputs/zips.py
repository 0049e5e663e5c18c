"""Zip archives: members are listed by the directory at the end and read by position; nothing is extracted.

A remote archive is read in order in blocks of 8 MiB, so one request fetches many members.
"""

import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from types import MethodType
from typing import IO

from imgbudget.audit.inputs.opening import open_stream
from imgbudget.audit.partition import SHARE, Naming, Partition
from imgbudget.audit.records import Content, RecordBuilder, RowLocation
from imgbudget.audit.rows import WHOLE, FactsRecord
from imgbudget.errors import UnreadableError
from imgbudget.imageinfo.reader import Read, bytes_reader
from imgbudget.output.base import figure
from imgbudget.positional import pread

MOST = 512 << 20
"""Bytes above which a compressed member is not decompressed: no model accepts an image of that length."""

_LOCAL = struct.Struct("<4s22xHH")
_ENCRYPTED = 1
_DAMAGE = (
    *(OSError, EOFError, ValueError, LookupError, struct.error),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
    RuntimeError,  # NotImplementedError: unknown compression
)
"""What zipfile raises if an archive is damaged, encrypted, or has an unknown compression."""


class _Archive:
    """An open archive: its members in the order of their offsets.

    Raises UnreadableError for any problem of the archive or a member.
    """

    def __init__(self, where: str) -> None:
        try:
            self.stream: IO[bytes] = open_stream(where)
        except OSError as error:
            raise _unreadable(error) from error
        try:
            self.zip = zipfile.ZipFile(self.stream)
            self.members = [info for info in self.zip.infolist() if not info.is_dir()]
        except _DAMAGE as error:
            self.stream.close()
            raise _unreadable(error) from error
        self.members.sort(key=lambda info: info.header_offset)
        local = isinstance(self.stream, io.BufferedReader) and isinstance(self.stream.raw, io.FileIO)
        self.pread: Read = MethodType(pread, self.stream.fileno()) if local else self._seek_and_read

    def close(self) -> None:
        """Close the file."""
        self.zip.close()
        self.stream.close()

    def _seek_and_read(self, size: int, offset: int) -> bytes:
        self.stream.seek(offset)
        return self.stream.read(size)

    def content(self, info: zipfile.ZipInfo) -> Content:
        """The bytes of a member."""
        if info.compress_type != zipfile.ZIP_STORED:
            return _in_memory(self.whole(info))
        size = info.file_size
        try:
            begin = self._data_offset(info)
            data = self.pread(size, begin) if size <= WHOLE else None
        except _DAMAGE as error:
            raise _unreadable(error) from error
        if data is not None:
            if len(data) < size:
                raise UnreadableError("the archive ends inside it")
            if zlib.crc32(data) != info.CRC:
                raise UnreadableError("its checksum is wrong")
            return _in_memory(data)

        def read_at(length: int, offset: int) -> bytes:
            return self.pread(max(0, min(length, size - offset)), begin + offset)

        return Content(size, read_at)

    def whole(self, info: zipfile.ZipInfo) -> bytes:
        """The bytes of a member, all at once."""
        try:
            return self.zip.read(info)
        except _DAMAGE as error:
            raise _unreadable(error) from error

    def _data_offset(self, info: zipfile.ZipInfo) -> int:
        head = self.pread(_LOCAL.size, info.header_offset)
        if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
            raise UnreadableError("there is no member at the offset in the directory")
        _, name, extra = _LOCAL.unpack(head)
        return int(info.header_offset + _LOCAL.size + name + extra)


def _in_memory(data: bytes) -> Content:
    return Content(len(data), bytes_reader(data), data)


@dataclass(slots=True)
class _Kept:
    """The archive that this process has open: reading the directory of a large one takes seconds."""

    key: tuple[str, str, int] | None = None
    archive: _Archive | None = None


_kept = _Kept()


def _open(where: str, fingerprint: str) -> _Archive:
    """The archive, kept open for further partitions; each process has its own file position."""
    key = (where, fingerprint, os.getpid())
    if _kept.key != key or _kept.archive is None:
        if _kept.archive is not None:
            _kept.archive.close()
        _kept.key, _kept.archive = None, None
        _kept.archive = _Archive(where)
        _kept.key = key
    return _kept.archive


def archive_of(where: str) -> _Archive:
    """An archive for the caller to close. Raises UnreadableError."""
    return _Archive(where)


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """A partition per thousand members; one partition for a file that is not a zip archive."""
    try:
        with closing(archive_of(where)) as archive:
            total = len(archive.members)
    except UnreadableError:
        total = 0
    for start in range(0, total or 1, SHARE):
        stop = min(start + SHARE, total) if total else 1
        yield naming.name(Partition("", "zips", source, where, start, stop, fingerprint=fingerprint))


def count(partition: Partition) -> int:
    """Members of the partition."""
    return (partition.stop or 0) - partition.start


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the members; those that cannot be read are skipped, with the reason."""
    try:
        archive = _open(partition.where, partition.fingerprint)
    except UnreadableError as error:
        yield builder.skip(RowLocation(partition.source), f"damaged archive: {error}", missed=True)
        return
    if not archive.members:
        yield builder.skip(RowLocation(partition.source), "holds no files")
    for info in archive.members[partition.start : partition.stop]:
        where = RowLocation(partition.source, info.filename)
        if info.flag_bits & _ENCRYPTED:
            yield builder.skip(where, "encrypted", missed=True)
        elif info.compress_type != zipfile.ZIP_STORED and info.file_size > MOST:
            yield builder.skip(
                where, f"unpacks to {figure(info.file_size)} bytes, over {MOST >> 20} MB", missed=True
            )
        else:
            try:
                content = archive.content(info)
            except UnreadableError as error:
                yield builder.skip(where, f"damaged member: {error}", missed=True)
            else:
                yield builder.member(where, info.filename, content)


def _unreadable(error: Exception) -> UnreadableError:
    text = str(error) or type(error).__name__
    return UnreadableError(text[:1].lower() + text[1:])
