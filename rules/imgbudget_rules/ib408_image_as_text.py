"""IB408 image-as-text."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Context, Level, Problem, Request, Severity, Text, rule, walk_blocks

CHARACTERS_PER_TOKEN = 4
"""Most characters of base64 that a token holds: prose has about four a token, base64 fewer."""


@rule("IB408", "image-as-text", level=Level.REQUEST, severity=Severity.WARNING, since="0.2")
def image_as_text(request: Request, ctx: Context) -> Iterator[Problem]:
    """The base64 of an image is sent as text.

    ## Why it matters
    The model does not see the image: it reads thousands of meaningless characters, each billed as text. An
    image of 500 kB is over 160,000 tokens then, where the same image as an image block is 1,500. It comes
    from tools whose result, a list of blocks, was written into one string, and from programs that convert
    image blocks of tool results into text. In a conversation the text is sent again with every turn, until
    the API answers `prompt is too long`. Where the text alone is more than the model's input, that is an
    error.

    Only texts of 4,096 characters and more are looked at, and only images that can be decoded count.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01",
        "content": [{"type": "text", "text": "data:image/png;base64,...", "image_characters": 480000}]}]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01",
        "content": ["<png 800x600>", "the screenshot"]}]}]}
    ```

    ## Fix safety
    There is no fix: send the image as an image block of the turn or of the tool result.

    ## Source
    Public reports of `prompt is too long` after screenshots; AI SDK 6.0.326 with OpenAI's chat shape, seen in
    its requests, 2026-11. The tokens are a lower bound: characters / 4.
    """
    most = ctx.limits.most_input
    for turn in request.turns:
        for block in walk_blocks(turn.blocks):
            if not isinstance(block, Text) or not block.image_characters:
                continue
            tokens = block.image_characters // CHARACTERS_PER_TOKEN
            is_over = most is not None and tokens > most.value
            over = f", more than {most.owner} takes ({most.text})" if most is not None and is_over else ""
            yield Problem(
                message=f"base64 of an image is sent as text: {figure(block.image_characters)} characters, "
                f"at least {figure(tokens)} tokens{over}; the model cannot see the image",
                help="send it as an image block, or leave it out of the text",
                measured=tokens,
                limit=most.value if most is not None and is_over else None,
                unit="tokens",
                location=block.location,
                severity=Severity.ERROR if is_over else None,
            )
