"""How open models count images: one function per family, the arithmetic of the released image processors.

Each follows the code that ships with the weights (transformers 5.24.0), so the names of the numbers are those
that a server may set (`--mm-processor-kwargs`). Loaded with the first such model.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import product
from math import ceil, floor, inf, log, sqrt
from types import MappingProxyType

from imgbudget.limits.geometry import Refusal, Size, Strategy, Tier
from imgbudget.limits.strategies import STRATEGIES

Grid = tuple[int, int]
"""Columns and rows."""


class Processor:
    """A family whose tokens are a function of the size, which is kept; `refuse` says which are refused."""

    publishes_size = False

    def __init__(
        self, count: Callable[[Size, Tier], int], refuse: Callable[[Size, Tier], Refusal | None] | None = None
    ) -> None:
        self.function = count
        self._refuse = refuse

    def effective_size(self, size: Size, _tier: Tier, /) -> Size:
        """The size itself: these processors enlarge or cut an image, so that no other size costs the same."""
        return size

    def fits(self, _size: Size, _tier: Tier, /) -> bool:
        """Always true."""
        return True

    def tokens(self, size: Size, tier: Tier, /) -> int:
        """The tokens that the processor puts in place of the image."""
        return self.function(size, tier)

    def refusal(self, size: Size, tier: Tier, /) -> Refusal | None:
        """What the processor raises an error for."""
        return self._refuse(size, tier) if self._refuse else None

    def cell_edge(self, _size: Size, _tier: Tier, /) -> int | None:
        """None: these processors scale an image as they cut it."""
        return None


def _kept_ratio(size: Size, tier: Tier) -> int:
    """Gemma 4, and Gemini 3 and later: the largest grid of cells of the image's ratio within a budget.

    Small images are enlarged. A strip so long that it has no row fills the budget.

    Uses `patch_edge` and `max_soft_tokens`.
    """
    edge, most = int(tier.number("patch_edge")), int(tier.number("max_soft_tokens"))
    factor = sqrt(most * edge * edge / (size.width * size.height))
    across, down = (floor(side * factor / edge) for side in size)
    if across and down:
        return across * down
    return min(size.long_edge // size.short_edge, most)


def _ceil_grid(size: Size, tier: Tier) -> int:
    """GLM-5-next: cells that cover the image, enlarged to a least and reduced to a largest number of tokens.

    Uses `patch_edge`, `min_tokens` and `max_tokens`.
    """
    edge = int(tier.number("patch_edge"))
    least, most = int(tier.number("min_tokens")), int(tier.number("max_tokens"))
    cells = -(-size.width // edge) * -(-size.height // edge)
    if cells < least:
        scale = sqrt(least * edge * edge / (size.width * size.height))
        cells = -(-max(ceil(size.width * scale), 1) // edge) * -(-max(ceil(size.height * scale), 1) // edge)
    if cells <= most:
        return cells
    low, high, best = 1, size.height, 1
    while low <= high:
        middle = (low + high) // 2
        cells = -(-middle // edge) * -(-max(floor(size.width * middle / size.height), 1) // edge)
        if cells <= most:
            low, best = middle + 1, cells
        else:
            high = middle - 1
    return best


def _navit(size: Size, tier: Tier) -> int:
    """Kimi: downscaled to a number of patches, then padded to whole cells of merged patches.

    Uses `patch_edge` (a patch), `merge`, `max_patches` and `max_patches_edge`.
    """
    edge, merge = int(tier.number("patch_edge")), int(tier.number("merge"))
    longest = int(tier.number("max_patches_edge")) * edge
    count = max(size.width // edge, 1) * max(size.height // edge, 1)
    scale = min(1.0, sqrt(tier.number("max_patches") / count), longest / size.height, longest / size.width)
    cell = edge * merge
    width, height = (min(max(int(side * scale), 1), longest) for side in size)
    return -(-width // cell) * -(-height // cell)


def _nearest_grid(size: Size, tier: Tier) -> int:
    """Muse Glimmer: of the four grids around the ideal one, that of the nearest ratio within a budget.

    Uses `patch_edge` and `max_tokens`.
    """
    edge, most = int(tier.number("patch_edge")), int(tier.number("max_tokens"))
    down, across = size.height / edge, size.width / edge
    ratio = across / down
    if down * across > most:
        down = (most / ratio) ** 0.5
        across = down * ratio
    around = set(product((floor(down), ceil(down)), (floor(across), ceil(across))))
    grids = [grid for grid in around if min(grid) >= 1 and grid[0] * grid[1] <= most]
    grids = grids or [(max(round(down), 1), max(round(across), 1))]
    rows, columns = min(grids, key=lambda grid: abs(grid[0] / grid[1] - size.height / size.width))
    return rows * columns


_MOST_TILES = 512
"""A larger bound counts as this one: requests set it, and all grids within it are tried."""

_MOST_CANVAS_EDGE = 64
"""The same for the tiles of an edge of a canvas."""


def _most_tiles(tier: Tier, key: str = "max_tiles") -> int:
    return int(min(tier.number(key), _MOST_TILES))


@lru_cache(maxsize=64)
def _grids(least: int, most: int) -> tuple[Grid, ...]:
    """All grids of `least` to `most` tiles, the fewest tiles first."""
    edges = range(1, most + 1)
    found = ((across, down) for across in edges for down in range(-(-least // across), most // across + 1))
    return tuple(sorted(found, key=lambda grid: grid[0] * grid[1]))


@lru_cache(maxsize=4096)
def _grid_by_ratio(size: Size, edge: int, least: int, most: int) -> Grid:
    """The grid of tiles of the nearest ratio; of equal ones the larger, if the image fills half of it."""
    ratio, area = size.width / size.height, size.width * size.height
    best, nearest = (1, 1), inf
    for grid in _grids(least, most):
        difference = abs(ratio - grid[0] / grid[1])
        if difference < nearest:
            best, nearest = grid, difference
        elif difference == nearest and area > 0.5 * edge * edge * grid[0] * grid[1]:
            best = grid
    return best


@lru_cache(maxsize=4096)
def _grid_by_scale(size: Size, edge: int, grids: tuple[Grid, ...]) -> Grid:
    """The grid of tiles that needs the least enlargement, or if all are smaller the least reduction."""
    scales = [min(_scale(edge * grid[0], size[0]), _scale(edge * grid[1], size[1])) for grid in grids]
    if all(scale < 1 for scale in scales):
        return grids[scales.index(max(scales))]
    enlarging = [scale if scale >= 1 else 10e9 for scale in scales]
    return grids[enlarging.index(min(enlarging))]


def _scale(to: int, of: int) -> float:
    return to / of if of else inf


def _tiles(size: Size, tier: Tier) -> int:
    """InternVL, Aya Vision: tiles by ratio, and an overview if there are several.

    Uses `tile_edge`, `max_tiles`, `tile_tokens`, `mark_tokens` for each tile but the overview, and
    `base_tokens` for the whole.
    """
    across, down = _grid_by_ratio(size, int(tier.number("tile_edge")), 1, _most_tiles(tier))
    return _with_overview(across * down, tier)


def _scaled_tiles(size: Size, tier: Tier) -> int:
    """Command A Vision: tiles by the least change of size, and an overview if there are several.

    Uses the same numbers as `_tiles`.
    """
    grids = _grids(1, _most_tiles(tier))
    across, down = _grid_by_scale(size, int(tier.number("tile_edge")), grids)
    return _with_overview(across * down, tier)


def _with_overview(tiles: int, tier: Tier) -> int:
    each, mark, base = (int(tier.number(key, 0)) for key in ("tile_tokens", "mark_tokens", "base_tokens"))
    return base + each + (tiles * (each + mark) if tiles > 1 else 0)


@lru_cache(maxsize=4096)
def _canvas(size: Size, edge: int, most: int) -> int:
    """Llama 4: the number of tiles of the canvas that holds the image with the least change of its size."""
    scales: dict[float, int] = {}
    for across, down in _grids(1, most):
        scale = min(edge * across / size.width, edge * down / size.height)
        scales.setdefault(scale, across * down)  # the fewest tiles come first
    enlarging = [scale for scale in scales if scale >= 1]
    return scales[min(enlarging) if enlarging else max(scales)]


def _canvas_tiles(size: Size, tier: Tier) -> int:
    """Llama 4: tiles of the best canvas, each with a separator, and an overview if there are several.

    Uses the same numbers as `_tiles`.
    """
    return _with_overview(_canvas(size, int(tier.number("tile_edge")), _most_tiles(tier)), tier)


def _crops(size: Size, tier: Tier) -> int:
    """DeepSeek-OCR 2: an overview, and for an image larger than a tile crops by ratio.

    Uses `tile_edge`, `min_tiles`, `max_tiles`, `tile_tokens` and `base_tokens`.
    """
    edge, base = int(tier.number("tile_edge")), int(tier.number("base_tokens"))
    if size.long_edge <= edge:
        return base
    across, down = _grid_by_ratio(size, edge, _most_tiles(tier, "min_tiles"), _most_tiles(tier))
    return base + across * down * int(tier.number("tile_tokens"))


def _anyres(size: Size, tier: Tier) -> int:
    """LLaVA-OneVision: the best of the canvases of square tiles without its padding, and an overview.

    Each row of the canvas ends with a token. A canvas over `max_tiles` tiles is reduced.

    Uses `tile_edge`, `tile_patches` (a side of a tile, in patches), `max_tiles` and `max_tiles_edge`.
    """
    edge, side = int(tier.number("tile_edge")), int(tier.number("tile_patches"))
    rows, columns = _best_canvas(size, edge, min(_most_tiles(tier, "max_tiles_edge"), _MOST_CANVAS_EDGE))
    height, width = rows * side, columns * side
    if size.width / size.height > width / height:
        new = int(round(size.height * (width / size.width), 7))
        height -= (height - new) // 2 * 2
    else:
        new = int(round(size.width * (height / size.height), 7))
        width -= (width - new) // 2 * 2
    ratio = sqrt(height * width / (tier.number("max_tiles") * side**2))
    if ratio > 1.1:
        height, width = int(height // ratio), int(width // ratio)
    return height * width + height + side * side


@lru_cache(maxsize=4096)
def _best_canvas(size: Size, edge: int, most: int) -> Grid:
    """Rows and columns of the canvas that keeps the most of an image, with the least left over."""
    area = size.width * size.height
    best, kept, wasted = (1, 1), 0, inf
    for rows, columns in product(range(1, most + 1), repeat=2):
        scale = min(columns * edge / size.width, rows * edge / size.height)
        now = min(int(size.width * scale) * int(size.height * scale), area)
        rest = rows * columns * edge * edge - now
        if now > kept or (now == kept and rest < wasted):
            best, kept, wasted = (rows, columns), now, rest
    return best


def _canvas_of_masked(size: Size, tier: Tier) -> tuple[Size, Grid]:
    """The size of the image on its canvas, and the columns and rows of the canvas."""
    edge, most = int(tier.number("tile_edge")), _most_tiles(tier)
    across, down = -(-size.width // edge), -(-size.height // edge)
    if across * down > most:
        across, down = _grid_by_ratio(size, edge, 1, most)
    scales = edge * across / size.width, edge * down / size.height
    if scales[0] < scales[1]:
        return Size(edge * across, int(size.height * scales[0])), (across, down)
    return Size(int(size.width * scales[1]), edge * down), (across, down)


def _masked_tiles(size: Size, tier: Tier) -> int:
    """Phi-4-multimodal: the patches of the tiles that are not padding, merged by two, and an overview.

    Uses `tile_edge`, `patch_edge`, `max_tiles` and `base_tokens`.
    """
    edge, patch = int(tier.number("tile_edge")), int(tier.number("patch_edge"))
    (width, height), (across, down) = _canvas_of_masked(size, tier)
    side = edge // patch
    empty = (edge * across - width) // patch, (edge * down - height) // patch
    columns, rows = (side * across - empty[0] + 1) // 2, (side * down - empty[1] + 1) // 2
    return int(tier.number("base_tokens")) + rows * columns + rows


def _refuse_slivers(size: Size, tier: Tier) -> Refusal | None:
    """Phi-4-multimodal: a short edge of under `refused_edge` px on the canvas."""
    least, edge = int(tier.number("refused_edge")), int(tier.number("tile_edge"))
    seen, grid = _canvas_of_masked(size, tier)
    if seen.short_edge >= least:
        return None
    ratio = -(-size.long_edge // size.short_edge)
    return Refusal(
        f"long edge of {size} is", ratio, edge * max(grid) // least, "times the short one", resizable=False
    )


_LARGEST_SPLIT = 4096
"""Edge in px that Idefics 3 and SmolVLM never exceed (MAX_IMAGE_SIZE of transformers)."""


def _split(size: Size, tier: Tier) -> int:
    """Idefics 3, SmolVLM: enlarged or reduced to an edge, cut into tiles with marks, and an overview.

    Uses `longest_edge`, `tile_edge` and `tile_tokens`.
    """
    edge, each = int(tier.number("tile_edge")), int(tier.number("tile_tokens"))
    longest = int(tier.number("longest_edge"))
    ratio = size.width / size.height
    if size.width >= size.height:
        width = longest
        height = int(width / ratio)
        height += height % 2
    else:
        height = longest
        width = int(height * ratio)
        width += width % 2
    width, height = max(width, 1), max(height, 1)
    ratio = width / height
    if width >= height and width > _LARGEST_SPLIT:
        width, height = _LARGEST_SPLIT, max(int(_LARGEST_SPLIT / ratio), 1)
    elif height > width and height > _LARGEST_SPLIT:
        width, height = max(int(_LARGEST_SPLIT * ratio), 1), _LARGEST_SPLIT
    columns, rows = -(-width // edge), -(-height // edge)
    overview = each + 3
    return overview + (rows * ((each + 2) * columns + 1) if columns * rows > 1 else 0)


def _slices(size: Size, tier: Tier) -> int:
    """MiniCPM-V: an overview and slices of a grid by ratio, each in cells of merged patches.

    Uses `tile_edge`, `patch_edge` (a cell, px) and `max_tiles`.
    """
    edge, cell, most = (int(tier.number(key)) for key in ("tile_edge", "patch_edge", "max_tiles"))
    most = min(most, _MOST_TILES)
    grid = _slice_grid(size, edge, most)
    whole = _slice_cells(size.width, size.height, edge, cell, enlarge=grid is None)
    if grid is None:
        return whole
    columns, rows = grid
    width, height = _divisible(size.width, columns) / columns, _divisible(size.height, rows) / rows
    return whole + columns * rows * _slice_cells(width, height, edge, cell, enlarge=True)


def _slice_cells(width: float, height: float, edge: int, cell: int, *, enlarge: bool) -> int:
    if enlarge or width * height > edge * edge:
        ratio = width / height
        height = int(edge / sqrt(ratio))
        width = int(height * ratio)
    return _divisible(width, cell) // cell * (_divisible(height, cell) // cell)


def _divisible(length: float, by: int) -> int:
    return max(round(length / by) * by, by)


@lru_cache(maxsize=4096)
def _slice_grid(size: Size, edge: int, most: int) -> Grid | None:
    """Columns and rows of the slices; None for an image that one slice holds."""
    ratio = log(size.width / size.height)
    count = min(ceil(size.width * size.height / (edge * edge)), most)
    if count <= 1:
        return None
    best, least = (1, 1), inf
    for slices in (count - 1, count, count + 1):
        if slices == 1 or slices > most:
            continue
        for rows in range(1, slices + 1):
            if slices % rows:
                continue
            error = abs(ratio - log(slices // rows / rows))
            if error < least or (error == least and rows > best[1]):
                best, least = (slices // rows, rows), error
    return best


def _overlapping(size: Size, tier: Tier) -> int:
    """Molmo 2: crops that overlap by a margin, pooled by two, and an overview; visual tokens only.

    Uses `tile_edge`, `patch_edge`, `max_tiles` and `margin_patches` (both sides together).
    """
    edge, patch, most = (int(tier.number(key)) for key in ("tile_edge", "patch_edge", "max_tiles"))
    most = min(most, _MOST_TILES)
    margin = int(tier.number("margin_patches"))
    window = edge // patch - margin
    inner = Size(size.height - margin * patch, size.width - margin * patch)
    grids = tuple(sorted(_grids(1, most), key=lambda grid: (grid[0] * grid[1], grid[0])))
    rows, columns = _grid_by_scale(inner, window * patch, grids)
    overview = (-(-(edge // patch) // 2)) ** 2
    return overview + -(-(rows * window + margin) // 2) * -(-(columns * window + margin) // 2)


_FAMILIES: dict[str, Callable[[Size, Tier], int]] = {
    "anyres": _anyres,
    "canvas_tiles": _canvas_tiles,
    "ceil_grid": _ceil_grid,
    "crops": _crops,
    "kept_ratio": _kept_ratio,
    "masked_tiles": _masked_tiles,
    "navit": _navit,
    "nearest_grid": _nearest_grid,
    "overlapping": _overlapping,
    "scaled_tiles": _scaled_tiles,
    "slices": _slices,
    "split": _split,
    "tiles": _tiles,
}

_REFUSALS = {"masked_tiles": _refuse_slivers}

PROCESSORS: Mapping[str, Strategy] = MappingProxyType(
    {name: Processor(count, _REFUSALS.get(name)) for name, count in _FAMILIES.items()}
)
"""The families by the names that limits data uses."""


def strategy_names() -> tuple[str, ...]:
    """The strategies that limits data may name."""
    return tuple(sorted((*STRATEGIES, *PROCESSORS)))


def strategy(name: str) -> Strategy:
    """The strategy of this name. Raises KeyError if there is none."""
    return STRATEGIES.get(name) or PROCESSORS[name]
