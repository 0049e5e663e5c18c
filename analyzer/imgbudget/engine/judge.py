"""Judges subjects of each level by one set of rules."""

from collections.abc import Iterator
from typing import NamedTuple

from imgbudget.budgets import NO_BUDGETS, Budgets
from imgbudget.engine.memory import Images
from imgbudget.engine.running import run_rules
from imgbudget.engine.selection import RuleSet
from imgbudget.limits import Limits
from imgbudget.model import Batch, Finding, ImageUse, Run
from imgbudget.undertest import RequestUnderTest


class Judge(NamedTuple):
    """Runs one set of rules, by the budgets that go with it.

    It keeps no state between subjects but that of `files` and of `blocks`, which judge images alone and in
    requests, where they are there.
    """

    rules: RuleSet
    budgets: Budgets = NO_BUDGETS
    files: Images | None = None
    blocks: Images | None = None

    @classmethod
    def of(cls, rules: RuleSet, budgets: Budgets) -> "Judge":
        """A judge that remembers images."""
        return cls(rules, budgets, Images(rules.image, budgets), Images(rules.image, budgets))

    def judge_image(self, use: ImageUse, limits: Limits) -> list[Finding]:
        """The findings of the image rules on one use of one image."""
        images = self.files if use.place.keys is None else self.blocks
        if images is not None:
            return images.judge(use, limits)
        return list(run_rules(self.rules.image, use, limits, self.budgets))

    def check_request(self, test: RequestUnderTest) -> list[Finding]:
        """The findings on a request: first those on each of its images, then those on the whole.

        A request inside a string has no fixes: text inside text is not edited.
        """
        request, found = test.request, []
        for use, limits in test.images:
            found += self.judge_image(use, limits)
        found += run_rules(self.rules.request, request, test.limits, self.budgets, test.image_limits)
        if request.place.embedded:
            found = [finding._replace(fix=None, fix_safety=None) for finding in found]
        if request.id:
            found = [finding._replace(request_id=request.id) for finding in found]
        return found

    def judge_batch(self, batch: Batch, limits: Limits) -> list[Finding]:
        """The findings of the rules on a whole batch, without those on its requests."""
        return list(run_rules(self.rules.batch, batch, limits, self.budgets))

    def judge_run(self, run: Run, limits: Limits) -> Iterator[Finding]:
        """The findings of the rules on the run as a whole, one by one: there may be one for each file."""
        return run_rules(self.rules.run, run, limits, self.budgets)
