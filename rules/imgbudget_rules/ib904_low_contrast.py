"""IB904 low-contrast."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule
from imgbudget_rules.shown import STANDS_OUT, percent, shown


@rule(
    "IB904",
    "low-contrast",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    since="0.2",
    needs=ProbeField.PIXELS,
)
def low_contrast(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image is washed out: all of it has nearly the same brightness.

    ## Why it matters
    Faint text and objects are overlooked, at the tokens of a clear image.

    An image is reported if the brightness of the darkest percent of its pixels and that of the brightest
    differ by less than 0.05, on the scale from 0, black, to 1, and no part of it stands out more: an empty
    page with a line of text is not washed out. `thresholds: {low-contrast: 0.1}` in the configuration sets
    another bound.

    ## Reports
    <jpeg 800x600 contrast=0.04 spread=20>

    ## Silent
    <jpeg 800x600 contrast=0.05 spread=20>
    <jpeg 800x600 contrast=0.04 spread=200>
    <jpeg 800x600>

    An image of one colour is IB905, a burnt out one IB903:
    <jpeg 800x600 contrast=0.01 spread=4>
    <jpeg 800x600 contrast=0.04 spread=20 dim=0.96>

    ## Fix safety
    There is no fix: stretching the contrast changes what the model sees, and it shows noise too. Do it where
    the image is made.

    ## Source
    The measurement and the bound are those of scikit-image (`exposure.is_low_contrast`, 1 and 99 %, 0.05).
    """
    pixels, least = shown(use, ctx), ctx.thresholds.low_contrast
    if pixels is None or pixels.contrast >= least or pixels.spread >= STANDS_OUT:
        return
    if pixels.dim > ctx.thresholds.over_exposed:
        return
    yield Problem(
        message=f"brightness ranges over {percent(pixels.contrast)} of the scale; {ctx.limits.model} may "
        "overlook what is in the image",
        help="raise the contrast where the image is made (the tokens stay the same)",
        measured=pixels.contrast,
        limit=least,
        unit="brightness",
    )
