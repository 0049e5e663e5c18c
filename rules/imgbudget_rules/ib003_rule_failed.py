"""IB003 rule-failed."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, Problem, Severity, rule


@rule("IB003", "rule-failed", level=Level.IMAGE, severity=Severity.ERROR, since="0.1")
def rule_failed(_use: ImageUse, _ctx: Context) -> Iterator[Problem]:
    """A rule raised an exception, so its check is incomplete.

    ## Why it matters
    The rule may have missed a problem, so the image or request cannot be called clean. The other rules still
    run, and the run ends with exit code 2.

    ## Reports
    Nothing by itself: the engine reports this code for the rule that raised. It is listed as a rule so that
    it has a page, a severity and a name to select it by.

    ## Silent
    <jpeg 4000x3000>

    ## Fix safety
    There is no fix: it is a bug in the rule. Report it with the file, and ignore the rule until it is fixed.

    ## Source
    imgbudget's own engine.
    """
    yield from ()
