"""OpenAI's tile models (GPT-4o, GPT-4.1, GPT-5, o-series): scaled into a square, cut into tiles of 512 px.

OpenAI images and vision guide, four copies of 2025 and 2026: fit into 2048 x 2048 px, then bring the short
edge down to 768 px, then count tiles; each costs `tile_tokens` beside `base_tokens` for the image. Smaller
images are not enlarged. Edges are rounded to the nearest px; the guide does not say how.
"""

from imgbudget.limits.geometry import Refusal, Size, Tier

SCALES = True


def seen(size: Size, tier: Tier) -> Size:
    """The size after both steps, px."""
    within = tier.within_edge(size)
    short = int(tier.number("short_edge"))
    return within.scaled(short, within.short_edge) if within.short_edge > short else within


def fits(size: Size, tier: Tier) -> bool:
    """Whether neither step has anything to do."""
    return tier.within_edge(size) == size and size.short_edge <= tier.number("short_edge")


def cost(size: Size, tier: Tier) -> int:
    """The tokens of the tiles that cover what is seen, and of the image itself."""
    width, height = seen(size, tier)
    edge = int(tier.number("tile_edge"))
    tiles = -(-width // edge) * -(-height // edge)
    return int(tier.number("base_tokens")) + tiles * int(tier.number("tile_tokens"))


def refusal(_size: Size, _tier: Tier) -> Refusal | None:
    """None: no size is known to be refused."""
    return None
