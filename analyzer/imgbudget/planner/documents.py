"""What the pages of a document cost as text, as images, and as the document block that is both.

The size of the raster that an API makes of a page is not published. Recorded pages cost on models of both
tiers of Claude what the smaller one gives (a sparse page 1,742 tokens on claude-opus-4-8 and 1,700 on
claude-sonnet-4-6), so that tier is counted in a document block. Of other providers it is not known.
"""

from collections.abc import Iterable
from math import ceil, floor

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size, Tier, native_size, tokens
from imgbudget.namedtuples import NamedTuple

TEXT_BYTES_PER_TOKEN = 4
"""Bytes of text per token that are usual in English prose."""

POINTS = 72
"""Points in an inch."""

_MOST_DPI = 600
"""Dots per inch from which on more show nothing new on a page."""
_MOST_EDGE = 1 << 15


class PageTokens(NamedTuple):
    """A page: its raster at `dpi`, which the model uses without a change, and its tokens each way.

    `text` is None without a text layer, or if that was not read; `image` and `both` are None if they are not
    known.
    """

    dpi: float
    raster: Size
    text: int | None
    image: int | None
    both: int | None


def page_tokens(
    width: float, height: float, text_bytes: int | None, limits: Limits, tiers: Iterable[Tier]
) -> PageTokens:
    """The tokens of a page of `width` x `height` points with so many bytes of text."""
    large, most = _large(width, height)
    native = limits.planned_size(large, from_table=False)
    dpi = min(most, native.width * POINTS / width, native.height * POINTS / height)
    dpi = max(floor(dpi * 100) / 100, 0.01)
    raster = _at(dpi, width, height)
    text = ceil(text_bytes / TEXT_BYTES_PER_TOKEN) if text_bytes else None
    page = None
    if limits.uses_claude_patches and limits.counts(raster):
        page = tokens(large, _smallest((*tiers, limits.tier)))
    return PageTokens(dpi, raster, text, limits.tokens(raster), None if page is None else page + (text or 0))


def page_raster(width: float, height: float, tiers: Iterable[Tier]) -> Size:
    """The size that the smallest tier uses of a page of `width` x `height` points."""
    return native_size(_large(width, height)[0], _smallest(tiers))


def _smallest(tiers: Iterable[Tier]) -> Tier:
    return min(tiers, key=lambda tier: tier.max_tokens or 0)


def _large(width: float, height: float) -> tuple[Size, float]:
    """A raster of a page with more dots than any model uses, and its dots per inch."""
    most = min(_MOST_DPI, _MOST_EDGE * POINTS / max(width, height))
    return _at(most, width, height), most


def _at(dpi: float, width: float, height: float) -> Size:
    """The size of the raster that renderers make: parts of a dot are a dot, up to errors of rounding."""
    return Size(max(ceil(width * dpi / POINTS - 1e-6), 1), max(ceil(height * dpi / POINTS - 1e-6), 1))
