"""IB304 heavy-compression."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule

LEAST = 50
"""JPEG quality below which block and ringing artefacts are visible."""


@rule(
    "IB304",
    "heavy-compression",
    level=Level.IMAGE,
    severity=Severity.INFO,
    since="0.1",
    needs=ProbeField.QUALITY,
)
def heavy_compression(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The JPEG is compressed so much that the model may misread details.

    ## Why it matters
    Below quality 50, block and ringing artefacts appear: small text, thin lines and digits suffer first. The
    tokens are the same at every quality, so the compression saves only bytes, which seldom matter.

    The quality is read from the file's quantisation tables, on the scale of the IJG encoder that most
    programs use. It describes only the last save; losses of earlier saves do not show.

    ## Reports
    <jpeg 800x600 quality=49>

    ## Silent
    <jpeg 800x600 quality=50>
    <jpeg 800x600>
    <png 800x600>

    ## Fix safety
    There is no fix: lost detail cannot be restored. Save it again from the original.

    ## Source
    Vision guide, 2026-09: images should be clear and text legible. The bound (50) is imgbudget's own choice.
    """
    facts = use.facts
    if facts is None or facts.damage is not None or facts.quality is None or facts.quality >= LEAST:
        return
    yield Problem(
        message=f"jpeg quality is {facts.quality}; {ctx.limits.model} may misread details under {LEAST}",
        help="save it again from the original at quality 80 or more (same tokens)",
        measured=facts.quality,
        limit=LEAST,
        unit="quality",
    )
