"""What commands on sizes take as an argument: a size as text, or an image file as it is to be seen."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from imgbudget.cli.output import say
from imgbudget.cli.size import parse_size
from imgbudget.errors import UsageError
from imgbudget.geometry import Size
from imgbudget.limits import Limits
from imgbudget.reporters.base import one_line
from imgbudget.session import Session

_ON_THEIR_SIDE = (5, 6, 7, 8)
"""EXIF orientations that turn width into height (EXIF 2.32, tag 0x0112)."""


class Subject(NamedTuple):
    """A size with the limits that it is held against; `path` is None for a size alone."""

    path: str | None
    size: Size
    limits: Limits


def subjects(session: Session, text: str) -> Iterator[Subject]:
    """The size that a text is, or those of the images in the file or folder that it names.

    What a folder holds that cannot be measured is said and passed over.

    Raises:
        UsageError: neither a size nor a path, or a named image that cannot be measured.
    """
    if not os.path.exists(text):
        yield Subject(None, parse_size(text), session.bench.limits())
        return
    found = [image for result in session.check([text]) for image in result.images]
    if not found:
        raise UsageError(f"{one_line(text)}: holds no image")
    for image in found:
        size, facts = image.use.visible_size, image.use.facts
        if size is None or facts is None:
            unsized = f"{one_line(image.use.place.path)}: is no image that can be measured"
            if not os.path.isdir(text):
                raise UsageError(unsized)
            say(f"warning: {unsized}")
            continue
        upright = size.transposed if facts.orientation in _ON_THEIR_SIDE else size
        yield Subject(image.use.place.path, upright, image.limits)
