"""IB401 payload-over-limit."""

from collections.abc import Iterator

from imgbudget.limits.values import figure, precise, readings
from imgbudget.rule import Context, FixSafety, Level, Problem, Request, Severity, ShrinkRequest, rule


@rule(
    "IB401",
    "payload-over-limit",
    level=Level.REQUEST,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("request_bytes",),
)
def payload_over_limit(request: Request, ctx: Context) -> Iterator[Problem]:
    """The body of the request is larger than the platform accepts.

    ## Why it matters
    The API answers with a 413, `Request exceeds the maximum size`, before it reads the content. Base64 makes
    images a third larger, and a conversation sends all of them again with each turn.

    How certain this is: neither documents nor errors say whether 32 MB are 32,000,000 or 33,554,432 bytes. A
    body over the larger number is an error, one between the two a warning; likewise for 20 MB on Bedrock and
    30 MB on Google Cloud. For Bedrock's InvokeModel another source has 25,000,000 bytes; the stricter is
    taken. Alibaba's service takes less in chat completions (6 MB) than in its responses API (10 MB).

    ## Reports
    ```json
    {"bytes": 33554433, "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```
    ```json
    {"bytes": 32000001, "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```
    ```json
    {"bytes": 20971521, "platform": "bedrock", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```

    ## Silent
    ```json
    {"bytes": 32000000, "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```

    ## Fix safety
    Safe: the API would have rejected the request. The largest images are shrunk first, until the body is
    within the smaller of the two numbers. A body without images has no fix.

    ## Source
    API errors page, 2026-06: 32 MB. AWS, InvokeModel: 20 MB; botocore 1.44.8: 25,000,000
    bytes. Claude on Google Cloud, 2026-10: 30 MB.
    """
    limit, doubt = ctx.limits.request_bytes, ctx.limits.least_request_bytes
    size = request.byte_size
    if limit is None or doubt is None or size <= min(limit.value, doubt.value):
        return
    over = size > limit.value
    exceeded = limit if over else doubt
    at_most = precise(limit) if over else readings(limit, doubt)
    message = f"body is {figure(size)} bytes; {ctx.limits.platform} takes at most {at_most}"
    by_id = ", send repeated images by file id" if "file" in ctx.limits.source_types else ""
    has_images = any(use.base64_size for use in request.images)
    yield Problem(
        message=message,
        help=f"shrink its images{by_id}, or split the request",
        measured=size,
        limit=exceeded.value,
        unit=exceeded.unit,
        severity=None if over else Severity.WARNING,
        fix=ShrinkRequest(min(limit.value, doubt.value)) if has_images else None,
    )
