"""Which edits a run makes: those findings ask for, or those of a resize plan; and whether they worked."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import NamedTuple, Protocol

from imgbudget.limits.bound import Limits
from imgbudget.linter.rule_sets import PathRules
from imgbudget.model.budgets import Budget
from imgbudget.model.edits import ImageEdit, RequestEdit
from imgbudget.model.fixes import ReplaceByText
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.results import FileResult
from imgbudget.model.subjects import Finding, ImageUse, Severity
from imgbudget.planner.allocation import within_body
from imgbudget.planner.from_findings import (
    body_wish,
    edited_use,
    image_edit,
    image_edits,
    in_order,
    is_allowed,
    merged,
    request_edit,
    with_images,
    without_images,
)
from imgbudget.planner.image import ImagePlan, SizeGoal, plan_image
from imgbudget.planner.request import RequestPlan, plan_request

FindingKey = tuple[str, Location]
"""A finding as fixes know it: its code and its place, in a file that may get another name."""

WHOLE = ""
"""In place of a code: all that was to be done to an image."""

STILL_THERE = "the finding is still there after the fix"


def key_of(finding: Finding) -> FindingKey:
    """The key of a finding."""
    return key_at(finding.code, finding.location)


def key_at(code: str, location: Location) -> FindingKey:
    """The key of what has a code and a place."""
    return code, location._replace(path="")


def failed_fixes(
    before: Iterable[Finding], after: Iterable[Finding], active: Iterable[Finding], *, moved: bool
) -> dict[FindingKey, str]:
    """The fixes that count as failed, each with the reason, as a clause.

    `active` are the findings of `before` whose fixes were made. Each has to be gone, and at no place may
    there be more errors and warnings than the others there left: a finding in place of one that has gone
    with the fix (a tiny edge where the resize was to make one) is none more, nor is a lesser one than what
    was fixed (a tiny edge of an image in a format that is refused). Where blocks have `moved`, places do not
    compare, and a document is looked at as a whole.
    """

    def group(finding: Finding) -> Hashable:
        return finding.location.document if moved else finding.location._replace(path="")

    active = tuple(active)
    after = tuple(after)
    fixed = {key_of(finding) for finding in active}
    due = Counter((group(finding), finding.code) for finding in active)
    left = Counter((group(finding), finding.code) for finding in before) - due
    now = Counter((group(finding), finding.code) for finding in after)
    grave = Counter(
        group(finding) for finding in before if _is_grave(finding) and key_of(finding) not in fixed
    )
    worst = {group(finding): finding.severity for finding in sorted(active, key=_severity)}
    grave_now = Counter(group(finding) for finding in after if _is_grave(finding))
    failed: dict[FindingKey, str] = {}
    for finding in after:
        here = group(finding)
        if now[here, finding.code] <= left[here, finding.code]:
            continue
        if due[here, finding.code]:
            mine = (one for one in active if one.code == finding.code and group(one) == here)
            failed |= {key_of(one): STILL_THERE for one in mine}
        elif finding.severity >= max(worst.get(here, 0), Severity.WARNING) and grave_now[here] > grave[here]:
            reason = f"it would bring {finding.code} {finding.name}: {finding.message}"
            failed |= {key_of(one): reason for one in _to_blame(active, finding)}
    return failed


def _severity(finding: Finding) -> Severity:
    return finding.severity


def _is_grave(finding: Finding) -> bool:
    return finding.severity >= Severity.WARNING


def _to_blame(active: tuple[Finding, ...], finding: Finding) -> tuple[Finding, ...]:
    """The fixes that may have brought a finding: those at its place, else in its document, else all."""
    location = finding.location._replace(path="")
    here = tuple(one for one in active if one.location._replace(path="") == location)
    near = tuple(one for one in active if one.location.document == location.document)
    return here or near or active


ROUNDS = 8
"""Most rounds of judging: each makes the image smaller, and two are what real rules need."""


def converge_image(
    use: ImageUse,
    limits: Limits,
    judge: Callable[[ImageUse], Iterable[Finding]],
    *,
    unsafe: bool,
    edge_limit: int | None = None,
) -> ImageEdit | None:
    """The edit after which `judge` asks for no more; None when it asks for nothing."""
    edit: ImageEdit | None = None
    for _ in range(ROUNDS):
        seen = use if edit is None else edited_use(use, edit)
        more = image_edit(seen, limits, judge(seen), unsafe=unsafe, edge_limit=edge_limit)
        if more is None or (edit is not None and merged(edit, more) == edit):
            break
        edit = more if edit is None else merged(edit, more)
    return edit


def converge_request(
    test: RequestUnderTest,
    judge: Callable[[RequestUnderTest], Iterable[Finding]],
    *,
    unsafe: bool,
) -> RequestEdit:
    """The edit of a request after which `judge` asks for no more change of its images.

    `judge` gives the findings on the request and on its images; blocks are changed as the first judgement
    says.
    """
    request, found = test.request, tuple(judge(test))
    edit = request_edit(test, found, unsafe=unsafe)
    removed = [block.location for block in edit.blocks if isinstance(block.fix, ReplaceByText)]
    kept = test.changed_to(without_images(request, removed))
    for _ in range(ROUNDS if edit.images else 0):
        edits = {use.location: made for use, made in edit.images}
        seen = test.changed_to(
            with_images(request, {use.location: edited_use(use, made) for use, made in edit.images})
        )
        more = image_edits(seen, judge(seen), unsafe=unsafe)
        together = {
            location: merged(made, more[location]) if location in more else made
            for location, made in edits.items()
        }
        if together == edits:
            break
        bounded = within_body(kept, together, most=body_wish(found, unsafe=unsafe), unsafe=unsafe)
        edit = edit._replace(images=in_order(request, bounded))
    return edit


class PlanTargets(NamedTuple):
    """What a run plans for: the goal and the budget that it was given, over those of the configuration."""

    paths: PathRules
    goal: SizeGoal
    budget: Budget

    def at(self, path: str) -> tuple[SizeGoal, Budget]:
        """The goal of each image and the budget of each request in a file."""
        budgets = self.paths.runner(path).budgets
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


def plans_of(result: FileResult, targets: PlanTargets, *, unsafe: bool = False) -> FilePlan:
    """The plans of one file; the images of a request are planned together, within its budget."""
    goal, budget = targets.at(result.path)
    requests = tuple(
        plan_request(one.test, budget=budget, goal=goal, unsafe=unsafe) for one in result.requests
    )
    joint = {plan.use.location: plan for one in requests for plan in one.images}
    images = (
        joint.get(image.use.location) or plan_image(image.use, image.limits, target=goal)
        for image in result.images
    )
    return FilePlan(tuple(plan for plan in images if plan), requests)


JudgeImage = Callable[[ImageUse], Iterable[Finding]]
JudgeRequest = Callable[[RequestUnderTest], Iterable[Finding]]


NO_EDIT = "nothing that can be done here settles it"


class FixStrategy(Protocol):
    """Decides what is to be done to an image file or to a request."""

    def selects(self, finding: Finding) -> bool:
        """Whether the fix of a finding is to be made, so that it has to be gone afterwards."""

    def applies_to(self, result: FileResult) -> bool:
        """Whether there may be something to do in a file that was checked."""

    def left(self, result: FileResult, refused: Mapping[FindingKey, str]) -> dict[FindingKey, str]:
        """Why fixes that nobody refused were not made all the same."""

    def of_image(self, use: ImageUse, limits: Limits, judge: JudgeImage) -> ImageEdit | None:
        """The edit of an image file; None where nothing is to be done."""

    def of_request(self, test: RequestUnderTest, judge: JudgeRequest) -> RequestEdit:
        """The edits of a request."""


class FindingFixes(NamedTuple):
    """All fixes of the findings, unsafe ones only when asked for."""

    unsafe: bool = False

    def selects(self, finding: Finding) -> bool:
        """All that have a fix that may be made."""
        return is_allowed(finding, unsafe=self.unsafe)

    def applies_to(self, result: FileResult) -> bool:
        """A file with findings."""
        return bool(result.findings)

    def left(self, result: FileResult, refused: Mapping[FindingKey, str]) -> dict[FindingKey, str]:
        """The findings for which there is no edit: of images that cannot be decoded, for the most part."""
        facts = {image.use.location: image.use.facts for image in result.images}
        damages = {location: it.damage for location, it in facts.items() if it and it.damage}
        return {
            key_of(finding): f"the image {damages[finding.location]}"
            if finding.location in damages
            else NO_EDIT
            for finding in result.findings
            if self.selects(finding) and key_of(finding) not in refused
        }

    def of_image(self, use: ImageUse, limits: Limits, judge: JudgeImage) -> ImageEdit | None:
        """The edit that settles the findings on an image."""
        return converge_image(use, limits, judge, unsafe=self.unsafe)

    def of_request(self, test: RequestUnderTest, judge: JudgeRequest) -> RequestEdit:
        """The edits that settle the findings on a request and its images."""
        return converge_request(test, judge, unsafe=self.unsafe)


class PlanFixes(NamedTuple):
    """The resizes of a plan and nothing else; a request that no plan can save is left as it is."""

    targets: PlanTargets
    unsafe: bool = False

    def selects(self, finding: Finding) -> bool:  # noqa: ARG002
        """None: what a resize settles is welcome, no more."""
        return False

    def applies_to(self, result: FileResult) -> bool:
        """A file with images."""
        return bool(result.images)

    def left(self, result: FileResult, refused: Mapping[FindingKey, str]) -> dict[FindingKey, str]:  # noqa: ARG002
        """Nothing: findings are not what a plan is made for."""
        return {}

    def of_image(self, use: ImageUse, limits: Limits, judge: JudgeImage) -> ImageEdit | None:  # noqa: ARG002
        """The resize of an image that its plan changes."""
        goal, _ = self.targets.at(use.location.path)
        plan = plan_image(use, limits, target=goal)
        return plan.edit._replace(first_frame=self.unsafe) if plan and plan.edit else None

    def of_request(self, test: RequestUnderTest, judge: JudgeRequest) -> RequestEdit:  # noqa: ARG002
        """The resizes of the images that the plan of a request changes."""
        goal, budget = self.targets.at(test.request.location.path)
        plan = plan_request(test, budget=budget, goal=goal, unsafe=self.unsafe)
        return plan.edit if plan.feasible else RequestEdit()
