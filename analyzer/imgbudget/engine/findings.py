"""Findings out of problems: with their rule, their place, its page and a fingerprint that stays."""

from functools import cache
from typing import TYPE_CHECKING

from imgbudget import version
from imgbudget.limits import Limits
from imgbudget.model import Batch, Finding, ImageUse, Place, Problem, Request, Run, Severity
from imgbudget.registry import AnyRule

if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash as HASH

FAILED_CODE = "IB003"
FAILED_NAME = "rule-failed"

_PLACE, _FINGERPRINT = Finding._fields.index("place"), Finding._fields.index("fingerprint")

_new = tuple.__new__


def make_finding(
    rule: AnyRule,
    override: Severity | None,
    problem: Problem,
    subject: ImageUse | Request | Batch | Run,
    limits: Limits,
) -> Finding:
    """The finding that a problem makes.

    A problem's own severity says how a case differs from the rule's default; `override`, the severity that
    the user set for the rule, is above both.
    """
    severity = override or problem.severity or rule.severity
    place = problem.place or subject.place
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=severity,
        place=place,
        message=problem.message,
        help=problem.help,
        url=page_of(rule),
        measured=problem.measured,
        limit=problem.limit,
        unit=problem.unit,
        model=limits.model,
        platform=limits.platform,
        fix=problem.fix,
        fix_safety=(problem.fix_safety or rule.fix) if problem.fix else None,
        fingerprint=fingerprint(rule.code, place),
    )


def moved(finding: Finding, place: Place) -> Finding:
    """The same finding on another image file; `_replace` takes four times as long."""
    changed = list(finding)
    changed[_PLACE], changed[_FINGERPRINT] = place, fingerprint(finding.code, place)
    return _new(Finding, changed)


def page_of(rule: AnyRule) -> str | None:
    """The address of a rule's page: the rule's own, else for a shipped rule the one in the repository."""
    if rule.url is not None or not rule.code.startswith("IB"):
        return rule.url
    return _shipped_page(rule.code)


def _shipped_page(code: str) -> str | None:
    return None if version.HOME is None else f"{version.HOME}/blob/main/docs/rules/{code.lower()}.md"


def fingerprint(code: str, place: Place) -> str:
    """A short stable name for a finding: its rule, its file, its pointer."""
    pointer = ""
    if place.keys is not None:
        pointer = place.pointer or ""
        if place.embedded:  # a string may hold many images
            pointer += f"#{place.location}"
    text = f"{code}\0{place.path}\0{place.document}\0{pointer}"
    return _sha256()(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@cache
def _sha256() -> "Callable[[bytes], HASH]":
    from hashlib import sha256  # noqa: PLC0415 - a clean run needs none, and an import a finding costs 1 us

    return sha256


def failure(what: str, error: Exception, place: Place, limits: Limits) -> Finding:
    """The finding IB003: something of ours, named by `what`, failed on a subject, and the run goes on."""
    return Finding(
        code=FAILED_CODE,
        name=FAILED_NAME,
        severity=Severity.ERROR,
        place=place,
        message=f"{what} failed: {type(error).__name__}: {error}",
        help="a mistake in imgbudget: run again with --verbose for the traceback and report it",
        url=_shipped_page(FAILED_CODE),
        measured=None,
        limit=None,
        unit=None,
        model=limits.model,
        platform=limits.platform,
        fix=None,
        fix_safety=None,
        fingerprint=fingerprint(FAILED_CODE + what, place),
        internal=True,
    )
