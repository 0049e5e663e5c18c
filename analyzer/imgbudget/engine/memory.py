"""Judges images, and remembers what rules say that look at a few facts: most images are like others."""

from collections.abc import Hashable
from typing import NamedTuple

from imgbudget.budgets import Budgets
from imgbudget.engine.findings import FAILED_CODE, moved
from imgbudget.engine.running import Rules, run_rules
from imgbudget.limits import Limits
from imgbudget.model import Finding, ImageUse

_MOST = 10_000
"""Sizes, or kinds, of which the findings are kept: some megabytes."""

_Said = dict[Hashable, tuple[Finding, ...]]
"""What rules said, by all that they look at."""


class _Known(NamedTuple):
    """What was said by these limits. Others get one of their own, as another thread may be at this one."""

    limits: Limits
    by_size: _Said
    by_kind: _Said


class Images:
    """Judges images by one set of rules: either files or blocks of requests, of which rules say other things.

    Cameras, screens and generators make few sizes, and fewer kinds of files: two thirds of what the rules
    cost is spared for images like those before.
    """

    def __init__(self, rules: Rules, budgets: Budgets) -> None:
        self._all, self._budgets = rules, budgets
        self._by_size = [pair for pair in rules if pair[0].by_size]
        self._by_kind = [pair for pair in rules if pair[0].by_kind]
        self._others = [pair for pair in rules if not (pair[0].by_size or pair[0].by_kind)]
        self._order = {rule.code: number for number, (rule, _) in enumerate(rules)}
        self._known: _Known | None = None

    def judge(self, use: ImageUse, limits: Limits) -> list[Finding]:
        """The findings of all rules on an image, in the order of the rules."""
        known = self._known
        if known is None or known.limits is not limits:
            known = self._known = _Known(limits, {}, {})
        size, facts = use.visible_size, use.facts
        if facts is None or size is None or use.flaws:
            return list(run_rules(self._all, use, limits, self._budgets))
        _, form, _, orientation, frames, has_location, quality, *_ = facts
        kind = (form, orientation, frames, has_location, quality, use.declared)
        sized = self._recall(known.by_size, (size, use.toolset, use.oversized), self._by_size, use, limits)
        kinded = self._recall(known.by_kind, kind, self._by_kind, use, limits)
        found = [*sized, *kinded, *run_rules(self._others, use, limits, self._budgets)]
        if len(found) > 1:
            if any(finding.code == FAILED_CODE for finding in found):
                return list(run_rules(self._all, use, limits, self._budgets))
            found.sort(key=self._place_in_order)
        return found

    def _recall(
        self, said: _Said, key: Hashable, rules: Rules, use: ImageUse, limits: Limits
    ) -> list[Finding]:
        """What rules say of an image; `key` is all of it that they look at."""
        known = said.get(key)
        if known is not None:
            return [moved(finding, use.place) for finding in known] if known else []
        found = list(run_rules(rules, use, limits, self._budgets))
        # what a rule says of another place, or why it failed, is of this image alone
        if all(finding.place is use.place and finding.code != FAILED_CODE for finding in found):
            if len(said) >= _MOST:
                said.clear()
            said[key] = tuple(found)
        return found

    def _place_in_order(self, finding: Finding) -> int:
        return self._order[finding.code]
