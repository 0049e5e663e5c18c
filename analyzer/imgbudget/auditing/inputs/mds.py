"""Shards of MosaicML Streaming (MDS): samples by the offsets at the beginning of a shard.

Their library needs PyTorch, so they are read here: a shard describes itself, and its index only says which
shards there are. Pickled columns are never loaded.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from struct import Struct, iter_unpack, unpack_from
from typing import Any, NamedTuple

from imgbudget.auditing.inputs.mds_index import index_of
from imgbudget.auditing.inputs.opening import STEP, open_stream
from imgbudget.auditing.inputs.unpacking import ByteStream, Metered, by_arrow, exactly
from imgbudget.auditing.inputs.values import (
    HEAD,
    MOST_VALUE,
    Arrangement,
    arrangement_of,
    array_rows,
    encoded_image,
    is_named_as_image,
    starts_as_image,
)
from imgbudget.auditing.partition import MDS_INDEX, Naming, Partition, mds_packing
from imgbudget.auditing.records import RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.urls import is_url
from imgbudget.errors import UnreadableError
from imgbudget.limits.geometry import Size
from imgbudget.output.base import count as counted
from imgbudget.output.base import figure

DAMAGE = "damaged MDS shard"

_MOST_OFFSETS = 32 << 20
"""Bytes of the offsets of a shard above which they are not read."""

_MOST_HEADER = 1 << 20
_CODECS = {".zstd": "zstd", ".zst": "zstd", ".gz": "gzip", ".bz2": "bz2", ".br": "brotli"}
_NUMBERS = Struct("<III")
_MOST_MODE = 16
_SHAPE_TYPES = ("B", "H", "I", "Q")
"""Types of the numbers of a shape, by the two low bits of the byte before it."""
_DTYPES = {8: "uint8", 9: "int8", 16: "uint16", 17: "int16", 18: "float16", 32: "uint32", 33: "int32"}
_DTYPES |= {34: "float32", 64: "uint64", 65: "int64", 66: "float64"}
_LISTS = {"jpeg_array": 0, "jpegarray": 0, "list[jpeg]": 4, "list[png]": 4, "list[pil]": 4}
"""Encodings of several images in one value, and the bytes before their number."""
_OPAQUE = {
    "pkl": "a pickled Python object, which is never loaded",
    "bytes": "in no known format of images",
}
"""Encodings of values that may be images, and why they are not read if they are none that is known."""


class _Column(NamedTuple):
    name: str
    encoding: str
    size: int


class _Shard:
    """An open shard, read forwards."""

    def __init__(self, stream: ByteStream, seek: Callable[[int], object] | None) -> None:
        self._stream, self._seek, self._at = stream, seek, 0
        (samples,) = unpack_from("<I", self.take(0, 4))
        if 4 * (samples + 1) > _MOST_OFFSETS:
            raise UnreadableError(f"its header lists {figure(samples)} samples")
        table = self.take(4, 4 * (samples + 1))
        self.offsets = [offset for (offset,) in iter_unpack("<I", table)]
        head = self._at
        if not head <= self.offsets[0] <= head + _MOST_HEADER:
            raise UnreadableError("its first sample is not behind its header")
        self.columns = _columns(json.loads(self.take(head, self.offsets[0] - head)))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, begin: int, size: int) -> bytes:
        """The bytes of a range, which lies behind those taken before.

        Raises:
            UnreadableError: the shard is shorter.
        """
        if self._seek is not None:
            self._seek(begin)
        elif begin < self._at:
            raise UnreadableError("its samples overlap")
        else:
            while self._at < begin and (passed := self._stream.read(min(begin - self._at, STEP))):
                self._at += len(passed)
        data = exactly(self._stream, size)
        self._at = begin + size
        if len(data) < size:
            raise UnreadableError("it ends before its header says")
        return data


def _columns(config: Any) -> tuple[_Column, ...]:
    """The columns by the header of a shard."""
    names, encodings, sizes = (config[f"column_{what}"] for what in ("names", "encodings", "sizes"))
    return tuple(
        _Column(str(name), str(encoding), int(size or 0))
        for name, encoding, size in zip(names, encodings, sizes, strict=True)
    )


@contextmanager
def _open(where: str) -> Iterator[_Shard]:
    packing = mds_packing(where)
    if packing and packing not in _CODECS:
        raise UnreadableError(f"it is packed as {packing[1:]}, which is not read; unpack it first")
    with open_stream(where) as raw:
        if not packing:
            yield _Shard(raw, raw.seek)
            return
        with by_arrow(raw, _CODECS[packing]) as unpacked:
            yield _Shard(Metered(unpacked, raw.tell), None)


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """A partition per thousand samples; one of a packed shard, and of an index."""
    whole = Partition("", "mds", source, where, fingerprint=fingerprint)
    if os.path.basename(where) == MDS_INDEX:
        flaws = index_of(where, fingerprint, naming).flaws
        yield naming.name(whole._replace(start=0, stop=1), repr(flaws))
        return
    if mds_packing(where) or is_url(where):
        yield naming.name(whole)
        return
    total = count(whole)
    for start, stop in naming.ranges(total):
        yield naming.name(whole._replace(start=start, stop=stop))


def count(partition: Partition) -> int:
    """Samples of the shard."""
    if os.path.basename(partition.where) == MDS_INDEX:
        return 1
    with _open(partition.where) as shard:
        return len(shard)


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the images in the samples; of an index those of the shards that are missing."""
    where = RowLocation(partition.source)
    if os.path.basename(partition.where) == MDS_INDEX:
        found = index_of(partition.where, partition.fingerprint, Naming("", builder.references.access))
        for name, reason in found.flaws:
            yield builder.skip(where._replace(member=name), reason, missed=True)
        yield builder.skip(where, f"the index of {counted(len(found.shards), 'MDS shard')}")
        return
    with _open(partition.where) as shard:
        if not len(shard):
            yield builder.skip(where, "holds no samples")
        stop = len(shard) if partition.stop is None else min(partition.stop, len(shard))
        for number in range(partition.start, stop):
            place = where._replace(row=number)
            builder.reached = place
            begin, end = shard.offsets[number : number + 2]
            if not 0 <= end - begin <= MOST_VALUE:
                reason = f"a sample of over {figure(MOST_VALUE)} bytes" if end > begin else "damaged offsets"
                yield builder.skip(place, reason, missed=True)
                continue
            data = shard.take(begin, end - begin)
            yield from builder.guarded(place, _rows(data, shard.columns, place, builder), "damaged sample")


def _rows(
    data: bytes, columns: tuple[_Column, ...], where: RowLocation, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    sizes, at = [], 0
    for column in columns:
        if column.size:
            sizes.append(column.size)
        else:
            sizes += unpack_from("<I", data, at)
            at += 4
    if at + sum(sizes) != len(data):
        raise UnreadableError("its columns do not add up to its length")
    found = False
    for column, size in zip(columns, sizes, strict=True):
        place = where._replace(pointer=f"/{column.name}")
        for record in _column(data[at : at + size], column, place, builder):
            found = True
            yield record
        at += size
    if not found:
        yield builder.skip(where, "the sample holds no image")


def _column(
    value: bytes, column: _Column, where: RowLocation, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    kind, _, details = column.encoding.partition(":")
    if kind in _LISTS:
        for number, part in enumerate(_parts(value, _LISTS[kind])):
            place = where._replace(pointer=f"{where.pointer}/{number}")
            inner = "pil" if kind == "list[pil]" else "jpeg"
            yield from _column(part, column._replace(encoding=inner), place, builder)
    elif kind == "pil":
        yield _pixels(value, where, builder)
    elif kind == "ndarray":
        yield from _array(value, column.name, details, where, builder)
    elif kind in ("jpeg", "png") or (kind != "pkl" and starts_as_image(value[:HEAD])):
        yield encoded_image(value, where, builder)
    elif kind in _OPAQUE and is_named_as_image(column.name):
        yield builder.skip(where, _OPAQUE[kind], missed=True)


def _pixels(value: bytes, where: RowLocation, builder: RecordBuilder) -> FactsRecord:
    """The row of an image of Pillow: its width, height and mode, and then its pixels."""
    width, height, mode = _NUMBERS.unpack_from(value)
    if mode > _MOST_MODE:
        raise UnreadableError("the mode of an image is not one of Pillow's")
    start = _NUMBERS.size + mode
    name = value[_NUMBERS.size : start].decode("ascii", "replace")
    return builder.pixels(where, Size(width, height), value[start:], name)


def _parts(value: bytes, before: int) -> Iterator[bytes]:
    """The values of a list: their number, their sizes, and then the values."""
    (number,) = unpack_from("<I", value, before)
    at = before + 4 + 4 * number
    sizes = [size for (size,) in iter_unpack("<I", value[before + 4 : at])]
    if len(sizes) != number or at + sum(sizes) != len(value):
        raise UnreadableError("its list of images does not add up to its length")
    for size in sizes:
        yield value[at : at + size]
        at += size


def _array(
    value: bytes, name: str, details: str, where: RowLocation, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    held, at = _held(value, name, details)
    if held.reason and held.missed:
        yield builder.skip(where, held.reason, missed=True)
    elif held.images:
        if at + held.images * held.length != len(value):
            raise UnreadableError("an array does not have the length that its shape says")
        parts = (value[at + i * held.length : at + (i + 1) * held.length] for i in range(held.images))
        for number, row in enumerate(array_rows(parts, 0, held, where._replace(row=None), builder)):
            pointer = where.pointer if held.images == 1 else f"{where.pointer}/{number}"
            yield row._replace(row=where.row, pointer=pointer)


def _held(value: bytes, name: str, details: str) -> tuple[Arrangement, int]:
    """What an array of a column holds, and where its values begin."""
    dtype, _, fixed = details.partition(":")
    at = 0
    if not dtype:
        dtype, at = _DTYPES.get(value[0], "unknown"), 1
    if fixed:
        shape = tuple(map(int, fixed.split(",")))
    else:
        axes, form = value[at] >> 2, _SHAPE_TYPES[value[at] & 3]
        shape = unpack_from(f"<{axes}{form}", value, at + 1)
        at += 1 + axes * Struct(form).size
    return arrangement_of(name, dtype, shape), at
