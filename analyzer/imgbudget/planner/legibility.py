"""What keeps the text of an image that a model downscales: another tier or level of detail, tiles, a crop."""

from collections.abc import Iterable, Iterator
from enum import Enum
from math import ceil, floor

from imgbudget.limits.bound import Limits
from imgbudget.limits.fields import DETAILS
from imgbudget.limits.geometry import Size
from imgbudget.model.contents import ContentSize
from imgbudget.model.text import SAFE_HEIGHT, ImageText, LineState, SeenLine, SeenText
from imgbudget.namedtuples import NamedTuple
from imgbudget.planner.division import Tiling, tiling


class RemedyKind(Enum):
    """A way to keep text."""

    DETAIL = "detail"
    TIER = "tier"
    CROP = "crop"
    TILES = "tiles"


class TextRemedy(NamedTuple):
    """A way to keep the text of an image, and what it costs.

    `name` is the level of detail or the model; `size` is what the model then sees, of one tile if there are
    several; `box` is the part of the image to send, in px of the image as displayed. `lines` are those that
    it keeps of the ones that are not kept, `tokens` all visual tokens then; None if they are not known.
    """

    kind: RemedyKind
    name: str
    size: Size
    lines: int
    tokens: int | None
    cost_usd: float | None
    box: tuple[int, int, int, int] | None = None
    tiles: int = 1


def remedies(
    text: ImageText, seen: SeenText, limits: Limits, others: Iterable[Limits] = ()
) -> tuple[TextRemedy, ...]:
    """What keeps the lines that are not kept, cheapest first; empty if all are, or nothing helps.

    By heights: letters of `SAFE_HEIGHT` px as seen are kept, and those that the model gets in full size are
    kept as far as they can be read in the file. `others` are models of other tiers.
    """
    missing = tuple(line for line in seen.lines if line.state is not LineState.KEPT)
    if not missing:
        return ()
    found = [
        *_levels(text.size, missing, seen, limits),
        *_tiers(text.size, missing, seen, others),
        *_crop(text.size, missing, limits),
        *_tiles(text.size, missing, limits),
    ]
    return tuple(sorted(found, key=lambda one: (-one.lines, one.tokens is None, one.tokens or 0)))


def _kept(missing: Iterable[SeenLine], full: Size, size: Size) -> int:
    """How many of the lines are kept at a size."""
    factor = min(size.width / full.width, size.height / full.height, 1.0)
    return sum(line.line.height * factor >= SAFE_HEIGHT or factor == 1 for line in missing)


def _levels(
    full: Size, missing: tuple[SeenLine, ...], seen: SeenText, limits: Limits
) -> Iterator[TextRemedy]:
    levels = dict(limits.details)
    for level in DETAILS:
        if level in levels and (found := _whole(full, missing, seen, limits.at(level))) is not None:
            yield found._replace(kind=RemedyKind.DETAIL, name=level)


def _tiers(
    full: Size, missing: tuple[SeenLine, ...], seen: SeenText, others: Iterable[Limits]
) -> Iterator[TextRemedy]:
    found = (_whole(full, missing, seen, limits) for limits in others)
    yield from (one for one in found if one is not None)


def _whole(full: Size, missing: tuple[SeenLine, ...], seen: SeenText, limits: Limits) -> TextRemedy | None:
    """What the whole image keeps with other limits; None if that is nothing."""
    if limits.missing(("native_size",)) is not None:
        return None
    size = limits.native_size(full)
    kept = _kept(missing, full, size)
    if size.width <= seen.size.width or not kept:
        return None
    tokens = limits.tokens(full)
    return TextRemedy(RemedyKind.TIER, limits.model, size, kept, tokens, limits.cost_usd(tokens))


_AROUND = 1.0
"""The margin around a crop, by the height of its largest missing line."""

_MOST_OF = 0.6
"""The share of the image up to which a part of it is a crop."""


def _crop(full: Size, missing: tuple[SeenLine, ...], limits: Limits) -> Iterator[TextRemedy]:
    """The smallest part with all lines that are missing, if the model gets that in full size."""
    if limits.missing(("native_size",)) is not None:
        return
    margin = _AROUND * max(line.line.height for line in missing)
    lefts, tops, rights, bottoms = zip(*(line.line.box for line in missing), strict=True)
    left, top = max(floor(min(lefts) - margin), 0), max(floor(min(tops) - margin), 0)
    right, bottom = min(ceil(max(rights) + margin), full.width), min(ceil(max(bottoms) + margin), full.height)
    part = Size(max(right - left, 1), max(bottom - top, 1))
    if part.width * part.height > _MOST_OF * full.width * full.height:
        return
    size = limits.native_size(part)
    if kept := _kept(missing, part, size):
        tokens = limits.tokens(part)
        yield TextRemedy(
            RemedyKind.CROP, "", size, kept, tokens, limits.cost_usd(tokens), box=(left, top, right, bottom)
        )


def _tiles(full: Size, missing: tuple[SeenLine, ...], limits: Limits) -> Iterator[TextRemedy]:
    try:
        cut = tiling(full, limits)
    except ValueError:  # too many, or no patches of Claude
        return
    if len(cut.tiles) > 1:
        yield TextRemedy(
            RemedyKind.TILES,
            "",
            cut.tiles[0].size,
            len(missing),
            cut.tokens,
            limits.cost_usd(cut.tokens),
            tiles=len(cut.tiles),
        )


def tiles_that_keep(found: ContentSize, size: Size, limits: Limits) -> Tiling | None:
    """The tiles in which a model sees an image in full, if no single size keeps its text; None without."""
    if not found.is_lost:
        return None
    try:
        cut = tiling(size, limits)
    except ValueError:  # too many, or no patches of Claude
        return None
    return cut if len(cut.tiles) > 1 else None
