"""Which edits a run makes: those that findings ask for, or those of a resize plan."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from imgbudget.edit import ImageEdit, RequestEdit
from imgbudget.limits import Limits
from imgbudget.model import Finding, ImageUse
from imgbudget.planner import plan_image
from imgbudget.planner.edits import is_allowed
from imgbudget.planner.request import plan_request
from imgbudget.planner.settle import settle_image, settle_request
from imgbudget.report import FileResult
from imgbudget.session.planning import Aims
from imgbudget.session.proof import Key, key_of
from imgbudget.undertest import RequestUnderTest

JudgeImage = Callable[[ImageUse], Iterable[Finding]]
JudgeRequest = Callable[[RequestUnderTest], Iterable[Finding]]


NO_EDIT = "nothing that can be done here settles it"


class Choice(Protocol):
    """Decides what is to be done to an image file or to a request."""

    def intends(self, finding: Finding) -> bool:
        """Whether the fix of a finding is to be made, so that it has to be gone afterwards."""

    def concerns(self, result: FileResult) -> bool:
        """Whether there may be something to do in a file that was checked."""

    def left(self, result: FileResult, refused: Mapping[Key, str]) -> dict[Key, str]:
        """Why fixes that nobody refused were not made all the same."""

    def of_image(self, use: ImageUse, limits: Limits, judge: JudgeImage) -> ImageEdit | None:
        """The edit of an image file; None where nothing is to be done."""

    def of_request(self, test: RequestUnderTest, judge: JudgeRequest) -> RequestEdit:
        """The edits of a request."""


class ByFindings(NamedTuple):
    """All fixes of the findings, unsafe ones only when asked for."""

    unsafe: bool = False

    def intends(self, finding: Finding) -> bool:
        """All that have a fix that may be made."""
        return is_allowed(finding, unsafe=self.unsafe)

    def concerns(self, result: FileResult) -> bool:
        """A file with findings."""
        return bool(result.findings)

    def left(self, result: FileResult, refused: Mapping[Key, str]) -> dict[Key, str]:
        """The findings for which there is no edit: of images that cannot be decoded, for the most part."""
        facts = {image.use.place: image.use.facts for image in result.images}
        damages = {place: it.damage for place, it in facts.items() if it and it.damage}
        return {
            key_of(finding): f"the image {damages[finding.place]}" if finding.place in damages else NO_EDIT
            for finding in result.findings
            if self.intends(finding) and key_of(finding) not in refused
        }

    def of_image(self, use: ImageUse, limits: Limits, judge: JudgeImage) -> ImageEdit | None:
        """The edit that settles the findings on an image."""
        return settle_image(use, limits, judge, unsafe=self.unsafe)

    def of_request(self, test: RequestUnderTest, judge: JudgeRequest) -> RequestEdit:
        """The edits that settle the findings on a request and its images."""
        return settle_request(test, judge, unsafe=self.unsafe)


class ByPlan(NamedTuple):
    """The resizes of a plan and nothing else; a request that no plan can save is left as it is."""

    aims: Aims
    unsafe: bool = False

    def intends(self, finding: Finding) -> bool:  # noqa: ARG002
        """None: what a resize settles is welcome, no more."""
        return False

    def concerns(self, result: FileResult) -> bool:
        """A file with images."""
        return bool(result.images)

    def left(self, result: FileResult, refused: Mapping[Key, str]) -> dict[Key, str]:  # noqa: ARG002
        """Nothing: findings are not what a plan is made for."""
        return {}

    def of_image(self, use: ImageUse, limits: Limits, judge: JudgeImage) -> ImageEdit | None:  # noqa: ARG002
        """The resize of an image that its plan changes."""
        goal, _ = self.aims.at(use.place.path)
        plan = plan_image(use, limits, target=goal)
        return plan.edit._replace(first_frame=self.unsafe) if plan and plan.edit else None

    def of_request(self, test: RequestUnderTest, judge: JudgeRequest) -> RequestEdit:  # noqa: ARG002
        """The resizes of the images that the plan of a request changes."""
        goal, budget = self.aims.at(test.request.place.path)
        plan = plan_request(test, budget=budget, goal=goal, unsafe=self.unsafe)
        return plan.edit if plan.feasible else RequestEdit()
