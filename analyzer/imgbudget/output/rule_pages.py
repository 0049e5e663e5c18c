"""The rules as plain text, for formats that carry their pages: none of it runs."""

from collections.abc import Iterable
from typing import NamedTuple

from imgbudget.linter.evaluate import page_of
from imgbudget.registry import AnyRule


class RulePage(NamedTuple):
    """One rule: its identity, and its page in Markdown. `url` is the address of the page, if it has one."""

    code: str
    name: str
    summary: str
    severity: str
    level: str
    fix: str | None
    pedantic: bool
    preview: bool
    since: str
    url: str | None
    page: str


def rule_pages(rules: Iterable[AnyRule]) -> tuple[RulePage, ...]:
    """The pages of rules, in their order."""
    return tuple(
        RulePage(
            code=rule.code,
            name=rule.name,
            summary=rule.summary,
            severity=str(rule.severity),
            level=rule.level.value,
            fix=str(rule.fix) if rule.fix else None,
            pedantic=rule.pedantic,
            preview=rule.preview,
            since=rule.since,
            url=page_of(rule),
            page=rule.page,
        )
        for rule in rules
    )
