"""The entry point of all probes: the first bytes select the probe; no file content makes it raise."""

from collections.abc import Callable
from os import SEEK_END
from os import close as _close
from os import lseek as _lseek
from os import open as _open
from os import read as _read
from types import MethodType

from imgbudget.imageinfo.reader import HEAD, Read, bytes_reader
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.positional import OPEN_FLAGS, pread

PROBE_VERSION = 11
"""Incremented when the facts of the same bytes may change; caches of facts depend on it."""


def _first_jpeg(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:
    from imgbudget.imageinfo.jpeg import probe_jpeg  # noqa: PLC0415 - image format

    _PROBES.update(dict.fromkeys(_JPEG_STARTS, probe_jpeg))
    return probe_jpeg(head, read, size, fields)


def _first_png(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:
    from imgbudget.imageinfo.png import probe_png  # noqa: PLC0415 - image format

    _PROBES[b"\x89PNG"] = probe_png
    return probe_png(head, read, size, fields)


def _first_gif(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:
    from imgbudget.imageinfo.gif import probe_gif  # noqa: PLC0415 - image format

    _PROBES[b"GIF8"] = probe_gif
    return probe_gif(head, read, size, fields)


def _first_webp(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:
    from imgbudget.imageinfo.webp import probe_webp  # noqa: PLC0415 - image format

    _PROBES[b"RIFF"] = probe_webp
    return probe_webp(head, read, size, fields)


def _probe_other(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:
    from imgbudget.imageinfo.other_formats import probe_other  # noqa: PLC0415 - image format

    return probe_other(head, read, size, fields)


_JPEG_STARTS = tuple(b"\xff\xd8\xff" + bytes((marker,)) for marker in range(256))

_PROBES: dict[bytes, Callable[[bytes, Read, int, int], ImageFacts]] = {
    **dict.fromkeys(_JPEG_STARTS, _first_jpeg),
    b"\x89PNG": _first_png,
    b"GIF8": _first_gif,
    b"RIFF": _first_webp,
}
"""The probe for the first bytes of a file. The first file of a format imports its probe and replaces the
entry, so a hook that checks one file imports one format."""


def probe_file(path: str, fields: int = 0) -> ImageFacts:
    """The facts of a file; `fields` are those needed beyond the header, as `ProbeField` or its bits.

    Raises:
        OSError: the file cannot be opened or read.
        UsageError: `fields` has DECODE, and no image can be decoded here.
    """
    fd = _open(path, OPEN_FLAGS)
    try:
        head = _read(fd, HEAD)
        # a bound method is twice as fast to create as a partial; the unary plus turns the flags into an
        # integer, because arithmetic on flags is a hundred times slower
        read, fields = MethodType(pread, fd), +fields
        size = _lseek(fd, 0, SEEK_END)
        if fields >= _PIXELS:
            return _decoded(head, read, size, fields)
        return _PROBES.get(head[:4], _probe_other)(head, read, size, fields)
    finally:
        _close(fd)


def probe_bytes(data: bytes, fields: int = 0) -> ImageFacts:
    """The facts of bytes in memory."""
    read, fields = bytes_reader(data), +fields
    if fields >= _PIXELS:
        return _decoded(data[:HEAD], read, len(data), fields)
    return _PROBES.get(data[:4], _probe_other)(data[:HEAD], read, len(data), fields)


def probe_reader(read: Read, size: int, fields: int = 0) -> ImageFacts:
    """The facts of `size` bytes behind a positional reader, `read(size, offset)`.

    Raises:
        OSError: raised by the reader.
    """
    head, fields = read(HEAD, 0), +fields
    if fields >= _PIXELS:
        return _decoded(head, read, size, fields)
    return _PROBES.get(head[:4], _probe_other)(head, read, size, fields)


_PIXELS, _ORIENTATION = ProbeField.PIXELS.value, ProbeField.ORIENTATION.value
_DECODE = ProbeField.DECODE.value
_SHOWN = _PIXELS | ProbeField.TEXT.value | ProbeField.BYTES.value


def _decoded(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:
    """The facts with those that decoding shows, if the bytes are an image that can be decoded."""
    facts = _PROBES.get(head[:4], _probe_other)(head, read, size, fields | _ORIENTATION)
    if fields & _DECODE:
        from imgbudget.imageinfo.decoding import with_decoding  # noqa: PLC0415 - rare

        facts = with_decoding(facts, read, size)
    return pictured(facts, read, size, fields)


_DOT = bytes.fromhex("47494638376101000100800000000000ffffff2c00000000010001000002024401003b")
"""A sound GIF file of one pixel."""


def require_decoding() -> None:
    """Raise UsageError unless images can be decoded here."""
    probe_bytes(_DOT, _DECODE)


def pictured(facts: ImageFacts, read: Read, size: int, fields: int) -> ImageFacts:
    """The facts with those that its picture shows, if it can be decoded, and they are asked for.

    Raises:
        OSError: raised by the reader.
    """
    if facts.format is None or facts.damage is not None or not fields & _SHOWN:
        return facts
    from imgbudget.imageinfo.pictures import with_pictured  # noqa: PLC0415 - extra

    return with_pictured(facts, read, size, fields)
