"""Results as plain dictionaries: the records of the JSON formats, version 1. Absent values are null."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imgbudget.geometry import scales
from imgbudget.model import Fact, Finding, Severity
from imgbudget.report import ImageResult, RequestResult, Summary
from imgbudget.version import __version__

if TYPE_CHECKING:
    from imgbudget.fixed import FailedFix

VERSION = 1
SHOWN = Fact.ORIENTATION | Fact.FRAMES
"""Facts that the records show, whatever the rules ask for."""
TOOL = {"name": "imgbudget", "version": __version__}


def usd(amount: float | None) -> float | None:
    """An amount in USD without the noise of binary fractions."""
    return None if amount is None else round(amount, 9)


def finding_record(finding: Finding) -> dict[str, Any]:
    """One finding."""
    span = finding.span
    fix = None
    if finding.fix is not None and finding.fix_safety is not None:
        fix = {"safety": str(finding.fix_safety), "title": finding.fix.title}
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": str(finding.severity),
        "message": finding.message,
        "help": finding.help,
        "url": finding.url,
        "path": finding.place.path,
        "pointer": finding.place.pointer,
        "location": finding.place.location,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
        "measured": finding.measured,
        "limit": finding.limit,
        "unit": finding.unit,
        "model": finding.model,
        "platform": finding.platform,
        "fix": fix,
        "fingerprint": finding.fingerprint,
    }


def failed_record(failed: "FailedFix") -> dict[str, Any]:
    """A fix that was not made."""
    return {
        "code": failed.code,
        "path": failed.place.path,
        "pointer": failed.place.pointer,
        "location": failed.place.location,
        "reason": failed.reason,
    }


def image_record(image: ImageResult) -> dict[str, Any]:
    """One use of an image."""
    use, facts = image.use, image.use.facts
    size = use.size
    return {
        "path": use.place.path,
        "pointer": use.place.pointer,
        "format": facts.format if facts else None,
        "width": size.width if size else None,
        "height": size.height if size else None,
        "orientation": facts.orientation if facts else None,
        "frames": facts.frames if facts else None,
        "bytes": facts.byte_size if facts else None,
        "base64_bytes": use.base64_size,
        "resized": list(image.resized) if image.resized and scales(image.limits.tier) else None,
        "tokens": image.tokens,
        "tokens_area": image.tokens_area,
        "cost_usd": usd(image.cost_usd),
    }


def request_record(result: RequestResult) -> dict[str, Any]:
    """One request."""
    request = result.request
    return {
        "path": request.place.path,
        "line": request.line,
        "id": request.id,
        "model": result.limits.model,
        "platform": result.limits.platform,
        "images": len(request.images),
        "documents": len(request.documents),
        "bytes": request.byte_size,
        "visual_tokens": result.visual_tokens,
        "cost_usd": usd(result.cost_usd),
    }


def summary_record(summary: Summary) -> dict[str, Any]:
    """The sum of a run."""
    return {
        "files": summary.files,
        "images": summary.images,
        "requests": summary.requests,
        "skipped": [{"path": path, "reason": reason} for path, reason in summary.skipped],
        "findings": {
            str(severity): summary.findings[severity] for severity in sorted(Severity, reverse=True)
        },
        "visual_tokens": summary.visual_tokens,
        "cost_usd": usd(summary.cost_usd),
        "tokens_after_fix": summary.tokens_after_fix,
        "silenced": {"ignores": summary.silenced, "baseline": summary.baselined},
        "rows": {
            "total": summary.rows,
            "checked": summary.rows_checked,
            "bad": summary.rows_bad,
            "skipped": [
                {"path": run.path, "line": run.first, "end_line": run.last, "reason": run.reason}
                for run in summary.rows_passed
            ],
        },
    }


def extra_records(summary: Summary) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a run was asked for beside its findings, by name: the statistics, the comparison."""
    if summary.statistics is not None:
        from imgbudget.reporters.statistics import statistics_record  # noqa: PLC0415 - on demand only

        yield "statistics", statistics_record(summary.statistics)
    if summary.comparison is not None:
        from imgbudget.reporters.comparison import comparison_record  # noqa: PLC0415 - on demand only

        yield "comparison", comparison_record(summary.comparison)
