"""The results of a run: the findings in each file, and the totals."""

from collections import Counter
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size, area_tokens, patches
from imgbudget.model.request_under_test import RequestUnderTest, is_counted
from imgbudget.model.safety import made_by_default
from imgbudget.model.subjects import Finding, FixSafety, ImageUse, Request, Severity
from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    from imgbudget.model.clients import ClientImage
    from imgbudget.model.comparison import RunComparison
    from imgbudget.model.edits import FailedFix, FileFix
    from imgbudget.model.statistics import RunStatistics


def cost_doubt(limits: Limits, span: tuple[int, int] | None) -> float:
    """By how much the most tokens cost more than the fewest, USD."""
    return 0.0 if span is None else (limits.cost_usd(span[1]) or 0.0) - (limits.cost_usd(span[0]) or 0.0)


def _tokens(use: ImageUse, limits: Limits) -> int | None:
    """The tokens of an image by the rule of its provider, which resizes it once."""
    size = use.visible_size
    return None if size is None else limits.tokens(size)


class ImageResult(NamedTuple):
    """One use of an image with the limits it was checked against.

    `resized` is the size that the model uses, `planned` the size after the safe fixes; both are None if the
    size is not known. No tokens are counted then, nor for a model that is not known. `client` is what a
    client makes of the image file, None where files are checked as they are stored; sizes and tokens are then
    those of the image that it sends, and `use` is the stored one.
    """

    use: ImageUse
    limits: Limits
    resized: Size | None
    planned: Size | None
    client: "ClientImage | None" = None

    @property
    def sent(self) -> ImageUse:
        """The image that arrives at the API: that of the client, if one is named."""
        return self.use if self.client is None else self.client.use

    @property
    def tokens(self) -> int | None:
        """Visual tokens; the most, if sources contradict each other."""
        if self.resized is None:
            return None
        # the resized image is not resized again
        return _tokens(self.sent, self.limits) if self.limits.tier.strategy else patches(self.resized)

    @property
    def tokens_range(self) -> tuple[int, int] | None:
        """The fewest and the most visual tokens, if sources contradict each other."""
        size = self.sent.visible_size
        return None if self.resized is None or size is None else self.limits.tokens_range(size)

    @property
    def tokens_area(self) -> int | None:
        """The older published estimate of the resized image; None for a model of another provider."""
        return None if self.resized is None or self.limits.tier.strategy else area_tokens(self.resized)

    @property
    def tokens_after_fix(self) -> int | None:
        """Visual tokens after the safe fixes."""
        return None if self.planned is None else self.limits.tokens(self.planned)

    @property
    def is_counted(self) -> bool:
        """Whether its tokens are known, or it has none because it is damaged."""
        return is_counted(self.sent, self.limits)

    @property
    def cost_usd(self) -> float | None:
        """Price of the tokens at the model's input rate, USD; of the most, as for `tokens`."""
        tokens = self.tokens
        return None if tokens is None else self.limits.cost_usd(tokens)


class RequestResult(NamedTuple):
    """One request with the limits that it was checked against; its images are listed beside it."""

    test: RequestUnderTest
    visual_tokens: int | None
    tokens_range: tuple[int, int] | None = None
    """The fewest and the most, if sources contradict each other; `visual_tokens` is then the most."""

    uncounted: int = 0
    """How many of its images have no known number of tokens."""

    @property
    def request(self) -> Request:
        """The request."""
        return self.test.request

    @property
    def limits(self) -> Limits:
        """The limits of its model and platform."""
        return self.test.limits

    @property
    def cost_usd(self) -> float | None:
        """Price of the visual tokens at the model's input rate, USD; None if the model is not known."""
        return self.limits.cost_usd(self.visual_tokens)

    @property
    def tokens_ends(self) -> tuple[int | None, int | None]:
        """The fewest and the most visual tokens, the same if sources agree."""
        return self.tokens_range or (self.visual_tokens, self.visual_tokens)


UNFINISHED = "the last line is not complete: not read"
"""Why the last line of a session was passed over."""


class PassedRows(NamedTuple):
    """Consecutive rows of a JSONL file that were skipped for one reason: lines `first` to `last`, 1-based."""

    path: str
    first: int
    last: int
    reason: str


class RowCounts(NamedTuple):
    """The rows of a JSONL file: `total` = `checked` + `bad` + those in `passed`.

    `checked` rows contain a request or belong to a session, `bad` ones are not JSON or malformed entries.
    """

    total: int = 0
    checked: int = 0
    bad: int = 0
    passed: tuple[PassedRows, ...] = ()


class Amounts(NamedTuple):
    """What files take: their bytes, the visual tokens of their images, and the price of those in USD.

    Where sources contradict each other, tokens and cost are the most, and may be lower by the doubt.
    """

    byte_size: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    tokens_doubt: int = 0
    cost_doubt: float = 0.0

    @property
    def tokens_range(self) -> tuple[int, int]:
        """The fewest and the most tokens; the same if sources agree."""
        return self.tokens - self.tokens_doubt, self.tokens

    @property
    def cost_range(self) -> tuple[float, float]:
        """The least and the most that they cost, USD; the same if sources agree."""
        return self.cost_usd - self.cost_doubt, self.cost_usd

    def plus(self, other: "Amounts") -> "Amounts":
        """The sum."""
        return Amounts(
            self.byte_size + other.byte_size,
            self.tokens + other.tokens,
            self.cost_usd + other.cost_usd,
            self.tokens_doubt + other.tokens_doubt,
            self.cost_doubt + other.cost_doubt,
        )

    @classmethod
    def of(cls, result: "FileResult", byte_size: int) -> "Amounts":
        """The amounts of a file with this number of bytes."""
        summary = Summary()
        summary.add(result._replace(fix=None))
        return cls(
            byte_size, summary.visual_tokens, summary.cost_usd, summary.tokens_doubt, summary.cost_doubt
        )


class FileResult(NamedTuple):
    """The findings in one file.

    `suppressed` findings match ignores, `baselined` ones are in the baseline. `skipped` says why the file was
    not checked, None if it was. `missed` is true if it could not be read, which is a skip to warn about or,
    if the file was named, a finding. `rows` is
    None unless the file is JSONL and was checked. `partial` marks the result of one part of a long file, with
    more to follow: the last result of a file counts it. `fix` is the outcome of its fixes, None if none were
    made or tried; all other fields then describe the file after them. `trial` is what the safe fixes would
    make of it, None if that was not tried. `caveats` say in clauses what could not be checked of a file that
    was.
    """

    path: str
    images: tuple[ImageResult, ...] = ()
    requests: tuple[RequestResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    suppressed: int = 0
    baselined: int = 0
    skipped: str | None = None
    missed: bool = False
    rows: RowCounts | None = None
    partial: bool = False
    fix: "FileFix | None" = None
    trial: "FileFix | None" = None
    caveats: tuple[str, ...] = ()


class RangedSums:
    """Sums of which some have two ends: the most, and by how much the fewest may be lower."""

    __slots__ = ()

    visual_tokens: int
    tokens_doubt: int
    tokens_after_fix: int
    after_doubt: int
    cost_usd: float
    cost_doubt: float

    @property
    def tokens_range(self) -> tuple[int, int]:
        """The fewest and the most visual tokens; the same if sources agree."""
        return self.visual_tokens - self.tokens_doubt, self.visual_tokens

    @property
    def after_range(self) -> tuple[int, int]:
        """The fewest and the most visual tokens after the safe fixes; the same if sources agree."""
        return self.tokens_after_fix - self.after_doubt, self.tokens_after_fix

    @property
    def cost_range(self) -> tuple[float, float]:
        """The least and the most that the visual tokens cost, USD; the same if sources agree."""
        return self.cost_usd - self.cost_doubt, self.cost_usd


class Summary(RangedSums):
    """The totals over all files of a run. Files = checked + skipped.

    `unknown_models` counts requests whose model is not known: their cost is not in the sum, and their tokens
    only if they are those of a known family. `uncounted` counts images whose tokens are not known, `unpriced`
    those whose tokens are in the sum, but whose price is not known.

    Where sources contradict each other on tokens, all sums have the most; they may be lower by `tokens_doubt`
    and so on, which are 0 if all numbers are certain.

    `unread` counts all that could not be read, `fixed` findings that were fixed, `changed` files that
    changed, `changed_images` images with new bytes, `removed_images` those that gave way to a text;
    `before` and `after` are the amounts of changed files.
    `failed` lists fixes that were not made, `unwritten` the errors of files that could not be
    written, `elsewhere` the files that another program has changed meanwhile, so that nothing was left to
    fix. `caveats` are clauses on what was not checked of files that were, by path. `narrowed` are the
    configurations in folders that leave out files or rules, each with what, as a clause. `statistics` and
    `comparison` are set at the end of a run that requested them.
    """

    def __init__(self) -> None:
        self.files: int = 0
        self.images: int = 0
        self.requests: int = 0
        self.unknown_models: int = 0
        self.skipped: list[tuple[str, str]] = []
        self.missed: list[tuple[str, str]] = []
        self.caveats: dict[tuple[str, str], None] = {}
        self.unread: int = 0
        self.findings: Counter[Severity] = Counter()
        self.fixable: int = 0
        self.unsafely_fixable: int = 0
        self.suppressed: int = 0
        self.baselined: int = 0
        self.rules_failed: int = 0
        self.visual_tokens: int = 0
        self.tokens_after_fix: int = 0
        self.cost_usd: float = 0.0
        self.saved_usd: float = 0.0
        self.uncounted: int = 0
        self.unpriced: int = 0
        self.tokens_doubt: int = 0
        self.after_doubt: int = 0
        self.cost_doubt: float = 0.0
        self.rows: int = 0
        self.rows_checked: int = 0
        self.rows_bad: int = 0
        self.rows_passed: list[PassedRows] = []
        self.statistics: RunStatistics | None = None
        self.comparison: RunComparison | None = None
        self.fixed: int = 0
        self.changed: int = 0
        self.changed_images: int = 0
        self.removed_images: int = 0
        self.before: Amounts = Amounts()
        self.after: Amounts = Amounts()
        self.failed: list[FailedFix] = []
        self.unwritten: list[str] = []
        self.elsewhere: list[tuple[str, str]] = []
        self.narrowed: list[tuple[str, str]] = []

    @property
    def not_made(self) -> int:
        """Fixes that were not made, and files that could not be written."""
        return len(self.failed) + len(self.unwritten)

    @property
    def checked(self) -> int:
        """Files that were checked."""
        return self.files - len(self.skipped)

    @property
    def worst(self) -> Severity | None:
        """The highest severity found."""
        return max((severity for severity, count in self.findings.items() if count), default=None)

    def add(self, result: FileResult) -> None:
        """Count one more file, or a part of one."""
        self.files += not result.partial
        self.unread += result.missed
        if result.skipped is not None:
            self.skipped.append((result.path, result.skipped))
            if result.missed:
                self.missed.append((result.path, result.skipped))
        if result.caveats:
            self.caveats |= {(result.path, caveat): None for caveat in result.caveats}
        self.images += len(result.images)
        self.requests += len(result.requests)
        self.add_findings(result)
        if result.rows is not None:
            self._add_rows(result.rows)
        self._add_requests(result.requests)
        self._add_images(result.images)

    def _add_images(self, images: tuple[ImageResult, ...]) -> None:
        for image in images:
            use, limits, resized, planned, client = image
            if resized is None:
                self.unread += use.facts is not None and use.facts.unread
                self.uncounted += use.facts is None
                continue
            sent = use if client is None else client.use
            tokens = _tokens(sent, limits) if limits.tier.strategy else patches(resized)
            if tokens is None:
                self.uncounted += 1
                continue
            self.visual_tokens += tokens
            self.unpriced += limits.input_price is None
            after = tokens if planned == resized else image.tokens_after_fix or 0
            self.tokens_after_fix += after
            if after != tokens:
                self.saved_usd += (limits.cost_usd(tokens) or 0.0) - (limits.cost_usd(after) or 0.0)
            if use.is_alone:
                self.cost_usd += limits.cost_usd(tokens) or 0.0
            if limits.tier.alternatives:
                self._add_doubt(image)

    def _add_requests(self, requests: tuple[RequestResult, ...]) -> None:
        for request in requests:
            self.cost_usd += request.cost_usd or 0.0
            self.unknown_models += not request.limits.known
            if request.tokens_range is not None:
                self.cost_doubt += cost_doubt(request.limits, request.tokens_range)

    def _add_doubt(self, image: ImageResult) -> None:
        """Count by how much the tokens of an image may be fewer than the sums have."""
        span, planned = image.tokens_range, image.planned
        if span is not None:
            self.tokens_doubt += span[1] - span[0]
            if image.use.is_alone:
                self.cost_doubt += cost_doubt(image.limits, span)
        after = None if planned is None else image.limits.tokens_range(planned)
        self.after_doubt += after[1] - after[0] if after else 0

    def add_findings(self, result: FileResult) -> None:
        """Count the findings and fixes of a result, without counting a file."""
        if result.fix is not None:
            self._add_fix(result.fix)
        self.suppressed += result.suppressed
        self.baselined += result.baselined
        for finding in result.findings:
            self.findings[finding.severity] += finding.repeats
            if finding.fix is not None:
                if made_by_default(finding):
                    self.fixable += 1
                elif finding.fix_safety is FixSafety.UNSAFE:
                    self.unsafely_fixable += 1
            if finding.internal:
                self.rules_failed += 1

    def _add_fix(self, fix: "FileFix") -> None:
        self.fixed += len(fix.fixed)
        self.changed += fix.changed
        self.changed_images += len(fix.images)
        self.removed_images += sum(block.text is not None for block in fix.blocks)
        if fix.before is not None and fix.after is not None:
            self.before = self.before.plus(fix.before)
            self.after = self.after.plus(fix.after)
        self.failed += fix.failed
        if fix.error is not None:
            self.unwritten.append(fix.error)
        if fix.elsewhere is not None:
            self.elsewhere.append((fix.path, fix.elsewhere))

    def _add_rows(self, rows: RowCounts) -> None:
        self.rows += rows.total
        self.rows_checked += rows.checked
        self.rows_bad += rows.bad
        self.rows_passed += rows.passed

    def merge(self, other: "Summary") -> None:
        """Add the counts of another summary."""
        self.add_counts(other.counts)
        self.rows_passed += other.rows_passed
        self.before = self.before.plus(other.before)
        self.after = self.after.plus(other.after)
        self.failed += other.failed
        self.unwritten += other.unwritten
        self.elsewhere += other.elsewhere
        self.skipped += other.skipped
        self.missed += other.missed
        self.caveats |= other.caveats

    @property
    def counts(self) -> tuple[float, ...]:
        """All numbers, for `add_counts`."""
        return *_NUMBERS(self), *[self.findings.get(severity, 0) for severity in _SEVERITIES]

    def add_counts(self, counts: Iterable[float]) -> None:
        """Add the numbers of another summary."""
        numbers = iter(counts)
        for name, number in zip(_NUMBER_NAMES, numbers, strict=False):
            if number:
                setattr(self, name, getattr(self, name) + number)
        for severity, number in zip(_SEVERITIES, numbers, strict=True):
            if number:
                self.findings[severity] += int(number)


_SEVERITIES = tuple(Severity)
_NUMBER_NAMES = tuple(name for name, value in vars(Summary()).items() if isinstance(value, int | float))
_NUMBERS: Callable[[Summary], tuple[float, ...]] = attrgetter(*_NUMBER_NAMES)


class Report(NamedTuple):
    """A whole run: its files in order and their totals."""

    files: tuple[FileResult, ...]
    summary: Summary
    notes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, in the order of the files."""
        return tuple(finding for file in self.files for finding in file.findings)

    @property
    def images(self) -> tuple[ImageResult, ...]:
        """All uses of images, in the order of the files."""
        return tuple(image for file in self.files for image in file.images)

    @property
    def requests(self) -> tuple[RequestResult, ...]:
        """All requests, in the order of the files."""
        return tuple(request for file in self.files for request in file.requests)
