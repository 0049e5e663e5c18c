"""The fairest way to share a budget when each can only take certain amounts."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import chain
from math import inf
from typing import NamedTuple

Amounts = tuple[int, ...]
"""What one can take, ascending."""


def fairest(ladders: Sequence[Amounts], budget: int) -> tuple[int, ...] | None:
    """One amount of each ladder, together within the budget, so that those with least have the most.

    Optimal in the max-min sense: with the amounts sorted ascending, no other choice within the budget is
    lexicographically greater; the one with least could not have more, then the next, and so on. None where
    not even the smallest amounts fit. Whose amount is whose depends on the ladders alone: of equal ladders
    the earlier one takes the larger amount.

    Up to a level everybody can be served: whoever cannot take that much takes all that they can. From there
    on the amounts are visited in ascending order, and as few as possible stay behind at each. Who stays is
    left open as long as it can be (a matching of those who stay to the amounts that they stay at), because
    one who would need a large step next is worth more at a low amount than one with a small step.
    """
    if sum(amounts[-1] for amounts in ladders) <= budget:
        return tuple(amounts[-1] for amounts in ladders)
    if sum(amounts[0] for amounts in ladders) > budget:
        return None
    values = sorted(set(chain.from_iterable(ladders)))
    level = values[_last(values, lambda value: _cost_of_level(ladders, value) <= budget)]
    taken = {i: amounts[-1] for i, amounts in enumerate(ladders) if amounts[-1] < level}
    order = sorted((i for i in range(len(ladders)) if i not in taken), key=lambda i: (ladders[i], -i))
    rest = _Rest([ladders[i] for i in order], budget - sum(taken.values()), level)
    taken.update(zip(order, rest.shared(), strict=True))
    return _canonical(ladders, taken)


def _canonical(ladders: Sequence[Amounts], taken: dict[int, int]) -> tuple[int, ...]:
    """The amounts with those of equal ladders in descending order."""
    of_ladder: dict[Amounts, list[int]] = {}
    for i, amounts in enumerate(ladders):
        of_ladder.setdefault(amounts, []).append(taken[i])
    for mine in of_ladder.values():
        mine.sort()
    return tuple(of_ladder[amounts].pop() for amounts in ladders)


def _cost_of_level(ladders: Sequence[Amounts], level: int) -> int:
    """The sum when each takes at least the level, or all that they can."""
    return sum(_at_least(amounts, level) or amounts[-1] for amounts in ladders)


def _at_least(amounts: Amounts, least: int) -> int | None:
    """The smallest amount of at least `least`; None where all are smaller."""
    at = bisect_left(amounts, least)
    return amounts[at] if at < len(amounts) else None


def _last(values: Sequence[int], fits: Callable[[int], bool]) -> int:
    """The index of the last value that fits, where all before one that fits do too and the first does."""
    return bisect_left(values, 1, key=lambda value: not fits(value)) - 1


class _Rest(NamedTuple):
    """Those who can all be served at the level, and the budget that is left for them."""

    ladders: Sequence[Amounts]
    budget: int
    level: int

    def shared(self) -> list[int]:
        """The amount of each, from the level upwards as few as possible at each value."""
        counts: dict[int, int] = {}
        for value in sorted(
            {amount for amounts in self.ladders for amount in amounts if amount >= self.level}
        ):
            higher = [_at_least(amounts, value + 1) for amounts in self.ladders]
            counts[value] = self._fewest(counts, value, higher)
            stay = self._staying(counts, higher)
            if stay is not None and len(stay) == len(self.ladders):
                return [stay[i] for i in range(len(self.ladders))]
        raise AssertionError("at the highest amount everyone stays")

    def _fewest(self, counts: dict[int, int], value: int, higher: Sequence[int | None]) -> int:
        """The fewest who have to stay at a value; at most of them nobody has to."""
        if self._suffices(counts, higher):
            return 0
        candidates = sum(value in amounts for amounts in self.ladders)
        fewer = range(1, candidates + 1)
        return 1 + bisect_left(fewer, 1, key=lambda few: self._suffices({**counts, value: few}, higher))

    def _suffices(self, counts: dict[int, int], higher: Sequence[int | None]) -> bool:
        """Whether so many stay behind that the others can have more; more than can stay is enough too."""
        stay = self._staying(counts, higher)
        if stay is None:
            return True
        others = [amount for i, amount in enumerate(higher) if i not in stay]
        if None in others:
            return False
        return sum(stay.values()) + sum(amount for amount in others if amount) <= self.budget

    def _staying(self, counts: dict[int, int], higher: Sequence[int | None]) -> dict[int, int] | None:
        """Who stays at which value so that the others need the least; None where nobody fills a place.

        Places are taken in the order of the step that one is spared: sets of people that can be seated are
        independent in a matroid, so taking the dearest who still fits is best.
        """
        places = sum(counts.values())
        seats = _Seats(self.ladders, counts)
        hopeless: set[Amounts] = set()
        for i in sorted(range(len(self.ladders)), key=lambda i: -(higher[i] or inf)):
            if len(seats.taken) == places:
                break
            if self.ladders[i] not in hopeless and not seats.seat(i, set()):
                hopeless.add(self.ladders[i])
        return seats.taken if len(seats.taken) == places else None


class _Seats:
    """A matching of people to the values that they stay at, as many at each as it has places."""

    def __init__(self, ladders: Sequence[Amounts], places: dict[int, int]) -> None:
        self.taken: dict[int, int] = {}
        self._ladders = ladders
        self._places = {value: count for value, count in places.items() if count}
        self._at: dict[int, list[int]] = {value: [] for value in self._places}

    def seat(self, i: int, tried: set[int]) -> bool:
        """Seat one more, moving others where that helps; whether it could be done."""
        for value in self._ladders[i]:
            if value not in self._places or value in tried:
                continue
            tried.add(value)
            sitting = self._at[value]
            if len(sitting) < self._places[value]:
                sitting.append(i)
                self.taken[i] = value
                return True
            for other in sitting:
                if self.seat(other, tried):
                    sitting.remove(other)
                    sitting.append(i)
                    self.taken[i] = value
                    return True
        return False
