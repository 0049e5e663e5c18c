"""A request bound to the limits that it is checked against, each of its images to its own, and its traits.

An image can have a level of detail (OpenAI's `detail`, Gemini's media resolution), which changes its cost and
the size that the model uses. Only this module combines that level with the limits of the model: rules,
planner, split, resend and the guard take a RequestUnderTest, never a request and limits separately.

Traits are what rules look for in a request, found in one walk: a rule runs only on requests that have them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from imgbudget.limits.bound import Limits
from imgbudget.model.location import Location
from imgbudget.model.subjects import Block, DocumentUse, ImageUse, Nested, Request, Text
from imgbudget.namedtuples import NamedTuple

_NONE: Mapping[Location, Limits] = {}


class RequestUnderTest(NamedTuple):
    """One request, the limits of its model and platform, and those of its images.

    `image_limits` holds the limits of images whose level of detail is not the model's default, or whose block
    or request sets bounds, by their location; all other images have `limits`.
    """

    request: Request
    limits: Limits
    image_limits: Mapping[Location, Limits] = _NONE

    def limits_of(self, use: ImageUse) -> Limits:
        """The limits of one of its images, at its level of detail."""
        return self.image_limits.get(use.location, self.limits) if self.image_limits else self.limits

    @property
    def images(self) -> Iterator[tuple[ImageUse, Limits]]:
        """Its images in order, each with its limits."""
        return ((use, self.limits_of(use)) for use in self.request.images)

    def tokens(self, use: ImageUse) -> int:
        """Visual tokens of one of its images, at most; 0 if its size or the model is not known."""
        size = use.visible_size
        return (self.limits_of(use).tokens(size) or 0) if size else 0

    def fewest_tokens(self, use: ImageUse) -> int:
        """The fewest visual tokens of one of its images, if sources contradict each other; else `tokens`."""
        size = use.visible_size
        return ((self.limits_of(use).tokens_ends(size) or (0,))[0]) if size else 0

    @property
    def visual_tokens(self) -> int | None:
        """Visual tokens of all images whose size is known; None for an unknown model."""
        images, limits = self.request.images, self.limits
        if self._alike:  # most requests
            sizes = [size for use in images if (size := use.visible_size) is not None]
            return limits.counted(sum([limits.tokens(size) or 0 for size in sizes]))
        if any(its.known_edge for its in (limits, *self.image_limits.values())) and any(
            use.visible_size and not its.counts(use.visible_size) for use, its in self.images
        ):
            return None
        return limits.counted(sum(self.tokens(use) for use in images))

    @property
    def _alike(self) -> bool:
        """Whether its images have the same limits, by which tokens are known of all sizes, or of none."""
        return not self.image_limits and self.limits.known_edge is None

    @property
    def is_contradictory(self) -> bool:
        """Whether sources contradict each other on the tokens of any of its images."""
        if self.limits.tier.alternatives:
            return True
        return any(limits.tier.alternatives for limits in self.image_limits.values())

    @property
    def tokens_range(self) -> tuple[int, int] | None:
        """The fewest and the most visual tokens, if sources contradict each other; else None."""
        least, most = 0, 0
        for use, limits in self.images:
            size = use.visible_size
            span = None if size is None else limits.tokens_ends(size)
            if span is not None:
                least, most = least + span[0], most + span[1]
        return None if least == most else (least, most)

    @property
    def uncounted(self) -> int:
        """How many of its images have no known number of tokens; damaged ones do not count."""
        if self._alike and self.limits.counts_tokens:
            return sum([use.facts is None for use in self.request.images])
        return sum(not is_counted(use, limits) for use, limits in self.images)

    @property
    def edge_limit(self) -> int | None:
        """The edge in px that the number of images imposes on each of them, None without one."""
        request, limits = self.request, self.limits
        count = limits.counted_images(len(request.images), len(request.documents))
        edge = limits.many_image_edge
        return edge.value if edge is not None and limits.many_images(count) else None

    def changed_to(self, request: Request) -> "RequestUnderTest":
        """The same request after a change that keeps its model and the detail of its images."""
        return self._replace(request=request)


def is_counted(use: ImageUse, limits: Limits) -> bool:
    """Whether the tokens of an image are known, or it has none because it is damaged."""
    size = use.visible_size
    return use.facts is not None if size is None else limits.counts(size)


def bind_image(use: ImageUse, limits: Limits) -> Limits:
    """The limits of a model for an image, at its level of detail and within the bounds of its request."""
    level = limits.at(use.detail)
    return level if use.bounds is None or not limits.tier.strategy else use.bounds.on(level)


LimitsByDetail = dict[tuple[Limits, str], Limits]
"""Limits at a level of detail, by those of the request and level."""


_MOST_LEVELS = 256
"""Limits that are cached; hostile requests may set other bounds in each image."""


def bind_request(request: Request, limits: Limits, levels: LimitsByDetail | None = None) -> RequestUnderTest:
    """The request with the limits for its model and dialect, and of each image at its level of detail.

    `levels` caches bound limits: findings are remembered by the identity of the limits.
    """
    limits = limits.for_dialect(request.dialect)
    if not limits.tier.strategy:  # Claude has neither levels nor bounds
        return RequestUnderTest(request, limits)
    levels = {} if levels is None else levels
    known = {name for name, _ in limits.details}
    found: dict[Location, Limits] = {}
    for use in request.images:
        if (use.detail is None or use.detail not in known) and use.bounds is None:
            continue
        key = limits, f"{use.detail} {use.bounds}" if use.bounds else use.detail or ""
        if key not in levels:
            if len(levels) >= _MOST_LEVELS:
                levels.clear()
            levels[key] = bind_image(use, limits)
        if levels[key] is not limits:
            found[use.location] = levels[key]
    return RequestUnderTest(request, limits, found)


TRAITS: Final = {
    "flaws": "a mistake in its shape",
    "images": "an image",
    "addresses": "an image by its address or by a file id",
    "alike_images": "an image as long as another one in base64, or one whose pixels were measured",
    "images_elsewhere": "an image that is not directly in a turn of the user",
    "answers": "an assistant turn",
    "text_before_image": "a text before an image of the same turn",
    "empty_text": "images, and a text block without text",
    "surrogate": "images, and a text with half of a surrogate pair",
    "image_text": "a text with the base64 of an image",
    "stated_size": "images, and a text that states at which size one is displayed",
    "edits": "a change of what an earlier request had sent",
    "transcript": "turns that are those of a session",
    "unknown_model": "a model that is not known",
    "ending_model": "a model that is retired, or will be soon",
    "text_only_model": "a model that takes no images, as far as is known",
}
"""The traits of a request, or of a request with its model, and what a request with each of them has."""

_BITS = {name: 1 << number for number, name in enumerate(TRAITS)}
_FLAWS, _IMAGES, _ADDRESSES, _ALIKE, _ELSEWHERE, _ANSWERS, _TEXT_BEFORE, _EMPTY, *_others = _BITS.values()
_SURROGATE, _IMAGE_TEXT, _STATED_SIZE, _EDITS, _TRANSCRIPT, _UNKNOWN, _ENDING, _TEXT_ONLY = _others

SIZE_HINTS = (", displayed at ", "Image overview: ")
"""What a text has that states the size at which an image is displayed: the beginnings of its two forms."""

_DISPLAYED, _OVERVIEW = SIZE_HINTS


def bits_of(names: Iterable[str]) -> int:
    """The bits of traits.

    Raises:
        ValueError: there is none of that name.
    """
    unknown = [name for name in names if name not in _BITS]
    if unknown:
        raise ValueError(f"traits: unknown {unknown[0]!r}; there are {', '.join(TRAITS)}")
    return sum({_BITS[name] for name in names})


def traits_of(request: Request) -> int:
    """The bits of all traits that a request has by itself."""
    found = _FLAWS if request.flaws else 0
    if request.edits:
        found |= _EDITS
    if request.dialect == "transcript":
        found |= _TRANSCRIPT
    found |= _in_images(request.images)
    for turn in request.turns:
        if turn.role == "assistant":
            found |= _ANSWERS
        if found & _IMAGES:
            found |= _in_blocks(turn.blocks)
        elif _holds_image_text(turn.blocks):
            found |= _IMAGE_TEXT
    return found


def _in_images(images: tuple[ImageUse, ...]) -> int:
    """The bits of what the images of a request are."""
    found = _IMAGES if images else 0
    for use in images:
        if use.role != "user" or use.inside:
            found |= _ELSEWHERE
        if use.reference is not None:
            found |= _ADDRESSES
        if use.digest is not None or (use.facts is not None and use.facts.pixels is not None):
            found |= _ALIKE
    return found


def _holds_image_text(blocks: tuple[Block, ...]) -> bool:
    """Whether a text has the base64 of an image: all that is looked for in texts without images."""
    for block in blocks:
        if isinstance(block, Text):
            if block.image_characters:
                return True
        elif isinstance(block, (Nested, DocumentUse)) and _holds_image_text(block.blocks):
            return True
    return False


def _in_blocks(blocks: tuple[Block, ...]) -> int:
    """The bits of what is in blocks; written for speed, because there may be very many."""
    found, text_before = 0, 0
    for block in blocks:
        if isinstance(block, Text):
            _, text, surrogate, image_characters, _ = block
            text_before = _TEXT_BEFORE
            if not text:
                found |= _EMPTY
            elif _DISPLAYED in text or _OVERVIEW in text:
                found |= _STATED_SIZE
            if surrogate:
                found |= _SURROGATE
            if image_characters:
                found |= _IMAGE_TEXT
        elif isinstance(block, ImageUse):
            found |= text_before
        elif isinstance(block, (Nested, DocumentUse)):
            found |= _in_blocks(block.blocks)
    return found


def traits_of_model(limits: Limits) -> int:
    """The bits of the traits that any request has whose model has these limits."""
    found = 0 if limits.known else _UNKNOWN
    if limits.end is not None:
        found |= _ENDING
    return found if limits.text_only is None else found | _TEXT_ONLY
