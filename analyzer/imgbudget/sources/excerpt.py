"""A source line shortened around the stretch that a finding means: payloads make lines of megabytes."""

from imgbudget.model import Excerpt, Span
from imgbudget.sources.jsonspans import JsonSource

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
