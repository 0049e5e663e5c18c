"""The context of a run: everything needed to lint one file, and the notes that linting it adds."""

import os
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from imgbudget.config.settings import DEFAULT_MODEL, DEFAULT_PLATFORM
from imgbudget.config.suggest import unknown
from imgbudget.discovery.walk import FilePatterns
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.data import LimitsData
from imgbudget.limits.model_ids import is_other_vendors, looks_like_template
from imgbudget.limits.platforms import TRAINING
from imgbudget.linter.rule_sets import UNREADABLE, PathRules, RuleRunner, SuppressedCounts
from imgbudget.model.request_under_test import LimitsByDetail, RequestUnderTest, bind_request
from imgbudget.model.results import FileResult, ImageResult, RequestResult, RowCounts
from imgbudget.model.safety import with_safety
from imgbudget.model.subjects import Batch, Finding, ImageUse, ProbeField, Request
from imgbudget.planner.sizes import size_after_fixes

if TYPE_CHECKING:
    from imgbudget.limits.clients import ClientProfile
    from imgbudget.linter.nearest import NearestContexts
    from imgbudget.model.clients import ClientImage
    from imgbudget.model.location import Location


_SHOWN = 80
"""Characters of an unknown model that a note shows."""

_TUNING = {DEFAULT_PLATFORM: TRAINING["openai"], **TRAINING}
"""Where training examples go, by the platform of the run; with any other they are requests to it."""

_MOST_NOTES = 1000
"""Notes that are kept: hostile input may name a new model in every line."""


class LintContext:
    """Rules, limits and requested facts of a run, and its notes.

    `fields` are facts that the output needs beside those of the rules. If `explicit_platform`, the user named
    the platform, and a model that it does not serve adds a note; so does a request without a model unless
    `explicit_model`, where the user named the one to assume. Image files are checked as `client` sends them,
    if one is named. `nearest` are the contexts of a run in which the configurations of folders count; it is
    made when the first of them may be needed.
    """

    def __init__(  # noqa: PLR0913 - keyword arguments only
        self,
        *,
        paths: PathRules,
        data: LimitsData,
        model: str,
        platform: str,
        fields: ProbeField = ProbeField.NONE,
        excerpts: bool = False,
        edits: bool = False,
        explicit_platform: bool = False,
        explicit_model: bool = False,
        client: str | None = None,
    ) -> None:
        self.paths: PathRules
        self.data: LimitsData
        self.paths, self.data = paths, data
        self.model: str
        self.platform: str
        self.model, self.platform = model, platform
        self.fields: ProbeField = fields
        self.excerpts: bool
        self.edits: bool
        self.excerpts, self.edits = excerpts, edits
        self.explicit_platform: bool
        self.explicit_model: bool
        self.explicit_platform, self.explicit_model = explicit_platform, explicit_model
        self.client: _Sender | None = _Sender(client) if client else None
        if self.client is not None:
            self.fields |= ProbeField.ORIENTATION
        if paths.with_pixels:  # also for rules that compare pixels only where they are measured
            self.fields |= ProbeField.PIXELS
        self.needs_pixels: bool = paths.needs_pixels
        self.needs_text: bool = paths.needs_text
        self.nearest: NearestContexts | None = None
        self._make_nearest: Callable[[], NearestContexts] | None = None
        self.notes: dict[str, None] = {}
        self._deferred: tuple[str, ...] = ()
        self._file_limits: Limits | None = None
        self._limits_by_detail: LimitsByDetail = {}

    def for_model(self, model: str, platform: str) -> "LintContext":
        """A context that differs in model and platform only and shares these notes."""
        context = LintContext(
            paths=self.paths,
            data=self.data,
            model=model,
            platform=platform,
            fields=self.fields,
            excerpts=self.excerpts,
            edits=self.edits,
            explicit_platform=self.explicit_platform,
            explicit_model=self.explicit_model,
            client=self.client.profile.name if self.client else None,
        )
        context.notes, context._deferred = self.notes, self._deferred
        return context

    def search(self, make: "Callable[[], NearestContexts]") -> None:
        """Let the configurations of folders count: `make` makes `nearest` when one of them may be needed."""
        self._make_nearest = make
        self.paths.search(self._rules_at)

    def _rules_at(self, path: str) -> PathRules:
        return self.at(path).paths

    def at(self, path: str) -> "LintContext":
        """The context for a file: that of the configuration nearest to it, where a run has several.

        Raises:
            ConfigError: that configuration is invalid.
        """
        if self.nearest is None:
            if self._make_nearest is None or self._is_own(path):
                return self
            self.nearest = self._make_nearest()
        return self.nearest.at(path)

    def _is_own(self, path: str) -> bool:
        """Whether a file is in the working folder, so that its configuration is that of the run."""
        return "/" not in path and os.sep not in path and not self.paths.names_limits

    def patterns_of(self, folder: str) -> FilePatterns:
        """What a search of a folder finds, by the configuration that holds there. Raises as `at` does."""
        context = self.at(f"{folder}/" if folder else "")
        settings = context.paths.settings
        if self.nearest is not None:
            self.nearest.note_applied(settings)
        return FilePatterns(settings.exclude, settings.root, settings.include, context.paths.watch)

    def patterns_in(self, folder: str, names: AbstractSet[str]) -> FilePatterns:
        """The same for a folder that a search enters from the one above, by the names in it."""
        if self.nearest is None and self._make_nearest is not None:
            self.nearest = self._make_nearest()
        if self.nearest is not None:
            self.nearest.enter(folder, names)
        return self.patterns_of(folder)

    def limits(self, request: Request | None = None) -> Limits:
        """The limits for image files, or for a request: those of the model and platform that it names."""
        if request is None and self._file_limits is not None:
            self._add_deferred()
            return self._file_limits
        model, platform = self.model, self.platform
        if request is not None:
            platform = self._platform_of(request)
            model = self._model_of(request, platform)
        certain = request is not None and request.platform is not None and request.dialect != "transcript"
        limits = self.data.bind(model, platform, certain=certain)
        self.note_limits(limits, platform)
        if request is None:
            self.note_end(limits)
            self._file_limits = limits
        return limits

    def limits_of(self, model: str, platform: str = "") -> Limits:
        """The limits of another model, as `bound` gives them; adds a note if the model is unknown."""
        limits = self.bound(model, platform)
        self.note_limits(limits, platform if limits.platform == platform else self.platform)
        self.note_end(limits)
        return limits

    def bound(self, model: str, platform: str = "") -> Limits:
        """The limits of another model on a platform that serves it, else on the platform of these files.

        Which platform serves a model that nobody knows is not known either.
        """
        if platform:
            limits = self.data.bind(model, platform)
            if limits.known and limits.platform == platform:
                return limits
        return self.data.bind(model, self.platform)

    @property
    def client_profile(self) -> "ClientProfile | None":
        """The profile of the agent that image files are checked for, None if none is named."""
        return self.client.profile if self.client else None

    def limits_of_batch(self, batch: Batch) -> Limits:
        """The limits for all requests of a file together."""
        platform = self._tuning_platform() if batch.is_training else ""
        return (
            self.data.bind(self.data.model_for(self.model, platform), platform) if platform else self.limits()
        )

    def bind(self, request: Request) -> RequestUnderTest:
        """The request with the limits that it and its images are checked against."""
        return bind_request(request, self.limits(request), self._limits_by_detail)

    def defer_notes(self, assumed: str) -> None:
        """Add the notes so far, and that on an assumed model, if any, only for what names no model."""
        if assumed:
            self._deferred = (assumed, *self.notes)
            self.notes.clear()

    def _add_deferred(self) -> None:
        for text in self._deferred:
            self.note(text)

    def note(self, text: str) -> None:
        """Add a note, once."""
        if len(self.notes) < _MOST_NOTES:
            self.notes[text] = None

    def _platform_of(self, request: Request) -> str:
        """The platform that a request goes to: by its URL or dialect, by its model's spelling, or the user's.

        The user's may be a service for such requests, or a gateway, which takes models in any spelling.
        Empty if it is not known: for an unknown model that is not one of Anthropic's.
        """
        own, data = self.platform, self.data
        if request.is_example and (tuning := self._tuning_platform()):
            self.note(
                f"lines of messages that end with an answer are checked as training examples of {tuning}; "
                "requests name their model, or the run another vendor's --platform"
            )
            return tuning
        if request.platform:
            replaceable = data.table.is_gateway(own) or not request.is_addressed
            if replaceable and request.platform in data.table.ancestry(own):
                return own
            if self.explicit_platform and own != request.platform:
                self.note(
                    f"requests that go to {request.platform} by their form or URL are not checked for {own}"
                )
            return request.platform
        if not request.model or data.table.is_gateway(own):
            return own
        spelling = data.normalize(request.model)
        platform = spelling.platform or own
        named = self.explicit_platform or own != DEFAULT_PLATFORM
        if platform != own or named or spelling.state != "unknown":
            return platform
        return "" if is_other_vendors(request.model, request.dialect) else platform

    def _tuning_platform(self) -> str:
        """The platform that training examples go to; empty if the user named another one, or its model."""
        if self.explicit_model and not self._serves("openai", self.model):
            return ""
        found = (TRAINING if self.explicit_platform else _TUNING).get(self.platform, "")
        return found if found in self.data.table else ""

    def _model_of(self, request: Request, platform: str) -> str:
        """The model that a request goes to; adds a note if it has to be assumed."""
        if request.model:
            return request.model
        deployment = request.deployment
        if deployment is not None and self.data.normalize(deployment).known:
            return deployment
        model = self.data.model_for(self.model, platform)
        if not self.explicit_model and not self._serves(platform, model):
            model = DEFAULT_MODEL  # the user's platform has another one, which this platform lacks
        if self._deferred and platform == self.platform and not deployment:
            self._add_deferred()
        elif (request.platform or deployment) and not (self.explicit_model and model == self.model):
            where = f"deployment {deployment[:_SHOWN]!r}" if deployment else f"a request to {platform}"
            self.note(f"{where} names no model: {model} is assumed; choose with --model")
        return model

    def _serves(self, platform: str, model: str) -> bool:
        known = self.data.normalize(model)
        return platform in self.data.table and known.known and self.data.table.serves(platform, known.id)

    def note_limits(self, limits: Limits, platform: str) -> None:
        """Add a note if the model is not known, or not served on the platform that the user named."""
        if limits.text_only and limits.takes_no_images:
            self.note(f"{limits.text_only.values[0]} takes no images")
        elif not limits.known:
            self.note_unknown(limits)
        elif self.explicit_platform and platform == self.platform and limits.platform != platform:
            self.note_not_served(limits, platform)

    def note_unknown(self, limits: Limits) -> None:
        """Add a note, once per model, that the model is not known and what that means."""
        if len(self.notes) >= _MOST_NOTES:
            return
        hint = f"; did you mean {' or '.join(limits.nearest)}?" if limits.nearest else ""
        if looks_like_template(limits.model):
            hint = "; it looks like a template variable"
        means = "tokens and cost are not counted"
        if limits.state == "derived":
            means = f"tokens are counted by the rule of its family ({limits.tier.name} tier), cost is not"
        self.notes[f"unknown model {limits.model[:_SHOWN]!r}: {means}{hint}"] = None

    def _has_cost_budget(self, path: str) -> bool:
        """Whether a budget of a file is an amount of money."""
        if not self.paths.has_cost_budget:
            return False
        return any(budget.cost is not None for budget in self.paths.runner(path).budgets)

    def _note_unpriced(self, used: Iterable[Limits]) -> None:
        """Add a note, once per model, that a budget of cost cannot be checked without a price."""
        for limits in {id(limits): limits for limits in used}.values():
            if limits.cost_usd(1) is None:
                model = limits.model[:_SHOWN]
                self.note(f"budgets of cost not checked for {model!r}: no price of it is known")

    def note_end(self, limits: Limits) -> None:
        """Add a note, once per model, that the model of the run has been retired or will be soon."""
        if limits.end:
            self.notes[f"{limits.model} {limits.end}: {limits.end_advice}"] = None

    def note_not_served(self, limits: Limits, platform: str) -> None:
        """Add a note, once per model, that the platform which the user named does not serve it."""
        note = f"{limits.model} is not available on {platform}: using its limits on {limits.platform}"
        self.notes[note] = None

    def needed_fields(self, runner: RuleRunner) -> int:
        """The facts that rules and output need, as bits of `ProbeField`."""
        # on plain integers: arithmetic on flags takes 2 us per file
        return int.__or__(runner.rules.needs, self.fields)

    def result(
        self, path: str, findings: Iterable[Finding], images: Iterable[tuple[ImageUse, Limits]]
    ) -> tuple[tuple[Finding, ...], SuppressedCounts, tuple[ImageResult, ...]]:
        """The findings that are reported, how many are suppressed, and the images with their plans."""
        kept, suppressed = self.paths.split(path, tuple(findings))
        images = tuple(images)
        if self._has_cost_budget(path):
            self._note_unpriced(limits for _, limits in images)
        if not kept or not images:  # a fix without an image is as safe as its rule declares
            return kept, suppressed, tuple([image_result(use, limits, ()) for use, limits in images])
        facts = {use.location: use.facts for use, _ in images}
        kept = tuple([with_safety(finding, facts.get(finding.location), _turner) for finding in kept])
        fixed: dict[Location, list[Finding]] = {}
        for finding in kept:
            if finding.fix:
                fixed.setdefault(finding.location, []).append(finding)
        results = (image_result(use, limits, fixed.get(use.location, ())) for use, limits in images)
        return kept, suppressed, tuple(results)

    def file_result(  # noqa: PLR0913 - keyword arguments with defaults
        self,
        path: str,
        findings: Iterable[Finding],
        images: Iterable[tuple[ImageUse, Limits]] = (),
        requests: Iterable[RequestResult] = (),
        *,
        rows: RowCounts | None = None,
        partial: bool = False,
    ) -> FileResult:
        """The result of a file, or with `partial` of a part of one, without suppressed findings."""
        kept, suppressed, results = self.result(path, findings, images)
        return FileResult(
            path=path,
            images=results,
            requests=tuple(requests),
            findings=kept,
            suppressed=suppressed.ignored,
            baselined=suppressed.baselined,
            rows=rows,
            partial=partial,
        )

    def check_image_file(self, use: ImageUse, runner: RuleRunner | None = None) -> FileResult:
        """The result of an image file; `runner` is the one for its path, if known."""
        path, limits = use.location.path, self.limits()
        if self.client is not None:
            return self._check_for_client(use, limits, self.client)
        runner = runner or self.paths.runner(path)
        found = tuple(runner.check_image(use, limits))
        # the steps of `result` for a single image, which take less time
        kept, suppressed = self.paths.split(path, found)
        if kept:
            kept = tuple([with_safety(it, use.facts, _turner) if it.fix is not None else it for it in kept])
        image = image_result(use, limits, [finding for finding in kept if finding.fix is not None])
        result = FileResult(path, (image,), (), kept, suppressed.ignored, suppressed.baselined)
        facts = use.facts
        if facts is None or (facts.damage is None and facts.pixels is None and facts.text is None):
            return result  # most images
        if unread := self.text_unread(use):
            result = result._replace(missed=True, caveats=(f"text not checked: {unread}",))
        needed = bool(runner.rules.needs & ProbeField.PIXELS)
        unmeasured = facts.pixels.flaw if facts.pixels else facts.damage if needed else None
        if not unmeasured or facts.unread or any(finding.code == UNREADABLE for finding in found):
            return result
        return result._replace(
            missed=result.missed or needed, caveats=(*result.caveats, f"pixels not checked: {unmeasured}")
        )

    @staticmethod
    def text_unread(use: ImageUse) -> str | None:
        """Why the text of an image that rules asked for could not be read; lets go of its bytes."""
        text = use.facts.text if use.facts else None
        if text is None:
            return None
        text.release()
        return text.flaw

    def check_facts(self, use: ImageUse) -> tuple[Sequence[Finding], int]:
        """What rules find in an image file, for those who count findings, and how many are suppressed.

        The findings may be those on another image with the same facts, with the location of that.
        """
        if self.client is not None or self.paths.suppressor is not None:
            result = self.check_image_file(use)
            return result.findings, result.suppressed
        found = self.paths.runner(use.location.path).check_facts(use, self.limits())
        if unread := self.text_unread(use):
            self.note(f"{use.location.path}: text not checked: {unread}")
        return found, 0

    def check_file_image(self, use: ImageUse, runner: RuleRunner, limits: Limits) -> Iterable[Finding]:
        """The findings on an image file, as the client of the run sends it, if one is named."""
        if self.client is None:
            return runner.check_image(use, limits)
        sent = self.client.as_sent(use)
        return [_with_fix_of_file(finding, sent, use) for finding in runner.check_image(sent.use, limits)]

    def _check_for_client(self, use: ImageUse, limits: Limits, client: "_Sender") -> FileResult:
        """The result of an image file that a client sends."""
        path, sent = use.location.path, client.as_sent(use)
        if sent.summary:
            self.note(client.note)
        found = self.check_file_image(use, self.paths.runner(path), limits)
        # what a fix loses, and the size after it, are those of the stored image
        kept, suppressed, (stored,) = self.result(path, found, ((use, limits),))
        image = image_result(sent.use, limits, ())._replace(use=use, client=sent)
        if stored.planned != use.visible_size:
            image = image._replace(planned=stored.planned)
        result = FileResult(path, (image,), (), kept, suppressed.ignored, suppressed.baselined)
        if unread := self.text_unread(use):
            return result._replace(missed=True, caveats=(f"text not checked: {unread}",))
        return result


def _with_fix_of_file(finding: Finding, sent: "ClientImage", use: ImageUse) -> Finding:
    """A finding on what a client sends, with the fix of the file that settles it."""
    fix = sent.fix_of_file(finding.fix, use.facts)
    if fix is finding.fix:
        return finding
    return finding._replace(fix=fix, fix_safety=finding.fix_safety if fix else None)


class _Sender:
    """The client that image files are checked for."""

    def __init__(self, name: str) -> None:
        """The client of this name.

        Raises:
            UsageError: there is none.
        """
        from imgbudget.model import clients  # noqa: PLC0415 - rare

        self._clients = clients
        profile = clients.client_named(name)
        if profile is None:
            raise UsageError(unknown("client", name, clients.NAMES, listed=True))
        self.profile: ClientProfile = profile

    def as_sent(self, use: ImageUse) -> "ClientImage":
        """The image as the client sends it."""
        return self._clients.as_sent(use, self.profile)

    @property
    def note(self) -> str:
        """What holds for images that the client changes."""
        return self._clients.note_on(self.profile)


def _turner() -> str | None:
    """The program that turns JPEG files without loss."""
    from imgbudget.programs import jpegtran  # noqa: PLC0415 - rare

    return jpegtran()


def image_result(use: ImageUse, limits: Limits, fixed: Sequence[Finding]) -> ImageResult:
    """One use of an image, with the size that the model uses and the size after the safe fixes."""
    size = use.visible_size
    if size is None:
        return ImageResult(use=use, limits=limits, resized=None, planned=None)
    planned = size_after_fixes(size, fixed) if fixed else size
    return ImageResult(use, limits, limits.native_size(size), planned)
