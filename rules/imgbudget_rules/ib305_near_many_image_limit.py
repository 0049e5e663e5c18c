"""IB305 near-many-image-limit."""

from collections.abc import Iterator

from imgbudget.rule import Context, FixSafety, Level, Problem, Request, Resize, Severity, rule
from imgbudget_rules.many_images import count_media, large_images

NEAR = 15
"""Number of images from which a few more turns of a conversation exceed the limit."""


@rule(
    "IB305",
    "near-many-image-limit",
    level=Level.REQUEST,
    severity=Severity.INFO,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("many_image_count", "many_image_edge"),
    traits=("images",),
)
def near_many_image_limit(request: Request, ctx: Context) -> Iterator[Problem]:
    """After a few more images this one will be too large for the request.

    ## Why it matters
    In a request of up to 20 images, edges may have up to 8000 px. With the 21st image every edge is limited
    to 2000 px, also in earlier turns, or the request is rejected (IB102). From 15 images on, a conversation
    is a few turns away from that, and the image that fails may be one of the first.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600> * 14", "<png 2001x600>"]}]}
    ```
    ```json
    {"platform": "bedrock", "messages": [{"role": "user", "content":
        ["<pdf 1>", "<png 800x600> * 13", "<png 2001x600>"]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600> * 13", "<png 2001x600>"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600> * 14", "<png 2000x600>"]}]}
    ```

    From the 21st image on it is IB102:
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600> * 20", "<png 2001x600>"]}]}
    ```

    ## Fix safety
    Safe if the API would downscale the image to 2000 px or less anyway, as for every model of the standard
    tier. Unsafe if the model uses more: the fix removes pixels that it would use while there are at most 20
    images.

    ## Source
    Vision guide, 2026-09: more than 20 images, 2000 px. The number from which on it is reported
    (15) is imgbudget's own choice.
    """
    few, limit = ctx.limits.many_image_count, ctx.limits.many_image_edge
    if few is None or limit is None or not request.images:
        return
    media = count_media(request, ctx.limits)
    if not NEAR <= media.number <= few.value:
        return
    for large in large_images(request, ctx, limit.value):
        uses_more = ctx.limits_of(large.use).native_size(large.size).long_edge > limit.value
        yield Problem(
            message=large.message(media, ctx.limits.platform, few, limit),
            help=f"resize to {large.planned} before the request has more than {few.value} {media.noun}",
            measured=large.size.long_edge,
            limit=limit.value,
            unit=limit.unit,
            location=large.use.location,
            fix=Resize(large.planned),
            fix_safety=FixSafety.UNSAFE if uses_more else None,
        )
