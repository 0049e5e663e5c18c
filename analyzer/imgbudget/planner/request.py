"""The joint plan of a request under all limits at once, and what to remove if no resize is enough."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import bills_size
from imgbudget.model.budgets import Budget
from imgbudget.model.edits import ImageEdit, RequestEdit
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.safety import ANY_LOSS
from imgbudget.model.subjects import Origin, Request
from imgbudget.planner.allocation import share_tokens, within_body
from imgbudget.planner.bounds import (
    BODIES,
    NO_BUDGET,
    Capacity,
    MediaSpan,
    Remaining,
    RequestBound,
    TokenBound,
    body_limit,
    bounds_of,
    capacity_of,
    groups,
    joined,
    media_spans,
    reason_of_body,
    reason_of_tokens,
    token_bounds,
)
from imgbudget.planner.from_findings import in_order
from imgbudget.planner.image import ImagePlan, SizeGoal, least_bytes, plan_image, text_length
from imgbudget.planner.sizes import SizeStep, size_steps


class Remedy(NamedTuple):
    """What would help: leaving out images, or splitting the request.

    `reasons` say which limits cannot be kept. `dropped` are the fewest images to leave out, the largest
    first; None where that does not help. `requests` is the least number of requests to split it into, in
    block order and with the texts repeated; None where that does not help. Images may be shrunk in both
    cases.
    """

    reasons: tuple[str, ...]
    dropped: tuple[Location, ...] | None
    requests: int | None


def remedy_of(
    test: RequestUnderTest, budget: Budget, plans: Sequence[ImagePlan], *, unsafe: bool
) -> Remedy | None:
    """What would make the request feasible; None if it is."""
    now = media_spans(test)
    capacity = capacity_of(test, budget, now)
    by_location = {plan.use.location: plan for plan in plans}
    spans = [_least(span, by_location.get(span.first), unsafe=unsafe) for span in now]
    if not spans or not (overruns := capacity.overruns(joined(spans))):
        return None
    parts = groups(spans, capacity.holds)
    return Remedy(
        reasons=tuple(overrun.reason for overrun in overruns),
        dropped=_dropped(spans, capacity),
        requests=len(parts) if all(capacity.holds(joined(part)) for part in parts) else None,
    )


def token_steps(plan: ImagePlan, *, unsafe: bool) -> tuple[SizeStep, ...]:
    """The sizes that an image can be reduced to, the planned one last; only that one if it is fixed."""
    limits = plan.limits
    if limits.counts_tokens and bills_size(limits.tier) and _may_shrink(plan, unsafe=unsafe):
        return size_steps(plan.size, plan.planned, limits.least_edge, limits.tier)
    return (SizeStep(plan.tokens_after or 0, plan.planned),)


def _may_shrink(plan: ImagePlan, *, unsafe: bool) -> bool:
    """Whether a fixer may re-encode the image: an animation would lose its other frames."""
    return unsafe or plan.use.facts is None or not plan.use.facts.animated


def _least(span: MediaSpan, plan: ImagePlan | None, *, unsafe: bool) -> MediaSpan:
    """The span with its image at the smallest legible size."""
    if plan is None or plan.use.facts is None or not _may_shrink(plan, unsafe=unsafe):
        return span
    least = text_length(least_bytes(plan.use.facts, plan.limits.least_edge, plan.planned))
    text = min(least, span.characters)
    return span._replace(
        tokens=token_steps(plan, unsafe=unsafe)[0].tokens,
        characters=text,
        largest=text,
        long_edge=min(plan.planned.long_edge, span.long_edge),
    )


def _dropped(spans: list[MediaSpan], capacity: Capacity) -> tuple[Location, ...] | None:
    """The images to leave out: while a limit is exceeded, the one that contributes most to the first."""
    left = Remaining(spans)
    while left.images and (overruns := capacity.overruns(left.total)):
        if left.images < 2:
            return None
        left.take(overruns[0].weight)
    return tuple(spans[number].first for number in sorted(left.taken)) if left.images else None


NO_GOAL = SizeGoal()


class RequestPlan(NamedTuple):
    """How to change a request so that it keeps all limits at once.

    `images` are the plans of its images of known size, in order. `bounds` are the limits and budgets with the
    amounts before and after; bytes of re-encoded images are those of the image plans. `remedy` is the
    smallest change that would make the request feasible, None if it is. `edit` is the plan for a fixer; if
    the request is not feasible, the nearest one. `broken` are the limits that the plan would keep if a fixer
    could change every image as planned.
    """

    test: RequestUnderTest
    budget: Budget
    images: tuple[ImagePlan, ...]
    bounds: tuple[RequestBound, ...]
    edit: RequestEdit
    remedy: Remedy | None = None
    broken: tuple[RequestBound, ...] = ()

    @property
    def request(self) -> Request:
        """The request."""
        return self.test.request

    @property
    def limits(self) -> Limits:
        """The limits of its model and platform."""
        return self.test.limits

    def made(self, images: Sequence[ImagePlan], body: int | None) -> "RequestPlan":
        """The plan as a fixer carries it out: its images, and the bytes of the body if that changes."""
        after = bounds_of(self.test, self.budget, self.images, images)
        if body is not None:
            after = tuple(bound._replace(after=body) if bound.name in BODIES else bound for bound in after)
        pairs = list(zip(self.bounds, after, strict=True))
        bounds = tuple(planned._replace(after=found.after) for planned, found in pairs)
        broken = tuple(found for planned, found in pairs if planned.kept and not found.kept)
        return self._replace(images=tuple(images), bounds=bounds, broken=broken)

    @property
    def binding(self) -> tuple[RequestBound, ...]:
        """The limits without which an image would be larger."""
        return tuple(bound for bound in self.bounds if bound.binds)

    @property
    def is_notable(self) -> bool:
        """Whether a limit is exceeded, binds, or cannot be kept."""
        return not self.feasible or any(bound.exceeded or bound.binds for bound in self.bounds)

    @property
    def feasible(self) -> bool:
        """Whether the plan keeps every limit."""
        return self.remedy is None and not self.broken


def plan_request(
    test: RequestUnderTest,
    *,
    budget: Budget = NO_BUDGET,
    goal: SizeGoal = NO_GOAL,
    unsafe: bool = False,
) -> RequestPlan:
    """The joint plan of a request under the platform's limits and the user's own budget for it.

    First each image gets the size that its own limits and the edge limit of the request allow. If the images
    then take more tokens than the context, the token budget or the cost budget allow, they get the fairest
    sizes within that (see `fairest`): each image may have any number of tokens on the staircase of sizes with
    its aspect ratio, from 200 px of short edge up to the size so far, and no other choice gives more to those
    with the fewest tokens. If the body is too long, bytes are shared in the same way. Images below their
    share are not changed at all; nor are animations unless `unsafe` permits the loss of frames.

    `budget.tokens` and `budget.cost` count visual tokens only, `budget.bytes` the whole body.
    """
    request, limits = test.request, test.limits
    separate = [
        plan
        for use, asked in test.images
        if (plan := plan_image(use, asked, edge_limit=test.edge_limit, target=goal)) is not None
    ]
    tightest = min(token_bounds(limits, budget), key=lambda it: it.tokens, default=None)
    sized = separate if tightest is None else _within_tokens(separate, tightest, unsafe=unsafe)
    edits = {plan.use.location: edit for plan in sized if (edit := _edit(plan, unsafe=unsafe))}
    most = body_limit(limits, budget)
    over = most is not None and request.byte_size > most
    bounded = within_body(test, edits, most=most if over else None, unsafe=unsafe)
    if most is not None and body_at_most(request, bounded) > most >= request.byte_size:
        bounded = within_body(test, edits, most=most, unsafe=unsafe)
    plans = tuple(_bounded(plan, edits, bounded, most) for plan in sized)
    bounds = bounds_of(test, budget, separate, plans)
    return RequestPlan(
        test=test,
        budget=budget,
        images=plans,
        bounds=bounds,
        edit=RequestEdit(images=in_order(request, bounded)),
        remedy=remedy_of(test, budget, plans, unsafe=unsafe),
    )


def body_at_most(request: Request, edits: Mapping[Location, ImageEdit]) -> int:
    """The greatest length of the body once every image is within the bytes that its edit allows."""
    return request.byte_size + sum(
        text_length(edit.max_bytes) - use.base64_size
        for use in request.images
        if use.origin is Origin.BASE64
        and use.base64_size is not None
        and (edit := edits.get(use.location))
        and edit.max_bytes is not None
    )


def _within_tokens(plans: Sequence[ImagePlan], bound: TokenBound, *, unsafe: bool) -> list[ImagePlan]:
    """The plans with sizes within the bound; with the smallest sizes where none are."""
    if sum(plan.tokens_after or 0 for plan in plans) <= bound.tokens:
        return list(plans)
    choices = [token_steps(plan, unsafe=unsafe) for plan in plans]
    steps = share_tokens([plan.use for plan in plans], choices, bound.tokens)
    if steps is None:
        steps = [each[0] for each in choices]
    return [
        plan
        if step.tokens == plan.tokens_after
        else plan._replace(planned=step.size, reason=reason_of_tokens(bound), row=None, may_grow=True)
        for plan, step in zip(plans, steps, strict=True)
    ]


def _edit(plan: ImagePlan, *, unsafe: bool) -> ImageEdit | None:
    edit, facts = plan.edit, plan.use.facts
    if edit is None or not unsafe:
        return edit
    return edit._replace(first_frame=facts is not None and facts.animated, permits=ANY_LOSS)


def _bounded(
    plan: ImagePlan,
    edits: Mapping[Location, ImageEdit],
    bounded: Mapping[Location, ImageEdit],
    most: int | None,
) -> ImagePlan:
    """The plan after images were bounded in bytes."""
    edit, before = bounded.get(plan.use.location), edits.get(plan.use.location)
    if edit is None or edit == before:
        return plan
    planned = edit.size or plan.size
    found = plan._replace(planned=planned, max_bytes=edit.max_bytes)
    if found.planned == plan.planned and not (found.is_bounded and not plan.is_bounded):
        return found
    reason = reason_of_body(most) if most is not None else ""
    return found._replace(reason="; ".join(filter(None, (plan.reason * plan.changes, reason))))
