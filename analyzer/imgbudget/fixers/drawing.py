"""A picture that is written: at any size up to its own, in any format, each scaling done once."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.fixers.decoding import LYING, Picture
from imgbudget.fixers.encoding import Style, encode, prepared
from imgbudget.fixers.pixels import scaled, turned
from imgbudget.geometry import Size

if TYPE_CHECKING:
    from PIL.Image import Image


class Encoded(NamedTuple):
    """An encoded image, how it was written, its size in px, and in clauses what its colours have lost."""

    data: bytes
    style: Style
    size: Size
    lost: tuple[str, ...]


@dataclass(slots=True, eq=False, repr=False)
class Drawing:
    """A decoded picture, to be written upright or with the orientation that it has."""

    picture: Picture
    upright: bool
    _scaled: "Image | None" = None
    _scaled_to: Size | None = None
    _drawn: "dict[str, tuple[Image, tuple[str, ...]]]" = field(default_factory=dict)

    @property
    def orientation(self) -> int:
        """The EXIF orientation that is written."""
        return 1 if self.upright else self.picture.turn

    def at(self, size: Size, form: str) -> "tuple[Image, tuple[str, ...]]":
        """The picture at a size in px, in colours that a format holds, and what they have lost."""
        if self._scaled_to != size:
            lies = self.upright and self.picture.turn >= LYING
            self._scaled = scaled(self.picture, size.transposed if lies else size)
            self._scaled_to = size
            self._drawn.clear()
        if form not in self._drawn and self._scaled is not None:
            image, lost = prepared(self._scaled, form, self.picture.profile)
            self._drawn[form] = (turned(image, self.picture.turn) if self.upright else image, lost)
        return self._drawn[form]

    def encoded(self, size: Size, style: Style) -> Encoded:
        """The picture as a file. Raises FixError where the format cannot hold it."""
        image, lost = self.at(size, style.format)
        return Encoded(encode(image, style, self.orientation), style, size, lost)
