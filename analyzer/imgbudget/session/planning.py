"""Plans of files: each image under its own limits, the images of a request together."""

from typing import NamedTuple

from imgbudget.budgets import Budget
from imgbudget.engine.paths import PathRules
from imgbudget.planner import Goal, ImagePlan, plan_image
from imgbudget.planner.request import RequestPlan, plan_request
from imgbudget.report import FileResult


class Aims(NamedTuple):
    """What a run plans for: the goal and the budget that it was given, over those of the configuration."""

    paths: PathRules
    goal: Goal
    budget: Budget

    def at(self, path: str) -> tuple[Goal, Budget]:
        """The goal of each image and the budget of each request in a file."""
        budgets = self.paths.judge(path).budgets
        goal = self.goal
        image = Budget(goal.tokens, goal.byte_size, goal.cost).over(budgets.image)
        return (
            goal._replace(tokens=image.tokens, byte_size=image.bytes, cost=image.cost),
            self.budget.over(budgets.request),
        )


class FilePlan(NamedTuple):
    """The plans of one file: of its images in their order, and of its requests, whose images they are."""

    images: tuple[ImagePlan, ...]
    requests: tuple[RequestPlan, ...]


def plans_of(result: FileResult, aims: Aims, *, unsafe: bool = False) -> FilePlan:
    """The plans of one file; the images of a request are planned together, within its budget."""
    goal, budget = aims.at(result.path)
    requests = tuple(
        plan_request(one.test, budget=budget, goal=goal, unsafe=unsafe) for one in result.requests
    )
    joint = {plan.use.place: plan for one in requests for plan in one.images}
    images = (
        joint.get(image.use.place) or plan_image(image.use, image.limits, target=goal)
        for image in result.images
    )
    return FilePlan(tuple(plan for plan in images if plan), requests)
