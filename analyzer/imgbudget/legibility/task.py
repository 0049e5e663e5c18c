"""Reads the text of one image file: what a worker process does."""

from collections.abc import Iterable

from imgbudget.errors import FixError
from imgbudget.legibility.engine import rapid_engine
from imgbudget.legibility.picture import picture_of
from imgbudget.legibility.reading import ReadingOptions, read_text
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ImageFacts
from imgbudget.model.text import ImageText


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
    except FixError as error:
        return str(error)
    return read_text(picture, sizes, rapid_engine(), ReadingOptions(every_line=every_line))
