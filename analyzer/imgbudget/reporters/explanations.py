"""The JSON form of an explanation: what each error text means, and where in the request it points."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from imgbudget.explain import ErrorPattern, Explanation, Match, Unknown
from imgbudget.explain.locate import Candidate
from imgbudget.model import Place, Span
from imgbudget.reporters.records import TOOL, VERSION


class Whereabouts(NamedTuple):
    """The blocks that one error may mean: each with the place to point at, and its span where known."""

    match: Match
    places: tuple[tuple[Candidate, Place, Span | None], ...]
    note: str | None


def explanation_document(explanation: Explanation, found: Sequence[Whereabouts]) -> dict[str, Any]:
    """The whole explanation, version 1; `found` is empty where no request was given."""
    return {
        "version": VERSION,
        "tool": TOOL,
        "errors": [
            _match_record(match, found[i] if found else None) for i, match in enumerate(explanation.matches)
        ],
        "unknown": [_unknown_record(unknown) for unknown in explanation.unknown],
    }


def _rule_record(known: ErrorPattern) -> dict[str, Any]:
    return {
        "code": known.rule.code if known.rule else None,
        "name": known.rule.name if known.rule else None,
    }


def _match_record(match: Match, found: Whereabouts | None) -> dict[str, Any]:
    known = match.known
    return {
        **_rule_record(known),
        "also": list(known.also),
        "text": match.text,
        "line": match.line,
        "seen": match.seen,
        "status": match.status,
        "location": match.location,
        "measured": match.measured,
        "limit": match.limit,
        "unit": known.unit,
        "values": dict(match.values),
        "meaning": known.meaning,
        "remedy": known.remedy,
        "era": known.era,
        "source": known.source,
        "date": known.date,
        "blocks": [_block_record(*place) for place in found.places] if found else None,
        "note": found.note if found else None,
    }


def _block_record(candidate: Candidate, place: Place, span: Span | None) -> dict[str, Any]:
    use = candidate.use
    size = use.size if use else None
    return {
        "path": place.path,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "pointer": place.pointer,
        "location": candidate.place.location,
        "width": size.width if size else None,
        "height": size.height if size else None,
        "base64_bytes": use.base64_size if use else None,
        "why": candidate.why,
        "findings": [
            {"code": finding.code, "name": finding.name, "message": finding.message}
            for finding in candidate.findings
        ],
    }


def _unknown_record(unknown: Unknown) -> dict[str, Any]:
    near = unknown.nearest
    return {
        "text": unknown.text,
        "line": unknown.line,
        "seen": unknown.seen,
        "nearest": {**_rule_record(near), "text": near.wording} if near else None,
    }
