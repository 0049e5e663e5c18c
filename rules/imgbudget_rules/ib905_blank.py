"""IB905 blank."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule


@rule(
    "IB905",
    "blank",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    since="0.2",
    needs=ProbeField.PIXELS,
)
def blank(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image is blank: one colour all over.

    ## Why it matters
    It takes the tokens of a picture and shows nothing: an empty page of a scan, a camera that was covered, a
    screenshot taken too early, a canvas that was never drawn on, pixels that are all transparent.

    An image is reported if no two parts of it differ by 9 of 256 levels or more; the noise of a scanner or of
    JPEG is less than that. `thresholds: {blank: 20}` in the configuration sets another bound.

    ## Reports
    <png 800x600 spread=0>
    <jpeg 800x600 spread=8>

    ## Silent
    <jpeg 800x600 spread=9>
    <jpeg 800x600>

    ## Fix safety
    There is no fix: only the author knows whether the image was meant to be blank. Leave it out.

    ## Source
    The bound is imgbudget's own.
    """
    pixels, most = use.measured, ctx.thresholds.blank
    size = use.visible_size
    if pixels is None or pixels.spread >= most or size is None:
        return
    tokens = ctx.limits.tokens(size)
    cost = "" if tokens is None else f", for {figure(tokens)} tokens"
    yield Problem(
        message=f"the image is one colour all over; {ctx.limits.model} sees nothing in it{cost}",
        help="leave it out, or make it again if it should show something",
        measured=pixels.spread,
        limit=most,
        unit="levels",
    )
