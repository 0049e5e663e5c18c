"""What a request is expected to cost, before it is sent: what is exact, what is estimated, what is the most."""

from math import ceil
from typing import NamedTuple

from imgbudget.limits import Limits
from imgbudget.limits.bound import nano_usd
from imgbudget.model import DocumentUse, Origin, Request, Text, walk_blocks
from imgbudget.report import RequestResult

MESSAGE_TOKENS = 7
"""Tokens of a request beside its text and images (87 recorded rows, 2024-06 to 2026-08; one measured apart)."""
IMAGE_TOKENS = 3
"""Tokens around each image beside its patches (the same rows)."""

_BLOCK_BYTES = 85
"""JSON around the base64 text of an image block, about."""
_BODY_BYTES, _TURN_BYTES, _TEXT_BYTES = 66, 30, 26
"""JSON of an empty body, of a turn in it and of a text block in that, about."""
_USUAL_BYTES = 4
_FEWEST_BYTES = 2
"""Bytes of text a token: usual in English prose, and hardly ever less."""
_NANO = 1_000_000_000


class Prediction(NamedTuple):
    """Tokens of one request. `visual` is exact for the images whose size is known.

    `unsized` images have a url or a file id, or cannot be read: each is counted as the most that an image
    costs. `text` is estimated from `text_bytes`, which is the JSON beside the images: system prompt, tools and
    text. `pages` of documents are estimated too; `unpaged` documents could not be counted.
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


def predict(one: RequestResult) -> Prediction:
    """The tokens of a request, from what its check has read."""
    request, limits, visual = one
    unsized = sum(use.visible_size is None for use in request.images)
    cap = int(limits.tier_tokens.value)
    pages = sum(document.pages or 0 for document in request.documents)
    low, high = int(limits.page_text_tokens_low.value), int(limits.page_text_tokens_high.value)
    text_bytes = _text_bytes(request)
    unpaged = sum(document.pages is None for document in request.documents)
    envelope = MESSAGE_TOKENS + IMAGE_TOKENS * len(request.images)
    return Prediction(
        visual=visual + unsized * cap,
        images=len(request.images),
        unsized=unsized,
        text=ceil(text_bytes / _USUAL_BYTES),
        text_bytes=text_bytes,
        pages=pages,
        unpaged=unpaged,
        page_tokens=pages * (low + high) // 2,
        most=visual
        + unsized * cap
        + envelope
        + ceil(text_bytes / _FEWEST_BYTES)
        + pages * (high + cap)
        + unpaged * int(limits.context_tokens.value),
    )


def _text_bytes(request: Request) -> int:
    """The bytes of a body beside its images and documents."""
    payload = sum((use.base64_size or 0) + _BLOCK_BYTES for use in request.images)
    payload += sum(_document_bytes(document) for document in request.documents)
    turns = [block for turn in request.turns for block in walk_blocks(turn.blocks)]
    texts = sum(isinstance(block, Text) for block in turns)
    frame = _BODY_BYTES + _TURN_BYTES * len(request.turns) + _TEXT_BYTES * texts
    return max(request.byte_size - payload - frame, 0)


def _document_bytes(document: DocumentUse) -> int:
    if document.origin is not Origin.BASE64 or document.byte_size is None:
        return 0
    return -(-document.byte_size // 3) * 4 + _BLOCK_BYTES


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
