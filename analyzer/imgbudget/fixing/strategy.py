"""Which edits a run makes: fixes of findings, or the resizes of a plan; and whether they worked."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.clients import ClientProfile
from imgbudget.linter.models import LimitsByPlace, models_at
from imgbudget.linter.rule_sets import PathRules
from imgbudget.linter.run import Session
from imgbudget.model.budgets import Budget
from imgbudget.model.edits import ImageEdit, RequestEdit
from imgbudget.model.fixes import BakeOrientation, Recode, RepairBase64, ReplaceByText, Resize, TextToImages
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.results import FileResult
from imgbudget.model.safety import ANY_LOSS, CONVERSIONS, needed_level, pictures_in
from imgbudget.model.subjects import Finding, ImageUse, Severity
from imgbudget.planner.allocation import within_body
from imgbudget.planner.bounds import NO_BUDGET
from imgbudget.planner.clients import plan_as_sent
from imgbudget.planner.from_findings import (
    body_target,
    edited_use,
    image_edit,
    image_edits,
    in_order,
    is_allowed,
    merged,
    request_edit,
    with_images,
    with_notes,
    without_images,
)
from imgbudget.planner.image import ImagePlan, SizeGoal, SizePreset, plan_image, takes_webp, written_format
from imgbudget.planner.request import RequestPlan, plan_request

FindingKey = tuple[str, Location]
"""The identity of a finding while fixing: its code and its location, without the path, which may change."""

WHOLE = ""
"""Replaces the code in the key of all changes to an image."""

STILL_THERE = "the finding is still there after the fix"


def key_of(finding: Finding) -> FindingKey:
    """The key of a finding."""
    return key_at(finding.code, finding.location)


def key_at(code: str, location: Location) -> FindingKey:
    """The key for a code and a location."""
    return code, location._replace(path="")


def failed_fixes(
    before: Iterable[Finding],
    after: Iterable[Finding],
    active: Iterable[Finding],
    *,
    moved: bool,
    will_fix: Callable[[Finding], bool] = lambda _: False,
) -> dict[FindingKey, str]:
    """The fixes that count as failed, each with the reason, as a clause.

    `active` are the findings of `before` whose fixes were made. Each must be gone, and no location may have
    more errors and warnings than the other findings there account for. A finding that takes the place of a
    fixed one (a tiny edge where the resize was to avoid one) is not an additional one, nor is one of lower
    severity than the fixed one (a tiny edge of an image in an unsupported format). If blocks have `moved`,
    locations cannot be compared, and a document is compared as a whole. Images that can be read only now, out
    of a text or of base64 that was malformed, may cause warnings: what they are about (a duplicate) was there
    before. Those out of a text may also cause errors that a later step `will_fix`: the text was worse.
    """

    def group(finding: Finding) -> Hashable:
        return finding.location.document if moved else finding.location._replace(path="")

    active = tuple(active)
    after = tuple(after)
    fixed = {key_of(finding) for finding in active}
    due = Counter((group(finding), finding.code) for finding in active)
    remaining = Counter((group(finding), finding.code) for finding in before) - due
    now = Counter((group(finding), finding.code) for finding in after)
    serious = Counter(
        group(finding) for finding in before if _is_serious(finding) and key_of(finding) not in fixed
    )
    worst = {group(finding): finding.severity for finding in sorted(active, key=_severity)}
    serious_now = Counter(group(finding) for finding in after if _is_serious(finding))
    shown = tuple(finding for finding in active if isinstance(finding.fix, TextToImages))
    is_new_image = any(isinstance(finding.fix, (TextToImages, RepairBase64)) for finding in active)
    failed: dict[FindingKey, str] = {}
    for finding in after:
        here = group(finding)
        if now[here, finding.code] <= remaining[here, finding.code]:
            continue
        if due[here, finding.code]:
            mine = (one for one in active if one.code == finding.code and group(one) == here)
            failed |= {key_of(one): STILL_THERE for one in mine}
        elif (is_new_image and finding.severity < Severity.ERROR) or (shown and will_fix(finding)):
            continue
        elif (
            finding.severity >= max(worst.get(here, 0), Severity.WARNING)
            and serious_now[here] > serious[here]
        ):
            reason = f"it would cause {finding.code} {finding.name}: {finding.message}"
            failed |= {key_of(one): reason for one in _suspects(shown or active, finding)}
    return failed


def _severity(finding: Finding) -> Severity:
    return finding.severity


def _is_serious(finding: Finding) -> bool:
    return finding.severity >= Severity.WARNING


def _suspects(active: tuple[Finding, ...], finding: Finding) -> tuple[Finding, ...]:
    """The fixes that may have caused a finding: those at its location, else in its document, else all."""
    location = finding.location._replace(path="")
    here = tuple(one for one in active if one.location._replace(path="") == location)
    near = tuple(one for one in active if one.location.document == location.document)
    return here or near or active


ROUNDS = 8
"""Most rounds of checking: each makes the image smaller, and real rules need two."""


def converge_image(
    use: ImageUse,
    limits: Limits,
    check: Callable[[ImageUse], Iterable[Finding]],
    *,
    unsafe: bool,
    edge_limit: int | None = None,
) -> ImageEdit | None:
    """The edit after which `check` leads to no further one; None if it leads to none."""
    edit: ImageEdit | None = None
    for _ in range(ROUNDS):
        edited = use if edit is None else edited_use(use, edit)
        more = image_edit(edited, limits, check(edited), unsafe=unsafe, edge_limit=edge_limit)
        if more is None or (edit is not None and merged(edit, more) == edit):
            break
        edit = more if edit is None else merged(edit, more)
    return edit


def converge_request(
    test: RequestUnderTest,
    check: Callable[[RequestUnderTest], Iterable[Finding]],
    *,
    unsafe: bool,
) -> RequestEdit:
    """The edit of a request after which `check` leads to no further change of its images.

    `check` gives the findings on the request and on its images; blocks are changed as the first check says.
    """
    request, found = test.request, tuple(check(test))
    edit = request_edit(test, found, unsafe=unsafe)
    removed = [block.location for block in edit.blocks if isinstance(block.fix, ReplaceByText)]
    kept = test.changed_to(without_images(request, removed))
    for _ in range(ROUNDS if edit.images else 0):
        edits = {use.location: planned for use, planned in edit.images}
        edited = test.changed_to(
            with_images(request, {use.location: edited_use(use, planned) for use, planned in edit.images})
        )
        more = image_edits(edited, check(edited), unsafe=unsafe)
        together = {
            location: merged(planned, more[location]) if location in more else planned
            for location, planned in edits.items()
        }
        if together == edits:
            break
        bounded = within_body(kept, together, most=body_target(found, unsafe=unsafe), unsafe=unsafe)
        edit = edit._replace(images=in_order(request, bounded))
    return with_notes(test, edit)


def for_models(goal: SizeGoal, names: Sequence[str], *, cheapest: bool) -> SizeGoal:
    """The goal for several models together, whose limits are those of each file; itself if none are named.

    Raises:
        UsageError: no models to compare for `cheapest`, or a goal that chooses another size.
    """
    if cheapest and not names:
        raise UsageError("the cheapest size needs the models to compare: --model a,b")
    if names and goal.target is not SizePreset.TABLE:
        raise UsageError(
            "a size for several models is chosen by their limits; "
            "only --target dimension:, tokens: and bytes: can be combined with it"
        )
    return goal._replace(cheapest=cheapest)


class PlanTargets(NamedTuple):
    """The targets of a run: the given goal and budget, over those of the configuration.

    With `models` the goal is for several of them together, on the platform that a request goes to, or that of
    the file's configuration. With `selected`, only image files and requests with a finding are planned.
    """

    paths: PathRules
    goal: SizeGoal
    budget: Budget
    models: LimitsByPlace | None = None
    selected: bool = False

    @classmethod
    def of(
        cls,
        session: Session,
        goal: SizeGoal,
        budget: Budget = NO_BUDGET,
        *,
        models: Sequence[str] = (),
        selected: bool = False,
    ) -> "PlanTargets":
        """The targets of a session, for the named models if they are several."""
        bound = models_at(session, models) if models else None
        return cls(session.context.paths, goal, budget, bound, selected)

    def at(self, path: str) -> tuple[SizeGoal, Budget]:
        """The goal of each image file and the budget of each request in a file."""
        budgets = self.paths.at(path).runner(path).budgets
        goal = self.goal
        image = Budget(goal.tokens, goal.byte_size, goal.cost).over(budgets.image)
        return (
            goal._replace(
                tokens=image.tokens,
                byte_size=image.bytes,
                cost=image.cost,
                models=self.models(path, "") if self.models else (),
            ),
            self.budget.over(budgets.request),
        )

    def for_request(self, goal: SizeGoal, test: RequestUnderTest) -> SizeGoal:
        """The goal of a file for the images of one of its requests."""
        if self.models is None:
            return goal
        return goal._replace(models=self.models(test.request.location.path, test.limits.platform))


class FilePlan(NamedTuple):
    """The plans of one file: of its images in order, and of its requests.

    `left_out` is how many of its images are not planned, as no rule that is selected finds anything.
    """

    images: tuple[ImagePlan, ...]
    requests: tuple[RequestPlan, ...]
    left_out: int = 0


def plans_of(result: FileResult, targets: PlanTargets, *, unsafe: bool = False) -> FilePlan:
    """The plans of one file; the images of a request are planned together, within its budget."""
    goal, budget = targets.at(result.path)
    found = {finding.location for finding in result.findings}
    documents = {location.document for location in found}
    requests = tuple(
        plan_request(one.test, budget=budget, goal=targets.for_request(goal, one.test), unsafe=unsafe)
        for one in result.requests
        if not targets.selected or one.request.location.document in documents
    )
    joint = {plan.use.location: plan for one in requests for plan in one.images}
    wanted = [
        image
        for image in result.images
        if not targets.selected or image.use.location in joint or image.use.location in found
    ]
    images = (
        joint.get(image.use.location)
        or _plan_of_file(image.use, image.limits, goal, image.client.profile if image.client else None)
        for image in wanted
    )
    planned = tuple(plan for plan in images if plan)
    return FilePlan(planned, requests, left_out=len(result.images) - len(wanted))


def _plan_of_file(
    use: ImageUse, limits: Limits, goal: SizeGoal, client: ClientProfile | None
) -> ImagePlan | None:
    """The plan for an image file, or for one outside of requests."""
    if client is None or use.in_request:
        return plan_image(use, limits, target=goal)
    return plan_as_sent(use, limits, goal, client)


CheckImage = Callable[[ImageUse], Iterable[Finding]]
CheckRequest = Callable[[RequestUnderTest], Iterable[Finding]]


NO_EDIT = "no available edit fixes it"


class FixStrategy(Protocol):
    """Decides how to change an image file or a request. Can be pickled until it is bound."""

    @property
    def is_final(self) -> bool:
        """Whether its edits are for the file as it was, and none for the result."""

    def bound(self, session: Session) -> "FixStrategy":
        """The same with the budgets and models that a session has for each path, which the others need."""

    def selects(self, finding: Finding) -> bool:
        """Whether the fix of a finding is to be made, so that the finding must disappear."""

    @property
    def of_pages(self) -> "FixStrategy":
        """The same for pages that become files, each of which has to change its format at least."""

    def remakes(self, result: FileResult) -> bool:
        """Whether it gives an image file new pixels or another format."""

    def applies_to(self, result: FileResult) -> bool:
        """Whether there may be something to change in a checked file."""

    def unfixed(self, result: FileResult, refused: Mapping[FindingKey, str]) -> dict[FindingKey, str]:
        """The fixes that were not made although none of them failed, with the reasons."""

    def of_image(self, use: ImageUse, limits: Limits, check: CheckImage) -> ImageEdit | None:
        """The edit of an image file; None for no change."""

    def of_request(self, test: RequestUnderTest, check: CheckRequest) -> RequestEdit:
        """The edits of a request."""


class FindingFixes(NamedTuple):
    """All fixes of the findings, unsafe ones only on request.

    In requests and sessions those of findings of `level` and above are made, and those of the rules in
    `codes`. `only` are the findings to fix, if not all: they are those of the file as it was.
    """

    unsafe: bool = False
    level: Severity = Severity.ERROR
    codes: frozenset[str] = frozenset()
    only: frozenset[FindingKey] = frozenset()

    @property
    def is_final(self) -> bool:
        """Not if all are fixed: an edit may leave a finding, or cause another."""
        return bool(self.only)

    def bound(self, session: Session) -> "FindingFixes":  # noqa: ARG002
        """Itself: its budgets come with the findings."""
        return self

    def selects(self, finding: Finding) -> bool:
        """All findings with a permitted fix."""
        if self.only and key_of(finding) not in self.only:
            return False
        level = needed_level(finding)
        return is_allowed(finding, unsafe=self.unsafe) and (
            level is None or level >= self.level or finding.code in self.codes
        )

    @property
    def of_pages(self) -> "FindingFixes":
        """Itself: the format of a page is a finding."""
        return self

    def remakes(self, result: FileResult) -> bool:
        """Whether a fix does."""
        return any(
            isinstance(finding.fix, BakeOrientation | Recode | Resize) and self.selects(finding)
            for finding in result.findings
        )

    def applies_to(self, result: FileResult) -> bool:
        """A file with findings."""
        return bool(result.findings)

    def unfixed(self, result: FileResult, refused: Mapping[FindingKey, str]) -> dict[FindingKey, str]:
        """The findings without an edit: mostly of images that cannot be decoded."""
        facts = {image.use.location: image.use.facts for image in result.images}
        damages = {location: it.damage for location, it in facts.items() if it and it.damage}
        return {
            key_of(finding): f"the image {damages[finding.location]}"
            if finding.location in damages
            else NO_EDIT
            for finding in result.findings
            if self.selects(finding) and key_of(finding) not in refused
        }

    def of_image(self, use: ImageUse, limits: Limits, check: CheckImage) -> ImageEdit | None:
        """The edit that fixes the findings on an image."""
        return converge_image(use, limits, check, unsafe=self.unsafe)

    def of_request(self, test: RequestUnderTest, check: CheckRequest) -> RequestEdit:
        """The edits that fix the findings on a request and its images."""

        def permitted(tested: RequestUnderTest) -> list[Finding]:
            return [
                finding if finding.fix is None or self.selects(finding) else finding._replace(fix=None)
                for finding in check(tested)
            ]

        return converge_request(test, permitted, unsafe=self.unsafe)


class PlanFixes(NamedTuple):
    """Only the resizes of a plan; a request that no plan makes feasible is not changed.

    With `converts`, images without a resize are converted if the API does not take their format. `client` is
    the profile of the agent that sends the files, if one is named. With `models` the sizes suit all of these.
    With `selected`, only image files and requests with a finding are changed.
    """

    goal: SizeGoal
    budget: Budget
    unsafe: bool = False
    targets: PlanTargets | None = None
    converts: bool = False
    client: ClientProfile | None = None
    models: tuple[str, ...] = ()
    selected: bool = False

    @property
    def is_final(self) -> bool:
        """Yes: a plan for the result would be another plan, and with --cheapest a smaller size each time."""
        return True

    def bound(self, session: Session) -> "PlanFixes":
        """With the targets of a session: rules cannot be sent to a process that was not forked."""
        return self._replace(targets=PlanTargets.of(session, self.goal, self.budget, models=self.models))

    @property
    def _bound(self) -> PlanTargets:
        if self.targets is None:
            raise ValueError("the plan is not bound to a session")
        return self.targets

    def selects(self, finding: Finding) -> bool:  # noqa: ARG002
        """None: a resize need not fix any finding."""
        return False

    @property
    def of_pages(self) -> "PlanFixes":
        """With the conversion of pages that need no resize."""
        return self._replace(converts=True)

    def remakes(self, result: FileResult) -> bool:
        """Whether the plan changes the image, and may change what it shows."""
        return self.unsafe and any(
            self.of_image(image.use, image.limits, lambda _: result.findings) is not None
            for image in result.images
        )

    def applies_to(self, result: FileResult) -> bool:
        """A file with images, and with findings if these are asked for."""
        return bool(result.images) and (bool(result.findings) or not self.selected)

    def unfixed(self, result: FileResult, refused: Mapping[FindingKey, str]) -> dict[FindingKey, str]:  # noqa: ARG002
        """None: a plan is not made for findings."""
        return {}

    def of_image(self, use: ImageUse, limits: Limits, check: CheckImage) -> ImageEdit | None:
        """The resize of an image that its plan changes."""
        if self.selected and not tuple(check(use)):
            return None
        goal, _ = self._bound.at(use.location.path)
        plan = _plan_of_file(use, limits, goal, self.client)
        edit = plan.edit if plan is not None else None
        if edit is None and self.converts and use.facts is not None and use.facts.format is not None:
            form = written_format(use.facts.format, limits.media_types)
            edit = ImageEdit(format=form, upright=True, webp=takes_webp(limits)) if form else None
        if edit is None:
            return None
        return edit._replace(first_frame=True, permits=ANY_LOSS) if self.unsafe else edit

    def of_request(self, test: RequestUnderTest, check: CheckRequest) -> RequestEdit:
        """The resizes of the images that the plan of a request changes."""
        if self.selected and not tuple(check(test)):
            return RequestEdit()
        goal, budget = self._bound.at(test.request.location.path)
        goal = self._bound.for_request(goal, test)
        plan = plan_request(test, budget=budget, goal=goal, unsafe=self.unsafe)
        return with_notes(test, plan.edit) if plan.feasible else RequestEdit()


def makes_pages(strategy: FixStrategy, result: FileResult) -> bool:
    """Whether the fixes of an image file turn each of its pages into a file."""
    facts = result.images[0].use.facts
    return (
        facts is not None
        and facts.damage is None
        and facts.format in CONVERSIONS
        and facts.format not in {"gif", "webp"}
        and pictures_in(facts) > 1
        and strategy.remakes(result)
    )
