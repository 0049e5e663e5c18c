"""IB902 dark."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule
from imgbudget_rules.shown import shown


@rule(
    "IB902",
    "dark",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    since="0.2",
    needs=ProbeField.PIXELS,
)
def dark(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image is so dark that the model can hardly tell what it shows.

    ## Why it matters
    The tokens are those of a bright image of the same size, and what lies in the shadows is guessed. In a
    training set, dark images teach little.

    Brightness is the square root of 0.241 R² + 0.691 G² + 0.068 B², from 0, black, to 1. An image is reported
    if 99 % of its pixels are darker than 0.32. Screens and pages with light text on a dark ground have more
    light pixels than that. `thresholds: {dark: 0.2}` in the configuration sets another bound.

    ## Reports
    <jpeg 800x600 bright=0.2>

    ## Silent
    <jpeg 800x600 bright=0.32>
    <jpeg 800x600>

    An image of one dark colour is IB905:
    <jpeg 800x600 bright=0.2 spread=2>

    ## Fix safety
    There is no fix: detail in the shadows may be lost already. Take it again with more light, or raise the
    exposure from the original.

    ## Source
    The measurement and the bound are those of CleanVision 0.3.7 (issue "dark").
    """
    pixels, least = shown(use, ctx), ctx.thresholds.dark
    if pixels is None or pixels.bright >= least:
        return
    yield Problem(
        message=f"99 % of the pixels are darker than {least * 100:g} % of full brightness; "
        f"{ctx.limits.model} may not see what is in the image",
        help="take it again with more light, raise its exposure, or leave it out (the tokens stay the same)",
        measured=pixels.bright,
        limit=least,
        unit="brightness",
    )
