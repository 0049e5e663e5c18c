"""TFRecord files: framed records with their CRC, each a `tf.train.Example` or `SequenceExample`.

The frames are read here and not by a library, as those hold as many bytes as a damaged length declares and
compare no CRC. The CRC is computed by google-crc32c, of the extra `tfrecord`.
"""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count as numbers
from typing import NamedTuple

from google_crc32c import value as crc32c

from imgbudget.auditing.inputs.opening import STEP, open_stream
from imgbudget.auditing.inputs.protobuf import fields, integers, messages
from imgbudget.auditing.inputs.unpacking import ByteStream, Metered, exactly
from imgbudget.auditing.inputs.values import (
    HEAD,
    MOST_VALUE,
    encoded_image,
    is_named_as_image,
    starts_as_image,
)
from imgbudget.auditing.partition import Naming, Partition
from imgbudget.auditing.records import RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.errors import UnreadableError
from imgbudget.limits.geometry import Size
from imgbudget.output.base import figure

DAMAGE = "damaged TFRecord file"

_HEAD_BYTES = 12
"""Bytes before a record: its length as 8 bytes, and the masked CRC of them."""
_END = 4
"""Bytes behind it: its masked CRC."""
_CHANNELS = (1, 3, 4)


def masked_crc(data: bytes) -> int:
    """The CRC-32C of data as TFRecord files have it."""
    crc = int(crc32c(data))
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@contextmanager
def _open(where: str) -> Iterator[ByteStream]:
    """The frames of a file, unpacked if it is packed."""
    with open_stream(where) as raw:
        head = raw.read(_HEAD_BYTES)
        raw.seek(0)
        if _is_frame(head) or not head:
            yield raw
        elif head.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=raw) as packed:
                yield Metered(packed, raw.tell)
        elif head[:1] == b"\x78" and int.from_bytes(head[:2], "big") % 31 == 0:
            raise UnreadableError("it is packed as ZLIB, which is not read; GZIP is")
        else:
            raise UnreadableError("it does not begin with a record")


def _is_frame(head: bytes) -> bool:
    return len(head) == _HEAD_BYTES and masked_crc(head[:8]) == int.from_bytes(head[8:], "little")


class _Frame(NamedTuple):
    """A record: its data, or why they are not read."""

    data: bytes = b""
    flaw: str | None = None


def _records(stream: ByteStream, *, wanted: range) -> Iterator[tuple[int, _Frame | None]]:
    """The records with their numbers; those that are not wanted are passed over.

    Raises:
        UnreadableError: the frames are damaged, so what follows cannot be found.
    """
    for number in numbers():
        if number >= wanted.stop:
            return
        head = exactly(stream, _HEAD_BYTES)
        if not head:
            return
        if not _is_frame(head):
            short = len(head) < _HEAD_BYTES
            raise UnreadableError(f"record {number} {'is cut off' if short else 'has a damaged length'}")
        size = int.from_bytes(head[:8], "little")
        if number < wanted.start or size > MOST_VALUE:
            _pass(stream, size + _END, number)
            flaw = f"a record of {figure(size)} bytes; those of over {figure(MOST_VALUE)} are not read"
            yield number, None if number < wanted.start else _Frame(flaw=flaw)
            continue
        data = exactly(stream, size + _END)
        if len(data) < size + _END:
            raise UnreadableError(f"record {number} is cut off")
        sound = masked_crc(data[:size]) == int.from_bytes(data[size:], "little")
        yield number, _Frame(data[:size], None if sound else "its CRC does not match its bytes")


def _pass(stream: ByteStream, size: int, number: int) -> None:
    left = size
    while left:
        data = stream.read(min(left, STEP))
        if not data:
            raise UnreadableError(f"record {number} is cut off")
        left -= len(data)


def plan(source: str, where: str, fingerprint: str, naming: Naming) -> Iterator[Partition]:
    """One partition, the whole file: where a record begins is known when those before it are read."""
    yield naming.name(Partition("", "tfrecords", source, where, fingerprint=fingerprint))


def count(partition: Partition) -> int:
    """Records of the partition that can be found."""
    found = 0
    try:
        with _open(partition.where) as stream:
            for found, _ in _records(stream, wanted=range(1 << 62, 1 << 63)):  # noqa: B007 - the last one
                pass
    except UnreadableError:
        pass
    return max(found + 1 - partition.start, 1)


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the images in the records; a record without one is skipped."""
    where = RowLocation(partition.source)
    stop = (1 << 62) if partition.stop is None else partition.stop
    found = False
    with _open(partition.where) as stream:
        for number, record in _records(stream, wanted=range(partition.start, stop)):
            found = True
            if record is None:
                continue
            place = where._replace(row=number)
            if record.flaw:
                yield builder.skip(place, record.flaw, missed=True)
            else:
                rows = _rows(record.data, place, builder)
                yield from builder.guarded(place, rows, "not a tf.train.Example")
            builder.reached = place
    if not found:
        yield builder.skip(where, "holds no records")


def _rows(data: bytes, where: RowLocation, builder: RecordBuilder) -> Iterator[FactsRecord]:
    if starts_as_image(data[:HEAD]):
        yield encoded_image(data, where, builder)
        return
    found = False
    unread = None
    whole = list(_features(memoryview(data)))
    numbers = {key: value for key, value in whole if isinstance(value, int)}
    for key, value in whole:
        if isinstance(value, int):
            continue
        place = where._replace(pointer=f"/{key}")
        if starts_as_image(bytes(value[:HEAD])):
            found = True
            yield encoded_image(bytes(value), place, builder)
        elif is_named_as_image(key.partition("/")[0]) and len(value) >= HEAD:
            if size := _size(key, len(value), numbers):
                found = True
                yield builder.pixels(place, size, bytes(value))
            elif is_named_as_image(key.rpartition("/")[2]) or key.endswith("encoded"):
                unread = key
    if unread is not None and not found:
        yield builder.skip(where, f"{unread} is in no known format of images", missed=True)
    elif not found:
        yield builder.skip(where, "the record holds no image")


def _size(key: str, length: int, numbers: dict[str, int]) -> Size | None:
    """The size of raw pixels by the numbers beside them, if it explains their length."""
    for prefix in ("", "image/", key.rpartition("/")[0] + "/"):
        width, height = numbers.get(f"{prefix}width"), numbers.get(f"{prefix}height")
        if width and height and length in [width * height * channels for channels in _CHANNELS]:
            return Size(width, height)
    return None


def _features(record: memoryview) -> Iterator[tuple[str, memoryview | int]]:
    """The byte values of an example with their keys, numbered if there are several, and single integers."""
    for number, part in fields(record):
        if not isinstance(part, memoryview):
            raise UnreadableError("it has a field of another type")
        for entry in messages(part, 1):
            key, value = "", memoryview(b"")
            for which, item in fields(entry):
                if which == 1 and isinstance(item, memoryview):
                    key = bytes(item).decode("utf-8", "replace")
                elif which == 2 and isinstance(item, memoryview):
                    value = item
            features = [value] if number == 1 else list(messages(value, 1))
            byte_values = [one for feature in features for one in _byte_values(feature)]
            if len(byte_values) == 1:
                yield key, byte_values[0]
            else:
                yield from ((f"{key}/{i}", one) for i, one in enumerate(byte_values))
            if number == 1 and (single := _single_integer(value)) is not None:
                yield key, single


def _byte_values(feature: memoryview) -> Iterator[memoryview]:
    for values in messages(feature, 1):
        yield from messages(values, 1)


def _single_integer(feature: memoryview) -> int | None:
    for values in messages(feature, 3):
        found: list[int] = []
        for _, value in fields(values):
            found += [value] if isinstance(value, int) else integers(value[:20])
        return found[0] if len(found) == 1 else None
    return None
