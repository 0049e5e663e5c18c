"""Totals of a run by rule and by folder: how often, how far over, cost, and savings of the fixes."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from imgbudget.model.results import FileResult, ImageResult, RangedSums, cost_doubt
from imgbudget.model.subjects import Finding

UNORDERED_UNITS = frozenset({"orientation"})
"""Units whose numbers are names: none is larger than another, so that they have no difference or sum."""


@dataclass(slots=True)
class RuleSum:
    """The findings of one rule in one unit.

    `measured` and `limit` are those of the finding that is furthest over, `over_max` the amount it is over,
    `over_sum` the sum of these amounts, in `unit`; None if the rule measures nothing or has no limit.
    """

    code: str
    name: str
    unit: str | None
    findings: int = 0
    fixable: int = 0
    measured: float | None = None
    limit: float | None = None
    over_max: float | None = None
    over_sum: float | None = None

    def count(self, measured: float | None, limit: float | None, *, fixable: bool, repeats: int = 1) -> None:
        """Count one finding, which may stand for several."""
        self.findings += repeats
        self.fixable += fixable
        if measured is None or self.unit in UNORDERED_UNITS:
            return
        if limit is None:
            self.measured = max(self.measured or 0, measured)
            return
        self._update_furthest(measured, limit, abs(measured - limit))
        self.over_sum = (self.over_sum or 0) + abs(measured - limit)

    def merge(self, other: "RuleSum") -> None:
        """Add the findings of another sum of the same rule."""
        self.findings += other.findings
        self.fixable += other.fixable
        if other.over_max is not None:
            self._update_furthest(other.measured, other.limit, other.over_max)
            self.over_sum = (self.over_sum or 0) + (other.over_sum or 0)
        elif other.measured is not None and self.over_max is None:
            self.measured = max(self.measured or 0, other.measured)

    def _update_furthest(self, measured: float | None, limit: float | None, over: float) -> None:
        if self.over_max is None or over > self.over_max:
            self.measured, self.limit, self.over_max = measured, limit, over


@dataclass(slots=True)
class FolderSum(RangedSums):
    """All files of one folder, without its subfolders. Cost and savings in USD.

    Where sources contradict each other, sums have the most, and may be lower by the doubt. `uncounted` images
    have no known number of tokens.
    """

    path: str
    files: int = 0
    images: int = 0
    requests: int = 0
    findings: int = 0
    visual_tokens: int = 0
    tokens_after_fix: int = 0
    cost_usd: float = 0.0
    saved_usd: float = 0.0
    uncounted: int = 0
    tokens_doubt: int = 0
    after_doubt: int = 0
    cost_doubt: float = 0.0

    def add(self, result: FileResult) -> None:
        """Count one file, or a part of one."""
        self.files += not result.partial
        self.images += len(result.images)
        self.requests += len(result.requests)
        self.findings += sum([finding.repeats for finding in result.findings])
        for request in result.requests:
            self.cost_usd += request.cost_usd or 0.0
            self.cost_doubt += cost_doubt(request.limits, request.tokens_range)
        for image in result.images:
            tokens, after, cost = image.tokens, image.tokens_after_fix, image.cost_usd
            if tokens is None or after is None:
                self.uncounted += not image.is_counted
                continue
            self.visual_tokens += tokens
            self.tokens_after_fix += after
            if image.use.is_alone:
                self.cost_usd += cost or 0.0
            if after != tokens:
                self.saved_usd += (cost or 0.0) - (image.limits.cost_usd(after) or 0.0)
            if image.limits.tier.alternatives:
                self._add_doubt(image)

    def _add_doubt(self, image: ImageResult) -> None:
        span = image.tokens_range
        if span is not None:
            self.tokens_doubt += span[1] - span[0]
            self.cost_doubt += cost_doubt(image.limits, span) if image.use.is_alone else 0.0
        after = None if image.planned is None else image.limits.tokens_range(image.planned)
        self.after_doubt += after[1] - after[0] if after else 0

    def merge(self, other: "FolderSum") -> None:
        """Add the files of another sum of the same folder."""
        for row in fields(self):
            if row.name != "path":
                setattr(self, row.name, getattr(self, row.name) + getattr(other, row.name))


@dataclass(slots=True)
class RunStatistics:
    """The totals of a run; rules and folders in the order of their first files."""

    by_rule: dict[tuple[str, str | None], RuleSum] = field(default_factory=dict)
    by_folder: dict[str, FolderSum] = field(default_factory=dict)

    def add(self, result: FileResult) -> None:
        """Count one file; a skipped one has nothing to count."""
        if result.skipped is not None:
            return
        folder = result.path.rpartition("/")[0] or ("/" if result.path.startswith("/") else ".")
        self.by_folder.setdefault(folder, FolderSum(folder)).add(result)
        self.add_findings(result.findings)

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Count findings without counting a file."""
        for finding in findings:
            key = finding.code, finding.unit
            if key not in self.by_rule:
                self.by_rule[key] = RuleSum(finding.code, finding.name, finding.unit)
            fixable = finding.fix is not None
            self.by_rule[key].count(finding.measured, finding.limit, fixable=fixable, repeats=finding.repeats)

    def merge(self, other: "RunStatistics") -> None:
        """Add other totals."""
        for key, rule in other.by_rule.items():
            self.by_rule.setdefault(key, RuleSum(rule.code, rule.name, rule.unit)).merge(rule)
        for path, folder in other.by_folder.items():
            self.by_folder.setdefault(path, FolderSum(path)).merge(folder)

    @property
    def rules(self) -> list[RuleSum]:
        """The rules in the order of their codes."""
        return [self.by_rule[key] for key in sorted(self.by_rule, key=lambda key: (key[0], key[1] or ""))]

    @property
    def folders(self) -> list[FolderSum]:
        """The folders, most visual tokens first."""
        return sorted(self.by_folder.values(), key=lambda folder: (-folder.visual_tokens, folder.path))
