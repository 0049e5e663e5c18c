"""IB105 media-type-mismatch."""

from collections.abc import Iterator

from imgbudget.rule import Context, DeclareType, FixSafety, ImageUse, Level, Problem, Severity, rule

_HEIF = frozenset({"image/heic", "image/heif"})


@rule(
    "IB105",
    "media-type-mismatch",
    level=Level.IMAGE,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
)
def media_type_mismatch(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The declared media type, or the file's extension, does not match the bytes.

    ## Why it matters
    The API compares the two: `The image was specified using the image/jpeg media type, but the image appears
    to be a image/png image`. A type that it does not know, such as `image/jpg`, is rejected whatever the
    bytes are: `Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'`. Most programs derive
    the media type from the extension, so a wrong extension is a warning: it becomes this error when the file
    is sent. With `--client gemini-cli` it is an error at once: that agent declares the type of the extension.

    How certain this is: two recordings of 2024 to 2026 show that a wrong type was accepted, but the current
    API usually answers with a 400, so this is an error. For other providers the behaviour is unknown, and a
    recording of 2025 shows that OpenAI accepted a PNG declared as JPEG: for their models it is a warning.

    ## Reports
    <png 800x600 named=photo.jpg>
    <jpeg 800x600 named=IMG_0042.HEIC>
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 declared=image/jpeg>"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<jpeg 800x600 declared=image/jpg>"]}]}
    ```

    ## Silent
    <jpeg 800x600 named=photo.jpg>
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 declared=image/png>"]}]}
    ```

    Bytes of a type that the API does not accept are IB104:
    <bmp 800x600 named=photo.png>

    ## Fix safety
    Safe in a request: the bytes stay the same, and the media type is corrected. Unsafe for a file, which is
    renamed: references to the old name break.

    ## Source
    Error texts: vybestack/llxprt-code#2130, 2026-06; anthropics/claude-code#6300, 2025-08, and #3073.
    """
    if use.facts is None or use.declared is None:
        return
    actual = f"image/{use.facts.format}"
    if actual not in ctx.limits.media_types or use.declared == actual:
        return
    if not use.in_request and _HEIF.issuperset((use.declared, actual)):
        return  # cameras use either extension
    fix = DeclareType(actual)
    help_text, safety = (
        (f"declare {actual}", None) if use.in_request else ("rename the file", FixSafety.UNSAFE)
    )
    if not use.in_request and use.declared_by is None:
        yield Problem(
            message=f"extension implies {use.declared}, but the bytes are {actual}; a program that "
            "declares the type by extension declares the wrong one",
            help=help_text,
            severity=Severity.WARNING,
            fix=fix,
            fix_safety=safety,
        )
        return
    if not ctx.limits.is_messages_api:
        yield Problem(
            message=f"declared as {use.declared!r}, but the bytes are {actual}; {ctx.limits.api} may "
            "reject or misread it",
            help=help_text,
            severity=Severity.WARNING,
            fix=fix,
            fix_safety=safety,
        )
        return
    allowed = [repr(media_type) for media_type in ctx.limits.media_types]
    answer = (
        f"The image was specified using the {use.declared} media type, "
        f"but the image appears to be a {actual} image"
        if use.declared in ctx.limits.media_types
        else f"Input should be {', '.join(allowed[:-1])} or {allowed[-1]}"
    )
    yield Problem(
        message=f"declared as {use.declared!r}, but the bytes are {actual}; the API answers `{answer}`",
        help=help_text,
        fix=fix,
        fix_safety=safety,
    )
