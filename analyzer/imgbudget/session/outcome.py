"""What is made of the findings of a request once they are judged, and of a file that holds none."""

from collections.abc import Iterable

from imgbudget.model import Finding, Severity

_RESENT = "the session sends it again with each turn: every later one fails with it"


def position(finding: Finding) -> tuple[int, str]:
    """What findings of one file are sorted by."""
    return (finding.span.start if finding.span else 0, finding.code)


def resent(finding: Finding) -> Finding:
    """A finding on a session: what the API refuses in one turn it refuses in all that follow."""
    if finding.severity is not Severity.ERROR or not finding.place.lead:
        return finding
    return finding._replace(help=f"{finding.help}; {_RESENT}" if finding.help else _RESENT)


def reason_of(reasons: Iterable[str]) -> str:
    """Why a file was passed over, from what its documents are."""
    distinct = list(dict.fromkeys(reasons))
    if not distinct:
        return "holds no JSON document"
    more = f" (and {len(distinct) - 1} more)" if len(distinct) > 1 else ""
    return f"{'' if distinct[0].startswith('a request') else 'no request: '}{distinct[0]}{more}"
