"""The statistics of a run as text and as records."""

from collections.abc import Sequence
from typing import Any

from imgbudget.reporters.base import count, figure, money, one_line
from imgbudget.reporters.records import usd
from imgbudget.statistics import FolderSum, RuleSum, Statistics

_SHOWN = 20
"""Folders that the text shows; the JSON has all of them."""


def statistics_text(statistics: Statistics) -> str:
    """A table of the rules and one of the folders, those first that cost most."""
    rules: list[tuple[str, ...]] = [
        ("rule", "name", "findings", "fixable", "measured", "limit", "over by", "in all", "unit")
    ]
    rules += [_rule_cells(rule) for rule in statistics.rules]
    folders: list[tuple[str, ...]] = [
        ("folder", "images", "requests", "findings", "tokens", "cost", "saved", "saved cost")
    ]
    folders += [_folder_cells(folder) for folder in statistics.folders[:_SHOWN]]
    more = len(statistics.folders) - _SHOWN
    text = _table(rules, 2) + "\n" if statistics.rules else ""
    text += _table(folders, 1)
    if more > 0:
        text += f"and {count(more, 'more folder')}; --format json has all of them\n"
    return text + "\n"


def _rule_cells(rule: RuleSum) -> tuple[str, ...]:
    numbers = (rule.measured, rule.limit, rule.over_max, rule.over_sum)
    cells = [figure(rule.findings), figure(rule.fixable)]
    cells += ["-" if number is None else _amount(number, rule.unit) for number in numbers]
    return (rule.code, rule.name, *cells, rule.unit or "-")


def _amount(number: float, unit: str | None) -> str:
    if unit == "USD":
        return money(number)
    return figure(int(number) if number == int(number) else round(number, 3))


def _folder_cells(folder: FolderSum) -> tuple[str, ...]:
    saved = folder.visual_tokens - folder.tokens_after_fix
    return (
        one_line(folder.path),
        figure(folder.images),
        figure(folder.requests),
        figure(folder.findings),
        figure(folder.visual_tokens),
        money(folder.cost_usd),
        figure(saved),
        money(folder.saved_usd),
    )


def _table(rows: Sequence[Sequence[str]], names: int) -> str:
    """Columns as wide as their widest cell, all but the first `names` of them flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i < names or (cell.isalpha() and i == len(row) - 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def statistics_record(statistics: Statistics) -> dict[str, Any]:
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
        "visual_tokens": folder.visual_tokens,
        "tokens_after_fix": folder.tokens_after_fix,
        "cost_usd": usd(folder.cost_usd),
        "saved_usd": usd(folder.saved_usd),
    }
