"""The wire format of protocol buffers: the fields of a message, without its schema and without copies."""

from collections.abc import Iterator

from imgbudget.errors import UnreadableError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The number and value of each field: an integer, or the bytes of a text, a message or packed numbers.

    Raises:
        UnreadableError: it is not a message.
    """
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            length, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise UnreadableError(f"a field has the unknown wire type {kind}")
        if number == 0 or length > end - at:
            raise UnreadableError("a field is longer than its message")
        yield number, data[at : at + length]
        at += length


def messages(data: memoryview, number: int) -> Iterator[memoryview]:
    """The values of the fields of that number that are messages, texts or packed numbers."""
    return (value for found, value in fields(data) if found == number and isinstance(value, memoryview))


def integers(data: memoryview) -> Iterator[int]:
    """Packed integers."""
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise UnreadableError("an integer does not end")
