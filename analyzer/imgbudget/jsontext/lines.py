"""Lines: dividing JSON Lines into chunks that can be read apart, and excerpts of long lines for output."""

from collections.abc import Iterator
from typing import NamedTuple

from imgbudget.jsontext.scanner import WINDOW
from imgbudget.jsontext.source import JsonSource, Start
from imgbudget.model.location import Excerpt, Span

_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_NEAR = 64


class Chunk(NamedTuple):
    """Some lines of a text: where they begin, and the byte behind them."""

    start: Start
    end: int


def split_into_chunks(
    source: JsonSource, start: Start, size: int, most: int, *, window: int = WINDOW
) -> Iterator[Chunk]:
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
                    yield Chunk(begin, here.offset)
                    begin = here
        offset += at
    if offset > begin.offset:
        yield Chunk(begin, offset)


def _mark(buffer: bytearray, at: int, *, fresh: bool) -> int:
    """Bytes of the byte order mark that a line may begin with."""
    return len(_BOM) if fresh and buffer.startswith(_BOM, at) else 0


def _is_blank(buffer: bytearray, at: int, stop: int) -> bool:
    """Whether only blanks stand there; few lines that are not begin with many."""
    near = min(stop, at + _NEAR)
    return not buffer[at:near].strip(_BLANK) and not buffer[near:stop].strip(_BLANK)


_BEFORE = 32
_WIDTH = 88
_KEEP = 40


def excerpt(source: JsonSource, span: Span) -> Excerpt:
    """The line where the span begins: a little before it, its beginning, ellipses where text is left out."""
    begin = max(span.start - _BEFORE * 4, 0)
    before = source.pread(span.start - begin, begin)
    newline = before.rfind(b"\n")
    lead = before[newline + 1 :].decode("utf-8", "replace")
    whole_lead = newline >= 0 or begin == 0
    if len(lead) > _BEFORE:
        lead, whole_lead = lead[-_BEFORE:], False
    lead = (lead if whole_lead else "…" + lead.lstrip("\ufffd")).replace("\t", " ")
    raw = source.pread(min(span.end - span.start, _WIDTH * 4) + _KEEP, span.start)
    text = raw.decode("utf-8", "replace")
    line = text.partition("\n")[0].rstrip("\r").replace("\t", " ")
    one_line = span.line == span.end_line
    meant = min(span.end_column - span.column, len(line)) if one_line else len(line)
    room = _WIDTH - len(lead)
    if len(line) > room:
        line = line[: room - 1] + "…"
        meant = min(meant, room)
    elif len(text) == len(line) and span.start + len(raw) < source.size:
        line += "…"
    return Excerpt(span.line, lead + line, len(lead), meant)
