"""IB108 oversized-and-strict."""

from collections.abc import Iterator

from imgbudget.rule import Context, FixSafety, ImageUse, Level, Problem, Resize, Severity, rule
from imgbudget_rules.oversize import oversize_of


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
    """The image is too large for the model, and its block tells the API to reject such an image.

    ## Why it matters
    A block with `"transformations": {"oversized_image": "error"}` is never downscaled, so coordinates
    refer to the image that was sent. If it is too large, the request is rejected: `image dimensions 1920x1080
    exceed the maximum image size of a model named on this request and would be downsized to 1456x819; scale
    the image to at most 1456x819 or set the image's oversized_image setting to "downsize"`.

    The API checks every model that the request names, including fallback models; this rule checks only the
    first. Images by url or file id are checked by the API once it has fetched them, but not by this rule.

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
    Safe: the API would have rejected the request. The setting stays; the image is resized to fit.

    ## Source
    Vision-coordinates guide, 2026-09; types of the TypeScript SDK, 2026-08-19. Error text: the guide, and an
    error quoted on 2026-09-30.
    """
    if use.oversized != "error" or (over := oversize_of(use, ctx.limits)) is None:
        return
    yield Problem(
        message=f"image is rejected for {ctx.limits.model}; the API answers `image dimensions {over.size} "
        "exceed the maximum image size of a model named on this request and would be downsized to "
        f"{over.downscaled}; scale the image to at most {over.downscaled} or set the image's "
        'oversized_image setting to "downsize"`',
        help=f"resize to {over.planned} before sending",
        measured=over.measured,
        limit=over.limit,
        unit=over.unit,
        fix=Resize(over.planned),
    )
