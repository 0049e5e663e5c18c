"""Lines: splitting JSON Lines into chunks that are read separately, and excerpts of lines for output."""

from collections.abc import Iterator

from imgbudget.jsontext.scanner import WINDOW
from imgbudget.jsontext.source import JsonSource, Start
from imgbudget.model.location import Excerpt, Span
from imgbudget.namedtuples import NamedTuple

_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_NEAR = 64


class Chunk(NamedTuple):
    """A range of lines: where it starts, and its end as a byte offset."""

    start: Start
    end: int


def split_into_chunks(
    source: JsonSource, start: Start, size: int, most: int, *, window: int = WINDOW
) -> Iterator[Chunk]:
    """Split the lines from `start` into chunks of at least `size` bytes or `most` documents, except the last.

    Each line that is not blank, apart from a byte order mark, counts as a document, as in `open_documents`.
    Raises OSError.
    """
    buffer = bytearray(max(window, len(_BOM) + 1))
    view = memoryview(buffer)
    begin, (offset, line, number) = start, start
    fresh = blank = True  # whether the line is at its start, and whether it is blank so far
    while got := source.readinto(view, offset):
        at = 0
        while at < got:
            newline = buffer.find(b"\n", at, got)
            if newline < 0 and at > 0 and got - at < len(_BOM):
                break  # a byte order mark must not be split
            stop = got if newline < 0 else newline
            blank = blank and _is_blank(buffer, at + _bom_length(buffer, at, fresh=fresh), stop)
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


def _bom_length(buffer: bytearray, at: int, *, fresh: bool) -> int:
    """The length of the byte order mark at the start of a line, 0 if there is none."""
    return len(_BOM) if fresh and buffer.startswith(_BOM, at) else 0


def _is_blank(buffer: bytearray, at: int, stop: int) -> bool:
    """Whether the range is blank; checks the beginning first, as most lines are not."""
    near = min(stop, at + _NEAR)
    return not buffer[at:near].strip(_BLANK) and not buffer[near:stop].strip(_BLANK)


_BEFORE = 32
_WIDTH = 88
_KEEP = 40


def excerpt(source: JsonSource, span: Span) -> Excerpt:
    """The line where the span begins, shortened around its beginning; ellipses mark omitted text."""
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
    marked = min(span.end_column - span.column, len(line)) if one_line else len(line)
    room = _WIDTH - len(lead)
    if len(line) > room:
        line = line[: room - 1] + "…"
        marked = min(marked, room)
    elif len(text) == len(line) and span.start + len(raw) < source.size:
        line += "…"
    return Excerpt(span.line, lead + line, len(lead), marked)
