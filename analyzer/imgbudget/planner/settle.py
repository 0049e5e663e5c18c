"""Edits that leave nothing to fix: what they make is judged again before a pixel is touched.

A resize that settles one finding can raise another (a native size may end a few pixels into a patch), and a
second run would resize what the first one made. So rules judge the facts as they will be, until they have
no more to ask for: fix after fix changes nothing.
"""

from collections.abc import Callable, Iterable

from imgbudget.edit import ImageEdit, RequestEdit
from imgbudget.intent import ReplaceByText
from imgbudget.limits import Limits
from imgbudget.model import Finding, ImageUse
from imgbudget.planner.body import within_body
from imgbudget.planner.changed import edited_use, merged, with_images, without_images
from imgbudget.planner.edits import body_wish, image_edit, image_edits, in_order, request_edit
from imgbudget.undertest import RequestUnderTest

ROUNDS = 8
"""Most rounds of judging: each makes the image smaller, and two are what real rules need."""


def settle_image(
    use: ImageUse,
    limits: Limits,
    judge: Callable[[ImageUse], Iterable[Finding]],
    *,
    unsafe: bool,
    edge_limit: int | None = None,
) -> ImageEdit | None:
    """The edit after which `judge` asks for no more; None when it asks for nothing."""
    edit: ImageEdit | None = None
    for _ in range(ROUNDS):
        seen = use if edit is None else edited_use(use, edit)
        more = image_edit(seen, limits, judge(seen), unsafe=unsafe, edge_limit=edge_limit)
        if more is None or (edit is not None and merged(edit, more) == edit):
            break
        edit = more if edit is None else merged(edit, more)
    return edit


def settle_request(
    test: RequestUnderTest,
    judge: Callable[[RequestUnderTest], Iterable[Finding]],
    *,
    unsafe: bool,
) -> RequestEdit:
    """The edit of a request after which `judge` asks for no more change of its images.

    `judge` gives the findings on the request and on its images; blocks are changed as the first judgement
    says.
    """
    request, found = test.request, tuple(judge(test))
    edit = request_edit(test, found, unsafe=unsafe)
    removed = [block.place for block in edit.blocks if isinstance(block.fix, ReplaceByText)]
    kept = test.changed_to(without_images(request, removed))
    for _ in range(ROUNDS if edit.images else 0):
        edits = {use.place: made for use, made in edit.images}
        seen = test.changed_to(
            with_images(request, {use.place: edited_use(use, made) for use, made in edit.images})
        )
        more = image_edits(seen, judge(seen), unsafe=unsafe)
        together = {
            place: merged(made, more[place]) if place in more else made for place, made in edits.items()
        }
        if together == edits:
            break
        bounded = within_body(kept, together, most=body_wish(found, unsafe=unsafe), unsafe=unsafe)
        edit = edit._replace(images=in_order(request, bounded))
    return edit
