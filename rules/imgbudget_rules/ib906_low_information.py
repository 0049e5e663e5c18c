"""IB906 low-information."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule
from imgbudget_rules.shown import STANDS_OUT, percent, shown

SHADES = 2.0
"""Bits of entropy from which on an even ground has shades, as a sky has."""


@rule(
    "IB906",
    "low-information",
    level=Level.IMAGE,
    severity=Severity.INFO,
    since="0.2",
    needs=ProbeField.PIXELS,
)
def low_information(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """There is next to nothing in the image: nearly all of it is an even ground.

    ## Why it matters
    Tokens are counted by size, so an almost empty image costs as much as a full one. A crop to what is in it
    costs a fraction, or shows it larger for the same.

    An image is reported if something shows in less than 5 % of its parts (of about 32 px) and the histogram
    of its brightness has an entropy under 2 bits. Pages of text and diagrams show something in far more, and
    skies and walls have shades. `thresholds: {low-information: 0.1}` in the configuration sets another share.

    ## Reports
    <png 800x600 busy=0.02 entropy=1.1>

    ## Silent
    <png 800x600 busy=0.05 entropy=1.1>
    <png 800x600 busy=0.02 entropy=2>
    <png 800x600>

    One with nothing in it at all is IB905, one in which nothing stands out IB903 or IB904:
    <png 800x600 busy=0 entropy=0 spread=0>
    <png 800x600 busy=0.02 entropy=1.1 spread=30>

    ## Fix safety
    There is no fix: only the author knows whether the empty part matters. Crop it, or leave it out.

    ## Source
    imgbudget's own measurement and bounds. CleanVision 0.3.7 (issue "low information") goes by entropy alone
    and reports most receipts, diagrams and pages of text.
    """
    pixels, least = shown(use, ctx), ctx.thresholds.low_information
    size = use.visible_size
    if pixels is None or pixels.busy >= least or pixels.entropy >= SHADES or size is None:
        return
    if pixels.spread < STANDS_OUT:
        return
    tokens = ctx.limits.tokens(size)
    cost = "" if tokens is None else f"; all of it takes {figure(tokens)} tokens"
    yield Problem(
        message=f"something shows in {percent(pixels.busy)} of the image{cost}",
        help="crop it to what it shows, or leave it out",
        measured=pixels.busy,
        limit=least,
        unit="share",
    )
