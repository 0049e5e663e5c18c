"""IB203 over-latency-size."""

from collections.abc import Iterator

from imgbudget.limits.values import between, figure
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
    """The image is larger than the guide of spring 2026 advised for a short time to first token.

    ## Why it matters
    Until spring 2026 the guide advised images of at most 1.15 megapixels with edges of at most 1568 px:
    larger images take longer to the first token, and most tasks do not need them.

    How certain this is: the guides dropped that advice in 2026-06 and give no other number. More tokens still
    take longer to process, so the advice is kept as information, reported only with `--pedantic`.

    ## Reports
    <png 1268x951>
    <png 1600x400> for claude-opus-5-5

    ## Silent
    <png 1238x928>
    <png 1568x400> for claude-opus-5-5

    An edge over 8000 px is rejected, which is IB101:
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
    area = size.width * size.height
    edge_excess, pixel_excess = size.long_edge / edge.value, (area / pixels.value) ** 0.5
    if max(edge_excess, pixel_excess) <= 1:
        return
    measured, limit, text = size.long_edge, edge, f"long edge is {size.long_edge} px"
    if pixel_excess > edge_excess:
        measured, limit, text = area, pixels, f"{size} is {figure(area)} pixels"
    advised = limits.latency_size(size)
    before, after = limits.tokens_ends(size), limits.tokens_ends(advised)
    tokens = "fewer bytes"
    if before is not None and after is not None:
        fewer = f"{between(*after)} tokens instead of {between(*before)}"
        tokens = fewer if after < before else f"same {between(*before)} tokens"
    yield Problem(
        message=f"{text}; the guide of spring 2026 advised {limit.text} for a short time to first token",
        help=f"resize to {advised} ({tokens})",
        measured=measured,
        limit=limit.value,
        unit=limit.unit,
        fix=Resize(advised),
    )
