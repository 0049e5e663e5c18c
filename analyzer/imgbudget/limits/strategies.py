"""How models other than Claude resize and count images: one class per method, named in limits data.

`STRATEGIES` lists them. The numbers they calculate with come from the tier (`Tier.number`). Loaded on first
use, because most runs concern only Claude.
"""

from collections.abc import Mapping
from itertools import pairwise
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


class FlatTokens(_UnpublishedResize):
    """A fixed number of tokens for any size: OpenAI's `low` on tile models, Gemini's resolution levels.

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
    """Gemini 2: one tile for a small image, else tiles whose edge depends on the short edge of the image.

    Gemini image understanding guide, five copies: an image of up to 384 px on both edges is one tile. A
    larger one is covered by tiles with an edge of its short edge / 1.5, rounded down. Many tools use 768 px
    instead, and the guide calls its own rule a rough one.

    Uses `small_edge` and `tile_tokens`.
    """

    def tokens(self, size: Size, tier: Tier, /) -> int:
        """`tile_tokens` for each tile."""
        tile = int(tier.number("tile_tokens"))
        if size.long_edge <= tier.number("small_edge"):
            return tile
        edge = max(size.short_edge * 2 // 3, 1)
        return -(-size.width // edge) * -(-size.height // edge) * tile


class NovaEstimate(_UnpublishedResize):
    """Amazon Nova: an estimate by area, because AWS publishes no formula.

    Amazon Nova image understanding page, two copies: an image is rescaled to the closest of its aspect
    ratios, with an edge of at least 896 px or its own short edge. The page lists five sizes with approximate
    tokens; this interpolates linearly between them and is proportional to the area outside them.
    """

    ESTIMATES = (
        (900 * 450, 800),
        (900 * 900, 1300),
        (1400 * 900, 1800),
        (1800 * 900, 2400),
        (1300 * 1300, 2600),
    )
    """Area in px and tokens: the rows of the page by area (AWS, undated copies of 2025 and 2026)."""

    def tokens(self, size: Size, _tier: Tier, /) -> int:
        """The estimated tokens for the area."""
        area = size.width * size.height
        (first_area, first_tokens), (last_area, last_tokens) = self.ESTIMATES[0], self.ESTIMATES[-1]
        if area <= first_area:
            return -(-area * first_tokens // first_area)
        for (low, below), (high, above) in pairwise(self.ESTIMATES):
            if area <= high:
                return below + -(-(area - low) * (above - below) // (high - low))
        return -(-area * last_tokens // last_area)


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


class QwenSmartResize:
    """Qwen2-VL and Qwen2.5-VL: both edges become multiples of 28 px, the area lies between two bounds.

    `smart_resize` of huggingface/transformers, image processing of Qwen2-VL: edges are rounded to the nearest
    multiple. If the area then exceeds `max_pixels`, the image is downscaled and each edge rounded down; if it
    is below `min_pixels`, the image is enlarged and each edge rounded up. The aspect ratio changes a little.
    A token is a patch of 28 x 28 px.

    Uses `patch_edge`, `min_pixels`, `max_pixels` and `refused_ratio`.
    """

    publishes_size = True

    def effective_size(self, size: Size, tier: Tier, /) -> Size:
        """The resized size, px; larger than a very small image."""
        edge = int(tier.number("patch_edge"))
        least, most = tier.number("min_pixels"), tier.number("max_pixels")
        width, height = (max(round(side / edge), 1) * edge for side in size)
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
        width, height = (max(round(side / edge), 1) * edge for side in size)
        return width * height <= tier.number("max_pixels")

    def tokens(self, size: Size, tier: Tier, /) -> int:
        """The patches of the resized image."""
        edge = int(tier.number("patch_edge"))
        width, height = self.effective_size(size, tier)
        return width // edge * (height // edge)

    def refusal(self, size: Size, tier: Tier, /) -> Refusal | None:
        """A long edge of more than `refused_ratio` times the short edge (the code raises an error)."""
        most, ratio = int(tier.number("refused_ratio")), -(-size.long_edge // size.short_edge)
        if ratio <= most:
            return None
        return Refusal(f"long edge of {size} is", ratio, most, "times the short one", resizable=False)


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        "flat": FlatTokens(),
        "gemini_tiles": GeminiTiles(),
        "nova": NovaEstimate(),
        "openai_patches": OpenAIPatches(),
        "openai_tiles": OpenAITiles(),
        "qwen_smart_resize": QwenSmartResize(),
    }
)
"""The strategies by the names that limits data uses."""

UNKNOWN_TOKENS = UnknownTokens()
"""The strategy of `UNKNOWN_TIER`, which limits data cannot name."""
