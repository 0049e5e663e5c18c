"""The format `github`: workflow commands that GitHub Actions shows as annotations.

Escapes and properties: docs.github.com, "Workflow commands for GitHub Actions". A step shows ten annotations
of each level (actions/toolkit, docs/problem-matchers.md, "Limitations"), so the worst come first.
"""

from imgbudget.linter.reporting import Fragment
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.subjects import Finding, Severity
from imgbudget.output.base import TextStyle, closing_line, count, figure
from imgbudget.output.summaries import closing_comparison, growth
from imgbudget.output.worst_first import WorstFirst, piece_of
from imgbudget.printable import joined, one_line

MOST = 10_000
"""Most commands written; a longer log is not read."""

SHOWN = 10
"""Annotations of one level that GitHub shows for a step."""

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


class GitHub(WorstFirst):
    """A workflow command per finding, and a closing line for readers of the log."""

    def __init__(self, style: TextStyle) -> None:
        super().__init__(MOST)
        self.style = style

    def render(self, result: FileResult) -> Fragment:
        """A command per finding."""
        return piece_of((finding, self._command(finding)) for finding in result.findings)

    def _command(self, finding: Finding) -> str:
        properties: dict[str, str | int] = {"file": self.style.in_repository(finding.location.path)}
        if span := finding.span:
            properties |= {"line": span.line, "endLine": span.end_line, "col": span.column}
            if span.line == span.end_line:  # with several lines GitHub takes no end column
                properties["endColumn"] = max(span.end_column, span.column)
        properties["title"] = f"{finding.code} {finding.name}"
        text = f"{finding.location.dotted}: " if finding.location.dotted else ""
        text += finding.message
        if finding.help:
            text += f"\n{finding.help}"
        written = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
        return f"::{_LEVELS[finding.severity]} {written}::{_data(text)}"

    def end(self, summary: Summary) -> str:
        """The commands, the worst first, and the closing line."""
        commands, lines = "".join([f"{command}\n" for command in (*_gate(summary), *self.worst())]), []
        if not self.style.quiet:
            if self.left_out:
                lines.append(f"and {figure(self.left_out)} more findings; --format concise lists all")
            lines += [
                f"GitHub shows only the first {SHOWN} of {count(found, _LEVELS[severity])} as annotations"
                for severity, found in zip(_LEVELS, self.found, strict=True)
                if found > SHOWN
            ]
            if summary.comparison is not None:
                lines.append(closing_comparison(summary.comparison))
            lines.append(closing_line(summary))
        return commands + joined(lines)


def _gate(summary: Summary) -> list[str]:
    """A command if the run exceeds the earlier one by more than is allowed, or may; before all others."""
    comparison = summary.comparison
    if comparison is None or (comparison.is_growth_known and not comparison.exceeds):
        return []
    return [f"::error title=fail-over::{_data(growth(comparison))}"]


def _data(text: str) -> str:
    """A message: percent signs, line ends and other control characters escaped."""
    return one_line(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    """A property: the colon and the comma are escaped too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
