"""Predicted and billed tokens of a request, and the cause of a difference."""

from collections.abc import Collection
from math import ceil
from typing import NamedTuple

from imgbudget.limits.bound import Limits, nano_usd
from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import native_size, patches
from imgbudget.live.untrusted import tokens
from imgbudget.model.results import RequestResult
from imgbudget.model.subjects import Request
from imgbudget.output.base import count, figure
from imgbudget.planner.documents import TEXT_BYTES_PER_TOKEN

MESSAGE_TOKENS = 7
"""Tokens of a request besides text and images (87 recorded rows, 2024-06 to 2026-08; one set apart)."""
IMAGE_TOKENS = 3
"""Tokens of each image besides its patches (the same rows)."""

_FEWEST_BYTES = 2
"""Bytes of text per token that are a rare minimum."""
_NANO = 1_000_000_000


class Prediction(NamedTuple):
    """Tokens of one request. `visual` is exact for the images whose size is known.

    `unsized` images have a url or a file id, or cannot be read: each is counted as the most that an image
    costs. `text` is estimated from `text_bytes`, those of the system prompt, tools and all other text. The
    `pages` of documents are estimated too; `unpaged` documents could not be counted. `known` is whether the
    tokens of images are known for the model; without it `visual` is 0. Where sources contradict each other,
    `visual` is the most, and may be fewer by `doubt`.
    """

    visual: int
    images: int
    unsized: int
    text: int
    text_bytes: int
    pages: int
    unpaged: int
    page_tokens: int
    most: int
    known: bool = True
    doubt: int = 0

    @property
    def visual_range(self) -> tuple[int, int]:
        """The fewest and the most visual tokens; the same if sources agree."""
        return self.visual - self.doubt, self.visual

    @property
    def total_range(self) -> tuple[int, int]:
        """The fewest and the most expected tokens; the same if sources agree."""
        return self.total - self.doubt, self.total

    @property
    def envelope(self) -> int:
        """Tokens of the request and around each image."""
        return MESSAGE_TOKENS + IMAGE_TOKENS * self.images

    @property
    def total(self) -> int:
        """Expected tokens."""
        return self.visual + self.envelope + self.text + self.page_tokens

    @property
    def is_exact(self) -> bool:
        """Whether only the text is estimated."""
        return self.known and not (self.unsized or self.pages or self.unpaged or self.doubt)


class Price(NamedTuple):
    """US dollars of a request, or of several: expected input, and the most for input and output.

    `expected_input` is None where no price of the model is known; `most` too where no price of the output is
    known, or the output has no bound.
    """

    expected_input: float | None
    most: float | None

    def __add__(self, other: object) -> "Price":
        """The sum with another."""
        if not isinstance(other, Price):
            return NotImplemented
        most = None if self.most is None or other.most is None else self.most + other.most
        expected = None
        if self.expected_input is not None and other.expected_input is not None:
            expected = self.expected_input + other.expected_input
        return Price(expected, most)


def predict(one: RequestResult, text_bytes: int) -> Prediction:
    """The tokens of a request, from its check result and the bytes of all text in it."""
    test, visual = one.test, one.visual_tokens or 0
    request, limits = test.request, test.limits
    context = limits.most_input.value if limits.most_input else 0
    unsized = [asked.tier.max_tokens or context for use, asked in test.images if use.visible_size is None]
    pages = sum(document.pages or 0 for document in request.documents)
    low, high = limits.page_text_tokens_low.value, limits.page_text_tokens_high.value
    unpaged = sum(document.pages is None for document in request.documents)
    envelope = MESSAGE_TOKENS + IMAGE_TOKENS * len(request.images)
    return Prediction(
        visual=visual + sum(unsized),
        images=len(request.images),
        unsized=len(unsized),
        text=ceil(text_bytes / TEXT_BYTES_PER_TOKEN),
        text_bytes=text_bytes,
        pages=pages,
        unpaged=unpaged,
        page_tokens=pages * (low + high) // 2,
        most=visual
        + sum(unsized)
        + envelope
        + ceil(text_bytes / _FEWEST_BYTES)
        + pages * (high + (limits.tier.max_tokens or context))
        + unpaged * context,
        known=limits.counts_tokens,
        doubt=one.tokens_range[1] - one.tokens_range[0] if one.tokens_range else 0,
    )


def price(predicted: Prediction, limits: Limits, max_tokens: int | None, *, batch: bool) -> Price:
    """The cost of a request; `max_tokens` is its bound on the output."""
    factor = limits.batch_factor.value if batch and limits.batch_factor else 1
    expected, most = limits.cost_usd(predicted.total), limits.cost_usd(predicted.most)
    if expected is None or most is None:
        return Price(None, None)
    output = _output_usd(limits, predicted.most, max_tokens)
    return Price(expected * factor, None if output is None else (most + output) * factor)


def _output_usd(limits: Limits, input_tokens: int, max_tokens: int | None) -> float | None:
    rate = limits.output_price
    long = limits.long_prompt_tokens
    if long is not None and input_tokens > long.value:
        rate = limits.long_output_price or rate
    bound = tokens(max_tokens)  # less than nothing bounds nothing
    if rate is None or bound is None:
        return None
    return bound * nano_usd(rate) / _NANO


_SLACK = 5
"""Largest error of the formula in tokens (87 recorded rows)."""
_FEWEST, _MOST = 8, 2
"""Most and fewest bytes of text per token: a rest between them is text."""
_ADDED = ("tools", "thinking", "mcp_servers", "output_config", "container")
"""Top-level members of a body for which the API adds tokens."""


class Usage(NamedTuple):
    """Tokens as the API reports them; the input includes cache reads and writes."""

    input: int
    output: int | None = None
    cached: int = 0

    @classmethod
    def of(cls, usage: object) -> "Usage | None":
        """The usage of a message; None if it cannot be read: what cannot be read is never 0."""
        if not isinstance(usage, dict):
            return None
        absent = (usage.get(key) is None for key in _CACHED)
        cached = [0 if gone else tokens(usage[key]) for key, gone in zip(_CACHED, absent, strict=True)]
        numbers = [tokens(usage.get("input_tokens")), tokens(usage.get("output_tokens")), *cached]
        if any(number is None for number in numbers):
            return None
        read, output, written, again = (number or 0 for number in numbers)
        return cls(read + written + again, output, written + again)


_CACHED = ("cache_creation_input_tokens", "cache_read_input_tokens")
UNREADABLE = "the answer's usage cannot be read: cost unknown"


class BillComparison(NamedTuple):
    """A prediction and the bill. `difference` is billed minus predicted; `cause` is a phrase.

    Without `usage` the bill is unknown, and so is the difference.
    """

    prediction: Prediction
    usage: Usage | None
    difference: int | None
    cause: str
    agrees: bool
    """Whether the token formula for images explains the bill."""


def compare(  # noqa: PLR0913 - everything that may be the cause
    prediction: Prediction,
    usage: Usage | None,
    request: Request,
    limits: Limits,
    *,
    data: LimitsData,
    members: Collection[str] = (),
) -> BillComparison:
    """Compare the bill with the prediction; `members` are the top-level keys of the body."""
    if usage is None:
        return BillComparison(prediction, None, None, UNREADABLE, agrees=False)
    difference = usage.input - prediction.total
    rest = usage.input - prediction.visual - prediction.envelope - prediction.page_tokens
    agrees, cause = _cause(prediction, rest, request, limits, data=data, members=members)
    return BillComparison(prediction, usage, difference, cause, agrees)


def _cause(  # noqa: PLR0913 - everything that may be the cause
    prediction: Prediction,
    rest: int,
    request: Request,
    limits: Limits,
    *,
    data: LimitsData,
    members: Collection[str],
) -> tuple[bool, str]:
    """Whether the formula for images holds, and why the bill differs; `rest` is without images and pages."""
    if not prediction.known:
        return False, f"{limits.model} is not known: its images were not counted"
    if prediction.unsized:
        return (
            False,
            f"{count(prediction.unsized, 'image')} of unknown size counted as the most that one costs",
        )
    if prediction.pages or prediction.unpaged:
        return False, "pages of documents are estimated: their text is not known"
    if prediction.doubt:
        least, most = _text_tokens(prediction.text_bytes)
        agrees = least <= rest + prediction.doubt and rest <= most
        return agrees, f"sources contradict each other on the tokens of images on {limits.model}"
    if _is_text(rest, prediction.text_bytes):
        if rest <= _SLACK:
            return True, "negligible"
        text = f"text: {figure(rest)} tokens for {count(prediction.text_bytes, 'byte')}"
        return True, f"{text}, {figure(prediction.text)} were estimated"
    if added := [name for name in _ADDED if name in members]:
        return False, f"the API adds tokens for {' and '.join(added)}"
    if other := _other_tier(prediction, rest, request, limits, data):
        return False, other
    if rest < 0:
        return (
            False,
            "fewer than the images alone should cost: another model answered, or its token formula differs",
        )
    return (
        False,
        "more than text of this length explains: the tokenizer or the token formula differs",
    )


def _is_text(rest: int, text_bytes: int) -> bool:
    least, most = _text_tokens(text_bytes)
    return least <= rest <= most


def _text_tokens(text_bytes: int) -> tuple[int, int]:
    """The fewest and the most tokens of a text of that length."""
    return text_bytes // _FEWEST - _SLACK, text_bytes // _MOST + _SLACK


def _other_tier(
    prediction: Prediction, rest: int, request: Request, limits: Limits, data: LimitsData
) -> str | None:
    """Another way of counting the images that would explain the bill."""
    sizes = [use.visible_size for use in request.images if use.visible_size]

    def explains(visual: int) -> bool:
        return visual != prediction.visual and _is_text(
            rest + prediction.visual - visual, prediction.text_bytes
        )

    for tier in data.tiers:
        if tier != limits.tier and explains(sum(patches(native_size(size, tier)) for size in sizes)):
            return f"the images cost as in the {tier.name} tier, not the {limits.tier.name} tier"
    if explains(sum(patches(size) for size in sizes)):
        return "the images were counted at full size, not downscaled"
    return None
