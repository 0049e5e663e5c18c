"""What a conversation costs because each call sends its images again, and what would save that.

A body holds the whole conversation, so its calls can be derived from its turns: each call sent the same body
up to a user turn. Loads and savings count images only, not text or documents; ways are compared by their
whole cost.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.subjects import ImageUse, Request, Turn, walk_blocks
from imgbudget.planner.pruning import KEPT
from imgbudget.planner.ways import CheapestWay, Way, cheapest, text_tokens, ways_of

_NOT_THE_USER = ("assistant", "system", "developer")
"""Roles whose turns alone make no call."""


class Load(NamedTuple):
    """Some images together: how many, bytes of base64 text in a body, visual tokens.

    Images by URL or file id have no bytes in the body; images of unknown size, or for an unknown model, have
    no tokens here.
    """

    images: int = 0
    base64_bytes: int = 0
    tokens: int = 0

    def plus(self, other: "Load") -> "Load":
        """The sum of both."""
        return Load(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def minus(self, other: "Load") -> "Load":
        """The rest without the other."""
        return Load(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


class Call(NamedTuple):
    """One call of the conversation: `location` is its last turn, `new` the images not sent before."""

    location: Location
    new: Load
    resent: Load
    cost_usd: float | None

    @property
    def sent(self) -> Load:
        """All images in the body of the call."""
        return self.new.plus(self.resent)


class Saving(NamedTuple):
    """What one remedy saves over the whole conversation: bytes of upload, visual tokens, USD.

    A negative saving is an extra cost. `available` is False if the platform lacks it; `terms` are its
    conditions. `images` is how many fewer images are sent.
    """

    way: str
    available: bool
    images: int
    byte_size: int
    tokens: int
    cost_usd: float | None
    terms: str


class Resend(NamedTuple):
    """The accounting of one request: its calls, the totals sent, and the savings of each remedy.

    `ways` are the ways to send all calls, by their whole cost; `text_tokens` is an estimate of what the last
    call has beside images. `once` counts each image once, `unsized` how many of them have no known size and
    so no tokens. Costs are None if the model is not known. Where sources contradict each other, tokens are
    the most, and `fewest` is the accounting with the fewest.
    """

    request: Request
    limits: Limits
    calls: tuple[Call, ...]
    once: Load
    sent: Load
    cost_usd: float | None
    unsized: int
    savings: tuple[Saving, ...]
    fewest: "Resend | None" = None
    ways: tuple[Way, ...] = ()
    text_tokens: int = 0

    @property
    def cheapest(self) -> CheapestWay | None:
        """Which way wins; None if no price is known."""
        return cheapest(self.ways, self.limits)

    @property
    def resent(self) -> Load:
        """What was sent again."""
        return self.sent.minus(self.once)


def resend(test: RequestUnderTest, *, kept: int = KEPT) -> Resend | None:
    """The accounting of a request; None for a single call or a request without images.

    `kept` is how many of the last images pruning keeps in each call, besides those new in it. Costs are of
    visual tokens at the input price; on a model with a long-prompt price, text may raise it.
    """
    found = _accounting(test, kept, fewest=False)
    if found is None or not test.is_contradictory:
        return found
    low = _accounting(test, kept, fewest=True)
    return found if low is None or low.sent == found.sent else found._replace(fewest=low)


def _accounting(test: RequestUnderTest, kept: int, *, fewest: bool) -> Resend | None:
    """The accounting with the most tokens of each image, or the fewest."""
    request, limits = test.request, test.limits
    turns = calls_of(request)
    groups = [(group[-1].location, [use for turn in group for use in _images(turn)]) for group in turns]
    if len(groups) < 2 or not request.images:
        return None
    load = partial(load_of, test=test, fewest=fewest)
    calls = []
    before = Load()
    for location, uses in groups:
        new = load(uses)
        calls.append(Call(location, new, before, limits.cost_usd(limits.counted(new.tokens + before.tokens))))
        before = before.plus(new)
    sent = total(call.sent for call in calls)
    cost = _sum(call.cost_usd for call in calls)
    images = [use for _, uses in groups for use in uses]
    return Resend(
        request=request,
        limits=limits,
        calls=tuple(calls),
        once=before,
        sent=sent,
        cost_usd=cost,
        unsized=sum(use.visible_size is None for use in images),
        savings=(
            _files(images, sent, limits),
            _caching("prompt caching, 5 minutes", calls, limits, limits.cache_write_5m_factor.value),
            _caching("prompt caching, 1 hour", calls, limits, limits.cache_write_1h_factor.value),
            _pruning([uses for _, uses in groups], calls, limits, kept, load),
        ),
        ways=ways_of(turns, test, kept, test.fewest_tokens if fewest else test.tokens),
        text_tokens=text_tokens(turns, test),
    )


def calls_of(request: Request) -> list[list[Turn]]:
    """The turns that each call added: the assistant's turns, and the user's turns up to its next one.

    Consecutive user turns were sent together, as are the answers to several tool calls. A last turn of the
    assistant is a prefill of its answer and belongs to the last call.
    """
    calls: list[list[Turn]] = []
    group: list[Turn] = []
    answered = False
    for turn in request.turns:
        if turn.role == "assistant" and answered:
            calls.append(group)
            group, answered = [], False
        group.append(turn)
        answered = answered or turn.role not in _NOT_THE_USER
    if answered:
        return [*calls, group]
    if calls:
        calls[-1] = calls[-1] + group
    return calls


def load_of(uses: Iterable[ImageUse], test: RequestUnderTest, *, fewest: bool = False) -> Load:
    """The sum over images, with the most tokens of each, or the fewest."""
    tokens = test.fewest_tokens if fewest else test.tokens
    return total(Load(1, use.base64_size or 0, tokens(use)) for use in uses)


def total(loads: Iterable[Load]) -> Load:
    """The sum of loads."""
    whole = Load()
    for load in loads:
        whole = whole.plus(load)
    return whole


def _sum(amounts: Iterable[float | None]) -> float | None:
    """The sum of amounts; None if one of them is unknown."""
    whole = 0.0
    for amount in amounts:
        if amount is None:
            return None
        whole += amount
    return whole


def _images(turn: Turn) -> Iterator[ImageUse]:
    return (block for block in walk_blocks(turn.blocks) if isinstance(block, ImageUse))


def _files(images: Sequence[ImageUse], sent: Load, limits: Limits) -> Saving:
    """Each base64 image uploaded once as a file and referenced by its id: saves bytes, not tokens."""
    uploaded = sum(use.facts.byte_size for use in images if use.base64_size and use.facts)
    unread = sum(use.base64_size // 4 * 3 for use in images if use.base64_size and not use.facts)
    return Saving(
        way="Files API",
        available="file" in limits.source_types,
        images=0,
        byte_size=sent.base64_bytes - uploaded - unread,
        tokens=0,
        cost_usd=0.0,
        terms="upload each image once, send its file_id; tokens are billed as before",
    )


def _caching(way: str, calls: Sequence[Call], limits: Limits, write: float) -> Saving:
    """New images written to the cache, resent ones read from it: saves USD, not bytes or tokens.

    The factors multiply the input price (price lists, 2026-11).
    """
    read = limits.cache_read_factor.value
    saved: float | None = 0.0
    for call in calls:
        if saved is None or call.cost_usd is None:
            saved = None
        elif call.sent.tokens:
            weighted = call.new.tokens * write + call.resent.tokens * read
            saved += call.cost_usd - call.cost_usd * weighted / call.sent.tokens
    return Saving(
        way=way,
        available=True,
        images=0,
        byte_size=0,
        tokens=0,
        cost_usd=saved,
        terms=f"each call within that time of the last; writes cost {write:g} times, reads {read:g} times",
    )


def _pruning(
    groups: Sequence[Sequence[ImageUse]],
    calls: Sequence[Call],
    limits: Limits,
    kept: int,
    load: Callable[[Iterable[ImageUse]], Load],
) -> Saving:
    """Each call with its last images only, but always with those that are new in it."""
    pruned = Load()
    costs: list[float | None] = []
    so_far: list[ImageUse] = []
    for uses in groups:
        so_far.extend(uses)
        most = max(kept, len(uses))
        call = load(so_far[-most:] if most else ())
        pruned = pruned.plus(call)
        costs.append(limits.cost_usd(limits.counted(call.tokens)))
    cost, pruned_cost = _sum(call.cost_usd for call in calls), _sum(costs)
    saved = total(call.sent for call in calls).minus(pruned)
    return Saving(
        way=f"pruning to the last {kept}",
        available=True,
        images=saved.images,
        byte_size=saved.base64_bytes,
        tokens=saved.tokens,
        cost_usd=None if cost is None or pruned_cost is None else cost - pruned_cost,
        terms="the model no longer sees earlier images; what follows a removed one is not read from a cache",
    )
