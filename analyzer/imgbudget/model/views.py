"""How a model saw an image: the size in which it was used, and the map from there to the original."""

import math
from typing import TYPE_CHECKING

from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.clients import ClientProfile, Rotation
from imgbudget.limits.geometry import CoordinateMap, Size
from imgbudget.model.clients import encoded_facts
from imgbudget.model.subjects import ImageFacts
from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    from imgbudget.model.results import ImageResult

FIRST_TRANSPOSED = 5
"""The first EXIF orientation that swaps width and height; all later ones do."""

_ROUNDING = 1e-6
"""Px by which a corner may miss a whole pixel, through rounding, without taking in the next one."""


def coordinates(limits: Limits, original: Size, sent: Size) -> CoordinateMap:
    """The coordinate map of an image that was sent at a size.

    Raises:
        UsageError: the provider does not publish how it downscales images.
    """
    if (missing := limits.missing(("native_size",))) is not None:
        raise UsageError(f"{missing}: its coordinates cannot be mapped")
    return CoordinateMap(original, limits.native_size(sent))


class EmbeddedPicture(NamedTuple):
    """A picture as a data URI, and its size in px there, which may be smaller than the picture's own."""

    uri: str
    size: Size


class SeenBox(NamedTuple):
    """Two corners of a rectangle in px, which may be fractions."""

    left: float
    top: float
    right: float
    bottom: float

    def __str__(self) -> str:
        return ",".join(f"{number:.2f}".rstrip("0").rstrip(".") for number in self)


PixelBox = tuple[int, int, int, int]
"""Left, top, right and bottom of a rectangle of whole px; what is at right and bottom is outside."""


_FARTHEST = 10**9
"""No coordinate is larger, in px: no format has edges as long, and floats are exact below."""


def checked_box(left: float, top: float, right: float, bottom: float) -> SeenBox:
    """The box with these corners, which has an area.

    Raises:
        UsageError: a corner is no number, or the second is not to the right of the first and below it.
    """
    box = SeenBox(left, top, right, bottom)
    if not all(-_FARTHEST < number < _FARTHEST for number in box):
        raise UsageError("a corner of the box is no number of at most nine digits; write X,Y,X2,Y2 in px")
    if right <= left or bottom <= top:
        kind = "is empty" if right == left or bottom == top else "has its corners in the wrong order"
        raise UsageError(
            f"box {box} {kind}; write the upper left corner, then the lower right one: X,Y,X2,Y2"
        )
    return box


class ImageView(NamedTuple):
    """How a model saw an image file: `size` is that of the file as displayed, `sent` the size sent.

    `seen` maps between what the model saw and what was sent of the original, which has yet to be turned by
    `orientation` (EXIF 2.32, tag 0x0112) if the client sent neither turned pixels nor the tag.
    """

    size: Size
    sent: Size
    seen: CoordinateMap
    orientation: int = 1

    def original_box(self, box: SeenBox) -> PixelBox:
        """The box in whole px of the file as displayed, cut off at its borders, at least one px.

        Raises:
            UsageError: no part of the box is inside the image.
        """
        width, height = self.seen.resized
        if box.right <= 0 or box.bottom <= 0 or box.left >= width or box.top >= height:
            raise UsageError(f"box {box} is outside the image, which the model saw as {self.seen.resized} px")
        size = self.seen.original
        left, top = map(_floor, self.seen.to_original(box.left, box.top))
        right, bottom = map(_ceil, self.seen.to_original(box.right, box.bottom))
        left, top = min(left, size.width - 1), min(top, size.height - 1)
        right = min(max(right, left + 1), size.width)
        bottom = min(max(bottom, top + 1), size.height)
        return box_as_displayed((left, top, right, bottom), size, self.orientation)

    def contains(self, box: SeenBox) -> bool:
        """Whether the whole box is inside the image."""
        width, height = self.seen.resized
        return box.left >= 0 and box.top >= 0 and box.right <= width and box.bottom <= height


def _floor(number: float) -> int:
    return math.floor(number + _ROUNDING)


def _ceil(number: float) -> int:
    return math.ceil(number - _ROUNDING)


def upright_size(facts: ImageFacts, size: Size) -> Size:
    """A size in px, oriented as the facts give the image's own, once the orientation is baked in."""
    return size.transposed if facts.orientation >= FIRST_TRANSPOSED else size


def size_sent(image: "ImageResult") -> Size | None:
    """The size of an image as it arrives, upright; None if it is not known."""
    if image.client is not None:
        return image.client.upright_size
    facts, size = image.use.facts, image.use.visible_size
    return None if facts is None or size is None else upright_size(facts, size)


def view_of(
    facts: ImageFacts, limits: Limits, *, sent: Size | None = None, client: ClientProfile | None = None
) -> ImageView:
    """How the model sees an image file of known size: sent in a size, or by a client, or as it is.

    Raises:
        UsageError: the provider does not publish how it downscales images.
    """
    stored = facts.size or Size(1, 1)
    shown = upright_size(facts, stored)
    arrived = encoded_facts(facts, client) if client is not None and sent is None else None
    if arrived is None or arrived.size is None or client is None:
        sent = sent or shown
        return ImageView(shown, sent, coordinates(limits, shown, sent))
    if client.rotation is Rotation.LOST:
        return ImageView(shown, arrived.size, coordinates(limits, stored, arrived.size), facts.orientation)
    kept = client.rotation is Rotation.KEPT
    sent = upright_size(facts, arrived.size) if kept else arrived.size
    return ImageView(shown, sent, coordinates(limits, shown, sent))


def box_as_displayed(box: PixelBox, stored: Size, orientation: int) -> PixelBox:
    """A box of pixels as stored, of `stored` px, in px of the picture as displayed."""
    left, top, right, bottom = box
    across, down = (left, right), (top, bottom)
    if orientation in _COLUMNS_REVERSED:
        across = (stored.width - right, stored.width - left)
    if orientation in _ROWS_REVERSED:
        down = (stored.height - bottom, stored.height - top)
    if orientation >= FIRST_TRANSPOSED:
        across, down = down, across
    return across[0], down[0], across[1], down[1]


def box_as_stored(box: PixelBox, shown: Size, orientation: int) -> PixelBox:
    """A box of the picture as displayed, of `shown` px, in px of the pixels as stored."""
    return box_as_displayed(box, shown, _INVERSE.get(orientation, orientation))


_COLUMNS_REVERSED = frozenset({2, 3, 7, 8})
_ROWS_REVERSED = frozenset({3, 4, 6, 7})
"""The EXIF orientations by which stored columns, and rows, are displayed in reverse order."""

_INVERSE = {6: 8, 8: 6}
"""The orientations that do not undo themselves."""
