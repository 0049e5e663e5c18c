"""Qwen2-VL and Qwen2.5-VL: both edges to multiples of 28 px, the area between a least and a most.

`smart_resize` of huggingface/transformers, image processing of Qwen2-VL: edges are rounded to the nearest
multiple; an area over `max_pixels` is scaled down and each edge rounded down, one under `min_pixels` is
scaled up and rounded up, so that the aspect ratio changes a little. A token is a patch of 28 x 28 px.
"""

from math import ceil, floor, sqrt

from imgbudget.limits.geometry import Refusal, Size, Tier

SCALES = True


def seen(size: Size, tier: Tier) -> Size:
    """The size that the model gets, px; larger than the image where that is very small."""
    edge = int(tier.number("patch_edge"))
    least, most = tier.number("min_pixels"), tier.number("max_pixels")
    width, height = (max(round(side / edge), 1) * edge for side in size)
    if width * height > most:
        shrink = sqrt(size.width * size.height / most)
        width, height = (max(floor(side / shrink / edge), 1) * edge for side in size)
    elif width * height < least:
        grow = sqrt(least / (size.width * size.height))
        width, height = (ceil(side * grow / edge) * edge for side in size)
    return Size(width, height)


def fits(size: Size, tier: Tier) -> bool:
    """Whether the area is left as it is, but for the rounding of the edges."""
    edge = int(tier.number("patch_edge"))
    width, height = (max(round(side / edge), 1) * edge for side in size)
    return width * height <= tier.number("max_pixels")


def cost(size: Size, tier: Tier) -> int:
    """Patches of what the model gets."""
    edge = int(tier.number("patch_edge"))
    width, height = seen(size, tier)
    return width // edge * (height // edge)


def refusal(size: Size, tier: Tier) -> Refusal | None:
    """A long edge of more than `refused_ratio` times the short one, for which the code raises an error."""
    most, ratio = int(tier.number("refused_ratio")), -(-size.long_edge // size.short_edge)
    if ratio <= most:
        return None
    return Refusal(f"long edge of {size} is", ratio, most, "times the short one", helped=False)
