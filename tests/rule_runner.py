"""The shipped rules as functions of an image or a request, for tests that only need findings."""

from collections.abc import Callable
from functools import cache

from imgbudget.limits.bound import Limits
from imgbudget.linter.options import RunOptions
from imgbudget.linter.rule_sets import RuleRunner
from imgbudget.linter.run import Session
from imgbudget.model.budgets import NO_BUDGETS, Budgets
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.subjects import Finding, ImageUse


@cache
def _session() -> Session:
    return Session(RunOptions(isolated=True))


def limits_of(model: str = "claude-sonnet-4-6", platform: str = "anthropic") -> Limits:
    """The shipped limits of a model on a platform."""
    return _session().limits.bind(model, platform)


def rules(*select: str, pedantic: bool = False, budgets: Budgets = NO_BUDGETS) -> RuleRunner:
    """The shipped rules, or the selected ones, with the given budgets."""
    options = RunOptions(isolated=True, select=select or None, pedantic=pedantic, budgets=budgets)
    return Session(options).context.paths.runner("request.json")


def image_checker(limits: Limits, judge: RuleRunner | None = None) -> Callable[[ImageUse], list[Finding]]:
    """Return a function that gives the findings for an image."""
    held = judge or _session().context.paths.runner("request.json")
    return lambda use: held.check_image(use, limits)


def request_checker(judge: RuleRunner | None = None) -> Callable[[RequestUnderTest], list[Finding]]:
    """Return a function that lists the findings for a request and its images."""
    return (judge or _session().context.paths.runner("request.json")).check_request
