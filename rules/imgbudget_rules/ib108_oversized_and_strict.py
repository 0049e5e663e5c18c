"""IB108 oversized-and-strict."""

from collections.abc import Iterator

from imgbudget.rule import Context, FixSafety, ImageUse, Level, Problem, Resize, Severity, rule
from imgbudget_rules.oversize import excess


@rule(
    "IB108",
    "oversized-and-strict",
    level=Level.IMAGE,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("patches_of_28",),
)
def oversized_and_strict(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image would be downscaled, and its block tells the API to reject it instead.

    ## Why it matters
    A block with `"transformations": {"oversized_image": "error"}` is never downscaled: coordinates stay
    those of the image that was sent. One that is too large costs the request: `image dimensions 1920x1080
    exceed the maximum image size of a model named on this request and would be downsized to 1456x819; scale
    the image to at most 1456x819 or set the image's oversized_image setting to "downsize"`.

    The API looks at every model that the request names, fallback models too; this rule at the first. Images
    by url or file id are checked by the API when it has fetched them, here they are not.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": [{"type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "<png 1920x1080>"},
        "transformations": {"oversized_image": "error"}}]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": [{"type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "<png 1456x819>"},
        "transformations": {"oversized_image": "error"}}]}]}
    ```

    Without the setting, or with `downsize`, the image is downscaled: that is IB201.
    ```json
    {"messages": [{"role": "user", "content": [{"type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "<png 1920x1080>"},
        "transformations": {"oversized_image": "downsize"}}]}]}
    ```

    ## Fix safety
    Safe: the API would have refused the request. The setting stays; the image is resized to fit.

    ## Source
    Vision-coordinates guide, 2026-09; types of the TypeScript SDK, 2026-08-19. Error text: the guide, and a
    refusal quoted on 2026-09-30.
    """
    if use.oversized != "error" or (over := excess(use, ctx.limits)) is None:
        return
    yield Problem(
        message=f"image is rejected for {ctx.limits.model}; the API answers `image dimensions {over.size} "
        "exceed the maximum image size of a model named on this request and would be downsized to "
        f"{over.seen}; scale the image to at most {over.seen} or set the image's oversized_image setting to "
        '"downsize"`',
        help=f"resize to {over.planned} before sending",
        measured=over.measured,
        limit=over.limit,
        unit=over.unit,
        fix=Resize(over.planned),
    )
