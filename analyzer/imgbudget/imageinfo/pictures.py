"""The facts of images that only their pictures show: what their pixels measure, and their text."""

from typing import TYPE_CHECKING

from imgbudget.imageinfo.reader import Read, bytes_reader
from imgbudget.imageinfo.remembered import remembered
from imgbudget.imageinfo.texts import TextsKept
from imgbudget.legibility import task
from imgbudget.model.subjects import MOST_DECODED, ImageFacts, ProbeField
from imgbudget.model.text import HeldBytes
from imgbudget.pixels import measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgbudget.legibility.task import TextStore

_BYTES = ProbeField.BYTES.value
_PIXELS, _TEXT, _KEPT = ProbeField.PIXELS.value, ProbeField.TEXT.value, ProbeField.KEPT_TEXT.value


def with_pictured(facts: ImageFacts, read: Read, size: int, fields: int) -> ImageFacts:
    """The facts of an image that can be decoded, with the measurements of its pixels and its text.

    `fields` says which of them, as bits of `ProbeField`. `read` returns `size` bytes, by length and offset.
    The text is read when a rule asks for it.

    Raises:
        OSError: raised by the reader.
    """
    if fields & _BYTES and size <= MOST_DECODED:
        return facts._replace(text=HeldBytes(read(size, 0)))
    memory = remembered() if size <= MOST_DECODED else None
    kept: Callable[[bytes], TextStore] | None = TextsKept if fields & _KEPT else None
    if memory is not None:
        data = read(size, 0)
        read, kept = bytes_reader(data), memory.texts
        if fields & _PIXELS:
            facts = memory.measured(facts, data, lambda: measure.with_pixels(facts, read, size))
    elif fields & _PIXELS:
        facts = measure.with_pixels(facts, read, size)
    if not fields & _TEXT or facts.damage is not None:
        return facts
    return task.with_text(facts, read, size, kept=kept)
