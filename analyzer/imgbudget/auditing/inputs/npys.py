"""NumPy arrays, `.npy` and `.npz`: their headers say what they hold, and values are read one at a time.

NumPy itself would hold a member of an `.npz` file whole, and is not needed: the header is a literal in a form
that does not change (NEP 1). Pickled arrays are never loaded.
"""

import ast
import os
import zipfile
from collections.abc import Iterator
from typing import IO, NamedTuple

from imgbudget.auditing.inputs.opening import STEP, open_stream
from imgbudget.auditing.inputs.unpacking import ByteStream, exactly, most_unpacked, too_much
from imgbudget.auditing.inputs.values import MOST_VALUE, Arrangement, arrangement_of, array_rows
from imgbudget.auditing.partition import Naming, Partition
from imgbudget.auditing.records import RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.urls import is_url
from imgbudget.errors import UnreadableError
from imgbudget.output.base import figure

DAMAGE = "damaged NumPy file"

MAGIC = b"\x93NUMPY"
_MOST_HEADER = 1 << 16
_MOST_AXES = 64
_MOST_MEMBERS = 1 << 20


class _Metered:
    """Reads members of one archive, until they unpack to more than an archive of its size may."""

    def __init__(self, packed: int) -> None:
        self._most = self._left = most_unpacked(packed)

    def stream(self, inner: ByteStream) -> ByteStream:
        """A member."""
        return _Member(inner, self)

    def spend(self, size: int) -> None:
        """Count bytes.

        Raises:
            UnreadableError: there are too many.
        """
        self._left -= size
        if self._left < 0:
            raise too_much("the archive", self._most)


class _Member:
    def __init__(self, inner: ByteStream, meter: _Metered) -> None:
        self._inner, self._meter = inner, meter

    def read(self, size: int) -> bytes:
        data = self._inner.read(size)
        self._meter.spend(len(data))
        return data


class _Header(NamedTuple):
    """The header of an array, and the bytes before its values."""

    dtype: str
    shape: tuple[int, ...]
    columns_first: bool
    length: int

    def held(self, name: str) -> Arrangement:
        """What it holds."""
        held = arrangement_of(name, self.dtype, self.shape)
        if self.columns_first and held.size is not None:
            return Arrangement(reason="its pixels lie in Fortran order, which is not read", missed=True)
        return held


def _exactly(stream: ByteStream, size: int) -> bytes:
    data = exactly(stream, size)
    if len(data) < size:
        raise UnreadableError("it ends before its header says")
    return data


def _header(stream: ByteStream) -> _Header:
    start = _exactly(stream, 8)
    if start[:6] != MAGIC:
        raise UnreadableError("it does not begin as a NumPy array")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(_exactly(stream, width), "little")
    if length > _MOST_HEADER:
        raise UnreadableError(f"its header has {figure(length)} bytes")
    about = ast.literal_eval(_exactly(stream, length).decode("utf-8" if start[6] > 2 else "latin-1"))
    shape = about["shape"]
    if (
        not isinstance(shape, tuple)
        or len(shape) > _MOST_AXES
        or not all(isinstance(edge, int) and 0 <= edge < 1 << 48 for edge in shape)
    ):
        raise UnreadableError("its shape is not one of an array")
    return _Header(_dtype(about["descr"]), shape, bool(about["fortran_order"]), 8 + width + length)


_KINDS = {"u": "uint", "i": "int", "f": "float", "c": "complex"}


def _dtype(text: object) -> str:
    """The type in NumPy's words: `uint8`, `float32`, `S20`, `O`; `record` for structured arrays."""
    if not isinstance(text, str):
        return "record"
    kind, width = text.lstrip("<>|=")[:1], text.lstrip("<>|=")[1:]
    if kind in _KINDS and width.isdigit():
        return f"{_KINDS[kind]}{8 * int(width)}"
    return "O" if kind == "O" else f"{kind}{width}"


def _values(stream: ByteStream, held: Arrangement, skip: int = 0) -> Iterator[bytes | None]:
    """The values in order; None for those that are too long."""
    for _ in range(skip, held.images):
        if held.length <= MOST_VALUE:
            data = _exactly(stream, held.length)
            yield data if held.size else data.rstrip(b"\0")
            continue
        rest = held.length
        while rest:
            rest -= len(_exactly(stream, min(rest, STEP)))
        yield None


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """A partition per thousand values of a local array, one of anything else."""
    whole = Partition("", "npys", source, where, fingerprint=fingerprint)
    if where.lower().endswith(".npz") or is_url(where):
        yield naming.name(whole)
        return
    total = count(whole)
    for start, stop in naming.ranges(total) if total else ():
        yield naming.name(whole._replace(start=start, stop=stop))


def count(partition: Partition) -> int:
    """Images of the arrays, at least 1."""
    total = 0
    with open_stream(partition.where) as stream:
        if not _is_archive(stream.read(4)):
            stream.seek(0)
            header = _header(stream)
            held = header.held(_base(partition.source))
            there = stream.seek(0, os.SEEK_END) - header.length
            return max(min(held.images, -(-there // max(held.length, 1))), 1)
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if info.filename.endswith(".npy"):
                    with archive.open(info) as member:
                        total += max(_header(member).held(info.filename).images, 1)
    return max(total, 1)


def _is_archive(head: bytes) -> bool:
    return head in (b"PK\3\4", b"PK\5\6")


def _base(source: str) -> str:
    return source.replace("\\", "/").rpartition("/")[2]


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the images in the arrays; an array without images is skipped."""
    where = RowLocation(partition.source)
    with open_stream(partition.where) as stream:
        if not _is_archive(stream.read(4)):
            stream.seek(0)
            header = _header(stream)
            held = header.held(_base(partition.source))
            if held.reason is None and held.length:
                stream.seek(header.length + partition.start * held.length)
            stop = held.images if partition.stop is None else min(partition.stop, held.images)
            yield from _array(stream, held._replace(images=stop), where, builder, partition.start)
            return
        yield from _members(stream, where, builder)


def _members(stream: IO[bytes], where: RowLocation, builder: RecordBuilder) -> Iterator[FactsRecord]:
    packed = stream.seek(0, os.SEEK_END)
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        if len(members) > _MOST_MEMBERS:
            raise UnreadableError(f"it has {figure(len(members))} members")
        meter = _Metered(packed)
        for info in members:
            place = where._replace(member=info.filename)
            if not info.filename.endswith(".npy"):
                yield builder.skip(place, "not an array")
                continue
            yield from builder.guarded(place, _member(archive, info, meter, place, builder), "damaged array")
        if not members:
            yield builder.skip(where, "holds no arrays")


def _member(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    meter: _Metered,
    where: RowLocation,
    builder: RecordBuilder,
) -> Iterator[FactsRecord]:
    with archive.open(info) as member:
        stream = meter.stream(member)
        held = _header(stream).held(info.filename)
        yield from _array(stream, held, where, builder)


def _array(
    stream: ByteStream, held: Arrangement, where: RowLocation, builder: RecordBuilder, first: int = 0
) -> Iterator[FactsRecord]:
    if held.reason is not None:
        yield builder.skip(where, held.reason, missed=held.missed)
        return
    yield from array_rows(_values(stream, held, first), first, held, where, builder)
