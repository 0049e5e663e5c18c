"""Water levels: how much each of several may keep when all together must fit into a room."""

from collections.abc import Sequence
from itertools import accumulate


def fair_level(needs: Sequence[int], room: int) -> int:
    """The highest level at which all fit: the sum of min(need, level) is within `room`.

    Those that need no more than the level keep all of it, the others give down to the level and no further:
    no other sharing gives the least one more (max-min fairness). The largest need where all fit, negative
    where not even nothing fits.
    """
    if sum(needs) <= room:
        return max(needs, default=0)
    ascending = sorted(needs)
    below = (0, *accumulate(ascending))
    for count, need in enumerate(ascending):
        over = len(ascending) - count
        if below[count] + need * over > room:
            return (room - below[count]) // over
    raise AssertionError("the needs are more than the room")
