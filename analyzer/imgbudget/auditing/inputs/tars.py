"""Tar archives and WebDataset shards, plain or packed: read forwards, without extracting files.

All that can be read is read, as by tarfile with `ignore_zeros`; what most readers would not see is a row.
"""

import bz2
import errno
import gzip
import io
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from types import MethodType
from typing import IO, cast

from imgbudget.auditing.failures import until_failure
from imgbudget.auditing.inputs.nested import NestedBudget, NestedFile, nested_rows
from imgbudget.auditing.inputs.opening import STEP, open_stream
from imgbudget.auditing.inputs.sniffing import PACKED
from imgbudget.auditing.inputs.tape import RECORD, DamagedArchiveError, Tape
from imgbudget.auditing.inputs.tarheads import Head, Holes, heads
from imgbudget.auditing.inputs.unpacking import HELD, MOST, Metered, XzStream, by_arrow, gathered, too_much
from imgbudget.auditing.partition import Naming, Partition
from imgbudget.auditing.records import Content, RecordBuilder, RowLocation
from imgbudget.auditing.rows import WHOLE, FactsRecord
from imgbudget.auditing.unopened import packed_otherwise
from imgbudget.errors import UnreadableError
from imgbudget.imageinfo.reader import Read, bytes_reader
from imgbudget.output.base import figure
from imgbudget.positional import pread

DAMAGE = "damaged archive"

MOST_NAME = 4096
"""Characters of a name: no file system takes a longer path."""


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """One partition, the whole archive."""
    yield naming.name(Partition("", "tars", source, where, fingerprint=fingerprint))


def count(partition: Partition) -> int:
    """Members up to the end, or up to where the archive is damaged."""
    return sum(1 for _ in until_failure(_passed(partition.where), lambda _: (None,)))


def _passed(where: str) -> Iterator[None]:
    """Something for each member."""
    with _open(where) as tape:
        for _ in heads(tape):
            yield


def names(where: str) -> Iterator[str]:
    """The names of the members, as far as the archive can be read."""
    with _open(where) as tape:
        yield from (head.name for head in heads(tape))


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the members in order."""
    with _open(partition.where) as tape:
        archive = _Members(tape, RowLocation(partition.source), builder, NestedBudget(tape.packed))
        yield from archive.rows(partition.start, partition.stop)


def inside(
    content: Content, where: RowLocation, builder: RecordBuilder, budget: NestedBudget
) -> Iterator[FactsRecord]:
    """The rows of an archive that is a member of another one."""
    raw = NestedFile(content)
    with _tape(raw, content, budget) as tape:
        yield from _Members(tape, where, builder, budget).rows(0, None)


def extracted(where: str, wanted: set[str | None], most: int) -> Iterator[tuple[str, bytes]]:
    """The contents of the wanted members of up to `most` bytes, as far as the archive can be read."""
    left = set(wanted)
    with _open(where) as tape:
        for head in heads(tape):
            name = head.name.removeprefix("./")
            if name in left and head.regular and max(head.size, head.length) <= most:
                left.remove(name)
                data = tape.read(head.size)
                yield name, data if head.holes is None else _filled(bytes_reader(data), head.holes)(most, 0)
            if not left:
                return


class _Members:
    """An archive while it is read: its rows begin with `where`."""

    def __init__(self, tape: Tape, where: RowLocation, builder: RecordBuilder, budget: NestedBudget) -> None:
        self._tape = tape
        self._where = where
        self._builder = builder
        self._budget = budget
        self._names: set[int] = set()
        """Hashes of the names of the members so far: texts of a million members would take too much."""

    def rows(self, start: int, stop: int | None) -> Iterator[FactsRecord]:
        """The rows of the members with these numbers."""
        members = heads(self._tape)
        number = 0
        # what is behind the last item must not even be looked at: its damage is the row of another partition
        while stop is None or number < stop:
            head = next(members, None)
            if head is None:
                if not number:
                    yield self._builder.skip(self._where, "holds no files")
                return
            self._budget.count_member(nested=self._builder.nested)
            mark = _mark(head.name)
            if number >= start:
                yield from self._member(head, again=head.regular and mark in self._names)
            if head.regular or (head.link is not None and self._leads_somewhere(head)):
                self._names.add(mark)
            number += 1

    def _member(self, head: Head, *, again: bool) -> Iterator[FactsRecord]:
        builder = self._builder
        if not head.name and head.reason:
            yield builder.skip(self._where, head.reason, missed=True)
            return
        where = self._place(head.name.removeprefix("./"))
        if len(head.name) > MOST_NAME:
            reason = f"its name has {figure(len(head.name))} characters"
            yield builder.skip(self._place(head.name[:MOST_NAME]), reason, missed=True)
        elif not head.regular:
            yield self._irregular(head, where)
        elif (skipped := builder.unread_member(where, head.name)) is not None:
            yield skipped
        elif max(head.length, 0 if self._tape.at else head.size) > MOST and (
            head.holes is not None or self._tape.at is None
        ):
            yield builder.skip(where, str(too_much("it", MOST)), missed=True)
        else:
            content = self._content(head)
            if kind := builder.nested_kind(head.name):
                yield from nested_rows(kind, content, where, builder, self._budget)
                return
            note = "a member of this name precedes it, which this one replaces" if again else None
            row = (builder.member(where, head.name, item, note=note) for item in (content,))
            yield from builder.guarded(where, row)

    def _leads_somewhere(self, head: Head) -> bool:
        """Whether a link leads to a member before it; one by a path may lead to any place."""
        return not head.hard or _mark(head.link or "") in self._names

    def _place(self, name: str) -> RowLocation:
        outer = self._where.member
        return self._where._replace(member=name if outer is None else f"{outer}/{name}")

    def _irregular(self, head: Head, where: RowLocation) -> FactsRecord:
        """The row of a member without content."""
        skip = self._builder.skip
        if head.reason:
            return skip(where, head.reason, missed=True)
        if not head.hard:
            return skip(where, "a link or device, not a file")
        if self._leads_somewhere(head):
            return skip(where, "a link to another member, which is counted once")
        return skip(where, "a link to a member that is not before it in the archive", missed=True)

    def _content(self, head: Head) -> Content:
        """The content of a member. A later one may be read before it only if the archive is not packed."""
        tape = self._tape
        if tape.at is None or head.size <= WHOLE:
            content = self._read(head)
        else:
            begin, at = tape.position, tape.at
            _require(min(head.size, tape.size - begin), head)

            def read_at(size: int, offset: int) -> bytes:
                return at(max(0, min(size, head.size - offset)), begin + offset)

            content = Content(head.size, read_at)
        if head.holes is None:
            return content
        return Content(head.length, _filled(content.read, head.holes))

    def _read(self, head: Head) -> Content:
        if head.size <= HELD:
            data = self._tape.read(head.size)
            _require(len(data), head)
            return Content(head.size, bytes_reader(data), data)

        def pieces() -> Iterator[bytes]:
            left = head.size
            while left:
                data = self._tape.read(min(left, STEP))
                if not data:
                    _require(head.size - left, head)
                yield data
                left -= len(data)

        return gathered(pieces(), head.size)[0]


def _mark(name: str) -> int:
    """A hash of a name, which takes less memory."""
    return hash(name.removeprefix("./"))


def _require(length: int, head: Head) -> None:
    if length < head.size:
        raise DamagedArchiveError(f"the archive ends inside {head.name}")


def _filled(read: Read, holes: Holes) -> Read:
    """A reader of the content of a sparse member: its stored parts, with zeros between them."""
    starts = [offset for offset, _ in holes.parts]
    stored = list(accumulate((length for _, length in holes.parts), initial=0))

    def read_at(size: int, offset: int) -> bytes:
        end = min(offset + size, holes.length)
        data = bytearray(max(end - offset, 0))
        number = max(bisect_right(starts, offset) - 1, 0)
        while number < len(starts) and starts[number] < end:
            begin, length = holes.parts[number]
            low, high = max(begin, offset), min(begin + length, end)
            if low < high:
                part = read(high - low, stored[number] + low - begin)
                data[low - offset : low - offset + len(part)] = part
            number += 1
        return bytes(data)

    return read_at


@contextmanager
def _open(where: str) -> Iterator[Tape]:
    """The archive, unpacked if needed."""
    with open_stream(where) as raw:
        if isinstance(raw, io.BufferedReader) and isinstance(raw.raw, io.FileIO):
            fd = raw.fileno()
            content = Content(os.fstat(fd).st_size, MethodType(pread, fd))
            with _tape(raw, content, None, partial(_data_from, fd)) as tape:
                yield tape
        else:
            with _tape(raw, None, None) as tape:
                yield tape


def _data_from(fd: int, position: int) -> int:
    """Where the next data of a file with holes begins, behind its end if there is none."""
    here = os.lseek(fd, 0, os.SEEK_CUR)
    try:
        return os.lseek(fd, position, os.SEEK_DATA)
    except OSError as error:
        return os.fstat(fd).st_size if error.errno == errno.ENXIO else position
    finally:
        os.lseek(fd, here, os.SEEK_SET)  # the buffer of the stream relies on it


@contextmanager
def _tape(
    raw: IO[bytes],
    content: Content | None,
    budget: NestedBudget | None,
    data_from: Callable[[int], int] | None = None,
) -> Iterator[Tape]:
    """An archive as it is read: by position if it is not packed and `content` can be."""
    unpack = _UNPACK.get(_compression(raw))
    if unpack is None:
        if content is None:
            yield Tape(raw, packed=raw.tell)
        else:
            data_from = data_from if hasattr(os, "SEEK_DATA") else None
            yield Tape(raw, content, packed=raw.tell, seek=raw.seek, data_from=data_from)
        return
    with unpack(raw) as stream:
        metered = Metered(stream, raw.tell)
        yield Tape(metered if budget is None else budget.metered(metered), packed=raw.tell)


def _compression(raw: IO[bytes]) -> str:
    """The compression of the archive, by its first bytes."""
    head = raw.read(RECORD)
    raw.seek(0)
    if not head:
        raise DamagedArchiveError("it is empty")
    if reason := packed_otherwise(head, "tar"):
        raise UnreadableError(reason)
    return next((name for start, name in PACKED if head.startswith(start)), "")


_UNPACK: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    "gzip": lambda raw: cast("IO[bytes]", gzip.GzipFile(fileobj=raw)),
    "bz2": lambda raw: cast("IO[bytes]", bz2.BZ2File(raw)),
    "xz": lambda raw: io.BufferedReader(XzStream(raw), STEP),
    "zstd": partial(by_arrow, codec="zstd"),
    "lz4": partial(by_arrow, codec="lz4"),
}
