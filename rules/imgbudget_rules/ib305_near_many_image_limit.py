"""IB305 near-many-image-limit."""

from collections.abc import Iterator

from imgbudget.rule import (
    Context,
    FixSafety,
    Problem,
    Request,
    Resize,
    Severity,
    planned_size,
    request_rule,
)

NEAR = 15
"""Images from which the next few turns of a conversation pass the limit."""


@request_rule("IB305", "near-many-image-limit", severity=Severity.INFO, fix=FixSafety.SAFE, since="0.1")
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
    count, counted = len(request.images), "images"
    if ctx.limits.documents_count_as_images and request.documents:
        count, counted = count + len(request.documents), "images and documents"
    if not NEAR <= count <= few.value:
        return
    for use in request.images:
        size = use.visible_size
        if size is None or size.long_edge <= limit.value:
            continue
        planned = planned_size(size, ctx.limits.tier, int(limit.value))
        sees_more = ctx.limits.native_size(size).long_edge > limit.value
        yield Problem(
            message=f"long edge is {size.long_edge} px in a request of {count} {counted}; "
            f"{limit.owner} takes at most {limit.text} once there are more than {few.value}",
            help=f"resize to {planned} before the request holds more than {few.value} {counted}",
            measured=size.long_edge,
            limit=limit.value,
            unit=limit.unit,
            place=use.place,
            fix=Resize(planned),
            fix_safety=FixSafety.UNSAFE if sees_more else None,
        )
