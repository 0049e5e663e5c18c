"""For rule authors: one rule on one subject, and the examples of a rule's page.

Subjects are written in shorthand: `image("<jpeg 4000x3000 orientation=6>")`, and `request` with the JSON of a
body in which `"<png 800x600>"` stands for an image block, `batch` with that of a whole batch, `whole_run`
with what came of a run. imgbudget.shorthand tells all of it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from imgbudget.budgets import NO_BUDGETS, Budget, Budgets
from imgbudget.config.units import parse_budgets
from imgbudget.limits import LimitsData, load_limits
from imgbudget.model import Batch, ImageUse, Level, Problem, Request, Run
from imgbudget.registry import AnyRule, load_packs
from imgbudget.rule import Context
from imgbudget.shorthand import batch, image, request, whole_run
from imgbudget.undertest import bind_request

__all__ = [
    "HEADINGS",
    "MODEL",
    "PLATFORM",
    "Budget",
    "Budgets",
    "Example",
    "Examples",
    "batch",
    "check_page",
    "examples",
    "image",
    "request",
    "run_rule",
    "whole_run",
]

MODEL = "claude-sonnet-4-6"
PLATFORM = "anthropic"
HEADINGS = ("Why it matters", "Reports", "Silent", "Fix safety", "Source")
"""The headings of a rule's page, in their order."""

PACK = "imgbudget_rules"
"""The pack whose limits subjects are held against; named and not imported, like any pack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One example of a page: its text, the subject, the model and platform that see it, the budgets set."""

    text: str
    subject: ImageUse | Request | Batch | Run
    model: str = MODEL
    platform: str = PLATFORM
    budgets: Budgets = NO_BUDGETS


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of a page: those that its rule reports, and those on which it is silent."""

    reports: tuple[Example, ...]
    silent: tuple[Example, ...]


def run_rule(
    rule: AnyRule,
    subject: ImageUse | Request | Batch | Run,
    *,
    model: str = MODEL,
    platform: str = PLATFORM,
    budgets: Budgets = NO_BUDGETS,
) -> list[Problem]:
    """What one rule says of a subject, held against the limits of a model on a platform and the budgets.

    A request's own model and platform win. A rule on images judges each image of a request. A rule that
    cannot do without a limit which the model or platform does not have says nothing.
    """
    if isinstance(subject, Request):
        model, platform = subject.model or model, subject.platform or platform
    limits = _limits().bind(model, platform)
    if not isinstance(subject, Request):
        return _problems(rule, subject, Context(limits, budgets))
    test = bind_request(subject, limits)
    context = Context(limits, budgets, test.image_limits)
    if rule.level is not Level.IMAGE:
        return _problems(rule, subject, context)
    images = [_problems(rule, use, Context(limits, budgets)) for use, limits in test.images]
    found = [problem for problems in images for problem in problems]
    return found + (_problems(rule, subject, context) if rule.also is Level.REQUEST else [])


def _problems(rule: AnyRule, subject: ImageUse | Request | Batch | Run, context: Context) -> list[Problem]:
    return [] if context.limits.missing(rule.limits) else list(rule.check(subject, context))


def check_page(rule: AnyRule) -> None:
    """Hold a rule against its own page, as the tests of the shipped rules do.

    Raises:
        AssertionError: a heading is missing or out of order; an example under Reports is not reported, or one
            under Silent is; a number has no unit; a fix is offered that the rule does not declare, or none is
            offered that it does; the rule says something else the second time.
        ValueError: an example cannot be read.
    """
    headings = tuple(re.findall(r"^## (.+)$", rule.page, re.MULTILINE))
    _expect(headings == HEADINGS, rule, f"has the headings {headings}, not {HEADINGS}")
    page = examples(rule)
    _expect(bool(page.silent), rule, "shows nothing on which it is silent")
    for example in page.silent:
        _expect(not _judged(rule, example), rule, f"reports what stands under Silent: {example.text}")
    fixes = 0
    for example in page.reports:
        problems = _judged(rule, example)
        _expect(bool(problems), rule, f"is silent on what stands under Reports: {example.text}")
        _expect(problems == _judged(rule, example), rule, f"says two things of {example.text}")
        for problem in problems:
            numbers = {problem.measured, problem.limit} - {None}
            _expect(bool(numbers) == (problem.unit is not None), rule, "gives a number without a unit")
            fixes += problem.fix is not None
    _expect(bool(fixes) == (rule.fix is not None), rule, f"declares the fix {rule.fix} and offers {fixes}")


def _judged(rule: AnyRule, example: Example) -> list[Problem]:
    return run_rule(
        rule, example.subject, model=example.model, platform=example.platform, budgets=example.budgets
    )


def _expect(holds: bool, rule: AnyRule, flaw: str) -> None:  # noqa: FBT001 - an assertion's first word
    if not holds:
        raise AssertionError(f"{rule.code} {rule.name} {flaw}")


def examples(rule: AnyRule) -> Examples:
    """The examples of a rule's page; raises ValueError for one that cannot be read."""
    parts = re.split(r"^## (.+)\n", rule.page, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    return Examples(
        tuple(_examples(sections.get("Reports", ""))), tuple(_examples(sections.get("Silent", "")))
    )


def _examples(section: str) -> Iterator[Example]:
    for match in re.finditer(r"^(?:```json\n(.*?)\n```|(<.*?))$", section, re.MULTILINE | re.DOTALL):
        body, line = match.groups()
        if body is not None:
            yield _body(body)
            continue
        parts = re.fullmatch(r"(<[^<>]+>)(?: for (\S+))?(?: on (\S+))?(?: within (\S+))?", line)
        if parts is None:
            raise ValueError(f"{line!r} is no example; write it as <png 800x600> for MODEL on PLATFORM")
        spec, model, platform, budget = parts.groups()
        yield Example(
            text=line,
            subject=image(spec),
            model=model or MODEL,
            platform=platform or PLATFORM,
            budgets=parse_budgets([budget]) if budget else NO_BUDGETS,
        )


def _body(text: str) -> Example:
    """A run, a batch where the body holds requests, else a request; with the budgets that it names."""
    try:
        body = json.loads(text)
    except ValueError:
        return Example(text=text, subject=request(text))
    budgets = Budgets(**{scope: Budget(**amounts) for scope, amounts in body.pop("budgets", {}).items()})
    subject = whole_run(body) if "run" in body else batch(body) if "requests" in body else request(body)
    return Example(text=text, subject=subject, budgets=budgets)


@cache
def _limits() -> LimitsData:
    return load_limits(load_packs((PACK,)).limits, None)
