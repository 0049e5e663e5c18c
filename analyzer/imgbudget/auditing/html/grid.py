"""A table of the page: its columns, cells and note."""

from typing import NamedTuple


class GridColumn(NamedTuple):
    """A column; with `number` it is right-aligned. Neighbours with the same `group` share a heading."""

    title: str
    number: bool = False
    group: str = ""


class Cell(NamedTuple):
    """A cell: its text, small text below it, a link, a severity for its colour.

    `name` is true for names from the dataset, whose text direction is isolated; `share` (0 to 1) draws a bar
    before the number.
    """

    text: str
    more: str = ""
    link: str | None = None
    severity: str = ""
    name: bool = False
    share: float | None = None


class Grid(NamedTuple):
    """A table with its caption; the first cell of each row is the row's heading.

    `note` is the text below, `marked` the index of the row of the audit's own model.
    """

    key: str
    caption: str
    columns: tuple[GridColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    marked: int | None = None

    @property
    def narrow(self) -> bool:
        """Whether it has too few columns for the whole width."""
        return len(self.columns) <= 3

    @property
    def long(self) -> bool:
        """Whether it has too many rows to be shown in full height."""
        return len(self.rows) > 16

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """The group headings, each with the number of columns it spans; empty if no column has one."""
        found: list[tuple[str, int]] = []
        for column in self.columns:
            if found and found[-1][0] == column.group:
                found[-1] = (column.group, found[-1][1] + 1)
            else:
                found.append((column.group, 1))
        return tuple(found) if any(name for name, _ in found) else ()
