"""IB203 over-latency-size."""

from collections.abc import Iterator

from imgbudget.rule import Context, FixSafety, ImageUse, Level, Problem, Resize, Severity, rule


@rule(
    "IB203",
    "over-latency-size",
    level=Level.IMAGE,
    severity=Severity.INFO,
    fix=FixSafety.UNSAFE,
    since="0.1",
    limits=("latency_pixels", "latency_edge"),
    pedantic=True,
)
def over_latency_size(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image is larger than what was advised for a quick first token.

    ## Why it matters
    Up to spring 2026 the guide advised images of at most 1.15 megapixels and 1568 px an edge: larger ones
    make the wait for the first token longer, and most tasks lose nothing by it.

    The doubt: that sentence is no longer in the guides since 2026-06, and no other number replaces it. That
    more tokens take longer to read has not changed, so the advice is kept for those who ask for it, as
    information with `--pedantic`.

    ## Reports
    <png 1268x951>
    <png 1600x400> for claude-opus-5-5

    ## Silent
    <png 1238x928>
    <png 1568x400> for claude-opus-5-5

    An edge over 8000 px is refused, which is IB101:
    <png 9000x100>

    ## Fix safety
    Unsafe: the model receives fewer pixels than it would use.

    ## Source
    Vision guide of spring 2026; not in the guides of 2026-06 and later.
    """
    size, limits = use.visible_size, ctx.limits
    pixels, edge, most = limits.latency_pixels, limits.latency_edge, limits.max_edge
    if size is None or pixels is None or edge is None or (most and size.long_edge > most.value):
        return
    advised = limits.latency_size(size)
    if size.long_edge > edge.value:
        measured, limit, text = size.long_edge, edge, f"long edge is {size.long_edge} px"
    elif size.width * size.height > pixels.value:
        measured, limit = size.width * size.height, pixels
        text = f"{size} is {measured:,} pixels"
    else:
        return
    yield Problem(
        message=f"{text}; the guide of spring 2026 advised {limit.text} for a short time to first token",
        help=f"resize to {advised} ({limits.tokens(advised)} tokens instead of {limits.tokens(size)})",
        measured=measured,
        limit=limit.value,
        unit=limit.unit,
        fix=Resize(advised),
    )
