"""The format `concise`: a line a finding, path:line:column first."""

from imgbudget.model import Finding
from imgbudget.report import FileResult
from imgbudget.reporters.base import RunningText, one_line
from imgbudget.session.reporting import Piece


class Concise(RunningText):
    """One line a finding, for editors and grep."""

    def render(self, result: FileResult) -> Piece:
        """A line a finding."""
        return ("".join([self._line(finding) for finding in result.findings]),)

    def _line(self, finding: Finding) -> str:
        place = one_line(finding.place.path)
        if finding.span:
            place += f":{finding.span.line}:{finding.span.column}"
        code = self.style.severity(finding.severity, finding.code)
        where = f" {finding.place.location}:" if finding.place.location else ""
        return f"{place}: {code} {finding.severity}:{where} {one_line(finding.message)}\n"
