"""IB305 near-many-image-limit."""

from collections.abc import Iterator

from imgbudget.rule import Context, FixSafety, Level, Problem, Request, Resize, Severity, rule
from imgbudget_rules.crowds import crowd_of, large_images

NEAR = 15
"""Images from which the next few turns of a conversation pass the limit."""


@rule(
    "IB305",
    "near-many-image-limit",
    level=Level.REQUEST,
    severity=Severity.INFO,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("many_image_count", "many_image_edge"),
)
def near_many_image_limit(request: Request, ctx: Context) -> Iterator[Problem]:
    """A few more images, and this one is too large for the request.

    ## Why it matters
    Up to 20 images may have edges of up to 8000 px. With the 21st every image of the request, those of
    earlier turns too, has to be within 2000 px, or the request is refused (IB102). From 15 images on, the
    next turns of a conversation get there, and the image that breaks it may be one of the first.

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
    Safe where the API would scale the image to 2000 px or less anyway, as for every model of the standard
    tier. Unsafe where the model looks at more: there the fix takes pixels away that it would see as long as
    there are no more than 20 images.

    ## Source
    Vision guide, 2026-09: more than 20 images, 2000 px. The number from which it is reported (15) is
    imgbudget's own choice.
    """
    few, limit = ctx.limits.many_image_count, ctx.limits.many_image_edge
    crowd = crowd_of(request, ctx.limits)
    if few is None or limit is None or not NEAR <= crowd.size <= few.value:
        return
    for large in large_images(request, ctx, limit.value):
        sees_more = ctx.limits_of(large.use).native_size(large.size).long_edge > limit.value
        yield Problem(
            message=large.message(crowd, few, limit),
            help=f"resize to {large.planned} before the request holds more than {few.value} {crowd.counted}",
            measured=large.size.long_edge,
            limit=limit.value,
            unit=limit.unit,
            location=large.use.location,
            fix=Resize(large.planned),
            fix_safety=FixSafety.UNSAFE if sees_more else None,
        )
