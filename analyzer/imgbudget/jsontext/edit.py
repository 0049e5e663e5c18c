"""Edits of JSON text: replaces spans and reorders arrays, leaving every other byte unchanged."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.document import Document
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Keys, Span

_WINDOW = 1 << 18


class Region(NamedTuple):
    """A range of the file, with the splices inside it applied: byte offsets, the end exclusive."""

    start: int
    end: int


SplicePart = bytes | Region | Callable[[], Iterable[bytes | Region]]
"""A replacement: bytes, another range of the file, or a function called when the part is written."""


class Splice(NamedTuple):
    """Replaces the bytes from `start` to `end` with `parts`; equal offsets insert before that byte."""

    start: int
    end: int
    parts: tuple[SplicePart, ...]


def spliced(source: JsonSource, region: Region, splices: Iterable[Splice]) -> Iterator[bytes]:
    """The bytes of a region with the splices applied, in pieces.

    Splices must not overlap, but one may be inside a region that is a part of another.

    Raises:
        UnreadableError: the file became shorter in the meantime.
        OSError: the file cannot be read.
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


def _parts(source: JsonSource, parts: Iterable[SplicePart], inner: Sequence[Splice]) -> Iterator[bytes]:
    for part in parts:
        match part:
            case bytes():
                yield part
            case Region():
                yield from _written(source, part, inner)
            case _:
                yield from _parts(source, part(), inner)


def _inside(splice: Splice, region: Region) -> bool:
    """Whether a region contains the splice; an insertion belongs to the region that begins there."""
    if splice.start == splice.end:
        return region.start <= splice.start < region.end
    return region.start <= splice.start and splice.end <= region.end


def copied(source: JsonSource, region: Region) -> Iterator[bytes]:
    """The unchanged bytes of a region, in pieces. Raises as `spliced` does."""
    at = region.start
    while at < region.end:
        data = source.pread(min(_WINDOW, region.end - at), at)
        if not data:
            raise UnreadableError("became shorter while it was fixed")
        yield data
        at += len(data)


def value_at(document: Document, path: Keys) -> Any:
    """The value at a path of the document; None if there is none."""
    value = document.value
    for key in path:
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


class Layout(NamedTuple):
    """A document with the spans of the values and keys that its edits need."""

    document: Document
    source: JsonSource
    spans: Mapping[Keys, Span]
    keys: Mapping[Keys, Span]

    @classmethod
    def of(cls, document: Document, source: JsonSource, paths: Iterable[Keys]) -> "Layout":
        """The layout with the spans of the values at these paths."""
        wanted = set(paths)
        return cls(document, source, document.spans(wanted), document.key_spans(wanted))

    def value(self, path: Keys) -> Any:
        """The value at a path; None if there is none."""
        return value_at(self.document, path)

    def region(self, path: Keys) -> Region:
        """The bytes of a value."""
        span = self.spans[path]
        return Region(span.start, span.end)

    def read(self, start: int, end: int) -> bytes:
        """Bytes of the file."""
        return self.source.pread(end - start, start)


def as_json(value: Any, *, spaced: bool = True) -> bytes:
    """A value as ASCII JSON text, with or without blanks after commas and colons."""
    return json.dumps(value, separators=(", ", ": ") if spaced else (",", ":")).encode("ascii")


_BLANK = b" \t\r\n"
_SAMPLE = 64

Item = int | dict[str, Any]
"""An item of the original array, by its index, or a new item."""


def rewritten(layout: Layout, path: Keys, items: Sequence[Item]) -> Splice:
    """The splice that replaces the items of the non-empty array at `path` with `items`.

    The text between two items is kept if they remain adjacent; elsewhere the separator of other items is
    used.
    """
    locations = [layout.region((*path, i)) for i in range(len(layout.value(path)))]
    gaps = [Region(one.end, other.start) for one, other in pairwise(locations)]
    spaced = _is_spaced(layout, gaps)
    parts: list[SplicePart] = []
    for position, item in enumerate(items):
        if position:
            parts.append(_gap(gaps, items[position - 1], item, spaced=spaced))
        parts.append(locations[item] if isinstance(item, int) else as_json(item, spaced=spaced))
    return Splice(locations[0].start, locations[-1].end, tuple(parts))


def _gap(gaps: Sequence[Region], before: Item, after: Item, *, spaced: bool) -> SplicePart:
    if not gaps:
        return b", " if spaced else b","
    if isinstance(after, int) and after:
        return gaps[after - 1]
    if isinstance(before, int) and before < len(gaps):
        return gaps[before]
    return gaps[0]


def _is_spaced(layout: Layout, gaps: Sequence[Region]) -> bool:
    """Whether the file has blanks next to its commas; assumed if it has no comma."""
    if not gaps:
        return True
    first = layout.read(gaps[0].start, min(gaps[0].end, gaps[0].start + _SAMPLE))
    return len(first.strip(_BLANK)) < len(first)
