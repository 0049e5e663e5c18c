"""Visual tokens of a request, shared out among its images: the largest give first, the others stay."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from imgbudget.edit import ImageEdit
from imgbudget.geometry import Size
from imgbudget.limits import Limits
from imgbudget.model import ImageUse, Origin, Place
from imgbudget.planner.body import untouched
from imgbudget.planner.fair import fairest
from imgbudget.planner.ladder import Step, ladder
from imgbudget.undertest import RequestUnderTest


class _Giving(NamedTuple):
    """An image that may give: its limits, its edit so far, its own size, and the largest one to send, px."""

    use: ImageUse
    limits: Limits
    edit: ImageEdit
    size: Size
    top: Size


def share_tokens(
    uses: Sequence[ImageUse], ladders: Sequence[tuple[Step, ...]], most: int
) -> list[Step] | None:
    """The step of each image by which all together take at most `most` tokens; None where no steps do.

    They are the fairest ones (imgbudget.planner.fair): no other ones leave more tokens to the images that
    have fewest. Images take part by what they are and not by where they stand: which of two that could give
    the same gives does not depend on the order in the request.
    """
    order = sorted(range(len(uses)), key=lambda at: _looks(uses[at]))
    found = fairest([tuple(step.tokens for step in ladders[at]) for at in order], most)
    if found is None:
        return None
    amounts = dict(zip(order, found, strict=True))
    return [next(step for step in steps if step.tokens == amounts[at]) for at, steps in enumerate(ladders)]


def within_tokens(
    test: RequestUnderTest, edits: Mapping[Place, ImageEdit], *, most: int | None, unsafe: bool
) -> dict[Place, ImageEdit]:
    """The edits of a request's images, with sizes that take at most `most` visual tokens together.

    An image whose bytes are elsewhere, or an animation that may not lose its frames, keeps what it takes. No
    image goes under the short edge that a model reads well unless the budget leaves no other way. Where not
    even the smallest sizes are within `most`, or it is None, the edits stay as they are.
    """
    bounded = dict(edits)
    if most is None:
        return bounded
    giving = []
    for use, limits in test.images:
        size = use.visible_size
        if size is None:
            continue
        edit = edits.get(use.place) or untouched(use, unsafe=unsafe)
        if edit is not None and use.origin is Origin.BASE64:
            top = limits.planned_size(edit.size or size, test.edge_limit, from_table=False)
            giving.append(_Giving(use, limits, edit, size, top))
        else:
            most -= limits.tokens(size)
    for one, size in zip(giving, _shared(giving, most), strict=True):
        if size not in (one.edit.size, one.size) and one.limits.tokens(size) < one.limits.tokens(one.top):
            bounded[one.use.place] = one.edit._replace(size=size)
    return bounded


def _shared(giving: Sequence[_Giving], most: int) -> list[Size]:
    """The fairest sizes within the tokens; those that the images have anyway where there are none."""
    for legible in (True, False):
        ladders = [
            ladder(one.size, one.top, one.limits.least_edge if legible else 1, one.limits.tier)
            for one in giving
        ]
        steps = share_tokens([one.use for one in giving], ladders, most)
        if steps is not None:
            return [step.size for step in steps]
    return [one.top for one in giving]


def _looks(use: ImageUse) -> tuple[int, Size, int, str]:
    """What an image is, to be sorted by: bytes, size, base64 text and format."""
    facts = use.facts
    form = facts.format if facts and facts.format else ""
    return facts.byte_size if facts else 0, use.visible_size or Size(0, 0), use.base64_size or 0, str(form)
