"""IB201 oversized-image."""

from collections.abc import Iterator

from imgbudget.limits.values import between
from imgbudget.rule import Context, FixSafety, ImageUse, Level, Problem, Resize, Severity, rule
from imgbudget_rules.oversize import is_rejected, oversize_of


@rule(
    "IB201",
    "oversized-image",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("native_size",),
)
def oversized_image(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image has more pixels than the model uses; the API downscales it.

    ## Why it matters
    The extra pixels are uploaded and waited for, then discarded before the model sees the image. Coordinates
    that the model returns are those of the downscaled image. The limit depends on the model: 1568 px and 1568
    tokens for the standard tier, 2576 px and 4784 tokens for the high-resolution tier (Claude 4.7 and later).

    ## Reports
    <png 4000x3000>
    <png 1093x1093> for claude-sonnet-4-6
    <png 2577x1449> for claude-opus-5-5

    ## Silent
    <png 1268x951>
    <png 1568x784>
    <png 2576x1449> for claude-opus-5-5

    An edge over 8000 px is rejected, not downscaled: that is IB101.
    <png 9000x600>

    A block whose `transformations.oversized_image` is `error` is rejected as well (IB108), and so is a
    screenshot for a toolset (IB107).

    ## Fix safety
    Safe: the model receives the size that the API would have downscaled to, or the published table's size for
    the same aspect ratio, which is at most a pixel or two smaller.

    ## Source
    Vision guide and vision-coordinates guide, 2026-09; compared with recorded token counts.
    """
    if is_rejected(use) or (over := oversize_of(use, ctx.limits)) is None:
        return
    model, tokens = ctx.limits.model, ctx.limits.tokens_ends(over.planned) or (0, 0)
    yield Problem(
        message=f"{over.text}, over the {over.limit} {over.unit} that {model} uses; the API downscales it to "
        f"{over.downscaled}",
        help=f"resize to {over.planned} before sending ({between(*tokens)} tokens, no wasted upload)",
        measured=over.measured,
        limit=over.limit,
        unit=over.unit,
        fix=Resize(over.planned),
    )
