"""IB908 flattened-mode."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule
from imgbudget_rules.shown import percent

CONVERTED = {
    "CMYK": "CMYK",
    "LAB": "CIE Lab",
    "HSV": "HSV",
    "YCbCr": "YCbCr",
    **dict.fromkeys(("I;16", "I;16B", "I;16L", "I;16N"), "16-bit grey"),
    "I": "32-bit grey",
    "F": "floating-point grey",
    "LA;16": "16-bit grey",
    **dict.fromkeys(("RGB;16", "RGBA;16", "RGBX;16"), "16-bit RGB"),
}
"""Modes of Pillow that no API takes as they are, and those of 16 bits that Pillow reads as 8."""


@rule(
    "IB908",
    "flattened-mode",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    since="0.2",
    needs=ProbeField.PIXELS,
)
def flattened_mode(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image has transparent pixels, or a colour mode that becomes another one when it is decoded.

    ## Why it matters
    Models get opaque pixels of three channels with 8 bits each. What a transparent pixel becomes is not
    documented: black, white, or the colour that is stored below it, which nobody has seen. Dark text on a
    transparent ground can vanish. CMYK, 16-bit and floating-point samples are converted, with other
    colours or levels than a viewer shows.

    An image is reported if any of its pixels is not opaque, or for its mode. An alpha channel that is opaque
    all over is not reported. `thresholds: {flattened-mode: 0.01}` in the configuration sets another share of
    pixels.

    ## Reports
    <png 800x600 mode=RGBA transparent=0.4>
    <jpeg 800x600 mode=CMYK>
    <png 800x600 mode=I;16>
    <png 800x600 mode=RGB;16>

    ## Silent
    <png 800x600 mode=RGBA>
    <png 800x600 mode=L>
    <jpeg 800x600>

    ## Fix safety
    There is no fix: only the author knows which ground it belongs on. Export it on that, as RGB or grey.

    ## Source
    imgbudget's own observation: no provider documents how it flattens images.
    """
    pixels, most = use.measured, ctx.thresholds.flattened_mode
    if pixels is None:
        return
    if pixels.transparent > most:
        yield Problem(
            message=f"{percent(pixels.transparent)} of the pixels are transparent; on which ground "
            f"{ctx.limits.model} sees them is not documented",
            help="put it on the ground that it belongs on, and save it without transparency",
            measured=pixels.transparent,
            limit=most,
            unit="share",
        )
    elif pixels.mode in CONVERTED:
        yield Problem(
            message=f"the colours are {CONVERTED[pixels.mode]}, which is converted to 8-bit RGB; they may "
            "differ from what a viewer shows",
            help="export it as RGB or grey with 8 bits a sample",
            severity=Severity.INFO,
        )
