"""A run compared with the saved JSON report of an earlier one: new and fixed findings, changes in totals."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from imgbudget.errors import UsageError
from imgbudget.model.results import Summary
from imgbudget.model.subjects import Finding

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


class Fewest(NamedTuple):
    """The lower ends of sums, where sources contradict each other; else the sums."""

    visual_tokens: int
    tokens_after_fix: int
    cost_usd: float


class Earlier(NamedTuple):
    """The contents of a saved report. Where sources contradict each other, sums are the most."""

    name: str
    images: int
    requests: int
    visual_tokens: int
    tokens_after_fix: int
    cost_usd: float
    fewest: "Fewest"
    findings: tuple[FindingRecord, ...]


class RunComparison(NamedTuple):
    """The difference between this run and an earlier one: this run's numbers minus the earlier ones.

    `name` is the file of the earlier report. Findings are the same if their fingerprints are. Where sources
    contradict each other, sums are those of the most, and `fewest` has the others.
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


def compare(earlier: Earlier, summary: Summary, found: Iterable[FindingRecord]) -> RunComparison:
    """This run compared with an earlier one."""
    now = tuple(found)
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
        new=_beyond(now, earlier.findings),
        fixed=_beyond(earlier.findings, now),
    )


def _beyond(these: Iterable[FindingRecord], those: Iterable[FindingRecord]) -> tuple[FindingRecord, ...]:
    """The findings of one run that the other lacks, counting repeated ones."""
    left = Counter(finding.fingerprint for finding in those)
    beyond = []
    for finding in these:
        if left[finding.fingerprint]:
            left[finding.fingerprint] -= 1
        else:
            beyond.append(finding)
    return tuple(beyond)


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
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise UsageError(f"{name}: is no whole JSON report: {what}; {remedy}") from None


def _earlier(tree: Mapping[str, Any], name: str) -> Earlier:
    summary = tree["summary"]
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
                code=str(finding["code"]),
                name=str(finding["name"]),
                severity=str(finding["severity"]),
                path=str(finding["path"]),
                location=_text(finding.get("location")),
                message=str(finding["message"]),
                fingerprint=str(finding["fingerprint"]),
            )
            for finding in tree["findings"]
        ),
    )


def _ends(summary: Mapping[str, Any], name: str, ranged: str) -> tuple[float, float]:
    """The fewest and the most of an amount: of its range, or twice the certain one."""
    span = summary.get(ranged)
    if summary[name] is None and isinstance(span, list) and len(span) == 2:
        ends = dict(zip(("low", "high"), span, strict=True))
        return _number(ends, "low"), _number(ends, "high")
    return (_number(summary, name),) * 2


def _number(summary: Mapping[str, Any], name: str) -> float:
    number = summary[name]
    kind = float if isinstance(number, float) else int
    if not abs(kind(number)) < _MOST:  # also NaN
        raise ValueError(f"{name} is no number of a run")
    return kind(number)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
