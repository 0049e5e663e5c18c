"""IB104 unsupported-format."""

from collections.abc import Iterator

from imgbudget.rule import Context, FixSafety, ImageUse, Problem, Recode, Severity, image_rule

_PHOTOGRAPHIC = "avif heic heif jp2"
_EXACT = "blp bmp cur dcx dds icns ico im msp pbm pcx pgm pixar ppm psd qoi sgi sun tga tiff xbm xpm"
TARGETS = {
    **dict.fromkeys(_PHOTOGRAPHIC.split(), "jpeg"),
    **dict.fromkeys(_EXACT.split(), "png"),
}
"""What a still picture that Pillow can decode is written as: formats of photos as JPEG, the others as PNG."""


@image_rule("IB104", "unsupported-format", severity=Severity.ERROR, fix=FixSafety.SAFE, since="0.1")
def unsupported_format(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image is in a format that the API does not take.

    ## Why it matters
    The API takes JPEG, PNG, GIF and WebP. Any other type is refused where it is declared: `Input should be
    'image/jpeg', 'image/png', 'image/gif' or 'image/webp'`; under another type's name the bytes are refused
    in place of it. Photos of phones (HEIC, AVIF) and scans (TIFF) are the usual cause.

    ## Reports
    <bmp 800x600>
    <heic 4032x3024>
    <svg>

    ## Silent
    <jpeg 800x600>
    <png 800x600>
    <gif 800x600>
    <webp 800x600>

    ## Fix safety
    Safe: the API would have refused the image. Photographic formats become JPEG, those that keep each pixel
    PNG; of several pages or frames the first one is kept. HEIC needs the extra `imgbudget[heif]`. Vector
    graphics, raw photos and formats that Pillow cannot decode have no fix.

    ## Source
    Vision guide, 2026-09; the types of the official SDKs, 2026-08. Error text: anthropics/claude-code#3073.
    """
    if use.facts is None or use.facts.format is None:
        return
    media_types = ctx.limits.media_types
    if f"image/{use.facts.format}" in media_types:
        return
    *names, last = (media_type.removeprefix("image/") for media_type in media_types)
    target = TARGETS.get(use.facts.format) if use.facts.damage is None else None
    yield Problem(
        message=f"format is {use.facts.format}; {ctx.limits.platform} takes {', '.join(names)} and {last}",
        help=f"convert to {target}" if target else "make a jpeg or png of it first",
        fix=Recode(format=target) if target else None,
    )
