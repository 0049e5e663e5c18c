"""IB301 tiny-edge."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, Problem, Severity, rule


@rule("IB301", "tiny-edge", level=Level.IMAGE, severity=Severity.WARNING, since="0.1", limits=("min_edge",))
def tiny_edge(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """An edge of the image is so short that the model may misread it.

    ## Why it matters
    The API never rejects a small image and never upscales it. The guide warns of worse answers when an edge
    is under 200 px: the model sees only a few patches and guesses.

    ## Reports
    <png 199x800>
    <png 800x16>

    ## Silent
    <png 200x800>
    <png 800x600>

    ## Fix safety
    There is no fix: upscaling adds no detail. Use a larger original, or crop less tightly.

    ## Source
    Vision guide, 2026-09, "Limitations": images under 200 px on an edge.
    """
    size, limit = use.visible_size, ctx.limits.min_edge
    if size is None or limit is None or size.short_edge >= limit.value:
        return
    yield Problem(
        message=f"short edge is {size.short_edge} px; {ctx.limits.model} may misread it under {limit.text}",
        help="use a larger original, or crop less tightly",
        measured=size.short_edge,
        limit=limit.value,
        unit=limit.unit,
    )
