"""All that the check of one file needs: which rules, which limits, which facts; and the notes it leaves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from imgbudget.engine import Judge
from imgbudget.engine.paths import PathRules
from imgbudget.engine.silencing import Silenced
from imgbudget.limits import Limits, LimitsData
from imgbudget.model import Fact, Finding, ImageUse, Place, Request
from imgbudget.planner import size_after_fixes
from imgbudget.report import FileResult, ImageResult


@dataclass(slots=True, eq=False, repr=False)
class Bench:
    """The workplace of a run. `want` are facts that the output needs beside those of the rules."""

    paths: PathRules
    data: LimitsData
    model: str
    platform: str
    want: Fact = Fact.NONE
    excerpts: bool = False
    edits: bool = False
    notes: dict[str, None] = field(default_factory=dict)

    def limits(self, request: Request | None = None) -> Limits:
        """The limits for files, or for a request: its own model, the platform that id or dialect implies."""
        model, platform = self.model, self.platform
        if request is not None and request.model:
            model = request.model
        spelling = self.data.normalize(model)
        if request is not None:
            platform = request.platform or (request.model and spelling.platform) or platform
        limits = self.data.bind(model, platform)
        if not limits.known:
            self.note_unknown(model, spelling.nearest)
        return limits

    def note_unknown(self, model: str, nearest: Sequence[str]) -> None:
        """Leave a note, once a model, that nothing is known of it."""
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        self.notes[f"unknown model {model!r}: judged by the strictest limits (standard tier){hint}"] = None

    def facts(self, judge: Judge) -> Fact:
        """What the probes must read for the rules and the output."""
        return judge.rules.needs | self.want

    def result(
        self, path: str, findings: Iterable[Finding], images: Iterable[tuple[ImageUse, Limits]]
    ) -> tuple[tuple[Finding, ...], Silenced, tuple[ImageResult, ...]]:
        """The findings that are reported, how many are silenced by what, and the images with their plans."""
        kept, silenced = self.paths.split(path, tuple(findings))
        fixed: dict[Place, list[Finding]] = {}
        for finding in kept:
            if finding.fix:
                fixed.setdefault(finding.place, []).append(finding)
        results = (image_result(use, limits, fixed.get(use.place, ())) for use, limits in images)
        return kept, silenced, tuple(results)

    def file_of_image(self, use: ImageUse) -> FileResult:
        """The result of an image file."""
        judge = self.paths.judge(use.place.path)
        limits = self.limits()
        kept, silenced, images = self.result(use.place.path, judge.judge_image(use, limits), ((use, limits),))
        return FileResult(
            path=use.place.path,
            images=images,
            findings=kept,
            silenced=silenced.ignored,
            baselined=silenced.known,
        )


def image_result(use: ImageUse, limits: Limits, fixed: Iterable[Finding]) -> ImageResult:
    """One use of an image with what the model makes of it and what the safe ones of its fixes would."""
    size = use.visible_size
    if size is None:
        return ImageResult(use=use, limits=limits, resized=None, planned=None)
    return ImageResult(
        use=use, limits=limits, resized=limits.native_size(size), planned=size_after_fixes(size, fixed)
    )
