"""Images larger than a model uses: by how much, and which of them the API rejects instead of downscaling."""

from imgbudget.limits.values import figure
from imgbudget.namedtuples import NamedTuple
from imgbudget.rule import ImageUse, Limits, Size, patches

TOOLSETS = ("computer_toolset_20260801", "browser_toolset_20260801")
"""Toolsets whose screenshots are never downscaled (vision guide and vision-coordinates guide, 2026-09)."""


class Oversize(NamedTuple):
    """An image that is larger than the model uses.

    `downscaled` is the size that the API downscales it to, `planned` the size to send instead. `text` names
    what is `measured`, as the beginning of a message; `limit` is in the same `unit`.
    """

    size: Size
    downscaled: Size
    planned: Size
    measured: int
    limit: int
    unit: str
    text: str


def oversize_of(use: ImageUse, limits: Limits) -> Oversize | None:
    """By how much an image is too large; None if it fits, is rejected for its edge or cannot be decoded."""
    size, tier = use.visible_size, limits.tier
    if size is None or limits.fits(size) or limits.refusal(size) is not None:
        return None
    downscaled, planned = limits.native_size(size), limits.planned_size(size)
    if not limits.uses_claude_patches:
        text = f"long edge is {size.long_edge} px"
        return Oversize(size, downscaled, planned, size.long_edge, downscaled.long_edge, "px", text)
    edge, most = tier.bounds
    if size.long_edge > edge:
        text = f"long edge is {size.long_edge} px"
        return Oversize(size, downscaled, planned, size.long_edge, edge, "px", text)
    tokens = patches(size)
    return Oversize(
        size, downscaled, planned, tokens, most, "tokens", f"{size} takes {figure(tokens)} tokens"
    )


def is_rejected(use: ImageUse) -> bool:
    """Whether the API rejects the image if it is too large for the model, instead of downscaling it."""
    return use.oversized == "error" or use.toolset in TOOLSETS
