"""IB413 text-only-model."""

from collections.abc import Iterator

from imgbudget.rule import Context, Level, Problem, Request, Severity, rule


@rule(
    "IB413",
    "text-only-model",
    level=Level.REQUEST,
    severity=Severity.ERROR,
    since="0.2",
    traits=("images", "text_only_model"),
)
def text_only_model(request: Request, ctx: Context) -> Iterator[Problem]:
    """An image goes to a model that takes none.

    ## Why it matters
    The request is rejected, for example with `unknown variant image_url, expected text`, or `This model does
    not support image input`; some servers, such as Ollama, put a text in place of the image instead, and the
    model guesses. A conversation fails in this way from the turn on in which it is continued with
    such a model, because the images of earlier turns are sent again. In sessions the model is the one that
    the next turn goes to.

    It is an error where a source says so: the maker, the API's own answers, or a list of text-only weights.
    Where only a price list names no image input, it is a note, because a list may be incomplete.

    ## Reports
    ```json
    {"model": "deepseek-chat", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```
    ```json
    {"model": "us.amazon.nova-micro-v1:0", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```
    ```json
    {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```

    ## Silent
    ```json
    {"model": "deepseek-chat", "messages": [{"role": "user", "content": "hi"}]}
    ```
    ```json
    {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```
    ```json
    {"model": "acme-vision-1", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```

    ## Fix safety
    There is no fix: only the author knows whether the model or the images are meant.

    ## Source
    `text_only.yaml` of the limits data, each model with its source and date: DeepSeek's API in four reports
    of 2026, vLLM's list of text-only models, pages on Amazon Nova and on OpenAI's o-series; litellm 1.110.2.
    """
    limits, images = ctx.limits, len(request.images)
    if limits.text_only is None or not images:
        return
    (model,) = limits.text_only.values
    count = "1 image" if images == 1 else f"{images} images"
    if limits.takes_no_images:
        dropped = "it" if images == 1 else "them"
        message = (
            f"{model} takes no images; {limits.api} rejects this request with {count}, or drops {dropped}"
        )
    else:
        message = f"{model} may take no images: {limits.text_only.note}; this request has {count}"
    yield Problem(
        message=message,
        help="use a model that takes images, or leave the images out, those of earlier turns too",
        location=request.images[0].location,
        severity=None if limits.takes_no_images else Severity.INFO,
    )
