"""Holds one subject against rules: problems in, findings out. A rule that raises becomes a finding itself."""

from collections.abc import Iterator, Mapping, Sequence

from imgbudget.budgets import Budgets
from imgbudget.engine.findings import failure, make_finding
from imgbudget.limits import Limits
from imgbudget.model import Batch, Finding, ImageUse, Place, Request, Run, Severity
from imgbudget.registry import AnyRule
from imgbudget.rule import NO_IMAGE_LIMITS, Context

Subject = ImageUse | Request | Batch | Run
Rules = Sequence[tuple[AnyRule, Severity | None]]


def run_rules(  # noqa: PLR0913 - what a rule is run on, and by
    rules: Rules,
    subject: Subject,
    limits: Limits,
    budgets: Budgets,
    image_limits: Mapping[Place, Limits] = NO_IMAGE_LIMITS,
    *,
    shown: Subject | None = None,
) -> Iterator[Finding]:
    """The findings on a subject in the order of the rules; those of a rule that fails up to its failure.

    `image_limits` are those of a request, see RequestUnderTest; `shown` is given to the rules in place of the
    subject.
    """
    context = Context(limits, budgets, image_limits)
    if limits.tier.strategy:  # Claude has all that the rules ask for
        rules = [pair for pair in rules if not pair[0].limits or limits.missing(pair[0].limits) is None]
    for rule, override in rules:
        try:
            for problem in rule.check(subject if shown is None else shown, context):
                yield make_finding(rule, override, problem, subject, limits)
        except Exception as error:  # noqa: BLE001 - the one place: a rule must not end the run
            what = f"rule {rule.code} {rule.name}"
            failed = failure(what, error, subject.place, limits)
            yield failed._replace(help=f"report it with the file; until then: --ignore {rule.code}")
