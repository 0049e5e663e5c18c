"""What changed in the limits between two days, as a text table and as a JSON document."""

from collections.abc import Sequence
from typing import Any

from imgbudget.limits.history import SAMPLES, Amount, Change, Period
from imgbudget.output.base import TextTable, count, figure
from imgbudget.output.records import TOOL, VERSION
from imgbudget.printable import joined


def changes_document(found: Sequence[Change], period: Period) -> dict[str, Any]:
    """The changes, one record each; `sizes` are those whose tokens are given."""
    return {
        "version": VERSION,
        "tool": TOOL,
        "from": period.first,
        "to": period.last,
        "sizes": [list(size) for size in SAMPLES],
        "changes": [
            {
                "day": change.day,
                "kind": change.kind,
                "subject": change.subject,
                "name": change.name or None,
                "was": _plain(change, change.was),
                "now": _plain(change, change.now),
                "unit": change.unit,
                "status": change.status,
                "source": change.source,
                "note": change.note,
            }
            for change in found
        ],
    }


def _plain(change: Change, amounts: list[Amount]) -> Amount | list[Amount]:
    """The list of tokens, or the one value that there is."""
    if change.kind == "tokens":
        return amounts
    return amounts[0] if amounts else None


def changes_text(found: Sequence[Change], period: Period, *, colour: bool) -> str:
    """A line for each change, one for all models with the same; models that are new here below."""
    lines: dict[tuple[str, ...], list[str]] = {}
    added: dict[str, list[str]] = {}
    for change in found:
        if change.kind == "added":
            added.setdefault(change.day, []).append(change.subject)
            continue
        now = _text(change.now, change.unit)
        if change.kind == "retired" and now:
            now = f"use {now}"
        source = f"{change.source} ({change.status})"
        line = (change.day, _what(change), _text(change.was, change.unit), now, source)
        lines.setdefault(line, []).append(change.subject)
    if not found:
        return joined([f"no change is known from {period.first} to {period.last}"])
    parts = [joined([f"changes from {period.first} to {period.last}:"])]
    if lines:
        table = TextTable(("day", "what", "was", "now", "of", "source"), colour=colour)
        for (day, what, was, now, source), subjects in lines.items():
            table.add(day, what, was, now, ", ".join(subjects), source)
        parts.append(table.text())
    parts += (
        joined([f"{day}  {count(len(models), 'model')} added to these data: {', '.join(models)}"])
        for day, models in added.items()
    )
    return "".join(parts)


def _what(change: Change) -> str:
    """What changed, in the words of the table."""
    if change.kind == "tokens":
        return f"tokens of {', '.join(map(str, SAMPLES))}"
    if change.kind in {"released", "retired"}:
        return f"{change.kind} by its maker"
    if change.kind == "price":
        return f"{change.name}, from this day on"
    return "end announced" if change.name == "retired" else change.name


def _text(amounts: Sequence[Amount], unit: str | None) -> str:
    """Amounts as text; the unit only of a price and of bytes, which the name does not have."""
    parts = []
    for amount in amounts:
        if amount is None:
            parts.append("none")
        elif isinstance(amount, list):
            parts.append(" to ".join(figure(end) if isinstance(end, int) else end for end in amount))
        else:
            parts.append(amount if isinstance(amount, str) else figure(amount))
    text = ", ".join(parts)
    return f"{text} {unit}" if text and text != "none" and unit in {"USD/MTok", "bytes", "times"} else text
