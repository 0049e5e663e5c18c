"""Findings as rules produce them, for tests of the code that processes findings."""

from typing import Any

from imgbudget.model.location import Location
from imgbudget.model.subjects import Finding, Severity

_PLAIN = Finding(
    code="IB201",
    name="oversized-image",
    severity=Severity.WARNING,
    location=Location("a.png"),
    message="what is wrong",
    help=None,
    url="https://example.com/ib201",
    measured=None,
    limit=None,
    unit=None,
    model="m",
    platform="p",
    fix=None,
    fix_safety=None,
    fingerprint="0123456789abcdef",
)


def finding_of(**more: Any) -> Finding:
    """A warning with the given fields replaced."""
    return _PLAIN._replace(**more)
