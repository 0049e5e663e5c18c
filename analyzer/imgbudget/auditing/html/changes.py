"""The tables of what has changed since an earlier audit."""

from imgbudget.auditing.changes import compared_totals, earlier_model
from imgbudget.auditing.html.grid import Cell, Grid, GridColumn
from imgbudget.auditing.html.names import display_name
from imgbudget.auditing.html.tables import locations
from imgbudget.auditing.statistics import AuditStatistics
from imgbudget.output.base import count, figure


def totals(statistics: AuditStatistics) -> Grid:
    """The numbers of both audits."""
    columns = (
        GridColumn("Compared"),
        GridColumn("Before", number=True),
        GridColumn("Now", number=True),
        GridColumn("Change", number=True),
    )
    rows = tuple(tuple(map(Cell, row)) for row in compared_totals(statistics))
    note = earlier_model(statistics)
    return Grid(
        "compared-totals", "Both audits in numbers", columns, rows, note and f"{note[0].upper()}{note[1:]}."
    )


def images(statistics: AuditStatistics) -> Grid:
    """The images that came, went and changed, with the first of each."""
    comparison = statistics.comparison
    changes = comparison.changes if comparison else ()
    rows = tuple(
        (Cell(change.kind), Cell(figure(change.images)), locations(change.examples)) for change in changes
    )
    columns = (GridColumn("Images"), GridColumn("Number", number=True), GridColumn("For example"))
    note = ""
    if comparison and comparison.renamed:
        note = f"{count(comparison.renamed, 'added image')} with the content of one that is gone."
    return Grid("compared-images", "Images that came, went and changed", columns, rows, note)


def findings(statistics: AuditStatistics) -> Grid:
    """The rules whose findings are not the same."""
    rules = statistics.comparison.rules if statistics.comparison else ()
    rows = tuple(
        (
            Cell(rule.code, more=rule.name),
            Cell(rule.severity, severity=rule.severity),
            *(Cell(figure(number)) for number in (rule.before, rule.now, rule.added, rule.gone)),
        )
        for rule in rules
    )
    columns = (
        GridColumn("Rule"),
        GridColumn("Severity"),
        GridColumn("Before", number=True),
        GridColumn("Now", number=True),
        GridColumn("New", number=True),
        GridColumn("Gone", number=True),
    )
    return Grid("compared-rules", "Findings that are new or gone", columns, rows)


def folder(statistics: AuditStatistics) -> str:
    """The folder of the earlier audit."""
    return display_name(statistics.comparison.folder) if statistics.comparison else ""
