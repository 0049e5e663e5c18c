"""The smallest change that makes a request feasible which no resize can save."""

from collections.abc import Sequence
from typing import NamedTuple

from imgbudget.budgets import Budget
from imgbudget.model import Place
from imgbudget.planner.encodings import least_bytes, text_length
from imgbudget.planner.image import ImagePlan
from imgbudget.planner.ladder import Step, ladder
from imgbudget.planner.units import Room, Unit, groups, room_of, together, units_of
from imgbudget.undertest import RequestUnderTest


class Remedy(NamedTuple):
    """What would help: to leave out images, the largest first, or to divide the request.

    `reasons` say what cannot be kept. `dropped` are the images to leave out, as few as do; None where that
    does not help. `requests` is into how many it would have to be divided at least, in the order of the
    blocks and with the texts repeated; None where that does not help. The images may be shrunk in both cases.
    """

    reasons: tuple[str, ...]
    dropped: tuple[Place, ...] | None
    requests: int | None


def remedy_of(
    test: RequestUnderTest, budget: Budget, plans: Sequence[ImagePlan], *, unsafe: bool
) -> Remedy | None:
    """What would make the request feasible; None where it is."""
    now = units_of(test)
    room = room_of(test, budget, now)
    by_place = {plan.use.place: plan for plan in plans}
    units = [_least(unit, by_place.get(unit.first), unsafe=unsafe) for unit in now]
    if not units or not (lacks := room.lacks(together(units))):
        return None
    parts = groups(units, room.holds)
    return Remedy(
        reasons=tuple(lack.reason for lack in lacks),
        dropped=_dropped(units, room),
        requests=len(parts) if all(room.holds(together(part)) for part in parts) else None,
    )


def token_steps(plan: ImagePlan, *, unsafe: bool) -> tuple[Step, ...]:
    """The sizes that an image can give down to, its planned one last; that one alone where it cannot give."""
    if _gives(plan, unsafe=unsafe):
        return ladder(plan.size, plan.planned, plan.limits.least_edge, plan.limits.tier)
    return (Step(plan.tokens_after, plan.planned),)


def _gives(plan: ImagePlan, *, unsafe: bool) -> bool:
    """Whether a fixer may encode the image anew: an animation would lose its other frames."""
    return unsafe or plan.use.facts is None or not plan.use.facts.animated


def _least(unit: Unit, plan: ImagePlan | None, *, unsafe: bool) -> Unit:
    """The unit when it gives all that it can."""
    if plan is None or plan.use.facts is None or not _gives(plan, unsafe=unsafe):
        return unit
    least = text_length(least_bytes(plan.use.facts, plan.limits.least_edge))
    text = min(least, unit.characters)
    return unit._replace(
        tokens=token_steps(plan, unsafe=unsafe)[0].tokens,
        characters=text,
        largest=text,
        long_edge=min(plan.planned.long_edge, unit.long_edge),
    )


def _dropped(units: list[Unit], room: Room) -> tuple[Place, ...] | None:
    """The images to leave out: as long as something lacks, the one most to blame for the first of it."""
    kept = list(units)
    dropped: list[Place] = []
    while lacks := room.lacks(together(kept)):
        images = [unit for unit in kept if unit.images]
        if len(images) < 2:
            return None
        worst = max(images, key=lacks[0].weight)
        kept.remove(worst)
        dropped.append(worst.first)
    order = {unit.first: number for number, unit in enumerate(units)}
    return tuple(sorted(dropped, key=order.__getitem__))
