"""What would make a dataset cheaper to send, from its statistics: the largest saving first."""

from collections.abc import Iterator

from imgbudget.auditing.statistics import AuditStatistics
from imgbudget.namedtuples import NamedTuple


class DatasetSaving(NamedTuple):
    """One change and what it saves by itself: bytes of the upload, visual tokens, US dollars.

    Savings overlap: together they are less than their sum. `name` is copies, near, plan or batches.
    """

    name: str
    title: str
    advice: str
    images: int
    byte_size: int
    tokens: int
    cost_usd: float
    estimated: bool = False
    """Whether the bytes are an estimate, from images that were encoded."""


def savings(statistics: AuditStatistics) -> tuple[DatasetSaving, ...]:
    """All that save something: by dollars, then by bytes."""
    found = [item for item in _all(statistics) if item.cost_usd > 0 or item.byte_size > 0]
    return tuple(sorted(found, key=lambda item: (-item.cost_usd, -item.byte_size)))


def _all(statistics: AuditStatistics) -> Iterator[DatasetSaving]:
    totals, copies = statistics.totals, statistics.duplicates.cost
    yield DatasetSaving(
        "copies",
        "Copies",
        "send each image once: --dedupe-list FILE lists which to keep",
        copies.images,
        copies.byte_size,
        copies.tokens,
        copies.cost_usd,
    )
    if (near := statistics.near) is not None:
        yield DatasetSaving(
            "near",
            "Near duplicates",
            "look at the groups; --dedupe-list FILE lists which image of each to keep",
            near.images,
            near.byte_size,
            near.tokens,
            near.cost_usd,
        )
    yield DatasetSaving(
        "plan",
        "Larger than the model uses",
        "resize before sending: imgbudget plan",
        totals.resized,
        max(totals.byte_size - totals.bytes_after, 0),
        max(totals.tokens - totals.tokens_after, 0),
        max(totals.cost_usd - totals.cost_after_usd, 0.0),
        totals.bytes_after_low != totals.bytes_after_high,
    )
    if totals.batch_cost_usd is not None:
        yield DatasetSaving(
            "batches",
            "Requests that can wait",
            f"send them in batches of {statistics.platform}",
            totals.images,
            0,
            0,
            totals.cost_usd - totals.batch_cost_usd,
        )
