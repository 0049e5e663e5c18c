"""The records of images, requests and findings as JSON text, put together without dictionaries.

The text is the one that `json` makes of `image_record` and its like, letter by letter, at a third of
the price (2 us a record instead of 7); what is unusual goes through the records themselves.
"""

import json
from collections.abc import Callable
from json.encoder import encode_basestring_ascii
from typing import Any

from imgbudget.geometry import area_tokens, patches
from imgbudget.model import Finding, Severity, Span
from imgbudget.report import ImageResult, RequestResult
from imgbudget.reporters.records import image_record, usd

dump: Callable[[Any], str] = json.JSONEncoder().encode

_quote: Callable[[str], str] = encode_basestring_ascii
_NOWHERE = '"line": null, "column": null, "end_line": null, "end_column": null, '
_SEVERITIES = {severity: f'"{severity}"' for severity in Severity}


def image_text(image: ImageResult) -> str:
    """`image_record` as JSON."""
    use, _, resized, _ = image
    place, facts, encoded = use.place, use.facts, use.base64_size
    if facts is None or facts.format is None or facts.size is None:
        return dump(image_record(image))
    if resized is None or encoded is None or image.limits.tier.strategy:
        return dump(image_record(image))
    width, height = facts.size
    tokens = patches(resized)
    return (
        f'{{"path": {_quote(place.path)}, "pointer": {_text(place.pointer)}, "format": "{facts.format}", '
        f'"width": {width}, "height": {height}, "orientation": {facts.orientation}, '
        f'"frames": {facts.frames}, "bytes": {facts.byte_size}, "base64_bytes": {encoded}, '
        f'"resized": [{resized[0]}, {resized[1]}], "tokens": {tokens}, '
        f'"tokens_area": {area_tokens(resized)}, "cost_usd": {usd(image.limits.cost_usd(tokens))!r}}}'
    )


def request_text(result: RequestResult) -> str:
    """`request_record` as JSON."""
    (request, limits, _), tokens = result
    return (
        f'{{"path": {_quote(request.place.path)}, "line": {request.line}, "id": {_text(request.id)}, '
        f'"model": {_quote(limits.model)}, "platform": {_quote(limits.platform)}, '
        f'"images": {len(request.images)}, "documents": {len(request.documents)}, '
        f'"bytes": {request.byte_size}, "visual_tokens": {tokens}, "cost_usd": {usd(result.cost_usd)!r}}}'
    )


def finding_text(finding: Finding) -> str:
    """`finding_record` as JSON."""
    place, span = finding.place, finding.span
    fix = "null"
    if finding.fix is not None and finding.fix_safety is not None:
        fix = f'{{"safety": "{finding.fix_safety}", "title": {_quote(finding.fix.title)}}}'
    return (
        f'{{"code": {_quote(finding.code)}, "name": {_quote(finding.name)}, '
        f'"severity": {_SEVERITIES[finding.severity]}, "message": {_quote(finding.message)}, '
        f'"help": {_text(finding.help)}, "url": {_text(finding.url)}, '
        f'"path": {_quote(place.path)}, "pointer": {_text(place.pointer)}, '
        f'"location": {_text(place.location)}, '
        f"{_NOWHERE if span is None else _lines(span)}"
        f'"measured": {_number(finding.measured)}, "limit": {_number(finding.limit)}, '
        f'"unit": {_text(finding.unit)}, "model": {_quote(finding.model)}, '
        f'"platform": {_quote(finding.platform)}, "fix": {fix}, "fingerprint": "{finding.fingerprint}"}}'
    )


def _lines(span: Span) -> str:
    _, _, line, column, end_line, end_column, *_ = span
    return f'"line": {line}, "column": {column}, "end_line": {end_line}, "end_column": {end_column}, '


def _text(value: str | None) -> str:
    return "null" if value is None else _quote(value)


def _number(value: float | None) -> str:
    return "null" if value is None else repr(value)
