"""Everything needed to lint one file: rules, limits, requested facts; and the notes it leaves."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from imgbudget.limits.bound import Limits
from imgbudget.limits.data import LimitsData
from imgbudget.linter.rule_sets import PathRules, RuleRunner, SuppressedCounts
from imgbudget.model.fixes import BakeOrientation, Recode, Resize, StripMetadata
from imgbudget.model.request_under_test import Levels, RequestUnderTest, bind_request
from imgbudget.model.results import FileResult, ImageResult
from imgbudget.model.subjects import Finding, FixSafety, ImageUse, ProbeField, Request
from imgbudget.planner.sizes import size_after_fixes

if TYPE_CHECKING:
    from imgbudget.model.location import Location


class LintContext:
    """The workplace of a run.

    `fields` are facts that the output needs beside those of the rules. `asked_platform` says that the user
    named the platform, and must hear where it does not serve a model.
    """

    def __init__(  # noqa: PLR0913 - what a run is made of
        self,
        *,
        paths: PathRules,
        data: LimitsData,
        model: str,
        platform: str,
        fields: ProbeField = ProbeField.NONE,
        excerpts: bool = False,
        edits: bool = False,
        asked_platform: bool = False,
    ) -> None:
        self.paths, self.data = paths, data
        self.model, self.platform = model, platform
        self.fields = fields
        self.excerpts, self.edits = excerpts, edits
        self.asked_platform = asked_platform
        self.notes: dict[str, None] = {}
        # the limits for files, once they were asked for: each file is judged by the same
        self._own: Limits | None = None
        self._levels: Levels = {}

    def other(self, model: str, platform: str) -> "LintContext":
        """The same for another model on another platform; it leaves its notes here."""
        context = LintContext(
            paths=self.paths,
            data=self.data,
            model=model,
            platform=platform,
            fields=self.fields,
            excerpts=self.excerpts,
            edits=self.edits,
            asked_platform=self.asked_platform,
        )
        context.notes = self.notes
        return context

    def limits(self, request: Request | None = None) -> Limits:
        """The limits for files, or for a request: its own model, the platform that id or dialect implies."""
        if request is None and self._own is not None:
            return self._own
        model, platform = self.model, self.platform
        if request is not None and request.model:
            model = request.model
        elif request is not None and request.platform:
            model = self.data.model_for(model, request.platform)
        spelling = self.data.normalize(model)
        if request is not None:
            platform = request.platform or (request.model and spelling.platform) or platform
        limits = self.data.bind(model, platform)
        if not limits.known:
            self.note_unknown(model, spelling.nearest, limits.tier.name)
        elif self.asked_platform and platform == self.platform and limits.platform != platform:
            self.note_elsewhere(limits, platform)
        if request is None:
            self._own = limits
        return limits

    def bind(self, request: Request) -> RequestUnderTest:
        """The request with the limits that it and its images are checked against."""
        return bind_request(request, self.limits(request), self._levels)

    def note_unknown(self, model: str, nearest: Sequence[str], tier: str) -> None:
        """Leave a note, once a model, that nothing is known of it, and which tier stands in."""
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        self.notes[f"unknown model {model!r}: judged by the strictest limits ({tier} tier){hint}"] = None

    def note_elsewhere(self, limits: Limits, platform: str) -> None:
        """Leave a note, once a model, that the platform asked for does not serve it."""
        note = f"{limits.model} is not served on {platform}: judged as on {limits.platform}"
        self.notes[note] = None

    def facts(self, runner: RuleRunner) -> int:
        """What the probes must read for the rules and the output, as bits of `Fact`."""
        # of plain integers: the flags' own arithmetic takes 2 us, of each file
        return int.__or__(runner.rules.needs, self.fields)

    def result(
        self, path: str, findings: Iterable[Finding], images: Iterable[tuple[ImageUse, Limits]]
    ) -> tuple[tuple[Finding, ...], SuppressedCounts, tuple[ImageResult, ...]]:
        """The findings that are reported, how many are silenced by what, and the images with their plans."""
        kept, suppressed = self.paths.split(path, tuple(findings))
        images = tuple(images)
        if not kept:
            return kept, suppressed, tuple([image_result(use, limits, ()) for use, limits in images])
        if animated := {use.location for use, _ in images if _is_animation(use)}:
            kept = tuple(_of_frames(finding) if finding.location in animated else finding for finding in kept)
        fixed: dict[Location, list[Finding]] = {}
        for finding in kept:
            if finding.fix:
                fixed.setdefault(finding.location, []).append(finding)
        results = (image_result(use, limits, fixed.get(use.location, ())) for use, limits in images)
        return kept, suppressed, tuple(results)

    def file_of_image(self, use: ImageUse, runner: RuleRunner | None = None) -> FileResult:
        """The result of an image file; `runner` is the one for its path, where it is known."""
        path, limits = use.location.path, self.limits()
        found = (runner or self.paths.runner(path)).check_image(use, limits)
        # what `result` does, for one image at the file's own place
        kept, suppressed = self.paths.split(path, tuple(found))
        if kept and _is_animation(use):
            kept = tuple(_of_frames(finding) for finding in kept)
        image = image_result(use, limits, [finding for finding in kept if finding.fix is not None])
        return FileResult(path, (image,), (), kept, suppressed.ignored, suppressed.known)


_ANIMATED = ("gif", "png", "webp")
"""Formats whose animations the API takes (it looks at the first frame)."""

_REDRAWN = (Resize, Recode, BakeOrientation, StripMetadata)


def _is_animation(use: ImageUse) -> bool:
    """Whether the image has frames that are sent and that any change of its pixels would drop."""
    return use.facts is not None and use.facts.animated and use.facts.format in _ANIMATED


def _of_frames(finding: Finding) -> Finding:
    """The finding on an animation: what would draw it anew keeps the first frame only, which is unsafe."""
    if isinstance(finding.fix, _REDRAWN):
        return finding._replace(fix_safety=FixSafety.UNSAFE)
    return finding


def image_result(use: ImageUse, limits: Limits, fixed: Sequence[Finding]) -> ImageResult:
    """One use of an image with what the model makes of it and what the safe ones of its fixes would."""
    size = use.visible_size
    if size is None:
        return ImageResult(use=use, limits=limits, resized=None, planned=None)
    planned = size_after_fixes(size, fixed) if fixed else size
    return ImageResult(use, limits, limits.native_size(size), planned)
