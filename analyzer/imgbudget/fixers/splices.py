"""Splices: stretches of a file that are written anew, and the stream of the whole file with them in place.

What no splice covers is copied byte for byte through a small window, so that a large file is never in memory.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from imgbudget.errors import UnreadableError
from imgbudget.sources.jsonspans import JsonSource

_WINDOW = 1 << 18


class Region(NamedTuple):
    """A stretch of the file as it is, with the splices inside it: byte offsets, the end exclusive."""

    start: int
    end: int


Part = bytes | Region | Callable[[], Iterable[bytes | Region]]
"""What stands in place of a stretch: bytes, another stretch of the file, or what is only made when its turn
comes."""


class Splice(NamedTuple):
    """The bytes from `start` to `end` give way to `parts`; equal offsets insert before that byte."""

    start: int
    end: int
    parts: tuple[Part, ...]


def spliced(source: JsonSource, region: Region, splices: Iterable[Splice]) -> Iterator[bytes]:
    """The bytes of a stretch with the splices in place, in pieces.

    Splices do not overlap, but one may stand inside a region that is a part of another.

    Raises:
        UnreadableError: the file became shorter meanwhile.
        OSError: it cannot be read.
    """
    ordered = sorted(splices, key=lambda splice: (splice.start, -splice.end))
    yield from _written(source, region, ordered)


def _written(source: JsonSource, region: Region, splices: Sequence[Splice]) -> Iterator[bytes]:
    at = region.start
    i = 0
    while i < len(splices):
        splice = splices[i]
        i += 1
        if not _inside(splice, region):
            continue
        first = i
        while i < len(splices) and splices[i].start < splice.end:
            i += 1
        yield from copied(source, Region(at, splice.start))
        yield from _parts(source, splice.parts, splices[first:i])
        at = splice.end
    yield from copied(source, Region(at, region.end))


def _parts(source: JsonSource, parts: Iterable[Part], inner: Sequence[Splice]) -> Iterator[bytes]:
    for part in parts:
        match part:
            case bytes():
                yield part
            case Region():
                yield from _written(source, part, inner)
            case _:
                yield from _parts(source, part(), inner)


def _inside(splice: Splice, region: Region) -> bool:
    """Whether a region holds the splice; an insertion belongs to what begins there, not to what ends."""
    if splice.start == splice.end:
        return region.start <= splice.start < region.end
    return region.start <= splice.start and splice.end <= region.end


def copied(source: JsonSource, region: Region) -> Iterator[bytes]:
    """The bytes of a stretch as they are, in pieces. Raises as `spliced` does."""
    at = region.start
    while at < region.end:
        data = source.pread(min(_WINDOW, region.end - at), at)
        if not data:
            raise UnreadableError("became shorter while it was fixed")
        yield data
        at += len(data)
