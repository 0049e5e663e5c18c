"""Findings with the worst first, for formats whose readers see only the beginning."""

from collections.abc import Iterable, Iterator

from imgbudget.linter.reporting import Fragment, Reporter
from imgbudget.model.statistics import UNORDERED_UNITS
from imgbudget.model.subjects import Finding, Severity

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)
_MOST_OVER = 1e9


def times_over(finding: Finding) -> float:
    """How many times beyond its limit a finding is, above or below; 0 if it has no ratio."""
    measured, limit = finding.measured, finding.limit
    if not measured or not limit or measured < 0 or limit < 0 or finding.unit in UNORDERED_UNITS:
        return 0.0
    return min(max(measured / limit, limit / measured), _MOST_OVER)


class WorstFirst(Reporter):
    """Keeps a line per finding until the end: errors first, then by the distance to the limit.

    At most `most` lines are kept; `found` counts all of them, by severity from error to info.
    """

    separators: tuple[str, ...] = ("\n", "\n", "\n")

    def __init__(self, most: int) -> None:
        self.most = most
        self.found: list[int] = [0, 0, 0]
        self._lines: list[list[str]] = [[], [], []]

    def begin(self) -> str:
        """Nothing: the order is known at the end."""
        return ""

    def add(self, piece: Fragment) -> str:
        """Nothing yet; the lines are kept."""
        for i, text in enumerate(piece):
            if text:
                lines = text.split("\n")
                self.found[i] += len(lines)
                self._lines[i] += lines
        if sum(map(len, self._lines)) > 2 * self.most:
            self._sort()
        return ""

    @property
    def left_out(self) -> int:
        """The number of findings omitted."""
        return max(sum(self.found) - self.most, 0)

    def worst(self) -> Iterator[str]:
        """The kept lines, the worst first; equal ones in the order of the files."""
        self._sort()
        for lines in self._lines:
            for line in lines:
                yield line.partition("\t")[2]

    def _sort(self) -> None:
        room = self.most
        for lines in self._lines:
            lines.sort(key=_weight, reverse=True)
            del lines[room:]
            room -= len(lines)


def piece_of(entries: Iterable[tuple[Finding, str]]) -> Fragment:
    """A piece for `WorstFirst` of findings, each with its line: text without a line feed."""
    sections: dict[Severity, list[str]] = {severity: [] for severity in _ORDER}
    for finding, line in entries:
        sections[finding.severity].append(f"{times_over(finding):015.4f}\t{line}")
    return tuple("\n".join(lines) for lines in sections.values())


def _weight(line: str) -> str:
    return line.partition("\t")[0]
