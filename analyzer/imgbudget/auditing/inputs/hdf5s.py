"""HDF5 files: data sets of encoded images or of pixels, read one value at a time.

Nothing outside the file is opened: external links, virtual data sets and external storage are named and left.
A file is one partition, as its structure is only known by reading it.
"""

import os
from collections.abc import Iterator
from itertools import product
from math import prod

import h5py

from imgbudget.auditing.failures import reason_of
from imgbudget.auditing.inputs.unpacking import most_unpacked, too_much
from imgbudget.auditing.inputs.values import MOST_VALUE, Arrangement, arrangement_of, array_rows
from imgbudget.auditing.partition import Naming, Partition
from imgbudget.auditing.records import RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.urls import is_url
from imgbudget.errors import UnreadableError

DAMAGE = "cannot be read as HDF5"

_MOST_CHUNK = 64 << 20
"""Bytes of a chunk, which is unpacked as a whole and kept while its values are read."""


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """One partition, the whole file."""
    if is_url(where):
        raise UnreadableError("HDF5 is read from local files only; copy it first")
    yield naming.name(Partition("", "hdf5s", source, where, fingerprint=fingerprint))


def count(_partition: Partition) -> int:
    """One file: it is opened in workers only, as a damaged one may crash the library."""
    return 1


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the images in the data sets; those without images are skipped."""
    where = RowLocation(partition.source)
    found = False
    with h5py.File(partition.where, "r", locking=False, rdcc_nbytes=_MOST_CHUNK) as file:
        for path, array in _arrays(file):
            found = True
            place = where._replace(member=path)
            if isinstance(array, str):
                yield builder.skip(place, array, missed=True)
            else:
                packed = os.path.getsize(partition.where)
                yield from builder.guarded(place, _rows(array, packed, place, builder), "damaged data set")
    if not found:
        yield builder.skip(where, "holds no data sets")


def _arrays(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset | str]]:
    """The data sets with their paths, each once; a text is why one is not opened."""
    waiting: list[tuple[str, h5py.Group]] = [("", file)]
    visited = {h5py.h5o.get_info(file["/"].id).addr}
    while waiting:
        folder, group = waiting.pop()
        for name in group:
            path = f"{folder}/{name}" if folder else str(name)
            try:
                link = group.get(name, getlink=True)
                if isinstance(link, h5py.ExternalLink):
                    yield path, "a link to another file, which is not opened"
                    continue
                if not isinstance(link, h5py.HardLink):
                    continue  # a second name of what has a first one
                item = group[name]
            except (OSError, KeyError, RuntimeError, ValueError) as error:
                yield path, reason_of(error, "damaged")
                continue
            address = h5py.h5o.get_info(item.id).addr
            if address in visited:
                continue
            visited.add(address)
            if isinstance(item, h5py.Group):
                waiting.append((path, item))
            elif isinstance(item, h5py.Dataset):
                yield path, item


def _rows(
    array: h5py.Dataset, packed: int, where: RowLocation, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    if array.is_virtual:
        yield builder.skip(where, "its values are those of other files, which are not opened", missed=True)
        return
    if array.external:
        yield builder.skip(where, "its values are in another file, which is not opened", missed=True)
        return
    held = _held(array, where.member or "")
    if held.reason is not None:
        yield builder.skip(where, held.reason, missed=held.missed)
        return
    stored = array.id.get_storage_size()
    if held.images * held.length > most_unpacked(min(stored, packed)):
        raise too_much("it", most_unpacked(min(stored, packed)))
    if not stored:
        yield builder.skip(where, "no values are stored")
        return
    yield from array_rows(_values(array, held), 0, held, where, builder)


def _held(array: h5py.Dataset, name: str) -> Arrangement:
    """What a data set holds."""
    dtype, shape = array.dtype, array.shape
    if shape is None:
        return Arrangement(reason="an empty data set")
    inner = h5py.check_vlen_dtype(dtype)
    if isinstance(inner, type):
        return Arrangement(reason="texts")
    if inner is not None:
        if inner.kind in "ui" and inner.itemsize == 1 and prod(shape):
            return Arrangement(prod(shape), 1)
        return Arrangement(reason=f"lists of {inner.name}, which are no images")
    if dtype.kind in "SV" and not dtype.names:
        return arrangement_of(name, f"{dtype.kind}{dtype.itemsize}", shape)
    text = "record" if dtype.names else "text" if dtype.kind == "O" else dtype.name
    return arrangement_of(name, text, shape)


def _values(array: h5py.Dataset, held: Arrangement) -> Iterator[bytes | None]:
    """The values in order; None for those that are too long, or in chunks that are too long."""
    lengths = prod(array.chunks or (1,)) * array.dtype.itemsize
    for index in product(*map(range, _outer(array.shape, held))):
        if lengths > _MOST_CHUNK or held.length > MOST_VALUE:
            yield None
            continue
        value = array[index] if index else array[()]
        if isinstance(value, bytes):
            yield value
        else:
            data = value.tobytes()
            yield data if held.size or len(data) <= MOST_VALUE else None


def _outer(shape: tuple[int, ...], held: Arrangement) -> tuple[int, ...]:
    """The axes that count the values."""
    total = 1
    for i, edge in enumerate((*shape, 1)):
        if total == held.images:
            return shape[:i]
        total *= edge
    return shape
