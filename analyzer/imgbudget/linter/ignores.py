"""Suppression: findings that ignores or a baseline suppress, and ignores that suppress nothing."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count

from imgbudget.config.settings import Ignore
from imgbudget.discovery.gitignore import covered
from imgbudget.imageinfo.files import content_hash
from imgbudget.linter.baseline import Baseline, BaselineEntry, entry_of
from imgbudget.linter.rule_sets import (
    NOTHING,
    ConfigUsage,
    Findings,
    Matcher,
    PathRules,
    SuppressedCounts,
    relative,
)
from imgbudget.linter.selection import SelectionLayer, is_selected, specificity
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Finding, RunData, UnusedIgnore
from imgbudget.registry import AnyRule
from imgbudget.slotted import dataclass, field

_ON_FILES = (RunData.NONE, RunData.COPIES, RunData.LIKENESS, RunData.LEAKS)
"""The run data of rules whose findings are about a file, not about the run or the configuration."""


@dataclass(slots=True, eq=False, repr=False)
class Suppressor:
    """Splits the findings of a file into those that are reported and those that are not.

    `root` is the folder that patterns are relative to, `base` that of the paths in the baseline. `places` are
    those of the ignores. `usage` keeps which ignores and entries of the baseline have suppressed something,
    and with `collect` entries of all findings that are not suppressed.
    """

    rules: Mapping[str, AnyRule]
    root: str
    ignores: Sequence[tuple[Ignore, Matcher]] = ()
    baseline: Baseline | None = None
    base: str = "."
    collect: bool = False
    places: Sequence[Location] = ()
    usage: ConfigUsage = field(default_factory=ConfigUsage)
    unhashed: str | None = None
    """The name of standard input, which has no file to hash."""

    @property
    def collected_entries(self) -> list[BaselineEntry]:
        """The entries of all findings that nothing suppresses, if they are collected."""
        return self.usage.collected

    def split(self, path: str, findings: Findings) -> tuple[Findings, SuppressedCounts]:
        """The findings of the file at `path` that are reported, and how many are not."""
        if not findings:
            return findings, NOTHING
        content = _ContentIndex(path, known=path != self.unhashed)
        left = self._without_ignored(path, findings, content) if self.ignores else findings
        kept = left
        if self.baseline is not None or self.collect:
            kept = tuple(finding for finding in left if not self._is_known(path, finding, content))
        return kept, SuppressedCounts(len(findings) - len(left), len(left) - len(kept))

    def _without_ignored(self, path: str, findings: Findings, content: "_ContentIndex") -> Findings:
        name = relative(path, self.root)
        candidates = [(i, entry) for i, (entry, matches) in enumerate(self.ignores) if matches(name)]
        kept = []
        for finding in findings:
            matching = [i for i, entry in candidates if self._applies(entry, finding, content)]
            self.usage.ignores.update(map(self.places.__getitem__, matching))
            if not matching:
                kept.append(finding)
        return tuple(kept)

    def _applies(self, ignore: Ignore, finding: Finding, content: "_ContentIndex") -> bool:
        rule = self.rules.get(finding.code)
        if rule is None or all(specificity(selector, rule) < 0 for selector in ignore.rules):
            return False
        if ignore.custom_id is not None and ignore.custom_id != finding.request_id:
            return False
        if ignore.pointer is not None:
            pointer = finding.location.pointer or ""
            if pointer != ignore.pointer and not pointer.startswith(ignore.pointer.rstrip("/") + "/"):
                return False
        if ignore.sha256 is not None:
            digest = content.sha256 if finding.location.keys is None else None
            return digest is not None and digest.startswith(ignore.sha256)
        return True

    def _is_known(self, path: str, finding: Finding, content: "_ContentIndex") -> bool:
        rule = self.rules.get(finding.code)
        if finding.internal or (rule and rule.run_data not in _ON_FILES):
            return False
        digest = content.sha256 if finding.location.keys is None else None
        entry = entry_of(finding, relative(path, self.base), digest)
        number = self.baseline.find(entry) if self.baseline else None
        if number is not None:
            self.usage.entries.add(number)
            return True
        if self.collect:
            self.usage.collected.append(entry)
        return False


class _ContentIndex:
    """The hash of a file's content, computed on first use."""

    def __init__(self, path: str, *, known: bool) -> None:
        self._path: str | None = path if known else None
        self._sha256: str | None = None

    @property
    def sha256(self) -> str | None:
        if self._path is not None:
            self._sha256, self._path = content_hash(self._path), None
        return self._sha256


def unused_ignores(paths: PathRules, checked: Sequence[str]) -> Iterator[tuple[UnusedIgnore, int | None]]:
    """The ignores that suppressed nothing, each with its line; `checked` are the paths of the run."""
    if paths.suppressor is None:
        return
    real = [os.path.realpath(path).replace(os.sep, "/") for path in checked]
    root = os.path.realpath(paths.settings.root).replace(os.sep, "/")
    for location, (ignore, _) in zip(paths.suppressor.places, paths.suppressor.ignores, strict=True):
        if location in paths.usage.ignores or not _rules_ran(ignore, paths):
            continue
        if all(covered(pattern, root, real) for pattern in ignore.files):
            from imgbudget.config.edit import obstacle  # noqa: PLC0415 - rare

            why_not = obstacle(location.path)
            yield UnusedIgnore(location, ignore.rules, ignore.files, ignore.reason, why_not), ignore.line


def unused_overrides(paths: PathRules, usage: ConfigUsage, checked: Sequence[str]) -> Iterator[str]:
    """A note for each override that held for no file, although all files that it can name were checked."""
    real = [os.path.realpath(path).replace(os.sep, "/") for path in checked]
    root = os.path.realpath(paths.settings.root).replace(os.sep, "/")
    for override in paths.settings.overrides:
        unused = (override.path, override.line) not in usage.overrides
        if unused and all(covered(pattern, root, real) for pattern in override.files):
            where = f"{override.path}:{override.line}" if override.line else override.path
            yield f"{where}: the override for {', '.join(override.files)} holds for no file that was checked"


def places_of(ignores: Iterable[Ignore]) -> list[Location]:
    """The location of each ignore entry of a configuration: its file, and its path in it."""
    counts: dict[str, Iterator[int]] = {}
    locations = []
    for ignore in ignores:
        table: Keys = ("tool", "imgbudget") if ignore.path.endswith("pyproject.toml") else ()
        number = next(counts.setdefault(ignore.path, count()))
        keys: Keys = (*table, "ignores", number)
        locations.append(Location(ignore.path, keys, root=len(keys)))  # the configuration's own path
    return locations


def _rules_ran(ignore: Ignore, paths: PathRules) -> bool:
    """Whether the rules that an ignore names ran, except those that the configuration turns off."""
    config = paths.settings
    layer = SelectionLayer(config.select, config.extend_select, config.ignore)
    ran = {rule.code for rule in paths.rules if paths.base_runner.rules.has(rule.code)}
    selected = [rule for rule in paths.rules if any(specificity(text, rule) >= 0 for text in ignore.rules)]
    expected = [
        rule
        for rule in selected
        if is_selected(
            rule, (layer,), pedantic=False, preview=config.preview, pixels=config.pixels, text=config.text
        )
    ]
    without_budget = {rule.code for rule in selected if rule.budgets}
    return any(rule.code in ran for rule in selected) and all(
        rule.code in ran or rule.code in without_budget for rule in expected
    )
