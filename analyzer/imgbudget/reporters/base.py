"""What a reporter is, and the words and numbers that all text formats share."""

from typing import TYPE_CHECKING, NamedTuple

from imgbudget.model import Severity
from imgbudget.report import Summary
from imgbudget.session.reporting import Piece, Reporter

if TYPE_CHECKING:
    from imgbudget.reporters.pages import RulePage

_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.INFO: "36"}


class Style(NamedTuple):
    """How text is set: with ANSI colours or without, and whether only findings are wanted.

    `root` is the folder of the run, to which other programs want paths relative; `rules` are the pages of the
    run's rules, given only to formats of `WITH_RULES`.
    """

    colour: bool = False
    quiet: bool = False
    root: str = ""
    rules: "tuple[RulePage, ...]" = ()

    def paint(self, text: str, codes: str) -> str:
        """The text in ANSI codes, unchanged without colour."""
        return f"\x1b[{codes}m{text}\x1b[0m" if self.colour else text

    def severity(self, severity: Severity, text: str) -> str:
        """The text in the colour of a severity."""
        return self.paint(text, f"1;{_COLOURS[severity]}")


_CONTROL = {i: f"\\x{i:02x}" for i in (*range(32), 127)} | {9: "\\t", 10: "\\n", 13: "\\r"}


def one_line(text: str) -> str:
    """Text on one line of a terminal: control characters written out, broken names made printable."""
    return text.translate(_CONTROL).encode("utf-8", "backslashreplace").decode("utf-8")


def figure(number: float) -> str:
    """A number as text, its thousands parted from five digits on: 1564, 206,694."""
    return str(number) if abs(number) < 10_000 else f"{number:,}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: 1 file, 2 files."""
    return f"{figure(number)} {noun if number == 1 else plural or noun + 's'}"


def money(usd: float) -> str:
    """An amount in USD, exact to a millionth."""
    return f"${usd:,.6f}" if usd < 1 else f"${usd:,.2f}"


def closing_line(summary: Summary) -> str:
    """What was found in how many files, and what it costs."""
    found = [
        count(summary.findings[severity], str(severity), "info" if severity is Severity.INFO else None)
        for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO)
        if summary.findings[severity]
    ]
    subjects = f"{count(summary.images, 'image')}, {count(summary.requests, 'request')}"
    head = ", ".join(found) if found else "no findings"
    text = f"{head} in {count(summary.checked, 'checked file')} ({subjects})"
    if summary.skipped:
        text += f"; {figure(len(summary.skipped))} skipped"
    if summary.silenced:
        text += f"; {figure(summary.silenced)} silenced by ignores"
    if summary.baselined:
        text += f"; {figure(summary.baselined)} known to the baseline"
    if summary.fixed:
        remaining = summary.findings.total()
        text += f"; {figure(summary.fixed)} fixed ({figure(remaining)} remaining)"
    if summary.failed:
        text += f"; {count(len(summary.failed), 'fix', 'fixes')} not made"
    if summary.visual_tokens:
        text += f"; {count(summary.visual_tokens, 'visual token')}, {money(summary.cost_usd)}"
        if summary.tokens_after_fix != summary.visual_tokens:
            text += f"; {figure(summary.tokens_after_fix)} tokens after the safe fixes"
    return text


class RunningText(Reporter):
    """What the text formats for people share: findings as they come, the sum at the end."""

    joints: tuple[str, ...] = ("",)
    takes_parts = True

    def __init__(self, style: Style) -> None:
        self.style = style

    def begin(self) -> str:
        """Nothing."""
        return ""

    def add(self, piece: Piece) -> str:
        """The findings, at once."""
        return piece[0]

    def end(self, summary: Summary) -> str:
        """What was asked for beside the findings, and the sum unless only findings are wanted."""
        text = ""
        if summary.statistics is not None:
            from imgbudget.reporters.statistics import statistics_text  # noqa: PLC0415 - on demand only

            text += statistics_text(summary.statistics)
        if summary.comparison is not None:
            from imgbudget.reporters.comparison import comparison_text  # noqa: PLC0415 - on demand only

            text += comparison_text(summary.comparison)
        return text if self.style.quiet else text + closing_line(summary) + "\n"
