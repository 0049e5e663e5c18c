"""Image geometry: the resized size, patches, tokens and coordinates of an image. Integers in and out.

The algorithm is that of the Claude vision and vision-coordinates guides (2026-09): an image is cut into
patches of 28 x 28 px, and one patch is one visual token. An image over the tier's long edge or token limit
is first downscaled, keeping the aspect ratio; then it is padded on the right and bottom. Models, prices and
files are unknown here: every function takes the tier. A tier of another provider
names its strategy in `imgbudget.limits.strategies`.
"""

from functools import cache, lru_cache
from math import gcd, isqrt
from typing import Protocol

from imgbudget.namedtuples import NamedTuple

PATCH = 28
"""Edge of one patch in px (vision guide, 2026-09)."""

FEW = 4
"""Largest remainder, in px over a whole number of patches, that is worth cropping (imgbudget's choice)."""

AREA_PER_TOKEN = 750
"""Square px per token in the older published estimate (vision guide of spring 2026)."""

PUBLISHED_RATIOS = ((1, 1), (3, 4), (2, 3), (9, 16), (1, 2))
"""Aspect ratios in the vision guide's table of sizes that are not resized, short edge first."""


class Size(NamedTuple):
    """Width and height in px."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def long_edge(self) -> int:
        """The larger of the two edges, px."""
        width, height = self
        return width if width > height else height  # noqa: FURB136 - twice as fast, and every rule uses it

    @property
    def short_edge(self) -> int:
        """The smaller of the two edges, px."""
        width, height = self
        return width if width < height else height  # noqa: FURB136 - twice as fast, and every rule uses it

    @property
    def transposed(self) -> "Size":
        """Width and height swapped."""
        return Size(self.height, self.width)

    def scaled(self, to: int, of: int) -> "Size":
        """The size times `to` / `of`, each edge rounded to the nearest px and at least 1."""
        return Size(*(max((2 * edge * to + of) // (2 * of), 1) for edge in self))


class Tier(NamedTuple):
    """A resolution tier: the largest edge in px and the most visual tokens that the API does not downscale.

    `strategy` is a name in `limits.strategies.STRATEGIES`, empty for Claude's patches of 28 px; `numbers` are
    what the strategy calculates with, by name. Each of the two bounds is None if the provider has no such
    bound; a tier of Claude has both. `alternatives` are the tiers by which, according to other sources, the
    same images may be counted; what is counted by this one is never less.
    """

    name: str
    max_edge: int | None
    max_tokens: int | None
    strategy: str = ""
    numbers: tuple[tuple[str, float], ...] = ()
    alternatives: tuple["Tier", ...] = ()

    @property
    def bounds(self) -> tuple[int, int]:
        """Both bounds of a tier of Claude. Raises ValueError if the tier lacks one."""
        edge, tokens = self.max_edge, self.max_tokens
        if edge is None or tokens is None:
            raise ValueError(f"tier {self.name} is not bounded in edge and tokens")
        return edge, tokens

    def within_edge(self, size: Size) -> Size:
        """The size downscaled to `max_edge`."""
        edge, long_edge = self.max_edge, size.long_edge
        return size if edge is None or long_edge <= edge else size.scaled(edge, long_edge)

    def number(self, name: str, default: float | None = None) -> float:
        """A number of the tier. Raises KeyError if it has none of this name and no default is given."""
        for key, value in self.numbers:
            if key == name:
                return value
        if default is None:
            raise KeyError(f"tier {self.name} has no {name}")
        return default


UNKNOWN_TIER = Tier("unknown", None, None, "unknown")
"""The tier of a model whose rule is not known: its images are used as they are, and have no tokens."""


class Refusal(NamedTuple):
    """Why an API refuses a size: `text` begins a sentence that continues with `measured`, in `unit`.

    `resizable` is whether a smaller size of the same ratio may be accepted.
    """

    text: str
    measured: int
    limit: int
    unit: str
    resizable: bool = True


class Strategy(Protocol):
    """How a provider resizes and counts images; implemented in `imgbudget.limits.strategies`. Sizes in px."""

    @property
    def publishes_size(self) -> bool:
        """Whether the provider publishes the size that the model uses."""

    def effective_size(self, size: Size, tier: Tier, /) -> Size:
        """The size that the model uses."""

    def fits(self, size: Size, tier: Tier, /) -> bool:
        """Whether the API does not downscale the size."""

    def tokens(self, size: Size, tier: Tier, /) -> int:
        """Tokens billed for the size."""

    def refusal(self, size: Size, tier: Tier, /) -> Refusal | None:
        """Why the API refuses the size; None if it accepts it."""

    def cell_edge(self, size: Size, tier: Tier, /) -> int | None:
        """The edge in px of the patches or tiles that the size is cut into; None if it is not published."""


@cache
def _strategy(name: str) -> Strategy:
    from imgbudget.limits.processors import strategy  # noqa: PLC0415 - rare

    return strategy(name)


def publishes_size(tier: Tier) -> bool:
    """Whether the size that images of the tier are downscaled to is published."""
    return not tier.strategy or _strategy(tier.strategy).publishes_size


_NOT_BY_SIZE = frozenset({"flat", "kept_ratio", "nova_ratio"})
"""Strategies by which a smaller image takes as many tokens, up to rounding."""


def bills_size(tier: Tier) -> bool:
    """Whether a smaller image of the same ratio takes fewer tokens."""
    return tier.strategy not in _NOT_BY_SIZE


def refuses(tier: Tier) -> bool:
    """Whether the tier itself refuses images for their size, in addition to the platform."""
    return any(key.startswith("refused_") for key, _ in tier.numbers)


def refusal(size: Size, tier: Tier) -> Refusal | None:
    """Why the tier refuses a size; None if it accepts it."""
    return _strategy(tier.strategy).refusal(size, tier) if tier.strategy else None


def patches(size: Size) -> int:
    """Patches of 28 x 28 px that cover the size, including the padded last row and column."""
    return -(-size.width // PATCH) * -(-size.height // PATCH)


def padded_size(size: Size) -> Size:
    """The size rounded up to whole patches; the padding is on the right and bottom."""
    return Size(-(-size.width // PATCH) * PATCH, -(-size.height // PATCH) * PATCH)


def cell_edge(size: Size, tier: Tier) -> int | None:
    """The edge in px of the square patches or tiles into which the model cuts the size that it uses.

    They begin at the top left; those at the right and bottom may reach over the image. None for a tier whose
    cells are not published, or depend on more than the size.
    """
    return _strategy(tier.strategy).cell_edge(size, tier) if tier.strategy else PATCH


def fits(size: Size, tier: Tier) -> bool:
    """Whether the model uses the size unchanged: both padded edges and the patches are within the tier."""
    _, max_edge, max_tokens, strategy, _, _ = tier
    if strategy:
        return _strategy(strategy).fits(size, tier)
    # `padded_size` and `patches` inlined: three times as fast, and called several times per image
    width, height = size
    across, down = -(-width // PATCH), -(-height // PATCH)
    if max_edge is None or max_tokens is None:  # all tiers of Claude have both
        return True
    most = max_edge // PATCH
    return across <= most and down <= most and across * down <= max_tokens


@lru_cache(maxsize=4096)
def native_size(size: Size, tier: Tier, edge_limit: int | None = None) -> Size:
    """The size that the model uses: the same if it fits, else the largest one with this aspect ratio.

    The reference algorithm of the vision-coordinates guide: a binary search on the long edge; the short
    edge is rounded half to even. `edge_limit` is an additional bound on both edges in px, set by the
    request. Never larger than `size`.
    """
    if edge_limit is None:
        edge_limit = size.long_edge
    if tier.strategy:
        within = size.scaled(edge_limit, size.long_edge) if size.long_edge > edge_limit else size
        return _strategy(tier.strategy).effective_size(within, tier)
    if size.long_edge <= edge_limit and fits(size, tier):
        return size
    if size.width < size.height:
        return native_size(size.transposed, tier, edge_limit).transposed
    ratio = size.width / size.height
    # patches along the long edge that the tier allows; `fits` inlined, as a run spends most of its time here
    max_edge, max_tokens = tier.bounds
    most = max_edge // PATCH
    low, high = 1, min(size.width, edge_limit + 1, most * PATCH + 1)
    while low + 1 < high:
        middle = (low + high) // 2
        across = -(-middle // PATCH)
        if across * -(-(round(middle / ratio) or 1) // PATCH) <= max_tokens:
            low = middle
        else:
            high = middle
    return Size(low, round(low / ratio) or 1)


def tokens(size: Size, tier: Tier) -> int:
    """Visual tokens billed for the size: the patches of the size that the model uses.

    Where sources contradict each other, the most (see `tokens_range`).
    """
    if tier.strategy:
        most = _strategy(tier.strategy).tokens(size, tier)
        return max(most, *(tokens(size, other) for other in tier.alternatives)) if tier.alternatives else most
    return patches(native_size(size, tier))


def tokens_range(size: Size, tier: Tier) -> tuple[int, int]:
    """The fewest and the most tokens that the size may be billed; equal where sources agree."""
    most = tokens(size, tier)
    return min((most, *(tokens(size, other) for other in tier.alternatives))), most


@lru_cache(maxsize=4096)
def size_within_tokens(size: Size, tier: Tier, most: int, edge_limit: int | None = None) -> Size | None:
    """The largest size with this aspect ratio that takes at most `most` visual tokens; None if none does.

    Never larger than `size`, nor than `edge_limit` px on an edge, nor than the model uses.
    """
    if most < 1:
        return None
    if not tier.strategy:
        edge, tokens_limit = tier.bounds
        return native_size(size, Tier(tier.name, edge, min(tokens_limit, most)), edge_limit)
    longest = size.long_edge if edge_limit is None else min(edge_limit, size.long_edge)
    if not bills_size(tier):
        whole = size.scaled(longest, size.long_edge)
        return whole if tokens(whole, tier) <= most else None
    # every long edge is tried, as the tokens of a smaller size may be more
    candidates = (size.scaled(long, size.long_edge) for long in range(longest, 0, -1))
    return next((candidate for candidate in candidates if tokens(candidate, tier) <= most), None)


def area_tokens(size: Size) -> int:
    """The older published estimate, width x height / 750 rounded up, of a size that is not resized."""
    return -(-size.width * size.height // AREA_PER_TOKEN)


@cache
def largest_exact(short: int, long: int, tier: Tier) -> Size:
    """The largest portrait size with exactly the ratio short:long that the tier does not downscale."""
    unit = gcd(short, long)
    short, long = short // unit, long // unit
    most = tier.bounds[0] // long
    low, high = min(1, most), most + 1
    while low + 1 < high:  # counting down takes a millisecond
        middle = (low + high) // 2
        if fits(Size(short * middle, long * middle), tier):
            low = middle
        else:
            high = middle
    return Size(short * low, long * low)


@cache
def ratio_table(
    tier: Tier, ratios: tuple[tuple[int, int], ...] = PUBLISHED_RATIOS
) -> tuple[tuple[tuple[int, int], Size], ...]:
    """The largest portrait size that is not resized for each ratio, calculated from the algorithm.

    Empty for a tier of another provider: only Anthropic publishes such a table.
    """
    if tier.strategy:
        return ()
    return tuple((ratio, largest_exact(*ratio, tier)) for ratio in ratios)


class TableRow(NamedTuple):
    """A row of the table that matches a size: the ratio as in the guide, and the size in its orientation."""

    ratio: tuple[int, int]
    size: Size

    @property
    def label(self) -> str:
        """The ratio as text, the short edge first: 3:4."""
        return f"{self.ratio[0]}:{self.ratio[1]}"


def table_row(size: Size, tier: Tier, edge_limit: int | None = None) -> TableRow | None:
    """The row that keeps the ratio of `size` to within half a pixel of the short edge, if there is one.

    Rows larger than `size` on either edge are ignored, because a plan never enlarges.
    """
    upright = size if size.width <= size.height else size.transposed
    for ratio, row in ratio_table(tier):
        if edge_limit is not None and row.height > edge_limit:
            continue
        if row.width > upright.width or row.height > upright.height:
            continue
        if 2 * abs(upright.width * row.height - row.width * upright.height) <= upright.height:
            return TableRow(ratio, row if upright == size else row.transposed)
    return None


@lru_cache(maxsize=4096)
def planned_size(size: Size, tier: Tier, edge_limit: int | None = None) -> Size:
    """The size to send: `size` itself if it fits, else the table's row for its ratio, else the native size.

    `edge_limit` is an additional bound on both edges in px. A row has exactly its ratio, so coordinates scale
    equally along x and y; it is a pixel or two smaller than the native size.
    """
    native = native_size(size, tier, edge_limit)
    if tier.strategy:
        return _planned_by_strategy(size, native, tier, edge_limit)
    if native == size:
        return size
    row = table_row(size, tier, edge_limit)
    return native if row is None else row.size


def _planned_by_strategy(size: Size, native: Size, tier: Tier, edge_limit: int | None) -> Size:
    """The size to send to a model of another provider; never larger on either edge."""
    edge = size.long_edge if edge_limit is None else min(edge_limit, size.long_edge)
    planned = size.scaled(edge, size.long_edge)
    if not fits(planned, tier):
        planned = Size(min(native.width, planned.width), min(native.height, planned.height))
    refused = refusal(planned, tier)
    if refused is None or not refused.resizable:
        return planned
    low, high = 1, planned.long_edge
    while low + 1 < high:
        middle = (low + high) // 2
        if refusal(planned.scaled(middle, planned.long_edge), tier) is None:
            low = middle
        else:
            high = middle
    return planned.scaled(low, planned.long_edge)


def size_within(size: Size, pixels: int, edge: int) -> Size:
    """The size with this aspect ratio that has at most `pixels` pixels and edges of at most `edge` px.

    The short edge is rounded, so it can be a pixel short of the largest possible. Never larger than `size`.
    """
    if size.width * size.height <= pixels and size.long_edge <= edge:
        return size
    long_edge, short_edge = size.long_edge, size.short_edge
    long = min(edge, long_edge, isqrt(pixels * long_edge // short_edge))
    while long > 1 and long * max(round(long * short_edge / long_edge), 1) > pixels:
        long -= 1
    short = max(round(long * short_edge / long_edge), 1)
    return Size(long, short) if size.width >= size.height else Size(short, long)


def is_remainder(edge: int) -> bool:
    """Whether an edge extends only a few px into its last patch, which is billed in full."""
    return 0 < edge % PATCH <= FEW


def without_remainders(size: Size, least: int = 1) -> Size:
    """The size without small remainders, no edge under `least` px; the aspect ratio is kept.

    Removing one remainder can create one on the other edge, so this repeats until none is left.
    """
    width, height = size
    candidates = []
    if is_remainder(width):
        less = width - width % PATCH
        candidates.append(Size(less, round(height * less / width)))
    if is_remainder(height):
        less = height - height % PATCH
        candidates.append(Size(round(width * less / height), less))
    candidates = [candidate for candidate in candidates if candidate.short_edge >= least]
    if not candidates:
        return size
    return without_remainders(min(candidates, key=lambda it: (patches(it), -it.width * it.height)), least)


class CoordinateMap(NamedTuple):
    """Converts points between the original image and the resized one, in px.

    Coordinates that a model returns are px of the resized image without padding (vision-coordinates
    guide, 2026-09).
    """

    original: Size
    resized: Size

    @property
    def scale(self) -> tuple[float, float]:
        """Original px per resized px, along x and y."""
        return self.original.width / self.resized.width, self.original.height / self.resized.height

    def to_original(self, x: float, y: float) -> tuple[float, float]:
        """The point in the original; it is first clamped to the resized image."""
        x = min(max(x, 0.0), self.resized.width)
        y = min(max(y, 0.0), self.resized.height)
        return x * self.original.width / self.resized.width, y * self.original.height / self.resized.height

    def to_resized(self, x: float, y: float) -> tuple[float, float]:
        """The point in the resized image; it is first clamped to the original."""
        x = min(max(x, 0.0), self.original.width)
        y = min(max(y, 0.0), self.original.height)
        return x * self.resized.width / self.original.width, y * self.resized.height / self.original.height
