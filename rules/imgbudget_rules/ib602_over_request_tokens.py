"""IB602 over-request-tokens."""

from collections.abc import Iterator

from imgbudget.rule import Context, FixSafety, Level, Problem, Request, Severity, ShrinkTokens, rule
from imgbudget_rules.spending import request_tokens, shrinkable


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
    Tokens are billed with each call and fill the context; a budget says how many the images of one request
    may take together. Text and documents are not counted, nor images by url or file id, whose size is not
    known here. The rule runs where `budgets.request.tokens` is set.

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
    Safe in that you asked for it: the largest images are shrunk until all are within the budget. Unlike after
    other safe fixes the model sees fewer pixels than before. There is no fix for fewer tokens than images.

    ## Source
    Your configuration. Tokens: vision guide, 2026-09.
    """
    most = ctx.budgets.request.tokens
    if most is None:
        return
    tokens = request_tokens(request, ctx)
    if tokens <= most:
        return
    possible = shrinkable(request, ctx, most)
    yield Problem(
        message=f"images take {tokens:,} visual tokens; your budget for a request is {most:,}",
        help="shrink or leave out images, split the request, or raise budgets.request.tokens",
        measured=tokens,
        limit=most,
        unit="tokens",
        fix=ShrinkTokens(most) if possible else None,
    )
