"""All that the check of one file needs: which rules, which limits, which facts; and the notes it leaves."""

from collections.abc import Iterable, Sequence

from imgbudget.engine import Judge
from imgbudget.engine.paths import PathRules, Silenced
from imgbudget.intent import BakeOrientation, Recode, Resize, StripMetadata
from imgbudget.limits import Limits, LimitsData
from imgbudget.model import Fact, Finding, FixSafety, ImageUse, Place, Request
from imgbudget.planner.sizes import size_after_fixes
from imgbudget.report import FileResult, ImageResult
from imgbudget.undertest import Levels, RequestUnderTest, bind_request


class Bench:
    """The workplace of a run.

    `want` are facts that the output needs beside those of the rules. `asked_platform` says that the user
    named the platform, and must hear where it does not serve a model.
    """

    def __init__(  # noqa: PLR0913 - what a run is made of
        self,
        *,
        paths: PathRules,
        data: LimitsData,
        model: str,
        platform: str,
        want: Fact = Fact.NONE,
        excerpts: bool = False,
        edits: bool = False,
        asked_platform: bool = False,
    ) -> None:
        self.paths, self.data = paths, data
        self.model, self.platform = model, platform
        self.want = want
        self.excerpts, self.edits = excerpts, edits
        self.asked_platform = asked_platform
        self.notes: dict[str, None] = {}
        # the limits for files, once they were asked for: each file is judged by the same
        self._own: Limits | None = None
        self._levels: Levels = {}

    def other(self, model: str, platform: str) -> "Bench":
        """The same for another model on another platform; it leaves its notes here."""
        bench = Bench(
            paths=self.paths,
            data=self.data,
            model=model,
            platform=platform,
            want=self.want,
            excerpts=self.excerpts,
            edits=self.edits,
            asked_platform=self.asked_platform,
        )
        bench.notes = self.notes
        return bench

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

    def facts(self, judge: Judge) -> int:
        """What the probes must read for the rules and the output, as bits of `Fact`."""
        # of plain integers: the flags' own arithmetic takes 2 us, of each file
        return int.__or__(judge.rules.needs, self.want)

    def result(
        self, path: str, findings: Iterable[Finding], images: Iterable[tuple[ImageUse, Limits]]
    ) -> tuple[tuple[Finding, ...], Silenced, tuple[ImageResult, ...]]:
        """The findings that are reported, how many are silenced by what, and the images with their plans."""
        kept, silenced = self.paths.split(path, tuple(findings))
        images = tuple(images)
        if not kept:
            return kept, silenced, tuple([image_result(use, limits, ()) for use, limits in images])
        if animated := {use.place for use, _ in images if _is_animation(use)}:
            kept = tuple(_of_frames(finding) if finding.place in animated else finding for finding in kept)
        fixed: dict[Place, list[Finding]] = {}
        for finding in kept:
            if finding.fix:
                fixed.setdefault(finding.place, []).append(finding)
        results = (image_result(use, limits, fixed.get(use.place, ())) for use, limits in images)
        return kept, silenced, tuple(results)

    def file_of_image(self, use: ImageUse, judge: Judge | None = None) -> FileResult:
        """The result of an image file; `judge` is the one for its path, where it is known."""
        path, limits = use.place.path, self.limits()
        found = (judge or self.paths.judge(path)).judge_image(use, limits)
        # what `result` does, for one image at the file's own place
        kept, silenced = self.paths.split(path, tuple(found))
        if kept and _is_animation(use):
            kept = tuple(_of_frames(finding) for finding in kept)
        image = image_result(use, limits, [finding for finding in kept if finding.fix is not None])
        return FileResult(path, (image,), (), kept, silenced.ignored, silenced.known)


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
