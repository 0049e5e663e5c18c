"""How to divide a request that is too much into several that the API takes, no image changed."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from imgbudget.budgets import Budget
from imgbudget.limits import Limits
from imgbudget.model import Request
from imgbudget.planner.bounds import NO_BUDGET
from imgbudget.planner.units import Room, Unit, groups, room_of, together, units_of
from imgbudget.undertest import RequestUnderTest


class Part(NamedTuple):
    """One of the requests: the images and documents of it from `whole.first` to `whole.last`.

    `byte_size` is the length of its body with all texts and tools repeated. `reasons` say why it would be
    refused all the same, as it cannot be divided further; empty for one that fits.
    """

    whole: Unit
    byte_size: int
    reasons: tuple[str, ...]


class Split(NamedTuple):
    """The parts that a request divides into, a single one where it need not be divided."""

    request: Request
    limits: Limits
    parts: tuple[Part, ...]

    @property
    def fits(self) -> bool:
        """Whether every part is taken as it stands."""
        return not any(part.reasons for part in self.parts)


def split_request(test: RequestUnderTest, *, budget: Budget = NO_BUDGET) -> Split:
    """As few requests as hold all images and documents of this one, in their order, every image as it is.

    A turn is divided only where it does not fit by itself. Where as many requests would do with fewer images
    in the fullest of them, the images are spread more evenly.
    """
    units = units_of(test)
    room = room_of(test, budget, units)
    atoms = _atoms(units, room)
    count = len(groups(atoms, room.holds))

    def evenly(most: int) -> list[list[Unit]]:
        return groups(atoms, lambda unit: unit.images + unit.documents <= most and room.holds(unit))

    most = bisect_left(range(len(units)), 1, key=lambda most: len(evenly(most)) <= count)
    return Split(test.request, test.limits, tuple(_part(part, room) for part in evenly(most)))


def _atoms(units: Sequence[Unit], room: Room) -> list[Unit]:
    """What is not divided: a turn that fits by itself, else each of its images and documents."""
    atoms: list[Unit] = []
    for _, members in groupby(units, key=lambda unit: unit.turn):
        turn = tuple(members)
        whole = together(turn)
        atoms.extend((whole,) if room.holds(whole) else turn)
    return atoms


def _part(atoms: Sequence[Unit], room: Room) -> Part:
    whole = together(atoms)
    return Part(
        whole=whole,
        byte_size=whole.characters + room.fixed,
        reasons=tuple(lack.reason for lack in room.lacks(whole)),
    )
