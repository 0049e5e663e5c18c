"""IB104 unsupported-format."""

from collections.abc import Iterator

from imgbudget.rule import (
    CONVERSIONS,
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
    """The image is in a format that the API does not accept.

    ## Why it matters
    The API accepts JPEG, PNG, GIF and WebP. It rejects any other declared type: `Input should be
    'image/jpeg', 'image/png', 'image/gif' or 'image/webp'`. If an accepted type is declared, it rejects the
    bytes instead. Photos from phones (HEIC, AVIF) and scans (TIFF) are the usual cause.

    Other providers accept other formats: Gemini takes HEIC and HEIF but not GIF, OpenAI takes GIF only if it
    is not animated. JPEG of other codings than baseline and progressive (lossless, arithmetic, hierarchical)
    is an error too: hardly any decoder reads it. OpenAI's fine-tuning takes JPEG, PNG and WebP, in RGB or
    RGBA: no greyscale, palettes or CMYK.

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
    Safe: the API would have rejected the image. Photographic formats become JPEG, or PNG if they have
    transparency; lossless ones become PNG, and grey of 16 bits stays. Unsafe for files of several pages,
    frames or pictures, each of which becomes a file (`scan-p1.png`, `scan-p2.png`); of an animated GIF or
    WebP only the first frame is kept, and in a request a file of several pages stays. Unsafe also for colours
    of more than 8 bits, which imgbudget does not write. HEIC needs the extra `imgbudget[heif]`. Vector
    graphics, raw photos, formats that Pillow cannot decode and other modes than RGB have no fix.

    ## Source
    Vision guide, 2026-09; the types of the official SDKs, 2026-08. Error text: anthropics/claude-code#3073.
    OpenAI vision fine-tuning guide, 2026-11, for the modes.
    """
    if use.facts is None or use.facts.format is None:
        return
    limits, media_type = ctx.limits, f"image/{use.facts.format}"
    media_types, intact = limits.media_types, use.facts.damage is None
    if media_type in media_types:
        if use.facts.variant and intact:
            yield _variant(use.facts.variant, limits)
            return
        if limits.still_types and media_type in limits.still_types and use.facts.animated and intact:
            yield _animation(use.facts.frames, use.facts.format, limits)
        if use.colour_mode and limits.colour_modes and use.colour_mode not in limits.colour_modes:
            yield Problem(
                message=f"{use.facts.format} is {use.colour_mode}; {limits.api} accepts only "
                f"{' and '.join(limits.colour_modes)}",
                help="convert the image to RGB",
            )
        return
    *names, last = (name.removeprefix("image/") for name in media_types)
    target = _target(use.facts.format, media_types) if intact else None
    if use.facts.format == "gif" and limits.colour_modes:  # it would keep its palette
        target = None
    yield Problem(
        message=f"format is {use.facts.format}; {limits.api} accepts only {', '.join(names)} and {last}",
        help=f"convert to {target}" if target else "convert to jpeg or png first",
        fix=Recode(format=target) if target else None,
    )


def _variant(variant: str, limits: Limits) -> Problem:
    decodes = variant.startswith(_DECODED) and "image/png" in limits.media_types
    return Problem(
        message=f"format is {variant}; {limits.api} may refuse it, because most decoders read only baseline "
        "and progressive JPEG of 8 bits",
        help="convert to png" if decodes else "convert to baseline JPEG or PNG with the program that made it",
        fix=Recode(format="png") if decodes else None,
    )


_DECODED = ("lossless JPEG", "arithmetic-coded JPEG")
"""The variants of JPEG that Pillow decodes: the first by libjpeg-turbo 3, the second from a single block."""


def _animation(frames: int | None, form: str, limits: Limits) -> Problem:
    return Problem(
        message=f"animation of {frames} frames; {limits.api} rejects animated {form}",
        help="keep the first frame, or send the frames that matter as separate images",
        measured=frames,
        limit=1,
        unit="frames",
        fix=FirstFrame(),
    )


def _target(form: str, media_types: tuple[str, ...]) -> str | None:
    """The accepted format to convert to; None if Pillow cannot decode the image."""
    target = CONVERSIONS.get(form)
    return target if target is None or f"image/{target}" in media_types else None
