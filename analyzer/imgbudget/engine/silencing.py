"""What is not reported: findings that an ignore entry expects, and those that a baseline knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from imgbudget.config import Ignore
from imgbudget.engine.baseline import Baseline, Entry, entry_of
from imgbudget.engine.paths import NOTHING, Kept, Matcher, Silenced, relative
from imgbudget.engine.selection import specificity
from imgbudget.model import Finding, RunData
from imgbudget.registry import AnyRule
from imgbudget.sources.content import content_hash

_ON_FILES = (RunData.NONE, RunData.COPIES)
"""What rules watch whose findings are about a file, and not about the run or the configuration."""


@dataclass(slots=True, eq=False, repr=False)
class Silencer:
    """Parts the findings of a file into those that are reported and those that are not.

    `root` is the folder that patterns are relative to, `base` the one of the baseline. `used` and `met` are
    the numbers of the ignores and of the entries of the baseline that silenced something so far. With
    `collect` the entries of all findings that are left are kept in `entries`.
    """

    rules: Mapping[str, AnyRule]
    root: str
    ignores: Sequence[tuple[Ignore, Matcher]] = ()
    baseline: Baseline | None = None
    base: str = "."
    collect: bool = False
    used: set[int] = field(default_factory=set)
    met: set[int] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)
    unhashed: str | None = None
    """The name under which standard input is checked: no file holds its bytes."""

    def split(self, path: str, findings: Kept) -> tuple[Kept, Silenced]:
        """The findings of the file at `path` that are reported, and how many are not."""
        if not findings:
            return findings, NOTHING
        content = _Content(path, known=path != self.unhashed)
        left = self._without_ignored(path, findings, content) if self.ignores else findings
        kept = left
        if self.baseline is not None or self.collect:
            kept = tuple(finding for finding in left if not self._knows(path, finding, content))
        return kept, Silenced(len(findings) - len(left), len(left) - len(kept))

    def _without_ignored(self, path: str, findings: Kept, content: "_Content") -> Kept:
        name = relative(path, self.root)
        mine = [(i, entry) for i, (entry, matches) in enumerate(self.ignores) if matches(name)]
        kept = []
        for finding in findings:
            silencing = [i for i, entry in mine if self._silences(entry, finding, content)]
            self.used.update(silencing)
            if not silencing:
                kept.append(finding)
        return tuple(kept)

    def _silences(self, ignore: Ignore, finding: Finding, content: "_Content") -> bool:
        rule = self.rules.get(finding.code)
        if rule is None or all(specificity(selector, rule) < 0 for selector in ignore.rules):
            return False
        if ignore.custom_id is not None and ignore.custom_id != finding.request_id:
            return False
        if ignore.pointer is not None:
            pointer = finding.place.pointer or ""
            if pointer != ignore.pointer and not pointer.startswith(ignore.pointer.rstrip("/") + "/"):
                return False
        if ignore.sha256 is not None:
            digest = content.sha256 if finding.place.keys is None else None
            return digest is not None and digest.startswith(ignore.sha256)
        return True

    def _knows(self, path: str, finding: Finding, content: "_Content") -> bool:
        rule = self.rules.get(finding.code)
        if finding.internal or (rule and rule.run_data not in _ON_FILES):
            return False
        digest = content.sha256 if finding.place.keys is None else None
        entry = entry_of(finding, relative(path, self.base), digest)
        number = self.baseline.find(entry) if self.baseline else None
        if number is not None:
            self.met.add(number)
            return True
        if self.collect:
            self.entries.append(entry)
        return False


class _Content:
    """The hash of a file's bytes, read when it is first asked for."""

    def __init__(self, path: str, *, known: bool) -> None:
        self._path: str | None = path if known else None
        self._sha256: str | None = None

    @property
    def sha256(self) -> str | None:
        if self._path is not None:
            self._sha256, self._path = content_hash(self._path), None
        return self._sha256
