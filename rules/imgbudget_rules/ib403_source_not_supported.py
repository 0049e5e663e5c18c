"""IB403 source-not-supported."""

from collections.abc import Iterator

from imgbudget.rule import Context, DocumentUse, ImageUse, Level, Origin, Problem, Request, Severity, rule

S3 = "s3"
"""The source type of an s3Location (AWS, Converse ImageSource)."""

DOCUMENT_ONLY = ("text", "content")
"""Source types that documents have in addition to those of images (SDK types, 2026-08)."""


@rule("IB403", "source-not-supported", level=Level.REQUEST, severity=Severity.ERROR, since="0.1")
def source_not_supported(request: Request, ctx: Context) -> Iterator[Problem]:
    """An image or document has a source type that the platform does not accept.

    ## Why it matters
    Bedrock and Google Cloud accept only base64: with a url or a file id, as the Claude API accepts them, the
    whole request is rejected there. A source type that no platform knows is rejected everywhere.

    An `s3Location` in a body of Bedrock Converse depends on the model: Nova reads images from S3, Claude does
    not. Models of which neither is known are not reported.

    ## Reports
    ```json
    {"platform": "bedrock", "messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]}]}
    ```
    ```json
    {"platform": "google-cloud", "messages": [{"role": "user", "content": [
        {"type": "document", "source": {"type": "file", "file_id": "file_01"}}]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "path", "path": "a.png"}}]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "image", "source": {"type": "file", "file_id": "file_01"}}]}]}
    ```
    ```json
    {"platform": "bedrock", "messages": [{"role": "user", "content": ["<png 800x600>", "<pdf 3>",
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "notes"}}]}]}
    ```


    ## Fix safety
    There is no fix: imgbudget downloads nothing. Download the image and send its bytes.

    ## Source
    Vision guide, 2026-09; SDK types, 2026-08. s3Location: ImageSource in botocore 1.44.8; Amazon Nova image
    understanding page. Bedrock answers `This model doesn't support the s3Uri field`.
    """
    uses: tuple[ImageUse | DocumentUse, ...] = (*request.images, *request.documents)
    for use in uses:
        if use.source_type is None or _is_known(use, ctx.limits.source_types):
            continue
        if use.source_type == S3:
            if ctx.limits.uses_claude_patches:
                yield Problem(
                    message=f"source is in S3; {ctx.limits.api} accepts only "
                    f"{', '.join(ctx.limits.source_types)} for {ctx.limits.model}",
                    help="send the bytes as base64",
                    location=use.location,
                )
            continue
        named = use.origin in (Origin.URL, Origin.FILE_ID)
        source_type = f"is {use.source_type}" if named else f"{use.source_type!r} is unknown"
        yield Problem(
            message=f"source type {source_type}; {ctx.limits.api} accepts only "
            f"{', '.join(ctx.limits.source_types)}",
            help="send the bytes as base64",
            location=use.location,
        )


def _is_known(use: ImageUse | DocumentUse, source_types: tuple[str, ...]) -> bool:
    if isinstance(use, DocumentUse) and use.source_type in DOCUMENT_ONLY:
        return True
    return use.source_type in source_types
