"""IB603 over-request-cost."""

from collections.abc import Iterator

from imgbudget.rule import Context, FixSafety, Level, Problem, Request, Severity, ShrinkTokens, rule
from imgbudget_rules.spending import money, request_tokens, shrinkable


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
    The same images cost a multiple on another model: the cost is that of their visual tokens at the input
    price of the request's own model, without caching and batches. Text, answers and images of unknown size
    come on top. The rule runs where `budgets.request.cost` is set.

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
    Safe in that you asked for it: the largest images are shrunk until the tokens of all are worth the budget.
    Unlike after other safe fixes the model sees fewer pixels than before.

    ## Source
    Your configuration. Tokens: vision guide, 2026-09. Prices: price lists, see `imgbudget limits`.
    """
    most = ctx.budgets.request.cost
    if most is None:
        return
    tokens = request_tokens(request, ctx)
    cost = ctx.limits.cost_usd(tokens)
    if cost <= most:
        return
    model, advice = ctx.limits.model, "take a cheaper model, or raise budgets.request.cost"
    affordable = ctx.limits.tokens_within_cost(most)
    possible = shrinkable(request, ctx, affordable)
    yield Problem(
        message=f"images cost {money(cost)} on {model}; your budget for a request is {money(most)}",
        help=f"shrink them to {affordable:,} tokens together, {advice}",
        measured=cost,
        limit=most,
        unit="USD",
        fix=ShrinkTokens(affordable) if possible else None,
    )
