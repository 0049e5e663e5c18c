"""The format `json`, version 1: one document with findings, images, requests and the sum."""

from imgbudget.report import FileResult, Summary
from imgbudget.reporters.base import Piece, Style
from imgbudget.reporters.jsontext import dump, finding_text, image_text
from imgbudget.reporters.records import (
    TOOL,
    VERSION,
    extra_records,
    request_record,
    summary_record,
)

_JOINT = ",\n  "


class JsonV1:
    """One JSON document. Findings are written as they come; images and requests wait, already as text."""

    joints = (_JOINT, _JOINT, _JOINT)

    def __init__(self, _style: Style) -> None:
        self._images: list[str] = []
        self._requests: list[str] = []
        self._any = False

    def begin(self) -> str:
        """The head and the opening of the findings."""
        return f'{{"version": {VERSION},\n "tool": {dump(TOOL)},\n "findings": ['

    def render(self, result: FileResult) -> Piece:
        """The findings, images and requests of one file."""
        return (
            _JOINT.join([finding_text(finding) for finding in result.findings]),
            _JOINT.join([image_text(image) for image in result.images]),
            _JOINT.join([dump(request_record(request)) for request in result.requests]),
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
        extra = "".join(f',\n "{name}": {dump(record)}' for name, record in extra_records(summary))
        return (
            f"],\n {_array('images', self._images)},\n {_array('requests', self._requests)},\n "
            f'"summary": {dump(summary_record(summary))}{extra}}}\n'
        )


def _array(name: str, items: list[str]) -> str:
    return f'"{name}": [' + (f"\n  {_JOINT.join(items)}" if items else "") + "]"
