"""LMDB databases: a value per key, as LSUN, OCR data sets and Caffe have them; never written to.

A file that is shorter than it declares is not opened, as reading a part of its map that is not there ends the
process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from struct import Struct
from typing import Any

import lmdb

from imgbudget.auditing.inputs.protobuf import fields
from imgbudget.auditing.inputs.values import (
    HEAD,
    MOST_VALUE,
    PICKLED,
    encoded_image,
    is_named_as_image,
    starts_as_image,
)
from imgbudget.auditing.partition import SHARE, Naming, Partition
from imgbudget.auditing.records import RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.urls import is_url
from imgbudget.errors import UnreadableError
from imgbudget.limits.geometry import Size
from imgbudget.output.base import figure

DAMAGE = "cannot be read as LMDB"

_META = Struct("<16xII8xQI92xQQ")
"""The first page: magic, version, size of the map, bytes of a page, last page, number of the transaction."""
_MAGIC = 0xBEEFC0DE
_PARTITIONS = 16
"""Most partitions of a database: each begins with the first key."""
_MOST_NAMED = 64
"""Named databases that are opened; the main one then holds only their names."""
_CHANNELS = (1, 3, 4)


def _require_whole(where: str) -> None:
    """Compare the length of a file with the pages that it declares.

    Raises:
        UnreadableError: it is cut off, or is no database.
    """
    with open(where, "rb") as file:
        first = file.read(_META.size)
        if len(first) < _META.size:
            raise UnreadableError("it is cut off")
        magic, version, _, page, last, number = _META.unpack(first)
        if magic != _MAGIC:
            raise UnreadableError("it does not begin as an LMDB database")
        if version != 1 or not 256 <= page <= 1 << 16 or page & (page - 1):
            raise UnreadableError(f"version {version} with pages of {figure(page)} bytes is not known")
        file.seek(page)
        second = file.read(_META.size)
        if len(second) == _META.size:
            other = _META.unpack(second)
            if other[0] == _MAGIC and other[5] > number:
                last = other[4]
        length = file.seek(0, 2)
    if (last + 1) * page > length:
        raise UnreadableError(f"it is cut off: it has {figure(length)} bytes of {figure((last + 1) * page)}")


@contextmanager
def _open(where: str) -> Iterator[Any]:
    if is_url(where):
        raise UnreadableError("LMDB is read from local files only; copy it first")
    _require_whole(where)
    with lmdb.open(
        where,
        subdir=False,
        readonly=True,
        lock=False,  # a lock file would be written beside it
        create=False,
        readahead=False,
        max_dbs=_MOST_NAMED,
    ) as environment:
        yield environment


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """Up to 16 partitions by the number of keys, which is all that is read of it here."""
    whole = Partition("", "lmdbs", source, where, fingerprint=fingerprint)
    with _open(where) as environment:
        total = int(environment.stat()["entries"])
    for start in range(0, total or 1, _share(total)):
        yield naming.name(whole._replace(start=start))


def _share(total: int) -> int:
    """Keys of a partition of a database with so many keys."""
    return max(SHARE, -(-total // _PARTITIONS))


def count(_partition: Partition) -> int:
    """One item: the keys behind a damaged page cannot be reached, so none is looked for by itself."""
    return 1


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the values that are images; the others are counted in one row."""
    where = RowLocation(partition.source)
    with _open(partition.where) as environment, environment.begin(buffers=True) as transaction:
        stop = partition.start + _share(int(environment.stat()["entries"]))
        names = _named(environment, transaction)
        for name in names or (None,):
            handle = environment.open_db(name, transaction, create=False) if name else None
            place = where._replace(member=_text(name)) if name else where
            yield from _database(range(partition.start, stop), transaction.cursor(handle), place, builder)


def _named(environment: Any, transaction: Any) -> tuple[bytes, ...]:
    """The databases whose names are the keys of the main one; none if those are other keys."""
    if environment.stat()["entries"] > _MOST_NAMED:
        return ()
    names = [bytes(key) for key in transaction.cursor().iternext(values=False)]
    try:
        for name in names:
            environment.open_db(name, transaction, create=False)
    except lmdb.Error:
        return ()
    return tuple(names)


def _text(key: bytes) -> str:
    """A key as text, in hexadecimal if it is none."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return key.hex()
    return text if text.isprintable() else key.hex()


def _database(
    wanted: range, cursor: Any, where: RowLocation, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    others = images = 0
    for number, key in enumerate(cursor.iternext(values=False)):
        if number < wanted.start:
            continue
        if number >= wanted.stop and not where.member:  # a named database is read as a whole
            break
        text = _text(bytes(key))
        place = where._replace(member=f"{where.member}/{text}" if where.member else text, row=number)
        builder.reached = place
        row = _row(cursor.value(), text, place, builder)
        if row is None:
            others += 1
        else:
            images += 1
            yield row
    if others:
        text = f"{figure(others)} of its {figure(others + images)} values are no images"
        yield builder.skip(where, text)
    elif not images:
        yield builder.skip(where, "holds no values")


def _row(value: memoryview, key: str, where: RowLocation, builder: RecordBuilder) -> FactsRecord | None:
    """The row of a value; None if it is not an image, and does not look as if it should be one."""
    head = bytes(value[:HEAD])
    if len(value) > MOST_VALUE:
        return builder.skip(where, f"a value of over {figure(MOST_VALUE)} bytes", missed=True)
    if starts_as_image(head):
        return encoded_image(bytes(value), where, builder)
    if head[:1] == b"\x08" and len(value) >= HEAD and (found := _datum(value, where, builder)) is not None:
        return found
    if head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5") and bytes(value[-1:]) == b".":
        return builder.skip(where, PICKLED, missed=True)
    if is_named_as_image(key) and len(value) >= HEAD:
        return builder.skip(where, "in no known format of images", missed=True)
    return None


def _datum(value: memoryview, where: RowLocation, builder: RecordBuilder) -> FactsRecord | None:
    """The row of an image in a `Datum` of Caffe: channels, height, width, and its pixels or encoded bytes."""
    try:
        found = dict(fields(value))
    except UnreadableError:
        return None
    channels, height, width, data = (found.get(number) for number in (1, 2, 3, 4))
    if not isinstance(data, memoryview):
        return None
    if starts_as_image(bytes(data[:HEAD])):
        return encoded_image(bytes(data), where, builder)
    if isinstance(width, int) and isinstance(height, int) and channels in _CHANNELS:
        return builder.pixels(where, Size(width, height), bytes(data), planar=True)
    return None
