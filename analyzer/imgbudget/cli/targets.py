"""Targets, budgets and several models: what `--target`, `--budget-*`, `--models` and `--for` mean."""

from imgbudget.cli.command import flag, option
from imgbudget.cli.options import BudgetOptions, codes
from imgbudget.config.units import parse_bytes, parse_cost, parse_tokens
from imgbudget.model.budgets import Budget
from imgbudget.planner.targets import amount_of

TARGET = option(
    "--target",
    many=True,
    metavar="TARGET",
    help="table: a row of the aspect-ratio table if one keeps the ratio, else native (default); native: the "
    "largest size that the API does not resize; latency: 1.15 megapixels and 1568 px. Can be combined with "
    "dimension:N, tokens:N and bytes:SIZE, which bound each image: edge in px, visual tokens, file size.",
)
FOR = option(
    "--for",
    many=True,
    parse=codes,
    metavar="IDS",
    help="Models that will read the images, of any provider, comma-separated: the largest size that none of "
    "them downscales or rejects.",
)
CHEAPEST = flag(
    "--cheapest",
    help="With --for: of all sizes down to nine tenths of the largest, the one that costs least on all these "
    "models together.",
)


def budget_of(options: BudgetOptions) -> Budget:
    """The budget of a request that the options give.

    Raises:
        UsageError: an amount that is none.
    """
    return Budget(
        tokens=amount_of(parse_tokens, "--budget-tokens", options.budget_tokens),
        bytes=amount_of(parse_bytes, "--budget-bytes", options.budget_bytes),
        cost=amount_of(parse_cost, "--budget-cost", options.budget_cost),
    )
