"""IB204 animated-image."""

from collections.abc import Iterator

from imgbudget.model.safety import pictures_text
from imgbudget.rule import (
    Context,
    FirstFrame,
    FixSafety,
    ImageUse,
    Level,
    ProbeField,
    Problem,
    Severity,
    rule,
)

_KEEP_ONE = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
"""Types that stay what they are with one picture; files of others become a file for each (IB104)."""


@rule(
    "IB204",
    "animated-image",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    fix=FixSafety.UNSAFE,
    since="0.1",
    needs=ProbeField.FRAMES,
)
def animated_image(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image is animated, and the model sees only its first frame.

    ## Why it matters
    All frames are uploaded, but only the first is used. The model does not see the rest of the animation and
    does not report that: the first frame of a screen recording is often empty.

    ## Reports
    <gif 640x480 frames=12>
    <webp 640x480 frames=2>

    ## Silent
    <gif 640x480>
    <webp 640x480 frames=1>

    If the provider rejects animations, it is IB104:
    <gif 640x480 frames=12> for gpt-4o

    ## Fix safety
    Unsafe: the model receives the same image, but the file loses its other frames. If they matter, send them
    as separate images.

    ## Source
    Vision guide, 2026-09: animations are not supported, only the first frame is used.
    """
    if use.facts is None or not use.facts.animated or use.facts.damage is not None:
        return
    frames, limits, media_type = use.facts.frames, ctx.limits, f"image/{use.facts.format}"
    is_accepted = media_type in limits.media_types or limits.is_messages_api
    if media_type in limits.still_types or not is_accepted:
        return
    consequence = (
        f"{limits.model} sees only the first one"
        if limits.is_messages_api
        else f"it is not published whether {limits.model} sees more than the first one"
    )
    pictures = pictures_text(use.facts)
    word = pictures.rpartition(" ")[2]
    kind = "animation" if word == "frames" else "file"
    keeps_one = media_type in _KEEP_ONE
    first = f"keep the first {word.removesuffix('s')}, or " if keeps_one else ""
    yield Problem(
        message=f"{kind} of {pictures}; {consequence}",
        help=f"{first}send the {word} that matter as separate images",
        measured=frames,
        limit=1,
        unit="frames",
        fix=FirstFrame() if keeps_one else None,
    )
