"""IB201 oversized-image."""

from collections.abc import Iterator

from imgbudget.rule import (
    Context,
    FixSafety,
    ImageUse,
    Problem,
    Resize,
    Severity,
    image_rule,
    patches,
    planned_size,
)


@image_rule("IB201", "oversized-image", severity=Severity.WARNING, fix=FixSafety.SAFE, since="0.1")
def oversized_image(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image has more pixels than the model looks at.

    ## Why it matters
    The API scales it down before the model sees it: the extra pixels are uploaded, waited for and thrown
    away. Coordinates that the model returns are those of the smaller image. What fits depends on the model:
    the standard tier looks at 1568 px and 1568 tokens, the high-resolution tier (Claude 4.7 and later) at
    2576 px and 4784 tokens.

    ## Reports
    <png 4000x3000>
    <png 1093x1093> for claude-sonnet-4-6
    <png 2577x1449> for claude-opus-5-5

    ## Silent
    <png 1268x951>
    <png 1568x784>
    <png 2576x1449> for claude-opus-5-5

    An edge over 8000 px is refused and not scaled: that is IB101.
    <png 9000x600>

    A block whose `transformations.oversized_image` is `error` is refused as well.

    ## Fix safety
    Safe: the model receives the size that the API would have made itself, or the row of the published table
    for the same ratio, at most a pixel or two smaller.

    ## Source
    Vision guide and vision-coordinates guide, 2026-09; held against recorded token counts.
    """
    size, limits = use.visible_size, ctx.limits
    if size is None or size.long_edge > limits.max_edge.value or use.oversized == "error":
        return
    seen = limits.native_size(size)
    if seen == size:
        return
    tier = limits.tier
    if size.long_edge > tier.max_edge:
        measured, limit, unit, what = size.long_edge, tier.max_edge, "px", "long edge is"
    else:
        measured, limit, unit, what = patches(size), tier.max_tokens, "tokens", f"{size} takes"
    planned = planned_size(size, tier)
    yield Problem(
        message=f"{what} {measured} {unit}; {limits.model} looks at {limit} {unit} and makes {seen} of it",
        help=f"resize to {planned} before sending: {limits.tokens(planned)} tokens, nothing sent in vain",
        measured=measured,
        limit=limit,
        unit=unit,
        fix=Resize(planned),
    )
