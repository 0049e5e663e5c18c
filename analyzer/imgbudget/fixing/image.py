"""One image edited as planned: without decoding if possible, else with one decode and one encode."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.errors import FixError
from imgbudget.fixing.decode import FIRST_TRANSPOSED, RasterImage, as_fix_error, decode, upright_size
from imgbudget.fixing.encode import (
    COLOURS,
    HIGHEST,
    LONGEST_WEBP,
    LOWEST,
    NEW_QUALITY,
    SAFE_HIGHEST,
    SAFE_LOWEST,
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
from imgbudget.fixing.metadata import StripOptions, strip, strip_pictures, webp_is_lossless
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import CoordinateMap, Size, without_remainders
from imgbudget.model.edits import EditedImage, ImageEdit
from imgbudget.model.safety import NO_LOSS, PLAN_LOSS, Loss, Lost, pictures_in, pictures_text
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.output.base import figure

if TYPE_CHECKING:
    from PIL.Image import Image


class Encoded(NamedTuple):
    """An encoded image, its encoding style, its size in px, and what its colours have lost."""

    data: bytes
    style: EncodingStyle
    size: Size
    lost: tuple[Lost, ...]


@dataclass(slots=True, eq=False, repr=False)
class Renderer:
    """A decoded picture, written upright or with the orientation that it has."""

    picture: RasterImage
    upright: bool
    _scaled: "Image | None" = None
    _scaled_to: Size | None = None
    _prepared: "dict[str, tuple[Image, tuple[Lost, ...]]]" = field(default_factory=dict)

    @property
    def orientation(self) -> int:
        """The EXIF orientation that is written."""
        return 1 if self.upright else self.picture.turn

    def at(self, size: Size, form: str) -> "tuple[Image, tuple[Lost, ...]]":
        """The picture at a size in px, in colours that a format holds, and what they have lost."""
        if self._scaled_to != size:
            transposes = self.upright and self.picture.turn >= FIRST_TRANSPOSED
            self._scaled = scaled(self.picture, size.transposed if transposes else size)
            self._scaled_to = size
            self._prepared.clear()
        if form not in self._prepared and self._scaled is not None:
            image, lost = prepared(self._scaled, form, self.picture.profile)
            self._prepared[form] = (turned(image, self.picture.turn) if self.upright else image, lost)
        return self._prepared[form]

    def encoded(self, size: Size, style: EncodingStyle) -> Encoded:
        """The picture as a file. Raises FixError if the format cannot hold it."""
        image, lost = self.at(size, style.format)
        return Encoded(encode(image, style, self.orientation), style, size, lost)


_THOROUGH_FORMATS = frozenset({"jpeg", "png"})
"""Formats whose encoders save bytes if given time."""

_THOROUGH_GAIN = 1.5
"""Factor over the allowed bytes from which on a thorough encoder cannot help: it saves 2 to 30 %."""

_FREE_GAIN = 1.1
"""The same factor if the only aim is that the image does not grow."""

_DRAWN_GAIN, _PALETTE_GAIN = 2.5, 4.0
"""The same factor for PNG of graphics, and if a palette holds all colours: one byte for three or four."""

_WEBP_GAIN = 3.0
"""Factor over the allowed bytes from which on lossless WebP cannot help: it takes 0.4 to 0.9 of PNG."""

_WEBP_PIXELS = 1_900_000
"""Pixels from which on lossless WebP is not tried: its encoder takes 25 bytes of memory per pixel."""

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
        if made.style.format == "gif" or has_few_colours(image):
            gain = _PALETTE_GAIN
        elif gain > _FREE_GAIN and is_graphic(renderer.picture.image):
            gain = _DRAWN_GAIN
    if len(made.data) > gain * bound.byte_size:
        return None
    return renderer.encoded(made.size, style._replace(thorough=True))


def _lossless(renderer: Renderer, made: Encoded, bound: ByteBound) -> Encoded | None:
    """The image as lossless WebP; None if it was lossy or is WebP already, or if that cannot help."""
    size = made.size
    is_large = size.long_edge > LONGEST_WEBP or size.width * size.height > _WEBP_PIXELS
    is_hopeless = len(made.data) > _WEBP_GAIN * bound.byte_size
    if made.style.format not in {"png", "gif"} or is_large or is_hopeless:
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
    if made.size.long_edge <= LONGEST_WEBP:
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


WRITTEN = ("jpeg", "png", "gif", "webp")
"""Formats that are written: those that the API takes (media types of the Messages API)."""


def edit_image(data: bytes, edit: ImageEdit) -> EditedImage:
    """Apply an edit to an image, and verify the result by reading it.

    Metadata is removed byte by byte, and so are frames if the format permits; the image is decoded and
    re-encoded only if pixels change. The same input gives the same bytes.

    Raises:
        FixError: the image cannot be decoded completely, or the edit is impossible.
    """
    facts = probe_bytes(data, ProbeField.ALL)
    form = _source_format(facts)
    if pictures_in(facts) > 1 and not edit.first_frame and _changes_pixels(facts, edit):
        raise FixError(_only_first_frame(facts))
    with as_fix_error(f"cannot be edited as {form.upper()}"):
        made = _without_decoding(data, facts, edit) or _reencoded(data, facts, edit)
    return _verified(made, edit)


def _source_format(facts: ImageFacts) -> str:
    if facts.format is None:
        raise FixError(f"is not an image but {facts.content or 'unknown bytes'}")
    if facts.damage is not None:
        raise FixError(facts.damage)
    return facts.format


def _only_first_frame(facts: ImageFacts) -> str:
    return f"has {pictures_text(facts)}; keeping only the first is an unsafe fix"


def _changes_pixels(facts: ImageFacts, edit: ImageEdit) -> bool:
    return (
        edit.format not in {None, facts.format}
        or facts.format not in WRITTEN
        or edit.size not in {None, facts.size}
        or (edit.upright and facts.orientation != 1)
    )


def _without_decoding(data: bytes, facts: ImageFacts, edit: ImageEdit) -> EditedImage | None:
    """The image unchanged, or without metadata and other frames; None if pixels must change."""
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
            kept = strip(data, form, StripOptions(facts.orientation, edit.first_frame))
    if kept is None or len(kept) > limit:
        if facts.animated and not edit.first_frame:
            raise FixError(_only_first_frame(facts))
        return None
    lost = (f"first of {pictures_text(facts)}",) if drops else ()
    shown = upright_size(facts, size)
    return EditedImage(kept, form, size, None, lost, CoordinateMap(shown, shown))


def _reencoded(data: bytes, facts: ImageFacts, edit: ImageEdit, *, exact: bool = True) -> EditedImage:
    """The image decoded and re-encoded, with `exact` from pixels that may have its new size already."""
    if edit.format not in {None, *WRITTEN}:
        raise FixError(f"cannot be written as {edit.format}; imgbudget writes {', '.join(WRITTEN)}")
    if edit.size is not None and min(edit.size) < 1:
        raise FixError(f"cannot be scaled to {edit.size} px")
    exact = exact and edit.format in {None, facts.format}
    picture = decode(data, facts, edit.size, exact=exact)
    source = picture.size
    size = edit.size or source
    if size.width > source.width or size.height > source.height:
        raise FixError(f"has {source} px and would be enlarged to {size}")
    style = _style(data, picture, facts, edit)
    # a reader may have rotated the pixels itself, and GIF cannot store an orientation
    renderer = Renderer(picture, upright=edit.upright or picture.turn == 1 or style.format == "gif")
    size = upright_size(facts, size) if renderer.upright else size
    made = renderer.encoded(size, style)
    if exact and edit.max_bytes is not None and len(made.data) > edit.max_bytes:
        return _reencoded(data, facts, edit, exact=False)
    made = _within(renderer, made, data, facts, edit)
    losses = _losses(data, picture, facts, made, size)
    _refuse_losses(losses, edit.permits)
    lost = tuple(clause for _, clause in losses)
    if made.style.format != style.format:
        lost = (f"written as {made.style.format.upper()} instead of {style.format.upper()}", *lost)
    seen = made.size.transposed if renderer.orientation >= FIRST_TRANSPOSED else made.size
    coordinates = CoordinateMap(upright_size(facts, source), seen)
    return EditedImage(made.data, made.style.format, made.size, made.style.quality, lost, coordinates)


def _refuse_losses(losses: Iterable[Lost], permitted: Loss) -> None:
    """Raise FixError for the first loss that is not permitted."""
    for kind, clause in losses:
        if kind & ~permitted:
            raise FixError(f"would be changed ({clause}); that is an unsafe fix")


def _within(renderer: Renderer, made: Encoded, data: bytes, facts: ImageFacts, edit: ImageEdit) -> Encoded:
    """The image within its bytes and, if possible, within its original bytes.

    Raises:
        FixError: it would be larger than the original, and the edit does not permit that.
    """
    floor, same = _lowest_qualities(made, facts, edit)
    if len(made.data) > len(data) and (made.style.format == facts.format or not edit.may_grow):
        made = no_larger(renderer, made, ByteBound(len(data), same))
        if len(made.data) > len(data) and not edit.may_grow:
            made = _lossless(renderer, made, ByteBound(len(data), same)) or made
    if edit.max_bytes is not None and len(made.data) > edit.max_bytes:
        made = fit(renderer, made, ByteBound(edit.max_bytes, floor))
    if len(made.data) > len(data) and not edit.may_grow:
        raise FixError(
            f"would grow from {figure(len(data))} to {figure(len(made.data))} bytes as {made.size} px"
            f" {made.style.format}; left as it is"
        )
    return made


def _lowest_qualities(made: Encoded, facts: ImageFacts, edit: ImageEdit) -> tuple[int, int]:
    """The lowest qualities, 1 to 100, for a limit on bytes, and for not growing.

    An image that was lossy may keep its quality, however low; a safe fix does not go below it.
    """
    if made.style.quality is None:
        return LOWEST, LOWEST
    if edit.permits & PLAN_LOSS == PLAN_LOSS:
        floor = min(LOWEST, facts.quality or LOWEST)
        return floor, floor
    found = min(facts.quality or SAFE_LOWEST, SAFE_HIGHEST)
    return min(SAFE_LOWEST, found), found


def _style(data: bytes, picture: RasterImage, facts: ImageFacts, edit: ImageEdit) -> EncodingStyle:
    """The style of an image without a bound on its bytes: that of the original, as far as known.

    A format that cannot hold what the edit must not lose gives way to PNG.
    """
    lossless = _is_lossless(data, facts)
    graphic = is_graphic(picture.image) if lossless else has_alpha(picture.image)
    form = (
        edit.format or (facts.format if facts.format in WRITTEN else None) or ("png" if graphic else "jpeg")
    )
    if form in {"jpeg", "gif"} and _cannot_hold(form, picture, facts, edit):
        form = "png"
    if form == "jpeg":
        free = edit.permits & PLAN_LOSS == PLAN_LOSS
        lowest, highest = (LOWEST, HIGHEST) if free else (SAFE_LOWEST, SAFE_HIGHEST)
        quality = min(max(facts.quality or NEW_QUALITY, lowest), highest)
        sampling = picture.sampling if picture.sampling is not None else 0 if graphic else 2
        return EncodingStyle(form, quality, sampling)
    if form == "webp":
        kept = lossless if facts.format == "webp" else graphic
        return EncodingStyle(form, None if kept else NEW_QUALITY)
    return EncodingStyle(form)


def _cannot_hold(form: str, picture: RasterImage, facts: ImageFacts, edit: ImageEdit) -> bool:
    """Whether JPEG or GIF cannot hold the picture without a loss that the edit does not permit."""
    image = picture.image
    if form == "jpeg":
        return (has_alpha(image) and not edit.permits & Loss.ALPHA) or (
            has_depth(image) and not edit.permits & Loss.DEPTH
        )
    resized = edit.size not in {None, facts.size} and image.mode not in {"1", "L"}
    return resized and not edit.permits & Loss.COLOURS


def _is_lossless(data: bytes, facts: ImageFacts) -> bool:
    """Whether the image's encoding preserves each pixel, as far as the format tells."""
    if facts.format == "webp":
        return webp_is_lossless(data)
    return facts.format not in {"jpeg", "avif", "heic", "heif", "jp2"}


def _losses(
    data: bytes, picture: RasterImage, facts: ImageFacts, made: Encoded, planned: Size
) -> tuple[Lost, ...]:
    """What the new image lacks, beyond the pixels that the plan removes."""
    lost = []
    style = made.style
    area, mode = picture.size.width * picture.size.height, picture.image.mode
    if pictures_in(facts) > 1:
        # an edit that does not permit it was refused before
        lost.append(Lost(NO_LOSS, f"first of {pictures_text(facts)}"))
    if len(sizes := picture.image.info.get("sizes", ())) > 1:  # of an icon
        lost.append(Lost(Loss.PICTURES, f"the largest of {len(sizes)} sizes"))
    deep = has_depth(picture.image) or picture.bits > 8
    if deep and not _has_16_bits(made.data, style.format):
        lost.append(Lost(Loss.DEPTH, "8 bits a sample"))
    if style.quality is not None:
        is_lossless, as_large = _is_lossless(data, facts), planned.width * planned.height == area
        lost += [
            Lost(Loss.GENERATION, clause)
            for clause in _lower_quality(facts, style.quality, was_lossless=is_lossless, as_large=as_large)
        ]
    as_it_was = mode == "P" and made.size.width * made.size.height == area
    if style.format == "gif" and mode not in {"1", "L"} and not as_it_was:
        lost.append(Lost(Loss.COLOURS, f"at most {COLOURS} colours"))
    if made.size != planned:
        lost.append(Lost(NO_LOSS, f"scaled to {made.size} instead of {planned}"))
    return (*lost, *made.lost)


def _lower_quality(facts: ImageFacts, quality: int, *, was_lossless: bool, as_large: bool) -> Iterator[str]:
    """In clauses the cost of a lossy encoding."""
    if was_lossless:
        yield f"lossy: quality {quality}, was lossless {(facts.format or '').upper()}"
    elif facts.quality is not None and quality < facts.quality:
        yield f"quality {quality}, was {facts.quality}"
    elif quality < LOWEST:
        yield f"quality {quality} to fit the bytes, was {facts.quality}"
    elif as_large:
        yield f"re-encoded at quality {quality}"


def _has_16_bits(data: bytes, form: str | None) -> bool:
    return form == "png" and data[24] == 16


def _verified(made: EditedImage, edit: ImageEdit) -> EditedImage:
    """The result, if its own bytes have the format, size and other facts that it should have.

    Raises:
        FixError: they do not.
    """
    found = probe_bytes(made.data, ProbeField.ALL)
    if found.damage is not None:
        raise FixError(f"verification failed: the result {found.damage}")
    if (found.format, found.size) != (made.format, made.size):
        raise FixError(
            f"verification failed: the result is {found.format} {found.size}, not {made.format} {made.size}"
        )
    if edit.upright and found.orientation != 1:
        raise FixError(f"verification failed: the result has the orientation {found.orientation}")
    if found.has_location and (edit.strip or made.quality is not None):
        raise FixError("verification failed: the result still has its position")
    if found.animated and edit.first_frame:
        raise FixError(f"verification failed: the result has {found.frames} frames")
    if edit.max_bytes is not None and found.byte_size > edit.max_bytes:
        raise FixError(
            f"verification failed: the result has {figure(found.byte_size)} bytes,"
            f" over {figure(edit.max_bytes)}"
        )
    return made
