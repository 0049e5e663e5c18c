"""What a fix takes from a picture: predicted from its facts, and found in what was made.

A fix is safe if the model receives what it would have received anyway, or the API would have refused the
image, and nothing else is lost that the owner of the picture could miss.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Flag, auto

from imgbudget.limits.values import figure
from imgbudget.model.fixes import BakeOrientation, DropEntry, FirstFrame, Fix, Recode, Resize, StripMetadata
from imgbudget.model.subjects import Finding, FixSafety, ImageFacts, Severity
from imgbudget.namedtuples import NamedTuple


class Loss(Flag):
    """What an edit of an image can take from it, beyond the pixels that a resize drops."""

    PICTURES = auto()
    """Pages, frames, or the second picture of a stereo camera."""
    ALPHA = auto()
    """Transparency."""
    DEPTH = auto()
    """Bits of samples of more than 8 bits."""
    COLOURS = auto()
    """Exact colours, because a palette holds too few."""
    GENERATION = auto()
    """Exact pixels, because a lossy format is encoded once more without need."""
    ORIENTATION = auto()
    """An orientation that is in XMP only, which few readers obey."""


NO_LOSS = Loss(0)
ANY_LOSS = Loss.PICTURES | Loss.ALPHA | Loss.DEPTH | Loss.COLOURS | Loss.GENERATION | Loss.ORIENTATION
PLAN_LOSS = Loss.DEPTH | Loss.COLOURS | Loss.GENERATION
"""What a size or a number of bytes that the user asks for may cost; pages and transparency stay."""


class Lost(NamedTuple):
    """A loss that was found in an edited image, in a clause."""

    kind: Loss
    clause: str


LOSSY = frozenset({"jpeg", "webp", "avif", "heic", "heif", "jp2"})
"""Formats whose pixels change each time they are encoded; WebP and JPEG 2000 unless they are lossless."""

_EXACT = "blp bmp cur dcx dds icns ico im msp pbm pcx pgm pixar ppm psd qoi sgi sun tga tiff xbm xpm"
CONVERSIONS: Mapping[str, str] = {
    **dict.fromkeys(("avif", "heic", "heif", "jp2"), "jpeg"),
    **dict.fromkeys((*_EXACT.split(), "gif", "webp"), "png"),
}
"""The format that an image is converted to if its own is not accepted: JPEG for formats of photos, PNG for
all others. Formats that are missing cannot be decoded, except JPEG and PNG, which every API accepts."""

_DECODABLE = frozenset({*CONVERSIONS, "jpeg", "png"})

_ONE_PICTURE = frozenset({"psd"})
"""Formats whose frames are layers of one picture, which the file also contains flattened."""

_WHOLE_IMAGE = (Resize, Recode, BakeOrientation, FirstFrame)


def pictures_in(facts: ImageFacts) -> int:
    """The pages, frames or pictures of a file that a conversion to one image would lose but for the first."""
    return 1 if facts.format in _ONE_PICTURE else facts.frames


def pictures_text(facts: ImageFacts) -> str:
    """How many pictures a file has, in the word of its format: 5 pages, 2 pictures, 12 frames."""
    count = pictures_in(facts)
    word = {"tiff": "page", "jpeg": "picture", "heic": "picture", "heif": "picture"}.get(
        facts.format or "", "frame"
    )
    return f"{figure(count)} {word}{'s' * (count != 1)}"


def predicted_loss(fix: Fix, facts: ImageFacts) -> Loss:
    """What a fix will take from an image with these facts, as far as they say."""
    loss = NO_LOSS
    if pictures_in(facts) > 1 and (
        isinstance(fix, _WHOLE_IMAGE) or (isinstance(fix, StripMetadata) and facts.format != "jpeg")
    ):
        loss |= Loss.PICTURES
    if facts.in_xmp and isinstance(fix, (*_WHOLE_IMAGE, StripMetadata)):
        loss |= Loss.ORIENTATION
    # blocks of a JPEG file that can be turned need not be encoded once more
    if isinstance(fix, BakeOrientation) and facts.format in LOSSY and facts.unturnable != "":
        loss |= Loss.GENERATION
    return loss


def with_safety(finding: Finding, facts: ImageFacts | None, turner: Callable[[], str | None]) -> Finding:
    """The finding with its fix marked as unsafe if the fix loses anything of this image.

    A fix of pixels that cannot be decoded is dropped. `turner` finds the program that turns JPEG files
    without loss, None if it is not installed; it is called only if that matters. Every safety that a rule
    declares passes through here.
    """
    if finding.fix is None or facts is None:
        return finding
    if isinstance(finding.fix, _WHOLE_IMAGE) and facts.format not in _DECODABLE:
        return finding._replace(fix=None, fix_safety=None)
    if finding.fix_safety is FixSafety.SAFE:
        turned = isinstance(finding.fix, BakeOrientation) and facts.format == "jpeg"
        if predicted_loss(finding.fix, facts):
            why = f"turning it without loss is not possible: {facts.unturnable}" if facts.unturnable else ""
            if facts.in_xmp:
                turned, why = True, IN_XMP
        elif turned and turner() is None:
            why = NO_TURNER
        else:
            return finding
        told = "; ".join(filter(None, (finding.help, why if turned else "")))
        return finding._replace(fix_safety=FixSafety.UNSAFE, help=told or None)
    return finding


NO_TURNER = "turning it without loss needs the program jpegtran, which is not installed"
"""Why a JPEG file is not turned, in a clause."""


IN_XMP = "its orientation is in XMP only, which the result would not have"
"""Why an image is not edited, in a clause."""


def needed_level(finding: Finding) -> Severity | None:
    """The `--fix-level` that the fix of a finding needs; None if it is made by default.

    In requests and sessions only errors are fixed by default: their images are sent again and cached, and a
    sound image is not worth another encoding.
    """
    in_request = finding.location.keys is not None and not isinstance(finding.fix, DropEntry)
    if finding.fix is None or finding.severity is Severity.ERROR or not in_request:
        return None
    return finding.severity


def made_by_default(finding: Finding) -> bool:
    """Whether `--fix` alone makes the fix of a finding."""
    return finding.fix is not None and finding.fix_safety is FixSafety.SAFE and needed_level(finding) is None


def permitted_loss(fixes: Iterable[Fix], *, unsafe: bool) -> Loss:
    """What these fixes of one image, merged, may lose.

    A lossy encoding is no loss in a resize to the size that the API would make, or to a limit that refuses
    the image: its pixels change anyway.
    """
    if unsafe:
        return ANY_LOSS
    changes_pixels = any(isinstance(fix, Resize | Recode) for fix in fixes)
    return Loss.GENERATION if changes_pixels else NO_LOSS
