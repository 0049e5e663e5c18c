"""Notes that agents write beside images for coordinates: the size at which an image is displayed."""

import re
from collections.abc import Iterator

from imgbudget.limits.geometry import Size
from imgbudget.model.request_under_test import SIZE_HINTS
from imgbudget.model.subjects import ImageUse, Request, Text, walk_blocks
from imgbudget.namedtuples import NamedTuple

_EDGE = "[1-9][0-9]{0,5}"
"""No 0, by which a factor would divide, and no digits that the size would not be written with again."""

_ORIGINAL = f"(?P<width>{_EDGE})x(?P<height>{_EDGE})(?![0-9])"
_SHOWN = f"(?P<shown>{_EDGE}x{_EDGE})(?![0-9])"

_DISPLAYED = (
    f"original {_ORIGINAL}, displayed at {_SHOWN}"
    r"(?:\. Multiply coordinates by (?P<factor>[0-9]+(?:\.[0-9]+)?))?"
)
"""The note of Claude Code 2.1.332 and pi 0.73.1."""

_OVERVIEW = f"Image overview: {_SHOWN}; oriented source: {_ORIGINAL}"
"""The note of Qwen Code 0.24.4."""

_PATTERNS = (_DISPLAYED, _OVERVIEW)


class ScaleNote(NamedTuple):
    """A note in `text` on the image `use`: the `original` size, and the size at which it is `displayed`.

    `note` is the part of the text that states them. `factor` takes coordinates back to the original; None if
    the note has none.
    """

    use: ImageUse
    text: Text
    note: str
    original: Size
    displayed: Size
    factor: str | None

    def at(self, seen: Size) -> str:
        """The note for an image of which the model sees that size."""
        return _restated(self.note, self.original, self.displayed, self.factor, seen)


def stated_original(text: str) -> Size | None:
    """The size of the original in the first note of a text; None without a note."""
    return next((_stated(found)[0] for found in _matches(text)), None)


def restated(text: str, seen: Size) -> str:
    """A text whose notes, if there are any, are those for an image of which the model sees that size."""
    for pattern in _PATTERNS:
        text = re.compile(pattern).sub(lambda found: _restated(found[0], *_stated(found), seen), text)
    return text


def _restated(note: str, original: Size, displayed: Size, factor: str | None, seen: Size) -> str:
    for hint in SIZE_HINTS:  # the original may be of the same size, and stays
        note = note.replace(f"{hint}{displayed}", f"{hint}{seen}", 1)
    return note if factor is None else note.removesuffix(factor) + f"{original.width / seen.width:.2f}"


def scale_notes(request: Request) -> Iterator[ScaleNote]:
    """The notes of a request with their images.

    A note is on the nearest image before it in its turn that has none yet, else on the next one after it.
    """
    for turn in request.turns if request.images else ():
        without_note: list[ImageUse] = []
        without_image: list[tuple[Text, re.Match[str]]] = []
        for block in walk_blocks(turn.blocks):
            if isinstance(block, ImageUse):
                if without_image:
                    yield _note(block, *without_image.pop(0))
                else:
                    without_note.append(block)
            elif isinstance(block, Text) and (SIZE_HINTS[0] in block.text or SIZE_HINTS[1] in block.text):
                for found in _matches(block.text):
                    if without_note:
                        yield _note(without_note.pop(), block, found)
                    else:
                        without_image.append((block, found))


def _matches(text: str) -> Iterator[re.Match[str]]:
    for pattern in _PATTERNS:
        yield from re.finditer(pattern, text)


def _note(use: ImageUse, text: Text, found: re.Match[str]) -> ScaleNote:
    return ScaleNote(use, text, found[0], *_stated(found))


def _stated(found: re.Match[str]) -> tuple[Size, Size, str | None]:
    """The sizes of the original and of what is displayed, and the factor between them."""
    width, height = map(int, found["shown"].split("x"))
    original = Size(int(found["width"]), int(found["height"]))
    return original, Size(width, height), found.groupdict().get("factor")
