"""IB502 unlabelled-images."""

from collections.abc import Iterator

from imgbudget.rule import (
    Context,
    FixSafety,
    ImageUse,
    LabelImages,
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
    "IB502",
    "unlabelled-images",
    level=Level.REQUEST,
    severity=Severity.INFO,
    fix=FixSafety.UNSAFE,
    since="0.1",
    limits=("messages_api",),
    pedantic=True,
    traits=("images",),
)
def unlabelled_images(request: Request, _ctx: Context) -> Iterator[Problem]:
    """A turn has several images, and some of them have no label before them.

    ## Why it matters
    The guide's own example of several images puts `Image 1:`, `Image 2:` before them, so that question and
    answer can refer to one of them. Without labels the model has to count.

    A label is a short text that names an image, as for IB501; it may be the last line of a longer text.
    Images inside tool results belong to the tool and are not checked. One finding per turn, at the first
    image without a label.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>", "<png 800x600>", "What changed?"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["Image 1:", "<png 800x600>", "<png 800x600>", "Compare."]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["Image 1:", "<png 800x600>", "Image 2:", "<png 800x600>",
        "What changed?"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>", "What is this?"]}]}
    ```

    ## Fix safety
    Unsafe: the model reads additional text.

    ## Source
    Vision guide, 2026-09, example of several images.
    """
    for turn in request.turns:
        if turn.role != "user":
            continue
        images = [block for block in turn.blocks if isinstance(block, ImageUse)]
        bare = list(_without_label(turn))
        if len(images) > 1 and bare:
            yield Problem(
                message=f"{len(bare)} of the {len(images)} images of the turn have no label before them, so "
                "text cannot refer to one of them",
                help="put a short label before each image: Image 1:, Image 2:",
                measured=len(bare),
                limit=0,
                unit="images",
                location=bare[0].location,
                fix=LabelImages(),
            )


def _without_label(turn: Turn) -> Iterator[ImageUse]:
    """The images of the turn itself, without those in tool results, that have no label before them."""
    label = False
    for block in turn.blocks:
        if isinstance(block, ImageUse) and not label:
            yield block
        label = isinstance(block, Text) and _ends_with_label(block.text)


def _ends_with_label(text: str) -> bool:
    lines = text.strip().splitlines()
    return bool(lines) and is_label(lines[-1])
