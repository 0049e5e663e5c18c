"""Checks images, and remembers the findings by what the rules read: most images are like others.

A rule is a pure function: images with the same values in all that it reads have the same findings. What it
reads is recorded and not declared. The values of a key are more than those that one run read; that is exact,
as with the same key a rule reads the same first value, so the same second one, and so on. A rule that reads
what differs from image to image, or reads it in a way that cannot be recorded, is run on each.
"""

from collections.abc import Callable, Hashable
from typing import NamedTuple

from imgbudget.budgets import Budgets
from imgbudget.engine.findings import moved
from imgbudget.engine.running import Rules, run_rules
from imgbudget.limits import Limits
from imgbudget.model import Finding, ImageUse, Severity
from imgbudget.registry import AnyRule

_MOST = 10_000
"""Keys of which the findings are kept: some megabytes."""

_TRIAL = 1_000
"""Keys after which a memory has to have answered for half of the images."""

_Pair = tuple[AnyRule, Severity | None]

_EACH = -1
"""In place of what a rule reads: it is run on each image."""


class _Memory(NamedTuple):
    """The findings of some rules, by the values of all that any of them was seen to read."""

    rules: Rules
    reads: int
    key: Callable[[ImageUse], Hashable]
    findings: dict[Hashable, tuple[Finding, ...]]


class _Plan(NamedTuple):
    """Which rules are remembered how, for one model, and for files or for blocks.

    It is never changed but replaced: another thread may be using it.
    """

    limits: Limits
    in_request: bool
    by_size: _Memory
    by_kind: _Memory
    each: Rules


class Images:
    """Checks images by one set of rules.

    Cameras, screens and generators make few sizes, and fewer kinds of files. Two memories, one for rules that
    read the size and one for those that do not, keep the keys from being as many as their products.
    """

    def __init__(self, rules: Rules, budgets: Budgets) -> None:
        self._rules, self._budgets = rules, budgets
        self._order = {rule.code: number for number, (rule, _) in enumerate(rules)}
        self._reads: dict[str, int] | None = None
        self._plan: _Plan | None = None
        self._first = True
        self._images = 0

    def judge(self, use: ImageUse, limits: Limits) -> list[Finding]:
        """The findings of all rules on an image, in the order of the rules."""
        if self._first or use.visible_size is None or use.flaws:
            self._first = False  # a run on one file learns nothing
            return list(run_rules(self._rules, use, limits, self._budgets))
        self._images += 1
        plan, in_request = self._plan, use.place.keys is not None
        if plan is None or plan.limits is not limits or plan.in_request is not in_request:
            plan = self._make_plan(limits, in_request=in_request)
        found = [
            *self._recall(plan.by_size, use, limits),
            *self._recall(plan.by_kind, use, limits),
            *run_rules(plan.each, use, limits, self._budgets),
        ]
        if len(found) > 1:
            if any(finding.internal for finding in found):
                return list(run_rules(self._rules, use, limits, self._budgets))
            found.sort(key=self._place_in_order)
        return found

    def _recall(self, memory: _Memory, use: ImageUse, limits: Limits) -> list[Finding]:
        """The findings of the rules of a memory on an image."""
        key = memory.key(use)
        known = memory.findings.get(key)
        if known is not None:
            return [moved(finding, use.place) for finding in known] if known else []
        from imgbudget.engine.recording import record  # noqa: PLC0415 - a run on one file records nothing

        made = record(memory.rules, use, limits, self._budgets)
        if made is None or made.reads & ~memory.reads:
            self._learn(use, limits)
            return list(run_rules(memory.rules, use, limits, self._budgets))
        if len(memory.findings) >= _MOST:
            memory.findings.clear()
        memory.findings[key] = made.findings
        if len(memory.findings) == _TRIAL and self._images < 2 * _TRIAL:
            self._reads = {**self._known(), **{rule.code: _EACH for rule, _ in memory.rules}}
            self._make_plan(limits, in_request=use.place.keys is not None)
        return list(made.findings)

    def _learn(self, use: ImageUse, limits: Limits) -> None:
        """Record each rule by itself, and plan anew by all that is known of what they read."""
        from imgbudget.engine.recording import record  # noqa: PLC0415 - see above

        reads = dict(self._known())
        for pair in self._rules:
            code = pair[0].code
            if reads[code] != _EACH:
                made = record((pair,), use, limits, self._budgets)
                reads[code] = _EACH if made is None else reads[code] | made.reads
        self._reads = reads
        self._make_plan(limits, in_request=use.place.keys is not None)

    def _known(self) -> dict[str, int]:
        """What each rule was seen to read so far."""
        if self._reads is None:
            from imgbudget.engine.recording import tells_apart  # noqa: PLC0415 - see above

            self._reads = {rule.code: _EACH if tells_apart(rule.check) else 0 for rule, _ in self._rules}
        return self._reads

    def _make_plan(self, limits: Limits, *, in_request: bool) -> _Plan:
        from imgbudget.engine.recording import SIZE  # noqa: PLC0415 - see above

        known, self._images = self._known(), 0
        by_size: list[_Pair] = []
        by_kind: list[_Pair] = []
        each: list[_Pair] = []
        for pair in self._rules:
            reads = known[pair[0].code]
            (each if reads == _EACH else by_size if reads & SIZE else by_kind).append(pair)
        self._plan = _Plan(limits, in_request, self._memory(by_size), self._memory(by_kind), each)
        return self._plan

    def _memory(self, rules: Rules) -> _Memory:
        from imgbudget.engine.recording import key_of  # noqa: PLC0415 - see above

        reads = 0
        for rule, _ in rules:
            reads |= self._known()[rule.code]
        return _Memory(rules, reads, key_of(reads), {})

    def _place_in_order(self, finding: Finding) -> int:
        return self._order[finding.code]
