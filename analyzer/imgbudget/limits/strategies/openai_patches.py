"""OpenAI's patch models (GPT-4.1 mini, o4-mini, GPT-5 mini, GPT-5.4 and later): patches of 32 px, a budget.

OpenAI images and vision guide, 2026-09: an image is brought within the largest edge; if it then takes more
patches than the budget it is scaled so that the budget's area holds it and one edge is whole patches; each
patch counts `multiplier` times, the sum rounded up. Without `patch_budget` the image is billed in full.
"""

from math import ceil, floor, sqrt

from imgbudget.limits.geometry import Refusal, Size, Tier

SCALES = True


def patches(size: Size, tier: Tier) -> int:
    """Patches that cover the size as it is."""
    edge = int(tier.number("patch_edge"))
    return -(-size.width // edge) * -(-size.height // edge)


def seen(size: Size, tier: Tier) -> Size:
    """The size within edge and budget, px."""
    within = tier.within_edge(size)
    budget, edge = tier.number("patch_budget", 0), tier.number("patch_edge")
    if not budget or patches(within, tier) <= budget:
        return within
    width, height = within
    scale = sqrt(edge * edge * budget / (width * height))
    across, down = width * scale / edge, height * scale / edge
    scale *= min(floor(across) / across, floor(down) / down)
    return Size(max(int(width * scale + 1e-9), 1), max(int(height * scale + 1e-9), 1))


def fits(size: Size, tier: Tier) -> bool:
    """Whether the image is left alone."""
    budget = tier.number("patch_budget", 0)
    return tier.within_edge(size) == size and (not budget or patches(size, tier) <= budget)


def cost(size: Size, tier: Tier) -> int:
    """The patches of what is seen, at most the budget, times the multiplier."""
    count = patches(seen(size, tier), tier)
    budget = int(tier.number("patch_budget", 0))
    # a multiplier has two decimals: 1.2 x 1500 is 1800 and not 1801
    return ceil(round((min(count, budget) if budget else count) * tier.number("multiplier", 1), 6))


def refusal(size: Size, tier: Tier) -> Refusal | None:
    """More than `refused_patches` patches after processing (four sources, 2026-09)."""
    most, count = int(tier.number("refused_patches")), patches(seen(size, tier), tier)
    return Refusal(f"{size} takes", count, most, "patches") if count > most else None
