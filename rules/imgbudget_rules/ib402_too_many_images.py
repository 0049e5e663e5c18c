"""IB402 too-many-images."""

from collections.abc import Iterator

from imgbudget.rule import Context, Level, Problem, Request, Severity, rule


@rule(
    "IB402",
    "too-many-images",
    level=Level.REQUEST,
    severity=Severity.ERROR,
    since="0.1",
    limits=("request_media",),
)
def too_many_images(request: Request, ctx: Context) -> Iterator[Problem]:
    """The request has more images and document pages than the API accepts.

    ## Why it matters
    The request is rejected: `Too much media: 80 document pages + 21 images > 100`. Images and pages of all
    turns and tool results are added up. The limit is 100 for models with a context of 200k tokens and 600
    for the others; claude.ai accepts 20 per message. Azure OpenAI accepts 10 by one of its pages and 50 by
    another: from 11 on it is a warning, from 51 on an error. A training example for OpenAI's fine-tuning
    holds at most 10 images, for Azure OpenAI's 64.

    A document whose pages cannot be counted counts as one page, so the true sum may be higher: a warning
    names each PDF in the request that could not be counted (encrypted, damaged, or of a structure that takes
    too long to read) and the reason.

    ## Reports
    ```json
    {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": ["<png 800x600> * 101"]}]}
    ```
    ```json
    {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content":
        ["<pdf 80>", "<png 800x600> * 21"]}]}
    ```
    ```json
    {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": ["<png 800x600> * 601"]}]}
    ```
    ```json
    {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": ["<pdf encrypted>"]}]}
    ```

    ## Silent
    ```json
    {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": ["<png 800x600> * 100"]}]}
    ```
    ```json
    {"model": "claude-opus-5-5", "messages": [{"role": "user", "content":
        ["<pdf 500>", "<png 800x600> * 100"]}]}
    ```

    ## Fix safety
    There is no fix: only the author knows which images can be left out.

    ## Source
    Vision and PDF guides, 2026-09; release notes of 2026-03-13 for 600. Error text: public notes on Bedrock;
    no text for 600 was found.
    """
    limit, images = ctx.limits.request_media, len(request.images)
    pages = sum(1 if document.pages is None else document.pages for document in request.documents)
    if limit is None:
        return
    for document in request.documents:
        if document.uncounted is not None:
            yield Problem(
                message=f"pages not counted: {document.uncounted}; it counts as one page toward the "
                f"{limit.value} images and pages that {ctx.limits.platform} accepts for {ctx.limits.model}",
                help="send a PDF that can be read, or count its pages yourself",
                location=document.location,
                severity=Severity.WARNING,
            )
    total, least = pages + images, ctx.limits.request_media_doubt or limit
    if total <= min(limit.value, least.value):
        return
    over = total > limit.value
    at_most = str(limit.value) if over else f"{least.value} by one source and {limit.value} by another"
    yield Problem(
        message=f"too much media: {pages} document pages + {images} images > {at_most}, "
        f"the limit of {ctx.limits.platform} for {ctx.limits.model}",
        help="leave out images of earlier turns, or split the "
        + ("example" if request.is_example else "request"),
        measured=total,
        limit=limit.value if over else least.value,
        unit=limit.unit,
        severity=None if over else Severity.WARNING,
    )
