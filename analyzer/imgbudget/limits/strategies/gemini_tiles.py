"""Gemini 2: one tile for a small image, else tiles whose edge follows the short edge of the image.

Gemini image understanding guide, five copies: up to 384 px on both edges an image is one tile; else the crop
unit is the short edge / 1.5, rounded down, and the tiles are those of that edge which cover the image. Many
tools use 768 px instead; the guide calls its own rule a rough one.
"""

from imgbudget.limits.geometry import Refusal, Size, Tier

SCALES = False


def seen(size: Size, _tier: Tier) -> Size:
    """The size itself: tiles are cut from it, and nothing says how large each is looked at."""
    return size


def fits(_size: Size, _tier: Tier) -> bool:
    """Every size does: a larger image of the same ratio costs the same."""
    return True


def cost(size: Size, tier: Tier) -> int:
    """`tile_tokens` for each tile."""
    tile = int(tier.number("tile_tokens"))
    if size.long_edge <= tier.number("small_edge"):
        return tile
    unit = max(size.short_edge * 2 // 3, 1)
    return -(-size.width // unit) * -(-size.height // unit) * tile


def refusal(_size: Size, _tier: Tier) -> Refusal | None:
    """None: no size is known to be refused."""
    return None
