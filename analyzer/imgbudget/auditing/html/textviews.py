"""What a model sees of the text in the worst images of an audit: lines that are lost, and the whole image.

The images are read again, each in a process that may crash alone: an audit keeps counts and findings only.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from math import ceil, floor
from typing import NamedTuple

from PIL.Image import Image

from imgbudget.auditing.html.thumbnails import fetch
from imgbudget.auditing.statistics import Row
from imgbudget.errors import FixError
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.legibility import task
from imgbudget.legibility.picture import picture_of, seen_picture
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.linter.pool import WorkerPool
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.model.text import ImageText, LineState, SeenText, TextLine
from imgbudget.model.views import upright_size
from imgbudget.output.base import count
from imgbudget.output.legible import worst
from imgbudget.output.view import drawing
from imgbudget.pixels.embedding import embedded

MOST_IMAGES = 8
"""Images that are read again at most: each takes seconds."""

MOST_CROPS = 2
"""Lines of an image that are shown."""

CROP_BYTES, VIEW_BYTES = 24_000, 180_000
"""Bytes of a crop and of a whole image at most, before base64: all together stay under 2 MB."""

VIEW_PIXELS = 1_600_000
"""Px of the whole image at most."""

_CROP, _LEAST = Size(360, 96), Size(240, 48)
"""Px of the image that a crop shows at most, and at least if the image has them."""


class LineCrop(NamedTuple):
    """A line as stored and as the model sees it: data URIs of the same part, and what is read of both.

    `width` and `height` are px of the part as stored, in which both are shown.
    """

    stored: str
    seen: str
    width: int
    height: int
    caption: str


class TextView(NamedTuple):
    """What a model sees of an image: some of its lines, and `svg`, the whole with boxes around its lines."""

    crops: tuple[LineCrop, ...]
    title: str
    svg: str


TextViews = Callable[[Sequence[Row]], dict[str, TextView]]


def text_views(rows: Sequence[Row], codes: Collection[str], limits: Limits) -> dict[str, TextView]:
    """The views, by location, of the first images with a finding of these codes that can be read."""
    chosen = [row for row in rows if any(found.code in codes for found in row.findings)][:MOST_IMAGES]
    images = list(fetch(chosen))
    found: dict[str, TextView] = {}
    with WorkerPool(_worker, 1) as pool:
        tasks = ((data, _seen_sizes(data, limits)) for _, data in images)
        for (row, data), outcome in zip(images, pool.run_in_order(tasks), strict=True):
            view = None if outcome.answer is None else _view(data, outcome.answer, limits, len(found))
            if view is not None:
                found[row.place] = view
    return found


def _facts(data: bytes) -> ImageFacts:
    return probe_bytes(data, ProbeField.ORIENTATION)


_Task = tuple[bytes, tuple[Size, ...]]


def _seen_sizes(data: bytes, limits: Limits) -> tuple[Size, ...]:
    """The size in which a model sees an image, if that is known."""
    facts = _facts(data)
    if facts.size is None:
        return ()
    size = upright_size(facts, facts.size)
    return (size if limits.missing(("native_size",)) else limits.native_size(size),)


def _worker() -> Callable[[_Task], ImageText | str]:
    return _read


def _read(asked: _Task) -> ImageText | str:
    data, sizes = asked
    return task.read_image(data, _facts(data), sizes)


def _view(data: bytes, text: ImageText | str, limits: Limits, number: int) -> TextView | None:
    """What is shown of an image; None if it cannot be read."""
    if isinstance(text, str) or not text.seen:
        return None
    try:
        picture = picture_of(data, _facts(data))
    except FixError:
        return None
    seen = text.seen[0]
    smaller = seen_picture(picture, seen.size)
    states = [line.state for line in seen.lines]
    fate = ", ".join(
        f"{states.count(state)} {state.value}" for state in reversed(LineState) if state in states
    )
    title = f"As {limits.model} sees it, {seen.size} px: {fate or 'no text'} of {count(len(states), 'line')}"
    whole = embedded(smaller, most_pixels=VIEW_PIXELS, most_bytes=VIEW_BYTES)
    svg = "".join(drawing(f"text-view-{number}", title, seen, text.size, whole))
    return TextView(tuple(_crops(picture, smaller, seen, text)), title, svg)


def _crops(picture: Image, smaller: Image, seen: SeenText, text: ImageText) -> Iterator[LineCrop]:
    """The lines that are kept least, and of a file that is too small itself the smallest ones."""
    lost = [(line.line, line.text, line.height) for line in worst(seen)]
    lost += [(found.line, found.line.text, found.line.height) for found in seen.appearing]
    small = [(line, None, line.height) for line in sorted(text.lines, key=lambda one: one.height)]
    chosen = sorted(lost, key=lambda one: one[0].text is None) or small
    for line, read, height in chosen[:MOST_CROPS]:
        box = _box(line, Size(*picture.size))
        across, down = smaller.width / picture.width, smaller.height / picture.height
        there = (floor(box[0] * across), floor(box[1] * down), ceil(box[2] * across), ceil(box[3] * down))
        stored, seen_as = (_uri(picture.crop(box)), _uri(smaller.crop(there)))
        words = f"{_short(line.text)}, {line.height:.0f} px" if line.text else f"{line.height:.0f} px"
        reading = f"{_short(read)}, {height:.1f} px" if read else f"{height:.1f} px"
        yield LineCrop(stored, seen_as, box[2] - box[0], box[3] - box[1], f"{words} → {reading}")


def _uri(part: Image) -> str:
    return embedded(part, most_pixels=_CROP.width * _CROP.height, most_bytes=CROP_BYTES).uri


def _box(line: TextLine, size: Size) -> tuple[int, int, int, int]:
    """The beginning of a line with what is around it, px of the image."""
    left, top, right, bottom = line.box
    width = min(max(ceil(right - left + line.height), _LEAST.width), _CROP.width, size.width)
    height = min(max(ceil(bottom - top + line.height), _LEAST.height), _CROP.height, size.height)
    x = min(max(floor(left - line.height / 2), 0), size.width - width)
    y = min(max(floor((top + bottom - height) / 2), 0), size.height - height)
    return x, y, x + width, y + height


_LONGEST = 60


def _short(text: str | None) -> str:
    found = text or ""
    return f"“{found if len(found) <= _LONGEST else found[: _LONGEST - 1] + '…'}”"
