"""The statistics as Markdown: a headline and a table a section."""

from imgbudget.audit.formats.sections import Section, headline, sections
from imgbudget.audit.statistics import Statistics
from imgbudget.reporters.base import one_line


def markdown(statistics: Statistics) -> str:
    """The whole report."""
    parts = ["# Image audit\n", "".join(f"- {line}\n" for line in headline(statistics))]
    parts += [_section(section) for section in sections(statistics)]
    return "\n".join(parts)


def _section(section: Section) -> str:
    rules = ["--:" if i in section.right else "---" for i in range(len(section.head))]
    rows = [section.head, tuple(rules), *(tuple(map(_cell, row)) for row in section.rows)]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    note = f"\n{section.note}\n" if section.note else ""
    return f"## {section.title}\n\n{table}{note}"


def _cell(text: str) -> str:
    """Text that ends no cell and is no markup: names are anybody's."""
    text = one_line(text)
    for mark in "\\`*_|[<":
        text = text.replace(mark, f"\\{mark}")
    return text
