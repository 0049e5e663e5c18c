"""The format `jsonl`: a record a line as it comes, in memory that does not grow; the sum is the last one."""

from typing import Any

from imgbudget.report import FileResult, Summary
from imgbudget.reporters.base import Style
from imgbudget.reporters.jsontext import dump, finding_text, image_text, request_text
from imgbudget.reporters.records import (
    TOOL,
    VERSION,
    extra_records,
    failed_record,
    summary_record,
)
from imgbudget.session.reporting import Piece, Reporter


def _line(kind: str, record: dict[str, Any]) -> str:
    return dump({"type": kind, **record}) + "\n"


class JsonLines(Reporter):
    """The records of the format `json`, each with its `type`.

    The types are run, finding, image, request, fixed, not_fixed, statistics, comparison, summary.
    """

    joints = ("",)
    takes_parts = True
    shows_parts = True

    def __init__(self, _style: Style) -> None:
        pass

    def begin(self) -> str:
        """The version and the tool."""
        return _line("run", {"version": VERSION, "tool": TOOL})

    def render(self, result: FileResult) -> Piece:
        """The records of one file."""
        lines = [f'{{"type": "finding", {finding_text(finding)[1:]}\n' for finding in result.findings]
        lines += [f'{{"type": "image", {image_text(image)[1:]}\n' for image in result.images]
        lines += [f'{{"type": "request", {request_text(request)[1:]}\n' for request in result.requests]
        if result.fix is not None:
            lines += [f'{{"type": "fixed", {finding_text(finding)[1:]}\n' for finding in result.fix.fixed]
            lines += [_line("not_fixed", failed_record(failed)) for failed in result.fix.failed]
        return ("".join(lines),)

    def add(self, piece: Piece) -> str:
        """The lines, at once."""
        return piece[0]

    def end(self, summary: Summary) -> str:
        """What was asked for beside the findings, and the sum."""
        extra = "".join(_line(name, record) for name, record in extra_records(summary))
        return extra + _line("summary", summary_record(summary))
