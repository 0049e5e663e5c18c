"""Reads the text of one image: what a worker process does, and what rules on text ask for."""

from collections.abc import Callable, Iterable
from typing import Protocol

from imgbudget.errors import FixError, ImgbudgetError
from imgbudget.legibility.engine import rapid_engine
from imgbudget.legibility.picture import picture_of
from imgbudget.legibility.reading import ReadingOptions, read_text
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.model.subjects import MOST_DECODED, ImageFacts
from imgbudget.model.text import ImageText, StoredText


def read_image(
    data: bytes, facts: ImageFacts, sizes: Iterable[Size], *, every_line: bool = False
) -> ImageText | str:
    """The text of an image at full size and at these sizes in px; or why it cannot be read, as a clause.

    `facts` need the orientation. The sizes are those of the upright image that a model sees.

    Raises:
        UsageError: imgbudget[text] is not installed.
    """
    try:
        picture = picture_of(data, facts)
        return read_text(picture, sizes, rapid_engine(), ReadingOptions(every_line=every_line))
    except FixError as error:
        return str(error)
    except ImgbudgetError:
        raise
    except Exception as error:  # noqa: BLE001 - one image never ends the run
        return f"the recogniser failed on it: {type(error).__name__}: {str(error)[:200]}"


class TextStore(Protocol):
    """Texts of one image that are kept between runs, each by the size at which it was read."""

    def find(self, seen: Size) -> ImageText | None:
        """The text at full size and at this one in px; None if it is not kept."""

    def keep(self, seen: Size, text: ImageText) -> None:
        """Keep a text."""


def with_text(
    facts: ImageFacts,
    read: Callable[[int, int], bytes],
    size: int,
    *,
    kept: Callable[[bytes], TextStore] | None = None,
) -> ImageFacts:
    """The facts of an image with its text, which is read when a rule asks for it.

    `read` returns `size` bytes, by length and offset. `kept` gives the texts that earlier runs
    read of an image, by its bytes.

    Raises:
        OSError: raised by the reader.
    """
    if size > MOST_DECODED:
        flaw = f"has {figure(size)} bytes; text is looked for in at most {figure(MOST_DECODED)}"
        return facts._replace(text=StoredText(lambda _size: flaw))
    data = read(size, 0)
    texts = None if kept is None else kept(data)

    def text_at(seen: Size) -> ImageText | str:
        found = None if texts is None else texts.find(seen)
        if found is not None:
            return found
        text = read_image(data, facts, (seen,))
        if texts is not None and not isinstance(text, str):
            texts.keep(seen, text)
        return text

    return facts._replace(text=StoredText(text_at))
