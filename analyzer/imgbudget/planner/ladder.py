"""The sizes that an image can be sent in with fewer tokens: a staircase, a step a number of tokens."""

from functools import lru_cache
from typing import NamedTuple

from imgbudget.geometry import PATCH, Size, patches


class Step(NamedTuple):
    """A number of visual tokens, and the largest size of the image's ratio that takes no more."""

    tokens: int
    size: Size


@lru_cache(maxsize=1024)
def ladder(size: Size, top: Size, least: int) -> tuple[Step, ...]:
    """The steps of an image of `size` px from the smallest up to `top`, which is within `size`.

    For each long edge the short edge is the rounded one of the same ratio. Of all long edges with the same
    number of tokens the longest is the step. No step has a short edge under `least` px, except the top
    itself, which is always the last step.
    """
    if size.width < size.height:
        return tuple(
            Step(step.tokens, step.size.transposed) for step in ladder(size.transposed, top.transposed, least)
        )
    ratio = size.width / size.height
    longest: dict[int, int] = {}
    for long in _ends_of_patches(ratio, top):
        short = round(long / ratio) or 1
        if min(long, short) >= least and short <= top.height:
            tokens = patches(Size(long, short))
            longest[tokens] = max(long, longest.get(tokens, 0))
    most = patches(top)
    steps = (Step(tokens, Size(long, round(long / ratio) or 1)) for tokens, long in sorted(longest.items()))
    return (*(step for step in steps if step.tokens < most), Step(most, top))


def step_within(size: Size, top: Size, tokens: int, least: int = 1) -> Size:
    """The largest step of at most `tokens` tokens; the smallest step where all take more."""
    steps = ladder(size, top, least)
    return next((step.size for step in reversed(steps) if step.tokens <= tokens), steps[0].size)


def _ends_of_patches(ratio: float, top: Size) -> set[int]:
    """The long edges behind which a column or a row of patches begins, below the top's long edge."""
    ends = {columns * PATCH for columns in range(1, top.width // PATCH + 1)}
    for rows in range(1, -(-top.height // PATCH) + 1):
        long = int((rows * PATCH + 1) * ratio) + 1
        while long > 1 and round(long / ratio) > rows * PATCH:
            long -= 1
        ends.add(min(long, top.width))
    return {long for long in ends if long < top.width}
