"""Explanations of API errors, as text and as JSON."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from imgbudget.explaining.locate import Candidate
from imgbudget.explaining.match import Explanation, Match, Unknown
from imgbudget.explaining.recorded import RecordedError
from imgbudget.explaining.wording import ErrorPattern
from imgbudget.model.location import Location, Span
from imgbudget.output.base import TextStyle, count, figure
from imgbudget.output.records import TOOL, VERSION
from imgbudget.printable import blocks, joined


class LocatedMatch(NamedTuple):
    """The blocks that an error may refer to, each with the location to report and its span if known.

    `recorded` is where the agent recorded the error last, if it is of a session.
    """

    match: Match
    locations: tuple[tuple[Candidate, Location, Span | None], ...]
    note: str | None
    recorded: RecordedError | None = None


class SessionOfErrors(NamedTuple):
    """The session whose errors are explained; `errors` counts all that it has, `left_out` those not read."""

    path: str
    agent: str
    errors: int
    left_out: int


def explanation_document(
    explanation: Explanation, found: Sequence[LocatedMatch], session: SessionOfErrors | None = None
) -> dict[str, Any]:
    """The whole explanation, version 1; `found` is empty where no request was given."""
    return {
        "version": VERSION,
        "tool": TOOL,
        "session": session._asdict() if session else None,
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


def _match_record(match: Match, found: LocatedMatch | None) -> dict[str, Any]:
    known = match.pattern
    return {
        **_rule_record(known),
        "also": list(known.also),
        "text": match.text,
        "line": match.line,
        "seen": match.occurrences,
        "status": match.status,
        "location": match.location,
        "paths": list(match.paths),
        "measured": match.measured,
        "limit": match.limit,
        "unit": known.unit,
        "values": dict(match.values),
        "meaning": known.meaning,
        "remedy": known.remedy,
        "era": known.era,
        "source": known.source,
        "date": known.date,
        "blocks": [_block_record(*location) for location in found.locations] if found else None,
        "note": found.note if found else None,
        "recorded": _recorded_record(found.recorded) if found and found.recorded else None,
    }


def _recorded_record(error: RecordedError) -> dict[str, Any]:
    return {
        "path": error.location.path,
        "line": error.line,
        "column": error.span.column if error.span else None,
        "pointer": error.location.pointer,
        "answered": error.answered,
        "retried": error.retried,
    }


def _block_record(candidate: Candidate, location: Location, span: Span | None) -> dict[str, Any]:
    use = candidate.use
    size = use.size if use else None
    return {
        "path": location.path,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "pointer": location.pointer,
        "location": candidate.location.dotted,
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
        "seen": unknown.occurrences,
        "about": unknown.about,
        "nearest": {**_rule_record(near), "text": near.wording} if near else None,
    }


_MOST_UNKNOWN = 10


def full_text(
    explanation: Explanation,
    found: Sequence[LocatedMatch],
    session: SessionOfErrors | None = None,
    *,
    colour: bool,
) -> str:
    """A block for each error; `found` is empty where no request was given."""
    style = TextStyle(colour)
    parts = [_session_text(session)] if session else []
    parts += [
        _match_text(match, found[i] if found else None, style) for i, match in enumerate(explanation.matches)
    ]
    parts += [_unknown_text(unknown, style) for unknown in explanation.unknown[:_MOST_UNKNOWN]]
    if len(explanation.unknown) > _MOST_UNKNOWN:
        parts.append(joined([f"and {count(len(explanation.unknown) - _MOST_UNKNOWN, 'more unknown text')}"]))
    return blocks(parts)


def _session_text(session: SessionOfErrors) -> str:
    if not session.errors:
        return joined([f"{session.path}: a session of {session.agent}; no error is recorded in it"])
    left = f", the {figure(session.left_out)} oldest are left out" if session.left_out else ""
    recorded = f"{count(session.errors, 'recorded error')}{left}"
    return joined([f"{session.path}: a session of {session.agent} with {recorded}; the newest is last"])


def _recorded_text(error: RecordedError) -> str:
    at = error.location.path + (f":{error.span.line}:{error.span.column}" if error.span else "")
    where = f"{at}  {error.location.pointer}"
    if error.answered:
        return f"  recorded: {where}  (the model answered since)"
    why = "the agent tried again" if error.retried else "no answer since: it stops the session"
    return f"  recorded: {where}  ({why})"


def _rule(known: ErrorPattern) -> str:
    if known.rule is None and known.also:
        return f"no rule detects this for certain ({', '.join(known.also)} may)"
    if known.rule is None:
        return "no rule can detect this before sending"
    also = f" (or {', '.join(known.also)})" if known.also else ""
    return f"{known.rule.code} {known.rule.name}{also}"


def _match_text(match: Match, found: LocatedMatch | None, style: TextStyle) -> str:
    known = match.pattern
    times = f", seen {figure(match.occurrences)} times, first" if match.occurrences > 1 else ""
    lines = [
        f"{style.paint(_rule(known), '1')}: status {match.status}{times} on line {match.line}",
        f"  text:     {match.text}",
    ]
    if found and found.recorded:
        lines.append(_recorded_text(found.recorded))
    if match.location and match.location not in match.paths:
        flat = "  (blocks inside tool results are counted in this index)" if known.flat else ""
        lines.append(f"  location: {match.location}{flat}")
    lines += [f"  path:     {path}" for path in match.paths]
    if numbers := _numbers(match):
        lines.append(f"  numbers:  {numbers}")
    lines += [f"  means:    {known.meaning}", f"  do:       {known.remedy}"]
    if found is not None:
        lines += [line for location in found.locations for line in _block(*location, style)]
        if not found.locations:
            lines.append("  block:    none found")
        if found.note:
            lines.append(f"  note:     {found.note}")
    era = "" if known.era == "current" else f" ({known.era})"
    lines.append(f"  seen in:  {known.source}, {known.date}{era}")
    if known.rule:
        lines.append(f"  more:     imgbudget rule {known.rule.code}")
    return joined(lines)


def _numbers(match: Match) -> str:
    unit = match.pattern.unit or ""
    words = []
    if match.measured is not None:
        words.append(f"measured {figure(match.measured)} {unit}")
    if match.limit is not None:
        words.append(f"limit {figure(match.limit)} {unit}")
    words += [f"{name} {value}" for name, value in match.values]
    return ", ".join(words)


def _block(candidate: Candidate, location: Location, span: Span | None, style: TextStyle) -> list[str]:
    where = location.path + (f":{span.line}:{span.column}" if span else "")
    use = candidate.use
    facts = []
    if use and use.size:
        facts.append(f"{use.size} px")
    if use and use.base64_size is not None:
        facts.append(f"{figure(use.base64_size)} bytes as base64")
    details = f", {', '.join(facts)}" if facts else ""
    pointer = location.pointer or "the whole request"
    head = f"  block:    {style.paint(where, '1')}  {pointer}  ({candidate.why}{details})"
    return [
        head,
        *(f"            {finding.code}: {finding.message}" for finding in candidate.findings),
    ]


def _unknown_text(unknown: Unknown, style: TextStyle) -> str:
    times = f", seen {figure(unknown.occurrences)} times, first" if unknown.occurrences > 1 else ""
    head = "another error" if unknown.about else "unknown error text"
    lines = [
        f"{style.paint(head, '1')}{times} on line {unknown.line}",
        f"  text:     {unknown.text}",
    ]
    if unknown.about:
        lines.append(f"  means:    not about an image, but {unknown.about}")
    elif unknown.nearest:
        lines.append(f"  nearest:  {unknown.nearest.wording} [{_rule(unknown.nearest)}]")
    else:
        lines.append("  nearest:  no similar error about images is known")
    return joined(lines)
