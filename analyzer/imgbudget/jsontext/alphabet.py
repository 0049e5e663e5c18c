"""Which bytes of a text are not in the alphabet of base64: quickly, since images are read whole for it.

pybase64 decodes with the vector instructions of the processor, in a third of the time of the fastest check
in the standard library; what it decoded is dropped. Where it has no compiled code (PyPy, a browser), results
are the same.
"""

from collections.abc import Callable
from importlib import import_module
from types import BuiltinFunctionType

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
"""The 64 characters of base64 (RFC 4648, section 4), without the padding."""

_IN_ALPHABET = bytes(byte in ALPHABET for byte in range(256))
_BEGINNING = 256
"""Bytes that are looked at first: a data URI has other characters there."""

_STEP = 1 << 15
"""Bytes that are copied at a time: larger copies do not fit into the cache of the processor."""

_LEAST = 1 << 12
"""Bytes from which on decoding is faster."""

_WORTH = 1 << 20
"""Bytes after which to import pybase64 takes less time than it saves."""

_LOOKS = 3
"""Places with foreign bytes that are looked for one by one."""


def first_foreign(text: memoryview) -> int:
    """The index of the first byte that is not in the alphabet, -1 if there is none."""
    first, size = bytes(text[:_BEGINNING]).translate(_IN_ALPHABET).find(0), len(text)
    if first >= 0 or size <= _BEGINNING:
        return first
    at = _BEGINNING
    if decode := _quick.decoder(size):
        end = size - 4 - size % 4  # what is after it may be padding
        try:
            if len(decode(text[at:end], None, True)) == (end - at) // 4 * 3:  # noqa: FBT003 - validate
                at = end
        except ValueError:  # the standard library finds where
            pass
    for begin in range(at, size, _STEP):
        first = bytes(text[begin : begin + _STEP]).translate(_IN_ALPHABET).find(0)
        if first >= 0:
            return begin + first
    return -1


def is_decoded(size: int) -> bool:
    """Whether a text of so many bytes is decoded, so that no other way to look at it is faster."""
    return _quick.decoder(size) is not None


def in_alphabet(text: bytearray) -> bytearray:
    """1 for each byte of the alphabet, 0 for each other one."""
    return text.translate(_IN_ALPHABET)


def foreign_bytes(text: memoryview) -> bytes:
    """The bytes that are not in the alphabet, in order."""
    found = []
    for _ in range(_LOOKS):
        at = first_foreign(text)
        if at < 0:
            break
        found.append(bytes(text[at : at + _BEGINNING]).translate(None, ALPHABET))
        text = text[at + _BEGINNING :]
    else:
        found.append(bytes(text).translate(None, ALPHABET))
    return b"".join(found)


class _QuickDecoder:
    """The decoder of pybase64, if it is installed and compiled; imported once it is worth it."""

    __slots__ = ("_decode", "_read")

    def __init__(self) -> None:
        self._read = 0
        self._decode: Callable[[memoryview, None, bool], bytes] | None = None

    def decoder(self, size: int) -> Callable[[memoryview, None, bool], bytes] | None:
        """The decoder for so many bytes more; None for few of them, and before `_WORTH` in all."""
        if size < _LEAST:
            return None
        if self._read < _WORTH:
            self._read += size
            if self._read >= _WORTH:
                self._decode = _imported()
        return self._decode


_quick = _QuickDecoder()


def _imported() -> Callable[[memoryview, None, bool], bytes] | None:
    try:
        decode = import_module("pybase64").b64decode
    except ImportError:
        return None
    return decode if isinstance(decode, BuiltinFunctionType) else None
