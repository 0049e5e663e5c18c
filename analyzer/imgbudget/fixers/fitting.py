"""A picture within a number of bytes, by the gentlest way: patience, format, quality, and scale at last."""

from typing import NamedTuple

from imgbudget.errors import FixError
from imgbudget.fixers.drawing import Drawing, Encoded
from imgbudget.fixers.encoding import HIGHEST, LONGEST_WEBP, Style, has_few_colours
from imgbudget.fixers.pixels import is_graphic
from imgbudget.geometry import Size, without_remainders

_PATIENT = frozenset({"jpeg", "png"})
"""Formats whose encoders save bytes for time."""

_PATIENT_GAIN = 1.5
"""Times the bytes allowed from which on no patience of an encoder helps: it saves 2 to 30 %."""

_FREE_GAIN = 1.1
"""The same where nothing is at stake but that the image grows."""

_DRAWN_GAIN, _PALETTE_GAIN = 2.5, 4.0
"""The same for PNG of what is drawn, and where a palette holds all colours: a byte for three or four."""

_WEBP_GAIN = 3.0
"""Times the bytes allowed from which on WebP without loss does not help: of PNG it takes 0.4 to 0.9."""

_WEBP_PIXELS = 1_900_000
"""Pixels from which on WebP without loss is not tried: its encoder takes 25 bytes of memory a pixel."""

_SCALES = 10
_NEAR_ENOUGH = 0.9
"""Share of the bytes allowed from which on no larger size is tried."""


class Bound(NamedTuple):
    """Most bytes, and the lowest quality, 1 to 100, that is written for it."""

    byte_size: int
    quality: int

    def holds(self, made: Encoded) -> bool:
        """Whether an image is within the bytes."""
        return len(made.data) <= self.byte_size


def fit(drawing: Drawing, made: Encoded, bound: Bound) -> Encoded:
    """The image within a number of bytes, given what it is when nothing bounds it.

    Without loss first: a patient encoder, a palette that holds all colours, WebP. Then the highest quality
    that fits: a lossy format stays; what was lossless becomes JPEG, and WebP where that is not enough or
    where it is transparent. At last a smaller size, in the way that takes the fewest bytes; neither of its
    edges ends a few px into a patch.

    Raises:
        FixError: not even a few pixels fit.
    """
    least = made
    for tried in (_patient(drawing, made, bound, _PATIENT_GAIN), _lossless(drawing, made, bound)):
        if tried is not None:
            if bound.holds(tried):
                return tried
            least = min(least, tried, key=_length)
    for way in _lossy_ways(drawing, made):
        tried = _lowest(drawing, made.size, way, bound)
        if bound.holds(tried):
            return _best(drawing, tried, way, bound)
        least = min(least, tried, key=_length)
    return _largest(drawing, least, bound, top=made.style.quality or HIGHEST)


def no_larger(drawing: Drawing, made: Encoded, bound: Bound) -> Encoded:
    """The image within the bytes where patience and quality reach that, in its format; else as it is made."""
    tried = None if made.style.format == "gif" else _patient(drawing, made, bound, _FREE_GAIN)
    if tried is not None and bound.holds(tried):
        return tried
    if made.style.quality is not None:
        tried = _lowest(drawing, made.size, made.style, bound)
        return _best(drawing, tried, made.style, bound) if bound.holds(tried) else made
    return made if tried is None else min(made, tried, key=_length)


def _length(made: Encoded) -> int:
    return len(made.data)


def _patient(drawing: Drawing, made: Encoded, bound: Bound, gain: float) -> Encoded | None:
    """The same by an encoder that takes its time; None where that is of no use."""
    style = Style("png") if made.style.format == "gif" else made.style
    if style.format not in _PATIENT or style.thorough:
        return None
    if style.format == "png":
        image, _ = drawing.at(made.size, "png")
        if made.style.format == "gif" or has_few_colours(image):
            gain = _PALETTE_GAIN
        elif gain > _FREE_GAIN and is_graphic(drawing.picture.image):
            gain = _DRAWN_GAIN
    if len(made.data) > gain * bound.byte_size:
        return None
    return drawing.encoded(made.size, style._replace(thorough=True))


def _lossless(drawing: Drawing, made: Encoded, bound: Bound) -> Encoded | None:
    """WebP without loss; None where the image was lossy or is so already, or where it is of no use."""
    size = made.size
    is_large = size.long_edge > LONGEST_WEBP or size.width * size.height > _WEBP_PIXELS
    is_hopeless = len(made.data) > _WEBP_GAIN * bound.byte_size
    if made.style.format not in {"png", "gif"} or is_large or is_hopeless:
        return None
    return drawing.encoded(size, Style("webp"))


def _lossy_ways(drawing: Drawing, made: Encoded) -> list[Style]:
    """The ways to give up quality, each with its highest one."""
    style = made.style
    if style.quality is not None:
        return [style]
    ways = []
    if style.format != "webp" and not drawing.at(made.size, "webp")[0].mode.endswith("A"):
        ways.append(Style("jpeg", HIGHEST, 0 if is_graphic(drawing.picture.image) else 2))
    if made.size.long_edge <= LONGEST_WEBP:
        ways.append(Style("webp", HIGHEST))
    return ways


def _lowest(drawing: Drawing, size: Size, way: Style, bound: Bound) -> Encoded:
    return drawing.encoded(size, way._replace(quality=bound.quality, thorough=way.format == "jpeg"))


def _best(drawing: Drawing, lowest: Encoded, way: Style, bound: Bound) -> Encoded:
    """The highest quality up to that of `way` that fits, given that the lowest one does."""
    if lowest.style.quality is None or way.quality is None:
        return lowest
    best, low, high = lowest, lowest.style.quality, way.quality + 1
    while low + 1 < high:
        middle = (low + high) // 2
        tried = drawing.encoded(lowest.size, lowest.style._replace(quality=middle))
        if bound.holds(tried):
            best, low = tried, middle
        else:
            high = middle
    return best


def _largest(drawing: Drawing, over: Encoded, bound: Bound, *, top: int) -> Encoded:
    """The image at a smaller size that fits: as large as a few encodings find.

    Bytes grow with the area to a power a little below one, so that the next guess is a good one.

    Raises:
        FixError: not even a few pixels fit.
    """
    full, limit = over.size, bound.byte_size
    style = over.style._replace(thorough=over.style.format in _PATIENT)
    best: Encoded | None = None
    low, high, length = 0.0, 1.0, len(over.data)
    share = 1.0
    for _ in range(_SCALES):
        guess = share * (limit / length) ** 0.55
        # keep away from both ends of what is left
        share = min(max(guess * 0.985, low + (high - low) * 0.05), low + (high - low) * 0.95)
        size = without_remainders(Size(round(full.width * share) or 1, round(full.height * share) or 1))
        if size == full or (best is not None and size == best.size):
            break
        tried = drawing.encoded(size, style)
        length = len(tried.data)
        if length > limit:
            high = share
        else:
            best, low = tried, share
            if length >= _NEAR_ENOUGH * limit:
                break
    if best is None:
        raise FixError(f"cannot be brought within {limit:,} bytes: {full} px take {len(over.data):,}")
    return _best(drawing, best, style if style.quality is None else style._replace(quality=top), bound)
