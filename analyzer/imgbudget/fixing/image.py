"""One image edited as planned: without decoding if possible, else with one decode and one encode."""

from collections.abc import Iterable, Iterator

from imgbudget.errors import FixError
from imgbudget.fixing.decode import RasterImage, cut, decode
from imgbudget.fixing.encode import (
    HIGHEST,
    LOWEST,
    NEW_QUALITY,
    SAFE_HIGHEST,
    SAFE_LOWEST,
    EncodingStyle,
    has_alpha,
    has_depth,
    is_graphic,
)
from imgbudget.fixing.fitting import ByteBound, Encoded, Renderer, converted, fit, no_larger, otherwise
from imgbudget.fixing.metadata import (
    SIGNATURE,
    StripOptions,
    beside_picture,
    has_more_pictures,
    strip,
    webp_is_lossless,
)
from imgbudget.fixing.turning import turned_upright
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import CoordinateMap, Size
from imgbudget.model.edits import EditedImage, ImageEdit
from imgbudget.model.safety import IN_XMP, NO_LOSS, PLAN_LOSS, Loss, Lost, pictures_in, pictures_text
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.model.views import FIRST_TRANSPOSED, upright_size
from imgbudget.output.base import figure
from imgbudget.pixels.opening import as_fix_error

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
    if pictures_in(facts) > 1 and _changes_pixels(facts, edit):
        if form not in WRITTEN and edit.box is None:
            raise FixError(
                f"has {pictures_text(facts)}, which one image cannot replace; send them one by one"
            )
        if not edit.first_frame:
            raise FixError(_only_first_frame(facts))
    with as_fix_error(f"cannot be edited as {form.upper()}"):
        made = (
            _turned(data, facts, edit)
            or _without_decoding(data, facts, edit)
            or _reencoded(data, facts, edit)
        )
    if facts.in_xmp and made.data != data and not edit.permits & Loss.ORIENTATION:
        raise FixError(f"is left as it is: {IN_XMP}; that is an unsafe fix")
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
        edit.box is not None
        or edit.format not in {None, facts.format}
        or facts.format not in WRITTEN
        or edit.size not in {None, facts.size}
        or (edit.upright and facts.orientation != 1)
    )


def _turned(data: bytes, facts: ImageFacts, edit: ImageEdit) -> EditedImage | None:
    """A JPEG file turned upright block by block; None if the edit takes new pixels, and may.

    Raises:
        FixError: the file cannot be turned so, and the edit does not permit to encode it once more.
    """
    only_turns = facts.format == "jpeg" and edit.upright and facts.orientation != 1 and not facts.animated
    if not only_turns or _changes_pixels(facts, edit._replace(upright=False)):
        return None
    try:
        for upright in turned_upright(data, facts):
            made = _without_decoding(upright, probe_bytes(upright, ProbeField.ALL), edit._replace(size=None))
            if made and (edit.may_grow or len(made.data) <= len(data)):
                return made
        why = f"would grow from {figure(len(data))} bytes if it were turned without loss"
    except FixError as error:
        why = str(error)
    if edit.permits & Loss.GENERATION:
        return None
    raise FixError(f"{why}; encoding it once more is an unsafe fix")


_ALONE = "without the gain map, preview or video in the file"


def _without_decoding(data: bytes, facts: ImageFacts, edit: ImageEdit) -> EditedImage | None:
    """The image unchanged, or without metadata and other frames; None if pixels must change."""
    form, size = facts.format, facts.size
    if form is None or size is None or _changes_pixels(facts, edit):
        return None
    drops = facts.animated and edit.first_frame
    limit = len(data) if edit.max_bytes is None else edit.max_bytes
    kept: bytes | None = data
    lost: tuple[str, ...] = (f"first of {pictures_text(facts)}",) if drops else ()
    if edit.strip or drops or len(data) > limit:
        exact = not edit.permits & Loss.GENERATION
        kept = strip(data, form, StripOptions(facts.orientation, edit.first_frame, any_profile=exact))
        if form == "jpeg" and kept is not None and SIGNATURE in beside_picture(data):
            lost = (*lost, f"without its {SIGNATURE}")
        if kept and edit.max_bytes and len(kept) > limit and form == "jpeg" and not facts.animated:
            # re-encoding would take the other pictures too
            kept = strip(data, form, StripOptions(facts.orientation, first_frame=True))
            lost = (_ALONE, *_without(beside_picture(data)))
    if kept is None or len(kept) > limit:
        if facts.animated and not edit.first_frame:
            raise FixError(_only_first_frame(facts))
        return None
    shown = upright_size(facts, size)
    return EditedImage(kept, form, size, None, lost, CoordinateMap(shown, shown))


def _without(names: Iterable[str]) -> tuple[str, ...]:
    """What an image lacks, in a clause; none if it lacks nothing."""
    text = " and ".join(names)
    return (f"without its {text}",) if text else ()


def _reencoded(data: bytes, facts: ImageFacts, edit: ImageEdit, *, exact: bool = True) -> EditedImage:
    """The image decoded and re-encoded, with `exact` from pixels that may have its new size already."""
    if edit.format not in {None, *WRITTEN}:
        raise FixError(f"cannot be written as {edit.format}; imgbudget writes {', '.join(WRITTEN)}")
    if edit.size is not None and min(edit.size) < 1:
        raise FixError(f"cannot be scaled to {edit.size} px")
    exact = exact and edit.format in {None, facts.format} and edit.box is None
    if edit.box is None:
        picture = decode(data, facts, edit.size, exact=exact)
    else:
        picture = cut(decode(data, facts, None), facts, edit.box)
    source = picture.size
    size = edit.size or source
    if size.width > source.width or size.height > source.height:
        raise FixError(f"has {source} px and would be enlarged to {size}")
    style = _style(data, picture, facts, edit)
    # a reader may have rotated the pixels itself, and GIF cannot store an orientation
    upright = edit.upright or picture.turn == 1 or style.format == "gif"
    renderer = Renderer(picture, upright=upright, webp=edit.webp)
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
    bound = ByteBound(len(data), same)
    if len(made.data) > len(data) and not edit.may_grow:
        made = otherwise(renderer, made, bound, keeps_format=edit.keeps_format)
    elif len(made.data) > len(data) and made.style.format == facts.format:
        made = no_larger(renderer, made, bound)
    elif len(made.data) > len(data) and _may_be_converted(made.style) and not edit.keeps_format:
        made = converted(renderer, made, bound)
    if edit.max_bytes is not None and len(made.data) > edit.max_bytes:
        made = fit(renderer, made, ByteBound(edit.max_bytes, floor))
    if len(made.data) > len(data) and not edit.may_grow:
        raise FixError(
            f"would grow from {figure(len(data))} to {figure(len(made.data))} bytes as {made.size} px"
            f" {made.style.format}; left as it is"
        )
    return made


def _may_be_converted(style: EncodingStyle) -> bool:
    """Whether an image may be written in another way without loss; a GIF was asked for as such."""
    return style.quality is None and style.format != "gif"


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
    if (
        form in {"jpeg", "gif"}
        and _cannot_hold(form, picture, facts, edit)
        and not (edit.keeps_format and form == facts.format)
    ):
        form = "png"
    if form == "jpeg":
        free = edit.permits & PLAN_LOSS == PLAN_LOSS
        lowest, highest = (LOWEST, HIGHEST) if free else (SAFE_LOWEST, SAFE_HIGHEST)
        if edit.box is not None:  # a part is small, and cut out for its details
            lowest = NEW_QUALITY
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
    area = picture.size.width * picture.size.height
    if pictures_in(facts) > 1:
        # an edit that does not permit it was refused before
        lost.append(Lost(NO_LOSS, f"first of {pictures_text(facts)}"))
    elif facts.format == "jpeg":
        if follows := has_more_pictures(data):
            lost.append(Lost(NO_LOSS, _ALONE))
        beside = (name for name in beside_picture(data) if not (follows and name == "gain map"))
        lost += [Lost(NO_LOSS, clause) for clause in _without(beside)]
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
