"""Visual tokens of a request, shared out among its images: the largest give first, the others stay."""

from collections.abc import Mapping
from typing import NamedTuple

from imgbudget.edit import ImageEdit
from imgbudget.geometry import Size, native_size, planned_size
from imgbudget.limits import Limits
from imgbudget.model import ImageUse, Origin, Place, Request
from imgbudget.planner.body import untouched
from imgbudget.planner.fair import fairest
from imgbudget.planner.image import request_edge_limit
from imgbudget.planner.ladder import Step, ladder


class _Giving(NamedTuple):
    """An image that may give: its edit so far, its own size, and what the model would look at of it, px."""

    use: ImageUse
    edit: ImageEdit
    size: Size
    top: Size


def within_tokens(
    request: Request, limits: Limits, edits: Mapping[Place, ImageEdit], *, most: int | None, unsafe: bool
) -> dict[Place, ImageEdit]:
    """The edits of a request's images, with sizes that take at most `most` visual tokens together.

    The sizes are the fairest ones (imgbudget.planner.fair): no other ones leave more tokens to the images
    that have fewest. An image whose bytes are elsewhere, or an animation that may not lose its frames, keeps
    what it takes. No image goes under the short edge that a model reads well unless the budget leaves no
    other way. Where not even the smallest sizes are within `most`, or it is None, the edits stay as they are.
    """
    bounded = dict(edits)
    if most is None:
        return bounded
    giving, edge = [], request_edge_limit(request, limits)
    for use in request.images:
        size = use.visible_size
        if size is None:
            continue
        edit = edits.get(use.place) or untouched(use, unsafe=unsafe)
        if edit is not None and use.origin is Origin.BASE64:
            top = planned_top(edit.size or size, limits, edge)
            giving.append(_Giving(use, edit, size, top))
        else:
            most -= limits.tokens(size)
    for one, size in zip(giving, _shared(giving, most, limits), strict=True):
        if size not in (one.edit.size, one.size) and limits.tokens(size) < limits.tokens(one.top):
            bounded[one.use.place] = one.edit._replace(size=size)
    return bounded


def planned_top(size: Size, limits: Limits, edge: int | None) -> Size:
    """The largest size that a plan sends: what the model looks at, and never more than the image has."""
    if limits.counts_patches_of_28:
        return native_size(size, limits.tier, edge)
    return planned_size(size, limits.tier, edge)


def _shared(giving: list[_Giving], most: int, limits: Limits) -> list[Size]:
    """The fairest sizes within the tokens; those that the images have anyway where there are none."""
    for least in (int(limits.min_edge.value), 1):
        ladders = [ladder(one.size, one.top, least, limits.tier) for one in giving]
        amounts = fairest([_tokens(steps) for steps in ladders], most)
        if amounts is not None:
            return [_of(steps, tokens) for steps, tokens in zip(ladders, amounts, strict=True)]
    return [one.top for one in giving]


def _tokens(steps: tuple[Step, ...]) -> tuple[int, ...]:
    return tuple(step.tokens for step in steps)


def _of(steps: tuple[Step, ...], tokens: int) -> Size:
    return next(step.size for step in steps if step.tokens == tokens)
