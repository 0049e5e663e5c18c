"""The facts of images that only their pictures show: what their pixels measure, and their text."""

from imgbudget.imageinfo.reader import Read
from imgbudget.legibility import task
from imgbudget.model.subjects import ImageFacts
from imgbudget.pixels import measure


def with_pictured(facts: ImageFacts, read: Read, size: int, *, pixels: bool, text: bool) -> ImageFacts:
    """The facts of an image that can be decoded, with the measurements of its pixels and its text.

    `read` returns `size` bytes, by length and offset. The text is read when a rule asks for it.

    Raises:
        OSError: raised by the reader.
    """
    if pixels:
        facts = measure.with_pixels(facts, read, size)
    return task.with_text(facts, read, size) if text and facts.damage is None else facts
