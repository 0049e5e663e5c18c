"""IB504 duplicate-image."""

from collections.abc import Iterator

from imgbudget.limits.values import between, figure
from imgbudget.rule import Context, ImageUse, Level, Problem, Request, Severity, rule
from imgbudget_rules.spending import fewest_image_tokens, image_tokens


@rule("IB504", "duplicate-image", level=Level.REQUEST, severity=Severity.WARNING, since="0.1")
def duplicate_image(request: Request, ctx: Context) -> Iterator[Problem]:
    """The same image occurs more than once in one request.

    ## Why it matters
    Each copy is uploaded and billed, and counts toward the limits on images and bytes. Copies in different
    turns cost as much as two in one turn. The usual cause are agents that take the same screenshot again and
    again.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 digest=a>", "<png 800x600 digest=a>"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 digest=a>"]},
        {"role": "assistant", "content": "a cat"},
        {"role": "user", "content": ["<png 800x600 digest=a>"]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 digest=a>", "<png 800x600 digest=b>"]}]}
    ```

    ## Fix safety
    There is no fix: the text may refer to the copy. Refer to the first image by a label instead.

    ## Source
    Vision guide, 2026-09: every image block is billed, also when it repeats.
    """
    first: dict[str, ImageUse] = {}
    for use in request.images:
        if use.digest is None:
            continue
        original = first.setdefault(use.digest, use)
        if original is use:
            continue
        tokens, size = image_tokens(use, ctx), use.base64_size or 0
        twice = f"{figure(size)} bytes are sent twice"
        if tokens:
            count = between(fewest_image_tokens(use, ctx), tokens)
            twice = f"{count} tokens and {figure(size)} bytes are billed and sent twice"
        yield Problem(
            message=f"the same image as {original.location.dotted}: {twice}",
            help="send it once and refer to it by a label",
            measured=tokens or size,
            unit="tokens" if tokens else "bytes",
            location=use.location,
        )
