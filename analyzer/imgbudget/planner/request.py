"""The joint plan of a request under all limits at once, and what to drop if no resize can save it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.model.budgets import Budget
from imgbudget.model.edits import ImageEdit, RequestEdit
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.subjects import Origin, Request
from imgbudget.planner.allocation import share_tokens, within_body
from imgbudget.planner.bounds import (
    NO_BUDGET,
    RequestBound,
    Room,
    TokenBound,
    Unit,
    body_limit,
    bounds_of,
    groups,
    reason_of_body,
    reason_of_tokens,
    room_of,
    together,
    token_bounds,
    units_of,
)
from imgbudget.planner.from_findings import in_order
from imgbudget.planner.image import ImagePlan, SizeGoal, least_bytes, plan_image, text_length
from imgbudget.planner.sizes import SizeStep, size_steps


class Remedy(NamedTuple):
    """What would help: to leave out images, the largest first, or to divide the request.

    `reasons` say what cannot be kept. `dropped` are the images to leave out, as few as do; None where that
    does not help. `requests` is into how many it would have to be divided at least, in the order of the
    blocks and with the texts repeated; None where that does not help. The images may be shrunk in both cases.
    """

    reasons: tuple[str, ...]
    dropped: tuple[Location, ...] | None
    requests: int | None


def remedy_of(
    test: RequestUnderTest, budget: Budget, plans: Sequence[ImagePlan], *, unsafe: bool
) -> Remedy | None:
    """What would make the request feasible; None where it is."""
    now = units_of(test)
    room = room_of(test, budget, now)
    by_place = {plan.use.location: plan for plan in plans}
    units = [_least(unit, by_place.get(unit.first), unsafe=unsafe) for unit in now]
    if not units or not (lacks := room.lacks(together(units))):
        return None
    parts = groups(units, room.holds)
    return Remedy(
        reasons=tuple(lack.reason for lack in lacks),
        dropped=_dropped(units, room),
        requests=len(parts) if all(room.holds(together(part)) for part in parts) else None,
    )


def token_steps(plan: ImagePlan, *, unsafe: bool) -> tuple[SizeStep, ...]:
    """The sizes that an image can give down to, its planned one last; that one alone where it cannot give."""
    if _gives(plan, unsafe=unsafe):
        return size_steps(plan.size, plan.planned, plan.limits.least_edge, plan.limits.tier)
    return (SizeStep(plan.tokens_after, plan.planned),)


def _gives(plan: ImagePlan, *, unsafe: bool) -> bool:
    """Whether a fixer may encode the image anew: an animation would lose its other frames."""
    return unsafe or plan.use.facts is None or not plan.use.facts.animated


def _least(unit: Unit, plan: ImagePlan | None, *, unsafe: bool) -> Unit:
    """The unit when it gives all that it can."""
    if plan is None or plan.use.facts is None or not _gives(plan, unsafe=unsafe):
        return unit
    least = text_length(least_bytes(plan.use.facts, plan.limits.least_edge, plan.planned))
    text = min(least, unit.characters)
    return unit._replace(
        tokens=token_steps(plan, unsafe=unsafe)[0].tokens,
        characters=text,
        largest=text,
        long_edge=min(plan.planned.long_edge, unit.long_edge),
    )


def _dropped(units: list[Unit], room: Room) -> tuple[Location, ...] | None:
    """The images to leave out: as long as something lacks, the one most to blame for the first of it."""
    kept = list(units)
    dropped: list[Location] = []
    while lacks := room.lacks(together(kept)):
        images = [unit for unit in kept if unit.images]
        if len(images) < 2:
            return None
        worst = max(images, key=lacks[0].weight)
        kept.remove(worst)
        dropped.append(worst.first)
    order = {unit.first: number for number, unit in enumerate(units)}
    return tuple(sorted(dropped, key=order.__getitem__))


NO_GOAL = SizeGoal()


class RequestPlan(NamedTuple):
    """What to do with a request so that it keeps all limits at once.

    `images` are the plans of its images whose size is known, in their order. `bounds` are the limits and
    budgets with what the request comes to before and after; of bytes that are encoded anew `after` is the
    most that the plan lets them have. `remedy` is the smallest change that would make the request feasible,
    None where it is. `edit` is the plan for a fixer; of a request that is not feasible it is what comes
    nearest.
    """

    request: Request
    limits: Limits
    images: tuple[ImagePlan, ...]
    bounds: tuple[RequestBound, ...]
    edit: RequestEdit
    remedy: Remedy | None = None

    @property
    def binding(self) -> tuple[RequestBound, ...]:
        """The limits that decide: without one of them an image would keep more."""
        return tuple(bound for bound in self.bounds if bound.binds)

    @property
    def speaks(self) -> bool:
        """Whether there is anything to say of the limits: the request is over one, or no plan keeps it."""
        return not self.feasible or any(bound.exceeded or bound.binds for bound in self.bounds)

    @property
    def feasible(self) -> bool:
        """Whether the plan keeps every limit."""
        return self.remedy is None


def plan_request(
    test: RequestUnderTest,
    *,
    budget: Budget = NO_BUDGET,
    goal: SizeGoal = NO_GOAL,
    unsafe: bool = False,
) -> RequestPlan:
    """The joint plan of a request under the platform's limits and the user's own budget for it.

    First each image gets the size that its own limits and the request's edge leave it. Where the images then
    take more tokens than the context, the token budget or the cost budget allow, they get the fairest sizes
    within that (see `fairest`): an image can have the numbers of tokens on the staircase of sizes
    with its aspect ratio, from 200 px of short edge up to the size so far, and no other choice of them gives
    those with the fewest tokens more. Where the body is too long, bytes are levelled the same way. Images
    below the levels stay byte for byte, as do animations unless `unsafe` lets them lose frames.

    `budget.tokens` and `budget.cost` are of the visual tokens alone, `budget.bytes` of the whole body.
    """
    request, limits = test.request, test.limits
    alone = [
        plan
        for use, asked in test.images
        if (plan := plan_image(use, asked, edge_limit=test.edge_limit, target=goal)) is not None
    ]
    tightest = min(token_bounds(limits, budget), key=lambda it: it.tokens)
    sized = _within_tokens(alone, tightest, unsafe=unsafe)
    edits = {plan.use.location: edit for plan in sized if (edit := _edit(plan, unsafe=unsafe))}
    most = body_limit(limits, budget)
    over = most is not None and request.byte_size > most
    bounded = within_body(test, edits, most=most if over else None, unsafe=unsafe)
    if most is not None and body_at_most(request, bounded) > most >= request.byte_size:
        bounded = within_body(test, edits, most=most, unsafe=unsafe)
    plans = tuple(_bounded(plan, edits, bounded, most) for plan in sized)
    bounds = bounds_of(test, budget, alone, plans)
    return RequestPlan(
        request=request,
        limits=limits,
        images=plans,
        bounds=bounds,
        edit=RequestEdit(images=in_order(request, bounded)),
        remedy=remedy_of(test, budget, plans, unsafe=unsafe),
    )


def body_at_most(request: Request, edits: Mapping[Location, ImageEdit]) -> int:
    """The length of the body at most, once every image is within the bytes that its edit allows."""
    return request.byte_size + sum(
        text_length(edit.max_bytes) - use.base64_size
        for use in request.images
        if use.origin is Origin.BASE64
        and use.base64_size is not None
        and (edit := edits.get(use.location))
        and edit.max_bytes is not None
    )


def _within_tokens(plans: Sequence[ImagePlan], bound: TokenBound, *, unsafe: bool) -> list[ImagePlan]:
    """The plans with sizes that keep all images within the bound, with the smallest ones where none do."""
    if sum(plan.tokens_after for plan in plans) <= bound.tokens:
        return list(plans)
    ladders = [token_steps(plan, unsafe=unsafe) for plan in plans]
    steps = share_tokens([plan.use for plan in plans], ladders, bound.tokens)
    if steps is None:
        steps = [each[0] for each in ladders]
    return [
        plan
        if step.tokens == plan.tokens_after
        else plan._replace(planned=step.size, reason=reason_of_tokens(bound), row=None)
        for plan, step in zip(plans, steps, strict=True)
    ]


def _edit(plan: ImagePlan, *, unsafe: bool) -> ImageEdit | None:
    edit, facts = plan.edit, plan.use.facts
    return edit._replace(first_frame=unsafe) if edit and facts and facts.animated else edit


def _bounded(
    plan: ImagePlan,
    edits: Mapping[Location, ImageEdit],
    bounded: Mapping[Location, ImageEdit],
    most: int | None,
) -> ImagePlan:
    """The plan as the bounds on bytes leave it."""
    edit, before = bounded.get(plan.use.location), edits.get(plan.use.location)
    if edit is None or edit == before:
        return plan
    planned = edit.size or plan.size
    found = plan._replace(planned=planned, max_bytes=edit.max_bytes)
    if found.planned == plan.planned and not (found.is_bounded and not plan.is_bounded):
        return found
    reason = reason_of_body(most) if most is not None else ""
    return found._replace(reason="; ".join(filter(None, (plan.reason * plan.changes, reason))))
