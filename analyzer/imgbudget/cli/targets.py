"""Targets, budgets and several models: what `--target`, `--budget-*`, `--models` and `--for` mean."""

from collections.abc import Sequence

from imgbudget.cli.command import flag, option
from imgbudget.cli.options import BudgetOptions, codes
from imgbudget.config.units import parse_bytes, parse_cost, parse_tokens
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.linter.run import Session
from imgbudget.model.budgets import Budget
from imgbudget.planner.targets import amount_of

ALL = "all"


def limits_of_all(session: Session, names: Sequence[str]) -> tuple[Limits, ...]:
    """The limits of each model, once each, on the session's platform or the one that serves it.

    `all` means the models in service, sorted by provider and then by id. What is unknown or served
    elsewhere leaves a note.
    """
    found: dict[tuple[str, str], Limits] = {}
    for name in names:
        for limits in _in_service(session) if name == ALL else (session.limits_of(name),):
            found.setdefault((limits.model, limits.platform), limits)
    return tuple(found.values())


def _in_service(session: Session) -> list[Limits]:
    data = session.limits
    every = [data.bind(model, session.context.platform) for model in data.models]
    return sorted(
        (limits for limits in every if limits.retired is None),
        key=lambda limits: (data.platforms.index(limits.platform), limits.model),
    )


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


def counted_models(session: Session, names: Sequence[str]) -> tuple[tuple[Limits, ...], list[str]]:
    """The models to compare in an audit, and those of `all` that are left out.

    Raises:
        UsageError: the tokens or the price of one that is named, or of the session's model, are not known.
    """
    models = limits_of_all(session, names)
    left_out = []
    if ALL in names:
        left_out = [limits.model for limits in models if not _is_counted(limits)]
        models = tuple(limits for limits in models if _is_counted(limits))
    for limits in (session.context.limits(), *models):
        _require_known(limits)
    return models, left_out


def _is_counted(limits: Limits) -> bool:
    """Whether the tokens of images of all sizes are known."""
    return limits.counts_tokens and limits.known_edge is None


def _require_known(limits: Limits) -> None:
    """Raise UsageError for a model whose tokens or price are not known: the sums of an audit need both."""
    if not limits.known:
        nearest = f"did you mean {' or '.join(limits.nearest)}? " if limits.nearest else ""
        raise UsageError(
            f"unknown model {limits.model[:80]!r}: an audit needs its tokens and price; {nearest}"
            "`imgbudget limits` lists the known models, and --limits FILE adds one"
        )
    if not _is_counted(limits):
        of_all = "images of all sizes" if limits.counts_tokens else "images"
        raise UsageError(
            f"an audit needs the tokens that {of_all} take on {limits.model}, which are not known: "
            f"{limits.doubt}"
        )
