"""The format `rdjson` for reviewdog, with suggestions for fixes that change text.

Fields: reviewdog's proto/rdf/reviewdog.proto; its columns count bytes of UTF-8.
"""

from typing import Any

from imgbudget import version
from imgbudget.linter.reporting import Fragment, Reporter
from imgbudget.model.location import Span
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.subjects import Finding
from imgbudget.output.base import TextStyle, relative
from imgbudget.output.records import dump
from imgbudget.printable import one_line

_JOINT = ",\n  "


class RdJson(Reporter):
    """One JSON document of diagnostics."""

    separators: tuple[str, ...] = (_JOINT,)

    def __init__(self, style: TextStyle) -> None:
        self._root = style.root
        self._any = False

    def begin(self) -> str:
        """The source, and the opening of the diagnostics."""
        return f'{{"source": {dump(_source())},\n "diagnostics": ['

    def render(self, result: FileResult) -> Fragment:
        """The diagnostics of one file."""
        return (_JOINT.join([dump(self._diagnostic(finding)) for finding in result.findings]),)

    def _diagnostic(self, finding: Finding) -> dict[str, Any]:
        location: dict[str, Any] = {"path": one_line(relative(finding.location.path, self._root))}
        if finding.span:
            location["range"] = _range(finding.span)
        record: dict[str, Any] = {
            "message": message_with_help(finding),
            "location": location,
            "severity": finding.severity.name,
            "code": {"value": finding.code} | ({"url": finding.url} if finding.url else {}),
        }
        if finding.edit:
            record["suggestions"] = [{"range": _range(finding.edit.span), "text": finding.edit.text}]
        return record

    def add(self, piece: Fragment) -> str:
        """The diagnostics, at once."""
        if not piece[0]:
            return ""
        joint = _JOINT if self._any else "\n  "
        self._any = True
        return joint + piece[0]

    def end(self, _summary: Summary) -> str:
        """The end of the diagnostics."""
        return "]}\n"


def message_with_help(finding: Finding) -> str:
    """The message of a finding and, in the next line, what to do."""
    text = one_line(finding.message)
    return f"{text}\n{one_line(finding.help)}" if finding.help else text


def _range(span: Span) -> dict[str, dict[str, int]]:
    """From the first byte to the one after the last; only lines if bytes were not counted."""
    start, end = {"line": span.line}, {"line": span.end_line}
    if span.byte_column is not None and span.end_byte_column is not None:
        start["column"], end["column"] = span.byte_column, span.end_byte_column
    return {"start": start, "end": end}


def _source() -> dict[str, str]:
    return {"name": "imgbudget"} | ({"url": version.HOME} if version.HOME else {})
