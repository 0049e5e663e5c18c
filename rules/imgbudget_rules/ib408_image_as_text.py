"""IB408 image-as-text."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import (
    Block,
    Context,
    DocumentUse,
    FixSafety,
    Level,
    Nested,
    Problem,
    Request,
    Severity,
    Text,
    TextToImages,
    Turn,
    rule,
)

CHARACTERS_PER_TOKEN = 4
"""Most characters of base64 that a token holds: prose has about four a token, base64 fewer."""


@rule(
    "IB408",
    "image-as-text",
    level=Level.REQUEST,
    severity=Severity.WARNING,
    fix=FixSafety.SAFE,
    since="0.2",
    traits=("image_text",),
)
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
    Safe: the model reads the same text without the base64, and sees the image. The text before and after the
    base64 stays as it is. Where the base64 is a value in JSON, or in the brackets of Markdown or HTML, a mark
    takes its place (`[sent as the image below]`) and the image follows the text. The new image blocks are
    then checked like any other; if one would be an error that no fix removes, the text stays.

    There is no fix where the API takes no image: in assistant and system turns, search results, results of
    MCP tools and of tools that failed (`is_error`), in JSON of a tool (Gemini, Converse), and in the
    tool messages of OpenAI's chat completions.
    Nor is there one where the text block has members that an image block cannot have, where the format of
    an agent's session has no image beside a text, or where the messages are texts only and the model is none
    that shows whose API they are for.

    ## Source
    Public reports of `prompt is too long` after screenshots; AI SDK 6.0.326 with OpenAI's chat shape, seen in
    its requests, 2026-11. The tokens are a lower bound: characters / 4. `all content must be type 'text' if
    'is_error' is true`: vellum-ai/vellum-assistant#18387, 2026-03; caozhiyuan/copilot-api#196, 2026-04.
    """
    most = ctx.limits.most_input
    for turn in request.turns:
        for block, obstacle in _texts(turn.blocks, _obstacle(request, turn), request.dialect):
            tokens = block.image_characters // CHARACTERS_PER_TOKEN
            is_over = most is not None and tokens > most.value
            over = f", more than {most.owner} takes ({most.text})" if most is not None and is_over else ""
            remedy = "send it as an image block, or leave it out of the text"
            yield Problem(
                message=f"base64 of an image is sent as text: {figure(block.image_characters)} characters, "
                f"at least {figure(tokens)} tokens{over}; the model cannot see the image",
                help=f"leave it out of the text; {obstacle}" if obstacle else remedy,
                measured=tokens,
                limit=most.value if most is not None and is_over else None,
                unit="tokens",
                location=block.location,
                severity=Severity.ERROR if is_over else None,
                fix=None if obstacle else TextToImages(),
            )


_WITHOUT_BLOCKS = {
    "ollama-chat": "images are in a list of their message here",
    "ollama-generate": "images are in a list beside the prompt here",
    "framework": "a framework makes the blocks that are sent",
}
"""Dialects in which a text cannot be divided into blocks."""


def _obstacle(request: Request, turn: Turn) -> str:
    """Why no image block may be beside the texts of a turn, as a clause; empty if one may."""
    if turn.role != "user":
        return f"{'an' if turn.role == 'assistant' else 'a'} {turn.role} turn takes no image block"
    return _WITHOUT_BLOCKS.get(request.dialect, "")


def _texts(blocks: tuple[Block, ...], obstacle: str, dialect: str) -> Iterator[tuple[Text, str]]:
    """The texts with the base64 of images, each with why no image block may be beside it."""
    for block in blocks:
        if isinstance(block, Text):
            if block.image_characters:
                yield block, obstacle
        elif isinstance(block, Nested):
            yield from _texts(block.blocks, obstacle or _obstacle_in(block.kind, dialect), dialect)
        elif isinstance(block, DocumentUse):
            yield from _texts(block.blocks, obstacle or _obstacle_in("document", dialect), dialect)


def _obstacle_in(kind: str, dialect: str) -> str:
    """Why no image block may be inside of a block of a kind, as a clause; empty if one may."""
    if kind == "document" and dialect != "bedrock-converse":
        return ""
    if kind == "json":
        return "JSON that a tool returns takes only text"
    if kind == "tool_result":
        return "the message of a tool takes only text" if dialect == "openai-chat" else ""
    return f"the content of {kind} takes only text"
