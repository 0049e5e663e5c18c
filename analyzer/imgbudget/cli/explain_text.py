"""The text form of an explanation, for people at a terminal."""

from collections.abc import Sequence

from imgbudget.explain import ErrorPattern, Explanation, Match, Unknown
from imgbudget.explain.locate import Candidate
from imgbudget.model import Place, Span
from imgbudget.reporters.base import Style, count, figure, one_line
from imgbudget.reporters.explanations import Whereabouts

_MOST_UNKNOWN = 10


def full_text(explanation: Explanation, found: Sequence[Whereabouts], *, colour: bool) -> str:
    """A block for each error; `found` is empty where no request was given."""
    style = Style(colour)
    parts = [
        _match_text(match, found[i] if found else None, style) for i, match in enumerate(explanation.matches)
    ]
    parts += [_unknown_text(unknown, style) for unknown in explanation.unknown[:_MOST_UNKNOWN]]
    if len(explanation.unknown) > _MOST_UNKNOWN:
        parts.append(f"and {count(len(explanation.unknown) - _MOST_UNKNOWN, 'more unknown text')}\n")
    return "\n".join(parts)


def _rule(known: ErrorPattern) -> str:
    if known.rule is None:
        return "no rule can see this before sending"
    also = f" (or {', '.join(known.also)})" if known.also else ""
    return f"{known.rule.code} {known.rule.name}{also}"


def _match_text(match: Match, found: Whereabouts | None, style: Style) -> str:
    known = match.known
    times = f", seen {figure(match.seen)} times, first" if match.seen > 1 else ""
    lines = [
        f"{style.paint(_rule(known), '1')}: status {match.status}{times} on line {match.line}",
        f"  text:     {one_line(match.text)}",
    ]
    if match.location:
        flat = "  (blocks inside tool results are counted in this index)" if known.flat else ""
        lines.append(f"  location: {one_line(match.location)}{flat}")
    if numbers := _numbers(match):
        lines.append(f"  numbers:  {numbers}")
    lines += [f"  means:    {known.meaning}", f"  do:       {known.remedy}"]
    if found is not None:
        lines += [line for place in found.places for line in _block(*place, style)]
        if not found.places:
            lines.append("  block:    none found")
        if found.note:
            lines.append(f"  note:     {found.note}")
    era = "" if known.era == "current" else f" ({known.era})"
    lines.append(f"  seen in:  {known.source}, {known.date}{era}")
    if known.rule:
        lines.append(f"  more:     imgbudget rule {known.rule.code}")
    return "\n".join(lines) + "\n"


def _numbers(match: Match) -> str:
    unit = match.known.unit or ""
    words = []
    if match.measured is not None:
        words.append(f"measured {figure(match.measured)} {unit}")
    if match.limit is not None:
        words.append(f"limit {figure(match.limit)} {unit}")
    words += [f"{name} {one_line(value)}" for name, value in match.values]
    return ", ".join(words)


def _block(candidate: Candidate, place: Place, span: Span | None, style: Style) -> list[str]:
    where = one_line(place.path) + (f":{span.line}:{span.column}" if span else "")
    use = candidate.use
    facts = []
    if use and use.size:
        facts.append(f"{use.size} px")
    if use and use.base64_size is not None:
        facts.append(f"{figure(use.base64_size)} bytes as base64")
    told = f", {', '.join(facts)}" if facts else ""
    pointer = place.pointer or "the whole request"
    head = f"  block:    {style.paint(where, '1')}  {pointer}  ({candidate.why}{told})"
    return [
        head,
        *(f"            {finding.code}: {one_line(finding.message)}" for finding in candidate.findings),
    ]


def _unknown_text(unknown: Unknown, style: Style) -> str:
    times = f", seen {figure(unknown.seen)} times, first" if unknown.seen > 1 else ""
    lines = [
        f"{style.paint('not a known text', '1')}{times} on line {unknown.line}",
        f"  text:     {one_line(unknown.text)}",
    ]
    if unknown.nearest:
        lines.append(f"  nearest:  {unknown.nearest.wording} [{_rule(unknown.nearest)}]")
    else:
        lines.append("  nearest:  nothing like it is known to be about images")
    return "\n".join(lines) + "\n"
