"""The sizes that an image can be sent in with fewer tokens: a staircase, a step a number of tokens."""

from functools import lru_cache
from typing import NamedTuple

from imgbudget.geometry import PATCH, Size, Tier, patches, tokens


class Step(NamedTuple):
    """A number of visual tokens, and the largest size of the image's ratio that takes no more."""

    tokens: int
    size: Size


@lru_cache(maxsize=1024)
def ladder(size: Size, top: Size, least: int, tier: Tier | None = None) -> tuple[Step, ...]:
    """The steps of an image of `size` px from the smallest up to `top`, which is within `size`.

    Tokens are patches of 28 px unless the tier is one of another provider, whose strategy counts.

    For each long edge the short edge is the rounded one of the same ratio. Of all long edges with the same
    number of tokens the longest is the step. No step has a short edge under `least` px, except the top
    itself, which is always the last step.
    """
    if tier is not None and tier.strategy:
        return _by_strategy(size, top, least, tier)
    if size.width < size.height:
        return tuple(
            Step(step.tokens, step.size.transposed) for step in ladder(size.transposed, top.transposed, least)
        )
    ratio = size.width / size.height
    longest: dict[int, int] = {}
    for long in _ends_of_patches(ratio, top):
        short = round(long / ratio) or 1
        if min(long, short) >= least and short <= top.height:
            count = patches(Size(long, short))
            longest[count] = max(long, longest.get(count, 0))
    most = patches(top)
    steps = (Step(count, Size(long, round(long / ratio) or 1)) for count, long in sorted(longest.items()))
    return (*(step for step in steps if step.tokens < most), Step(most, top))


def step_within(size: Size, top: Size, most: int, least: int = 1, *, tier: Tier | None = None) -> Size:
    """The largest step of at most `most` tokens; the smallest step where all take more."""
    steps = ladder(size, top, least, tier)
    return next((step.size for step in reversed(steps) if step.tokens <= most), steps[0].size)


def _by_strategy(size: Size, top: Size, least: int, tier: Tier) -> tuple[Step, ...]:
    """The steps as a strategy counts them: it is asked for every long edge, as costs may fall again."""
    steps: list[Step] = []
    last = Step(tokens(top, tier), top)
    for long in range(1, top.long_edge):
        one = size.scaled(long, size.long_edge)
        if one.short_edge < least:
            continue
        step = Step(tokens(one, tier), one)
        while steps and steps[-1].tokens >= step.tokens:
            steps.pop()  # a larger size for no more is the better one
        steps.append(step)
    return (*(step for step in steps if step.tokens < last.tokens), last)


def _ends_of_patches(ratio: float, top: Size) -> set[int]:
    """The long edges behind which a column or a row of patches begins, below the top's long edge."""
    ends = {columns * PATCH for columns in range(1, top.width // PATCH + 1)}
    for rows in range(1, -(-top.height // PATCH) + 1):
        long = int((rows * PATCH + 1) * ratio) + 1
        while long > 1 and round(long / ratio) > rows * PATCH:
            long -= 1
        ends.add(min(long, top.width))
    return {long for long in ends if long < top.width}
