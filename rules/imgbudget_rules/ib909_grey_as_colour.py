"""IB909 grey-as-colour."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule
from imgbudget_rules.shown import shown

COLOURED = frozenset({"RGB", "RGBA", "CMYK", "YCbCr", "RGB;16", "RGBA;16"})
"""Modes of Pillow with channels for colours."""


@rule(
    "IB909",
    "grey-as-colour",
    level=Level.IMAGE,
    severity=Severity.INFO,
    since="0.2",
    needs=ProbeField.PIXELS,
)
def grey_as_colour(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image is grey, and stored in three colour channels.

    ## Why it matters
    As greyscale it has the same pixels in fewer bytes: about a third in PNG and WebP, a tenth less in JPEG.
    The tokens are the same. In a training set, grey images among coloured ones are often scans or errors.

    An image is reported if no pixel has channels that differ by 3 of 256 levels or more.
    `thresholds: {grey-as-colour: 6}` in the configuration sets another bound, for scans with a slight tint.

    ## Reports
    <png 800x600 colour=0>

    ## Silent
    <png 800x600 colour=3>
    <png 800x600 colour=0 mode=L>
    <jpeg 800x600>

    ## Fix safety
    There is no fix: services that take RGB only, as OpenAI's fine-tuning, refuse grey images.

    ## Source
    imgbudget's own measurement and bound.
    """
    pixels, most = shown(use, ctx), ctx.thresholds.grey_as_colour
    if pixels is None or pixels.colour >= most or pixels.mode not in COLOURED:
        return
    yield Problem(
        message=f"all pixels are grey, and stored as {pixels.mode.partition(';')[0]}",
        help="save it as greyscale (the same tokens, fewer bytes)",
        measured=pixels.colour,
        limit=most,
        unit="levels",
    )
