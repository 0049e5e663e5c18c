"""The format `github`: workflow commands that GitHub Actions shows as annotations.

Escapes and properties: docs.github.com, "Workflow commands for GitHub Actions". Of each level a step shows
ten (actions/toolkit, docs/problem-matchers.md, "Limitations"), so the worst come first.
"""

from imgbudget.linter.reporting import Fragment
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.subjects import Finding, Severity
from imgbudget.output.base import TextStyle, closing_line, count, figure, one_line, relative
from imgbudget.output.worst_first import WorstFirst, piece_of

MOST = 10_000
"""Commands that are written: a log of more is read by nobody."""

SHOWN = 10
"""Annotations of one level that GitHub shows for a step."""

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


class GitHub(WorstFirst):
    """A workflow command a finding, and a closing line for who reads the log."""

    def __init__(self, style: TextStyle) -> None:
        super().__init__(MOST)
        self.style = style

    def render(self, result: FileResult) -> Fragment:
        """A command a finding."""
        return piece_of((finding, self._command(finding)) for finding in result.findings)

    def _command(self, finding: Finding) -> str:
        properties: dict[str, str | int] = {"file": relative(finding.location.path, self.style.root)}
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
        """The commands, the worst first, and the sum."""
        lines = list(self.worst())
        if not self.style.quiet:
            if self.left_out:
                lines.append(f"and {figure(self.left_out)} more findings; --format concise lists all")
            lines += [
                f"of {count(found, _LEVELS[severity])} GitHub shows the first {SHOWN} as annotations"
                for severity, found in zip(_LEVELS, self.found, strict=True)
                if found > SHOWN
            ]
            if summary.comparison is not None:
                from imgbudget.output.summaries import headline, verdict  # noqa: PLC0415 - on demand only

                told = summary.comparison
                lines.append(f"against {one_line(told.name)}: {headline(told)}; {verdict(told)}")
            lines.append(closing_line(summary))
        return "".join(line + "\n" for line in lines)


def _data(text: str) -> str:
    """A message: per cent and line ends as escapes, other control characters written out."""
    return one_line(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    """A property: the colon and the comma are escaped too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
