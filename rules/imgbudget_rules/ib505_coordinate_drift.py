"""IB505 coordinate-drift."""

import re
from collections.abc import Iterable, Iterator

from imgbudget.rule import (
    Block,
    Context,
    FixSafety,
    ImageUse,
    Level,
    Problem,
    Request,
    Resize,
    Severity,
    Text,
    rule,
    walk_blocks,
)
from imgbudget_rules.oversize import excess, is_refused

_ASKS = (
    r"(?i)\b(?:coordinates?|bounding[ -]?box(?:es)?|bbox(?:es)?|click(?:s|ed|ing)?|"
    r"pixel (?:position|location|coordinate)s?|position in pixels|x ?, ?y)\b"
)
"""Words that ask for places in the picture."""


@rule(
    "IB505",
    "coordinate-drift",
    level=Level.REQUEST,
    severity=Severity.INFO,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("native_size",),
    pedantic=True,
)
def coordinate_drift(request: Request, ctx: Context) -> Iterator[Problem]:
    """The text asks for pixel coordinates of an image that the API downscales.

    ## Why it matters
    Coordinates come back in pixels of the image that the model saw, not of the one that was sent: a click
    lands beside its target, the more so the farther right and down. Resized before sending, the two are the
    same. Else scale the answer back by hand (`imgbudget size` tells the factor), or set
    `"transformations": {"oversized_image": "error"}` to be told when an image is too large.

    Looked for are words such as coordinates, bounding box, bbox, click, pixel position, x,y in the text of
    the same turn and of the system prompt. Words can be meant otherwise, so this is information with
    `--pedantic`.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["<png 1920x1080>", "Give the bounding box of the button."]}]}
    ```
    ```json
    {"system": "Answer with the coordinates to click.",
        "messages": [{"role": "user", "content": ["<png 1920x1080>", "Where is the menu?"]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["<png 1456x819>", "Give the bounding box of the button."]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 1920x1080>", "What is in this image?"]}]}
    ```

    What is rejected and not downscaled is IB107 and IB108:
    ```json
    {"messages": [{"role": "user", "content": [{"type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "<png 1920x1080>"},
        "transformations": {"oversized_image": "error"}}, "Give the bounding box of the button."]}]}
    ```

    ## Fix safety
    Safe: the model receives the size that the API would have made itself, or the row of the published table
    for the same ratio. The answer then is in pixels of the resized image.

    ## Source
    Vision-coordinates guide, 2026-09. Which words ask for coordinates is imgbudget's own choice.
    """
    always = _asks(block for turn in request.turns if turn.role == "system" for block in turn.blocks)
    for turn in request.turns:
        word = always or _asks(turn.blocks)
        if turn.role != "user" or word is None:
            continue
        for use in walk_blocks(turn.blocks):
            if not isinstance(use, ImageUse) or is_refused(use):
                continue
            if over := excess(use, ctx.limits_of(use)):
                yield Problem(
                    message=f"text says {word!r}, and the API downscales {over.size} to {over.seen}: "
                    "coordinates come back in pixels of the smaller image",
                    help=f"resize to {over.planned} before sending, or scale the answer back",
                    measured=over.measured,
                    limit=over.limit,
                    unit=over.unit,
                    location=use.location,
                    fix=Resize(over.planned),
                )


def _asks(blocks: Iterable[Block]) -> str | None:
    """The first word that asks for coordinates; None where no text does."""
    for block in blocks:
        if isinstance(block, Text) and (found := re.search(_ASKS, block.text)):
            return found[0]
    return None
