"""Water levels: how much each of several may keep when all together must fit into a room."""

from bisect import bisect_right
from collections.abc import Sequence


def fair_level(needs: Sequence[int], room: int, least: Sequence[int] = ()) -> int:
    """The highest level at which all fit: the sum of min(need, level) is within `room`.

    Those that need no more than the level keep all of it, the others give down to the level and no further:
    no other sharing gives the smallest share more (max-min fairness). Nobody is asked to go under their
    `least`, 0 for all unless given. The largest need where all fit, -1 where not even the least fit.
    """
    least = least or [0] * len(needs)
    if sum(needs) <= room:
        return max(needs, default=0)
    levels = range(max(needs, default=0))
    return bisect_right(levels, room, key=lambda level: sum(shares(needs, level, least))) - 1


def shares(needs: Sequence[int], level: int, least: Sequence[int]) -> list[int]:
    """What each keeps at a level."""
    return [min(need, max(level, low)) for need, low in zip(needs, least, strict=True)]
