"""Holds subjects against rules: problems in, findings out. A rule that raises becomes a finding itself."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.budgets import NO_BUDGETS, Budgets
from imgbudget.engine.selection import RuleSet
from imgbudget.limits import Limits
from imgbudget.model import Batch, Finding, ImageUse, Place, Problem, Request, Run, Severity
from imgbudget.registry import AnyRule
from imgbudget.rule import Context

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

    from imgbudget.geometry import Size

PAGES = "https://github.com/imgbudget/imgbudget/blob/main/docs/rules/"
"""Where the pages of the rules that ship are read."""

_REMEMBERED = 10_000
"""Sizes of which the findings are kept: some megabytes."""

_PLACE, _FINGERPRINT = Finding._fields.index("place"), Finding._fields.index("fingerprint")

FAILED_CODE = "IB003"
FAILED_NAME = "rule-failed"


class Judge(NamedTuple):
    """Runs one set of rules, by the budgets that go with it.

    It keeps no state between subjects but `sizes`, where there is one: what is known of image files by size.
    """

    rules: RuleSet
    budgets: Budgets = NO_BUDGETS
    sizes: "Sizes | None" = None

    def judge_image(self, use: ImageUse, limits: Limits) -> list[Finding]:
        """The findings of the image rules on one use of one image."""
        if self.sizes is not None and use.place.keys is None:
            return self.sizes.judge(use, limits)
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


class Sizes:
    """Judges image files, and remembers by size what the rules say that look at nothing else.

    Cameras, screens and generators make few sizes: a third of a check's rules is spared for each that is met
    again (6 us a file where all are).
    """

    def __init__(self, rules: Sequence[tuple[AnyRule, Severity | None]], budgets: Budgets) -> None:
        self._all, self._budgets = rules, budgets
        self._by_size = tuple(pair for pair in rules if pair[0].by_size)
        self._others = tuple(pair for pair in rules if not pair[0].by_size)
        self._order = {rule.code: number for number, (rule, _) in enumerate(rules)}
        self._known: dict[Size | None, tuple[Finding, ...]] = {}
        self._limits: Limits | None = None

    def judge(self, use: ImageUse, limits: Limits) -> list[Finding]:
        """The findings of all rules on an image file, in the order of the rules."""
        if limits is not self._limits or len(self._known) >= _REMEMBERED:
            self._known, self._limits = {}, limits
        size = use.visible_size
        known = self._known.get(size)
        if known is None:
            mine = _run(self._by_size, use, limits, self._budgets)
            if all(finding.place is use.place and finding.code in self._order for finding in mine):
                self._known[size] = tuple(mine)
        else:
            mine = [_moved(finding, use.place) for finding in known]
        others = _run(self._others, use, limits, self._budgets)
        if not (mine and others):
            return mine or others
        if any(finding.code == FAILED_CODE for finding in (*mine, *others)):
            return _run(self._all, use, limits, self._budgets)
        return sorted(mine + others, key=self._place_in_order)

    def _place_in_order(self, finding: Finding) -> int:
        return self._order[finding.code]


def _moved(finding: Finding, place: Place) -> Finding:
    """The same finding on another file; `_replace` takes four times as long."""
    changed = list(finding)
    changed[_PLACE], changed[_FINGERPRINT] = place, fingerprint(finding.code, place)
    return Finding._make(changed)


def _run(
    rules: Iterable[tuple[AnyRule, Severity | None]],
    subject: ImageUse | Request | Batch | Run,
    limits: Limits,
    budgets: Budgets,
) -> list[Finding]:
    context = Context(limits, budgets)
    found: list[Finding] = []
    if limits.tier.strategy:  # Claude has all that the rules ask for
        rules = [pair for pair in rules if not pair[0].limits or limits.lack(pair[0].limits) is None]
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
    pointer = place.pointer or ""
    if place.embedded:  # a string may hold many images
        pointer += f"#{place.location}"
    text = f"{code}\0{place.path}\0{place.document}\0{pointer}"
    return _sha256()(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@cache
def _sha256() -> "Callable[[bytes], HASH]":
    from hashlib import sha256  # noqa: PLC0415 - a clean run needs none, and an import a finding costs 1 us

    return sha256


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
