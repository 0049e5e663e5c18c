"""IB605 over-bytes-budget."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import (
    Context,
    FixSafety,
    ImageUse,
    Level,
    Problem,
    Recode,
    Request,
    Severity,
    ShrinkRequest,
    rule,
)


@rule(
    "IB605",
    "over-bytes-budget",
    level=Level.IMAGE,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    budgets=("image.bytes", "request.bytes"),
    also=Level.REQUEST,
)
def over_bytes_budget(subject: ImageUse | Request, ctx: Context) -> Iterator[Problem]:
    """The image or the body of the request has more bytes than your budget for one.

    ## Why it matters
    Every byte has to be uploaded, in a conversation again with each turn. For an image the length of its
    file or decoded payload is checked (as base64 it is a third longer), for a request the whole body. The
    rule runs if `budgets.image.bytes` or `budgets.request.bytes` is set.

    ## Reports
    <jpeg 1092x1092 bytes=500001> within image.bytes=500000
    ```json
    {"budgets": {"request": {"bytes": 20971520}}, "bytes": 20971521,
        "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```

    ## Silent
    <jpeg 1092x1092 bytes=500000> within image.bytes=500000
    <jpeg 1092x1092 bytes=900000>
    ```json
    {"budgets": {"request": {"bytes": 20971520}}, "bytes": 20971520,
        "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```

    ## Fix safety
    Safe, because you set the budget: an image is encoded again, first at a lower quality and then at a
    smaller size, until it is within the budget; in a request the largest images come first. A request
    without images in its body has no fix.

    ## Source
    Your configuration.
    """
    if isinstance(subject, Request):
        yield from _request(subject, ctx.budgets.request.bytes)
    elif subject.facts is not None:
        yield from _image(subject, subject.facts.byte_size, ctx.budgets.image.bytes)


def _image(use: ImageUse, size: int, most: int | None) -> Iterator[Problem]:
    if most is None or size <= most:
        return
    yield Problem(
        message=f"image has {figure(size)} bytes; your budget for an image is {figure(most)}",
        help="encode it again or resize it, or raise budgets.image.bytes",
        measured=size,
        limit=most,
        unit="bytes",
        fix=Recode(max_bytes=most) if use.visible_size else None,
    )


def _request(request: Request, most: int | None) -> Iterator[Problem]:
    size = request.byte_size
    if most is None or size <= most:
        return
    has_images = any(use.base64_size for use in request.images)
    yield Problem(
        message=f"body is {figure(size)} bytes; your budget for a request is {figure(most)}",
        help="shrink its images, split the request, or raise budgets.request.bytes",
        measured=size,
        limit=most,
        unit="bytes",
        fix=ShrinkRequest(most) if has_images else None,
    )
