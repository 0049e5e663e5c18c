"""IB104 unsupported-format."""

from collections.abc import Iterator

from imgbudget.rule import (
    Context,
    FirstFrame,
    FixSafety,
    ImageUse,
    Level,
    Limits,
    ProbeField,
    Problem,
    Recode,
    Severity,
    rule,
)

_PHOTOGRAPHIC = "avif heic heif jp2"
_EXACT = "blp bmp cur dcx dds icns ico im msp pbm pcx pgm pixar ppm psd qoi sgi sun tga tiff xbm xpm"
TARGETS = {
    **dict.fromkeys(_PHOTOGRAPHIC.split(), "jpeg"),
    **dict.fromkeys(_EXACT.split(), "png"),
}
"""What a still picture that Pillow can decode is written as: formats of photos as JPEG, the others as PNG."""

_TAKEN_BY_MOST = ("gif", "webp")
"""Formats that are written as PNG for a provider that does not take them."""


@rule(
    "IB104",
    "unsupported-format",
    level=Level.IMAGE,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    needs=ProbeField.FRAMES,
)
def unsupported_format(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image is in a format that the API does not take.

    ## Why it matters
    The API takes JPEG, PNG, GIF and WebP. Any other type is refused where it is declared: `Input should be
    'image/jpeg', 'image/png', 'image/gif' or 'image/webp'`; under another type's name the bytes are refused
    in place of it. Photos of phones (HEIC, AVIF) and scans (TIFF) are the usual cause.

    Other providers have lists of their own: Gemini takes HEIC and HEIF and no GIF, OpenAI takes GIF that is
    not animated.

    ## Reports
    <bmp 800x600>
    <heic 4032x3024>
    <svg>
    <gif 800x600> for gemini-2.5-flash
    <gif 800x600 frames=12> for gpt-4o

    ## Silent
    <jpeg 800x600>
    <png 800x600>
    <gif 800x600>
    <webp 800x600>
    <heic 4032x3024> for gemini-2.5-flash
    <gif 800x600> for gpt-4o

    ## Fix safety
    Safe: the API would have refused the image. Photographic formats become JPEG, those that keep each pixel
    PNG; of several pages or frames the first one is kept. HEIC needs the extra `imgbudget[heif]`. Vector
    graphics, raw photos and formats that Pillow cannot decode have no fix.

    ## Source
    Vision guide, 2026-09; the types of the official SDKs, 2026-08. Error text: anthropics/claude-code#3073.
    """
    if use.facts is None or use.facts.format is None:
        return
    limits, own = ctx.limits, f"image/{use.facts.format}"
    media_types, sound = limits.media_types, use.facts.damage is None
    if own in media_types:
        if limits.still_types and own in limits.still_types and use.facts.animated and sound:
            yield _animation(use.facts.frames, use.facts.format, limits)
        return
    *names, last = (media_type.removeprefix("image/") for media_type in media_types)
    target = _target(use.facts.format, media_types) if sound else None
    yield Problem(
        message=f"format is {use.facts.format}; {ctx.limits.platform} takes {', '.join(names)} and {last}",
        help=f"convert to {target}" if target else "make a jpeg or png of it first",
        fix=Recode(format=target) if target else None,
    )


def _animation(frames: int | None, form: str, limits: Limits) -> Problem:
    return Problem(
        message=f"animation of {frames} frames; {limits.platform} takes {form} that is not animated",
        help="keep the first frame, or send the frames that matter as images of their own",
        measured=frames,
        limit=1,
        unit="frames",
        fix=FirstFrame(),
    )


def _target(form: str, media_types: tuple[str, ...]) -> str | None:
    """The format to write instead, among those that are taken; None where Pillow cannot decode it."""
    target = "png" if form in _TAKEN_BY_MOST else TARGETS.get(form)
    return target if target is None or f"image/{target}" in media_types else None
