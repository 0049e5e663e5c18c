"""The format `json`, version 1: one document with findings, images, requests and the sum."""

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

_JOINT = ",\n  "


class JsonV1(Reporter):
    """One JSON document. Findings are written as they come; images and requests wait, already as text."""

    joints = (_JOINT, _JOINT, _JOINT, _JOINT, _JOINT)
    takes_parts = True

    def __init__(self, _style: Style) -> None:
        self._images: list[str] = []
        self._requests: list[str] = []
        self._fixed: list[str] = []
        self._not_fixed: list[str] = []
        self._any = False

    def begin(self) -> str:
        """The head and the opening of the findings."""
        return f'{{"version": {VERSION},\n "tool": {dump(TOOL)},\n "findings": ['

    def render(self, result: FileResult) -> Piece:
        """The findings, images and requests of one file, what was fixed in it, and what was not."""
        fix = result.fix
        return (
            _JOINT.join([finding_text(finding) for finding in result.findings]),
            _JOINT.join([image_text(image) for image in result.images]),
            _JOINT.join([request_text(request) for request in result.requests]),
            _JOINT.join([finding_text(finding) for finding in (fix.fixed if fix else ())]),
            _JOINT.join([dump(failed_record(failed)) for failed in (fix.failed if fix else ())]),
        )

    def add(self, piece: Piece) -> str:
        """The findings."""
        findings, images, requests, fixed, not_fixed = piece
        if images:
            self._images.append(images)
        if requests:
            self._requests.append(requests)
        if fixed:
            self._fixed.append(fixed)
        if not_fixed:
            self._not_fixed.append(not_fixed)
        if not findings:
            return ""
        joint = _JOINT if self._any else "\n  "
        self._any = True
        return joint + findings

    def end(self, summary: Summary) -> str:
        """The images, the requests, what was fixed and what was not, the sum, what else was asked for."""
        parts = ["],\n "]
        for name, items in (
            ("images", self._images),
            ("requests", self._requests),
            ("fixed", self._fixed),
            ("not_fixed", self._not_fixed),
        ):
            parts.append(f'"{name}": [')
            for i, item in enumerate(items):  # joined once: there may be very many
                parts += (_JOINT if i else "\n  ", item)
            parts.append("],\n ")
        parts.append(f'"summary": {dump(summary_record(summary))}')
        parts += [f',\n "{name}": {dump(record)}' for name, record in extra_records(summary)]
        return "".join([*parts, "}\n"])
