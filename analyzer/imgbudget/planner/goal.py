"""What a plan aims for, over what the model and the platform ask of every image."""

from enum import Enum
from typing import NamedTuple

from imgbudget.limits import Limits


class Target(Enum):
    """Which of the sizes that the API leaves alone a plan takes."""

    TABLE = "table"
    """A row of the aspect-ratio table where one keeps the ratio, else the native size."""
    NATIVE = "native"
    """The largest size that the API leaves alone."""
    LATENCY = "latency"
    """Within the size that the guide advised for a quick first token: 1.15 megapixels and 1568 px."""


class Goal(NamedTuple):
    """A target, and what one image may have at most: px an edge, visual tokens, bytes of its file, USD.

    With `models` the size has to suit all of these, whatever the target; `cheapest` takes the one near the
    largest for which they cost least together.
    """

    target: Target = Target.TABLE
    dimension: int | None = None
    tokens: int | None = None
    byte_size: int | None = None
    cost: float | None = None
    models: tuple[Limits, ...] = ()
    cheapest: bool = False

    def most_tokens(self, limits: Limits) -> int | None:
        """The visual tokens that one image may have by its tokens and by its cost; None where any number."""
        wishes = (self.tokens, None if self.cost is None else tokens_for_cost(limits, self.cost))
        return min((wish for wish in wishes if wish is not None), default=None)


def tokens_for_cost(limits: Limits, usd: float) -> int:
    """The most tokens that cost no more than `usd` at the model's input price, long prompts included."""
    low, high = 0, int(usd * 1e9) + 1  # no price is under a nano-dollar a token
    while low + 1 < high:
        middle = (low + high) // 2
        if limits.cost_usd(middle) <= usd:
            low = middle
        else:
            high = middle
    return low
