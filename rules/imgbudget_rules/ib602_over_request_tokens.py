"""IB602 over-request-tokens."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Context, FixSafety, Level, Problem, Request, Severity, ShrinkTokens, rule
from imgbudget_rules.spending import fewest_tokens, instead_of_pixels, request_tokens, shrinkable, up_to


@rule(
    "IB602",
    "over-request-tokens",
    level=Level.REQUEST,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    budgets=("request.tokens",),
)
def over_request_tokens(request: Request, ctx: Context) -> Iterator[Problem]:
    """The images of the request take more visual tokens than your budget for one request.

    ## Why it matters
    Tokens are billed with each call and fill the context; the budget says how many the images of one request
    may take together. Text and documents are not counted, nor images by url or file id, whose size is
    unknown. The rule runs if `budgets.request.tokens` is set.

    ## Reports
    ```json
    {"budgets": {"request": {"tokens": 3000}},
        "messages": [{"role": "user", "content": ["<png 1092x1092> * 2"]}]}
    ```

    ## Silent
    ```json
    {"budgets": {"request": {"tokens": 3042}},
        "messages": [{"role": "user", "content": ["<png 1092x1092> * 2"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 1092x1092> * 2"]}]}
    ```

    ## Fix safety
    Safe, because you set the budget: the largest images are downscaled until all together are within it.
    Unlike with other safe fixes, the model sees fewer pixels than before. There is no fix if the budget has
    fewer tokens than the request has images.

    ## Source
    Your configuration. Tokens: vision guide, 2026-09.
    """
    most = ctx.budgets.request.tokens
    if most is None:
        return
    tokens = request_tokens(request, ctx)
    if tokens <= most:
        return
    possible, less = shrinkable(request, ctx, most), instead_of_pixels(request, ctx)
    yield Problem(
        message=f"images take {up_to(fewest_tokens(request, ctx), tokens)}{figure(tokens)} visual tokens; "
        f"your budget for a request is {figure(most)}",
        help=f"{less or 'downscale or '}leave out images, split the request, or raise budgets.request.tokens",
        measured=tokens,
        limit=most,
        unit="tokens",
        fix=ShrinkTokens(most) if possible else None,
    )
