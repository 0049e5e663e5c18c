"""Results as records of the JSON formats, version 1: as dictionaries, and as text. Absent values are null."""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size, area_tokens, patches, publishes_size
from imgbudget.model.location import Location, Span
from imgbudget.model.results import ImageResult, RequestResult, Summary
from imgbudget.model.safety import needed_level
from imgbudget.model.subjects import Finding, ProbeField, Severity
from imgbudget.printable import harmless
from imgbudget.version import __version__

if TYPE_CHECKING:
    from imgbudget.model.clients import ClientImage
    from imgbudget.model.edits import FailedFix
    from imgbudget.model.unread import UnreadPart


VERSION = 1
SHOWN = ProbeField.ORIENTATION | ProbeField.FRAMES
"""Facts that the records show, whether or not a rule needs them."""
TOOL = {"name": "imgbudget", "version": __version__}


def usd(amount: float | None) -> float | None:
    """An amount in USD, rounded to a billionth to hide binary fractions."""
    return None if amount is None else round(amount, 9)


def finding_record(finding: Finding) -> dict[str, Any]:
    """One finding."""
    span = finding.span
    fix = None
    if finding.fix is not None and finding.fix_safety is not None:
        fix = {"safety": str(finding.fix_safety), "title": finding.fix.title}
        if (level := needed_level(finding)) is not None:
            fix["applies"] = f"--fix-level {level}"
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": str(finding.severity),
        "message": finding.message,
        "help": finding.help,
        "url": finding.url,
        "path": finding.location.path,
        "pointer": finding.location.pointer,
        "location": finding.location.dotted,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
        "measured": finding.measured,
        "limit": finding.limit,
        "unit": finding.unit,
        "model": finding.model,
        "platform": finding.platform or None,
        "fix": fix,
        "fingerprint": finding.fingerprint,
    }


def failed_record(failed: "FailedFix") -> dict[str, Any]:
    """A fix that was not applied."""
    return {
        "code": failed.code,
        "path": failed.location.path,
        "pointer": failed.location.pointer,
        "location": failed.location.dotted,
        "reason": failed.reason,
    }


def image_record(image: ImageResult) -> dict[str, Any]:
    """One use of an image."""
    use, facts = image.use, image.use.facts
    size, span = use.size, image.tokens_range
    return {
        "path": use.location.path,
        "pointer": use.location.pointer,
        "format": facts.format if facts else None,
        "width": size.width if size else None,
        "height": size.height if size else None,
        "orientation": facts.orientation if facts else None,
        "frames": facts.frames if facts else None,
        "bytes": facts.byte_size if facts else None,
        "base64_bytes": use.base64_size,
        "resized": list(image.resized) if image.resized and publishes_size(image.limits.tier) else None,
        "tokens": None if span else image.tokens,
        "tokens_area": image.tokens_area,
        "cost_usd": None if span else usd(image.cost_usd),
        **({"client": client_record(image.client)} if image.client else {}),
    } | (range_record(span, image.limits) or _state(image))


def client_record(client: "ClientImage") -> dict[str, Any]:
    """An image file as a client sends it; `bytes` is null where the client encodes it."""
    facts, left_out = client.use.facts, client.use.left_out
    size = facts.size if facts else None
    return {
        "name": client.profile.name,
        "version": client.profile.version,
        "format": facts.format if facts else None,
        "width": size.width if size else None,
        "height": size.height if size else None,
        "bytes": facts.byte_size if facts and not client.encoded else None,
        "changes": list(client.changes),
        "left_out": {"named": "@", "limit": left_out.limit} if left_out else None,
        "unknown": client.unknown or None,
    }


def _state(image: ImageResult) -> dict[str, str]:
    """How the tokens of an image are known, if not for certain; nothing if they are."""
    size = image.use.visible_size
    state = "exact" if size is None else image.limits.tokens_state(size)
    if state == "exact":
        return {}
    return {"state": state} | ({"doubt": image.limits.doubt} if image.limits.doubt else {})


def ranged(name: str, low: float | None, high: float | None) -> dict[str, Any]:
    """An amount of several images by its name; where it is not certain, null, and its range beside it."""
    if low == high:
        return {name: high}
    return {name: None, _range_of(name): [low, high]}


def ranged_pair(name: str, *ends: tuple[float | None, float | None]) -> dict[str, Any]:
    """An amount before and after a change by its name; where one is not certain, null, and the ranges."""
    record: dict[str, Any] = {name: [high if low == high else None for low, high in ends]}
    certain = all(low == high for low, high in ends)
    return record if certain else record | {_range_of(name): [list(span) for span in ends]}


def usd_range(ends: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    """Two amounts in USD, rounded as `usd` does."""
    return usd(ends[0]), usd(ends[1])


def _range_of(name: str) -> str:
    """The name of a range: visual_tokens_range, cost_range_usd."""
    return f"{name.removesuffix('_usd')}_range{'_usd' * name.endswith('_usd')}"


def uncounted_record(images: int, unpriced: int = 0) -> dict[str, int]:
    """How many images the sums are without, and the costs alone; absent if none."""
    found = {"images_not_counted": images, "images_not_priced": unpriced}
    return {name: number for name, number in found.items() if number}


def range_record(span: tuple[int, int] | None, limits: Limits) -> dict[str, Any]:
    """What a record has where sources contradict each other on the tokens; nothing elsewhere."""
    if span is None:
        return {}
    return {
        "tokens_range": list(span),
        "cost_range_usd": [usd(limits.cost_usd(end)) for end in span],
        "state": "conflicting",
        "doubt": limits.doubt,
    }


def request_record(result: RequestResult) -> dict[str, Any]:
    """One request."""
    request, span = result.request, result.tokens_range
    return {
        "path": request.location.path,
        "line": request.line,
        "id": request.id,
        "model": result.limits.model,
        "platform": result.limits.platform or None,
        "images": len(request.images),
        "documents": len(request.documents),
        "bytes": request.byte_size,
        "visual_tokens": None if span else result.visual_tokens,
        "cost_usd": None if span else usd(result.cost_usd),
        **({"visual_tokens_range": list(span)} if span else {}),
        **range_record(span, result.limits),
        **uncounted_record(result.uncounted),
    }


def fixes_record(summary: Summary) -> dict[str, Any]:
    """What the changed files took before the fixes, and take after."""
    before, after = summary.before, summary.after
    return {
        "bytes": [before.byte_size, after.byte_size],
        **ranged_pair("visual_tokens", before.tokens_range, after.tokens_range),
        **ranged_pair("cost_usd", usd_range(before.cost_range), usd_range(after.cost_range)),
    }


def summary_record(summary: Summary) -> dict[str, Any]:
    """The totals of a run; those of its fixes only if any was made or failed."""
    record = _summary_record(summary)
    if summary.changed or summary.not_made:
        record["fixes"] = {
            "made": summary.fixed,
            "not_made": summary.not_made,
            "files": summary.changed,
            "images": summary.changed_images,
            "removed_images": summary.removed_images,
            **fixes_record(summary),
        }
    return record


def unread_records(unread: Iterable["UnreadPart"]) -> list[dict[str, Any]]:
    """What could not be read: the file, or an image in a request, and why."""
    return [{"path": part.path, "place": part.place, "reason": part.reason} for part in unread]


def narrowed_record(narrowed: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The nested configurations that leave out files or rules, each with what, if there are any."""
    found = [{"path": path, "leaves_out": clause} for path, clause in narrowed]
    return {"narrowed_by": found} if found else {}


def measured_record(unread: Iterable["UnreadPart"], narrowed: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The summary of images that were measured: what could not be, and what was left out."""
    return {"unread": unread_records(unread), **narrowed_record(narrowed)}


def _summary_record(summary: Summary) -> dict[str, Any]:
    return {
        "files": summary.files,
        "images": summary.images,
        "requests": summary.requests,
        "skipped": [{"path": path, "reason": reason} for path, reason in summary.skipped],
        "partly_checked": [{"path": path, "reason": reason} for path, reason in summary.caveats],
        **narrowed_record(summary.narrowed),
        "findings": {
            str(severity): summary.findings[severity] for severity in sorted(Severity, reverse=True)
        },
        **ranged("visual_tokens", *summary.tokens_range),
        **ranged("cost_usd", *usd_range(summary.cost_range)),
        **ranged("tokens_after_fix", *summary.after_range),
        **({"state": "conflicting"} if summary.tokens_doubt or summary.after_doubt else {}),
        **uncounted_record(summary.uncounted, summary.unpriced),
        "silenced": {"ignores": summary.suppressed, "baseline": summary.baselined},
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
    """Statistics and comparison by name, if they were requested."""
    if summary.statistics is None and summary.comparison is None:
        return
    from imgbudget.output.summaries import comparison_record, statistics_record  # noqa: PLC0415 - rare

    if summary.statistics is not None:
        yield "statistics", statistics_record(summary.statistics)
    if summary.comparison is not None:
        yield "comparison", comparison_record(summary.comparison)


_encode: Callable[[Any], str] = json.JSONEncoder().encode


def dump(document: Any) -> str:
    """A document as JSON on one line."""
    return harmless(_encode(document))


def indented(document: object) -> str:
    """A document as indented JSON, with a line feed at its end."""
    return harmless(json.dumps(document, indent=1)) + "\n"


_quote: Callable[[str], str] = encode_basestring_ascii
_NOWHERE = '"line": null, "column": null, "end_line": null, "end_column": null, '
_MOST_TEXTS = 2048
"""Parts of records that are kept: about a megabyte."""

_SEVERITIES = {severity: f'"{severity}"' for severity in Severity}


def image_text(image: ImageResult) -> str:
    """`image_record` as JSON."""
    use, _, resized, _, client = image
    location, facts, encoded = use.location, use.facts, use.base64_size
    if facts is None or facts.format is None or facts.size is None:
        return dump(image_record(image))
    if resized is None or encoded is None or client is not None or image.limits.tier.strategy:
        return dump(image_record(image))
    width, height = facts.size
    return (
        f'{{"path": {_harmless_text(location.path)}, "pointer": {_harmless_text(location.pointer)}, '
        f'"format": "{facts.format}", '
        f'"width": {width}, "height": {height}, "orientation": {facts.orientation}, '
        f'"frames": {facts.frames}, "bytes": {facts.byte_size}, "base64_bytes": {encoded}, '
        f"{_used(resized, image.limits)}"
    )


@lru_cache(_MOST_TEXTS)
def _used(size: Size, limits: Limits) -> str:
    """The end of the record of an image for Claude, on the size that the model uses: few occur at once."""
    tokens = patches(size)
    return (
        f'"resized": [{size[0]}, {size[1]}], "tokens": {tokens}, "tokens_area": {area_tokens(size)}, '
        f'"cost_usd": {_number(usd(limits.cost_usd(tokens)))}}}'
    )


def request_text(result: RequestResult) -> str:
    """`request_record` as JSON."""
    (request, limits, _), tokens, span, uncounted = result
    if span is not None or uncounted:
        return dump(request_record(result))
    return harmless(
        f'{{"path": {_quote(request.location.path)}, "line": {request.line}, "id": {_text(request.id)}, '
        f'"model": {_quote(limits.model)}, "platform": {_text(limits.platform or None)}, '
        f'"images": {len(request.images)}, "documents": {len(request.documents)}, '
        f'"bytes": {request.byte_size}, "visual_tokens": {_number(tokens)}, '
        f'"cost_usd": {_number(usd(result.cost_usd))}}}'
    )


def finding_text(finding: Finding) -> str:
    """`finding_record` as JSON."""
    location, span = finding.location, finding.span
    if span is None and location.keys is None and not location.prefix:
        start, middle, end = _alike(
            *finding[:_PLACE], *finding[_HELP:_MEASURED], *finding[_UNIT:_FINGERPRINT]
        )
        return (
            f"{start}{_harmless_text(finding.message)}{middle}{_harmless_text(location.path)}{_NO_PLACE}"
            f'{_amounts(finding)}{end}{finding.fingerprint}"}}'
        )
    return harmless(
        f"{_start(finding)}{_quote(finding.message)}{_middle(finding)}"
        f'{_quote(location.path)}, "pointer": {_text(location.pointer)}, '
        f'"location": {_text(location.dotted)}, '
        f"{_NOWHERE if span is None else _lines(span)}"
        f'{_amounts(finding)}{_end(finding)}{finding.fingerprint}"}}'
    )


_PLACE, _HELP, _MEASURED, _UNIT, _FINGERPRINT = map(
    Finding._fields.index, ("location", "help", "measured", "unit", "fingerprint")
)
_NO_PLACE = f', "pointer": null, "location": null, {_NOWHERE}'


@lru_cache(_MOST_TEXTS)
def _alike(*fields: Any) -> tuple[str, str, str]:
    """What the records of many findings on image files share: all but message, path, amounts, fingerprint."""
    finding = Finding(*(*fields[:3], Location(""), "", *fields[3:5], None, None, *fields[5:], ""))
    return harmless(_start(finding)), harmless(_middle(finding)), harmless(_end(finding))


def _start(finding: Finding) -> str:
    return (
        f'{{"code": {_quote(finding.code)}, "name": {_quote(finding.name)}, '
        f'"severity": {_SEVERITIES[finding.severity]}, "message": '
    )


def _middle(finding: Finding) -> str:
    return f', "help": {_text(finding.help)}, "url": {_text(finding.url)}, "path": '


def _amounts(finding: Finding) -> str:
    return f'"measured": {_number(finding.measured)}, "limit": {_number(finding.limit)}, '


def _end(finding: Finding) -> str:
    fix = "null"
    if finding.fix is not None and finding.fix_safety is not None:
        level = needed_level(finding)
        applies = "" if level is None else f', "applies": "--fix-level {level}"'
        fix = f'{{"safety": "{finding.fix_safety}", "title": {_quote(finding.fix.title)}{applies}}}'
    return (
        f'"unit": {_text(finding.unit)}, "model": {_quote(finding.model)}, '
        f'"platform": {_text(finding.platform or None)}, "fix": {fix}, "fingerprint": "'
    )


def _lines(span: Span) -> str:
    _, _, line, column, end_line, end_column, *_ = span
    return f'"line": {line}, "column": {column}, "end_line": {end_line}, "end_column": {end_column}, '


def _text(value: str | None) -> str:
    return "null" if value is None else _quote(value)


def _harmless_text(value: str | None) -> str:
    return "null" if value is None else harmless(_quote(value))


def _number(value: float | None) -> str:
    return "null" if value is None else repr(value)
