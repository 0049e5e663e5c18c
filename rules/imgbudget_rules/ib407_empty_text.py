"""IB407 empty-text."""

from collections.abc import Iterator

from imgbudget.rule import (
    Context,
    DropBlock,
    FixSafety,
    ImageUse,
    Level,
    Problem,
    Request,
    Severity,
    Text,
    rule,
    walk_blocks,
)


@rule(
    "IB407",
    "empty-text",
    level=Level.REQUEST,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("messages_api",),
    traits=("images", "empty_text"),
)
def empty_text(request: Request, _ctx: Context) -> Iterator[Problem]:
    """A turn with an image contains an empty text block.

    ## Why it matters
    The request is rejected: `messages: text content blocks must be non-empty`. Programs that send an image
    without a question leave the text empty, and in a conversation every later turn is rejected too.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>", ""]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "toolu_01", "content": ["", "<png 800x600>"]}]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>", "What is this?"]}]}
    ```

    Turns without an image are not checked:
    ```json
    {"messages": [{"role": "user", "content": [""]}]}
    ```

    ## Fix safety
    Safe: the API would have rejected the request, and the block has no content.

    ## Source
    Error text: anthropics/claude-code#55645, #62150.
    """
    for turn in request.turns if request.images else ():
        blocks = tuple(walk_blocks(turn.blocks))
        if not any(isinstance(block, ImageUse) for block in blocks):
            continue
        for block in blocks:
            if isinstance(block, Text) and not block.text:
                yield Problem(
                    message="text block is empty; the API answers `text content blocks must be non-empty`",
                    help="leave the block out",
                    location=block.location,
                    fix=DropBlock(),
                )
