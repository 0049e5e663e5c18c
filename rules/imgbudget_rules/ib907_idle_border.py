"""IB907 idle-border."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, Size, rule
from imgbudget_rules.shown import STANDS_OUT, percent


@rule(
    "IB907",
    "idle-border",
    level=Level.IMAGE,
    severity=Severity.INFO,
    since="0.2",
    needs=ProbeField.PIXELS,
)
def idle_border(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """Bars or margins that carry nothing take a large part of the image.

    ## Why it matters
    Tokens are counted by size, whatever the pixels show. Without its borders the image takes fewer tokens,
    or, if the API scales it down, the rest of it is seen larger.

    An image is reported if more than a fifth of it is border of one colour: bars of a film, margins of a
    page, the ground of a screenshot. `thresholds: {idle-border: 0.5}` in the configuration sets another one.

    ## Reports
    <png 800x600 border_left=200 border_right=200>
    <jpeg 4000x3000 border_top=700>

    ## Silent
    <png 800x600 border_left=50 border_right=50>
    <png 800x600>

    ## Fix safety
    There is no fix: coordinates of answers and annotations would move. Crop it where the image is made.

    ## Source
    imgbudget's own measurement and bound. Tokens: vision guide, 2026-09.
    """
    pixels, size, least = use.measured, use.visible_size, ctx.thresholds.idle_border
    if pixels is None or size is None or pixels.spread < STANDS_OUT:
        return
    left, top = pixels.border_left, pixels.border_top
    width = size.width - left - pixels.border_right
    height = size.height - top - pixels.border_bottom
    share = round(1 - width * height / (size.width * size.height), 4)
    if width < 1 or height < 1 or share <= least:
        return
    cropped = Size(width, height)
    before, after = ctx.limits.tokens(size), ctx.limits.tokens(cropped)
    saves = "the rest is seen larger"
    if before is not None and after is not None and after < before:
        saves = f"{figure(after)} tokens instead of {figure(before)}"
    yield Problem(
        message=f"{percent(share)} of the image is border of one colour",
        help=f"crop it to {cropped} at {left},{top} ({saves})",
        measured=share,
        limit=least,
        unit="share",
    )
