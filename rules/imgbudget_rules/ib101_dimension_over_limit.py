"""IB101 dimension-over-limit."""

from collections.abc import Iterator

from imgbudget.rule import (
    Context,
    FixSafety,
    ImageUse,
    Problem,
    Resize,
    Severity,
    image_rule,
    planned_size,
)


@image_rule(
    "IB101",
    "dimension-over-limit",
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("largest_size",),
    by_size=True,
)
def dimension_over_limit(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """An edge of the image is longer than the API takes.

    ## Why it matters
    The request is refused, not scaled down: `At least one of the image dimensions exceed max allowed size:
    8000 pixels`. The location in that error counts blocks in a flattened list when the image stands in a
    tool result, so it may not lead to the block; the location of this finding does.

    ## Reports
    <jpeg 8001x600>
    <png 600x8001> for claude-opus-5-5

    ## Silent
    <jpeg 8000x600>
    <png 8000x8000>

    ## Fix safety
    Safe: the API would have refused the image, and it is resized to what the model looks at.

    ## Source
    Vision guide, 2026-09: 8000 px an edge. Error text: anthropics/claude-code#4778, 2025-08.
    """
    size, limit = use.visible_size, ctx.limits.max_edge
    if size is None or size.long_edge <= limit.value:
        return
    planned = planned_size(size, ctx.limits.tier)
    yield Problem(
        message=f"long edge is {size.long_edge} px; {limit.owner} takes at most {limit.text}",
        help=f"resize to {planned}, the size that {ctx.limits.model} looks at",
        measured=size.long_edge,
        limit=limit.value,
        unit=limit.unit,
        fix=Resize(planned),
    )
