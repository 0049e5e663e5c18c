"""The format `json`, version 1: one document with findings, images, requests and the sum."""

import json
from typing import Any

from imgbudget.report import FileResult, Summary
from imgbudget.reporters.base import Style
from imgbudget.reporters.records import (
    TOOL,
    VERSION,
    finding_record,
    image_record,
    request_record,
    summary_record,
)


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(", ", ": "))


class JsonV1:
    """One JSON document. Findings are written as they come; images and requests wait, already as text."""

    def __init__(self, _style: Style) -> None:
        self._images: list[str] = []
        self._requests: list[str] = []
        self._any = False

    def begin(self) -> str:
        """The head and the opening of the findings."""
        return f'{{"version": {VERSION},\n "tool": {_dump(TOOL)},\n "findings": ['

    def file(self, result: FileResult) -> str:
        """The findings of one file."""
        self._images.extend(_dump(image_record(image)) for image in result.images)
        self._requests.extend(_dump(request_record(request)) for request in result.requests)
        text = []
        for finding in result.findings:
            text.append(",\n  " if self._any else "\n  ")
            text.append(_dump(finding_record(finding)))
            self._any = True
        return "".join(text)

    def end(self, summary: Summary) -> str:
        """The images, the requests and the sum."""
        return (
            f"],\n {_array('images', self._images)},\n {_array('requests', self._requests)},\n "
            f'"summary": {_dump(summary_record(summary))}}}\n'
        )


def _array(name: str, items: list[str]) -> str:
    inner = ",\n  ".join(items)
    return f'"{name}": [' + (f"\n  {inner}" if items else "") + "]"
