"""Rule sets by path: which rules and budgets apply to a file, and which of its findings are suppressed."""

from collections.abc import Callable, Iterator, Sequence
from os.path import abspath, relpath
from typing import TYPE_CHECKING

from imgbudget.config.settings import Override, Settings
from imgbudget.discovery.walk import PatternWatch
from imgbudget.limits.bound import Limits
from imgbudget.linter.evaluate import RequestRules, run_rules
from imgbudget.linter.memory import ImageRuleCache
from imgbudget.linter.selection import (
    RuleSet,
    SelectionLayer,
    named_rules,
    on_pixels,
    on_text,
    pixel_notes,
    preview_notes,
    select_rules,
)
from imgbudget.model.budgets import NO_BUDGETS, Budgets
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.subjects import Batch, Finding, ImageUse, Run, RunData
from imgbudget.namedtuples import NamedTuple
from imgbudget.registry import AnyRule

if TYPE_CHECKING:
    from imgbudget.linter.baseline import Baseline, BaselineEntry
    from imgbudget.linter.ignores import Suppressor
    from imgbudget.model.location import Location


class RuleRunner(NamedTuple):
    """Runs one set of rules with its budgets.

    `files` and `blocks`, if given, check images and remember findings, and `requests` remembers which rules
    can report something on a request; otherwise it keeps no state.
    """

    rules: RuleSet
    budgets: Budgets = NO_BUDGETS
    files: ImageRuleCache | None = None
    blocks: ImageRuleCache | None = None
    requests: RequestRules | None = None

    @classmethod
    def of(cls, rules: RuleSet, budgets: Budgets) -> "RuleRunner":
        """A runner that remembers the findings on images."""
        files, blocks = ImageRuleCache(rules.image, budgets), ImageRuleCache(rules.image, budgets)
        return cls(rules, budgets, files, blocks, RequestRules(rules.request, budgets))

    def check_image(self, use: ImageUse, limits: Limits) -> list[Finding]:
        """The findings of the image rules on one use of one image."""
        images = self.files if use.location.keys is None else self.blocks
        if images is not None:
            return images.check_image(use, limits)
        return list(run_rules(self.rules.image, use, limits, self.budgets))

    def check_facts(self, use: ImageUse, limits: Limits) -> Sequence[Finding]:
        """The same, or those on another image with the same facts, which takes half the time."""
        if self.files is None or use.location.keys is not None:
            return self.check_image(use, limits)
        return self.files.check_facts(use, limits)

    def check_request(self, test: RequestUnderTest) -> list[Finding]:
        """The findings on a request: first those on each of its images, then those on the request.

        A request inside a string has no fixes: nested text is not edited.
        """
        request, found = test.request, []
        for use, limits in test.images:
            found += self.check_image(use, limits)
        found += (self.requests or RequestRules(self.rules.request, self.budgets)).check(test)
        if request.location.outer_depth:
            found = [finding._replace(fix=None, fix_safety=None) for finding in found]
        if request.id:
            found = [finding._replace(request_id=request.id) for finding in found]
        return found

    def check_batch(self, batch: Batch, limits: Limits) -> list[Finding]:
        """The findings on a batch, without those on its requests."""
        return list(run_rules(self.rules.batch, batch, limits, self.budgets))

    def check_run(self, run: Run, limits: Limits, *, on_ignores: bool = False) -> Iterator[Finding]:
        """The findings on the run as a whole, lazily: there may be one for each file.

        Those of rules that read which ignores are unused, or those of all others.
        """
        rules = [pair for pair in self.rules.run if bool(pair[0].run_data & RunData.IGNORES) is on_ignores]
        return run_rules(rules, run, limits, self.budgets)


UNREADABLE = "IB001"
"""The rule that reports images which cannot be decoded."""

CHECKED_ANYWHERE = frozenset((UNREADABLE, "IB101", "IB103", "IB104", "IB105", "IB106"))
"""Rules on images that hold wherever a request may have one: the API refuses the image. All others advise."""


Matcher = Callable[[str], bool]
Findings = tuple[Finding, ...]


class SuppressedCounts(NamedTuple):
    """How many findings are suppressed by ignores and by the baseline."""

    ignored: int = 0
    baselined: int = 0


NOTHING = SuppressedCounts()


OverridePlace = tuple[str, int | None]
"""The file and the line of an override."""


class ConfigUsage:
    """What has applied so far, whichever configurations it is in.

    `ignores` are the entries that have suppressed something, `entries` the numbers of those of the baseline;
    `overrides` are those that hold for a file that was checked. `collected` are entries for the findings that
    nothing suppresses, if they are collected.
    """

    __slots__ = ("collected", "entries", "ignores", "overrides")

    def __init__(self) -> None:
        self.ignores: set[Location] = set()
        self.overrides: set[OverridePlace] = set()
        self.entries: set[int] = set()
        self.collected: list[BaselineEntry] = []

    def take(self) -> "ConfigUsage":
        """What has applied, to send to another process; collected entries are sent once."""
        taken = ConfigUsage()
        taken.merge(self)
        self.collected.clear()
        return taken

    def merge(self, other: "ConfigUsage") -> None:
        """Add what has applied elsewhere."""
        self.ignores |= other.ignores
        self.overrides |= other.overrides
        self.entries |= other.entries
        self.collected += other.collected


class RuleChoice(NamedTuple):
    """The options of the command line on rules and budgets, which override the configuration."""

    layer: SelectionLayer = SelectionLayer()
    pedantic: bool = False
    preview: bool = False
    pixels: bool | None = None
    text: bool | None = None
    budgets: Budgets = NO_BUDGETS
    use_ignores: bool = True


DEFAULT = RuleChoice()


class PathRules:
    """Which rules and budgets apply to a file, and which of its findings are suppressed.

    The selectors of the configuration come first, then those of the overrides for the path, then those of
    the command line; budgets likewise. `usage` is what has applied, which the configurations of a run share;
    `watch` are the file patterns of this one that have matched no file.
    """

    def __init__(  # noqa: PLR0913 - keyword arguments with defaults
        self,
        rules: Sequence[AnyRule],
        settings: Settings,
        choice: RuleChoice = DEFAULT,
        *,
        baseline: "Baseline | None" = None,
        base: str = ".",
        collect: bool = False,
        usage: ConfigUsage | None = None,
    ) -> None:
        self.rules: Sequence[AnyRule]
        self.settings: Settings
        self.choice: RuleChoice
        self.rules, self.settings, self.choice = rules, settings, choice
        self.baseline = baseline
        self._nearest: Callable[[str], PathRules] | None = None
        self._runners: dict[tuple[int, ...], RuleRunner] = {}
        self._narrow_runners: dict[tuple[int, ...], RuleRunner] = {}
        self._overrides: list[tuple[Override, Matcher]] = []
        if settings.overrides:
            self._overrides = [(item, matcher(item.files)) for item in settings.overrides]
        budgets = settings.budgets, choice.budgets, *(item.budgets for item in settings.overrides)
        self.names_limits: bool = any(item.model or item.platform for item in settings.overrides)
        self.has_cost_budget: bool = any(budget.cost is not None for scopes in budgets for budget in scopes)
        self.usage: ConfigUsage = usage or ConfigUsage()
        self.watch: PatternWatch = PatternWatch(use.pattern for use in settings.patterns)
        self.suppressor: Suppressor | None = self._make_suppressor(base, collect=collect)

    def search(self, nearest: "Callable[[str], PathRules]") -> None:
        """Let the rules of the configuration nearest to each file be found by `at`."""
        self._nearest = nearest

    def at(self, path: str) -> "PathRules":
        """The rules of the configuration nearest to a file, where a run has several."""
        return self if self._nearest is None else self._nearest(path)

    @property
    def with_pixels(self) -> bool:
        """Whether all rules on pixels run that are selected, not only those that are named."""
        return self.settings.pixels if self.choice.pixels is None else self.choice.pixels

    @property
    def with_text(self) -> bool:
        """Whether all rules on text run that are selected, not only those that are named."""
        return self.settings.text if self.choice.text is None else self.choice.text

    def notes(self) -> tuple[str, ...]:
        """Notes on selectors of rules that do not run: rules in preview, and rules on pixels."""
        layer, settings = self.choice.layer, self.settings
        selected = settings.select if layer.select is None else layer.select
        selectors = {*selected, *settings.extend_select, *layer.extend_select}
        notes: list[str] = []
        if not (self.choice.preview or settings.preview):
            notes += preview_notes(self.rules, selectors)
        if self.choice.pixels is None and not settings.pixels and selectors != {"ALL"}:
            notes += pixel_notes(self.rules, selectors)
        return tuple(notes)

    @property
    def needs_pixels(self) -> bool:
        """Whether a rule on pixels may run for any file."""
        if self.with_pixels or self.choice.pixels is not None:
            return self.with_pixels
        return self._names_any(on_pixels)

    @property
    def needs_text(self) -> bool:
        """Whether a rule on text may run for any file."""
        if self.with_text or self.choice.text is not None:
            return self.with_text
        return self._names_any(on_text)

    def _names_any(self, kind: Callable[[AnyRule], bool]) -> bool:
        """Whether selectors name a rule of a kind by its whole code or name, for any file."""
        layers = (*self.layers(range(len(self._overrides))),)
        named = {text for layer in layers for text in (*(layer.select or ()), *layer.extend_select)}
        return bool(named - {"ALL"}) and bool(named_rules(filter(kind, self.rules), named))

    def runner(self, path: str) -> RuleRunner:
        """The runner for a file."""
        if not self._overrides:
            return self._runners.get(()) or self._make(())
        key = self.overrides(path)
        return self._runners.get(key) or self._make(key)

    def narrow_runner(self, path: str) -> RuleRunner:
        """The runner for images in a file of unknown shape that a search found: no advice, no budgets."""
        key = self.overrides(path) if self._overrides else ()
        if key not in self._narrow_runners:
            rules = self.runner(path).rules
            image = tuple(pair for pair in rules.image if pair[0].code in CHECKED_ANYWHERE)
            self._narrow_runners[key] = RuleRunner.of(rules._replace(image=image), NO_BUDGETS)
        return self._narrow_runners[key]

    @property
    def base_runner(self) -> RuleRunner:
        """The runner for files without overrides."""
        return self._runners.get(()) or self._make(())

    def overrides(self, path: str) -> tuple[int, ...]:
        """The numbers of the overrides that apply to a file."""
        name = relative(path, self.settings.root)
        return tuple(i for i, (_, matches) in enumerate(self._overrides) if matches(name))

    def layers(self, key: Sequence[int]) -> tuple[SelectionLayer, ...]:
        """The layers of selectors for files under these overrides; later layers override earlier ones."""
        config = self.settings
        chosen = [self._overrides[i][0] for i in key]
        between = [SelectionLayer(item.select, item.extend_select, item.ignore) for item in chosen]
        return SelectionLayer(config.select, config.extend_select, config.ignore), *between, self.choice.layer

    def budgets(self, key: Sequence[int]) -> Budgets:
        """The budgets for files under these overrides."""
        budgets = self.settings.budgets
        for i in key:
            budgets = self._overrides[i][0].budgets.over(budgets)
        return self.choice.budgets.over(budgets)

    def severities(self, key: Sequence[int]) -> dict[str, str]:
        """The severities that are set for files under these overrides."""
        severities = dict(self.settings.severity)
        for i in key:
            severities.update(self._overrides[i][0].severity)
        return severities

    def _make(self, key: tuple[int, ...]) -> RuleRunner:
        budgets = self.budgets(key)
        offered = self.rules
        if self.choice.pixels is False:
            offered = [it for it in offered if not on_pixels(it)]
        if self.choice.text is False:
            offered = [it for it in offered if not on_text(it)]
        rules = select_rules(
            offered,
            self.layers(key),
            severities=self.severities(key),
            pedantic=self.choice.pedantic,
            preview=self.choice.preview or self.settings.preview,
            budgets=budgets,
            pixels=self.with_pixels,
            text=self.with_text,
            thresholds=self.settings.thresholds,
        )
        self._runners[key] = RuleRunner.of(rules, budgets)
        return self._runners[key]

    def check_run(
        self,
        run: Run,
        limits: Limits,
        *,
        on_ignores: bool = False,
        at: "Callable[[str], PathRules] | None" = None,
    ) -> Iterator[Finding]:
        """The findings on the run as a whole; overrides for the file of a finding apply to it.

        So do the rules of the configuration for it, if `at` gives those of others.
        """
        found = self.base_runner.check_run(run, limits, on_ignores=on_ignores)
        if not self._overrides and at is None:
            yield from found
            return
        for finding in found:
            path = finding.location.path
            rules = self if at is None or path == run.location.path else at(path)
            by_code = {rule.code: severity for rule, severity in rules.runner(path).rules.run}
            if finding.code in by_code or path == run.location.path:
                severity = by_code.get(finding.code)
                yield finding._replace(severity=severity) if severity else finding

    def record_overrides(self) -> None:
        """Add the overrides that hold for a file so far to what has applied."""
        for number in {number for key in self._runners for number in key}:
            override, _ = self._overrides[number]
            self.usage.overrides.add((override.path, override.line))

    def limits_of(self, path: str) -> tuple[str | None, str | None]:
        """The model and the platform that the overrides for a file name; None without one."""
        model = platform = None
        for number in self.overrides(path):
            override = self._overrides[number][0]
            model, platform = override.model or model, override.platform or platform
        return model, platform

    def _make_suppressor(self, base: str, *, collect: bool) -> "Suppressor | None":
        ignores = self.settings.ignores if self.choice.use_ignores else ()
        if not (ignores or self.baseline is not None or collect):
            return None
        from imgbudget.linter.ignores import Suppressor, places_of  # noqa: PLC0415 - rare

        return Suppressor(
            rules={rule.code: rule for rule in self.rules},
            root=self.settings.root,
            ignores=[(item, matcher(item.files)) for item in ignores],
            baseline=self.baseline,
            base=base,
            collect=collect,
            usage=self.usage,
            places=places_of(ignores),
        )

    def split(self, path: str, findings: Findings) -> tuple[Findings, SuppressedCounts]:
        """The findings that are reported, and how many are suppressed."""
        return (findings, NOTHING) if self.suppressor is None else self.suppressor.split(path, findings)


def relative(path: str, root: str) -> str:
    """A path in the form of patterns and baselines: relative to a folder, with `/`."""
    return relpath(abspath(path), root).replace("\\", "/")


def matcher(patterns: Sequence[str]) -> Matcher:
    """Whether gitignore patterns match a relative path."""
    from imgbudget.discovery.gitignore import Patterns, as_bytes_text  # noqa: PLC0415 - rare

    matches = Patterns.parse([as_bytes_text(pattern) for pattern in patterns]).match_within
    return lambda path: matches(as_bytes_text(path))
