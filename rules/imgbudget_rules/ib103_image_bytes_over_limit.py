"""IB103 image-bytes-over-limit."""

from collections.abc import Iterator

from imgbudget.limits.values import figure, precise, readings
from imgbudget.rule import Context, FixSafety, ImageUse, Level, Problem, Recode, Severity, rule


@rule(
    "IB103",
    "image-bytes-over-limit",
    level=Level.IMAGE,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("image_base64_bytes",),
)
def image_bytes_over_limit(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The base64 text of the image is longer than the platform accepts.

    ## Why it matters
    The limit applies to the encoded text, which is a third longer than the file: 10 MB allow a file of at
    most 7,864,320 bytes, the 5 MB of Bedrock and Google Cloud 3,932,160 bytes. The API answers `image
    exceeds 10 MB maximum: 12504100 bytes > 10485760 bytes`, before it downscales anything. For a file on
    disk the length of its base64 text is computed.

    Where it is not known whether the file or its base64 text is meant, or sources contradict each other, an
    image over the strictest reading is a warning and one over the most generous an error: Azure OpenAI
    (20 MB), Vertex (7 MB of inline data) and xAI (10 or 20 MB).

    With `--client` the limit of the agent counts too: Claude Code 2.1.332 leaves out a file over 262,144
    bytes that a prompt names with @, without an error. Its fix is unsafe, as the same file can be pasted or
    read without a loss.

    ## Reports
    <jpeg 1200x900 bytes=7864321>
    <jpeg 1200x900 bytes=3932161> on bedrock
    <jpeg 1200x900 bytes=6000000> for gemini-2.5-flash on vertex

    ## Silent
    <jpeg 1200x900 bytes=7864320>
    <jpeg 1200x900 bytes=3932160> on bedrock

    ## Fix safety
    Safe: the API would have rejected the image. It is downscaled to what the model uses, then encoded at
    a lower quality, only as low as the limit requires.

    ## Source
    Vision guide, 2026-09: 10 MB, on Bedrock and Google Cloud 5 MB, base64-encoded. That the text is measured
    and that 1 MB is 2^20 bytes: error texts in Gajae-Code#934, 2026-06, can1357/oh-my-pi#10633, 2026-09.
    Whether line breaks in the text count is not known; they are counted. Others: see `imgbudget limits`.
    """
    if use.left_out is not None:
        client, byte_size, most_read = use.left_out
        yield Problem(
            message=f"file is {figure(byte_size)} bytes; {client} leaves out an image over "
            f"{figure(most_read)} bytes that the prompt names with @, without an error",
            help=f"resize or encode it within {figure(most_read)} bytes, or paste it or have it read instead",
            measured=byte_size,
            limit=most_read,
            unit="bytes",
            fix=Recode(max_bytes=most_read),
            fix_safety=FixSafety.UNSAFE,
        )
    limit, least, length = ctx.limits.image_base64_bytes, ctx.limits.least_image_bytes, use.base64_size
    most = ctx.limits.image_raw_bytes
    if limit is None or least is None or most is None or length is None:
        return
    if length <= least.value:
        return
    over = length > limit.value
    exceeded = limit if over else least
    is_image = use.facts is not None and use.facts.format is not None
    if not is_image and not use.in_request:  # a file that is not an image is never sent as one
        return
    at_most = f"{precise(limit)} an image" if over else f"{readings(limit, least)} an image"
    yield Problem(
        message=f"base64 text is {figure(length)} bytes; {ctx.limits.platform} takes at most {at_most}",
        help=f"resize or encode the image so that the file has at most {figure(most)} bytes",
        measured=length,
        limit=exceeded.value,
        unit=exceeded.unit,
        severity=None if over else Severity.WARNING,
        fix=Recode(max_bytes=most) if use.facts and is_image and use.facts.damage is None else None,
    )
