"""IB101 dimension-over-limit."""

from collections.abc import Iterator

from imgbudget.rule import Context, FixSafety, ImageUse, Level, Problem, Resize, Severity, rule


@rule(
    "IB101",
    "dimension-over-limit",
    level=Level.IMAGE,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("largest_size",),
)
def dimension_over_limit(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image has more pixels than the API accepts: an edge is too long, or there are too many patches.

    ## Why it matters
    The request is rejected, not downscaled: `At least one of the image dimensions exceed max allowed size:
    8000 pixels`. For an image in a tool result, the location in that error counts blocks in a
    flattened list and may point to the wrong block; the location of this finding is exact.

    OpenAI's patch models have no limit on edges. They reject an image that takes more than 30,000 patches of
    32 px after downscaling, which can happen only on models without a patch budget. Qwen's code rejects an
    image whose long edge is more than 200 times the short one.

    ## Reports
    <jpeg 8001x600>
    <png 600x8001> for claude-opus-5-5
    <png 5600x5600> for gpt-5.6-sol
    <png 8000x39> for qwen2.5-vl-72b-instruct

    ## Silent
    <jpeg 8000x600>
    <png 8000x8000>
    <png 9000x600> for gpt-4o
    <png 5536x5536> for gpt-5.6-sol

    ## Fix safety
    Safe: the API would have rejected the image, and it is resized to what the model uses.

    ## Source
    Vision guide, 2026-09: 8000 px an edge. OpenAI images and vision guide, 2026-09: 30,000 patches.
    Error text: anthropics/claude-code#4778, 2025-08.
    """
    size, limits = use.visible_size, ctx.limits
    if size is None or (refusal := limits.refusal(size)) is None:
        return
    planned = limits.planned_size(size)
    helps = refusal.resizable and limits.refusal(planned) is None
    whose = limits.platform if limits.max_edge and refusal.unit == "px" else limits.model
    native = f"resize to {planned}, the size that {limits.model} uses"
    is_native = limits.counts_tokens and limits.native_size(planned) == planned
    is_native = is_native and (refusal.unit != "px" or limits.native_size(size).long_edge <= refusal.limit)
    smaller = native if is_native else f"resize to {planned}"
    yield Problem(
        message=f"{refusal.text} {refusal.measured} {refusal.unit}; {whose} takes at most {refusal.limit} "
        f"{refusal.unit}",
        help=smaller if helps else "cut it into tiles along the long edge and send them as images in order",
        measured=refusal.measured,
        limit=refusal.limit,
        unit=refusal.unit,
        fix=Resize(planned) if helps else None,
    )
