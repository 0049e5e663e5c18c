"""Zip archives: members are listed by the directory at the end and read by position; nothing is extracted.

A remote archive is read in order in blocks of 8 MiB, so one request fetches many members.
"""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from types import MethodType
from typing import IO

from imgbudget.audit.failures import until_failure
from imgbudget.audit.inputs.opening import open_stream
from imgbudget.audit.inputs.unpacking import MOST, gathered, most_unpacked, too_much, unpacked
from imgbudget.audit.partition import SHARE, Naming, Partition
from imgbudget.audit.records import Content, RecordBuilder, RowLocation
from imgbudget.audit.rows import WHOLE, FactsRecord
from imgbudget.errors import UnreadableError
from imgbudget.imageinfo.reader import Read, bytes_reader
from imgbudget.output.base import figure
from imgbudget.positional import pread

DAMAGE = "damaged archive"

_LOCAL = struct.Struct("<4s22xHH")
_END = b"PK\5\6"
_END_COUNT, _END_LONGEST = struct.Struct("<10xH"), 22 + 65_535
_LOCATOR, _LOCATED_COUNT = struct.Struct("<4s4xQ4x"), struct.Struct("<4s28xQ")
_IN_ZIP64 = 0xFFFF
_ENCRYPTED = 1 | 1 << 6


class _Archive:
    """An open archive: its members in the order of their offsets.

    Whatever is raised means that the archive, or the member, cannot be read.
    """

    def __init__(self, where: str) -> None:
        self.stream: IO[bytes] = open_stream(where)
        try:
            self.zip = zipfile.ZipFile(self.stream)
            self.declared = _declared(self.stream)
            self.members = [info for info in self.zip.infolist() if not info.is_dir()]
        except BaseException:
            self.stream.close()
            raise
        self.members.sort(key=lambda info: info.header_offset)
        self._most, self._over = _over_total(self.members)
        local = isinstance(self.stream, io.BufferedReader) and isinstance(self.stream.raw, io.FileIO)
        self.pread: Read = MethodType(pread, self.stream.fileno()) if local else self._seek_and_read

    @property
    def listed(self) -> int:
        """Entries in the directory, folders included."""
        return len(self.zip.infolist())

    def close(self) -> None:
        """Close the file."""
        self.zip.close()
        self.stream.close()

    def _seek_and_read(self, size: int, offset: int) -> bytes:
        self.stream.seek(offset)
        return self.stream.read(size)

    def content(self, number: int) -> Content:
        """The bytes of a member, by its number.

        Raises:
            UnreadableError: it is encrypted, damaged, lies about its place or size, or is too large.
        """
        info = self.members[number]
        if info.flag_bits & _ENCRYPTED:
            raise UnreadableError("it is encrypted")
        begin = self._data_offset(number)

        def read_at(length: int, offset: int) -> bytes:
            return self.pread(max(0, min(length, info.compress_size - offset)), begin + offset)

        if info.compress_type == zipfile.ZIP_STORED:
            return _stored(info, read_at)
        if number in self._over:
            raise too_much("the archive", self._most)
        if info.file_size > MOST:
            raise too_much("it", MOST)
        pieces = unpacked(read_at, info.compress_size, info.compress_type)
        content, crc = gathered(pieces, info.file_size)
        _verify(crc, info)
        return content

    def _data_offset(self, number: int) -> int:
        """Where the data of a member begins, after its place was compared with that of the next one."""
        info = self.members[number]
        head = self.pread(_LOCAL.size, info.header_offset)
        if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
            raise UnreadableError("there is no member at the offset in the directory")
        _, name, extra = _LOCAL.unpack(head)
        begin = int(info.header_offset + _LOCAL.size + name + extra)
        last = number + 1 == len(self.members)
        end = self.zip.start_dir if last else self.members[number + 1].header_offset
        if begin + info.compress_size > end:
            raise UnreadableError("its data overlaps what follows it in the archive")
        return begin


def _stored(info: zipfile.ZipInfo, read: Read) -> Content:
    size = info.file_size
    if size != info.compress_size:
        raise UnreadableError("two different sizes are declared")
    if size > WHOLE:
        return Content(size, read)
    data = read(size, 0)
    if len(data) < size:
        raise UnreadableError("the archive ends inside it")
    _verify(zlib.crc32(data), info)
    return Content(size, bytes_reader(data), data)


def _verify(crc: int, info: zipfile.ZipInfo) -> None:
    if crc != info.CRC:
        raise UnreadableError("its checksum is wrong")


def _declared(stream: IO[bytes]) -> int:
    """The entries that the archive has by its own end (APPNOTE 4.3.14 and 4.3.16), folders included."""
    size = stream.seek(0, os.SEEK_END)
    start = max(size - _END_LONGEST, 0)
    stream.seek(start)
    tail = stream.read(_END_LONGEST)
    at = tail.rfind(_END)
    (count,) = _END_COUNT.unpack_from(tail, at)
    if count == _IN_ZIP64 and start + at >= _LOCATOR.size:
        stream.seek(start + at - _LOCATOR.size)
        mark, offset = _LOCATOR.unpack(stream.read(_LOCATOR.size))
        if mark == b"PK\6\7" and offset < size:
            stream.seek(offset)
            record = stream.read(_LOCATED_COUNT.size)
            if record[:4] == b"PK\6\6" and len(record) == _LOCATED_COUNT.size:
                count = _LOCATED_COUNT.unpack(record)[1]
    return int(count)


def _over_total(members: Sequence[zipfile.ZipInfo]) -> tuple[int, set[int]]:
    """The bytes that the archive may unpack to, and the numbers of the packed members beyond that.

    Declared sizes are enough to decide: a member that unpacks to anything else is damaged.
    """
    packed = [
        (number, info) for number, info in enumerate(members) if info.compress_type != zipfile.ZIP_STORED
    ]
    most = most_unpacked(sum(info.compress_size for _, info in packed))
    total, over = 0, set()
    for number, info in packed:
        if info.file_size > MOST:
            continue
        if total + info.file_size > most:
            over.add(number)
        else:
            total += info.file_size
    return most, over


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


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """A partition per thousand members."""
    with closing(_Archive(where)) as archive:
        total = len(archive.members)
    for start in range(0, total or 1, SHARE):
        stop = min(start + SHARE, total) if total else 1
        yield naming.name(Partition("", "zips", source, where, start, stop, fingerprint=fingerprint))


def count(partition: Partition) -> int:
    """Members of the partition."""
    return (partition.stop or 0) - partition.start


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the members; those that cannot be read are skipped, with the reason."""
    archive = _open(partition.where, partition.fingerprint)
    if not archive.members:
        yield builder.skip(RowLocation(partition.source), "holds no files")
    for number in range(partition.start, min(partition.stop or 0, len(archive.members))):
        name = archive.members[number].filename
        where = RowLocation(partition.source, name)
        yield from builder.guarded(where, _member(archive, number, where, builder), "damaged member")
    if archive.listed != archive.declared and (partition.stop or 0) >= len(archive.members):
        yield builder.skip(
            RowLocation(partition.source),
            f"{DAMAGE}: its directory lists {figure(archive.listed)} entries, but its end says"
            f" {figure(archive.declared)}; what is not listed was not read",
            missed=True,
        )


def _member(
    archive: _Archive, number: int, where: RowLocation, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    name = archive.members[number].filename
    if (skipped := builder.unread_member(where, name)) is not None:
        yield skipped
    else:
        yield builder.member(where, name, archive.content(number))


def extracted(where: str, wanted: set[str | None], most: int) -> Iterator[tuple[str, bytes]]:
    """The contents of the wanted members of up to `most` bytes."""
    with closing(_Archive(where)) as archive:
        for number, info in enumerate(archive.members):
            if info.filename in wanted and info.file_size <= most:
                yield from until_failure(_bytes(archive, number), lambda _: ())


def _bytes(archive: _Archive, number: int) -> Iterator[tuple[str, bytes]]:
    content = archive.content(number)
    yield archive.members[number].filename, content.read(content.size, 0)
