"""What a request should cost, before it is sent: what is exact, what is estimated, what is the most."""

from math import ceil
from typing import NamedTuple

from imgbudget.limits import Limits
from imgbudget.limits.bound import nano_usd
from imgbudget.report import RequestResult

MESSAGE_TOKENS = 7
"""Tokens of a request beside text and images (87 recorded rows, 2024-06 to 2026-08; one measured apart)."""
IMAGE_TOKENS = 3
"""Tokens around each image beside its patches (the same rows)."""

_USUAL_BYTES = 4
_FEWEST_BYTES = 2
"""Bytes of text a token: usual in English prose, and hardly ever less."""
_NANO = 1_000_000_000


class Prediction(NamedTuple):
    """Tokens of one request. `visual` is exact for the images whose size is known.

    `unsized` images have a url or a file id, or cannot be read: each is counted as the most that an image
    costs. `text` is estimated from `text_bytes`, those of the system prompt, tools and all other text. The
    `pages` of documents are estimated too; `unpaged` documents could not be counted.
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

    @property
    def envelope(self) -> int:
        """Tokens of the request and around each image."""
        return MESSAGE_TOKENS + IMAGE_TOKENS * self.images

    @property
    def total(self) -> int:
        """Tokens as they are expected."""
        return self.visual + self.envelope + self.text + self.page_tokens

    @property
    def is_exact(self) -> bool:
        """Whether only the text is estimated."""
        return not (self.unsized or self.pages or self.unpaged)


class Price(NamedTuple):
    """US dollars of a request, or of several: expected input, and the most for input and output.

    `most` is None where no price of the output is known, or no bound on it was set.
    """

    expected_input: float
    most: float | None

    def __add__(self, other: object) -> "Price":
        """The sum with another."""
        if not isinstance(other, Price):
            return NotImplemented
        most = None if self.most is None or other.most is None else self.most + other.most
        return Price(self.expected_input + other.expected_input, most)


def predict(one: RequestResult, text_bytes: int) -> Prediction:
    """The tokens of a request, from what its check has read and the bytes of all text in it."""
    test, visual = one
    request, limits = test.request, test.limits
    context = limits.context_tokens.value
    unsized = [asked.tier.max_tokens or context for use, asked in test.images if use.visible_size is None]
    pages = sum(document.pages or 0 for document in request.documents)
    low, high = limits.page_text_tokens_low.value, limits.page_text_tokens_high.value
    unpaged = sum(document.pages is None for document in request.documents)
    envelope = MESSAGE_TOKENS + IMAGE_TOKENS * len(request.images)
    return Prediction(
        visual=visual + sum(unsized),
        images=len(request.images),
        unsized=len(unsized),
        text=ceil(text_bytes / _USUAL_BYTES),
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
    )


def price(tokens: Prediction, limits: Limits, max_tokens: int | None, *, batch: bool) -> Price:
    """What a request costs; `max_tokens` is the bound that it sets on the output."""
    factor = limits.batch_factor.value if batch and limits.batch_factor else 1
    expected = limits.cost_usd(tokens.total) * factor
    output = _output_usd(limits, tokens.most, max_tokens)
    most = None if output is None else (limits.cost_usd(tokens.most) + output) * factor
    return Price(expected, most)


def _output_usd(limits: Limits, input_tokens: int, max_tokens: int | None) -> float | None:
    rate = limits.output_price
    long = limits.long_prompt_tokens
    if long is not None and input_tokens > long.value:
        rate = limits.long_output_price or rate
    if rate is None or max_tokens is None:
        return None
    return max_tokens * nano_usd(rate) / _NANO
