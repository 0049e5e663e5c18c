"""Tables as the page shows them: columns, cells, and how much of a long one is shown."""

from typing import NamedTuple


class Column(NamedTuple):
    """A column; `number` ones stand to the right. Neighbours with the same `group` share a heading above."""

    title: str
    number: bool = False
    group: str = ""


class Cell(NamedTuple):
    """A cell: its text, below it `more` in small, a link, a severity to colour it by.

    `name` marks lines that are names of the dataset's, set apart from the direction of the text around them;
    `share` (0 to 1) draws a bar before the number.
    """

    text: str
    more: str = ""
    link: str | None = None
    severity: str = ""
    name: bool = False
    share: float | None = None


class Grid(NamedTuple):
    """A table with its caption; the first cell of each row is the row's heading.

    `note` stands below, `marked` is the number of the row that is the audit's own.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    marked: int | None = None

    @property
    def narrow(self) -> bool:
        """Whether it has so few columns that they would stand far apart on the whole width."""
        return len(self.columns) <= 3

    @property
    def long(self) -> bool:
        """Whether it has more rows than fit beside other things."""
        return len(self.rows) > 16

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """The headings above the columns with how many each spans; empty where no column has one."""
        found: list[tuple[str, int]] = []
        for column in self.columns:
            if found and found[-1][0] == column.group:
                found[-1] = (column.group, found[-1][1] + 1)
            else:
                found.append((column.group, 1))
        return tuple(found) if any(name for name, _ in found) else ()
