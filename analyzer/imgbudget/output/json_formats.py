"""The formats `json` (one document, version 1) and `jsonl` (one record per line, in constant memory)."""

from typing import Any

from imgbudget.linter.reporting import Fragment, Reporter
from imgbudget.model.results import FileResult, Summary
from imgbudget.output.base import TextStyle
from imgbudget.output.records import (
    TOOL,
    VERSION,
    dump,
    extra_records,
    failed_record,
    finding_text,
    image_text,
    request_text,
    summary_record,
)

_JOINT = ",\n  "


class JsonV1(Reporter):
    """One JSON document. Findings are written at once; images and requests are kept as text until the end."""

    separators: tuple[str, ...] = (_JOINT, _JOINT, _JOINT, _JOINT, _JOINT)
    takes_parts = True

    def __init__(self, _style: TextStyle) -> None:
        self._images: list[str] = []
        self._requests: list[str] = []
        self._fixed: list[str] = []
        self._not_fixed: list[str] = []
        self._any = False

    def begin(self) -> str:
        """The head and the opening of the findings."""
        return f'{{"version": {VERSION},\n "tool": {dump(TOOL)},\n "findings": ['

    def render(self, result: FileResult) -> Fragment:
        """The findings, images, requests, fixed and unfixed findings of one file."""
        fix = result.fix
        findings = _JOINT.join([finding_text(finding) for finding in result.findings])
        images = _JOINT.join([image_text(image) for image in result.images])
        if fix is None and not result.requests:
            return findings, images, "", "", ""
        return (
            findings,
            images,
            _JOINT.join([request_text(request) for request in result.requests]),
            _JOINT.join([finding_text(finding) for finding in (fix.fixed if fix else ())]),
            _JOINT.join([dump(failed_record(failed)) for failed in (fix.failed if fix else ())]),
        )

    def add(self, piece: Fragment) -> str:
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
        """The images, requests, fixed and unfixed findings, the summary, and what else was requested."""
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


def _line(kind: str, record: dict[str, Any]) -> str:
    return dump({"type": kind, **record}) + "\n"


class JsonLines(Reporter):
    """The records of the format `json`, each with its `type`.

    The types are run, finding, image, request, fixed, not_fixed, statistics, comparison, summary.
    """

    separators: tuple[str, ...] = ("",)
    takes_parts = True
    shows_parts = True

    def __init__(self, _style: TextStyle) -> None:
        pass

    def begin(self) -> str:
        """The version and the tool."""
        return _line("run", {"version": VERSION, "tool": TOOL})

    def render(self, result: FileResult) -> Fragment:
        """The records of one file."""
        lines = [f'{{"type": "finding", {finding_text(finding)[1:]}\n' for finding in result.findings]
        lines += [f'{{"type": "image", {image_text(image)[1:]}\n' for image in result.images]
        lines += [f'{{"type": "request", {request_text(request)[1:]}\n' for request in result.requests]
        if result.fix is not None:
            lines += [f'{{"type": "fixed", {finding_text(finding)[1:]}\n' for finding in result.fix.fixed]
            lines += [_line("not_fixed", failed_record(failed)) for failed in result.fix.failed]
        return ("".join(lines),)

    def add(self, piece: Fragment) -> str:
        """The lines, at once."""
        return piece[0]

    def end(self, summary: Summary) -> str:
        """Statistics and comparison if requested, and the summary."""
        extra = "".join(_line(name, record) for name, record in extra_records(summary))
        return extra + _line("summary", summary_record(summary))
