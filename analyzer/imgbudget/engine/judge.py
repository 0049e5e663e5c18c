"""Holds subjects against rules: problems in, findings out. A rule that raises becomes a finding itself."""

from collections.abc import Iterable
from typing import NamedTuple

from imgbudget.budgets import NO_BUDGETS, Budgets
from imgbudget.engine.selection import RuleSet
from imgbudget.limits import Limits
from imgbudget.model import Batch, Finding, ImageUse, Place, Problem, Request, Run, Severity
from imgbudget.registry import AnyRule
from imgbudget.rule import Context

PAGES = "https://github.com/imgbudget/imgbudget/blob/main/docs/rules/"
"""Where the pages of the rules that ship are read."""

FAILED_CODE = "IB003"
FAILED_NAME = "rule-failed"


class Judge(NamedTuple):
    """Runs one set of rules, by the budgets that go with it. It keeps no state between subjects."""

    rules: RuleSet
    budgets: Budgets = NO_BUDGETS

    def judge_image(self, use: ImageUse, limits: Limits) -> list[Finding]:
        """The findings of the image rules on one use of one image."""
        return _run(self.rules.image, use, limits, self.budgets)

    def judge_request(self, request: Request, limits: Limits) -> list[Finding]:
        """The findings of the request rules on one request, without those on its images."""
        return _run(self.rules.request, request, limits, self.budgets)

    def judge_batch(self, batch: Batch, limits: Limits) -> list[Finding]:
        """The findings of the rules on a whole batch, without those on its requests."""
        return _run(self.rules.run, batch, limits, self.budgets)

    def judge_run(self, run: Run, limits: Limits) -> list[Finding]:
        """The findings of the rules on the run as a whole."""
        return _run(self.rules.whole, run, limits, self.budgets)


def _run(
    rules: Iterable[tuple[AnyRule, Severity | None]],
    subject: ImageUse | Request | Batch | Run,
    limits: Limits,
    budgets: Budgets,
) -> list[Finding]:
    context = Context(limits, budgets)
    found: list[Finding] = []
    for rule, override in rules:
        try:
            for problem in rule.judge(subject, context):
                found.append(make_finding(rule, override, problem, subject, limits))  # noqa: PERF401 - keeps those before a failure
        except Exception as error:  # noqa: BLE001 - the one place: a rule must not end the run
            what = f"rule {rule.code} {rule.name}"
            failed = failure(what, error, subject.place, limits)
            found.append(failed._replace(help=f"report it with the file; until then: --ignore {rule.code}"))
    return found


def make_finding(
    rule: AnyRule,
    override: Severity | None,
    problem: Problem,
    subject: ImageUse | Request | Batch | Run,
    limits: Limits,
) -> Finding:
    """The finding that a problem makes.

    A problem's own severity says how a case differs from the rule's default; `override`, the severity that
    the user set for the rule, is above both.
    """
    severity = override or problem.severity or rule.severity
    place = problem.place or subject.place
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=severity,
        place=place,
        message=problem.message,
        help=problem.help,
        url=page_of(rule),
        measured=problem.measured,
        limit=problem.limit,
        unit=problem.unit,
        model=limits.model,
        platform=limits.platform,
        fix=problem.fix,
        fix_safety=(problem.fix_safety or rule.fix) if problem.fix else None,
        fingerprint=fingerprint(rule.code, place),
    )


def page_of(rule: AnyRule) -> str:
    """The address of a rule's page; empty for a rule of another pack that names none."""
    if rule.url is None and rule.code.startswith("IB"):
        return f"{PAGES}{rule.code.lower()}.md"
    return rule.url or ""


def fingerprint(code: str, place: Place) -> str:
    """A short stable name for a finding: its rule, its file, its pointer."""
    import hashlib  # noqa: PLC0415 - a clean run needs none

    text = "\0".join((code, place.path, str(place.document), place.pointer or ""))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def failure(what: str, error: Exception, place: Place, limits: Limits) -> Finding:
    """The finding IB003: something of ours, named by `what`, failed on a subject, and the run goes on."""
    return Finding(
        code=FAILED_CODE,
        name=FAILED_NAME,
        severity=Severity.ERROR,
        place=place,
        message=f"{what} failed: {type(error).__name__}: {error}",
        help="a mistake in imgbudget: run again with --verbose for the traceback and report it",
        url=f"{PAGES}{FAILED_CODE.lower()}.md",
        measured=None,
        limit=None,
        unit=None,
        model=limits.model,
        platform=limits.platform,
        fix=None,
        fix_safety=None,
        fingerprint=fingerprint(FAILED_CODE + what, place),
    )
