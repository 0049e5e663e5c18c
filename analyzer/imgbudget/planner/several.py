"""One size for several models at once: the largest that none of them shrinks, or the cheapest near it."""

from collections.abc import Sequence
from functools import lru_cache

from imgbudget.geometry import Size, Tier, fits, refusal
from imgbudget.limits import Limits

LEAST_SHARE = 0.9
"""How small the cheapest size may be, edge to edge, against the largest: no more than a tenth is given up."""


def size_for_all(
    size: Size, models: Sequence[Limits], edge_limit: int | None = None, *, cheapest: bool = False
) -> Size:
    """The largest size with the ratio of `size` that no model scales down or refuses; never an enlarged one.

    All of them then look at the same pixels (Qwen's edges are rounded to whole patches all the same). With
    `cheapest`, of the sizes down to nine tenths of it the one for which all models together cost least, the
    largest of these: costs are staircases, and a step may be a few px away. Where nothing is accepted, as
    its ratio is refused at any size, the size stays.
    """
    bounds = tuple((limits.tier, limits.max_edge.value if limits.max_edge else None) for limits in models)
    largest = _largest(size, bounds, edge_limit)
    if not cheapest:
        return largest
    least = max(int(largest.long_edge * LEAST_SHARE), 1)
    candidates = (largest, *(_at(size, long) for long in range(largest.long_edge - 1, least - 1, -1)))
    return min(candidates, key=lambda candidate: (cost_for_all(candidate, models), -candidate.long_edge))


def cost_for_all(size: Size, models: Sequence[Limits]) -> float:
    """US dollars for one image of this size sent to each model."""
    return sum(limits.cost_usd(limits.tokens(size)) for limits in models)


def binding(size: Size, models: Sequence[Limits]) -> Limits:
    """The model that asks for the smallest size."""
    return min(models, key=lambda limits: size_for_all(size, (limits,)).long_edge)


@lru_cache(maxsize=4096)
def _largest(size: Size, bounds: tuple[tuple[Tier, int | None], ...], edge_limit: int | None) -> Size:
    """By halves: what fits still fits when it is smaller, whoever the provider is."""
    top = size.long_edge if edge_limit is None else min(size.long_edge, edge_limit)
    if top == size.long_edge and _suits(size, bounds):
        return size
    low, high = 1, top + 1
    while low + 1 < high:
        middle = (low + high) // 2
        if _suits(_at(size, middle), bounds):
            low = middle
        else:
            high = middle
    found = _at(size, low)
    return found if _suits(found, bounds) else size


def _suits(size: Size, bounds: tuple[tuple[Tier, int | None], ...]) -> bool:
    return all(
        (most is None or size.long_edge <= most) and fits(size, tier) and refusal(size, tier) is None
        for tier, most in bounds
    )


def _at(size: Size, long: int) -> Size:
    """The size with this long edge, its short edge rounded as the reference algorithm of Claude does."""
    short = round(long / (size.long_edge / size.short_edge)) or 1
    return Size(long, short) if size.width >= size.height else Size(short, long)
