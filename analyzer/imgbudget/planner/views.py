"""What each of several models makes of a planned image, before and after, and what it costs there."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imgbudget.geometry import Size, scales
from imgbudget.limits import Limits
from imgbudget.planner.image import ImagePlan
from imgbudget.undertest import bind_image


class View(NamedTuple):
    """One image on one model. Sizes are what the model looks at, None where it is not published; USD."""

    limits: Limits
    seen_before: Size | None
    seen_after: Size | None
    tokens_before: int
    tokens_after: int
    cost_before: float
    cost_after: float


class ModelTotal(NamedTuple):
    """All images on one model, each a prompt of its own; USD."""

    limits: Limits
    tokens_before: int
    tokens_after: int
    cost_before: float
    cost_after: float


def views_of(plan: ImagePlan, models: Sequence[Limits]) -> Iterator[View]:
    """The image on each model, in their order, at the level of detail that it asks for."""
    for model in models:
        limits = bind_image(plan.use, model)
        known = scales(limits.tier)
        before, after = limits.tokens(plan.size), limits.tokens(plan.planned)
        yield View(
            limits=limits,
            seen_before=limits.native_size(plan.size) if known else None,
            seen_after=limits.native_size(plan.planned) if known else None,
            tokens_before=before,
            tokens_after=after,
            cost_before=limits.cost_usd(before),
            cost_after=limits.cost_usd(after),
        )


def model_totals(plans: Sequence[ImagePlan], models: Sequence[Limits]) -> Iterator[ModelTotal]:
    """The sums over all images, a model each."""
    for model in models:
        views = [view for plan in plans for view in views_of(plan, (model,))]
        yield ModelTotal(
            limits=model,
            tokens_before=sum(view.tokens_before for view in views),
            tokens_after=sum(view.tokens_after for view in views),
            cost_before=sum(view.cost_before for view in views),
            cost_after=sum(view.cost_after for view in views),
        )
