"""IB303 exif-rotation."""

from collections.abc import Iterator

from imgbudget.rule import (
    BakeOrientation,
    Context,
    FixSafety,
    ImageUse,
    Level,
    ProbeField,
    Problem,
    Severity,
    rule,
)

STORED = {
    2: "mirrored",
    3: "upside down",
    4: "upside down and mirrored",
    5: "on their side and mirrored",
    6: "on their side",
    7: "on their side and mirrored",
    8: "on their side",
}
"""How the pixels are stored, by EXIF orientation (EXIF 2.32, tag 0x0112)."""

_TURNED_BY_PROPERTIES = ("avif", "heic", "heif")
"""Formats whose properties irot and imir turn the picture (ISO/IEC 23008-12); their EXIF does not."""


@rule(
    "IB303",
    "exif-rotation",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    fix=FixSafety.SAFE,
    since="0.1",
    needs=ProbeField.ORIENTATION,
)
def exif_rotation(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The pixels are stored rotated or mirrored; only the EXIF orientation says how to display them.

    ## Why it matters
    Viewers rotate the image, so the problem stays unnoticed. The coordinates guide says that the server
    corrects the orientation, but in two reports of 2026 photos reached the model unrotated, and metadata is
    not passed on to it. The model reads sideways text badly, and it is unclear which of the two images its
    coordinates refer to. Rotated pixels look the same everywhere.

    ## Reports
    <jpeg 1200x900 orientation=6>
    <jpeg 1200x900 orientation=2>

    ## Silent
    <jpeg 1200x900>
    <jpeg 1200x900 orientation=1>

    ## Fix safety
    Safe where the pixels can be rotated without a loss, as in PNG and TIFF, and in images that another fix
    resizes: they become what viewers show, and the tag is dropped. JPEG files are rotated block by block if
    the program `jpegtran` is installed, their edges are multiples of their blocks (8 or 16 px), and they have
    no gain map, depth map or signature; the finding says what is missing. Otherwise the fix is unsafe, as in
    other lossy formats, which would be encoded once more.

    An orientation in XMP alone (tiff:Orientation, in all formats) counts for Pillow, but not for
    browsers, libvips, ImageMagick, OpenCV and FFmpeg. Its fix is unsafe, because it turns what most programs
    show, and no safe fix is made for such an image: it would remove the orientation. The number of tokens
    stays the same, because the resize rule treats width and height alike.

    ## Source
    Vision-coordinates guide, 2026-09; against it anthropics/claude-code#22598, 2026-02, and
    juspay/neurolink#1739, 2026-09.
    """
    if use.facts is None or use.facts.damage is not None or use.facts.orientation not in STORED:
        return
    orientation = use.facts.orientation
    if use.facts.in_xmp:
        yield Problem(
            message=f"XMP orientation is {orientation}, and EXIF has none: hardly any program but Pillow "
            f"turns such pixels, so it is unclear which way {ctx.limits.model} sees them",
            help="look at the image: rotate its pixels, or remove tiff:Orientation from its XMP",
            measured=orientation,
            limit=1,
            unit="orientation",
            fix=BakeOrientation(),
            fix_safety=FixSafety.UNSAFE,
        )
        return
    by_properties = use.facts.format in _TURNED_BY_PROPERTIES
    name = "orientation by irot and imir" if by_properties else "EXIF orientation"
    yield Problem(
        message=f"{name} is {orientation}: the pixels are stored {STORED[orientation]}, "
        f"and {ctx.limits.model} may see them that way",
        help="rotate the pixels and drop the tag before sending",
        measured=orientation,
        limit=1,
        unit="orientation",
        fix=BakeOrientation(),
    )
