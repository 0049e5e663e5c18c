"""When the oldest images of a conversation give way to a text: in batches, as soon as a limit is near.

Each removal changes the beginning of the prompt, and what follows is written to the cache again. So none is
made that nothing forces, and one that is makes room for many turns. What is removed after a turn depends on
the turns up to it alone: whether a caller goes on with the pruned messages or prunes the whole history each
time, the same images are gone.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.planner.caching import CacheRates, eviction_pays

KEPT = 3
"""Default number of images that stay where nothing forces more to go: a choice of this project."""

SPARE = 16
"""One part in so many of a body or context is left to what is not in the messages: system prompt, tools."""


class Weight(NamedTuple):
    """What something in a conversation adds: bytes to the body, tokens to the prompt."""

    byte_size: int = 0
    tokens: int = 0

    def plus(self, other: "Weight", times: int = 1) -> "Weight":
        """The sum with so many of the other."""
        return Weight(self.byte_size + times * other.byte_size, self.tokens + times * other.tokens)


REMOVED = Weight(72, 12)
"""The text in the place of an image, as a block."""


class Step(NamedTuple):
    """What one message adds: its images in order, the weight of the rest, and how many documents it has.

    `is_call`: it is sent, not an answer.
    """

    images: tuple[Weight, ...] = ()
    rest: Weight = Weight()
    documents: int = 0
    is_call: bool = True


class PruneMarks(NamedTuple):
    """What the messages may hold, and what is left after a removal. None: no such limit.

    With more than `most_kept` images, or with `next_images` more than `most_images`, or than `media` together
    with documents, the oldest go until `keep` are left, or without it half of the limit. Over `most_bytes` or
    `most_tokens` they go until `keep` are left, or without it until half of the room is free that the rest
    leaves to images. Those of the last message, which the model has not seen, go only beyond `most_images`
    and `media`. `removed` is the weight of the text that takes the place of an image.
    """

    next_images: int = 1
    keep: int | None = None
    most_kept: int | None = None
    most_images: int | None = None
    media: int | None = None
    most_bytes: int | None = None
    most_tokens: int | None = None
    removed: Weight = REMOVED

    @classmethod
    def of(  # noqa: PLR0913 - keyword arguments with defaults
        cls,
        limits: Limits,
        *,
        next_images: int = 1,
        keep: int | None = None,
        most_kept: int | None = None,
        most_images: int | None = None,
        most_bytes: int | None = None,
        most_tokens: int | None = None,
    ) -> "PruneMarks":
        """The marks for the limits of a model on a platform, and those that the user sets below them."""
        media, body, context = limits.least_request_media, limits.least_request_bytes, limits.most_input
        return cls(
            next_images=next_images,
            keep=keep,
            most_kept=most_kept,
            most_images=most_images,
            media=media.value if media else None,
            most_bytes=_least(most_bytes, body and body.value - body.value // SPARE),
            most_tokens=_least(most_tokens, context and context.value - context.value // SPARE),
        )


def _least(*amounts: int | None) -> int | None:
    return min((amount for amount in amounts if amount is not None), default=None)


class Pruned(NamedTuple):
    """After one message: how many of the oldest images are removed, how many there are, and documents."""

    removed: int
    images: int
    documents: int

    @property
    def left(self) -> int:
        """The images that stay."""
        return self.images - self.removed


def pruned_steps(steps: Iterable[Step], marks: PruneMarks) -> list[Pruned]:
    """What is removed after each message of a conversation; what is removed stays removed."""
    images: list[Weight] = []
    gone, documents = 0, 0
    rest, live, largest = Weight(), Weight(), Weight()
    found: list[Pruned] = []
    for step in steps:
        documents += step.documents
        rest = rest.plus(step.rest)
        for image in step.images:
            images.append(image)
            live = live.plus(image)
            largest = Weight(*map(max, zip(largest, image, strict=True)))
        fixed = rest.plus(largest, marks.next_images)
        over = _exceeds(fixed.plus(live), (marks.most_bytes, marks.most_tokens))
        seen = len(images) - len(step.images)
        target, most = gone, _most(marks, documents)
        soft = _least(most, marks.most_kept)
        if soft is not None and len(images) - gone > soft:
            low = soft // 2 if marks.keep is None else marks.keep
            target = max(gone, min(len(images) - low, seen), 0 if most is None else len(images) - most)
        if over and marks.keep is not None:
            target = max(target, min(len(images) - marks.keep, seen))
        lowest = _low(fixed, marks)
        while gone < target or (over and gone < seen and _exceeds(fixed.plus(live), lowest)):
            live = live.plus(images[gone], -1)
            rest, fixed = rest.plus(marks.removed), fixed.plus(marks.removed)
            gone += 1
        found.append(Pruned(gone, len(images), documents))
    return found


def worthwhile(  # noqa: PLR0913 - keyword arguments with defaults
    steps: Iterable[Step],
    gone: int,
    least: int,
    calls: int,
    rates: CacheRates,
    *,
    expired: bool = False,
) -> int:
    """How many more of the oldest images to remove because it saves money; 0 if it does not.

    `gone` are removed already, and `least` of the others stay. In each of the `calls` to come the prompt is
    shorter by the removed images; with the next one all that follows the first of them is written again,
    except if what was cached has `expired`, so that it is written in any case.

    Where it saves money, it waits until the images have cost as much as that since they could be removed:
    the next ones will want to be removed too, and each time all of the rest is written again.
    """
    steps = list(steps)
    end = sum(len(step.images) for step in steps) - least
    if end <= gone:
        return 0
    images, saved, behind, held = 0, 0, 0, 0
    removable: list[int] = []
    for step in steps:
        for image in step.images:
            if gone <= images < end:
                removable.append(image.tokens - REMOVED.tokens)
                saved += removable[-1]
                behind += REMOVED.tokens
            elif images >= end:
                behind += image.tokens
            images += 1
        if step.is_call:
            held += sum(removable[: max(images - least - gone, 0)])
        if images > gone:
            behind += step.rest.tokens
    cost = 0 if expired else behind
    waits = held * rates.read < cost * rates.rewrite
    return 0 if waits or eviction_pays(saved, cost, calls, rates) <= 0 else end - gone


def _most(marks: PruneMarks, documents: int) -> int | None:
    """The most images that may stay when the next ones come."""
    room = None if marks.media is None else marks.media - documents
    most = _least(marks.most_images, room)
    return None if most is None else max(most - marks.next_images, 0)


def _exceeds(weight: Weight, most: Sequence[int | None]) -> bool:
    return any(limit is not None and amount > limit for amount, limit in zip(weight, most, strict=True))


def _low(fixed: Weight, marks: PruneMarks) -> tuple[int | None, int | None]:
    """The bytes and tokens down to which images are removed: those of the limit if `keep` is given."""
    most = marks.most_bytes, marks.most_tokens
    if marks.keep is not None:
        return most
    low_bytes, low_tokens = (
        None if limit is None else (limit + taken) // 2 for limit, taken in zip(most, fixed, strict=True)
    )
    return low_bytes, low_tokens
