"""Which edits a run makes: those that findings ask for, or those of a resize plan."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from imgbudget.edit import ImageEdit, RequestEdit
from imgbudget.limits import Limits
from imgbudget.model import Finding, ImageUse, Request
from imgbudget.planner import Target, plan_image, request_edge_limit
from imgbudget.planner.settle import settle_image, settle_request
from imgbudget.report import FileResult

JudgeImage = Callable[[ImageUse], Iterable[Finding]]
JudgeRequest = Callable[[Request], Iterable[Finding]]


class Choice(Protocol):
    """Decides what is to be done to an image file or to a request."""

    @property
    def unsafe(self) -> bool:
        """Whether fixes may be made that change what the model sees."""

    def concerns(self, result: FileResult) -> bool:
        """Whether there may be something to do in a file that was checked."""

    def of_image(self, use: ImageUse, limits: Limits, judge: JudgeImage) -> ImageEdit | None:
        """The edit of an image file; None where nothing is to be done."""

    def of_request(self, request: Request, limits: Limits, judge: JudgeRequest) -> RequestEdit:
        """The edits of a request."""


class ByFindings(NamedTuple):
    """All fixes of the findings, unsafe ones only when asked for."""

    unsafe: bool = False

    def concerns(self, result: FileResult) -> bool:
        """A file with findings."""
        return bool(result.findings)

    def of_image(self, use: ImageUse, limits: Limits, judge: JudgeImage) -> ImageEdit | None:
        """The edit that settles the findings on an image."""
        return settle_image(use, limits, judge, unsafe=self.unsafe)

    def of_request(self, request: Request, limits: Limits, judge: JudgeRequest) -> RequestEdit:
        """The edits that settle the findings on a request and its images."""
        return settle_request(request, limits, judge, unsafe=self.unsafe)


class ByPlan(NamedTuple):
    """The resizes of a plan, and nothing else."""

    target: Target
    unsafe: bool = False

    def concerns(self, result: FileResult) -> bool:
        """A file with images."""
        return bool(result.images)

    def of_image(self, use: ImageUse, limits: Limits, judge: JudgeImage) -> ImageEdit | None:  # noqa: ARG002
        """The resize of an image that its plan changes."""
        return self._edit(use, limits, None)

    def of_request(self, request: Request, limits: Limits, judge: JudgeRequest) -> RequestEdit:  # noqa: ARG002
        """The resizes of the images that the plan of a request changes."""
        edge = request_edge_limit(request, limits)
        edits = ((use, self._edit(use, limits, edge)) for use in request.images)
        return RequestEdit(images=tuple((use, edit) for use, edit in edits if edit))

    def _edit(self, use: ImageUse, limits: Limits, edge: int | None) -> ImageEdit | None:
        plan = plan_image(use, limits, edge_limit=edge, target=self.target)
        if plan is None or not plan.changes or use.facts is None:
            return None
        return ImageEdit(size=plan.planned, upright=True, first_frame=self.unsafe and use.facts.animated)
