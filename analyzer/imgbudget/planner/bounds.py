"""The limits and budgets that a request has to keep: how much it uses, and what one request can hold."""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.limits.values import figure
from imgbudget.model.budgets import Budget
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest, is_counted
from imgbudget.model.subjects import DocumentUse, ImageUse, Origin, walk_blocks
from imgbudget.planner.image import ImagePlan, reason_of_many_images, text_length, tightest

USER_BUDGET = "your budget"
"""The owner of limits that the user sets."""


BODIES = ("body", "byte budget")
"""The names of the limits on the bytes of the body: the platform's, and the user's."""

MAX_INPUT = "maximum input"
"""The name of the limit on the tokens of a request where it is less than the context."""

NO_BUDGET = Budget()
"""No limits besides those of model and platform."""


class RequestBound(NamedTuple):
    """One limit on a request: its name, the most that it allows in `unit`, and whose it is.

    `before` is the amount of the request now, `after` the amount by the plan; where sources contradict each
    other, the most, and `fewest` has the other ends. `binds` says whether an image would be larger without
    this limit.
    """

    name: str
    limit: float
    unit: str
    owner: str
    before: float
    after: float
    binds: bool = False
    fewest: tuple[float, float] | None = None

    @property
    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The least and the most before the plan, and after it; the same if the amounts are certain."""
        low_before, low_after = self.fewest or (self.before, self.after)
        return (low_before, self.before), (low_after, self.after)

    @property
    def exceeded(self) -> bool:
        """Whether the request is over the limit now."""
        return self.before > self.limit

    @property
    def kept(self) -> bool:
        """Whether the plan keeps the limit."""
        return self.after <= self.limit


class TokenBound(NamedTuple):
    """A limit converted to visual tokens for all images of a request together."""

    name: str
    limit: float
    unit: str
    owner: str
    tokens: int


def token_bounds(limits: Limits, budget: Budget) -> tuple[TokenBound, ...]:
    """The model's maximum input, and the budgets for tokens and cost, as far as the model is known."""
    most, found = limits.most_input, []
    if most is not None:
        name = "context" if most.name == "context_tokens" else MAX_INPUT
        found.append(TokenBound(name, most.value, "tokens", limits.whose(most), int(most.value)))
    if budget.tokens is not None and limits.counts_tokens:
        found.append(TokenBound("token budget", budget.tokens, "tokens", USER_BUDGET, budget.tokens))
    tokens = None if budget.cost is None else limits.tokens_within_cost(budget.cost)
    if budget.cost is not None and tokens is not None:
        found.append(TokenBound("cost budget", budget.cost, "USD", USER_BUDGET, tokens))
    return tuple(found)


def bounds_of(
    test: RequestUnderTest,
    budget: Budget,
    separate: Sequence[ImagePlan],
    planned: Sequence[ImagePlan],
) -> tuple[RequestBound, ...]:
    """Every limit on the request; `separate` are the plans before tokens and bytes are shared."""
    limits = test.limits
    tightest = min(token_bounds(limits, budget), key=lambda it: it.tokens, default=None)
    before, after = _tokens(planned, before=True), _tokens(planned)
    fewest = _fewest(planned) if test.is_contradictory else (before, after)
    return (
        *_media(test),
        *_edges(test, separate, planned),
        *_image_bytes(limits, planned),
        *(
            _of_tokens(
                bound,
                limits,
                (before, after),
                fewest,
                binds=bound == tightest and _tokens(separate) > bound.tokens,
            )
            for bound in token_bounds(limits, budget)
        ),
        *_bodies(test, budget, planned),
    )


def reason_of_tokens(bound: TokenBound) -> str:
    """Why an image is made smaller than its own limits require."""
    if bound.owner == USER_BUDGET:
        amount = f"${bound.limit:g}" if bound.unit == "USD" else f"{figure(bound.limit)} {bound.unit}"
        return f"{bound.name} of {amount} for all images of the request"
    if bound.name == MAX_INPUT:
        return f"{bound.owner} takes at most {figure(bound.limit)} tokens of input"
    return f"the context of {bound.owner} holds {figure(bound.limit)} tokens"


def body_limit(limits: Limits, budget: Budget) -> int | None:
    """The bytes that a body is planned for: the lower reading of the platform's limit, or the budget."""
    least = limits.least_request_bytes
    return tightest(least.value if least else None, budget.bytes)


def reason_of_body(most: int) -> str:
    """Why an image has to be encoded within fewer bytes."""
    return f"body limit of {figure(most)} bytes; the largest images shrink first"


def planned_body(test: RequestUnderTest, planned: Sequence[ImagePlan]) -> int:
    """The length of the planned body; an estimate where images are re-encoded."""
    return test.request.byte_size + sum(
        text_length(plan.byte_size_after) - plan.use.base64_size
        for plan in planned
        if plan.changes and plan.use.base64_size is not None
    )


def _tokens(plans: Sequence[ImagePlan], *, before: bool = False) -> int:
    return sum((plan.tokens_before if before else plan.tokens_after) or 0 for plan in plans)


def _fewest(plans: Sequence[ImagePlan]) -> tuple[int, int]:
    """The fewest tokens before the plan, and after it."""
    none = 0, 0
    before = sum((plan.limits.tokens_ends(plan.size) or none)[0] for plan in plans)
    return before, sum((plan.limits.tokens_ends(plan.planned) or none)[0] for plan in plans)


def _of_tokens(
    bound: TokenBound, limits: Limits, most: tuple[int, int], fewest: tuple[int, int], *, binds: bool
) -> RequestBound:
    """The bound with the most and the fewest tokens before and after, or what they cost."""
    ends: list[tuple[float, float]] = [most, fewest]
    if bound.unit == "USD":
        ends = [(limits.cost_usd(was) or 0.0, limits.cost_usd(then) or 0.0) for was, then in (most, fewest)]
    (before, after), low = ends
    uncertain = None if fewest == most else low
    return RequestBound(bound.name, bound.limit, bound.unit, bound.owner, before, after, binds, uncertain)


def _media(test: RequestUnderTest) -> Iterator[RequestBound]:
    """Images and pages: a plan removes none, so the count does not change."""
    request, limit = test.request, test.limits.least_request_media
    count = len(request.images) + pages_of(request.documents)
    if limit is not None:
        whose = test.limits.whose(limit)
        yield RequestBound("images and pages", limit.value, "images", whose, count, count)


def pages_of(documents: Sequence[DocumentUse]) -> int:
    """The number of pages of documents; a document whose pages cannot be counted has one."""
    return sum(1 if document.pages is None else document.pages for document in documents)


def _edges(
    test: RequestUnderTest, separate: Sequence[ImagePlan], planned: Sequence[ImagePlan]
) -> Iterator[RequestBound]:
    limits = test.limits
    before = max((plan.size.long_edge for plan in planned), default=0)
    after = max((plan.planned.long_edge for plan in planned), default=0)
    if limit := limits.max_edge:
        yield RequestBound("edge of an image", limit.value, limit.unit, limits.whose(limit), before, after)
    few, many = limits.many_image_count, limits.many_image_edge
    if few and many and (edge := test.edge_limit):
        reason = reason_of_many_images(limits, edge)
        binds = any(
            first.reason == reason and first.planned == plan.planned
            for first, plan in zip(separate, planned, strict=True)
        )
        name = f"edge where there are more than {few.value}"
        yield RequestBound(name, edge, "px", limits.whose(many), before, after, binds)


def _image_bytes(limits: Limits, planned: Sequence[ImagePlan]) -> Iterator[RequestBound]:
    limit = limits.least_image_bytes
    if limit is None:
        return
    before = [plan.use.base64_size or 0 for plan in planned]
    after = [
        text_length(plan.byte_size_after) if plan.changes else plan.use.base64_size or 0 for plan in planned
    ]
    binds = any(size > limit.value and not plan.resizes for size, plan in zip(before, planned, strict=True))
    most = max(before, default=0), max(after, default=0)
    yield RequestBound("base64 of an image", limit.value, "bytes", limits.whose(limit), *most, binds)


def _bodies(test: RequestUnderTest, budget: Budget, planned: Sequence[ImagePlan]) -> list[RequestBound]:
    limits = test.limits
    after, most = planned_body(test, planned), body_limit(limits, budget)
    bounded = most is not None and any(reason_of_body(most) in plan.reason for plan in planned)
    least = limits.least_request_bytes
    whose = [(BODIES[0], least.value, limits.whose(least))] if least else []
    if budget.bytes is not None:
        whose.append((BODIES[1], budget.bytes, USER_BUDGET))
    return [
        RequestBound(name, limit, "bytes", owner, test.request.byte_size, after, bounded and limit == most)
        for name, limit, owner in whose
    ]


class MediaSpan(NamedTuple):
    """One image or document, or several consecutive ones.

    `turn` is the index of its turn in the request, of the first one for several. `characters` is its base64
    text in the body, `tokens` its visual tokens (0 where unknown), `largest` the base64 text of its largest
    image, `long_edge` the longest edge of its images, px. `tokens` may be fewer by `tokens_doubt`, where
    sources contradict each other. `uncounted` images have no known number of tokens.
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
    tokens_doubt: int = 0
    uncounted: int = 0

    @property
    def tokens_range(self) -> tuple[int, int]:
        """The fewest and the most visual tokens; the same if sources agree."""
        return self.tokens - self.tokens_doubt, self.tokens

    def plus(self, other: "MediaSpan") -> "MediaSpan":
        """Both as one span; `other` is the later one."""
        return MediaSpan(
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
            self.tokens_doubt + other.tokens_doubt,
            self.uncounted + other.uncounted,
        )


def _edge_of(span: MediaSpan) -> int:
    return span.long_edge


def _largest_of(span: MediaSpan) -> int:
    return span.largest


def _media_of(span: MediaSpan) -> int:
    return span.images + span.pages


def _tokens_of(span: MediaSpan) -> int:
    return span.tokens


def _characters_of(span: MediaSpan) -> int:
    return span.characters


class Overrun(NamedTuple):
    """Why a span does not fit into one request, and how much an image or document contributes to that.

    `weight` is the same function for the same limit.
    """

    reason: str
    weight: Callable[[MediaSpan], int]


class Remaining:
    """The media of a request while images are taken out, the heaviest first: each step takes little time."""

    def __init__(self, spans: Sequence[MediaSpan]) -> None:
        self._spans = spans
        self._images = [number for number, span in enumerate(spans) if span.images]
        self._order: dict[Callable[[MediaSpan], int], list[int]] = {}
        self._total = joined(spans)
        self.taken: set[int] = set()

    @property
    def images(self) -> int:
        """How many are left."""
        return len(self._images) - len(self.taken)

    @property
    def total(self) -> MediaSpan:
        """What is left as one span; its locations stay those of all."""
        largest, edge = (self._spans[self._heaviest(weight)] for weight in (_largest_of, _edge_of))
        return self._total._replace(largest=largest.largest, long_edge=edge.long_edge)

    def take(self, weight: Callable[[MediaSpan], int]) -> None:
        """Take out the image that weighs most, of equal ones the first."""
        worst = self._heaviest(weight)
        self.taken.add(worst)
        span, total = self._spans[worst], self._total
        self._total = total._replace(
            images=total.images - span.images,
            documents=total.documents - span.documents,
            pages=total.pages - span.pages,
            tokens=total.tokens - span.tokens,
            characters=total.characters - span.characters,
            tokens_doubt=total.tokens_doubt - span.tokens_doubt,
            uncounted=total.uncounted - span.uncounted,
        )

    def _heaviest(self, weight: Callable[[MediaSpan], int]) -> int:
        order = self._order.get(weight)
        if order is None:
            order = sorted(self._images, key=lambda number: (weight(self._spans[number]), -number))
            self._order[weight] = order
        while order[-1] in self.taken:
            order.pop()
        return order[-1]


class Capacity(NamedTuple):
    """How many images and documents one request can hold: visual tokens and bytes of its body.

    Both are None without a limit. `fixed` is the bytes of texts and tools, which every request repeats.
    """

    limits: Limits
    tokens: int | None
    body: int | None
    fixed: int

    def holds(self, span: MediaSpan) -> bool:
        """Whether the API accepts a request with this span, within the budgets."""
        return not self.overruns(span)

    def overruns(self, span: MediaSpan) -> list[Overrun]:
        """Every limit that a request with this span exceeds; empty if none."""
        limits, found = self.limits, []
        most, edge, few = limits.max_edge, limits.many_image_edge, limits.many_image_count
        accepted = most is None or span.long_edge <= most.value
        if most is not None and not accepted:
            text = f"an edge of {span.long_edge} px, over the {most.text} that {limits.platform} takes"
            found.append(Overrun(text, _edge_of))
        if (base64 := limits.least_image_bytes) and span.largest > base64.value:
            text = f"an image of {figure(span.largest)} bytes of base64, over the {base64.text} that"
            text += f" {limits.platform} takes"
            found.append(Overrun(text, _largest_of))
        counted = limits.counted_images(span.images, span.documents)
        if few and edge and counted > few.value and edge.value < span.long_edge and accepted:
            text = (
                f"an edge of {span.long_edge} px, over the {edge.text} for requests of more than {few.text}"
            )
            found.append(Overrun(text, _edge_of))
        if (media := limits.least_request_media) and span.images + span.pages > media.value:
            text = f"{span.images} images" + (f" and {span.pages} pages" if span.pages else "")
            text += f", over the {figure(media.value)} that {limits.platform} takes for {limits.model}"
            found.append(Overrun(text, _media_of))
        if self.tokens is not None and span.tokens > self.tokens:
            most_tokens = f"{'up to ' if span.tokens_doubt else ''}{figure(span.tokens)}"
            text = f"{most_tokens} visual tokens, over the limit of {figure(self.tokens)}"
            found.append(Overrun(text, _tokens_of))
        if self.body is not None and span.characters > self.body - self.fixed:
            size = figure(span.characters + self.fixed)
            text = f"a body of {size} bytes, over the limit of {figure(self.body)}"
            found.append(Overrun(text, _characters_of))
        return found


def media_spans(test: RequestUnderTest) -> list[MediaSpan]:
    """The images and documents of a request in order, including those inside documents."""
    return list(_media_spans(test))


def capacity_of(test: RequestUnderTest, budget: Budget, spans: Sequence[MediaSpan]) -> Capacity:
    """The capacity of a request that repeats the texts and tools of this one; `spans` are its media."""
    limits = test.limits
    fixed = max(test.request.byte_size - sum(span.characters for span in spans), 0)
    tokens = min((bound.tokens for bound in token_bounds(limits, budget)), default=None)
    return Capacity(limits, tokens, body_limit(limits, budget), fixed)


def joined(spans: Sequence[MediaSpan]) -> MediaSpan:
    """Consecutive spans as one."""
    return reduce(MediaSpan.plus, spans)


def groups(spans: Sequence[MediaSpan], holds: Callable[[MediaSpan], bool]) -> list[list[MediaSpan]]:
    """The spans in as few groups as possible, in order, where each group as a whole passes `holds`.

    One that does not pass alone is a group by itself.
    """
    found: list[list[MediaSpan]] = []
    group: MediaSpan | None = None
    for span in spans:
        longer = group.plus(span) if group else span
        if group and holds(longer):
            found[-1].append(span)
            group = longer
        else:
            found.append([span])
            group = span
    return found


def _media_spans(test: RequestUnderTest) -> Iterator[MediaSpan]:
    contradictory = test.is_contradictory
    for number, turn in enumerate(test.request.turns):
        for block in walk_blocks(turn.blocks):
            if isinstance(block, ImageUse):
                size, location = block.visible_size, block.location
                text = block.base64_size or 0 if block.origin is Origin.BASE64 else 0
                edge = size.long_edge if size else 0
                tokens = test.tokens(block)
                yield MediaSpan(
                    *(location, location, number, 1, 0, 0, tokens, text, text, edge),
                    tokens_doubt=tokens - test.fewest_tokens(block) if contradictory else 0,
                    uncounted=int(not is_counted(block, test.limits_of(block))),
                )
            elif isinstance(block, DocumentUse):
                inside = block.origin is Origin.BASE64 and block.byte_size is not None
                text = text_length(block.byte_size or 0) if inside else 0
                yield MediaSpan(
                    block.location, block.location, number, 0, 1, pages_of((block,)), 0, text, 0, 0
                )
