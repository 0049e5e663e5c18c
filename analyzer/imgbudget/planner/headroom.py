"""How far a request is from the limits on all its images together, and whether it could still be compacted.

Bytes, not tokens, stop most sessions of agents: each image is sent again with each turn, a third longer as
base64, while the model counts few tokens for it. Limits on single images are no matter of distance: an image
over one is refused at once, and a finding.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Literal, NamedTuple

from imgbudget.limits.values import Limit
from imgbudget.model.request_under_test import RequestUnderTest

COMPACTION_BYTES = 32_000
"""Bytes that the request that compacts a session has besides its messages: the instruction to sum them up.

An assumption: the instructions of open agents have 2,000 to 20,000 bytes.
"""

_RECENT = 20
"""The newest images, by whose average size it is said how many more there is room for."""

GaugeName = Literal["request bytes", "images and pages", "images of any edge", "input tokens"]


_RULES: Mapping[GaugeName, str] = {
    "request bytes": "IB401",
    "images and pages": "IB402",
    "input tokens": "IB405",
}
"""The rule on each limit that a request must not exceed."""


class Gauge(NamedTuple):
    """One limit: how much of it is used, in its unit. `used` may exceed it.

    `images_left` is about how many more images like the newest ones there is room for, None if there are none
    to compare with. `edge` is the limit in px on each image, on requests that exceed `images of any edge`.
    """

    name: GaugeName
    used: int
    limit: Limit[int]
    images_left: int | None = None
    edge: int | None = None

    @property
    def left(self) -> int:
        """What is left, in the unit of the limit; 0 if it is exceeded."""
        return max(self.limit.value - self.used, 0)

    @property
    def share(self) -> float:
        """The part of the limit that is used: 1 is all of it."""
        return self.used / self.limit.value if self.limit.value else 1.0


class Compaction(NamedTuple):
    """Whether the request that compacts a session would pass: it sends the same messages, and a little more.

    `blockers` are the codes of rules whose errors it has too, and the names of limits that it exceeds.
    """

    passes: bool
    blockers: tuple[str, ...] = ()


class Headroom(NamedTuple):
    """What a request takes, and each limit on all of it, the nearest first.

    `request_bytes` is the size of the messages: system prompt and definitions of tools come on top of it.
    `image_tokens` is None for an unknown model; texts come on top of it too.
    """

    images: int
    pages: int
    request_bytes: int
    image_tokens: int | None
    gauges: tuple[Gauge, ...]
    compaction: Compaction

    @property
    def nearest(self) -> Gauge | None:
        """The limit of which most is used; None if none is known."""
        return self.gauges[0] if self.gauges else None

    def gauge(self, name: GaugeName) -> Gauge | None:
        """The gauge of that name; None if that limit is not known."""
        return next((gauge for gauge in self.gauges if gauge.name == name), None)


def headroom(test: RequestUnderTest, refused: Collection[str] = ()) -> Headroom:
    """How far a request is from each limit on all its images together.

    `refused` are the codes of rules that report an error in it: they stop its compaction too. Of several
    readings of a limit, the strictest counts.
    """
    request, tokens = test.request, test.visual_tokens
    pages = sum(1 if document.pages is None else document.pages for document in request.documents)
    gauges = sorted(_gauges(test, pages, tokens), key=lambda gauge: -gauge.share)
    exceeded = (
        gauge.name
        for gauge in gauges
        if gauge.name in _RULES
        and _RULES[gauge.name] not in refused
        and gauge.used + (COMPACTION_BYTES if gauge.name == "request bytes" else 0) > gauge.limit.value
    )
    blockers = (*dict.fromkeys(refused), *exceeded)
    return Headroom(
        images=len(request.images),
        pages=pages,
        request_bytes=request.byte_size,
        image_tokens=tokens,
        gauges=tuple(gauges),
        compaction=Compaction(not blockers, blockers),
    )


def _gauges(test: RequestUnderTest, pages: int, tokens: int | None) -> Iterator[Gauge]:
    request, limits = test.request, test.limits
    newest = request.images[-_RECENT:]
    if (most := limits.least_request_bytes) is not None:
        sizes = [use.base64_size for use in newest if use.base64_size]
        yield Gauge("request bytes", request.byte_size, most, _room(most.value - request.byte_size, sizes))
    if (most := limits.least_request_media) is not None:
        used = len(request.images) + pages
        yield Gauge("images and pages", used, most, max(most.value - used, 0))
    few, edge = limits.many_image_count, limits.many_image_edge
    if few is not None and edge is not None:
        sizes_px = [use.visible_size for use in request.images]
        if any(size is not None and size.long_edge > edge.value for size in sizes_px):
            used = limits.counted_images(len(request.images), len(request.documents))
            yield Gauge("images of any edge", used, few, max(few.value - used, 0), edge.value)
    if (most := limits.most_input) is not None and tokens is not None:
        each = [count for use in newest if (count := test.tokens(use))]
        yield Gauge("input tokens", tokens, most, _room(most.value - tokens, each))


def _room(left: int, sizes: list[int]) -> int | None:
    """How many more of the average size there is room for."""
    return None if not sizes else max(left, 0) * len(sizes) // sum(sizes)
