"""What images take before and after a plan, on one model or several: the fewest and the most of each amount.

Both ends are the same where sources agree on the tokens of an image. An image whose tokens are not known is
in no sum, but counted as such.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size, publishes_size
from imgbudget.planner.image import ImagePlan

Tokens = tuple[int, int]
"""The fewest and the most visual tokens."""

Costs = tuple[float, float]
"""The least and the most US dollars."""

_NO_TOKENS, _NO_COSTS = (0, 0), (0.0, 0.0)


def cost_ends(limits: Limits, tokens: Tokens | None) -> Costs | None:
    """The least and the most that tokens cost; None if tokens or price are not known."""
    low, high = (limits.cost_usd(end) for end in tokens or (None, None))
    return None if low is None or high is None else (low, high)


def tokens_of(spans: Iterable[Tokens | None]) -> Tokens:
    """The sum of the numbers of tokens that are known."""
    known = [span or _NO_TOKENS for span in spans]
    return sum(low for low, _ in known), sum(high for _, high in known)


def costs_of(spans: Iterable[Costs | None]) -> Costs:
    """The sum of the costs that are known."""
    known = [span or _NO_COSTS for span in spans]
    return sum(low for low, _ in known), sum(high for _, high in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTotals:
    """Sums over all images, before and after the plan, costs in USD.

    The bytes after are within `bytes_range`, whose ends are the same if all are known.

    Tokens and cost are without those of `uncounted` images, whose tokens are not known; of these, `unknown`
    ones are for unknown models. Costs are also without those of `unpriced` images, whose price is not known.
    """

    changed: int
    tokens_before: Tokens
    tokens_after: Tokens
    tokens_area_before: int
    tokens_area_after: int
    bytes_before: int
    bytes_after: int
    bytes_range: tuple[int, int]
    cost_before: Costs
    cost_after: Costs
    uncounted: int
    unknown: int
    unpriced: int

    @property
    def is_certain(self) -> bool:
        """Whether sources agree on the tokens of every image."""
        return all(low == high for low, high in (self.tokens_before, self.tokens_after))

    @classmethod
    def of(cls, plans: Sequence[ImagePlan]) -> "PlanTotals":
        """The sums over these plans."""
        before = [plan.limits.tokens_ends(plan.arrives) for plan in plans]
        after = [plan.ends_after for plan in plans]
        costs = [cost_ends(plan.limits, span) for plan, span in zip(plans, before, strict=True)]
        return cls(
            changed=sum(plan.changes for plan in plans),
            tokens_before=tokens_of(before),
            tokens_after=tokens_of(after),
            tokens_area_before=sum(plan.tokens_area_before or 0 for plan in plans),
            tokens_area_after=sum(plan.tokens_area_after or 0 for plan in plans),
            bytes_before=sum(plan.byte_size_before for plan in plans),
            bytes_after=sum(plan.byte_size_after for plan in plans),
            bytes_range=(
                sum(plan.bytes_range[0] for plan in plans),
                sum(plan.bytes_range[1] for plan in plans),
            ),
            cost_before=costs_of(costs),
            cost_after=costs_of(
                cost_ends(plan.limits, span) for plan, span in zip(plans, after, strict=True)
            ),
            uncounted=sum(span is None for span in before),
            unknown=sum(not plan.limits.counts_tokens for plan in plans),
            unpriced=sum(span is not None and cost is None for span, cost in zip(before, costs, strict=True)),
        )


class View(NamedTuple):
    """One image on one model. `size_before` and `size_after` are the sizes that the model uses.

    They are None if the provider does not publish them, tokens and costs if they are not known.
    """

    limits: Limits
    size_before: Size | None
    size_after: Size | None
    tokens_before: Tokens | None
    tokens_after: Tokens | None
    cost_before: Costs | None
    cost_after: Costs | None


class ModelTotal(NamedTuple):
    """The images that are planned for a model on a platform, each as a prompt by itself.

    Tokens and costs are None for an unknown model; `uncounted` images have no known number of tokens.
    """

    limits: Limits
    images: int
    tokens_before: Tokens | None
    tokens_after: Tokens | None
    cost_before: Costs | None
    cost_after: Costs | None
    uncounted: int


def views_of(plan: ImagePlan) -> Iterator[View]:
    """The image on each of the models that it is planned for, in order, at its level of detail."""
    for limits in plan.models:
        known = publishes_size(limits.tier)
        before, after = limits.tokens_ends(plan.arrives), limits.tokens_ends(plan.will_arrive)
        yield View(
            limits=limits,
            size_before=limits.native_size(plan.arrives) if known else None,
            size_after=limits.native_size(plan.will_arrive) if known else None,
            tokens_before=before,
            tokens_after=after,
            cost_before=cost_ends(limits, before),
            cost_after=cost_ends(limits, after),
        )


def model_totals(plans: Sequence[ImagePlan]) -> Iterator[ModelTotal]:
    """The sums over all images, one for each model on each platform that a configuration sets for it."""
    found: dict[tuple[str, str], list[View]] = {}
    for plan in plans:
        for view in views_of(plan):
            found.setdefault((view.limits.model, view.limits.platform), []).append(view)
    for views in found.values():
        model = views[0].limits
        counted, priced = model.counts_tokens, model.input_price is not None
        yield ModelTotal(
            limits=model,
            images=len(views),
            tokens_before=tokens_of(view.tokens_before for view in views) if counted else None,
            tokens_after=tokens_of(view.tokens_after for view in views) if counted else None,
            cost_before=costs_of(view.cost_before for view in views) if priced else None,
            cost_after=costs_of(view.cost_after for view in views) if priced else None,
            uncounted=sum(view.tokens_before is None for view in views),
        )
