"""IB503 resent-image."""

from collections.abc import Iterator

from imgbudget.limits.values import between, figure
from imgbudget.rule import Context, ImageUse, Level, Problem, Request, Severity, rule, walk_blocks
from imgbudget_rules.spending import fewest_image_tokens, image_tokens


@rule(
    "IB503",
    "resent-image",
    level=Level.REQUEST,
    severity=Severity.WARNING,
    since="0.1",
    traits=("images", "answers"),
)
def resent_image(request: Request, ctx: Context) -> Iterator[Problem]:
    """Images of earlier turns are sent again with this request as base64.

    ## Why it matters
    The API keeps nothing between turns: a conversation sends all its images again each time, so the first of
    ten is uploaded and billed ten times. Bodies grow until one is rejected (IB401, IB102). A file id instead
    of base64 saves the bytes, prompt caching saves most of the price, and leaving out images that are no
    longer needed saves both.

    Base64 images count if an assistant turn and then another user turn follow them, also in tool results. One
    finding per request, at the first such image, with the totals.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>", "What is this?"]},
        {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": "Of which breed?"}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": ["<png 800x600>", "What is this?"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": [
            {"type": "image", "source": {"type": "file", "file_id": "file_01"}}, "What is this?"]},
        {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": "Of which breed?"}]}
    ```

    ## Fix safety
    There is no fix: only the author knows which images the conversation still needs.

    ## Source
    Vision guide, 2026-09: image blocks of earlier turns count and are billed; Files API, in general use
    since 2026-08-19, not on Bedrock and Google Cloud.
    """
    resent = list(_resent(request))
    if not resent:
        return
    limits = ctx.limits
    size = sum(use.base64_size or 0 for use in resent)
    tokens = sum(image_tokens(use, ctx) for use in resent)
    images = (
        "1 image of an earlier turn is" if len(resent) == 1 else f"{len(resent)} images of earlier turns are"
    )
    by_id = "send images by file id, " if limits.platform and "file" in limits.source_types else ""
    fewest = sum(fewest_image_tokens(use, ctx) for use in resent)
    count = f" and {between(fewest, tokens)} tokens" if limits.counts_tokens else ""
    cached = f" (cached tokens cost {limits.cache_read_factor.value:g} of the price)" if limits.known else ""
    yield Problem(
        message=f"{images} sent again: {figure(size)} bytes of base64{count} in this request",
        help=f"{by_id}cache the prompt{cached}, or leave out images that the conversation no longer needs",
        measured=size,
        unit="bytes",
        location=resent[0].location,
    )


def _resent(request: Request) -> Iterator[ImageUse]:
    """The base64 images of user turns that an assistant turn and then another user turn follow."""
    sent: list[ImageUse] = []
    answered: list[ImageUse] = []
    for turn in request.turns if request.images else ():
        if turn.role == "assistant":
            answered += sent
            sent = []
        elif turn.role == "user":
            yield from answered
            answered = []
            blocks = walk_blocks(turn.blocks)
            sent += [block for block in blocks if isinstance(block, ImageUse) and block.base64_size]
