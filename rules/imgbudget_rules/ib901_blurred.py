"""IB901 blurred."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule
from imgbudget_rules.shown import edge_width_seen, shown


@rule(
    "IB901",
    "blurred",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    since="0.2",
    needs=ProbeField.PIXELS,
)
def blurred(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image is out of focus: its edges spread over several pixels in the size that the model uses.

    ## Why it matters
    Blurred text and small objects are misread, at the tokens of a sharp image. In a training set, blurred
    images teach the model to accept them.

    The width of edges is measured in the parts of the picture with the most contrast, and the sharper parts
    count: a subject in focus before a blurred background is sharp. Sharp edges are 1 to 2 px wide. A large
    photo is measured at the size that it is downscaled to, so one that is soft only at full size is fine.
    An image is reported if its edges are more than 5 px wide; `thresholds: {blurred: 8}` in the configuration
    sets another bound.

    ## Reports
    <jpeg 800x600 edge_width=6>
    <jpeg 4000x3000 edge_width=16>

    ## Silent
    <jpeg 800x600 edge_width=5>
    <jpeg 4000x3000 edge_width=6>
    <jpeg 800x600 edge_width=0>

    ## Fix safety
    There is no fix: sharpening does not bring detail back. Take it again, or leave it out.

    ## Source
    imgbudget's own measurement and bound. Of 54 photos, screenshots and drawings as they are, none has edges
    wider than 5 px; blurred with a Gaussian of 4 px, nearly all have.
    """
    width, most = edge_width_seen(use, ctx), ctx.thresholds.blurred
    if width <= most or shown(use, ctx) is None:
        return
    yield Problem(
        message=f"edges are {width:g} px wide in the size that {ctx.limits.model} uses, not 1 to 2; "
        "it may misread text and small objects",
        help="take it again in focus, or leave it out (the tokens are those of a sharp image)",
        measured=width,
        limit=most,
        unit="px",
    )
