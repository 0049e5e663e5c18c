"""How far an image is over what a model looks at, and when that is refused instead of scaled down."""

from typing import NamedTuple

from imgbudget.rule import ImageUse, Limits, Size, patches

TOOLSETS = ("computer_toolset_20260801", "browser_toolset_20260801")
"""Toolsets whose screenshots are never scaled down (vision guide and vision-coordinates guide, 2026-09)."""


class Excess(NamedTuple):
    """An image that is larger than the model looks at.

    `seen` is the size that the API makes of it where it scales, `planned` the one to send instead. `text`
    says what is measured, as the beginning of a message.
    """

    size: Size
    seen: Size
    planned: Size
    measured: int
    limit: int
    unit: str
    text: str


def excess(use: ImageUse, limits: Limits) -> Excess | None:
    """What is too much of an image; None for one that fits, is refused for its edge or cannot be decoded."""
    size, tier = use.visible_size, limits.tier
    if size is None or limits.fits(size) or limits.refusal(size) is not None:
        return None
    seen, planned = limits.native_size(size), limits.planned_size(size)
    if not limits.uses_claude_patches:
        text = f"long edge is {size.long_edge} px"
        return Excess(size, seen, planned, size.long_edge, seen.long_edge, "px", text)
    edge, most = tier.bounds
    if size.long_edge > edge:
        text = f"long edge is {size.long_edge} px"
        return Excess(size, seen, planned, size.long_edge, edge, "px", text)
    tokens = patches(size)
    return Excess(size, seen, planned, tokens, most, "tokens", f"{size} takes {tokens} tokens")


def is_refused(use: ImageUse) -> bool:
    """Whether the API refuses the image when it is too large for the model, and does not scale it down."""
    return use.oversized == "error" or use.toolset in TOOLSETS
