"""Divides a text of lines into stretches that can be read apart, counting on the way what stands in them."""

from collections.abc import Iterator
from typing import NamedTuple

from imgbudget.sources.hollow import WINDOW
from imgbudget.sources.jsonsource import JsonSource, Start

_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_NEAR = 64


class Stretch(NamedTuple):
    """Some lines of a text: where they begin, and the byte behind them."""

    start: Start
    end: int


def stretches(
    source: JsonSource, start: Start, size: int, most: int, *, window: int = WINDOW
) -> Iterator[Stretch]:
    """The lines from `start` on in stretches of at least `size` bytes or `most` documents, but for the last.

    Documents are counted as the reader of lines does: each line but those of blanks, with or without a byte
    order mark in front. Raises OSError.
    """
    buffer = bytearray(max(window, len(_BOM) + 1))
    view = memoryview(buffer)
    begin, (offset, line, number) = start, start
    fresh = blank = True  # whether the line was not looked at yet, and whether it is blank so far
    while got := source.readinto(view, offset):
        at = 0
        while at < got:
            newline = buffer.find(b"\n", at, got)
            if newline < 0 and at > 0 and got - at < len(_BOM):
                break  # the first bytes of a line are looked at together
            stop = got if newline < 0 else newline
            blank = blank and _is_blank(buffer, at + _mark(buffer, at, fresh=fresh), stop)
            fresh, at = False, stop
            if newline >= 0:
                at, line, number = newline + 1, line + 1, number + (not blank)
                fresh = blank = True
                if offset + at - begin.offset >= size or number - begin.number >= most:
                    here = Start(offset + at, line, number)
                    yield Stretch(begin, here.offset)
                    begin = here
        offset += at
    if offset > begin.offset:
        yield Stretch(begin, offset)


def _mark(buffer: bytearray, at: int, *, fresh: bool) -> int:
    """Bytes of the byte order mark that a line may begin with."""
    return len(_BOM) if fresh and buffer.startswith(_BOM, at) else 0


def _is_blank(buffer: bytearray, at: int, stop: int) -> bool:
    """Whether only blanks stand there; few lines that are not begin with many."""
    near = min(stop, at + _NEAR)
    return not buffer[at:near].strip(_BLANK) and not buffer[near:stop].strip(_BLANK)
