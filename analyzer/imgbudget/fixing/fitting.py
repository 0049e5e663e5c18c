"""One picture in fewer bytes: by more effort, a palette, another format, lower quality, a smaller size."""

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.errors import FixError
from imgbudget.fixing.decode import RasterImage
from imgbudget.fixing.encode import (
    HIGHEST,
    LONGEST_WEBP,
    EncodingStyle,
    encode,
    has_depth,
    is_graphic,
    prepared,
    scaled,
    turned,
)
from imgbudget.fixing.palette import ROUNDED, reduced
from imgbudget.limits.geometry import Size, without_remainders
from imgbudget.model.safety import Lost
from imgbudget.model.views import FIRST_TRANSPOSED
from imgbudget.output.base import figure

if TYPE_CHECKING:
    from PIL.Image import Image


class Encoded(NamedTuple):
    """An encoded image, its encoding style, its size in px, and what its colours have lost."""

    data: bytes
    style: EncodingStyle
    size: Size
    lost: tuple[Lost, ...]


_REDUCED = "png of few colours"
"""The key of what `Renderer.reduced` has made."""


@dataclass(slots=True, eq=False, repr=False)
class Renderer:
    """A decoded picture, written upright or with the orientation that it has, as WebP only with `webp`."""

    picture: RasterImage
    upright: bool
    webp: bool = True
    _scaled: "Image | None" = None
    _scaled_to: Size | None = None
    _prepared: "dict[str, tuple[Image, tuple[Lost, ...]]]" = field(default_factory=dict)

    @property
    def orientation(self) -> int:
        """The EXIF orientation that is written."""
        return 1 if self.upright else self.picture.turn

    @property
    def _is_scaled(self) -> bool:
        """Whether the picture has another size than the original, whoever scaled it."""
        own = self.picture.size
        return self._scaled is not None and self._scaled.size not in {own, own.transposed}

    def at(self, size: Size, form: str) -> "tuple[Image, tuple[Lost, ...]]":
        """The picture at a size in px, in colours that a format holds, and what they have lost."""
        if self._scaled_to != size:
            transposes = self.upright and self.picture.turn >= FIRST_TRANSPOSED
            self._scaled = scaled(self.picture, size.transposed if transposes else size)
            self._scaled_to = size
            self._prepared.clear()
        if form not in self._prepared and self._scaled is not None:
            image, lost = prepared(self._scaled, form, self.picture.profile, rounding=self._is_scaled)
            self._prepared[form] = (turned(image, self.picture.turn) if self.upright else image, lost)
        return self._prepared[form]

    def reduced(self, size: Size) -> "tuple[Image, tuple[Lost, ...]]":
        """The picture at a size in px, for PNG, in as few bits a pixel as hold its colours."""
        image, lost = self.at(size, "png")
        if _REDUCED not in self._prepared:
            made, moved = reduced(image, rounding=self._is_scaled)
            self._prepared[_REDUCED] = made, (*lost, ROUNDED) if moved else lost
        return self._prepared[_REDUCED]

    def encoded(self, size: Size, style: EncodingStyle) -> Encoded:
        """The picture as a file. Raises FixError if the format cannot hold it."""
        thorough = style.format == "png" and style.thorough
        image, lost = self.reduced(size) if thorough else self.at(size, style.format)
        return Encoded(encode(image, style, self.orientation), style, size, lost)


_THOROUGH_FORMATS = frozenset({"jpeg", "png"})
"""Formats whose encoders save bytes if given time."""

_THOROUGH_GAIN = 1.5
"""Factor over the allowed bytes from which on a thorough encoder cannot help: it saves 2 to 30 %."""

_FREE_GAIN = 1.1
"""The same factor if the only aim is that the image does not grow."""

_DRAWN_GAIN, _PALETTE_GAIN = 2.5, 6.0
"""The same factor for PNG of graphics, and if a palette or grey holds all colours."""

_WEBP_GAIN = 3.5
"""Factor over the allowed bytes from which on lossless WebP cannot help: it takes 0.3 to 0.9 of PNG."""

_WEBP_PIXELS = 1_900_000
"""Pixels from which on lossless WebP is not tried: its encoder takes 25 bytes of memory per pixel."""

_BITS = 8

_SCALES = 10
_NEAR_ENOUGH = 0.9
"""Share of the allowed bytes from which on no larger size is tried."""


class ByteBound(NamedTuple):
    """The most bytes, and the lowest quality, 1 to 100, that may be written for them."""

    byte_size: int
    quality: int

    def holds(self, made: Encoded) -> bool:
        """Whether an image is within the bytes."""
        return len(made.data) <= self.byte_size


def fit(renderer: Renderer, made: Encoded, bound: ByteBound) -> Encoded:
    """The image within a number of bytes, given its unbounded encoding.

    Lossless means come first: a thorough encoder, a palette that holds all colours, WebP. Then the highest
    quality that fits: a lossy format stays; a lossless one becomes JPEG, or WebP if that is not enough or the
    image is transparent. Last a smaller size, in the style that takes the fewest bytes; neither edge ends a
    few px into a patch.

    Raises:
        FixError: not even a few pixels fit.
    """
    least = made
    for tried in (_thorough(renderer, made, bound, _THOROUGH_GAIN), _lossless(renderer, made, bound)):
        if tried is not None:
            if bound.holds(tried):
                return tried
            least = min(least, tried, key=_length)
    for way in _lossy_styles(renderer, made):
        tried = _lowest(renderer, made.size, way, bound)
        if bound.holds(tried):
            return _best(renderer, tried, way, bound)
        least = min(least, tried, key=_length)
    return _largest(renderer, least, bound, top=made.style.quality or HIGHEST)


def no_larger(renderer: Renderer, made: Encoded, bound: ByteBound) -> Encoded:
    """The image within the bytes if effort and quality can do that in its format; else unchanged."""
    tried = None if made.style.format == "gif" else _thorough(renderer, made, bound, _FREE_GAIN)
    return _at_quality(renderer, made, tried, bound)


def otherwise(renderer: Renderer, made: Encoded, bound: ByteBound, *, keeps_format: bool) -> Encoded:
    """The image within the bytes in any way that costs no more than the edit: else the smallest one found.

    A thorough encoder and a palette come first, then the quality that the original has, and last, unless the
    image `keeps_format`, lossless WebP. An optimiser of PNG files adds nothing to that: of 96 scaled
    screenshots, 34 were smaller than the original by Pillow's encoder, 45 by these, 48 by oxipng in three
    times the time, and 60 by lossless WebP in the time of these.
    """
    tried = None
    if not (keeps_format and made.style.format == "gif"):
        tried = _thorough(renderer, made, bound, _DRAWN_GAIN)
    made = _at_quality(renderer, made, tried, bound)
    if keeps_format or bound.holds(made):
        return made
    other = _lossless(renderer, made, bound)
    return made if other is None else min(made, other, key=_length)


def converted(renderer: Renderer, made: Encoded, bound: ByteBound) -> Encoded:
    """A lossless image in a new format, within the bytes if that is possible, else as small as possible.

    Other lossless ways are tried in turn: a thorough encoder and a palette, then WebP if it holds all bits. A
    photo is spared the thorough encoder, which saves a few percent of it in seconds.
    """
    image, _ = renderer.at(made.size, "png")
    is_reduced = renderer.reduced(made.size)[0] is not image
    gain = inf if is_reduced or is_graphic(renderer.picture.image) else _FREE_GAIN
    tried = _thorough(renderer, made, bound, gain)
    least = made if tried is None else min(made, tried, key=_length)
    if bound.holds(least) or has_depth(image) or renderer.picture.bits > _BITS:
        return least
    tried = _lossless(renderer, made, bound, inf)
    return least if tried is None else min(least, tried, key=_length)


def _at_quality(renderer: Renderer, made: Encoded, tried: Encoded | None, bound: ByteBound) -> Encoded:
    """What was tried if it is within the bytes, else the image at the highest quality that is."""
    if tried is not None and bound.holds(tried):
        return tried
    if made.style.quality is not None:
        tried = _lowest(renderer, made.size, made.style, bound)
        return _best(renderer, tried, made.style, bound) if bound.holds(tried) else made
    return made if tried is None else min(made, tried, key=_length)


def _length(made: Encoded) -> int:
    return len(made.data)


def _thorough(renderer: Renderer, made: Encoded, bound: ByteBound, gain: float) -> Encoded | None:
    """The same image from a thorough encoder; None if that cannot help."""
    style = EncodingStyle("png") if made.style.format == "gif" else made.style
    if style.format not in _THOROUGH_FORMATS or style.thorough:
        return None
    if style.format == "png":
        image, _ = renderer.at(made.size, "png")
        if made.style.format == "gif" or renderer.reduced(made.size)[0] is not image:
            gain = max(gain, _PALETTE_GAIN)
        elif gain > _FREE_GAIN and is_graphic(renderer.picture.image):
            gain = max(gain, _DRAWN_GAIN)
    if len(made.data) > gain * bound.byte_size:
        return None
    return renderer.encoded(made.size, style._replace(thorough=True))


def _lossless(
    renderer: Renderer, made: Encoded, bound: ByteBound, gain: float = _WEBP_GAIN
) -> Encoded | None:
    """The image as lossless WebP; None if it was lossy or is WebP already, or if that cannot help."""
    size = made.size
    is_large = size.long_edge > LONGEST_WEBP or size.width * size.height > _WEBP_PIXELS
    is_hopeless = len(made.data) > gain * bound.byte_size
    if made.style.format not in {"png", "gif"} or is_large or is_hopeless or not renderer.webp:
        return None
    return renderer.encoded(size, EncodingStyle("webp"))


def _lossy_styles(renderer: Renderer, made: Encoded) -> list[EncodingStyle]:
    """The styles that trade quality for bytes, each with its highest quality."""
    style = made.style
    if style.quality is not None:
        return [style]
    ways = []
    if style.format != "webp" and not renderer.at(made.size, "webp")[0].mode.endswith("A"):
        ways.append(EncodingStyle("jpeg", HIGHEST, 0 if is_graphic(renderer.picture.image) else 2))
    if made.size.long_edge <= LONGEST_WEBP and renderer.webp:
        ways.append(EncodingStyle("webp", HIGHEST))
    return ways


def _lowest(renderer: Renderer, size: Size, way: EncodingStyle, bound: ByteBound) -> Encoded:
    return renderer.encoded(size, way._replace(quality=bound.quality, thorough=way.format == "jpeg"))


def _best(renderer: Renderer, lowest: Encoded, way: EncodingStyle, bound: ByteBound) -> Encoded:
    """The highest quality up to that of `way` that fits; the lowest one is known to."""
    if lowest.style.quality is None or way.quality is None:
        return lowest
    best, low, high = lowest, lowest.style.quality, way.quality + 1
    while low + 1 < high:
        middle = (low + high) // 2
        tried = renderer.encoded(lowest.size, lowest.style._replace(quality=middle))
        if bound.holds(tried):
            best, low = tried, middle
        else:
            high = middle
    return best


def _largest(renderer: Renderer, over: Encoded, bound: ByteBound, *, top: int) -> Encoded:
    """The image at the largest smaller size that fits, as far as a few encodings find it.

    Bytes grow with the area to a power a little below one, which makes the next guess a good one.

    Raises:
        FixError: not even a few pixels fit.
    """
    full, limit = over.size, bound.byte_size
    style = over.style._replace(thorough=over.style.format in _THOROUGH_FORMATS)
    best: Encoded | None = None
    low, high, length = 0.0, 1.0, len(over.data)
    share = 1.0
    for _ in range(_SCALES):
        guess = share * (limit / length) ** 0.55
        # keep away from both ends of the interval
        share = min(max(guess * 0.985, low + (high - low) * 0.05), low + (high - low) * 0.95)
        size = without_remainders(Size(round(full.width * share) or 1, round(full.height * share) or 1))
        if size == full or (best is not None and size == best.size):
            break
        tried = renderer.encoded(size, style)
        length = len(tried.data)
        if length > limit:
            high = share
        else:
            best, low = tried, share
            if length >= _NEAR_ENOUGH * limit:
                break
    if best is None:
        raise FixError(
            f"cannot be brought within {figure(limit)} bytes: {full} px take {figure(len(over.data))}"
        )
    return _best(renderer, best, style if style.quality is None else style._replace(quality=top), bound)
