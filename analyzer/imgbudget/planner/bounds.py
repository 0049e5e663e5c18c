"""The limits and budgets that a request has to keep, and what it comes to before and after a plan."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imgbudget.budgets import Budget
from imgbudget.limits import Limits
from imgbudget.model import DocumentUse
from imgbudget.planner.encodings import text_length
from imgbudget.planner.goal import tokens_for_cost
from imgbudget.planner.image import ImagePlan, reason_of_crowd, tightest
from imgbudget.undertest import RequestUnderTest

YOURS = "your budget"
"""Whose a limit is that the user sets."""


NO_BUDGET = Budget()
"""Nothing beside the limits of model and platform."""


class Bound(NamedTuple):
    """One limit on a request: its name, the most that it allows in `unit`, and whose it is.

    `before` is what the request comes to as it stands, `after` by the plan. `binds` says whether it decides:
    without it an image would keep more.
    """

    name: str
    limit: float
    unit: str
    owner: str
    before: float
    after: float
    binds: bool = False

    @property
    def exceeded(self) -> bool:
        """Whether the request as it stands is over it."""
        return self.before > self.limit

    @property
    def kept(self) -> bool:
        """Whether the plan keeps it."""
        return self.after <= self.limit


class TokenBound(NamedTuple):
    """A limit that comes to a number of visual tokens for all images of a request together."""

    name: str
    limit: float
    unit: str
    owner: str
    tokens: int


def token_bounds(limits: Limits, budget: Budget) -> tuple[TokenBound, ...]:
    """The context of the model, and the budgets on tokens and on cost."""
    context = limits.context_tokens
    found = [TokenBound("context", context.value, "tokens", context.owner, int(context.value))]
    if budget.tokens is not None:
        found.append(TokenBound("token budget", budget.tokens, "tokens", YOURS, budget.tokens))
    if budget.cost is not None:
        tokens = tokens_for_cost(limits, budget.cost)
        found.append(TokenBound("cost budget", budget.cost, "USD", YOURS, tokens))
    return tuple(found)


def bounds_of(
    test: RequestUnderTest,
    budget: Budget,
    alone: Sequence[ImagePlan],
    planned: Sequence[ImagePlan],
) -> tuple[Bound, ...]:
    """Every limit on the request that exists; `alone` are the plans before tokens and bytes are shared."""
    limits = test.limits
    tightest = min(token_bounds(limits, budget), key=lambda it: it.tokens)
    before, after = _tokens(planned, before=True), _tokens(planned)
    return (
        *_media(test),
        *_edges(test, alone, planned),
        *_image_bytes(limits, planned),
        *(
            _of_tokens(
                bound, limits, before, after, binds=bound == tightest and _tokens(alone) > bound.tokens
            )
            for bound in token_bounds(limits, budget)
        ),
        *_bodies(test, budget, planned),
    )


def reason_of_tokens(bound: TokenBound) -> str:
    """Why an image is made smaller than its own limits ask for."""
    if bound.owner == YOURS:
        amount = f"${bound.limit:g}" if bound.unit == "USD" else f"{bound.limit:,} {bound.unit}"
        return f"{bound.name} of {amount} for all images of the request"
    return f"the context of {bound.owner} holds {bound.limit:,} tokens"


def body_limit(limits: Limits, budget: Budget) -> int | None:
    """The bytes that a body is planned for: the smaller reading of the platform's limit, or the budget."""
    doubt = limits.request_bytes_doubt
    return tightest(doubt.value if doubt else None, budget.bytes)


def reason_of_body(most: int) -> str:
    """Why an image has to be encoded within fewer bytes."""
    return f"the body may have {most:,} bytes: the largest images give first"


def planned_body(test: RequestUnderTest, planned: Sequence[ImagePlan]) -> int:
    """The length of the body by the plan; an estimate where images are encoded anew."""
    return test.request.byte_size + sum(
        text_length(plan.byte_size_after) - plan.use.base64_size
        for plan in planned
        if plan.changes and plan.use.base64_size is not None
    )


def _tokens(plans: Sequence[ImagePlan], *, before: bool = False) -> int:
    return sum(plan.tokens_before if before else plan.tokens_after for plan in plans)


def _of_tokens(bound: TokenBound, limits: Limits, before: int, after: int, *, binds: bool) -> Bound:
    if bound.unit == "USD":
        was, then = limits.cost_usd(before), limits.cost_usd(after)
        return Bound(bound.name, bound.limit, bound.unit, bound.owner, was, then, binds)
    return Bound(bound.name, bound.limit, bound.unit, bound.owner, before, after, binds)


def _media(test: RequestUnderTest) -> Iterator[Bound]:
    """Images and pages: a plan drops none, so what is too many stays too many."""
    request, limit = test.request, test.limits.request_media
    count = len(request.images) + pages_of(request.documents)
    if limit is not None:
        yield Bound("images and pages", limit.value, "images", limit.owner, count, count)


def pages_of(documents: Sequence[DocumentUse]) -> int:
    """The pages of documents; one whose pages cannot be counted has one."""
    return sum(1 if document.pages is None else document.pages for document in documents)


def _edges(
    test: RequestUnderTest, alone: Sequence[ImagePlan], planned: Sequence[ImagePlan]
) -> Iterator[Bound]:
    limits = test.limits
    before = max((plan.size.long_edge for plan in planned), default=0)
    after = max((plan.planned.long_edge for plan in planned), default=0)
    if limit := limits.max_edge:
        yield Bound("edge of an image", limit.value, limit.unit, limit.owner, before, after)
    few, many = limits.many_image_count, limits.many_image_edge
    if few and many and (edge := test.edge_limit):
        reason = reason_of_crowd(limits, edge)
        binds = any(
            first.reason == reason and first.planned == plan.planned
            for first, plan in zip(alone, planned, strict=True)
        )
        name = f"edge where there are more than {few.value}"
        yield Bound(name, edge, "px", many.owner, before, after, binds)


def _image_bytes(limits: Limits, planned: Sequence[ImagePlan]) -> Iterator[Bound]:
    limit = limits.image_base64_bytes
    if limit is None:
        return
    before = [plan.use.base64_size or 0 for plan in planned]
    after = [
        text_length(plan.byte_size_after) if plan.changes else plan.use.base64_size or 0 for plan in planned
    ]
    binds = any(size > limit.value and not plan.resizes for size, plan in zip(before, planned, strict=True))
    most = max(before, default=0), max(after, default=0)
    yield Bound("base64 of an image", limit.value, "bytes", limit.owner, *most, binds)


def _bodies(test: RequestUnderTest, budget: Budget, planned: Sequence[ImagePlan]) -> list[Bound]:
    limits = test.limits
    after, most = planned_body(test, planned), body_limit(limits, budget)
    levelled = most is not None and any(reason_of_body(most) in plan.reason for plan in planned)
    doubt = limits.request_bytes_doubt
    whose = [("body", doubt.value, doubt.owner)] if doubt else []
    if budget.bytes is not None:
        whose.append(("byte budget", budget.bytes, YOURS))
    return [
        Bound(name, limit, "bytes", owner, test.request.byte_size, after, levelled and limit == most)
        for name, limit, owner in whose
    ]
