"""IB601 over-image-tokens."""

from collections.abc import Iterator

from imgbudget.limits.levers import lever_advice
from imgbudget.limits.values import figure
from imgbudget.rule import Context, FixSafety, ImageUse, Level, Problem, Resize, Severity, Size, rule
from imgbudget_rules.spending import money, up_to


@rule(
    "IB601",
    "over-image-tokens",
    level=Level.IMAGE,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    budgets=("image.tokens", "image.cost"),
)
def over_image_tokens(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The image takes more visual tokens, or costs more, than your budget for one image.

    ## Why it matters
    The budget says how much of the context and of the bill one image may take. Tokens are those that the API
    bills, after it has downscaled a large image; where sources contradict each other, the most. The rule runs
    if `budgets.image.tokens` or `budgets.image.cost` is set.

    ## Reports
    <png 1092x1092> within image.tokens=1000
    <png 1092x1092> within image.cost=$0.003

    ## Silent
    <png 1092x1092> within image.tokens=1521
    <png 1092x1092>

    The size of an image by url or file id is unknown, so it is not checked.

    ## Fix safety
    Safe, because you set the budget: the image is resized to the largest size of its aspect ratio within the
    budget. Unlike with other safe fixes, the model sees fewer pixels than before.

    ## Source
    Your configuration. Tokens: vision guide, 2026-09. Prices: price lists, see `imgbudget limits`.
    """
    size, budget = use.visible_size, ctx.budgets.image
    if size is None:
        return
    tokens = ctx.limits.tokens(size)
    cost = ctx.limits.cost_usd(tokens)
    less = lever_advice(ctx.limits, size)
    doubt = up_to(*(ctx.limits.tokens_ends(size) or (None, None)))
    if budget.tokens is not None and tokens is not None and tokens > budget.tokens:
        smaller = ctx.limits.size_within_tokens(size, budget.tokens)
        advice = (
            f"resize to {smaller} or raise"
            if smaller
            else f"{less or 'every size takes more than that'}; raise"
        )
        yield Problem(
            message=f"image takes {doubt}{figure(tokens)} visual tokens; "
            f"your budget for an image is {figure(budget.tokens)}",
            help=f"{advice} budgets.image.tokens",
            measured=tokens,
            limit=budget.tokens,
            unit="tokens",
            fix=Resize(smaller) if smaller else None,
        )
    if budget.cost is not None and cost is not None and cost > budget.cost:
        affordable = ctx.limits.tokens_within_cost(budget.cost) or 0
        smaller = ctx.limits.size_within_tokens(size, affordable)
        advice = (
            f"resize to {smaller} or raise"
            if smaller
            else f"{less or 'every size costs more than that'}; raise"
        )
        yield Problem(
            message=f"image costs {doubt}{money(cost)}; your budget for an image is {money(budget.cost)}",
            help=f"{advice} budgets.image.cost",
            measured=cost,
            limit=budget.cost,
            unit="USD",
            fix=Resize(smaller) if smaller else None,
        )


def _advice(smaller: Size | None, otherwise: str) -> str:
    """What to do, up to the name of the budget."""
    return f"resize to {smaller} or raise" if smaller else f"{otherwise}; raise"
