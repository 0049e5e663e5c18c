"""IB501 image-after-text."""

from collections.abc import Iterator

from imgbudget.rule import (
    Context,
    FixSafety,
    ImagesFirst,
    ImageUse,
    Level,
    Problem,
    Request,
    Severity,
    Text,
    Turn,
    is_label,
    rule,
)


@rule(
    "IB501",
    "image-after-text",
    level=Level.REQUEST,
    severity=Severity.WARNING,
    fix=FixSafety.UNSAFE,
    since="0.1",
    limits=("messages_api",),
    traits=("images", "text_before_image"),
)
def image_after_text(request: Request, ctx: Context) -> Iterator[Problem]:
    """Text longer than a label comes before the first image of a turn.

    ## Why it matters
    The model answers best when the image comes before the question. Images after or between texts still work
    well, so this is advice: one finding per turn, at the first image after text.

    Labels do not count as text: `Image 1:`, `Page 3`, `Before`, a file name, a tag, a short line that ends
    with a colon. The guide's own example puts such a label before each image. Only text before the first
    image counts, not text between images. Blocks inside tool results belong to the tool and are not checked.

    OpenRouter asks for the contrary, the text first, so nothing is reported there.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["What is in this image?", "<png 800x600>"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["Compare the two images below.", "Image 1:", "<png 800x600>",
        "Image 2:", "<png 800x600>"]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>", "What is in this image?"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["Image 1:", "<png 800x600>", "Image 2:", "<png 800x600>",
        "How are they different?"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>", "This is the house in spring.",
        "<png 800x600>", "And this in winter. What changed?"]}]}
    ```

    ```json
    {"platform": "openrouter", "messages": [{"role": "user", "content": ["What is in this image?",
        "<png 800x600>"]}]}
    ```

    ## Fix safety
    Unsafe: the model reads the same blocks in another order, and text may say "the image below".

    ## Source
    Vision guide, 2026-09: images before text work best, after or between still work well. What counts as a
    label is imgbudget's own reading of the guide's examples. OpenRouter documentation of image inputs,
    2026-11.
    """
    if ctx.limits.block_order == "text-first":
        return
    for turn in request.turns if request.images else ():
        if turn.role == "user" and (late := _image_after_text(turn)):
            yield Problem(
                message="the first image of the turn comes after text; answers are best with images first",
                help="move the images of the turn before its text; short labels may stay before them",
                location=late.location,
                fix=ImagesFirst(),
            )


def _image_after_text(turn: Turn) -> ImageUse | None:
    """The turn's first image, if text other than a label comes before it."""
    has_text = False
    for block in turn.blocks:
        if isinstance(block, ImageUse):
            return block if has_text else None
        if isinstance(block, Text) and not is_label(block.text):
            has_text = True
    return None
