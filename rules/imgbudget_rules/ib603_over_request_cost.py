"""IB603 over-request-cost."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Context, FixSafety, Level, Problem, Request, Severity, ShrinkTokens, rule
from imgbudget_rules.spending import (
    fewest_tokens,
    instead_of_pixels,
    money,
    request_tokens,
    shrinkable,
    up_to,
)


@rule(
    "IB603",
    "over-request-cost",
    level=Level.REQUEST,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    budgets=("request.cost",),
)
def over_request_cost(request: Request, ctx: Context) -> Iterator[Problem]:
    """The images of the request cost more than your budget for one request.

    ## Why it matters
    The price of the same images differs several times between models: the cost is that of their visual
    tokens at the input price of the request's model, without caching and batches. Text, answers and images
    of unknown size cost extra. The rule runs if `budgets.request.cost` is set.

    ## Reports
    ```json
    {"budgets": {"request": {"cost": 0.009}},
        "messages": [{"role": "user", "content": ["<png 1092x1092> * 2"]}]}
    ```

    ## Silent
    ```json
    {"budgets": {"request": {"cost": 0.01}},
        "messages": [{"role": "user", "content": ["<png 1092x1092> * 2"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 1092x1092> * 2"]}]}
    ```

    ## Fix safety
    Safe, because you set the budget: the largest images are downscaled until all together are within it.
    Unlike with other safe fixes, the model sees fewer pixels than before.

    ## Source
    Your configuration. Tokens: vision guide, 2026-09. Prices: price lists, see `imgbudget limits`.
    """
    most = ctx.budgets.request.cost
    if most is None:
        return
    tokens = request_tokens(request, ctx)
    cost = ctx.limits.cost_usd(tokens)
    affordable = ctx.limits.tokens_within_cost(most)
    if cost is None or affordable is None or cost <= most:
        return
    model, advice = ctx.limits.model, "use a cheaper model, or raise budgets.request.cost"
    possible = shrinkable(request, ctx, affordable)
    less = instead_of_pixels(request, ctx)
    doubt = up_to(fewest_tokens(request, ctx), tokens)
    yield Problem(
        message=f"images cost {doubt}{money(cost)} on {model}; your budget for a request is {money(most)}",
        help=f"{less or f'downscale them to {figure(affordable)} tokens in total, '}{advice}",
        measured=cost,
        limit=most,
        unit="USD",
        fix=ShrinkTokens(affordable) if possible else None,
    )
