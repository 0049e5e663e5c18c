"""IB302 tiny-after-resize."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, Problem, Severity, rule


@rule(
    "IB302",
    "tiny-after-resize",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    since="0.1",
    limits=("min_edge", "native_size"),
)
def tiny_after_resize(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image is a long strip: when the API downscales it, its short edge becomes very short.

    ## Why it matters
    The API scales by the long edge. A full-page screenshot of 1200x12000 px reaches a model of the standard
    tier only 157 px wide, and its text becomes unreadable. The file itself looks large enough, so no other
    rule reports it. A strip over 8000 px is rejected as well (IB101), and resizing it leads here.

    ## Reports
    <png 1000x7900>
    <png 12000x1200>
    <png 2000x250>

    ## Silent
    <png 1000x7800>
    <png 2000x250> for claude-opus-5-5

    An edge that is short already is IB301:
    <png 7900x150>

    ## Fix safety
    There is no fix: cutting one image into several changes the request. The finding gives the number of tiles
    along the long edge that keeps the short edge long enough.

    ## Source
    Vision guide, 2026-09: resize rule, and images under 200 px on an edge.
    """
    size, limit = use.visible_size, ctx.limits.min_edge
    if size is None or limit is None or size.short_edge < limit.value:
        return
    downscaled = ctx.limits.native_size(size)
    if downscaled.short_edge >= limit.value:
        return
    most = ctx.limits.tier.max_edge or downscaled.long_edge
    tiles = -(-size.long_edge * limit.value // (size.short_edge * most))
    yield Problem(
        message=f"short edge becomes {downscaled.short_edge} px when the API downscales {size} to "
        f"{downscaled}; {ctx.limits.model} may misread it under {limit.text}",
        help=f"cut it into {tiles} or more tiles along the long edge and send them as images in order",
        measured=downscaled.short_edge,
        limit=limit.value,
        unit=limit.unit,
    )
