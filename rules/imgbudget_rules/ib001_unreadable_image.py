"""IB001 unreadable-image."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule


@rule(
    "IB001",
    "unreadable-image",
    level=Level.IMAGE,
    severity=Severity.ERROR,
    since="0.1",
    needs=ProbeField.INTEGRITY,
)
def unreadable_image(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The bytes are not an image, or an image that cannot be decoded.

    ## Why it matters
    The API answers `Could not process image` without saying which one. In a conversation the block
    is sent again with each turn, so one such image makes every later turn fail too. Web pages saved under an
    image's name and downloads that stopped early are the usual cause.

    What decoders forgive (a few bytes missing behind the picture) may pass the API; what ends early is
    reported all the same, because the model would look at a picture that is partly grey.

    ## Reports
    <html named=photo.png>
    <jpeg 4000x3000 damage="ends early">
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 damage='ends early'>"]}]}
    ```

    ## Silent
    <jpeg 4000x3000>

    A known format that the API does not take is IB104, base64 that cannot be decoded or is empty IB106:
    <bmp 800x600>
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}]}]}
    ```

    ## Fix safety
    There is no fix: what is missing cannot be guessed. Make or fetch the file again.

    ## Source
    Error text: public issue reports of 2025 and 2026 (anthropics/claude-code#6175, #12616, #55492).
    """
    facts = use.facts
    if facts is None:
        return
    if facts.damage is not None:
        message = f"cannot be decoded: {facts.damage}"
    elif facts.format is None:
        message = f"is not an image but {facts.content or 'of no known kind'}"
    else:
        return
    if use.in_request and ctx.limits.uses_claude_patches:
        message += "; the API answers `Could not process image`"
    yield Problem(message=message, help="make or fetch the image again, or leave it out")
