"""What all formats share: numbers, paths, tables, and the base of the text formats."""

import os
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar
from unicodedata import east_asian_width

from imgbudget.limits.values import between as between  # noqa: PLC0414 - re-exported
from imgbudget.limits.values import figure as figure  # noqa: PLC0414 - re-exported
from imgbudget.linter.reporting import Fragment, Reporter
from imgbudget.model.results import Summary
from imgbudget.model.subjects import Severity
from imgbudget.namedtuples import NamedTuple
from imgbudget.printable import as_encoded, joined, painted
from imgbudget.printable import one_line as one_line  # noqa: PLC0414 - re-exported

if TYPE_CHECKING:
    from imgbudget.output.sarif import RulePage


_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


def relative(path: str, root: str) -> str:
    """The path relative to `root` if it is inside, without a leading `./`, with slashes."""
    path, root = path.replace(os.sep, "/"), root.replace(os.sep, "/").rstrip("/")
    if root and path.startswith(root + "/"):
        path = path[len(root) + 1 :]
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path


def uri(path: str) -> str:
    """A path with slashes as a URI reference (RFC 3986): an absolute one begins with `file://`.

    Bytes that are not UTF-8 keep their value.
    """
    raw = path.encode("utf-8", "surrogateescape" if _escaped(path) else "replace")
    text = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw)
    if text.startswith("/"):
        return f"file://{text}"
    return f"file:///{text.replace('%3A', ':', 1)}" if path[1:3] == ":/" else text


def _escaped(path: str) -> bool:
    """Whether all lone surrogates of a name represent bytes, as in file names read by Python."""
    return all(not "\ud800" <= char <= "\udfff" or "\udc80" <= char <= "\udcff" for char in path)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


class TextTable:
    """A table of text cells with a head.

    `most` is the number of columns of the terminal that it is for; None where no line is too long. `encoding`
    is that of the output that it is for: where that lacks a character, what is written instead counts.
    """

    most: ClassVar[int | None] = None
    encoding: ClassVar[str | None] = None

    def __init__(self, head: Sequence[str], *, colour: bool = False) -> None:
        self._rows: list[Sequence[str]] = [head]
        self._colour = colour

    def add(self, *cells: str) -> None:
        """Add a row, with as many cells as the head."""
        self._rows.append([one_line(cell) for cell in cells])

    def text(self, *, right: Collection[int] = (), optional: Sequence[int] = ()) -> str:
        """The table; columns of `right` are right-aligned. Columns empty in every row are left out.

        On a terminal that is too narrow, so are those of `optional`, one after the other; then cells are
        wrapped, the widest first.
        """
        rows = [[as_encoded(cell, self.encoding) for cell in row] for row in self._rows]
        head, *body = rows
        columns = [i for i in range(len(head)) if not body or any(row[i] for row in body)]
        widths = {i: max(_width(row[i]) for row in rows) for i in columns}
        if self.most is not None:
            widths = _fitted(rows, widths, self.most, right, optional)
        lines = []
        for number, row in enumerate(rows):
            wrapped = {i: _wrapped(row[i], width) for i, width in widths.items()}
            for at in range(max(map(len, wrapped.values()))):
                cells = []
                for i, parts in wrapped.items():
                    part = parts[at] if at < len(parts) else ""
                    blank = " " * (widths[i] - _width(part))
                    cells.append(blank + part if i in right else part + blank)
                line = "  ".join(cells).rstrip()
                lines.append(painted(line, "1") if self._colour and number == 0 else line)
        return joined(lines)


def _fitted(
    rows: Sequence[Sequence[str]],
    widths: dict[int, int],
    most: int,
    right: Collection[int],
    optional: Sequence[int],
) -> dict[int, int]:
    """The widths of the columns that are shown within so many columns of a terminal."""

    def excess() -> int:
        return sum(widths.values()) + 2 * (len(widths) - 1) - most

    for i in optional:
        if excess() > 0:
            widths.pop(i, None)
    least = {
        i: max(_width(word) for row in rows for word in row[i].split(" ")) if i in right else _LEAST
        for i in widths
    }
    while excess() > 0 and (wide := [i for i in widths if widths[i] > least[i]]):
        widths[max(wide, key=widths.__getitem__)] -= 1
    return widths


def paragraphs(lines: Iterable[str], most: int | None = None) -> str:
    """Lines of output, of at most so many columns or those of the terminal that tables are for.

    Longer ones are wrapped at blanks, and go on after an indent.
    """
    most = most or TextTable.most
    if most is None:
        return joined(lines)
    return joined(part for line in lines for part in _paragraph(line, most))


def _paragraph(text: str, width: int) -> Iterator[str]:
    """A text in lines of at most a width, but for words that are longer."""
    line, *words = text.split(" ")
    for word in words:
        if line.strip() and _width(f"{line} {word}") > width:
            yield line
            line = f"  {word}"
        else:
            line = f"{line} {word}"
    yield line


_LEAST = 12
"""Columns that a text cell has at least."""

_BREAKS = r"(?<=[ /_])"
"""Where a cell may be broken: behind a blank, and behind what joins words and folders."""


def _wrapped(text: str, width: int) -> list[str]:
    """A cell in lines of at most a width."""
    if _width(text) <= width:
        return [text]
    lines, line = [], ""
    for word in re.split(_BREAKS, text):
        if line and _width(line + word.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += word
        while _width(line.rstrip()) > width:
            end = next(n for n in range(len(line), 0, -1) if _width(line[:n]) <= width or n == 1)
            lines.append(line[:end])
            line = line[end:]
    return [*lines, line.rstrip()]


_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.INFO: "36"}


class TextStyle(NamedTuple):
    """How a format writes: with ANSI colours or without, and whether only findings.

    `root` is the folder of the run, to which formats for other programs make paths relative; `folder` is its
    path in its repository, ended by a slash, for formats of `IN_REPOSITORY`; `rules` are the pages of the
    run's rules, only for formats of `WITH_RULES`. `columns` are those of the terminal, if it is one.
    """

    colour: bool = False
    quiet: bool = False
    root: str = ""
    folder: str = ""
    rules: "tuple[RulePage, ...]" = ()
    columns: int | None = None

    def in_repository(self, path: str) -> str:
        """The path from the root of the repository, if it is in the folder of the run or beside it."""
        path = relative(path, self.root)
        if not self.folder or path.startswith("/") or path[1:3] == ":/":
            return path
        return posixpath.normpath(self.folder + path)

    def paint(self, text: str, codes: str) -> str:
        """The text in ANSI codes, which `joined` makes real; unchanged without colour."""
        return painted(text, codes) if self.colour else text

    def severity(self, severity: Severity, text: str) -> str:
        """The text in the colour of a severity."""
        return self.paint(text, f"1;{_COLOURS[severity]}")


def signed(number: int) -> str:
    """A difference as text, with its sign: +1564, -206,694, 0."""
    return f"+{figure(number)}" if number > 0 else figure(number)


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: 1 file, 2 files."""
    return f"{figure(number)} {noun if number == 1 else plural or noun + 's'}"


def number(amount: int | None) -> str:
    """A number as `figure`, or "unknown"."""
    return UNKNOWN if amount is None else figure(amount)


UNKNOWN = "unknown"


def money(usd: float | None) -> str:
    """An amount in USD, exact to a millionth, or "unknown"."""
    if usd is None:
        return UNKNOWN
    usd = round(usd, 9)  # sums of the same amounts in another order differ in their last digits
    return f"${usd:,.6f}" if usd < 1 else f"${usd:,.2f}"


def tokens_between(low: int | None, high: int | None) -> str:
    """A number of tokens that is not certain, or a certain one; "unknown" without one."""
    return UNKNOWN if low is None or high is None else between(low, high)


def money_between(low: float | None, high: float | None) -> str:
    """An amount in USD that is not certain, or a certain one; "unknown" without one."""
    low_text, high_text = money(low), money(high)
    return high_text if low_text == high_text else f"{low_text} to {high_text}"


def not_counted(images: int, what: str = "tokens and cost") -> str:
    """How many images the sums are without, as a clause with its semicolon; empty if none."""
    return f"; {count(images, 'image')} not counted in {what}" if images else ""


def closing_line(summary: Summary) -> str:
    """The closing line of a run: findings, files, tokens and cost."""
    found = [
        count(summary.findings[severity], str(severity), "info" if severity is Severity.INFO else None)
        for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO)
        if summary.findings[severity]
    ]
    subjects = f"{count(summary.images, 'image')}, {count(summary.requests, 'request')}"
    head = ", ".join(found) if found else "no findings"
    text = f"{head} in {count(summary.checked, 'checked file')} ({subjects})"
    if summary.unknown_models:
        text += f"; {count(summary.unknown_models, 'request')} to unknown models, cost not counted"
    if summary.caveats:
        text += f"; {figure(len({path for path, _ in summary.caveats}))} checked in part"
    if summary.skipped:
        text += f"; {figure(len(summary.skipped))} skipped"
    if summary.narrowed:
        text += f"; narrowed by {_names(summary.narrowed)}"
    if summary.suppressed:
        text += f"; {figure(summary.suppressed)} suppressed by ignores"
    if summary.baselined:
        text += f"; {figure(summary.baselined)} in the baseline"
    if summary.visual_tokens:
        priced = summary.cost_usd or not summary.unpriced
        cost = money_between(*summary.cost_range) if priced else "cost unknown"
        noun = "visual token" if summary.visual_tokens == 1 else "visual tokens"
        text += f"; {between(*summary.tokens_range)} {noun}, {cost}"
        if summary.after_range != summary.tokens_range:
            text += f"; {between(*summary.after_range)} tokens after the safe fixes"
    unpriced = summary.unpriced if summary.cost_usd else 0
    return text + not_counted(summary.uncounted) + not_counted(unpriced, "cost")


_NAMED = 3


def _names(narrowed: Sequence[tuple[str, str]]) -> str:
    """The configurations that leave out files or rules, the first of them by name."""
    names = ", ".join(path for path, _ in narrowed[:_NAMED])
    more = len(narrowed) - _NAMED
    return f"{names} and {count(more, 'more configuration')}" if more > 0 else names


def fixes_line(summary: Summary, *, of_plan: bool = False, pending: bool = False) -> str:
    """How many fixes were made and not made, and what the changed files took before and take now.

    Those of a plan are counted by images. With `pending` nothing was written. Empty if there was nothing to
    fix.
    """
    made = summary.changed_images if of_plan else summary.fixed
    if not made and not summary.changed and not summary.not_made:
        return ""
    noun = ("resize", "resizes") if of_plan else ("fix", "fixes")
    text = f"{count(made, *noun)} {'to make' if pending else 'made'}"
    if summary.changed:
        text += f" in {count(summary.changed, 'file')}"
    if summary.removed_images:
        text += f", {count(summary.removed_images, 'image')} {'to remove' if pending else 'removed'}"
    if summary.not_made:
        text += f", {figure(summary.not_made)} {'cannot be made' if pending else 'not made'}"
    before, after = summary.before, summary.after
    if not before.byte_size:
        return text
    text += f": {figure(before.byte_size)} → {figure(after.byte_size)} bytes"
    if before.tokens:
        text += f", {between(*before.tokens_range)} → {between(*after.tokens_range)} tokens"
        cost = f"{money_between(*before.cost_range)} → {money_between(*after.cost_range)}"
        text += f", {cost}" if before.cost_usd else ", cost unknown"
    return text


class RunningText(Reporter):
    """Base of the text formats: findings at once, the closing line at the end."""

    separators: tuple[str, ...] = ("",)
    takes_parts = True

    def __init__(self, style: TextStyle) -> None:
        self.style = style

    def begin(self) -> str:
        """Nothing."""
        return ""

    def add(self, piece: Fragment) -> str:
        """The findings, at once."""
        return piece[0]

    def end(self, summary: Summary) -> str:
        """Statistics and comparison if requested, and the closing line unless quiet."""
        text = "" if summary.statistics is None and summary.comparison is None else _extras(summary)
        return text if self.style.quiet else text + paragraphs([closing_line(summary)], self.style.columns)


def _extras(summary: Summary) -> str:
    """The statistics and the comparison with an earlier report, as far as they were requested."""
    from imgbudget.output.summaries import comparison_text, statistics_text  # noqa: PLC0415 - rare

    text = "" if summary.statistics is None else statistics_text(summary.statistics)
    return text + ("" if summary.comparison is None else comparison_text(summary.comparison))
