"""Whether fixes have done what they were to do: findings before held against findings after."""

from collections import Counter
from collections.abc import Hashable, Iterable

from imgbudget.model import Finding, Place, Severity

Key = tuple[str, Place]
"""A finding as fixes know it: its code and its place, in a file that may get another name."""

WHOLE = ""
"""In place of a code: all that was to be done to an image."""

STILL_THERE = "the finding is still there after the fix"


def key_of(finding: Finding) -> Key:
    """The key of a finding."""
    return key_at(finding.code, finding.place)


def key_at(code: str, place: Place) -> Key:
    """The key of what has a code and a place."""
    return code, place._replace(path="")


def unproven(
    before: Iterable[Finding], after: Iterable[Finding], active: Iterable[Finding], *, moved: bool
) -> dict[Key, str]:
    """The fixes that count as failed, each with the reason, as a clause.

    `active` are the findings of `before` whose fixes were made. Each has to be gone, and at no place may
    there be more errors and warnings than the others there left: a finding in place of one that has gone
    with the fix (a tiny edge where the resize was to make one) is none more, nor is a lesser one than what
    was fixed (a tiny edge of an image in a format that is refused). Where blocks have `moved`, places do not
    compare, and a document is looked at as a whole.
    """

    def group(finding: Finding) -> Hashable:
        return finding.place.document if moved else finding.place._replace(path="")

    active = tuple(active)
    after = tuple(after)
    fixed = {key_of(finding) for finding in active}
    due = Counter((group(finding), finding.code) for finding in active)
    left = Counter((group(finding), finding.code) for finding in before) - due
    now = Counter((group(finding), finding.code) for finding in after)
    grave = Counter(
        group(finding) for finding in before if _is_grave(finding) and key_of(finding) not in fixed
    )
    worst = {group(finding): finding.severity for finding in sorted(active, key=_severity)}
    grave_now = Counter(group(finding) for finding in after if _is_grave(finding))
    failed: dict[Key, str] = {}
    for finding in after:
        here = group(finding)
        if now[here, finding.code] <= left[here, finding.code]:
            continue
        if due[here, finding.code]:
            mine = (one for one in active if one.code == finding.code and group(one) == here)
            failed |= {key_of(one): STILL_THERE for one in mine}
        elif finding.severity >= max(worst.get(here, 0), Severity.WARNING) and grave_now[here] > grave[here]:
            reason = f"it would bring {finding.code} {finding.name}: {finding.message}"
            failed |= {key_of(one): reason for one in _to_blame(active, finding)}
    return failed


def _severity(finding: Finding) -> Severity:
    return finding.severity


def _is_grave(finding: Finding) -> bool:
    return finding.severity >= Severity.WARNING


def _to_blame(active: tuple[Finding, ...], finding: Finding) -> tuple[Finding, ...]:
    """The fixes that may have brought a finding: those at its place, else in its document, else all."""
    place = finding.place._replace(path="")
    here = tuple(one for one in active if one.place._replace(path="") == place)
    near = tuple(one for one in active if one.place.document == place.document)
    return here or near or active
