"""IB003 rule-failed."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, Problem, Severity, rule


@rule("IB003", "rule-failed", level=Level.IMAGE, severity=Severity.ERROR, since="0.1")
def rule_failed(_use: ImageUse, _ctx: Context) -> Iterator[Problem]:
    """A rule raised an exception instead of judging.

    ## Why it matters
    What the rule would have found is not known, so the image or request is not clean. The run goes on with
    the other rules and ends with exit code 2.

    ## Reports
    Nothing by itself: the engine reports it in the place of the rule that raised. The code stands among the
    rules so that it has a page, a severity and a name to select.

    ## Silent
    <jpeg 4000x3000>

    ## Fix safety
    There is no fix: it is a mistake in the rule. Report it with the file, and go on with the rule ignored.

    ## Source
    imgbudget's own engine.
    """
    yield from ()
