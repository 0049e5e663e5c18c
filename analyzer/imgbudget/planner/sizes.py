"""The sizes an image can be sent in: token steps for one model, and one size for several models."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import PATCH, Size, Tier, fits, patches, refusal, tokens
from imgbudget.model.fixes import Fix, Resize
from imgbudget.model.safety import made_by_default
from imgbudget.model.subjects import Finding
from imgbudget.namedtuples import NamedTuple


def smallest_size(size: Size, fixes: Iterable[Fix]) -> Size:
    """The smallest size among the resizes; the image's own where that would enlarge an edge."""
    sizes = [fix.size for fix in fixes if isinstance(fix, Resize)]
    if not sizes:
        return size
    found = min(sizes, key=lambda it: it.width * it.height)
    return size if found.width > size.width or found.height > size.height else found


def size_after_fixes(size: Size, findings: Iterable[Finding]) -> Size:
    """The size of an image after the safe resizes of its findings."""
    safe = [finding.fix for finding in findings if made_by_default(finding)]
    return smallest_size(size, [fix for fix in safe if fix is not None])


class SizeStep(NamedTuple):
    """A number of visual tokens, and the largest size of the same aspect ratio that takes no more."""

    tokens: int
    size: Size


@lru_cache(maxsize=1024)
def size_steps(size: Size, top: Size, least: int, tier: Tier | None = None) -> tuple[SizeStep, ...]:
    """The steps of an image of `size` px from the smallest up to `top`, which is within `size`.

    Tokens are patches of 28 px unless the tier belongs to another provider, whose strategy counts.

    For each long edge the short edge is that of the same ratio, rounded. Among long edges with the same
    number of tokens the longest is the step. No step has a short edge under `least` px, except `top` itself,
    which is always the last step.
    """
    if tier is not None and tier.strategy:
        return _by_strategy(size, top, least, tier)
    if size.width < size.height:
        return tuple(
            SizeStep(step.tokens, step.size.transposed)
            for step in size_steps(size.transposed, top.transposed, least)
        )
    ratio = size.width / size.height
    longest: dict[int, int] = {}
    for long in _ends_of_patches(ratio, top):
        short = round(long / ratio) or 1
        if min(long, short) >= least and short <= top.height:
            count = patches(Size(long, short))
            longest[count] = max(long, longest.get(count, 0))
    most = patches(top)
    steps = (SizeStep(count, Size(long, round(long / ratio) or 1)) for count, long in sorted(longest.items()))
    return (*(step for step in steps if step.tokens < most), SizeStep(most, top))


def _by_strategy(size: Size, top: Size, least: int, tier: Tier) -> tuple[SizeStep, ...]:
    """The steps as a strategy counts them: every long edge is tried, as tokens may fall again."""
    steps: list[SizeStep] = []
    last = SizeStep(tokens(top, tier), top)
    for long in range(1, top.long_edge):
        one = size.scaled(long, size.long_edge)
        if one.short_edge < least:
            continue
        step = SizeStep(tokens(one, tier), one)
        while steps and steps[-1].tokens >= step.tokens:
            steps.pop()  # a larger size for no more tokens is better
        steps.append(step)
    return (*(step for step in steps if step.tokens < last.tokens), last)


def _ends_of_patches(ratio: float, top: Size) -> set[int]:
    """The long edges after which a column or a row of patches begins, below the top's long edge."""
    ends = {columns * PATCH for columns in range(1, top.width // PATCH + 1)}
    for rows in range(1, -(-top.height // PATCH) + 1):
        long = int((rows * PATCH + 1) * ratio) + 1
        while long > 1 and round(long / ratio) > rows * PATCH:
            long -= 1
        ends.add(min(long, top.width))
    return {long for long in ends if long < top.width}


LEAST_SHARE = 0.9
"""The smallest candidate for the cheapest size, as a share of the largest edge."""


def size_for_all(
    size: Size, models: Sequence[Limits], edge_limit: int | None = None, *, cheapest: bool = False
) -> Size:
    """The largest size with the ratio of `size` that no model downscales or refuses; never enlarged.

    All models then use the same pixels (Qwen still rounds edges to whole patches). With `cheapest`, the size
    that costs least on all models together, among those down to nine tenths of the largest; ties go to the
    larger. If no size is accepted, because the ratio itself is refused, the size stays.
    """
    bounds = tuple((limits.tier, limits.max_edge.value if limits.max_edge else None) for limits in models)
    largest = _largest(size, bounds, edge_limit)
    if not cheapest:
        return largest
    least = max(int(largest.long_edge * LEAST_SHARE), 1)
    candidates = (
        largest,
        *(_with_long_edge(size, long) for long in range(largest.long_edge - 1, least - 1, -1)),
    )
    return min(candidates, key=lambda candidate: (cost_for_all(candidate, models), -candidate.long_edge))


def cost_for_all(size: Size, models: Sequence[Limits]) -> float:
    """US dollars for one image of this size sent to each model."""
    return sum(limits.cost_usd(limits.tokens(size)) or 0.0 for limits in models)


def binding(size: Size, models: Sequence[Limits]) -> Limits:
    """The model that requires the smallest size."""
    return min(models, key=lambda limits: size_for_all(size, (limits,)).long_edge)


@lru_cache(maxsize=4096)
def _largest(size: Size, bounds: tuple[tuple[Tier, int | None], ...], edge_limit: int | None) -> Size:
    """Binary search: if a size fits, so does every smaller one, for every provider."""
    top = size.long_edge if edge_limit is None else min(size.long_edge, edge_limit)
    if top == size.long_edge and _is_accepted(size, bounds):
        return size
    low, high = 1, top + 1
    while low + 1 < high:
        middle = (low + high) // 2
        if _is_accepted(_with_long_edge(size, middle), bounds):
            low = middle
        else:
            high = middle
    found = _with_long_edge(size, low)
    return found if _is_accepted(found, bounds) else size


def _is_accepted(size: Size, bounds: tuple[tuple[Tier, int | None], ...]) -> bool:
    return all(
        (most is None or size.long_edge <= most) and fits(size, tier) and refusal(size, tier) is None
        for tier, most in bounds
    )


def _with_long_edge(size: Size, long: int) -> Size:
    """The size with this long edge; the short edge is rounded as in the reference algorithm of Claude."""
    short = round(long / (size.long_edge / size.short_edge)) or 1
    return Size(long, short) if size.width >= size.height else Size(short, long)
