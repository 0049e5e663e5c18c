"""IB504 duplicate-image."""

from collections.abc import Iterator

from imgbudget.limits.values import between, figure
from imgbudget.rule import Context, ImageUse, Level, Problem, Request, Severity, rule
from imgbudget_rules.spending import fewest_image_tokens, image_tokens


@rule(
    "IB504",
    "duplicate-image",
    level=Level.REQUEST,
    severity=Severity.WARNING,
    since="0.1",
    traits=("alike_images",),
)
def duplicate_image(request: Request, ctx: Context) -> Iterator[Problem]:
    """The same image occurs more than once in one request.

    ## Why it matters
    Each copy is uploaded and billed, and counts toward the limits on images and bytes. Copies in different
    turns cost as much as two in one turn. The usual cause are agents that take the same screenshot again and
    again.

    Images are compared by their bytes; with `--pixels` also by what they show. The same pixels in another
    file are the same image. An image in another format, size or quality that looks the same (at most 2 bits
    of the perceptual hashes of IB911 differ) is reported as info, since that hash does not see small
    changes. Screenshots of one format and size are not compared that way: in a series of them small changes
    matter.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 digest=a>", "<png 800x600 digest=a>"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 digest=a>"]},
        {"role": "assistant", "content": "a cat"},
        {"role": "user", "content": ["<png 800x600 digest=a>"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 digest=a phash=00ff00ff00ff00ff>",
        "<jpeg 400x300 digest=b phash=00ff00ff00ff00fe>"]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 digest=a>", "<png 800x600 digest=b>"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 digest=a phash=00ff00ff00ff00ff>",
        "<png 800x600 digest=b phash=00ff00ff00ff00fe>"]}]}
    ```

    ## Fix safety
    There is no fix: the text may refer to the copy. Refer to the first image by a label instead.

    ## Source
    Vision guide, 2026-09: every image block is billed, also when it repeats.
    """
    first: dict[str, ImageUse] = {}
    first_pixels: dict[str, ImageUse] = {}
    looks: list[_Look] = []
    for use in request.images:
        what, severity = "the same image as", None
        original = first.setdefault(use.digest, use) if use.digest is not None else use
        pixels = use.measured
        if original is use and pixels is not None and pixels.pixel_hash:
            what, severity = "the same pixels as", None
            original = first_pixels.setdefault(pixels.pixel_hash, use)
        if original is use and pixels is not None and pixels.phash:
            what, severity = "looks like", Severity.INFO
            original = _lookalike(use, int(pixels.phash, 16), looks)
        if original is use:
            continue
        tokens, size = image_tokens(use, ctx), use.base64_size or 0
        twice = f"{figure(size)} bytes are sent twice"
        if tokens:
            count = between(fewest_image_tokens(use, ctx), tokens)
            twice = f"{count} tokens and {figure(size)} bytes are billed and sent twice"
        yield Problem(
            message=f"{what} {original.location.dotted}: {twice}",
            help="send it once and refer to it by a label",
            severity=severity,
            measured=tokens or size,
            unit="tokens" if tokens else "bytes",
            location=use.location,
        )


_FEW_BITS = 2

_Look = tuple[int, tuple[object, ...], ImageUse]
"""A perceptual hash, with the encoding of its image."""


def _lookalike(use: ImageUse, phash: int, looks: list[_Look]) -> ImageUse:
    """The first image that looks the same in another format, size or quality; else itself, added."""
    facts = use.facts
    encoding = (facts.format, facts.size, facts.quality) if facts else ()
    for other, of_other, one in looks:
        if (other ^ phash).bit_count() <= _FEW_BITS and of_other != encoding:
            return one
    looks.append((phash, encoding, use))
    return use
