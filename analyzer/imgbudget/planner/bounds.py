"""The limits and budgets a request has to keep, what its images and documents take, and how much is left."""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.limits.values import figure
from imgbudget.model.budgets import Budget
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.subjects import DocumentUse, ImageUse, Origin, walk_blocks
from imgbudget.planner.image import ImagePlan, reason_of_crowd, text_length, tightest

YOURS = "your budget"
"""Whose a limit is that the user sets."""


NO_BUDGET = Budget()
"""Nothing beside the limits of model and platform."""


class RequestBound(NamedTuple):
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
        tokens = limits.tokens_within_cost(budget.cost)
        found.append(TokenBound("cost budget", budget.cost, "USD", YOURS, tokens))
    return tuple(found)


def bounds_of(
    test: RequestUnderTest,
    budget: Budget,
    alone: Sequence[ImagePlan],
    planned: Sequence[ImagePlan],
) -> tuple[RequestBound, ...]:
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
        amount = f"${bound.limit:g}" if bound.unit == "USD" else f"{figure(bound.limit)} {bound.unit}"
        return f"{bound.name} of {amount} for all images of the request"
    return f"the context of {bound.owner} holds {figure(bound.limit)} tokens"


def body_limit(limits: Limits, budget: Budget) -> int | None:
    """The bytes that a body is planned for: the smaller reading of the platform's limit, or the budget."""
    doubt = limits.request_bytes_doubt
    return tightest(doubt.value if doubt else None, budget.bytes)


def reason_of_body(most: int) -> str:
    """Why an image has to be encoded within fewer bytes."""
    return f"body limit of {figure(most)} bytes; the largest images shrink first"


def planned_body(test: RequestUnderTest, planned: Sequence[ImagePlan]) -> int:
    """The length of the body by the plan; an estimate where images are encoded anew."""
    return test.request.byte_size + sum(
        text_length(plan.byte_size_after) - plan.use.base64_size
        for plan in planned
        if plan.changes and plan.use.base64_size is not None
    )


def _tokens(plans: Sequence[ImagePlan], *, before: bool = False) -> int:
    return sum(plan.tokens_before if before else plan.tokens_after for plan in plans)


def _of_tokens(bound: TokenBound, limits: Limits, before: int, after: int, *, binds: bool) -> RequestBound:
    if bound.unit == "USD":
        was, then = limits.cost_usd(before), limits.cost_usd(after)
        return RequestBound(bound.name, bound.limit, bound.unit, bound.owner, was, then, binds)
    return RequestBound(bound.name, bound.limit, bound.unit, bound.owner, before, after, binds)


def _media(test: RequestUnderTest) -> Iterator[RequestBound]:
    """Images and pages: a plan drops none, so what is too many stays too many."""
    request, limit = test.request, test.limits.request_media
    count = len(request.images) + pages_of(request.documents)
    if limit is not None:
        yield RequestBound("images and pages", limit.value, "images", limit.owner, count, count)


def pages_of(documents: Sequence[DocumentUse]) -> int:
    """The pages of documents; one whose pages cannot be counted has one."""
    return sum(1 if document.pages is None else document.pages for document in documents)


def _edges(
    test: RequestUnderTest, alone: Sequence[ImagePlan], planned: Sequence[ImagePlan]
) -> Iterator[RequestBound]:
    limits = test.limits
    before = max((plan.size.long_edge for plan in planned), default=0)
    after = max((plan.planned.long_edge for plan in planned), default=0)
    if limit := limits.max_edge:
        yield RequestBound("edge of an image", limit.value, limit.unit, limit.owner, before, after)
    few, many = limits.many_image_count, limits.many_image_edge
    if few and many and (edge := test.edge_limit):
        reason = reason_of_crowd(limits, edge)
        binds = any(
            first.reason == reason and first.planned == plan.planned
            for first, plan in zip(alone, planned, strict=True)
        )
        name = f"edge where there are more than {few.value}"
        yield RequestBound(name, edge, "px", many.owner, before, after, binds)


def _image_bytes(limits: Limits, planned: Sequence[ImagePlan]) -> Iterator[RequestBound]:
    limit = limits.image_base64_bytes
    if limit is None:
        return
    before = [plan.use.base64_size or 0 for plan in planned]
    after = [
        text_length(plan.byte_size_after) if plan.changes else plan.use.base64_size or 0 for plan in planned
    ]
    binds = any(size > limit.value and not plan.resizes for size, plan in zip(before, planned, strict=True))
    most = max(before, default=0), max(after, default=0)
    yield RequestBound("base64 of an image", limit.value, "bytes", limit.owner, *most, binds)


def _bodies(test: RequestUnderTest, budget: Budget, planned: Sequence[ImagePlan]) -> list[RequestBound]:
    limits = test.limits
    after, most = planned_body(test, planned), body_limit(limits, budget)
    levelled = most is not None and any(reason_of_body(most) in plan.reason for plan in planned)
    doubt = limits.request_bytes_doubt
    whose = [("body", doubt.value, doubt.owner)] if doubt else []
    if budget.bytes is not None:
        whose.append(("byte budget", budget.bytes, YOURS))
    return [
        RequestBound(name, limit, "bytes", owner, test.request.byte_size, after, levelled and limit == most)
        for name, limit, owner in whose
    ]


class Unit(NamedTuple):
    """One image or document, or several that follow each other.

    `turn` is the index of its turn in the request; of several that of the first. `characters` is its base64
    text in the body, `tokens` its visual tokens, 0 where they cannot be told, `largest` the base64 text of
    its largest image, `long_edge` the longest edge of its images, px.
    """

    first: Location
    last: Location
    turn: int
    images: int
    documents: int
    pages: int
    tokens: int
    characters: int
    largest: int
    long_edge: int

    def plus(self, other: "Unit") -> "Unit":
        """Both together, `other` being the later one."""
        return Unit(
            self.first,
            other.last,
            self.turn,
            self.images + other.images,
            self.documents + other.documents,
            self.pages + other.pages,
            self.tokens + other.tokens,
            self.characters + other.characters,
            max(self.largest, other.largest),
            max(self.long_edge, other.long_edge),
        )


class Lack(NamedTuple):
    """Why units do not fit into one request, and what of a unit makes it more or less to blame."""

    reason: str
    weight: Callable[[Unit], int]


class Room(NamedTuple):
    """What one request may hold of images and documents: visual tokens and bytes of its body.

    `body` is None where nothing limits it. `fixed` are the bytes of texts and tools, which are in every
    request.
    """

    limits: Limits
    tokens: int
    body: int | None
    fixed: int

    def holds(self, unit: Unit) -> bool:
        """Whether the API takes a request of this as it stands."""
        return not self.lacks(unit)

    def lacks(self, unit: Unit) -> list[Lack]:
        """Why a request of this would be refused or over a budget; empty where it would not."""
        limits, found = self.limits, []
        most, edge, few = limits.max_edge, limits.many_image_edge, limits.many_image_count
        accepted = most is None or unit.long_edge <= most.value
        if most is not None and not accepted:
            text = f"an edge of {unit.long_edge} px, over the {most.text} that {limits.platform} takes"
            found.append(Lack(text, lambda it: it.long_edge))
        if (base64 := limits.image_base64_bytes) and unit.largest > base64.value:
            text = f"an image of {figure(unit.largest)} bytes of base64, over the {base64.text} that"
            text += f" {limits.platform} takes"
            found.append(Lack(text, lambda it: it.largest))
        crowd = limits.counted_images(unit.images, unit.documents)
        if few and edge and crowd > few.value and edge.value < unit.long_edge and accepted:
            text = (
                f"an edge of {unit.long_edge} px, over the {edge.text} for requests of more than {few.text}"
            )
            found.append(Lack(text, lambda it: it.long_edge))
        if (media := limits.request_media) and unit.images + unit.pages > media.value:
            text = f"{unit.images} images" + (f" and {unit.pages} pages" if unit.pages else "")
            text += f", over the {figure(media.value)} that {limits.platform} takes for {limits.model}"
            found.append(Lack(text, lambda it: it.images + it.pages))
        if unit.tokens > self.tokens:
            text = f"{figure(unit.tokens)} visual tokens, over the limit of {figure(self.tokens)}"
            found.append(Lack(text, lambda it: it.tokens))
        if self.body is not None and unit.characters > self.body - self.fixed:
            size = figure(unit.characters + self.fixed)
            text = f"a body of {size} bytes, over the limit of {figure(self.body)}"
            found.append(Lack(text, lambda it: it.characters))
        return found


def units_of(test: RequestUnderTest) -> list[Unit]:
    """The images and documents of a request as they stand, in order, those inside documents too."""
    return list(_units(test))


def room_of(test: RequestUnderTest, budget: Budget, units: Sequence[Unit]) -> Room:
    """What a request has room for when it repeats the texts and tools of this one, whose units these are."""
    limits = test.limits
    fixed = max(test.request.byte_size - sum(unit.characters for unit in units), 0)
    tokens = min(bound.tokens for bound in token_bounds(limits, budget))
    return Room(limits, tokens, body_limit(limits, budget), fixed)


def together(units: Sequence[Unit]) -> Unit:
    """Several units that follow each other as one."""
    return reduce(Unit.plus, units)


def groups(units: Sequence[Unit], holds: Callable[[Unit], bool]) -> list[list[Unit]]:
    """The units in as few groups as can be, in their order, each of which holds as one.

    One that does not hold alone stands in a group of its own.
    """
    found: list[list[Unit]] = []
    whole: Unit | None = None
    for unit in units:
        joined = whole.plus(unit) if whole else unit
        if whole and holds(joined):
            found[-1].append(unit)
            whole = joined
        else:
            found.append([unit])
            whole = unit
    return found


def _units(test: RequestUnderTest) -> Iterator[Unit]:
    for number, turn in enumerate(test.request.turns):
        for block in walk_blocks(turn.blocks):
            if isinstance(block, ImageUse):
                size, location = block.visible_size, block.location
                text = block.base64_size or 0 if block.origin is Origin.BASE64 else 0
                edge = size.long_edge if size else 0
                yield Unit(location, location, number, 1, 0, 0, test.tokens(block), text, text, edge)
            elif isinstance(block, DocumentUse):
                inside = block.origin is Origin.BASE64 and block.byte_size is not None
                text = text_length(block.byte_size or 0) if inside else 0
                yield Unit(block.location, block.location, number, 0, 1, pages_of((block,)), 0, text, 0, 0)
