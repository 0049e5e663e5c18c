"""The statistics of an audit as text for a terminal."""

from imgbudget.audit.formats.sections import headline, sections
from imgbudget.audit.statistics import Statistics
from imgbudget.cli.tables import Table
from imgbudget.reporters.base import one_line


def audit_text(statistics: Statistics, *, colour: bool) -> str:
    """The headline, then a table a section."""
    parts = ["".join(f"{line}\n" for line in headline(statistics))]
    for section in sections(statistics):
        table = Table(section.head, colour=colour)
        for row in section.rows:
            table.add(*(one_line(cell) for cell in row))
        title = f"\x1b[1m{section.title}\x1b[0m" if colour else section.title
        note = f"{section.note}\n" if section.note else ""
        parts.append(f"{title}\n{table.text(right=section.right)}{note}")
    return "\n".join(parts)
