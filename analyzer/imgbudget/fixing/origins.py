"""Which image of a file is which after a step of its fixing: a block that is removed moves those after it."""

from collections.abc import Collection

from imgbudget.model.location import Location
from imgbudget.model.results import FileResult


def paired_images(
    before: FileResult, after: FileResult, gone: Collection[Location]
) -> dict[Location, Location]:
    """The locations of the images of a file before a step, each with that after it.

    `gone` are those that the step replaced by a text. The other images of a document keep their order. Where
    their number is another one, an image is taken for the one that has its location now.
    """
    now = _by_document(after)
    pairs: dict[Location, Location] = {}
    for document, locations in _by_document(before).items():
        old, new = [one for one in locations if one not in gone], now.get(document, ())
        if len(old) == len(new):
            pairs.update(zip(old, new, strict=True))
        else:
            pairs.update((one, one) for one in set(old).intersection(new))
    return pairs


def _by_document(result: FileResult) -> dict[int, tuple[Location, ...]]:
    """The locations of the images of each document, in their order, each once."""
    found: dict[int, dict[Location, None]] = {}
    for image in result.images:
        location = image.use.location
        found.setdefault(location.document, {})[location] = None
    return {document: tuple(locations) for document, locations in found.items()}
