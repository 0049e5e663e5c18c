"""The ways to send a conversation, by their whole cost: text and images, written to a cache and read.

The calls are those of `planner.resend`; what each way removes is `planner.pruning`, what it costs
`planner.caching`. Tokens of text are estimated.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.subjects import DocumentUse, ImageUse, Text, Turn, walk_blocks
from imgbudget.planner.caching import (
    CHARACTERS_PER_TOKEN,
    Bill,
    CacheKind,
    CacheRates,
    Part,
    bill_of_session,
)
from imgbudget.planner.pruning import REMOVED, PruneMarks, Step, Weight, pruned_steps

AUTOMATIC = "automatic"
"""What `caching` of the limits is for an API that caches without marks."""

_LIFETIMES: dict[CacheKind, str] = {"5m": "5 minutes", "1h": "1 hour", "none": ""}


class Way(NamedTuple):
    """One way to send all calls: its bill, how many base64 bytes and images it sends in all.

    `changes` is how many calls change the beginning of the prompt. It is `available` if the platform has it;
    `refused` is the limit that a call exceeds, a clause; empty if none. `pause_usd` is what it costs in
    addition if the cache expires before the last call; None without caching, or if the price is not known.
    """

    name: str
    bill: Bill
    byte_size: int
    images: int
    changes: int
    cache: CacheKind
    available: bool = True
    refused: str = ""
    pause_usd: float | None = None

    @property
    def is_possible(self) -> bool:
        """Whether the calls would be answered."""
        return self.available and not self.refused


class CheapestWay(NamedTuple):
    """The cheapest possible way, what the next one costs more, and on which assumption."""

    best: Way
    second: Way | None
    assumption: str

    @property
    def saves_usd(self) -> float | None:
        """What the next cheapest way costs more; None if there is none."""
        if self.second is None or self.second.bill.cost_usd is None or self.best.bill.cost_usd is None:
            return None
        return self.second.bill.cost_usd - self.best.bill.cost_usd


class _Talk(NamedTuple):
    """The calls of a conversation: the parts that each adds to the prompt, and its weights."""

    calls: tuple[tuple[Part, ...], ...]
    steps: tuple[Step, ...]
    uploads: int

    def sent(self, gone: Sequence[int]) -> tuple[int, int]:
        """The images and the bytes of base64 of all calls, without the removed ones."""
        images: list[Weight] = []
        count = size = live = before = 0
        for step, removed in zip(self.steps, gone, strict=True):
            images += step.images
            live += sum(image.byte_size for image in step.images)
            live -= sum(image.byte_size for image in images[before:removed])
            before = removed
            count += len(images) - removed
            size += live
        return count, size


def ways_of(
    groups: Sequence[Sequence[Turn]],
    test: RequestUnderTest,
    kept: int,
    tokens: Callable[[ImageUse], int],
) -> tuple[Way, ...]:
    """Every way to send the calls that these groups of turns make.

    `kept` is how many of the last images pruning leaves, `tokens` counts those of an image.
    """
    talk, limits = _conversation(groups, test, tokens), test.limits
    none = [0] * len(talk.calls)
    each = list(_kept_each(talk.steps, kept))
    batches = [
        at.removed
        for at in pruned_steps(talk.steps, PruneMarks(next_images=0, keep=kept, most_kept=2 * kept))
    ]
    near = [at.removed for at in pruned_steps(talk.steps, PruneMarks.of(limits, next_images=0))]
    found = [_way("no pruning", "none", none, talk, limits)]
    kinds = _kinds(limits)
    found += [_way("no pruning", kind, none, talk, limits) for kind in kinds]
    first: CacheKind = kinds[0] if kinds else "none"
    files = _way("Files API", first, none, talk, limits)
    found.append(files._replace(byte_size=talk.uploads, available="file" in limits.source_types))
    if near[-1]:
        found.append(_way("pruning at the limits", first, near, talk, limits))
    found.append(_way(f"pruning in batches, {2 * kept} to {kept}", first, batches, talk, limits))
    for kind in dict.fromkeys((first, "none")):
        found.append(_way(f"pruning to the last {kept}", kind, each, talk, limits))
    return tuple(found)


def _kinds(limits: Limits) -> tuple[CacheKind, ...]:
    """The lifetimes to choose from; none where it is not known how the API caches."""
    if limits.caching == AUTOMATIC:
        return ("5m",)
    return ("5m", "1h") if limits.uses_claude_patches else ()


def text_tokens(groups: Sequence[Sequence[Turn]], test: RequestUnderTest) -> int:
    """The estimated tokens of everything but images in the last call."""
    talk = _conversation(groups, test, lambda _: 0)
    return sum(part.tokens for call in talk.calls for part in call)


def cheapest(ways: Iterable[Way], limits: Limits) -> CheapestWay | None:
    """Which way wins; None if no price is known, or none is possible."""
    known = [way for way in ways if way.is_possible and way.bill.cost_usd is not None]
    known.sort(key=lambda way: (way.bill.cost_usd or 0.0, way.byte_size))
    if not known:
        return None
    best = known[0]
    second = next((way for way in known[1:] if way.bill.cost_usd != best.bill.cost_usd), None)
    return CheapestWay(best, second, _assumption(best, limits))


def _assumption(way: Way, limits: Limits) -> str:
    if not way.bill.read and not way.bill.written:
        least = limits.cache_min_tokens
        if way.cache == "none" or least is None:
            return "nothing is cached"
        return f"no prompt has the {least.value:,} tokens from which on {limits.model} caches"
    if limits.caching == AUTOMATIC:
        return "the API reads the longest beginning that was sent before"
    lifetime = _LIFETIMES[way.cache]
    return f"each call comes within {lifetime} of the last, and what does not change is marked to be cached"


def _way(name: str, kind: CacheKind, gone: Sequence[int], talk: _Talk, limits: Limits) -> Way:
    rates = CacheRates.of(limits, kind)
    placed = REMOVED.tokens if any(gone) else 0
    bill = bill_of_session(talk.calls, gone, limits, rates, placed=placed)
    late = bill_of_session(talk.calls, gone, limits, rates, placed=placed, expired={len(gone) - 1})
    images, size = talk.sent(gone)
    cached = "no caching" if kind == "none" else f"cached {_LIFETIMES[kind]}"
    if kind != "none" and limits.caching == AUTOMATIC:
        cached = "cached by the API"
    is_known = kind != "none" and bill.cost_usd is not None and late.cost_usd is not None
    return Way(
        name=f"{name}, {cached}",
        bill=bill,
        byte_size=size,
        images=images,
        changes=sum(now > before for before, now in zip([0, *gone], gone, strict=False)),
        cache=kind,
        refused=_refused(talk.steps, gone, limits),
        pause_usd=(late.cost_usd or 0.0) - (bill.cost_usd or 0.0) if is_known else None,
    )


def _refused(steps: Sequence[Step], gone: Sequence[int], limits: Limits) -> str:
    """The limit that a call exceeds, as a clause; empty if none does."""
    images: list[Weight] = []
    whole, documents, before = Weight(), 0, 0
    for number, (step, removed) in enumerate(zip(steps, gone, strict=True), 1):
        images += step.images
        documents += step.documents
        for weight in (step.rest, *step.images):
            whole = whole.plus(weight)
        for image in images[before:removed]:
            whole = whole.plus(image, -1).plus(REMOVED)
        before = removed
        count = len(images) - removed + documents
        media, body, context = limits.request_media, limits.request_bytes, limits.most_input
        if media and count > media.value:
            return f"call {number} has {count:,} images and documents of {media.value:,}"
        if body and whole.byte_size > body.value:
            return f"call {number} has {whole.byte_size:,} bytes of {body.value:,}"
        if context and whole.tokens > context.value:
            return f"call {number} has about {whole.tokens:,} tokens of {context.value:,}"
    return ""


def _kept_each(steps: Iterable[Step], kept: int) -> Iterable[int]:
    """Each call with its last images only, but always with those that are new in it."""
    images = 0
    for step in steps:
        images += len(step.images)
        yield images - min(images, max(kept, len(step.images)))


def _conversation(
    groups: Sequence[Sequence[Turn]], test: RequestUnderTest, tokens: Callable[[ImageUse], int]
) -> _Talk:
    """The parts of each call; what is in no text (tools, calls of them, JSON) is spread over all calls."""
    request = test.request
    blocks = [[block for turn in group for block in walk_blocks(turn.blocks)] for group in groups]
    texts = sum(block.size for group in blocks for block in group if isinstance(block, Text))
    payloads = sum(use.base64_size or 0 for use in request.images)
    payloads += sum(-(-(use.byte_size or 0) // 3) * 4 for use in request.documents)
    rest = max(request.byte_size - payloads - texts, 0) // len(groups)
    calls: list[tuple[Part, ...]] = []
    steps: list[Step] = []
    for group in blocks:
        parts = [Part(rest // CHARACTERS_PER_TOKEN)]
        images: list[Weight] = []
        characters, documents = rest, 0
        for block in group:
            match block:
                case Text():
                    characters += block.size
                    parts.append(Part(block.size // CHARACTERS_PER_TOKEN))
                case ImageUse():
                    images.append(Weight(block.base64_size or 0, tokens(block)))
                    parts.append(Part(images[-1].tokens, is_image=True))
                case DocumentUse():
                    documents += 1
                case _:
                    pass
        text = sum(part.tokens for part in parts if not part.is_image)
        calls.append(tuple(parts))
        steps.append(Step(tuple(images), Weight(characters, text), documents))
    uploads = sum(_file_size(use) for use in request.images)
    return _Talk(tuple(calls), tuple(steps), uploads)


def _file_size(use: ImageUse) -> int:
    """The bytes of an image as a file; 0 if the body does not hold it."""
    if not use.base64_size:
        return 0
    return use.facts.byte_size if use.facts else use.base64_size // 4 * 3
