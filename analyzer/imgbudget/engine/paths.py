"""Rules by path: the configuration's overrides and ignores, matched as gitignore patterns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from os.path import abspath, relpath

from imgbudget.config import Ignore, Override, Settings
from imgbudget.engine.judge import Judge
from imgbudget.engine.selection import Layer, select_rules, specificity
from imgbudget.model import Finding
from imgbudget.registry import AnyRule


@dataclass(slots=True, eq=False, repr=False)
class PathRules:
    """Which rules judge a file, and which of its findings are silenced.

    `layers` are the selectors of the configuration and then of the command line; the overrides of a path
    stand between them.
    """

    rules: Sequence[AnyRule]
    settings: Settings
    layers: tuple[Layer, Layer]
    pedantic: bool = False
    use_ignores: bool = True
    _judges: dict[tuple[int, ...], Judge] = field(default_factory=dict)
    _overrides: list[tuple[Override, Callable[[str], bool]]] = field(default_factory=list)
    _ignores: list[tuple[Ignore, Callable[[str], bool]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.settings.overrides:
            self._overrides = [(item, _matcher(item.files)) for item in self.settings.overrides]
        if self.settings.ignores and self.use_ignores:
            self._ignores = [(item, _matcher(item.files)) for item in self.settings.ignores]

    def judge(self, path: str) -> Judge:
        """The judge for a file."""
        if not self._overrides:
            return self._judges.get(()) or self._make(())
        name = self._relative(path)
        key = tuple(i for i, (_, matches) in enumerate(self._overrides) if matches(name))
        return self._judges.get(key) or self._make(key)

    def _make(self, key: tuple[int, ...]) -> Judge:
        chosen = [self._overrides[i][0] for i in key]
        config, command = self.layers
        between = [Layer(item.select, item.extend_select, item.ignore) for item in chosen]
        severities = dict(self.settings.severity)
        for item in chosen:
            severities.update(item.severity)
        rules = select_rules(
            self.rules, (config, *between, command), severities=severities, pedantic=self.pedantic
        )
        self._judges[key] = Judge(rules)
        return self._judges[key]

    def split(self, path: str, findings: Sequence[Finding]) -> tuple[tuple[Finding, ...], int]:
        """The findings that are reported, and how many the ignores silence."""
        if not self._ignores:
            return tuple(findings), 0
        name = self._relative(path)
        mine = [item for item, matches in self._ignores if matches(name)]
        kept = tuple(
            finding for finding in findings if not any(self._silences(item, finding) for item in mine)
        )
        return kept, len(findings) - len(kept)

    def _silences(self, ignore: Ignore, finding: Finding) -> bool:
        rule = next((rule for rule in self.rules if rule.code == finding.code), None)
        if rule is None or all(specificity(selector, rule) < 0 for selector in ignore.rules):
            return False
        if ignore.pointer is None:
            return True
        pointer = finding.place.pointer or ""
        return pointer == ignore.pointer or pointer.startswith(ignore.pointer.rstrip("/") + "/")

    def _relative(self, path: str) -> str:
        return relpath(abspath(path), self.settings.root).replace("\\", "/")


def _matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    from imgbudget.sources.gitignore import Patterns, as_bytes_text  # noqa: PLC0415 - few configurations

    matches = Patterns.parse([as_bytes_text(pattern) for pattern in patterns]).match_within
    return lambda path: matches(as_bytes_text(path))
