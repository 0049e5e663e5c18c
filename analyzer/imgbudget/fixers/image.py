"""One image edited as planned: without decoding where that is enough, else one decoding and one encoding."""

from typing import TYPE_CHECKING

from imgbudget.edit import EditedImage, ImageEdit
from imgbudget.errors import FixError
from imgbudget.fixers.decoding import LYING, Picture, decode, refusing, shown_size
from imgbudget.fixers.encoding import (
    GIF_COLOURS,
    HIGHEST,
    LOWEST,
    NEW_QUALITY,
    Encoded,
    Style,
    encode,
    fit,
    prepared,
)
from imgbudget.fixers.multipicture import strip_pictures
from imgbudget.fixers.pixels import has_alpha, has_depth, is_graphic, scaled, turned
from imgbudget.fixers.stripping import Wish, strip, webp_is_lossless
from imgbudget.geometry import CoordinateMap, Size
from imgbudget.model import Fact, ImageFacts
from imgbudget.probes import probe_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

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
    bakes = edit.upright or picture.turn == 1 or style.format == "gif"
    size = shown_size(facts, size) if bakes else size
    turn = 1 if bakes else picture.turn
    lost: tuple[str, ...] = ()

    def draw(wanted: Size) -> "Image":
        nonlocal lost
        stored = wanted.transposed if bakes and picture.turn >= LYING else wanted
        image, lost = prepared(scaled(picture, stored), style.format, picture.profile)
        return turned(image, picture.turn) if bakes else image

    if edit.max_bytes is None:
        made = Encoded(encode(draw(size), style, turn), style, size)
    else:
        made = fit(draw, size, style, edit.max_bytes, turn)
    lost = _losses(data, picture, facts, made, size) + lost
    seen = made.size.transposed if turn >= LYING else made.size
    coordinates = CoordinateMap(shown_size(facts, source), seen)
    return EditedImage(made.data, style.format, made.size, made.style.quality, lost, coordinates)


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
    return Style(form, palette=GIF_COLOURS if form == "gif" else None)


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
    style, form = made.style, (facts.format or "").upper()
    area, mode = picture.size.width * picture.size.height, picture.image.mode
    if _frames(facts) > 1:
        lost.append(f"first of {facts.frames} frames")
    deep = has_depth(picture.image) or _has_16_bits(data, facts.format)
    if deep and not _has_16_bits(made.data, style.format):
        lost.append("8 bits a sample")
    if style.quality is not None:
        if _is_lossless(data, facts):
            lost.append(f"lossy: quality {style.quality}, was lossless {form}")
        elif facts.quality is not None and style.quality < facts.quality:
            lost.append(f"quality {style.quality}, was {facts.quality}")
        elif planned.width * planned.height == area:
            lost.append(f"encoded anew at quality {style.quality}")
    as_it_was = mode == "P" and made.size.width * made.size.height == area
    if style.palette is not None and mode not in {"1", "L"} and not as_it_was:
        lost.append(f"at most {style.palette} colours")
    if made.size != planned:
        lost.append(f"scaled to {made.size}, planned was {planned}")
    return tuple(lost)


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
