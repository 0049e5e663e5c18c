"""Rules by path: which rules and budgets hold for a file, and which of its findings are silenced."""

from collections.abc import Callable, Iterator, Sequence
from os.path import abspath, relpath
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.budgets import NO_BUDGETS, Budgets
from imgbudget.config import Override, Settings
from imgbudget.engine.judge import Judge
from imgbudget.engine.selection import Layer, select_rules
from imgbudget.limits import Limits
from imgbudget.model import Finding, Run
from imgbudget.registry import AnyRule

if TYPE_CHECKING:
    from imgbudget.engine.baseline import Baseline
    from imgbudget.engine.silencing import Silencer

Matcher = Callable[[str], bool]
Kept = tuple[Finding, ...]


class Silenced(NamedTuple):
    """How many findings are not reported, by what silences them."""

    ignored: int = 0
    known: int = 0


NOTHING = Silenced()


class Choice(NamedTuple):
    """What the command line says beside the configuration about rules and what they judge by."""

    layer: Layer = Layer()
    pedantic: bool = False
    preview: bool = False
    budgets: Budgets = NO_BUDGETS
    use_ignores: bool = True


DEFAULT = Choice()


class PathRules:
    """Which rules judge a file, and which of its findings are silenced.

    The selectors of the configuration come first, then those of the overrides for the path, then those of
    the command line; budgets likewise.
    """

    def __init__(  # noqa: PLR0913 - what a run is made of
        self,
        rules: Sequence[AnyRule],
        settings: Settings,
        choice: Choice = DEFAULT,
        *,
        baseline: "Baseline | None" = None,
        base: str = ".",
        collect: bool = False,
    ) -> None:
        self.rules, self.settings, self.choice = rules, settings, choice
        self.baseline = baseline
        self._judges: dict[tuple[int, ...], Judge] = {}
        self._overrides: list[tuple[Override, Matcher]] = []
        if settings.overrides:
            self._overrides = [(item, matcher(item.files)) for item in settings.overrides]
        self.silencer = self._silencer(base, collect=collect)

    def judge(self, path: str) -> Judge:
        """The judge for a file."""
        if not self._overrides:
            return self._judges.get(()) or self._make(())
        key = self.overrides(path)
        return self._judges.get(key) or self._make(key)

    @property
    def base_judge(self) -> Judge:
        """The judge for what no override is about."""
        return self._judges.get(()) or self._make(())

    def overrides(self, path: str) -> tuple[int, ...]:
        """The numbers of the overrides that hold for a file."""
        name = relative(path, self.settings.root)
        return tuple(i for i, (_, matches) in enumerate(self._overrides) if matches(name))

    def layers(self, key: Sequence[int]) -> tuple[Layer, ...]:
        """The selectors for files under these overrides, the strongest last."""
        config = self.settings
        chosen = [self._overrides[i][0] for i in key]
        between = [Layer(item.select, item.extend_select, item.ignore) for item in chosen]
        return Layer(config.select, config.extend_select, config.ignore), *between, self.choice.layer

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

    def _make(self, key: tuple[int, ...]) -> Judge:
        budgets = self.budgets(key)
        rules = select_rules(
            self.rules,
            self.layers(key),
            severities=self.severities(key),
            pedantic=self.choice.pedantic,
            preview=self.choice.preview or self.settings.preview,
            budgets=budgets,
        )
        self._judges[key] = Judge.of(rules, budgets)
        return self._judges[key]

    def judge_run(self, run: Run, limits: Limits) -> Iterator[Finding]:
        """The findings on the run as a whole; an override for the file that one is about holds for it."""
        found = self.base_judge.judge_run(run, limits)
        if not self._overrides:
            yield from found
            return
        for finding in found:
            by_code = {rule.code: severity for rule, severity in self.judge(finding.place.path).rules.run}
            if finding.code in by_code or finding.place.path == run.place.path:
                severity = by_code.get(finding.code)
                yield finding._replace(severity=severity) if severity else finding

    def _silencer(self, base: str, *, collect: bool) -> "Silencer | None":
        ignores = self.settings.ignores if self.choice.use_ignores else ()
        if not (ignores or self.baseline is not None or collect):
            return None
        from imgbudget.engine.silencing import Silencer  # noqa: PLC0415 - few runs silence anything

        return Silencer(
            rules={rule.code: rule for rule in self.rules},
            root=self.settings.root,
            ignores=[(item, matcher(item.files)) for item in ignores],
            baseline=self.baseline,
            base=base,
            collect=collect,
        )

    def split(self, path: str, findings: Kept) -> tuple[Kept, Silenced]:
        """The findings that are reported, and how many are not."""
        return (findings, NOTHING) if self.silencer is None else self.silencer.split(path, findings)


def relative(path: str, root: str) -> str:
    """A path as patterns and baselines have it: relative to a folder, with `/`."""
    return relpath(abspath(path), root).replace("\\", "/")


def matcher(patterns: Sequence[str]) -> Matcher:
    """Whether gitignore patterns match a relative path."""
    from imgbudget.sources.gitignore import Patterns, as_bytes_text  # noqa: PLC0415 - few configurations

    matches = Patterns.parse([as_bytes_text(pattern) for pattern in patterns]).match_within
    return lambda path: matches(as_bytes_text(path))
