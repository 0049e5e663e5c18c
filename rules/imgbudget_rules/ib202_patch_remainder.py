"""IB202 patch-remainder."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import (
    PATCH,
    Context,
    FixSafety,
    ImageUse,
    Level,
    Problem,
    Resize,
    Severity,
    is_remainder,
    patches,
    rule,
    without_remainders,
)


@rule(
    "IB202",
    "patch-remainder",
    level=Level.IMAGE,
    severity=Severity.INFO,
    fix=FixSafety.UNSAFE,
    since="0.1",
    limits=("patches_of_28",),
)
def patch_remainder(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """A few pixels over a multiple of 28 cost a whole row or column of tokens.

    ## Why it matters
    A visual token is a patch of 28 x 28 px, and a partial patch is billed as a whole one. An image of
    1121x800 px has 41 columns of patches, the last of them for one column of pixels: 29 tokens per request.

    ## Reports
    <png 1121x800>
    <png 800x1124>

    ## Silent
    <png 1120x800>
    <png 1125x800>

    An image that the API downscales anyway is IB201, and no edge is made shorter than 200 px:
    <png 4001x3000>
    <png 1000x200>

    ## Fix safety
    Unsafe: the API would have used every pixel. The image loses at most a few of every thousand pixels and
    keeps its aspect ratio, except for rounding, but a JPEG is encoded once more for a few tokens.

    ## Source
    Token formula: vision guide, 2026-09. What counts as few (4 px) is imgbudget's own choice.
    """
    size = use.visible_size
    if size is None or not ctx.limits.uses_claude_patches or not ctx.limits.fits(size):
        return
    smaller = without_remainders(size, ctx.limits.least_edge)
    if smaller == size:
        return
    over = " and ".join(
        f"{name} {edge} px is {edge % PATCH} px over {edge // PATCH} patches"
        for name, edge, kept in zip(("width", "height"), size, smaller, strict=True)
        if is_remainder(edge) and kept < edge
    )
    before, after = patches(size), patches(smaller)
    yield Problem(
        message=f"{over}; {ctx.limits.model} bills a partial patch as a whole one: {figure(before)} tokens",
        help=f"resize to {smaller} ({figure(after)} tokens instead of {figure(before)})",
        measured=before,
        limit=after,
        unit="tokens",
        fix=Resize(smaller),
    )
