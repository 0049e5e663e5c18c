"""IB903 over-exposed."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule
from imgbudget_rules.shown import shown

INK = 0.4
"""The brightness under which something on white is print or lines."""


@rule(
    "IB903",
    "over-exposed",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    since="0.2",
    needs=ProbeField.PIXELS,
)
def over_exposed(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image is so bright that most of its detail is burnt out.

    ## Why it matters
    Where pixels are white there is nothing to see, and the tokens are the same.

    An image is reported if 95 % of its pixels are brighter than 0.95, on the scale from 0, black, to 1, and
    hardly any is darker than 0.4: pages, screens and drawings on a white ground have print or lines, even if
    it is one word. `thresholds: {over-exposed: 0.98}` in the configuration sets another bound for the 95 %.

    ## Reports
    <jpeg 800x600 dim=0.97 darkest=0.5>

    ## Silent
    <jpeg 800x600 dim=0.95 darkest=0.5>
    <jpeg 800x600 dim=0.97 darkest=0.1>
    <jpeg 800x600>

    ## Fix safety
    There is no fix: what is burnt out is lost. Take it again, or develop it again from the original.

    ## Source
    The bound of 0.95 is that of CleanVision 0.3.7 (issue "light"), which reports most white pages too; the
    other one is imgbudget's own.
    """
    pixels, most = shown(use, ctx), ctx.thresholds.over_exposed
    if pixels is None or pixels.dim <= most or pixels.darkest < INK:
        return
    yield Problem(
        message=f"95 % of the pixels are brighter than {most * 100:g} % of full brightness, and hardly "
        "any are dark: detail is burnt out",
        help="take it again with a shorter exposure, or leave it out (the tokens stay the same)",
        measured=pixels.dim,
        limit=most,
        unit="brightness",
    )
