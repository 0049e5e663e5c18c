"""The shipped rules as functions of an image or a request, for tests that only need findings."""

from collections.abc import Callable
from functools import cache

from imgbudget.budgets import NO_BUDGETS, Budgets
from imgbudget.engine import Judge
from imgbudget.limits import Limits
from imgbudget.model import Finding, ImageUse
from imgbudget.session import RunOptions, Session
from imgbudget.undertest import RequestUnderTest


@cache
def _session() -> Session:
    return Session(RunOptions(isolated=True))


def limits_of(model: str = "claude-sonnet-4-6", platform: str = "anthropic") -> Limits:
    """The shipped limits of a model on a platform."""
    return _session().limits.bind(model, platform)


def rules(*select: str, pedantic: bool = False, budgets: Budgets = NO_BUDGETS) -> Judge:
    """The shipped rules, or the selected ones, with the given budgets."""
    wishes = RunOptions(isolated=True, select=select or None, pedantic=pedantic, budgets=budgets)
    return Session(wishes).bench.paths.judge("request.json")


def image_checker(limits: Limits, judge: Judge | None = None) -> Callable[[ImageUse], list[Finding]]:
    """Return a function that gives the findings for an image."""
    held = judge or _session().bench.paths.judge("request.json")
    return lambda use: held.judge_image(use, limits)


def request_checker(judge: Judge | None = None) -> Callable[[RequestUnderTest], list[Finding]]:
    """Return a function that lists the findings for a request and its images."""
    return (judge or _session().bench.paths.judge("request.json")).check_request
