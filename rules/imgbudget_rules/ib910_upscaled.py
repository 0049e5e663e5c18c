"""IB910 upscaled."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, Size, rule
from imgbudget_rules.shown import edge_width_seen, shown


@rule(
    "IB910",
    "upscaled",
    level=Level.IMAGE,
    severity=Severity.INFO,
    since="0.2",
    needs=ProbeField.PIXELS,
)
def upscaled(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image holds no more detail than a smaller one: it was enlarged, or is soft.

    ## Why it matters
    Enlarging adds pixels and tokens, not detail: the model sees no more than in the smaller picture.

    The spectrum of the parts with the most contrast shows up to which frequency there is detail; pixels that
    are copies of their neighbours are found too. An image is reported if its detail needs less than 0.6 of
    its resolution, so that it was enlarged about twice or more, and if the picture that it was made from
    takes fewer tokens. One that is blurred is IB901. `thresholds: {upscaled: 0.4}` in the configuration sets
    another bound.

    ## Reports
    <jpeg 1200x900 detail=0.4 edge_width=3>

    ## Silent
    <jpeg 1200x900 detail=0.7 edge_width=3>
    <jpeg 8000x6000 detail=0.5 edge_width=3>
    <jpeg 1200x900 detail=0.2 edge_width=9>
    <jpeg 1200x900>

    ## Fix safety
    There is no fix: the estimate is good to about a fifth. Send the picture that it was enlarged from, or
    resize it.

    ## Source
    imgbudget's own measurement and bound: of 54 photos, screenshots and drawings as they are, three are
    reported, of which two were enlarged; enlarged by 3 with a Lanczos filter, eight in ten.
    """
    pixels, size, most = shown(use, ctx), use.visible_size, ctx.thresholds.upscaled
    if pixels is None or size is None or pixels.detail >= most:
        return
    if edge_width_seen(use, ctx) > ctx.thresholds.blurred:
        return
    true = Size(max(round(size.width * pixels.detail), 1), max(round(size.height * pixels.detail), 1))
    before, after = ctx.limits.tokens(size), ctx.limits.tokens(true)
    if before is None or after is None or after >= before:
        return
    yield Problem(
        message=f"the image has the detail of one of about {true}: enlarged, or soft; it takes "
        f"{figure(before)} tokens, that one {figure(after)}",
        help=f"send the picture that it was enlarged from, or resize it to about {true}",
        measured=pixels.detail,
        limit=most,
        unit="share",
    )
