"""What has changed since an earlier audit, as text and tables."""

from collections.abc import Callable, Iterator
from typing import Any

from imgbudget.auditing.ends import tokens_text, usd_text
from imgbudget.auditing.figures import Section, size, usd
from imgbudget.auditing.statistics import AuditStatistics, Comparison
from imgbudget.output.base import count, figure
from imgbudget.printable import one_line


def changes_text(comparison: Comparison) -> str:
    """How many images came, went, changed and stayed."""
    parts = [f"{figure(change.images)} {change.kind}" for change in comparison.changes]
    text = f"{', '.join(parts)} and {count(comparison.unchanged, 'unchanged image')}"
    if comparison.renamed:
        text += f"; {figure(comparison.renamed)} of the added have the content of one that is gone"
    return text


def compared_totals(statistics: AuditStatistics) -> tuple[tuple[str, str, str, str], ...]:
    """What both audits have in numbers: the metric, before, now, and the difference."""
    comparison = statistics.comparison
    if comparison is None:
        return ()
    old, new = comparison.before, statistics.totals
    was, copies = comparison.copies_before, statistics.duplicates.cost
    numbers = (
        ("images", old.images, new.images),
        ("images with errors", old.refused, new.refused),
        ("images that copy others", was.images, copies.images),
    )
    money = (
        ("cost", old, new, "cost_usd"),
        ("cost after the plan", old, new, "cost_after_usd"),
        ("cost of copies", was, copies, "cost_usd"),
    )
    return (
        *((name, figure(one), figure(two), _signed(two - one, figure)) for name, one, two in numbers),
        *(
            (name, size(one), size(two), _signed(two - one, size))
            for name, one, two in (("size", old.byte_size, new.byte_size),)
        ),
        ("visual tokens", tokens_text(old), tokens_text(new), _signed(new.tokens - old.tokens, figure)),
        *(
            (
                name,
                usd_text(one, key, usd),
                usd_text(two, key, usd),
                _signed(getattr(two, key) - getattr(one, key), usd),
            )
            for name, one, two, key in money
        ),
    )


def _signed(value: Any, text: Callable[[Any], str]) -> str:
    """A difference with its sign."""
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{text(abs(value))}"


def comparison_sections(statistics: AuditStatistics) -> Iterator[Section]:
    """What has changed since the earlier audit."""
    comparison = statistics.comparison
    if comparison is None:
        return
    note = f"{changes_text(comparison)}"
    if earlier := earlier_model(statistics):
        note += f"; {earlier}"
    head = ("compared", "before", "now", "change")
    title = f"Compared with {one_line(comparison.folder)}"
    yield Section(title, head, compared_totals(statistics), frozenset({1, 2, 3}), note)
    changes = (change for change in comparison.changes if change.images)
    rows = tuple((change.kind, figure(change.images), ", ".join(change.examples[:3])) for change in changes)
    yield Section("Changed images", ("change", "images", "for example"), rows, frozenset({1}))
    findings = tuple(
        (rule.code, rule.name, rule.severity, *map(figure, (rule.before, rule.now, rule.added, rule.gone)))
        for rule in comparison.rules
    )
    columns = ("rule", "name", "severity", "before", "now", "new", "gone")
    yield Section("Changed findings", columns, findings, frozenset({3, 4, 5, 6}))


def earlier_model(statistics: AuditStatistics) -> str:
    """A clause on the model of the earlier audit if it is another one; its findings are for that."""
    comparison = statistics.comparison
    mine = statistics.model, statistics.platform
    if comparison is None or (comparison.model, comparison.platform) == mine:
        return ""
    return (
        f"the earlier findings are for {comparison.model} ({comparison.platform}), all tokens and costs for "
        f"{statistics.model}"
    )
