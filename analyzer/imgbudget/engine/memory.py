"""Judges images, and remembers what rules say that look at a few facts: most images are like others."""

from collections.abc import Hashable, Sequence

from imgbudget.budgets import Budgets
from imgbudget.engine.findings import FAILED_CODE, moved
from imgbudget.engine.running import run_rules
from imgbudget.limits import Limits
from imgbudget.model import Finding, ImageUse, Severity
from imgbudget.registry import AnyRule

_MOST = 10_000
"""Sizes, or kinds, of which the findings are kept: some megabytes."""

Rules = Sequence[tuple[AnyRule, Severity | None]]


class _Memory:
    """Rules, and by what they look at what they said."""

    __slots__ = ("_budgets", "_known", "_rules")

    def __init__(self, rules: Rules, budgets: Budgets) -> None:
        self._rules, self._budgets = rules, budgets
        self._known: dict[Hashable, tuple[Finding, ...]] = {}

    def judge(self, key: Hashable, use: ImageUse, limits: Limits) -> list[Finding]:
        """The findings on an image; `key` is all of it that the rules look at."""
        known = self._known.get(key)
        if known is None:
            found = list(run_rules(self._rules, use, limits, self._budgets))
            # what a rule says of another place, or why it failed, is of this image alone
            if all(finding.place is use.place and finding.code != FAILED_CODE for finding in found):
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[key] = tuple(found)
            return found
        return [moved(finding, use.place) for finding in known] if known else []

    def forget(self) -> None:
        """Forget everything: the limits are others."""
        self._known.clear()


class Images:
    """Judges images by one set of rules: either files or blocks of requests, of which rules say other things.

    Cameras, screens and generators make few sizes, and fewer kinds of files: two thirds of what the rules
    cost is spared for images like those before.
    """

    def __init__(self, rules: Rules, budgets: Budgets) -> None:
        self._all, self._budgets = rules, budgets
        self._by_size = _Memory([pair for pair in rules if pair[0].by_size], budgets)
        self._by_kind = _Memory([pair for pair in rules if pair[0].by_kind], budgets)
        self._others = [pair for pair in rules if not (pair[0].by_size or pair[0].by_kind)]
        self._order = {rule.code: number for number, (rule, _) in enumerate(rules)}
        self._limits: Limits | None = None

    def judge(self, use: ImageUse, limits: Limits) -> list[Finding]:
        """The findings of all rules on an image, in the order of the rules."""
        if limits is not self._limits:
            self._by_size.forget()
            self._by_kind.forget()
            self._limits = limits
        size, facts = use.visible_size, use.facts
        if facts is None or size is None or use.flaws:
            return list(run_rules(self._all, use, limits, self._budgets))
        _, form, _, orientation, frames, has_location, quality, *_ = facts
        kind = (form, orientation, frames, has_location, quality, use.declared)
        sized = self._by_size.judge((size, use.toolset, use.oversized), use, limits)
        kinded = self._by_kind.judge(kind, use, limits)
        found = [*sized, *kinded, *run_rules(self._others, use, limits, self._budgets)]
        if len(found) > 1:
            if any(finding.code == FAILED_CODE for finding in found):
                return list(run_rules(self._all, use, limits, self._budgets))
            found.sort(key=self._place_in_order)
        return found

    def _place_in_order(self, finding: Finding) -> int:
        return self._order[finding.code]
