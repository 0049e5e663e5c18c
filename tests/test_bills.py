"""Bills of recorded requests: what the images take, the text and the envelope add up to the tokens billed.

`bills.csv` has the numbers of requests with images and a short text alone, recorded in the suites of other
projects (`source`). `text_tokens` was counted with the tokenizer of the vendor's models where one is public:
o200k_base for OpenAI, and as an estimate for the others; that of Claude 2 for Claude. The envelope is what a
message takes beside both; it depends on the API only.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import Size
from imgbudget_rules.limits._generated import DATA

FILE = Path(__file__).with_name("bills.csv")
SHIPPED = LimitsData.from_mapping(DATA, day="2026-08-01")

ENVELOPE = {
    ("openai", "chat.completions"): (5, 8),
    ("openai", "responses"): (8, 12),
    ("mistral", "chat.completions"): (3, 4),
    ("groq", "chat.completions"): (12, 15),
    ("xai", "chat.completions"): (5, 8),
}
"""The fewest and the most tokens beside images and text, by vendor and API."""

CLAUDE = (4, 10)
"""Of Claude: 7 for the request, and about 3 more for each image, by whatever API."""

WRAPPER = 3
"""Tokens around each image of Claude."""

EVEN = "claude-3-5-haiku"
"""Counted patches in even numbers, by recorded usage alone; retired."""


class Bill(NamedTuple):
    """A recorded request; `rest` is what neither images nor text explain."""

    vendor: str
    api: str
    model: str
    images: tuple[Size, ...]
    details: tuple[str, ...]
    text: int
    total: int

    @property
    def image_tokens(self) -> int:
        """What its images take, at their levels of detail."""
        limits = SHIPPED.bind(self.model, "")
        details = self.details or ("",) * len(self.images)
        counts = [
            limits.at(detail or None).tokens(size) for size, detail in zip(self.images, details, strict=True)
        ]
        assert None not in counts, self
        return sum(count or 0 for count in counts)

    @property
    def rest(self) -> int:
        """The tokens of the envelope, if the images are counted right."""
        return self.total - self.image_tokens - self.text


def sizes(text: str) -> tuple[Size, ...]:
    """Sizes of several images."""
    return tuple(Size(*map(int, size.split("x"))) for size in text.split(";"))


def bills() -> Iterator[Bill]:
    """Every row."""
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            details = tuple(row["detail"].split(";")) if row["detail"] else ()
            yield Bill(
                row["vendor"],
                row["api"],
                row["model"],
                sizes(row["images"]),
                details,
                int(row["text_tokens"]),
                int(row["input_tokens"]),
            )


BILLS = list(bills())


def test_every_model_is_known_and_every_vendor_there() -> None:
    """No default is scored: each id, in whatever spelling, is that of a known model."""
    assert len(BILLS) >= 55
    assert [bill.model for bill in BILLS if not SHIPPED.normalize(bill.model).known] == []
    assert {bill.vendor for bill in BILLS} == {"anthropic", "openai", "mistral", "groq", "xai"}
    assert len({SHIPPED.normalize(bill.model).id for bill in BILLS}) >= 18


@pytest.mark.parametrize("vendor", sorted({vendor for vendor, _ in ENVELOPE}))
def test_images_text_and_envelope_are_the_bill(vendor: str) -> None:
    """What is left after images and text is the envelope of the API, the same for all models."""
    off = []
    for bill in BILLS:
        if bill.vendor == vendor:
            least, most = ENVELOPE[vendor, bill.api]
            if not least <= bill.rest <= most:
                off.append((bill, bill.rest))
    assert off == []


def test_images_of_claude_are_the_bill() -> None:
    """Patches, 3 tokens an image and 7 a request, on every API that serves Claude."""
    found = [bill for bill in BILLS if bill.vendor == "anthropic"]
    scored = [bill for bill in found if SHIPPED.normalize(bill.model).id != EVEN]
    assert len(scored) >= 25
    assert {bill.api for bill in scored} >= {"messages", "converse", "invoke"}
    least, most = CLAUDE
    off = [
        (bill, rest)
        for bill in scored
        for rest in [bill.rest - WRAPPER * len(bill.images)]
        if not least <= rest <= most
    ]
    assert off == []


@pytest.mark.parametrize(
    ("model", "first", "second", "text"),
    [
        ("meta-llama/llama-4-maverick-17b-128e-instruct", ("597x566", 1488), ("400x301", 1198), 0),
        ("mistral-medium-latest", ("597x566", 561), ("400x301", 254), 0),
        ("us.amazon.nova-2-lite-v1:0", ("597x566;400x301", 1553), ("597x566", 1398), -10),
    ],
)
def test_same_request_with_another_image(
    model: str, first: tuple[str, int], second: tuple[str, int], text: int
) -> None:
    """With the same tools and text the bills differ by the images alone; Nova's texts differ too, by `text`.

    Recorded in pydantic-ai's test_multimodal_tool_returns, 2026-08.
    """
    limits = SHIPPED.bind(model, "")
    counts = [sum(limits.tokens(size) or 0 for size in sizes(images)) for images, _ in (first, second)]
    assert counts[0] - counts[1] + text == pytest.approx(first[1] - second[1], abs=3 if text else 0)
