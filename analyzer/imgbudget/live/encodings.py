"""Bodies of requests that are compressed, decoded within bounds."""

import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from imgbudget.errors import UnreadableError
from imgbudget.requests.inflating import STEP, inflated_parts, next_member, slices

MOST_DECODED = 512 << 20
"""Bytes of a decoded body that are read: no API accepts a larger one.

OpenAI's limit is 512 MB (images and vision guide, 2026-09), that of a batch of Anthropic's 256 MB.
"""

_SMALL_STEP = 1 << 11
"""Bytes of a zstd body that decode to 64 MB at most: a block of 4 bytes has up to 128 KB (RFC 8878)."""

_MOST_ENCODINGS = 2
_ZLIB, _RAW = zlib.MAX_WBITS, -zlib.MAX_WBITS
_ZSTD = ("compression.zstd", "backports.zstd", "zstandard")
"""Modules that decode zstd: of Python from 3.14 on, and of two packages."""


class EncodingError(UnreadableError):
    """A body that is not what its Content-Encoding says: the API refuses it, and nothing is known of it."""


def encodings(header: str) -> tuple[str, ...]:
    """The encodings of a Content-Encoding header, in the order in which they were applied."""
    names = (name.strip().lower() for name in header.split(","))
    return tuple(name.removeprefix("x-") for name in names if name not in ("", "identity"))


def is_decodable(names: tuple[str, ...]) -> bool:
    """Whether bodies with these encodings can be decoded here."""
    return len(names) <= _MOST_ENCODINGS and all(name in _DECODERS and _DECODERS[name][1]() for name in names)


def decoded(body: bytes, names: tuple[str, ...]) -> bytes:
    """The body without its encodings.

    Raises:
        EncodingError: it is damaged, or encoded otherwise.
        UnreadableError: it is too large.
    """
    for name in reversed(names):
        try:
            body = _joined(_DECODERS[name][0](body), name)
        except UnreadableError:
            raise
        except Exception as error:
            raise EncodingError(f"not {name}, as its Content-Encoding says") from error
    return body


def _joined(parts: Iterator[bytes], name: str) -> bytes:
    kept, size = list[bytes](), 0
    for part in parts:
        size += len(part)
        if size > MOST_DECODED:
            raise UnreadableError(f"over {MOST_DECODED:,} bytes when its {name} is decoded")
        kept.append(part)
    return b"".join(kept)


def _deflated(body: bytes) -> Iterator[bytes]:
    """Content of `deflate`, which is a zlib stream (RFC 9110); some clients send raw deflate."""
    is_zlib = len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return inflated_parts(body, _ZLIB if is_zlib else _RAW)


def _zstd_module() -> Any:
    for name in _ZSTD:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


def _unzstd(body: bytes) -> Iterator[bytes]:
    """The content of all frames of a zstd file."""
    module = _zstd_module()
    if not hasattr(module, "ZstdFile"):
        yield from _unzstd_in_small_steps(body, module)
        return
    stream, frames = module.ZstdDecompressor(), 1
    for piece in slices(body):
        rest = piece
        while rest or not (stream.eof or stream.needs_input):
            if stream.eof:
                stream, frames = module.ZstdDecompressor(), next_member(frames)
            part = stream.decompress(rest, STEP)
            rest = stream.unused_data if stream.eof else b""
            yield part
    if not stream.eof:
        raise EOFError


def _unzstd_in_small_steps(body: bytes, module: Any) -> Iterator[bytes]:
    """As `_unzstd`, by the package `zstandard`.

    Its reader takes the end of a cut body for the end of the content, and its other objects, which know the
    end, have no bound for what a step decodes to: so the steps are small.
    """
    stream, frames = module.ZstdDecompressor().decompressobj(), 1
    for piece in slices(body, _SMALL_STEP):
        rest = piece
        while rest:
            if stream.eof:
                stream, frames = module.ZstdDecompressor().decompressobj(), next_member(frames)
            yield stream.decompress(rest)
            rest = stream.unused_data if stream.eof else b""
    if not stream.eof:
        raise EOFError


_DECODERS: dict[str, tuple[Callable[[bytes], Iterator[bytes]], Callable[[], object]]] = {
    "gzip": (inflated_parts, lambda: True),
    "deflate": (_deflated, lambda: True),
    "zstd": (_unzstd, _zstd_module),
}
"""How each encoding is decoded, and whether it can be: with what is installed."""
