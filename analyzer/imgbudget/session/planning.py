"""Plans of files: each image under its own limits, the images of a request together."""

from typing import NamedTuple

from imgbudget.config.settings import Budget
from imgbudget.planner import Goal, ImagePlan, plan_image
from imgbudget.planner.request import RequestPlan, plan_request
from imgbudget.report import FileResult
from imgbudget.session.run import Session


class FilePlan(NamedTuple):
    """The plans of one file: of its images in their order, and of its requests, whose images they are."""

    images: tuple[ImagePlan, ...]
    requests: tuple[RequestPlan, ...]


def aims_of(session: Session, goal: Goal, budget: Budget) -> tuple[Goal, Budget]:
    """The goal and the budget of a request; the configuration's word holds where these say nothing."""
    budgets = session.settings.budgets
    return (
        goal._replace(
            tokens=goal.tokens if goal.tokens is not None else budgets.image.tokens,
            byte_size=goal.byte_size if goal.byte_size is not None else budgets.image.bytes,
        ),
        Budget(
            tokens=budgets.request.tokens if budget.tokens is None else budget.tokens,
            bytes=budgets.request.bytes if budget.bytes is None else budget.bytes,
            cost=budgets.request.cost if budget.cost is None else budget.cost,
        ),
    )


def plans_of(result: FileResult, goal: Goal, budget: Budget, *, unsafe: bool = False) -> FilePlan:
    """The plans of one file; the images of a request are planned together, within its budget."""
    requests = tuple(
        plan_request(one.request, one.limits, budget=budget, goal=goal, unsafe=unsafe)
        for one in result.requests
    )
    joint = {plan.use.place: plan for one in requests for plan in one.images}
    images = (
        joint.get(image.use.place) or plan_image(image.use, image.limits, target=goal)
        for image in result.images
    )
    return FilePlan(tuple(plan for plan in images if plan), requests)
