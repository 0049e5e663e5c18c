"""IB204 animated-image."""

from collections.abc import Iterator

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
    All frames are uploaded and one is used. The model does not see what happens later in the animation, and
    does not say so: the first frame of a screen recording is often empty.

    ## Reports
    <gif 640x480 frames=12>
    <webp 640x480 frames=2>

    ## Silent
    <gif 640x480>
    <webp 640x480 frames=1>

    Where the provider refuses an animation it is IB104:
    <gif 640x480 frames=12> for gpt-4o

    ## Fix safety
    Unsafe: the model receives the same picture, but the file loses its other frames. Where they matter, send
    the frames that show it as images of their own.

    ## Source
    Vision guide, 2026-09: animations are not supported, only the first frame is used.
    """
    if use.facts is None or not use.facts.animated or use.facts.damage is not None:
        return
    frames, limits, own = use.facts.frames, ctx.limits, f"image/{use.facts.format}"
    if own in limits.still_types or (own not in limits.media_types and not limits.uses_claude_patches):
        return
    seen = (
        f"{limits.model} sees only the first one"
        if limits.uses_claude_patches
        else f"it is not published whether {limits.model} sees more than the first one"
    )
    yield Problem(
        message=f"animation of {frames} frames; {seen}",
        help="keep the first frame, or send the frames that matter as images of their own",
        measured=frames,
        limit=1,
        unit="frames",
        fix=FirstFrame(),
    )
