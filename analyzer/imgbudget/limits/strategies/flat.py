"""A number of tokens whatever the size: OpenAI's `low` on tile models, Gemini's resolution levels."""

from imgbudget.limits.geometry import Refusal, Size, Tier

SCALES = False


def seen(size: Size, _tier: Tier) -> Size:
    """The size itself: what the provider makes of it is not published."""
    return size


def fits(_size: Size, _tier: Tier) -> bool:
    """Every size does."""
    return True


def cost(_size: Size, tier: Tier) -> int:
    """`base_tokens` of the tier."""
    return int(tier.number("base_tokens"))


def refusal(_size: Size, _tier: Tier) -> Refusal | None:
    """None: no size is known to be refused."""
    return None
