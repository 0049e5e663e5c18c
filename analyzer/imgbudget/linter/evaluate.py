"""Runs rules on one subject: problems in, findings with rule, location and fingerprint out."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from imgbudget import version
from imgbudget.limits.bound import Limits
from imgbudget.model.budgets import Budgets
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest, bits_of, traits_of, traits_of_model
from imgbudget.model.subjects import Batch, Finding, ImageUse, Problem, Request, Run, Severity
from imgbudget.registry import AnyRule
from imgbudget.rule import Context

if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash as HASH


FAILED_CODE = "IB003"
FAILED_NAME = "rule-failed"

_LOCATION, _FINGERPRINT = Finding._fields.index("location"), Finding._fields.index("fingerprint")

_OF_CLIENTS = ("image_base64_bytes",)
"""The needs of a rule on bytes: it also applies to a file that is over the limit of a client."""

_new = tuple.__new__


def make_finding(
    rule: AnyRule,
    override: Severity | None,
    problem: Problem,
    subject: ImageUse | Request | Batch | Run,
    limits: Limits,
) -> Finding:
    """Make the finding of a problem.

    A problem's severity overrides the rule's; `override`, the severity that the user set for the rule,
    overrides both.
    """
    severity = override or problem.severity or rule.severity
    location = problem.location or subject.location
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=severity,
        location=location,
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
        fingerprint=fingerprint(rule.code, location),
        repeats=problem.repeats,
    )


def relocated(finding: Finding, location: Location) -> Finding:
    """The same finding at another location; `_replace` takes four times as long."""
    changed = list(finding)
    changed[_LOCATION], changed[_FINGERPRINT] = location, fingerprint(finding.code, location)
    return _new(Finding, changed)


def page_of(rule: AnyRule) -> str | None:
    """The address of a rule's page: its `url`, or for a shipped rule its page in the repository."""
    if rule.url is not None or not rule.code.startswith("IB"):
        return rule.url
    return _shipped_page(rule.code)


def _shipped_page(code: str) -> str | None:
    return None if version.HOME is None else f"{version.HOME}/blob/main/docs/rules/{code.lower()}.md"


def fingerprint(code: str, location: Location) -> str:
    """A short stable identifier of a finding: a hash of rule, file, document and JSON pointer."""
    pointer = ""
    if location.keys is not None:
        pointer = location.pointer or ""
        if location.outer_depth:  # a string may hold many images
            pointer += f"#{location.dotted}"
    text = f"{code}\0{location.path}\0{location.document}\0{pointer}"
    return _sha256()(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@cache
def _sha256() -> "Callable[[bytes], HASH]":
    from hashlib import sha256  # noqa: PLC0415 - rare

    return sha256


def failure_finding(what: str, error: Exception, location: Location, limits: Limits) -> Finding:
    """The finding IB003: an internal error, in `what`, on one subject; the run continues."""
    return Finding(
        code=FAILED_CODE,
        name=FAILED_NAME,
        severity=Severity.ERROR,
        location=location,
        message=f"{what} failed: {type(error).__name__}: {error}",
        help="a bug in imgbudget: run again with --verbose for the traceback, and report it",
        url=_shipped_page(FAILED_CODE),
        measured=None,
        limit=None,
        unit=None,
        model=limits.model,
        platform=limits.platform,
        fix=None,
        fix_safety=None,
        fingerprint=fingerprint(FAILED_CODE + what, location),
        internal=True,
    )


Subject = ImageUse | Request | Batch | Run
Rules = Sequence[tuple[AnyRule, Severity | None]]


def run_rules(
    rules: Rules, subject: Subject, limits: Limits, budgets: Budgets, *, proxy: Subject | None = None
) -> Iterator[Finding]:
    """The findings on a subject, in the order of the rules; a rule that fails keeps those before its failure.

    Rules get `proxy` instead of the subject, if given.
    """
    if limits.tier.strategy:  # Claude has all limits
        left_out = isinstance(subject, ImageUse) and subject.left_out is not None
        rules = _with_limits(rules, limits, left_out=left_out)
    return _findings(rules, subject, Context(limits, budgets), proxy)


def _with_limits(rules: Rules, limits: Limits, *, left_out: bool = False) -> Rules:
    """The rules whose limits the model and the platform have."""
    return [
        pair
        for pair in rules
        if not pair[0].limits
        or limits.missing(pair[0].limits) is None
        or (left_out and pair[0].limits == _OF_CLIENTS)
    ]


def _findings(
    rules: Rules, subject: Subject, context: Context, proxy: Subject | None = None
) -> Iterator[Finding]:
    for rule, override in rules:
        try:
            for problem in rule.check(subject if proxy is None else proxy, context):
                yield make_finding(rule, override, problem, subject, context.limits)
        except Exception as error:  # noqa: BLE001 - a failing rule must not end the run
            what = f"rule {rule.code} {rule.name}"
            failed = failure_finding(what, error, subject.location, context.limits)
            yield failed._replace(help=f"report it with the file; until then: --ignore {rule.code}")


_MOST_CHOICES = 1000
"""Choices of rules that are kept: hostile input may name a new model in every line."""


class RequestRules:
    """Runs one set of rules on requests: each only on those that have the traits which it looks for.

    Which rules these are is found once for the limits and the traits of a request.
    """

    def __init__(self, rules: Rules, budgets: Budgets) -> None:
        self._rules = [(bits_of(pair[0].traits), pair) for pair in rules]
        self._budgets = budgets
        self._chosen: dict[tuple[int, int], tuple[Limits, Rules]] = {}

    def check(self, test: RequestUnderTest) -> Iterator[Finding]:
        """The findings on a request, in the order of the rules."""
        request, limits, image_limits = test
        traits = traits_of(request)
        chosen = self._chosen.get((traits, id(limits)))
        if chosen is None:
            chosen = self._choose(traits, limits)
        return _findings(chosen[1], request, Context(limits, self._budgets, image_limits))

    def _choose(self, traits: int, limits: Limits) -> tuple[Limits, Rules]:
        """The rules that can report something, with the limits, whose identity is part of the key."""
        if len(self._chosen) >= _MOST_CHOICES:
            self._chosen.clear()
        present = traits | traits_of_model(limits)
        rules: Rules = [pair for needed, pair in self._rules if not needed & ~present]
        if limits.tier.strategy:
            rules = _with_limits(rules, limits)
        chosen = limits, tuple((rule.loaded, override) for rule, override in rules)
        self._chosen[traits, id(limits)] = chosen
        return chosen
