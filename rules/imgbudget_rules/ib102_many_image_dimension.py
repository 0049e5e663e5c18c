"""IB102 many-image-dimension."""

from collections.abc import Iterator

from imgbudget.rule import Context, FixSafety, Level, Problem, Request, Resize, Severity, rule
from imgbudget_rules.many_images import count_media, large_images


@rule(
    "IB102",
    "many-image-dimension",
    level=Level.REQUEST,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("many_image_count", "many_image_edge"),
    traits=("images",),
)
def many_image_dimension(request: Request, ctx: Context) -> Iterator[Problem]:
    """An image is too large for a request with this many images.

    ## Why it matters
    In a request of more than 20 images, no edge may be longer than 2000 px, or the whole request is
    rejected: `At least one of the image dimensions exceed max allowed size for many-image requests: 2000
    pixels`. Images of earlier turns and of tool results count, so a conversation can fail midway. Bedrock
    and Google Cloud count document blocks too.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600> * 20", "<png 2001x600>"]}]}
    ```
    ```json
    {"platform": "bedrock", "messages": [{"role": "user", "content":
        ["<pdf 1>", "<png 800x600> * 19", "<png 2001x600>"]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600> * 19", "<png 2001x600>"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 2000x600> * 21"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<pdf 1>", "<png 800x600> * 19", "<png 2001x600>"]}]}
    ```

    ## Fix safety
    Safe: the API would have rejected the request. On a model of the high-resolution tier the image loses
    pixels that the model would use in a request of at most 20 images.

    ## Source
    Vision guide, 2026-09: more than 20 images, 2000 px. Error text: anthropics/claude-code#2664, #24630;
    earendil-works/pi#7337, 2026-07.
    """
    few, limit = ctx.limits.many_image_count, ctx.limits.many_image_edge
    if few is None or limit is None or not request.images:
        return
    media = count_media(request, ctx.limits)
    if media.number <= few.value:
        return
    for large in large_images(request, ctx, limit.value):
        yield Problem(
            message=large.message(media, ctx.limits.platform, few, limit),
            help=f"resize to {large.planned}, or send at most {few.value} {media.noun} in a request",
            measured=large.size.long_edge,
            limit=limit.value,
            unit=limit.unit,
            location=large.use.location,
            fix=Resize(large.planned),
        )
