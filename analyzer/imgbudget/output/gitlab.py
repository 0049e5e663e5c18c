"""The format `gitlab`: the code quality report that a merge request shows.

Fields and severities: docs.gitlab.com, "Code Quality report format", 2026.
"""

from collections import Counter
from typing import Any

from imgbudget.linter.reporting import Fragment, Reporter
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.subjects import Finding, Severity
from imgbudget.output.base import TextStyle
from imgbudget.output.records import dump
from imgbudget.printable import one_line

_JOINT = ",\n  "
_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


class GitLab(Reporter):
    """A JSON array of issues, each with a unique fingerprint: GitLab drops duplicates."""

    separators: tuple[str, ...] = (_JOINT,)

    def __init__(self, style: TextStyle) -> None:
        self._style = style
        self._any = False

    def begin(self) -> str:
        """The opening of the array."""
        return "["

    def render(self, result: FileResult) -> Fragment:
        """The issues of one file."""
        occurrences: Counter[str] = Counter()
        issues = []
        for finding in result.findings:
            occurrences[finding.fingerprint] += 1
            issues.append(dump(self._issue(finding, occurrences[finding.fingerprint])))
        return (_JOINT.join(issues),)

    def _issue(self, finding: Finding, times: int) -> dict[str, Any]:
        where = f"{finding.location.dotted}: " if finding.location.dotted else ""
        return {
            "description": where + one_line(finding.message),
            "check_name": f"{finding.code} {finding.name}",
            "fingerprint": finding.fingerprint + (f"-{times}" if times > 1 else ""),
            "severity": _SEVERITIES[finding.severity],
            "location": {
                "path": one_line(self._style.in_repository(finding.location.path)),
                "lines": {"begin": finding.span.line if finding.span else 1},
            },
        }

    def add(self, piece: Fragment) -> str:
        """The issues, at once."""
        if not piece[0]:
            return ""
        joint = _JOINT if self._any else "\n  "
        self._any = True
        return joint + piece[0]

    def end(self, _summary: Summary) -> str:
        """The end of the array."""
        return "\n]\n" if self._any else "]\n"
