"""IB106 malformed-base64."""

from collections.abc import Iterator

from imgbudget.rule import Context, FixSafety, ImageUse, Level, Problem, RepairBase64, Severity, rule


@rule(
    "IB106", "malformed-base64", level=Level.IMAGE, severity=Severity.ERROR, fix=FixSafety.SAFE, since="0.1"
)
def malformed_base64(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The base64 text of the image is empty or has a form that the API rejects.

    ## Why it matters
    The API requires plain base64: standard alphabet, padding, no `data:` prefix and no line breaks.
    Otherwise it answers `invalid base64 data`, or `image cannot be empty` for an empty text. Tools for web
    pages add the prefix, tools for mail break the lines, and a failed screenshot leaves the text empty.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 flaw='begins with a data URI prefix'>"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```

    ## Fix safety
    Safe if the text can still be decoded: the same bytes are encoded again in the required form. Otherwise
    there is no fix, but in the session of an agent, where the block gives way to a text as for IB001.

    ## Source
    Error texts: HiveNexus/HiveChat#39, 2025-03; musistudio/claude-code-router#958;
    anthropics/claude-code#4534.
    """
    if not use.in_request:
        return
    claude = ctx.limits.is_messages_api
    if use.base64_size == 0:
        yield Problem(
            message="base64 text is empty" + ("; the API answers `image cannot be empty`" if claude else ""),
            help="send the bytes of the image, or leave the block out",
            measured=0,
            unit="bytes",
        )
    elif use.flaws:
        yield Problem(
            message=f"base64 text {', '.join(use.flaws)}"
            + ("; the API answers `invalid base64 data`" if claude else ""),
            help="encode it as plain base64: standard alphabet, padding, no prefix, no line breaks"
            if use.repairable
            else "encode the image again; this text cannot be decoded",
            fix=RepairBase64() if use.repairable else None,
        )
