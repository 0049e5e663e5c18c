"""How models other than Claude resize and count images: one class per method, named in limits data.

`STRATEGIES` lists them. The numbers they calculate with come from the tier (`Tier.number`). Loaded on first
use, because most runs concern only Claude.
"""

from collections.abc import Mapping
from math import ceil, floor, sqrt
from types import MappingProxyType

from imgbudget.limits.geometry import Refusal, Size, Strategy, Tier


class _UnpublishedResize:
    """Defaults for models whose resize is not published: the size is kept, and none is refused."""

    publishes_size = False

    def effective_size(self, size: Size, _tier: Tier, /) -> Size:
        """The size itself."""
        return size

    def fits(self, _size: Size, _tier: Tier, /) -> bool:
        """Always true."""
        return True

    def refusal(self, _size: Size, _tier: Tier, /) -> Refusal | None:
        """None: no size limit is known."""
        return None

    def cell_edge(self, _size: Size, _tier: Tier, /) -> int | None:
        """None: how images are cut is not known."""
        return None


class FlatTokens(_UnpublishedResize):
    """A fixed number of tokens for any size: OpenAI's `low` on tile models, Gemini 2.5, Gemma 3.

    Uses `base_tokens`.
    """

    def tokens(self, _size: Size, tier: Tier, /) -> int:
        """`base_tokens`."""
        return int(tier.number("base_tokens"))


class UnknownTokens(_UnpublishedResize):
    """A model whose rule is not known: `Limits.tokens` is None instead of asking for a number."""

    def tokens(self, _size: Size, _tier: Tier, /) -> int:
        """0: none are counted."""
        return 0


class GeminiTiles(_UnpublishedResize):
    """Gemini 2.0: one tile for a small image, else tiles that depend on the short edge, and an overview.

    Recorded usage of three sizes (2026-08): an image of up to 384 px on both edges is one tile. A larger one
    is covered by tiles with an edge of its short edge / 1.5, rounded down, within 256 and 768 px, and counts
    one tile more.

    Uses `small_edge`, `least_tile_edge`, `tile_edge` and `tile_tokens`.
    """

    def tokens(self, size: Size, tier: Tier, /) -> int:
        """`tile_tokens` for each tile and the overview."""
        tile = int(tier.number("tile_tokens"))
        edge = self.cell_edge(size, tier)
        return tile if edge is None else (-(-size.width // edge) * -(-size.height // edge) + 1) * tile

    def cell_edge(self, size: Size, tier: Tier, /) -> int | None:
        """The edge of a tile, px; None for a small image, which is not cut."""
        if size.long_edge <= tier.number("small_edge"):
            return None
        least, most = int(tier.number("least_tile_edge")), int(tier.number("tile_edge"))
        return min(max(size.short_edge * 2 // 3, least), most)


class NovaRatio(_UnpublishedResize):
    """Amazon Nova 1: tokens depend on the aspect ratio only, and those of one ratio are known.

    Recorded usage (2026-08): 540x360 and 3008x2000 cost the same. AWS publishes five approximate counts,
    which depend on the area, and no formula.

    Uses `ratio_long`, `ratio_short`, `ratio_tokens` for that ratio, and `base_tokens` for all others.
    """

    def tokens(self, size: Size, tier: Tier, /) -> int:
        """`ratio_tokens` for the known ratio, within half a percent; else `base_tokens`."""
        ratio = tier.number("ratio_long") / tier.number("ratio_short")
        known = abs(size.long_edge / size.short_edge / ratio - 1) < 0.005
        return int(tier.number("ratio_tokens" if known else "base_tokens"))


class NovaGrid(_UnpublishedResize):
    """Amazon Nova 2: cells of 28 px, and a token at the end of each row.

    Derived from three recorded rows (2026-08); whether large images have a cap is not known.

    Uses `patch_edge`.
    """

    def tokens(self, size: Size, tier: Tier, /) -> int:
        """The cells, each edge rounded to the nearest number of them, and one token a row."""
        edge = int(tier.number("patch_edge"))
        return (max(round(size.width / edge), 1) + 1) * max(round(size.height / edge), 1)


class OpenAITiles:
    """OpenAI's tile models (GPT-4o, GPT-4.1, GPT-5, o-series): downscaled twice, then cut into tiles.

    OpenAI images and vision guide, four copies of 2025 and 2026: fit into 2048 x 2048 px, bring the short
    edge down to 768 px, count tiles of 512 px. Smaller images are not enlarged. Edges are rounded to the
    nearest px here; the guide does not specify the rounding.

    Uses `tier_edge`, `short_edge`, `tile_edge`, `base_tokens` and `tile_tokens`.
    """

    publishes_size = True

    def effective_size(self, size: Size, tier: Tier, /) -> Size:
        """The size after both steps, px."""
        within = tier.within_edge(size)
        short = int(tier.number("short_edge"))
        return within.scaled(short, within.short_edge) if within.short_edge > short else within

    def fits(self, size: Size, tier: Tier, /) -> bool:
        """Whether neither step changes the size."""
        return tier.within_edge(size) == size and size.short_edge <= tier.number("short_edge")

    def tokens(self, size: Size, tier: Tier, /) -> int:
        """`tile_tokens` for each tile that covers the effective size, plus `base_tokens`."""
        width, height = self.effective_size(size, tier)
        edge = int(tier.number("tile_edge"))
        tiles = -(-width // edge) * -(-height // edge)
        return int(tier.number("base_tokens")) + tiles * int(tier.number("tile_tokens"))

    def refusal(self, _size: Size, _tier: Tier, /) -> Refusal | None:
        """None: no size limit is known."""
        return None

    def cell_edge(self, _size: Size, tier: Tier, /) -> int | None:
        """The edge of a tile, px."""
        return int(tier.number("tile_edge"))


class OpenAIPatches:
    """OpenAI's patch models (GPT-4.1 mini, o4-mini, GPT-5 mini, GPT-5.4 and later): 32 px patches, a budget.

    OpenAI images and vision guide, 2026-09: an image is downscaled to the largest edge. If it then takes more
    patches than the budget, it is downscaled to the area of the budget, and further until one edge is a whole
    number of patches. Each patch counts `multiplier` times; the sum is rounded up. Without `patch_budget` the
    image is billed in full.

    Uses `patch_edge` and `refused_patches`; optional are `tier_edge`, `patch_budget` and `multiplier`.
    """

    publishes_size = True

    def effective_size(self, size: Size, tier: Tier, /) -> Size:
        """The size within edge and budget, px."""
        within = tier.within_edge(size)
        budget, edge = tier.number("patch_budget", 0), tier.number("patch_edge")
        if not budget or self._patches(within, tier) <= budget:
            return within
        width, height = within
        scale = sqrt(edge * edge * budget / (width * height))
        across, down = width * scale / edge, height * scale / edge
        scale *= min(floor(across) / across, floor(down) / down)
        return Size(max(int(width * scale + 1e-9), 1), max(int(height * scale + 1e-9), 1))

    def fits(self, size: Size, tier: Tier, /) -> bool:
        """Whether the size is within edge and budget."""
        budget = tier.number("patch_budget", 0)
        return tier.within_edge(size) == size and (not budget or self._patches(size, tier) <= budget)

    def tokens(self, size: Size, tier: Tier, /) -> int:
        """The patches of the effective size, at most the budget, times the multiplier."""
        count = self._patches(self.effective_size(size, tier), tier)
        budget = int(tier.number("patch_budget", 0))
        # a multiplier has two decimals: 1.2 x 1500 is 1800 and not 1801
        return ceil(round((min(count, budget) if budget else count) * tier.number("multiplier", 1), 6))

    def refusal(self, size: Size, tier: Tier, /) -> Refusal | None:
        """More than `refused_patches` patches after processing (four sources, 2026-09)."""
        most, count = (
            int(tier.number("refused_patches")),
            self._patches(self.effective_size(size, tier), tier),
        )
        return Refusal(f"{size} takes", count, most, "patches") if count > most else None

    def _patches(self, size: Size, tier: Tier) -> int:
        edge = int(tier.number("patch_edge"))
        return -(-size.width // edge) * -(-size.height // edge)

    def cell_edge(self, _size: Size, tier: Tier, /) -> int | None:
        """The edge of a patch, px."""
        return int(tier.number("patch_edge"))


class SmartResize:
    """Qwen-VL, GLM-V, ERNIE and others: both edges become whole cells, the area lies between two bounds.

    `smart_resize` of huggingface/transformers 5.24.0: edges are rounded to the nearest multiple of a cell
    (a patch times the patches that are merged). If the area then exceeds `max_pixels`, the image is
    downscaled and each edge rounded down; if it is below `min_pixels`, the image is enlarged and each edge
    rounded up. The aspect ratio changes a little. A token is a cell.

    Uses `patch_edge`, `min_pixels`, `max_pixels` and `refused_ratio`. With `frames` the area counts that
    often, and an image is first enlarged until each edge has a cell (GLM-V: an image is two frames).
    """

    publishes_size = True

    def effective_size(self, size: Size, tier: Tier, /) -> Size:
        """The resized size, px; larger than a very small image."""
        edge, frames = int(tier.number("patch_edge")), tier.number("frames", 1)
        least, most = tier.number("min_pixels") / frames, tier.number("max_pixels") / frames
        size = self._enlarged(size, tier)
        width, height = (round(side / edge) * edge for side in size)
        if width * height > most:
            shrink = sqrt(size.width * size.height / most)
            width, height = (max(floor(side / shrink / edge), 1) * edge for side in size)
        elif width * height < least:
            grow = sqrt(least / (size.width * size.height))
            width, height = (ceil(side * grow / edge) * edge for side in size)
        return Size(width, height)

    def fits(self, size: Size, tier: Tier, /) -> bool:
        """Whether the image is not downscaled, apart from the rounding of the edges."""
        edge = int(tier.number("patch_edge"))
        width, height = (round(side / edge) * edge for side in self._enlarged(size, tier))
        return width * height * tier.number("frames", 1) <= tier.number("max_pixels")

    def tokens(self, size: Size, tier: Tier, /) -> int:
        """The cells of the resized image."""
        edge = int(tier.number("patch_edge"))
        width, height = self.effective_size(size, tier)
        return width // edge * (height // edge)

    def refusal(self, size: Size, tier: Tier, /) -> Refusal | None:
        """A long edge of more than `refused_ratio` times the short edge (the code raises an error)."""
        most, ratio = int(tier.number("refused_ratio")), -(-size.long_edge // size.short_edge)
        if ratio <= most:
            return None
        return Refusal(f"long edge of {size} is", ratio, most, "times the short one", resizable=False)

    def _enlarged(self, size: Size, tier: Tier) -> Size:
        least = int(tier.number("patch_edge"))
        if size.short_edge >= least or not tier.number("frames", 0):
            return size
        scale = max(least / size.height, least / size.width)
        return Size(int(size.width * scale), int(size.height * scale))

    def cell_edge(self, _size: Size, tier: Tier, /) -> int | None:
        """The edge of a cell, px."""
        return int(tier.number("patch_edge"))


class RowBreaks:
    """Pixtral and Mistral: cells of 16 or 28 px within a longest edge, and a token at the end of each row.

    `ImageEncoder` of mistral-common 1.13.1: an image is downscaled to the longest edge, its edges are rounded
    half to even and then up to whole cells.

    Uses `tier_edge` and `patch_edge`.
    """

    publishes_size = True

    def effective_size(self, size: Size, tier: Tier, /) -> Size:
        """The size in whole cells, px; up to a cell larger than the image on either edge."""
        edge = int(tier.number("patch_edge"))
        return Size(*(-(-side // edge) * edge for side in self._within(size, tier)))

    def fits(self, size: Size, tier: Tier, /) -> bool:
        """Whether no edge exceeds the longest."""
        return self._within(size, tier) == size

    def tokens(self, size: Size, tier: Tier, /) -> int:
        """The cells, and one token a row."""
        edge = int(tier.number("patch_edge"))
        width, height = self.effective_size(size, tier)
        return (width // edge + 1) * (height // edge)

    def refusal(self, _size: Size, _tier: Tier, /) -> Refusal | None:
        """None: no size limit is known."""
        return None

    def _within(self, size: Size, tier: Tier) -> Size:
        longest = tier.max_edge
        if longest is None or size.long_edge <= longest:
            return size
        ratio = size.long_edge / longest
        return Size(*(max(round(side / ratio), 1) for side in size))

    def cell_edge(self, _size: Size, tier: Tier, /) -> int | None:
        """The edge of a cell, px."""
        return int(tier.number("patch_edge"))


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        "flat": FlatTokens(),
        "gemini_tiles": GeminiTiles(),
        "nova_grid": NovaGrid(),
        "nova_ratio": NovaRatio(),
        "openai_patches": OpenAIPatches(),
        "openai_tiles": OpenAITiles(),
        "qwen_smart_resize": SmartResize(),
        "row_breaks": RowBreaks(),
        "unknown": UnknownTokens(),
    }
)
"""The strategies of commercial models by the names that limits data uses."""
