"""Visual tokens of a request, shared out among its images: the largest give first, the others stay."""

from collections.abc import Mapping

from imgbudget.edit import ImageEdit
from imgbudget.geometry import Size, Tier, native_size
from imgbudget.limits import Limits
from imgbudget.model import ImageUse, Origin, Place, Request
from imgbudget.planner.body import untouched
from imgbudget.planner.levels import fair_level


def within_tokens(
    request: Request, limits: Limits, edits: Mapping[Place, ImageEdit], *, most: int | None, unsafe: bool
) -> dict[Place, ImageEdit]:
    """The edits of a request's images, with sizes that take at most `most` visual tokens together.

    Images that take more than their fair share are made smaller, down to one level; those below it stay. An
    image whose bytes are elsewhere, or an animation that may not lose its frames, keeps what it takes. Where
    there is no room for one token an image, or `most` is None, the edits stay as they are.
    """
    bounded = dict(edits)
    if most is None:
        return bounded
    giving: list[tuple[ImageUse, ImageEdit, Size]] = []
    for use in request.images:
        size = use.visible_size
        if size is None:
            continue
        edit = edits.get(use.place) or untouched(use, unsafe=unsafe)
        if edit is not None and use.origin is Origin.BASE64:
            giving.append((use, edit, edit.size or size))
        else:
            most -= limits.tokens(size)
    level = fair_level([limits.tokens(size) for _, _, size in giving], most)
    if level < 1:
        return bounded
    tier = Tier(limits.tier.name, limits.tier.max_edge, min(limits.tier.max_tokens, level))
    for use, edit, size in giving:
        if limits.tokens(size) > level:
            bounded[use.place] = edit._replace(size=native_size(size, tier))
    return bounded
