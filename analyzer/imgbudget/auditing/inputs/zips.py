"""Zip archives: members are listed by the directory at the end and read by position; nothing is extracted.

A remote archive is read in order in blocks of 8 MiB, so one request fetches many members.
"""

import io
import os
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from types import MethodType
from typing import IO, NamedTuple

from imgbudget.auditing.failures import until_failure
from imgbudget.auditing.inputs.nested import NestedBudget, NestedFile, nested_rows
from imgbudget.auditing.inputs.opening import open_stream
from imgbudget.auditing.inputs.unpacking import MOST, gathered, most_unpacked, too_much, unpacked
from imgbudget.auditing.inputs.zipgaps import LOCAL, MARK, Gaps, Unlisted
from imgbudget.auditing.partition import Naming, Partition, container_of
from imgbudget.auditing.records import Content, RecordBuilder, RowLocation
from imgbudget.auditing.rows import WHOLE, FactsRecord
from imgbudget.auditing.unopened import packed_otherwise
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.errors import UnreadableError
from imgbudget.imageinfo.reader import Read, bytes_reader
from imgbudget.output.base import figure
from imgbudget.positional import pread

DAMAGE = "damaged archive"

_END = b"PK\5\6"
_END_RECORD, _END_LONGEST = struct.Struct("<4xH4xHI4xH"), 22 + 65_535
_LOCATOR, _LOCATED = struct.Struct("<4s4xQ4x"), struct.Struct("<4s28xQQ")
_IN_ZIP64, _IN_ZIP64_LONG = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED = 1 | 1 << 6
_UNIX, _LINK = 3, 0o120000
_REPEATED = "one of several members of this name, of which the last one replaces the others"
_MOST_DIRECTORY = 32 << 20
"""Bytes of the directory of an archive inside an archive: in memory it takes several times as much."""


class _Archive:
    """An open archive: its members in the order of their offsets.

    Whatever is raised means that the archive, or the member, cannot be read.
    """

    def __init__(self, stream: IO[bytes], budget: NestedBudget | None = None) -> None:
        """`budget` is that of the archive around it, from which its members are counted."""
        self.stream = stream
        try:
            end = _end_of(self.stream, None if budget is None else _MOST_DIRECTORY)
            self.zip = zipfile.ZipFile(self.stream)
            self.declared = end.entries
            self.behind = end.behind
            entries = sorted(self.zip.infolist(), key=lambda info: info.header_offset)
            # the name of a folder with content may have hidden a file
            self.members = [info for info in entries if not info.is_dir() or info.file_size]
            self._gaps = Gaps(entries, self.zip.start_dir)
        except BaseException:
            self.stream.close()
            raise
        names = Counter(info.filename for info in self.members)
        self.repeated = {name for name, number in names.items() if number > 1}
        self._budget = budget
        self._most, self._over = _over_total(self.members)
        local = isinstance(self.stream, io.BufferedReader) and isinstance(self.stream.raw, io.FileIO)
        self.pread: Read = MethodType(pread, self.stream.fileno()) if local else self._seek_and_read

    @property
    def before(self) -> int:
        """Bytes before the first member, if they begin like another zip archive, else 0."""
        first = min((info.header_offset for info in self.zip.infolist()), default=self.zip.start_dir)
        return first if first and self.pread(4, 0) == MARK else 0

    @property
    def listed(self) -> int:
        """Entries in the directory, folders included."""
        return len(self.zip.infolist())

    def unlisted(self, number: int) -> Iterator[Unlisted]:
        """What the directory lacks behind a member and the folders that follow it; -1: before the first."""
        start = self.members[number].header_offset if number >= 0 else -1
        last = number + 1 >= len(self.members)
        stop = None if last else self.members[number + 1].header_offset
        yield from self._gaps.between(start, stop, self.pread)

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
        if self._budget is not None:
            self._budget.charge(info.file_size)
        pieces = unpacked(read_at, info.compress_size, info.compress_type)
        content, crc = gathered(pieces, info.file_size)
        _verify(crc, info)
        return content

    def _data_offset(self, number: int) -> int:
        """Where the data of a member begins, after its place was compared with that of the next one."""
        info = self.members[number]
        head = self.pread(LOCAL.size, info.header_offset)
        if len(head) < LOCAL.size or head[:4] != MARK:
            raise UnreadableError("there is no member at the offset in the directory")
        _, name, extra = LOCAL.unpack(head)
        begin = int(info.header_offset + LOCAL.size + name + extra)
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


class _End(NamedTuple):
    """What the end of an archive says: entries, folders included, bytes of the directory, bytes behind it."""

    entries: int
    directory: int
    behind: int


def _end_of(stream: IO[bytes], most: int | None) -> _End:
    """The record at the end of an archive (APPNOTE 4.3.14 and 4.3.16).

    Raises:
        UnreadableError: there is none, the archive is split, or its directory has more bytes than `most`.
    """
    size = stream.seek(0, os.SEEK_END)
    start = max(size - _END_LONGEST, 0)
    stream.seek(start)
    tail = stream.read(_END_LONGEST)
    at = tail.rfind(_END, 0, len(tail) - _END_RECORD.size + 4)
    if at < 0:
        stream.seek(0)
        head = stream.read(512)
        raise UnreadableError(packed_otherwise(head, "zip") or _no_end(head))
    disk, entries, directory, comment = _END_RECORD.unpack_from(tail, at)
    behind = tail[at + _END_RECORD.size + comment :]
    if (_IN_ZIP64 in (entries, disk) or directory == _IN_ZIP64_LONG) and start + at >= _LOCATOR.size:
        stream.seek(start + at - _LOCATOR.size)
        mark, offset = _LOCATOR.unpack(stream.read(_LOCATOR.size))
        if mark == b"PK\6\7" and offset < size:
            stream.seek(offset)
            record = stream.read(_LOCATED.size)
            if record[:4] == b"PK\6\6" and len(record) == _LOCATED.size:
                _, entries, directory = _LOCATED.unpack(record)
                disk = 0
    if disk not in (0, _IN_ZIP64):
        raise UnreadableError(
            "it is the last part of a split archive; join the parts with `zip -s 0 NAME.zip --out WHOLE.zip`"
        )
    if most is not None and directory > most:
        raise UnreadableError(f"its directory has over {figure(most)} bytes")
    stream.seek(0)
    return _End(int(entries), int(directory), len(behind) if behind.strip(b"\0\r\n ") else 0)


def _no_end(head: bytes) -> str:
    if head.startswith(MARK):
        return "its end is missing, so there is no list of its members; copy or download it again"
    return "it is no zip archive"


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
        _kept.archive = _Archive(open_stream(where))
        _kept.key = key
    return _kept.archive


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """Partitions of up to a thousand members."""
    with closing(_Archive(open_stream(where))) as archive:
        total = len(archive.members)
    for start, stop in naming.ranges(total):
        yield naming.name(Partition("", "zips", source, where, start, stop, fingerprint=fingerprint))


def count(partition: Partition) -> int:
    """Members of the partition."""
    return (partition.stop or 0) - partition.start


def names(where: str) -> Iterator[str]:
    """The names of the members, if the directory is not very large."""
    with open_stream(where) as stream:
        _end_of(stream, _MOST_DIRECTORY)
        yield from (info.filename for info in zipfile.ZipFile(stream).infolist())


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the members; those that cannot be read are skipped, with the reason."""
    archive = _open(partition.where, partition.fingerprint)
    members = archive.members[partition.start : partition.stop]
    packed = sum(info.compress_size for info in members)
    budget = NestedBudget(lambda: packed)
    where = RowLocation(partition.source)
    yield from _rows(archive, where, builder, budget, (partition.start, partition.stop))


def inside(
    content: Content, where: RowLocation, builder: RecordBuilder, budget: NestedBudget
) -> Iterator[FactsRecord]:
    """The rows of an archive that is a member of another one."""
    with closing(_Archive(NestedFile(content), budget)) as archive:
        yield from _rows(archive, where, builder, budget, (0, None))


def _rows(
    archive: _Archive,
    where: RowLocation,
    builder: RecordBuilder,
    budget: NestedBudget,
    numbers: tuple[int, int | None],
) -> Iterator[FactsRecord]:
    """The rows of the members with these numbers, and behind the last member those about the archive."""
    start, stop = numbers
    if not archive.members:
        yield builder.skip(where, "holds no files")
    if not start:
        yield from _unlisted(archive, -1, where, builder)
    for number in range(start, len(archive.members) if stop is None else min(stop, len(archive.members))):
        budget.count_member(nested=builder.nested)
        name = archive.members[number].filename
        place = where._replace(member=name if where.member is None else f"{where.member}/{name}")
        yield from builder.guarded(place, _member(archive, number, place, builder, budget), "damaged member")
        yield from _unlisted(archive, number, where, builder)
    if stop is None or stop >= len(archive.members):
        for reason in _about(archive):
            yield builder.skip(where, reason, missed=True)


def _unlisted(
    archive: _Archive, number: int, where: RowLocation, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    """The rows of members that the directory lacks; only those that may be images are missed."""
    for name, reason in archive.unlisted(number):
        if name is None:
            yield builder.skip(where, reason, missed=True)
            continue
        missed = kind_of(name) is FileKind.IMAGE or container_of(name) is not None
        place = where._replace(member=name if where.member is None else f"{where.member}/{name}")
        yield builder.skip(place, reason, missed=missed)


def _about(archive: _Archive) -> Iterator[str]:
    """What is wrong with an archive as a whole."""
    if archive.listed != archive.declared:
        yield (
            f"{DAMAGE}: its directory lists {figure(archive.listed)} entries, but its end says"
            f" {figure(archive.declared)}; what is not listed was not read"
        )
    if archive.before:
        yield (
            f"the {figure(archive.before)} bytes before its first member begin like another zip archive and"
            " were not read; split the file there"
        )
    if archive.behind:
        yield f"{figure(archive.behind)} bytes behind its end were not read"


def _member(
    archive: _Archive, number: int, where: RowLocation, builder: RecordBuilder, budget: NestedBudget
) -> Iterator[FactsRecord]:
    info = archive.members[number]
    name = info.filename
    if info.create_system == _UNIX and info.external_attr >> 16 & 0o170000 == _LINK:
        yield builder.skip(where, "a link, not a file")
    elif (skipped := builder.unread_member(where, name)) is not None:
        yield skipped
    elif kind := builder.nested_kind(name):
        yield from nested_rows(kind, archive.content(number), where, builder, budget)
    else:
        note = _REPEATED if name in archive.repeated else None
        yield builder.member(where, name, archive.content(number), note=note)


def extracted(where: str, wanted: set[str | None], most: int) -> Iterator[tuple[str, bytes]]:
    """The contents of the wanted members of up to `most` bytes."""
    with closing(_Archive(open_stream(where))) as archive:
        for number, info in enumerate(archive.members):
            if info.filename in wanted and info.file_size <= most:
                yield from until_failure(_bytes(archive, number), lambda _: ())


def _bytes(archive: _Archive, number: int) -> Iterator[tuple[str, bytes]]:
    content = archive.content(number)
    yield archive.members[number].filename, content.read(content.size, 0)
