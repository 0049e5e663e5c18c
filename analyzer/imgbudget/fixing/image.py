"""One image edited as planned: without decoding where that is enough, else one decode and one encode."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.errors import FixError
from imgbudget.fixing.decode import LYING, RasterImage, decode, refusing, shown_size
from imgbudget.fixing.encode import (
    COLOURS,
    HIGHEST,
    LONGEST_WEBP,
    LOWEST,
    NEW_QUALITY,
    EncodingStyle,
    encode,
    has_alpha,
    has_depth,
    has_few_colours,
    is_graphic,
    prepared,
    scaled,
    turned,
)
from imgbudget.fixing.metadata import Wish, strip, strip_pictures, webp_is_lossless
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import CoordinateMap, Size, without_remainders
from imgbudget.model.edits import EditedImage, ImageEdit
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.output.base import figure

if TYPE_CHECKING:
    from PIL.Image import Image


class Encoded(NamedTuple):
    """An encoded image, how it was written, its size in px, and in clauses what its colours have lost."""

    data: bytes
    style: EncodingStyle
    size: Size
    lost: tuple[str, ...]


@dataclass(slots=True, eq=False, repr=False)
class Drawing:
    """A decoded picture, to be written upright or with the orientation that it has."""

    picture: RasterImage
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

    def encoded(self, size: Size, style: EncodingStyle) -> Encoded:
        """The picture as a file. Raises FixError where the format cannot hold it."""
        image, lost = self.at(size, style.format)
        return Encoded(encode(image, style, self.orientation), style, size, lost)


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


class ByteBound(NamedTuple):
    """Most bytes, and the lowest quality, 1 to 100, that is written for it."""

    byte_size: int
    quality: int

    def holds(self, made: Encoded) -> bool:
        """Whether an image is within the bytes."""
        return len(made.data) <= self.byte_size


def fit(drawing: Drawing, made: Encoded, bound: ByteBound) -> Encoded:
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


def no_larger(drawing: Drawing, made: Encoded, bound: ByteBound) -> Encoded:
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


def _patient(drawing: Drawing, made: Encoded, bound: ByteBound, gain: float) -> Encoded | None:
    """The same by an encoder that takes its time; None where that is of no use."""
    style = EncodingStyle("png") if made.style.format == "gif" else made.style
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


def _lossless(drawing: Drawing, made: Encoded, bound: ByteBound) -> Encoded | None:
    """WebP without loss; None where the image was lossy or is so already, or where it is of no use."""
    size = made.size
    is_large = size.long_edge > LONGEST_WEBP or size.width * size.height > _WEBP_PIXELS
    is_hopeless = len(made.data) > _WEBP_GAIN * bound.byte_size
    if made.style.format not in {"png", "gif"} or is_large or is_hopeless:
        return None
    return drawing.encoded(size, EncodingStyle("webp"))


def _lossy_ways(drawing: Drawing, made: Encoded) -> list[EncodingStyle]:
    """The ways to give up quality, each with its highest one."""
    style = made.style
    if style.quality is not None:
        return [style]
    ways = []
    if style.format != "webp" and not drawing.at(made.size, "webp")[0].mode.endswith("A"):
        ways.append(EncodingStyle("jpeg", HIGHEST, 0 if is_graphic(drawing.picture.image) else 2))
    if made.size.long_edge <= LONGEST_WEBP:
        ways.append(EncodingStyle("webp", HIGHEST))
    return ways


def _lowest(drawing: Drawing, size: Size, way: EncodingStyle, bound: ByteBound) -> Encoded:
    return drawing.encoded(size, way._replace(quality=bound.quality, thorough=way.format == "jpeg"))


def _best(drawing: Drawing, lowest: Encoded, way: EncodingStyle, bound: ByteBound) -> Encoded:
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


def _largest(drawing: Drawing, over: Encoded, bound: ByteBound, *, top: int) -> Encoded:
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
        raise FixError(
            f"cannot be brought within {figure(limit)} bytes: {full} px take {figure(len(over.data))}"
        )
    return _best(drawing, best, style if style.quality is None else style._replace(quality=top), bound)


WRITTEN = ("jpeg", "png", "gif", "webp")
"""Formats that are written: those that the API takes (FACTS: media types of the Messages API)."""


def edit_image(data: bytes, edit: ImageEdit) -> EditedImage:
    """Do to an image all that an edit asks for, and prove it by reading the result.

    Metadata is taken out byte by byte, and frames are dropped so where the format allows it; only where
    pixels change is the image decoded and encoded anew. The same input gives the same bytes.

    Raises:
        FixError: the image cannot be decoded whole, or what is asked for cannot be had.
    """
    facts = probe_bytes(data, ProbeField.ALL)
    form = _source_format(facts)
    if _frames(facts) > 1 and not edit.first_frame and _changes_pixels(facts, edit):
        raise FixError(_one_of(facts))
    with refusing(f"cannot be edited as {form.upper()}"):
        made = _without_decoding(data, facts, edit) or _redrawn(data, facts, edit)
    return _proven(made, edit)


def _source_format(facts: ImageFacts) -> str:
    if facts.format is None:
        raise FixError(f"is no image but {facts.content or 'unknown bytes'}")
    if facts.damage is not None:
        raise FixError(facts.damage)
    return facts.format


def _one_of(facts: ImageFacts) -> str:
    return f"holds {facts.frames} frames, of which only the first would be kept; that is unsafe"


def _changes_pixels(facts: ImageFacts, edit: ImageEdit) -> bool:
    return (
        edit.format not in {None, facts.format}
        or facts.format not in WRITTEN
        or edit.size not in {None, facts.size}
        or (edit.upright and facts.orientation != 1)
    )


def _without_decoding(data: bytes, facts: ImageFacts, edit: ImageEdit) -> EditedImage | None:
    """The image as it is, or without metadata and other frames; None where pixels must change."""
    form, size = facts.format, facts.size
    if form is None or size is None or _changes_pixels(facts, edit):
        return None
    drops = facts.animated and edit.first_frame
    limit = len(data) if edit.max_bytes is None else edit.max_bytes
    kept: bytes | None = data
    if edit.strip or drops or len(data) > limit:
        if form == "jpeg" and facts.animated and not drops:
            kept = strip_pictures(data)
        else:
            kept = strip(data, form, Wish(facts.orientation, edit.first_frame))
    if kept is None or len(kept) > limit:
        if facts.animated and not edit.first_frame:
            raise FixError(_one_of(facts))
        return None
    lost = (f"first of {facts.frames} frames",) if drops else ()
    shown = shown_size(facts, size)
    return EditedImage(kept, form, size, None, lost, CoordinateMap(shown, shown))


def _redrawn(data: bytes, facts: ImageFacts, edit: ImageEdit) -> EditedImage:
    """The image decoded and encoded anew."""
    if edit.format not in {None, *WRITTEN}:
        raise FixError(f"cannot be written as {edit.format}; imgbudget writes {', '.join(WRITTEN)}")
    if edit.size is not None and min(edit.size) < 1:
        raise FixError(f"cannot be scaled to {edit.size} px")
    picture = decode(data, facts, edit.size)
    source = picture.size
    size = edit.size or source
    if size.width > source.width or size.height > source.height:
        raise FixError(f"has {source} px and is not enlarged to {size}")
    style = _style(data, picture, facts, edit.format)
    # a reader may have turned the pixels itself, and GIF has no room for an orientation
    drawing = Drawing(picture, upright=edit.upright or picture.turn == 1 or style.format == "gif")
    size = shown_size(facts, size) if drawing.upright else size
    made = _within(drawing, drawing.encoded(size, style), data, facts, edit.max_bytes)
    lost = _losses(data, picture, facts, made, size)
    if made.style.format != style.format:
        lost = (f"written as {made.style.format.upper()}, planned was {style.format.upper()}", *lost)
    seen = made.size.transposed if drawing.orientation >= LYING else made.size
    coordinates = CoordinateMap(shown_size(facts, source), seen)
    return EditedImage(made.data, made.style.format, made.size, made.style.quality, lost, coordinates)


def _within(
    drawing: Drawing, made: Encoded, data: bytes, facts: ImageFacts, max_bytes: int | None
) -> Encoded:
    """The image within its bytes, and where it keeps its format, within those that it had if that can be.

    What was lossy already may keep its quality for that, however low.
    """
    floor = min(LOWEST, facts.quality or LOWEST) if made.style.quality is not None else LOWEST
    if made.style.format == facts.format and len(made.data) > len(data):
        made = no_larger(drawing, made, ByteBound(len(data), floor))
    if max_bytes is not None and len(made.data) > max_bytes:
        made = fit(drawing, made, ByteBound(max_bytes, floor))
    return made


def _style(data: bytes, picture: RasterImage, facts: ImageFacts, wanted: str | None) -> EncodingStyle:
    """How the image is written where nothing limits its bytes: as it was, as far as that is known."""
    lossless = _is_lossless(data, facts)
    graphic = is_graphic(picture.image) if lossless else has_alpha(picture.image)
    form = wanted or (facts.format if facts.format in WRITTEN else None) or ("png" if graphic else "jpeg")
    if form == "jpeg":
        quality = min(max(facts.quality or NEW_QUALITY, LOWEST), HIGHEST)
        sampling = picture.sampling if picture.sampling is not None else 0 if graphic else 2
        return EncodingStyle(form, quality, sampling)
    if form == "webp":
        kept = lossless if facts.format == "webp" else graphic
        return EncodingStyle(form, None if kept else NEW_QUALITY)
    return EncodingStyle(form)


def _is_lossless(data: bytes, facts: ImageFacts) -> bool:
    """Whether the image's own encoding gives back each pixel, as far as the format says."""
    if facts.format == "webp":
        return webp_is_lossless(data)
    return facts.format not in {"jpeg", "avif", "heic", "heif", "jp2"}


def _losses(
    data: bytes, picture: RasterImage, facts: ImageFacts, made: Encoded, planned: Size
) -> tuple[str, ...]:
    """In clauses what the new image lacks, beyond the pixels that were planned to go."""
    lost = []
    style = made.style
    area, mode = picture.size.width * picture.size.height, picture.image.mode
    if _frames(facts) > 1:
        lost.append(f"first of {facts.frames} frames")
    deep = has_depth(picture.image) or _has_16_bits(data, facts.format)
    if deep and not _has_16_bits(made.data, style.format):
        lost.append("8 bits a sample")
    if style.quality is not None:
        is_lossless, as_large = _is_lossless(data, facts), planned.width * planned.height == area
        lost += _lower_quality(facts, style.quality, was_lossless=is_lossless, as_large=as_large)
    as_it_was = mode == "P" and made.size.width * made.size.height == area
    if style.format == "gif" and mode not in {"1", "L"} and not as_it_was:
        lost.append(f"at most {COLOURS} colours")
    if made.size != planned:
        lost.append(f"scaled to {made.size}, planned was {planned}")
    return (*lost, *made.lost)


def _lower_quality(facts: ImageFacts, quality: int, *, was_lossless: bool, as_large: bool) -> Iterator[str]:
    """In clauses what a lossy encoding costs."""
    if was_lossless:
        yield f"lossy: quality {quality}, was lossless {(facts.format or '').upper()}"
    elif facts.quality is not None and quality < facts.quality:
        yield f"quality {quality}, was {facts.quality}"
    elif quality < LOWEST:
        yield f"quality {quality} for want of bytes, was {facts.quality}"
    elif as_large:
        yield f"encoded anew at quality {quality}"


def _has_16_bits(data: bytes, form: str | None) -> bool:
    return form == "png" and data[24] == 16


def _frames(facts: ImageFacts) -> int:
    # the layers of a PSD make one picture, which the file holds too
    return 1 if facts.format == "psd" else facts.frames


def _proven(made: EditedImage, edit: ImageEdit) -> EditedImage:
    """The result, once the probe says of its bytes what it says itself.

    Raises:
        FixError: the result is not what it should be.
    """
    found = probe_bytes(made.data, ProbeField.ALL)
    if found.damage is not None:
        raise FixError(f"comes out damaged: it {found.damage}")
    if (found.format, found.size) != (made.format, made.size):
        raise FixError(f"comes out as {found.format} of {found.size} px, not {made.format} of {made.size}")
    if edit.upright and found.orientation != 1:
        raise FixError(f"comes out with the orientation {found.orientation}")
    if found.has_location and (edit.strip or made.quality is not None):
        raise FixError("comes out with its position")
    if found.animated and edit.first_frame:
        raise FixError(f"comes out with {found.frames} frames")
    if edit.max_bytes is not None and found.byte_size > edit.max_bytes:
        raise FixError(f"comes out with {figure(found.byte_size)} bytes, not within {figure(edit.max_bytes)}")
    return made
