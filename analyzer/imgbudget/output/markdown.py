"""The format `markdown`: a job summary with a table of the findings, the worst first, and the totals.

A step's summary holds at most 1 MiB (docs.github.com, "Adding a job summary"); further rows are counted.
"""

from imgbudget.linter.reporting import Fragment
from imgbudget.model.comparison import FileChange
from imgbudget.model.edits import FileFix
from imgbudget.model.fixes import Resize
from imgbudget.model.results import FileResult, ImageResult, Summary
from imgbudget.model.statistics import UNORDERED_UNITS
from imgbudget.model.subjects import Finding, FixSafety
from imgbudget.output.base import TextStyle, between, closing_line, count, figure, money, relative, signed
from imgbudget.output.summaries import (
    change_text,
    growth,
    headline,
    moves,
    short_name,
    signed_usd,
    statistics_text,
    verdict,
)
from imgbudget.output.worst_first import WorstFirst, piece_of
from imgbudget.planner.image import possible_bytes, written_format
from imgbudget.printable import joined, markdown

MOST = 10_000
"""Most rows kept; a row has at least 100 bytes."""

MOST_BYTES = 1_000_000
"""Bytes of the summary; the rest of the 1,048,576 is left to other writers of the step."""

_HEAD = (
    "| finding | where | measured | limit | over by | saved by the plan |\n|---|---|---:|---:|---:|---:|\n"
)
_NONE = "–"
_FILES = 20
_FENCE = "```"


class Markdown(WorstFirst):
    """One table per run: by severity, then by how far a finding is beyond its limit."""

    def __init__(self, style: TextStyle) -> None:
        super().__init__(MOST)
        self._root = style.root

    def render(self, result: FileResult) -> Fragment:
        """A row per finding."""
        if not result.findings:
            return ("", "", "")
        images = {image.use.location: image for image in result.images}
        return piece_of(
            (finding, self._row(finding, _saved(finding, images.get(finding.location), result.trial)))
            for finding in result.findings
        )

    def _row(self, finding: Finding, saved: str) -> str:
        code = f"[{finding.code}]({finding.url})" if finding.url else finding.code
        where = relative(finding.location.path, self._root)
        if finding.span:
            where += f":{finding.span.line}"
        if finding.location.dotted:
            where += f" {finding.location.dotted}"
        cells = (
            f"{finding.severity} {code} {markdown(finding.message)}",
            markdown(where),
            _amount(finding.measured, finding.unit),
            _amount(finding.limit, finding.unit),
            _over(finding),
            saved,
        )
        return f"| {' | '.join(cells)} |"

    def end(self, summary: Summary) -> str:
        """The table and the totals."""
        head, foot = "## imgbudget\n\n" + _difference(summary), _totals(summary)
        rows, shown = [], 0
        room = MOST_BYTES - len(head.encode()) - len(foot.encode()) - len(_HEAD) - 200
        for row in self.worst():
            room -= len(row.encode()) + 1
            if room < 0:
                break
            rows.append(row + "\n")
            shown += 1
        text = head
        if rows:
            text += _HEAD + "".join(rows) + "\n"
        if left := sum(self.found) - shown:
            text += joined([f"and {count(left, 'more finding')} omitted for lack of space", ""])
        return text + foot


def _difference(summary: Summary) -> str:
    """The comparison with an earlier report, if one was given."""
    if summary.comparison is None:
        return ""

    comparison = summary.comparison
    name, change = markdown(short_name(comparison)), markdown(headline(comparison))
    lines = [f"**{change}** compared with {name}; {verdict(comparison)}", ""]
    if comparison.moved:
        lines += [moves(comparison), ""]
    if comparison.allowed is not None:
        lines += [markdown(growth(comparison)), ""]
    if comparison.files:
        lines += ["| file | | images | tokens | cost |", "|---|---|--:|--:|--:|"]
        lines += [_file_row(one) for one in comparison.files[:_FILES]]
        if (more := len(comparison.files) - _FILES) > 0:
            lines.append(f"| and {count(more, 'more file')} | | | | |")
        lines.append("")
    for title, findings in (("new", comparison.new), ("fixed", comparison.fixed)):
        if findings:
            lines += [f"<details><summary>{count(len(findings), 'finding')} {title}</summary>", ""]
            lines += [f"- {markdown(change_text(one))}" for one in findings[:_FILES]]
            lines += [f"- and {figure(len(findings) - _FILES)} more"] if len(findings) > _FILES else []
            lines += ["", "</details>", ""]
    return joined(lines)


def _file_row(change: FileChange) -> str:
    cost = markdown(signed_usd(change.cost_usd)) if change.cost_usd else ""
    cells = (change.state, signed(change.images), signed(change.visual_tokens), cost)
    return f"| {markdown(change.path)} | {' | '.join(cells)} |"


def _totals(summary: Summary) -> str:
    lines = [f"**{markdown(closing_line(summary))}**", ""]
    if saved := summary.visual_tokens - summary.tokens_after_fix:
        low = saved - summary.tokens_doubt + summary.after_doubt
        tokens = count(saved, "token") if low == saved else f"{between(*sorted((low, saved)))} tokens"
        about = "about" if low == saved else "at most about"
        lines += [f"The safe fixes save {tokens}, {about} {money(summary.saved_usd)}.", ""]
    lines += _files(summary.missed, "could not be checked")
    lines += _files(list(summary.caveats), "checked in part")
    text = joined(lines)
    if summary.statistics is not None:
        table = statistics_text(summary.statistics).replace(_FENCE, "...").rstrip("\n")
        text += joined(["<details><summary>statistics</summary>", "", f"{_FENCE}text"])
        text += table + "\n" + joined([_FENCE, "</details>"])
    return text


def _amount(number: float | None, unit: str | None) -> str:
    if number is None:
        return _NONE
    if unit == "USD":
        return money(number).replace("$", "\\$")
    return f"{_round(number)} {unit}" if unit else _round(number)


def _round(number: float) -> str:
    return figure(int(number) if number == int(number) else round(number, 2))


def _over(finding: Finding) -> str:
    """The distance to the limit, above or below."""
    measured, limit = finding.measured, finding.limit
    if measured is None or limit is None or measured == limit or finding.unit in UNORDERED_UNITS:
        return _NONE
    amount = _amount(abs(measured - limit), finding.unit)
    return amount if measured > limit else f"{amount} under"


def _saved(finding: Finding, image: ImageResult | None, trial: FileFix | None) -> str:
    """What the safe fixes of the image save, as they were tried; else tokens, and the range of the bytes."""
    if image is None or not isinstance(finding.fix, Resize) or finding.fix_safety is not FixSafety.SAFE:
        return _NONE
    if trial is None:
        tokens = (image.tokens or 0) - (image.tokens_after_fix or 0)
        return _words(tokens, *_possible_saving(image))
    for change in trial.images:
        if (change.location.document, change.location.keys) == (
            finding.location.document,
            finding.location.keys,
        ):
            before, after = change.before, change.after
            saved = before.byte_size - after.byte_size
            return _words((before.tokens or 0) - (after.tokens or 0), saved, saved)
    return _NONE


def _possible_saving(image: ImageResult) -> tuple[int, int]:
    """The fewest and the most bytes that a fix may save, from the header of the image."""
    facts, planned = image.use.facts, image.planned
    if facts is None or facts.format is None or planned in {None, facts.size}:
        return 0, 0
    form = written_format(facts.format, image.limits.media_types) or facts.format
    low, high = possible_bytes(facts, planned or facts.size, form)
    return facts.byte_size - high, facts.byte_size - low


def _words(tokens: int, low: int, high: int) -> str:
    """Amounts that are saved; a negative one is what the fix takes in addition."""
    words = [count(tokens, "token")] if tokens > 0 else []
    if low != high:
        words.append(f"{figure(low)} to {count(high, 'byte')}")
    elif low:
        words.append(count(low, "byte") if low > 0 else f"{count(-low, 'byte')} more")
    return ", ".join(words) or _NONE


def _files(files: list[tuple[str, str]], what: str) -> list[str]:
    """A list of files with reasons, shortened; empty without files."""
    if not files:
        return []
    lines = [f"{count(len(files), 'file')} {what}:", ""]
    lines += [f"- {markdown(path)}: {markdown(reason)}" for path, reason in files[:20]]
    return [*lines, f"- and {figure(len(files) - 20)} more"] if len(files) > 20 else lines
