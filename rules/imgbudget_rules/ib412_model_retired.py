"""IB412 model-retired."""

from collections.abc import Iterator

from imgbudget.rule import Context, Level, Problem, Request, Severity, rule


@rule(
    "IB412",
    "model-retired",
    level=Level.REQUEST,
    severity=Severity.ERROR,
    since="0.2",
    traits=("ending_model",),
)
def model_retired(request: Request, ctx: Context) -> Iterator[Problem]:
    """The model of a request with images has been retired, or will be within 60 days.

    ## Why it matters
    A request to a retired model fails, whatever its images are, or another model answers it. A model that
    ends soon works today, but the prompts and image sizes that were tuned for it need a test with its
    successor, which may downscale images to another size and count other tokens.

    A model that ends within 60 days is a warning, one that has ended an error. In recordings, transcripts
    and logs, and in the rows of a JSONL file that is not a batch, both are info: they name the model that
    answered then. So they are on other platforms than that of the model's maker, which have dates of their
    own. The day is that of `--date`, of the environment variable `IMGBUDGET_DATE`, or today.

    ## Reports
    ```json
    {"model": "claude-3-opus-20240229", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```
    ```json
    {"model": "claude-sonnet-4-20250514", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```

    ## Silent
    ```json
    {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```

    Without images or documents:
    ```json
    {"model": "claude-3-opus-20240229", "messages": [{"role": "user", "content": "hi"}]}
    ```

    ## Fix safety
    There is no fix: the successor may see images in another size, so only a test shows whether it fits.

    ## Source
    The lists of deprecated models of the vendors and of their SDKs; `imgbudget limits --model ID` has the
    date and the source for a model.
    """
    limits = ctx.limits
    if limits.end is None or not (request.images or request.documents):
        return
    if request.is_example and not request.model:  # it is for whatever model it trains
        return
    severity = Severity.ERROR if limits.retired else Severity.WARNING
    if request.is_record or not limits.at_maker:
        severity = Severity.INFO
    yield Problem(message=f"{limits.model} {limits.end}", help=limits.end_advice, severity=severity)
