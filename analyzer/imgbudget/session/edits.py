"""Fixes of requests as changes of their text, where they are no more than that."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from imgbudget.intent import DeclareType, DropBlock
from imgbudget.model import Finding, Keys, Span, TextEdit
from imgbudget.sources.jsonspans import Document, JsonSource

_WINDOW = 1 << 16


def with_edits(findings: Iterable[Finding], document: Document) -> tuple[Finding, ...]:
    """The findings on one document, each with the edit that its fix comes to where it has one."""
    findings = tuple(findings)
    routes = {route for finding in findings for route in _routes(finding)}
    if not routes:
        return findings
    spans = document.spans(routes)
    return tuple(finding._replace(edit=_edit(finding, spans)) for finding in findings)


def _routes(finding: Finding) -> tuple[Keys, ...]:
    """The values that the edit of a finding's fix may be about."""
    keys = finding.place.keys
    if not keys:
        return ()
    match finding.fix:
        case DeclareType():
            return ((*keys, "media_type"), (*keys, "format"), (*keys[:-1], "format"))
        case DropBlock() if isinstance(keys[-1], int):
            return (keys, _beside(keys, -1), _beside(keys, 1))
        case DropBlock():
            return (keys,)
        case _:
            return ()


def _edit(finding: Finding, spans: Mapping[Keys, Span]) -> TextEdit | None:
    found = [spans.get(route) for route in _routes(finding)]
    match finding.fix, found:
        case DeclareType(media_type), [declared, *formats]:
            if declared:
                return TextEdit(declared, json.dumps(media_type))
            named = next((span for span in formats if span), None)
            return named and TextEdit(named, json.dumps(media_type.rpartition("/")[2]))
        case DropBlock(), [Span() as block, before, after]:
            if before:  # the comma goes with the block
                return TextEdit(_stretch(before, block, from_end=True), "")
            return after and TextEdit(_stretch(block, after, from_end=False), "")
        case DropBlock(), [Span() as text]:  # a content that is nothing but an empty text
            return TextEdit(text, "[]")
        case _:
            return None


def _beside(keys: Keys, step: int) -> Keys:
    return (*keys[:-1], int(keys[-1]) + step)


def _stretch(first: Span, last: Span, *, from_end: bool) -> Span:
    """From the end of `first` to the end of `last`, or from the start of one to the start of the other."""
    if from_end:
        return Span(first.end, last.end, first.end_line, first.end_column, last.end_line, last.end_column)
    return Span(first.start, last.start, first.line, first.column, last.line, last.column)


@dataclass(slots=True)
class ByteColumns:
    """Columns of one file counted in bytes; the start of a line is looked for once, back from where it is."""

    source: JsonSource
    _starts: dict[int, int] = field(default_factory=dict)

    def of(self, finding: Finding) -> Finding:
        """The finding with the byte columns of its span and its edit."""
        span, edit = finding.span, finding.edit
        return finding._replace(
            span=span and self._in_bytes(span), edit=edit and edit._replace(span=self._in_bytes(edit.span))
        )

    def _in_bytes(self, span: Span) -> Span:
        return span._replace(
            byte_column=span.start - self._start(span.line, span.start) + 1,
            end_byte_column=span.end - self._start(span.end_line, span.end) + 1,
        )

    def _start(self, line: int, offset: int) -> int:
        """The byte at which a line begins that `offset` lies in."""
        if line not in self._starts:
            end, newline = offset, -1
            while end > 0 and newline < 0:
                begin = max(end - _WINDOW, 0)
                newline = self.source.pread(end - begin, begin).rfind(b"\n")
                end = begin
            self._starts[line] = end + newline + 1
        return self._starts[line]
