"""Statistics of a run and its comparison with an earlier report, as text and as records."""

import os
from collections.abc import Sequence
from typing import Any

from imgbudget.model.comparison import FileChange, FindingRecord, RunComparison
from imgbudget.model.statistics import FolderSum, RuleSum, RunStatistics
from imgbudget.output.base import between, count, figure, money, money_between, signed
from imgbudget.output.records import ranged, uncounted_record, usd, usd_range
from imgbudget.printable import blocks, joined, one_line

_SHOWN_CHANGES = 20
_SHOWN_FILES = 10
"""New findings that the text lists; the JSON has all of them."""


def headline(comparison: RunComparison) -> str:
    """The difference in one line, for a pull request: +3 images, +4120 tokens, +$0.012 per run."""
    parts = [
        _signed(comparison.images, "image"),
        _signed(comparison.requests, "request"),
        _signed_between(comparison.fewest.visual_tokens, comparison.visual_tokens),
    ]
    differences = [part for part in parts if part]
    low, cost = (round(amount, 6) for amount in (comparison.fewest.cost_usd, comparison.cost_usd))
    if low != cost:
        differences.append(f"{signed_usd(low)} to {signed_usd(cost)} per run")
    elif cost:
        differences.append(f"{signed_usd(cost)} per run")
    return ", ".join(differences) or "same images, tokens and cost"


def verdict(comparison: RunComparison) -> str:
    """How many findings are new and fixed."""
    new, fixed = len(comparison.new), len(comparison.fixed)
    if not new and not fixed:
        return "no findings added or fixed"
    return f"{count(new, 'new finding')}, {figure(fixed)} fixed"


def short_name(comparison: RunComparison) -> str:
    """The name of the earlier report without its folders, which are of no use to readers of a log."""
    return os.path.basename(comparison.name)


def closing_comparison(comparison: RunComparison) -> str:
    """With what the run is compared, and the difference, in one line."""
    return f"compared with {short_name(comparison)}: {headline(comparison)}; {verdict(comparison)}"


def comparison_text(comparison: RunComparison) -> str:
    """The difference in one line, then one line for each new and fixed finding."""
    lines = [closing_comparison(comparison)]
    for sign, findings in (("+", comparison.new), ("-", comparison.fixed)):
        lines += [f"  {sign} {change_text(finding)}" for finding in findings[:_SHOWN_CHANGES]]
        if len(findings) > _SHOWN_CHANGES:
            lines.append(
                f"  {sign} and {figure(len(findings) - _SHOWN_CHANGES)} more; --format json has all of them"
            )
    for change in comparison.files[:_SHOWN_FILES]:
        lines.append(f"  {change.path}: {file_change(change)}")
    if len(comparison.files) > _SHOWN_FILES:
        more = len(comparison.files) - _SHOWN_FILES
        lines.append(f"  and {count(more, 'more file')} with other images; --format json has all of them")
    lines += [f"  {moves(comparison)}"] if comparison.moved else []
    lines += [f"  {growth(comparison)}"] if comparison.allowed is not None else []
    return joined(lines)


def file_change(change: FileChange) -> str:
    """What has changed in a file: added, +1 image, +1564 tokens, +$0.004692."""
    parts = [change.state, _signed(change.images, "image"), _signed(change.visual_tokens, "token")]
    parts += [signed_usd(change.cost_usd)] if change.cost_usd else []
    return ", ".join(part for part in parts if part)


def moves(comparison: RunComparison) -> str:
    """How many files are in other folders only."""
    return f"{count(len(comparison.moved), 'file')} moved to another folder, with as many images and tokens"


def growth(comparison: RunComparison) -> str:
    """Whether the run exceeds the earlier one by more than was allowed."""
    allowed, grown = comparison.allowed, _signed(comparison.visual_tokens, "token") or "no more tokens"
    if allowed is None:
        return ""
    if allowed.cost_usd is not None:
        grown = signed_usd(comparison.cost_usd) if comparison.cost_usd else "no other cost"
    elif allowed.share is not None and comparison.before:
        grown = f"{100 * comparison.visual_tokens / comparison.before:+.1f} % of the visual tokens"
    if not comparison.is_growth_known:
        lacking = comparison.uncounted if comparison.uncounted > 0 else comparison.unpriced
        what = "tokens" if comparison.uncounted > 0 else "price"
        more = count(lacking, "more image", "more images")
        return (
            f"{more} of unknown {what}: whether the growth is within the allowed {allowed.text} is not known"
        )
    within = "more than" if comparison.exceeds else "within"
    return f"{grown}: {within} the allowed {allowed.text}"


def change_text(finding: FindingRecord) -> str:
    """A new or fixed finding in one line."""
    where = f" {finding.location}" if finding.location else ""
    return f"{finding.path}{where}: {finding.code} {finding.severity}: {finding.message}"


def _signed_between(low: int, high: int) -> str:
    """A difference in tokens, or the two ends of it."""
    return _signed(high, "token") if low == high else f"{signed(low)} to {signed(high)} tokens"


def signed_usd(amount: float) -> str:
    """An amount in USD with its sign."""
    return f"{'+' if amount > 0 else '-' if amount < 0 else ''}{_short(abs(amount))}"


def _signed(number: int, noun: str) -> str:
    if not number:
        return ""
    return f"{signed(number)} {noun if abs(number) == 1 else noun + 's'}"


def _short(usd_amount: float) -> str:
    """An amount without trailing zeros, at least to the cent."""
    whole, _, cents = money(usd_amount).partition(".")
    return f"{whole}.{cents.rstrip('0'):0<2}"


def comparison_record(comparison: RunComparison) -> dict[str, Any]:
    """The difference for the JSON formats: this run minus the earlier one."""
    return {
        "with": comparison.name,
        "images": comparison.images,
        "requests": comparison.requests,
        **ranged("visual_tokens", comparison.fewest.visual_tokens, comparison.visual_tokens),
        **ranged("tokens_after_fix", comparison.fewest.tokens_after_fix, comparison.tokens_after_fix),
        **ranged("cost_usd", *usd_range((comparison.fewest.cost_usd, comparison.cost_usd))),
        "new": [finding._asdict() for finding in comparison.new],
        "fixed": [finding._asdict() for finding in comparison.fixed],
        "files": [change._asdict() for change in comparison.files],
        "moved": [move._asdict() for move in comparison.moved],
        **(
            {
                "allowed": comparison.allowed.text,
                "exceeded": comparison.exceeds if comparison.is_growth_known else None,
            }
            if comparison.allowed is not None
            else {}
        ),
    }


_SHOWN = 20
"""Folders that the text shows; the JSON has all of them."""


def statistics_text(statistics: RunStatistics) -> str:
    """A table of the rules, and one of the folders, the most expensive first."""
    rules: list[tuple[str, ...]] = [
        ("rule", "name", "findings", "fixable", "measured", "limit", "over by", "total over", "unit")
    ]
    rules += [_rule_cells(rule) for rule in statistics.rules]
    uncounted = any(folder.uncounted for folder in statistics.folders)
    head = ("folder", "images", "requests", "findings", "tokens", "cost", "saved", "saved cost")
    folders: list[tuple[str, ...]] = [(*head, "not counted") if uncounted else head]
    folders += [_folder_cells(folder, uncounted=uncounted) for folder in statistics.folders[:_SHOWN]]
    more = len(statistics.folders) - _SHOWN
    text = blocks((_table(rules, 2), "")) if statistics.rules else ""
    text += _table(folders, 1)
    if more > 0:
        text += joined([f"and {count(more, 'more folder')}; --format json has all of them"])
    return blocks((text, ""))


def _rule_cells(rule: RuleSum) -> tuple[str, ...]:
    numbers = (rule.measured, rule.limit, rule.over_max, rule.over_sum)
    cells = [figure(rule.findings), figure(rule.fixable)]
    cells += ["-" if number is None else _amount(number, rule.unit) for number in numbers]
    return (rule.code, rule.name, *cells, rule.unit or "-")


def _amount(number: float, unit: str | None) -> str:
    if unit == "USD":
        return money(number)
    return figure(int(number) if number == int(number) else round(number, 3))


def _folder_cells(folder: FolderSum, *, uncounted: bool) -> tuple[str, ...]:
    """The cells of a row; with `uncounted` also how many of its images are not counted."""
    saved = [before - after for before, after in zip(folder.tokens_range, folder.after_range, strict=True)]
    return (
        one_line(folder.path),
        figure(folder.images),
        figure(folder.requests),
        figure(folder.findings),
        between(*folder.tokens_range),
        money_between(*folder.cost_range),
        between(*sorted(saved)),
        money(folder.saved_usd),
        *((figure(folder.uncounted),) if uncounted else ()),
    )


def _table(rows: Sequence[Sequence[str]], names: int) -> str:
    """A table with all columns but the first `names` right-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i < names or (cell.isalpha() and i == len(row) - 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return joined(lines)


def statistics_record(statistics: RunStatistics) -> dict[str, Any]:
    """The statistics for the JSON formats: all rules, all folders, the sum of the folders."""
    total = FolderSum(".")
    for folder in statistics.folders:
        total.merge(folder)
    return {
        "rules": [
            {
                "code": rule.code,
                "name": rule.name,
                "unit": rule.unit,
                "findings": rule.findings,
                "fixable": rule.fixable,
                "measured": rule.measured,
                "limit": rule.limit,
                "over_max": rule.over_max,
                "over_sum": rule.over_sum,
            }
            for rule in statistics.rules
        ],
        "folders": [{"path": folder.path, **_folder_record(folder)} for folder in statistics.folders],
        "total": _folder_record(total),
    }


def _folder_record(folder: FolderSum) -> dict[str, Any]:
    return {
        "files": folder.files,
        "images": folder.images,
        "requests": folder.requests,
        "findings": folder.findings,
        **ranged("visual_tokens", *folder.tokens_range),
        **ranged("tokens_after_fix", *folder.after_range),
        **ranged("cost_usd", *usd_range(folder.cost_range)),
        **uncounted_record(folder.uncounted),
        "saved_usd": usd(folder.saved_usd),
    }
