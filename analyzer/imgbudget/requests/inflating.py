"""Content of zlib and gzip in steps, so that whoever reads it can stop at a bound."""

import zlib
from collections.abc import Iterator

from imgbudget.errors import UnreadableError

STEP = 1 << 20
"""Most bytes of content that one step yields, and of compressed bytes that it reads."""

GZIP_WINDOW = zlib.MAX_WBITS | 16
_MOST_MEMBERS = 100


def slices(data: bytes, step: int = STEP) -> Iterator[bytes]:
    """The bytes in slices: what is left of one is copied again and again."""
    return (data[start : start + step] for start in range(0, len(data), step))


def next_member(members: int) -> int:
    """The number of the next member of a compressed file.

    Raises:
        UnreadableError: there are more than anyone writes.
    """
    if members == _MOST_MEMBERS:
        raise UnreadableError(f"compressed in more than {_MOST_MEMBERS} parts")
    return members + 1


def inflated_parts(data: bytes, window: int = GZIP_WINDOW) -> Iterator[bytes]:
    """The content of a zlib stream, of all members of a gzip file.

    Raises:
        UnreadableError: it has too many members.
        zlib.error: it is damaged.
        EOFError: it is cut.
    """
    stream, members = zlib.decompressobj(window), 1
    for piece in slices(data):
        rest, part = piece, b""
        while rest or len(part) == STEP:
            if stream.eof:
                stream, members = zlib.decompressobj(window), next_member(members)
            part = stream.decompress(rest, STEP)
            rest = stream.unused_data if stream.eof else stream.unconsumed_tail
            yield part
    if not stream.eof:
        raise EOFError
