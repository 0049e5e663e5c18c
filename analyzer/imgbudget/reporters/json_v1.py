"""The format `json`, version 1: one document with findings, images, requests and the sum."""

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

_JOINT = ",\n  "
_dump: Callable[[Any], str] = json.JSONEncoder().encode


class JsonV1:
    """One JSON document. Findings are written as they come; images and requests wait, already as text."""

    joints = (_JOINT, _JOINT, _JOINT)
    takes_parts = True

    def __init__(self, _style: Style) -> None:
        self._images: list[str] = []
        self._requests: list[str] = []
        self._any = False

    def begin(self) -> str:
        """The head and the opening of the findings."""
        return f'{{"version": {VERSION},\n "tool": {_dump(TOOL)},\n "findings": ['

    def render(self, result: FileResult) -> Piece:
        """The findings, images and requests of one file."""
        return (
            _JOINT.join([_dump(finding_record(finding)) for finding in result.findings]),
            _JOINT.join([_dump(image_record(image)) for image in result.images]),
            _JOINT.join([_dump(request_record(request)) for request in result.requests]),
        )

    def add(self, piece: Piece) -> str:
        """The findings."""
        findings, images, requests = piece
        if images:
            self._images.append(images)
        if requests:
            self._requests.append(requests)
        if not findings:
            return ""
        joint = _JOINT if self._any else "\n  "
        self._any = True
        return joint + findings

    def end(self, summary: Summary) -> str:
        """The images, the requests, the sum, and what was asked for beside them."""
        parts = ["],\n "]
        for name, items in (("images", self._images), ("requests", self._requests)):
            parts.append(f'"{name}": [')
            for i, item in enumerate(items):  # joined once: there may be very many
                parts += (_JOINT if i else "\n  ", item)
            parts.append("],\n ")
        parts.append(f'"summary": {_dump(summary_record(summary))}')
        parts += [f',\n "{name}": {_dump(record)}' for name, record in extra_records(summary)]
        return "".join([*parts, "}\n"])
