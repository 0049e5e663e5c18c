"""The format `concise`: a line a finding, path:line:column first."""

from imgbudget.model import Finding
from imgbudget.report import FileResult, Summary
from imgbudget.reporters.base import Piece, Style, closing_line, one_line


class Concise:
    """One line a finding, for editors and grep."""

    joints = ("",)

    def __init__(self, style: Style) -> None:
        self.style = style

    def begin(self) -> str:
        """Nothing."""
        return ""

    def render(self, result: FileResult) -> Piece:
        """A line a finding."""
        return ("".join([self._line(finding) for finding in result.findings]),)

    def add(self, piece: Piece) -> str:
        """The lines, at once."""
        return piece[0]

    def end(self, summary: Summary) -> str:
        """The sum, unless only findings are wanted."""
        return "" if self.style.quiet else closing_line(summary) + "\n"

    def _line(self, finding: Finding) -> str:
        place = one_line(finding.place.path)
        if finding.span:
            place += f":{finding.span.line}:{finding.span.column}"
        code = self.style.severity(finding.severity, finding.code)
        where = f" {finding.place.location}:" if finding.place.location else ""
        return f"{place}: {code} {finding.severity}:{where} {one_line(finding.message)}\n"
