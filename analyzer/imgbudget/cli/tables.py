"""Plain text tables for a terminal: columns as wide as their widest cell, numbers to the right."""

from collections.abc import Collection, Sequence
from unicodedata import east_asian_width


def _width(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


class Table:
    """Rows of text cells under a head."""

    def __init__(self, head: Sequence[str], *, colour: bool = False) -> None:
        self._rows: list[Sequence[str]] = [head]
        self._colour = colour

    def add(self, *cells: str) -> None:
        """One more row, as many cells as the head has."""
        self._rows.append(cells)

    def text(self, *, right: Collection[int] = ()) -> str:
        """The table; columns of `right` are set flush right. Columns empty in every row are left out."""
        head, *body = self._rows
        columns = [i for i in range(len(head)) if not body or any(row[i] for row in body)]
        widths = {i: max(_width(row[i]) for row in self._rows) for i in columns}
        lines = []
        for number, row in enumerate(self._rows):
            cells = []
            for i in columns:
                blank = " " * (widths[i] - _width(row[i]))
                cells.append(blank + row[i] if i in right else row[i] + blank)
            line = "  ".join(cells).rstrip()
            lines.append(f"\x1b[1m{line}\x1b[0m" if self._colour and number == 0 else line)
        return "\n".join(lines) + "\n"
