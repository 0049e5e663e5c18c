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
from imgbudget_rules.oversize import is_rejected, oversize_of

_COORDINATE_WORDS = (
    r"(?i)\b(?:coordinates?|bounding[ -]?box(?:es)?|bbox(?:es)?|click(?:s|ed|ing)?|"
    r"pixel (?:position|location|coordinate)s?|position in pixels|x ?, ?y)\b"
)
"""Words that ask for positions in the image."""


@rule(
    "IB505",
    "coordinate-drift",
    level=Level.REQUEST,
    severity=Severity.INFO,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("native_size",),
    pedantic=True,
    traits=("images",),
)
def coordinate_drift(request: Request, ctx: Context) -> Iterator[Problem]:
    """The text asks for pixel coordinates of an image that the API downscales.

    ## Why it matters
    The model returns coordinates in pixels of the downscaled image, not of the one that was sent: a click
    misses its target, the more so the farther right and down. If the image is resized before sending, both
    are the same. Otherwise scale the answer back (`imgbudget size` shows the factor), or set
    `"transformations": {"oversized_image": "error"}` so that the API rejects an image that is too large.

    The rule looks for words such as coordinates, bounding box, bbox, click, pixel position, x,y in the text
    of the same turn and in the system prompt. Such words can mean something else, so this is information,
    reported only with `--pedantic`.

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

    An image that is rejected instead of downscaled is IB107 or IB108:
    ```json
    {"messages": [{"role": "user", "content": [{"type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "<png 1920x1080>"},
        "transformations": {"oversized_image": "error"}}, "Give the bounding box of the button."]}]}
    ```

    ## Fix safety
    Safe: the model receives the size that the API would have downscaled to, or the published table's size for
    the same aspect ratio. The answer is then in pixels of the resized image.

    ## Source
    Vision-coordinates guide, 2026-09. Which words ask for coordinates is imgbudget's own choice.
    """
    always = _coordinate_word(
        block for turn in request.turns if turn.role == "system" for block in turn.blocks
    )
    for turn in request.turns:
        word = always or _coordinate_word(turn.blocks)
        if turn.role != "user" or word is None:
            continue
        for use in walk_blocks(turn.blocks):
            if not isinstance(use, ImageUse) or is_rejected(use):
                continue
            if over := oversize_of(use, ctx.limits_of(use)):
                yield Problem(
                    message=f"text asks for coordinates ({word!r}), but the API downscales {over.size} to "
                    f"{over.downscaled}; coordinates come back in pixels of the smaller image",
                    help=f"resize to {over.planned} before sending, or scale the answer back",
                    measured=over.measured,
                    limit=over.limit,
                    unit=over.unit,
                    location=use.location,
                    fix=Resize(over.planned),
                )


def _coordinate_word(blocks: Iterable[Block]) -> str | None:
    """The first word that asks for coordinates; None if no text does."""
    for block in blocks:
        if isinstance(block, Text) and (found := re.search(_COORDINATE_WORDS, block.text)):
            return found[0]
    return None
