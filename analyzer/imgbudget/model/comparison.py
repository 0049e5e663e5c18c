"""A run compared with the saved JSON report of an earlier one: new and fixed findings, changes in totals."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from imgbudget.errors import UsageError, why_unread
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.subjects import Finding
from imgbudget.positional import read_named

MAX_BYTES = 256 << 20
"""Most bytes of a saved report."""

_MOST = 1 << 63

VERSION = 1
"""The version of the JSON report that can be read."""


class FindingRecord(NamedTuple):
    """The fields of a finding that a comparison needs."""

    code: str
    name: str
    severity: str
    path: str
    location: str | None
    message: str
    fingerprint: str


def to_record(finding: Finding) -> FindingRecord:
    """The record of a finding of this run."""
    location = finding.location
    return FindingRecord(
        code=finding.code,
        name=finding.name,
        severity=str(finding.severity),
        path=location.path,
        location=location.dotted,
        message=finding.message,
        fingerprint=finding.fingerprint,
    )


class FileSums(NamedTuple):
    """What the images of a file take: visual tokens and US dollars, the most where sources contradict.

    `uncounted` are images of known size and unknown tokens, `unpriced` those of known tokens and no price.
    """

    images: int = 0
    visual_tokens: int = 0
    cost_usd: float = 0.0
    uncounted: int = 0
    unpriced: int = 0

    def with_image(self, tokens: float | None, cost_usd: float | None, *, has_size: bool) -> "FileSums":
        """The sum with a further image."""
        return self.plus(
            FileSums(
                1,
                int(tokens or 0),
                cost_usd or 0.0,
                int(has_size and tokens is None),
                int(tokens is not None and cost_usd is None),
            )
        )

    def plus(self, other: "FileSums") -> "FileSums":
        """The sum with further images."""
        return FileSums(
            self.images + other.images,
            self.visual_tokens + other.visual_tokens,
            self.cost_usd + other.cost_usd,
            self.uncounted + other.uncounted,
            self.unpriced + other.unpriced,
        )


class FileChange(NamedTuple):
    """A file whose images, tokens or cost differ: this run minus the earlier one.

    `state` is added, removed or changed: whether the file had images in the earlier run, and in this one.
    """

    path: str
    state: str
    images: int
    visual_tokens: int
    cost_usd: float


class Move(NamedTuple):
    """A file that is in another folder now, with as many images and tokens as before."""

    path: str
    before: str


class RunRecords:
    """What a run keeps to be compared with an earlier one: its findings, and the sums of its files."""

    __slots__ = ("files", "findings")

    def __init__(self) -> None:
        self.findings: list[FindingRecord] = []
        self.files: dict[str, FileSums] = {}

    def add(self, result: FileResult) -> None:
        """Add the findings and images of a file, or of a part of it."""
        self.add_findings(result.findings)
        for image in result.images:
            sums = self.files.get(result.path, FileSums())
            has_size = image.use.size is not None
            self.files[result.path] = sums.with_image(image.tokens, image.cost_usd, has_size=has_size)

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        self.findings += map(to_record, findings)

    def merge(self, other: "RunRecords") -> None:
        """Add those of another process."""
        self.findings += other.findings
        for path, sums in other.files.items():
            self.files[path] = self.files[path].plus(sums) if path in self.files else sums


class Allowed(NamedTuple):
    """The most by which a run may exceed an earlier one: a share of its visual tokens, tokens, or US dollars.

    `text` is how it was written.
    """

    text: str
    share: float | None = None
    tokens: int | None = None
    cost_usd: float | None = None


class Fewest(NamedTuple):
    """The lower ends of sums, where sources contradict each other; else the sums."""

    visual_tokens: int
    tokens_after_fix: int
    cost_usd: float


class Earlier(NamedTuple):
    """The contents of a saved report. Where sources contradict each other, sums are the most.

    `files` is None if the report does not list its images.
    """

    name: str
    images: int
    requests: int
    visual_tokens: int
    tokens_after_fix: int
    cost_usd: float
    fewest: "Fewest"
    findings: tuple[FindingRecord, ...]
    files: Mapping[str, FileSums] | None = None
    allowed: Allowed | None = None


class RunComparison(NamedTuple):
    """The difference between this run and an earlier one: this run's numbers minus the earlier ones.

    `name` is the file of the earlier report. Findings are the same if their fingerprints are. Where sources
    contradict each other, sums are those of the most, and `fewest` has the others. `files` are those with
    other images, the largest differences of cost and tokens first; `moved` are in other folders, and their
    findings neither new nor fixed. `before` are the earlier tokens; `uncounted` and `unpriced` are further
    images whose tokens or price are not known. `allowed` is the most that was asked for, None if nothing was.
    """

    name: str
    images: int
    requests: int
    visual_tokens: int
    tokens_after_fix: int
    cost_usd: float
    fewest: Fewest
    new: tuple[FindingRecord, ...]
    fixed: tuple[FindingRecord, ...]
    files: tuple[FileChange, ...] = ()
    moved: tuple[Move, ...] = ()
    before: int = 0
    uncounted: int = 0
    unpriced: int = 0
    allowed: Allowed | None = None

    @property
    def exceeds(self) -> bool:
        """Whether the run exceeds the earlier one by more than was allowed."""
        allowed = self.allowed
        if allowed is None:
            return False
        if allowed.cost_usd is not None:
            return round(self.cost_usd, 9) > allowed.cost_usd
        if allowed.tokens is not None:
            return self.visual_tokens > allowed.tokens
        return self.visual_tokens > (allowed.share or 0) * self.before

    @property
    def is_growth_known(self) -> bool:
        """Whether it is known that the run is within what was allowed, or beyond it."""
        if self.allowed is None or self.exceeds:
            return True
        return self.uncounted <= 0 and (self.allowed.cost_usd is None or self.unpriced <= 0)


def compare(
    earlier: Earlier,
    summary: Summary,
    records: RunRecords,
) -> RunComparison:
    """This run compared with an earlier one."""
    now = tuple(records.findings)
    changes = () if earlier.files is None else _changes(earlier.files, records.files)
    moved = _moved(changes)
    still = {path for move in moved for path in move}
    places = {move.before: move.path for move in moved} | {move.path: move.path for move in moved}
    return RunComparison(
        name=earlier.name,
        images=summary.images - earlier.images,
        requests=summary.requests - earlier.requests,
        visual_tokens=summary.visual_tokens - earlier.visual_tokens,
        tokens_after_fix=summary.tokens_after_fix - earlier.tokens_after_fix,
        cost_usd=summary.cost_usd - earlier.cost_usd,
        fewest=Fewest(
            summary.tokens_range[0] - earlier.fewest.visual_tokens,
            summary.after_range[0] - earlier.fewest.tokens_after_fix,
            summary.cost_range[0] - earlier.fewest.cost_usd,
        ),
        new=_beyond(now, earlier.findings, places),
        fixed=_beyond(earlier.findings, now, places),
        files=tuple(change for change in changes if change.path not in still),
        moved=moved,
        before=earlier.visual_tokens,
        uncounted=_further("uncounted", earlier.files, records.files),
        unpriced=_further("unpriced", earlier.files, records.files),
        allowed=earlier.allowed,
    )


def _changes(before: Mapping[str, FileSums], after: Mapping[str, FileSums]) -> tuple[FileChange, ...]:
    """The files that differ, the largest differences of cost and then of tokens first."""
    none = FileSums()
    changes = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path, none), after.get(path, none)
        cost = round(new.cost_usd - old.cost_usd, 9)
        difference = (new.images - old.images, new.visual_tokens - old.visual_tokens, cost)
        if any(difference):
            state = "changed" if path in before and path in after else "added" if path in after else "removed"
            changes.append(FileChange(path, state, *difference))
    return tuple(sorted(changes, key=lambda one: (-abs(one.cost_usd), -abs(one.visual_tokens))))


def _further(name: str, before: Mapping[str, FileSums] | None, after: Mapping[str, FileSums]) -> int:
    """By how many more images something is not known, of two runs whose images are."""
    if before is None:
        return 0
    now, then = (sum(getattr(sums, name) for sums in files.values()) for files in (after, before))
    return int(now - then)


def _moved(changes: Iterable[FileChange]) -> tuple[Move, ...]:
    """The removed files that were added elsewhere under their name, with as many images and tokens."""
    removed: dict[tuple[str, int, int], list[str]] = {}
    for change in changes:
        if change.state == "removed":
            key = (_name(change.path), -change.images, -change.visual_tokens)
            removed.setdefault(key, []).append(change.path)
    moved = []
    for change in changes:
        before = removed.get((_name(change.path), change.images, change.visual_tokens))
        if change.state == "added" and before:
            moved.append(Move(change.path, before.pop(0)))
    return tuple(sorted(moved))


def _name(path: str) -> str:
    """The name of a file without its folders, as reports of all systems write them."""
    return path.replace("\\", "/").rpartition("/")[2]


def _beyond(
    these: Iterable[FindingRecord], those: Iterable[FindingRecord], places: Mapping[str, str]
) -> tuple[FindingRecord, ...]:
    """The findings of one run that the other lacks, counting repeated ones; `places` has what was moved."""

    def identity(finding: FindingRecord) -> tuple[str | None, ...]:
        place = places.get(finding.path)
        return (finding.fingerprint,) if place is None else (finding.code, place, finding.location)

    left = Counter(map(identity, those))
    beyond = []
    for finding in these:
        if left[identity(finding)]:
            left[identity(finding)] -= 1
        else:
            beyond.append(finding)
    return tuple(beyond)


def read_report_file(name: str, option: str) -> Earlier:
    """The saved report in a file; `option` is what named it, for messages.

    Raises:
        UsageError: it cannot be read, is too large, or as `read_report` raises it.
    """
    try:
        data = read_named(name, MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{option} {name}: {why_unread(error)}") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"{option} {name}: larger than the {MAX_BYTES >> 20} MB that a report may have")
    return read_report(data, name)


def read_report(data: bytes, name: str) -> Earlier:
    """A saved report from the bytes of a file; `name` is its name in messages.

    Raises:
        UsageError: it is not a JSON report of a known version.
    """
    remedy = "save one with imgbudget check --format json:FILE"
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"{name}: is no JSON report; {remedy}") from None
    if not isinstance(tree, Mapping) or "version" not in tree:
        raise UsageError(f"{name}: is no JSON report of imgbudget; {remedy}")
    if tree["version"] != VERSION:
        version = repr(tree["version"])[:40]
        raise UsageError(f"{name}: version {version} of a report is not known, only {VERSION}")
    try:
        return _earlier(tree, name)
    except _DamagedError as error:
        raise UsageError(f"{name}: is no whole JSON report: {error}; {remedy}") from None


class _DamagedError(Exception):
    """A report lacks something, or has something else there; the text says what, as a clause."""


def _entry(table: Mapping[str, Any], name: str) -> Any:
    """A value of a table of the report."""
    if name not in table:
        raise _DamagedError(f"{name} is missing")
    return table[name]


def _tables(tree: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a list of the report."""
    found = _entry(tree, name)
    if not isinstance(found, list):
        raise _DamagedError(f"{name} is no list")
    for number, one in enumerate(found):
        if not isinstance(one, Mapping):
            raise _DamagedError(f"{name}[{number}] is no object")
        yield one


def _word(table: Mapping[str, Any], name: str) -> str:
    word = _entry(table, name)
    if not isinstance(word, str):
        raise _DamagedError(f"{name} is no text")
    return word


def _earlier(tree: Mapping[str, Any], name: str) -> Earlier:
    summary = _entry(tree, "summary")
    if not isinstance(summary, Mapping):
        raise _DamagedError("summary is no object")
    images, requests = int(_number(summary, "images")), int(_number(summary, "requests"))
    tokens = _ends(summary, "visual_tokens", "visual_tokens_range")
    after = _ends(summary, "tokens_after_fix", "tokens_after_fix_range")
    cost = _ends(summary, "cost_usd", "cost_range_usd")
    return Earlier(
        name=name,
        images=images,
        requests=requests,
        visual_tokens=int(tokens[1]),
        tokens_after_fix=int(after[1]),
        cost_usd=cost[1],
        fewest=Fewest(int(tokens[0]), int(after[0]), cost[0]),
        findings=tuple(
            FindingRecord(
                code=_word(finding, "code"),
                name=_word(finding, "name"),
                severity=_word(finding, "severity"),
                path=_word(finding, "path"),
                location=None if finding.get("location") is None else str(finding["location"]),
                message=_word(finding, "message"),
                fingerprint=_word(finding, "fingerprint"),
            )
            for finding in _tables(tree, "findings")
        ),
        files=_files(_tables(tree, "images")) if "images" in tree else None,
    )


def _files(images: Iterable[Mapping[str, Any]]) -> dict[str, FileSums]:
    """The sums of each file of a report; images whose tokens are not known count as images only."""
    files: dict[str, FileSums] = {}
    for image in images:
        path = _word(image, "path")
        tokens = _most(image, "tokens", "tokens_range")
        cost = _most(image, "cost_usd", "cost_range_usd")
        has_size = image.get("width") is not None
        files[path] = files.get(path, FileSums()).with_image(tokens, cost, has_size=has_size)
    return files


def _most(image: Mapping[str, Any], name: str, ranged: str) -> float | None:
    amount = image.get(name)
    if amount is None and isinstance(image.get(ranged), list) and image[ranged]:
        amount = image[ranged][-1]
    return None if amount is None else _number({name: amount}, name)


def _ends(summary: Mapping[str, Any], name: str, ranged: str) -> tuple[float, float]:
    """The fewest and the most of an amount: of its range, or twice the certain one."""
    span = summary.get(ranged)
    if _entry(summary, name) is None and isinstance(span, list) and len(span) == 2:
        ends = dict(zip(("low", "high"), span, strict=True))
        return _number(ends, "low"), _number(ends, "high")
    return (_number(summary, name),) * 2


def _number(summary: Mapping[str, Any], name: str) -> float:
    number = _entry(summary, name)
    if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < _MOST:  # also NaN
        raise _DamagedError(f"{name} is no number of a run")
    return number
