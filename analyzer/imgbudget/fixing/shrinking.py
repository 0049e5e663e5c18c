"""Measures one image at smaller sizes: what a worker process does, which loads what decodes and reads."""

from bisect import bisect_left
from collections.abc import Sequence

from PIL.Image import Image

from imgbudget.errors import FixError, ImgbudgetError
from imgbudget.fixing.comparison import similarity
from imgbudget.fixing.contents import ContentTask
from imgbudget.legibility.engine import rapid_engine
from imgbudget.legibility.picture import RESAMPLING, picture_of, seen_picture
from imgbudget.legibility.smallest import smallest_legible
from imgbudget.limits.geometry import Size
from imgbudget.model.contents import ContentAt, ContentSize, ContentTarget


def measured_content(task: ContentTask) -> ContentSize:
    """The smallest of the task's sizes that keeps what the image shows.

    Raises:
        UsageError: what reads text is not installed.
    """
    target = task.target
    try:
        picture = picture_of(task.data, task.facts)
        if target.is_text:
            return smallest_legible(picture, task.sizes, rapid_engine(), target)
        return smallest_same(picture, task.sizes, target)
    except FixError as error:
        return ContentSize(target, None, flaw=str(error))
    except ImgbudgetError:
        raise
    except Exception as error:  # noqa: BLE001 - one image never ends the run
        why = f"measuring it failed: {type(error).__name__}: {str(error)[:200]}"
        return ContentSize(target, None, flaw=why)


def smallest_same(picture: Image, sizes: Sequence[Size], target: ContentTarget) -> ContentSize:
    """The smallest of these sizes, ascending in px, whose SSIM with the last one is at least the bound.

    The last size is the largest that the model sees. A smaller picture is scaled back to that size first.
    """
    seen = sizes[-1]
    top = seen_picture(picture, seen)
    tried: dict[Size, ContentAt] = {seen: ContentAt(seen, 1.0)}

    def at(size: Size) -> ContentAt:
        if size not in tried:
            again = seen_picture(picture, size).resize(top.size, RESAMPLING)
            tried[size] = ContentAt(size, similarity(top, again))
        return tried[size]

    def keeps(number: int) -> bool:
        return (at(sizes[number]).kept or 0) >= target.bound

    chosen = bisect_left(range(len(sizes) - 1), 1, key=keeps)
    lost = at(sizes[chosen - 1]) if chosen else None
    return ContentSize(target, seen, at(sizes[chosen]), lost, tried=len(tried))
