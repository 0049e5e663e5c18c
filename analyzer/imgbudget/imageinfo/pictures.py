"""The facts of images that only their pictures show: what their pixels measure, and their text."""

from imgbudget.imageinfo.reader import Read
from imgbudget.imageinfo.texts import TextsKept
from imgbudget.legibility import task
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.pixels import measure

_PIXELS, _TEXT, _KEPT = ProbeField.PIXELS.value, ProbeField.TEXT.value, ProbeField.KEPT_TEXT.value


def with_pictured(facts: ImageFacts, read: Read, size: int, fields: int) -> ImageFacts:
    """The facts of an image that can be decoded, with the measurements of its pixels and its text.

    `fields` says which of them, as bits of `ProbeField`. `read` returns `size` bytes, by length and offset.
    The text is read when a rule asks for it.

    Raises:
        OSError: raised by the reader.
    """
    if fields & _PIXELS:
        facts = measure.with_pixels(facts, read, size)
    if not fields & _TEXT or facts.damage is not None:
        return facts
    return task.with_text(facts, read, size, kept=TextsKept if fields & _KEPT else None)
