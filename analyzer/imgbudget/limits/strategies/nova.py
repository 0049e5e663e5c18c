"""Amazon Nova: no rule is published, only five sizes with about what they cost; between them by area.

Amazon Nova image understanding page, two copies: an image is rescaled to the closest of its aspect ratios,
with an edge of at least 896 px or the short edge that it has. The page gives estimates and no formula, so
`cost` is one too: straight lines through the estimates, proportional to the area beyond them.
"""

from itertools import pairwise

from imgbudget.limits.geometry import Refusal, Size, Tier

ESTIMATES = ((900 * 450, 800), (900 * 900, 1300), (1400 * 900, 1800), (1800 * 900, 2400), (1300 * 1300, 2600))
"""Area in px, tokens: the rows of the page, by area (AWS, undated copies of 2025 and 2026)."""

SCALES = False


def seen(size: Size, _tier: Tier) -> Size:
    """The size itself: the ratios are published, the sizes made of them are not."""
    return size


def fits(_size: Size, _tier: Tier) -> bool:
    """Every size that is not refused does."""
    return True


def cost(size: Size, _tier: Tier) -> int:
    """About what an image of this area costs."""
    area = size.width * size.height
    first, last = ESTIMATES[0], ESTIMATES[-1]
    if area <= first[0]:
        return -(-area * first[1] // first[0])
    for (low, below), (high, above) in pairwise(ESTIMATES):
        if area <= high:
            return below + -(-(area - low) * (above - below) // (high - low))
    return -(-area * last[1] // last[0])


def refusal(_size: Size, _tier: Tier) -> Refusal | None:
    """None: no size is known to be refused."""
    return None
