"""Targets, budgets and several models of plans: what `--target`, `--budget` and `--cheapest` mean."""

from collections.abc import Sequence
from typing import Annotated

from imgbudget.cli.command import deprecated, flag, option
from imgbudget.cli.completion import model_ids, one_of
from imgbudget.cli.options import DATE, LIMITS, PLATFORM, BudgetOptions, ModelOptions, codes, named_models
from imgbudget.config.units import parse_bytes, parse_cost, parse_tokens
from imgbudget.errors import UsageError
from imgbudget.limits.fields import DETAILS
from imgbudget.linter.models import ALL, several_of
from imgbudget.model.budgets import NAMES, Budget, Budgets
from imgbudget.namedtuples import NamedTuple
from imgbudget.planner.targets import amount_of


class ModelsOptions(NamedTuple):
    """Whose limits apply, for commands that take several models."""

    models: Annotated[
        tuple[str, ...],
        option(
            "--model",
            many=True,
            parse=named_models,
            metavar="IDS",
            complete=model_ids,
            help="Model whose limits apply; a request's own model wins. Several, comma-separated, are shown "
            "side by side; all: every model in service.",
        ),
    ] = ()
    platform: Annotated[str | None, PLATFORM] = None
    limits: Annotated[str | None, LIMITS] = None
    date: Annotated[str | None, DATE] = None

    @property
    def several(self) -> tuple[str, ...]:
        """The models if they are several, or all; else none."""
        return several_of(self.models)

    @property
    def single(self) -> ModelOptions:
        """Whose limits apply to all, and the default model if several are named."""
        model = self.models[0] if self.models and not self.several else None
        return ModelOptions(model, self.platform, self.limits, self.date)

    @property
    def first(self) -> ModelOptions:
        """Whose limits apply to all, and of several models the first one that is named."""
        model = next((name for name in self.models if name != ALL), None)
        return ModelOptions(model, self.platform, self.limits, self.date)


DETAIL = option(
    "--detail",
    metavar="LEVEL",
    complete=one_of(DETAILS),
    help="Level of detail that the image asks for (OpenAI's detail, Gemini's media resolution): "
    f"{', '.join(DETAILS)}.",
)
TARGET = option(
    "--target",
    many=True,
    metavar="TARGET",
    complete=one_of(
        ("table", "native", "latency", "legible", "same:0.99", "dimension:", "tokens:", "bytes:")
    ),
    help="table: a row of the aspect-ratio table if one keeps the ratio, else native (default); native: the "
    "largest size that the API does not resize; latency: 1.15 megapixels and 1568 px; legible or "
    "legible:SHARE: the smallest size at which all text, or this share of its characters, is still read "
    "(extra: imgbudget[text]); same:SSIM: the smallest size that looks the same, such as same:0.99 (extra: "
    "imgbudget[pixels]). Can be combined with dimension:N, tokens:N and bytes:SIZE, which bound each image: "
    "edge in px, visual tokens, file size.",
)
FOR = deprecated(
    option(
        "--for",
        many=True,
        parse=codes,
        metavar="IDS",
        complete=model_ids,
        help="The same as --model with several.",
    ),
    "--model IDS",
)
CHEAPEST = flag(
    "--cheapest",
    help="With several models: of all sizes down to nine tenths of the largest, the one that costs least on "
    "all of them together.",
)


def budgets_of(options: BudgetOptions, scopes: Sequence[str]) -> Budgets:
    """The budgets that the options give, in either spelling.

    Raises:
        UsageError: an amount that is none, or one of another scope than these.
    """
    budgets = options.budgets
    for name in NAMES:
        if budgets.amount(name) is not None and name.partition(".")[0] not in scopes:
            known = ", ".join(one for one in NAMES if one.partition(".")[0] in scopes)
            raise UsageError(f"--budget {name}: has no effect in this command; those that have: {known}")
    request = Budget(
        tokens=amount_of(parse_tokens, "--budget-tokens", options.budget_tokens),
        bytes=amount_of(parse_bytes, "--budget-bytes", options.budget_bytes),
        cost=amount_of(parse_cost, "--budget-cost", options.budget_cost),
    )
    return budgets._replace(request=budgets.request.over(request))
