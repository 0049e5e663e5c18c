"""One image edited as planned: without decoding where that is enough, else one decoding and one encoding."""

from collections.abc import Iterator

from imgbudget.edit import EditedImage, ImageEdit
from imgbudget.errors import FixError
from imgbudget.fixers.decoding import LYING, Picture, decode, refusing, shown_size
from imgbudget.fixers.drawing import Drawing, Encoded
from imgbudget.fixers.encoding import COLOURS, HIGHEST, LOWEST, NEW_QUALITY, Style
from imgbudget.fixers.fitting import Bound, fit, no_larger
from imgbudget.fixers.multipicture import strip_pictures
from imgbudget.fixers.pixels import has_alpha, has_depth, is_graphic
from imgbudget.fixers.stripping import Wish, strip, webp_is_lossless
from imgbudget.geometry import CoordinateMap, Size
from imgbudget.model import Fact, ImageFacts
from imgbudget.probes import probe_bytes

WRITTEN = ("jpeg", "png", "gif", "webp")
"""Formats that are written: those that the API takes (FACTS: media types of the Messages API)."""


def edit_image(data: bytes, edit: ImageEdit) -> EditedImage:
    """Do to an image all that an edit asks for, and prove it by reading the result.

    Metadata is taken out byte by byte, and frames are dropped so where the format allows it; only where
    pixels change is the image decoded and encoded anew. The same input gives the same bytes.

    Raises:
        FixError: the image cannot be decoded whole, or what is asked for cannot be had.
    """
    facts = probe_bytes(data, Fact.ALL)
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
        made = no_larger(drawing, made, Bound(len(data), floor))
    if max_bytes is not None and len(made.data) > max_bytes:
        made = fit(drawing, made, Bound(max_bytes, floor))
    return made


def _style(data: bytes, picture: Picture, facts: ImageFacts, wanted: str | None) -> Style:
    """How the image is written where nothing limits its bytes: as it was, as far as that is known."""
    lossless = _is_lossless(data, facts)
    graphic = is_graphic(picture.image) if lossless else has_alpha(picture.image)
    form = wanted or (facts.format if facts.format in WRITTEN else None) or ("png" if graphic else "jpeg")
    if form == "jpeg":
        quality = min(max(facts.quality or NEW_QUALITY, LOWEST), HIGHEST)
        sampling = picture.sampling if picture.sampling is not None else 0 if graphic else 2
        return Style(form, quality, sampling)
    if form == "webp":
        kept = lossless if facts.format == "webp" else graphic
        return Style(form, None if kept else NEW_QUALITY)
    return Style(form)


def _is_lossless(data: bytes, facts: ImageFacts) -> bool:
    """Whether the image's own encoding gives back each pixel, as far as the format says."""
    if facts.format == "webp":
        return webp_is_lossless(data)
    return facts.format not in {"jpeg", "avif", "heic", "heif", "jp2"}


def _losses(
    data: bytes, picture: Picture, facts: ImageFacts, made: Encoded, planned: Size
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
    found = probe_bytes(made.data, Fact.ALL)
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
        raise FixError(f"comes out with {found.byte_size:,} bytes, not within {edit.max_bytes:,}")
    return made
