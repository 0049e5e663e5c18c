"""What rules on pixels have in common: images that show something."""

from imgbudget.rule import Context, ImageUse, PixelFacts

STANDS_OUT = 64
"""Levels of 256 that something on an even ground differs by."""


def shown(use: ImageUse, ctx: Context) -> PixelFacts | None:
    """The measurements of an image; None without any, and for a blank one, of which IB905 says all."""
    pixels = use.measured
    return None if pixels is None or pixels.spread < ctx.thresholds.blank else pixels


def edge_width_seen(use: ImageUse, ctx: Context) -> float:
    """The width of the edges of an image in px of the size that the model uses, 0 if there are none."""
    pixels, size = use.measured, use.visible_size
    if pixels is None or size is None:
        return 0.0
    return round(pixels.edge_width * ctx.limits.native_size(size).long_edge / size.long_edge, 1)


def percent(share: float) -> str:
    """A share in percent, of two digits; 0 and 100 only for none and all."""
    if share <= 0 or share >= 1:
        return f"{share * 100:g} %"
    return f"{min(max(share * 100, 0.01), 99):.2g} %"
