"""The format `jsonl`: a record a line as it comes, in memory that does not grow; the sum is the last one."""

import json
from collections.abc import Callable
from typing import Any

from imgbudget.report import FileResult, Summary
from imgbudget.reporters.base import Piece, Style
from imgbudget.reporters.records import (
    TOOL,
    VERSION,
    extra_records,
    finding_record,
    image_record,
    request_record,
    summary_record,
)

_encode: Callable[[Any], str] = json.JSONEncoder().encode


def _line(kind: str, record: dict[str, Any]) -> str:
    return _encode({"type": kind, **record}) + "\n"


class JsonLines:
    """The records of the format `json`, each with its `type`: run, finding, image, request, ..., summary."""

    joints = ("",)
    takes_parts = True

    def __init__(self, _style: Style) -> None:
        pass

    def begin(self) -> str:
        """The version and the tool."""
        return _line("run", {"version": VERSION, "tool": TOOL})

    def render(self, result: FileResult) -> Piece:
        """The records of one file."""
        lines = [_line("finding", finding_record(finding)) for finding in result.findings]
        lines += [_line("image", image_record(image)) for image in result.images]
        lines += [_line("request", request_record(request)) for request in result.requests]
        return ("".join(lines),)

    def add(self, piece: Piece) -> str:
        """The lines, at once."""
        return piece[0]

    def end(self, summary: Summary) -> str:
        """What was asked for beside the findings, and the sum."""
        extra = "".join(_line(name, record) for name, record in extra_records(summary))
        return extra + _line("summary", summary_record(summary))
