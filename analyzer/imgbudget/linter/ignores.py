"""Suppression: findings that an ignore entry or a baseline expects, and entries that suppress nothing."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from imgbudget.config.settings import Ignore, Settings
from imgbudget.discovery.gitignore import SPECIAL
from imgbudget.imageinfo.files import content_hash
from imgbudget.linter.baseline import Baseline, BaselineEntry, entry_of
from imgbudget.linter.rule_sets import NOTHING, Findings, Matcher, PathRules, SuppressedCounts, relative
from imgbudget.linter.selection import SelectionLayer, is_selected, specificity
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Finding, RunData, UnusedIgnore
from imgbudget.registry import AnyRule

_ON_FILES = (RunData.NONE, RunData.COPIES)
"""What rules watch whose findings are about a file, and not about the run or the configuration."""


@dataclass(slots=True, eq=False, repr=False)
class Suppressor:
    """Parts the findings of a file into those that are reported and those that are not.

    `root` is the folder that patterns are relative to, `base` the one of the baseline. `used` and `entry` are
    the numbers of the ignores and of the entries of the baseline that silenced something so far. With
    `collect` the entries of all findings that are left are kept in `entries`.
    """

    rules: Mapping[str, AnyRule]
    root: str
    ignores: Sequence[tuple[Ignore, Matcher]] = ()
    baseline: Baseline | None = None
    base: str = "."
    collect: bool = False
    used_ignores: set[int] = field(default_factory=set)
    matched_entries: set[int] = field(default_factory=set)
    collected_entries: list[BaselineEntry] = field(default_factory=list)
    unhashed: str | None = None
    """The name under which standard input is checked: no file holds its bytes."""

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
        mine = [(i, entry) for i, (entry, matches) in enumerate(self.ignores) if matches(name)]
        kept = []
        for finding in findings:
            matching = [i for i, entry in mine if self._applies(entry, finding, content)]
            self.used_ignores.update(matching)
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
            self.matched_entries.add(number)
            return True
        if self.collect:
            self.collected_entries.append(entry)
        return False


class _ContentIndex:
    """The hash of a file's bytes, read when it is first asked for."""

    def __init__(self, path: str, *, known: bool) -> None:
        self._path: str | None = path if known else None
        self._sha256: str | None = None

    @property
    def sha256(self) -> str | None:
        if self._path is not None:
            self._sha256, self._path = content_hash(self._path), None
        return self._sha256


def unused_ignores(paths: PathRules, named: Sequence[str]) -> Iterator[tuple[UnusedIgnore, int | None]]:
    """The entries that silenced nothing, each with its line; `named` are the files and folders checked."""
    if paths.suppressor is None:
        return
    real = [os.path.realpath(path).replace(os.sep, "/") for path in named]
    root = os.path.realpath(paths.settings.root).replace(os.sep, "/")
    locations = _places(paths.settings)
    for number, (ignore, _) in enumerate(paths.suppressor.ignores):
        location = locations[number]
        if number in paths.suppressor.used_ignores or not _rules_ran(ignore, paths):
            continue
        if all(covered(pattern, root, real) for pattern in ignore.files):
            from imgbudget.config.edit import obstacle  # noqa: PLC0415 - runs with unused entries only

            why_not = obstacle(location.path)
            yield UnusedIgnore(location, ignore.rules, ignore.files, ignore.reason, why_not), ignore.line


def _places(settings: Settings) -> list[Location]:
    """Where each ignore entry stands: its file, and the route to it there."""
    counts: dict[str, Iterator[int]] = {}
    locations = []
    for ignore in settings.ignores:
        table: Keys = ("tool", "imgbudget") if ignore.path.endswith("pyproject.toml") else ()
        number = next(counts.setdefault(ignore.path, count()))
        keys: Keys = (*table, "ignores", number)
        locations.append(Location(ignore.path, keys, root=len(keys)))  # the API has no name for it
    return locations


def covered(pattern: str, root: str, named: Iterable[str]) -> bool:
    """Whether all files that a pattern can match lie in what was checked; all paths absolute, with `/`."""
    around = root
    if "/" in pattern.rstrip("/") and not pattern.startswith("!"):
        for step in pattern.strip("/").split("/"):
            if SPECIAL.search(step):
                break
            around = f"{around}/{step}"
    return any(around == path or around.startswith(path.rstrip("/") + "/") for path in named)


def _rules_ran(ignore: Ignore, paths: PathRules) -> bool:
    """Whether the rules that an entry names ran, but for those that the configuration itself leaves off."""
    config = paths.settings
    layer = SelectionLayer(config.select, config.extend_select, config.ignore)
    ran = {rule.code for rule in paths.rules if paths.base_runner.rules.has(rule.code)}
    meant = [rule for rule in paths.rules if any(specificity(text, rule) >= 0 for text in ignore.rules)]
    wanted = [rule for rule in meant if is_selected(rule, (layer,), pedantic=False, preview=config.preview)]
    silent = {rule.code for rule in meant if rule.budgets}
    return any(rule.code in ran for rule in meant) and all(
        rule.code in ran or rule.code in silent for rule in wanted
    )
