"""The format `sarif`: SARIF 2.1.0 for code scanning, the worst results first, as many as GitHub accepts.

Limits and the properties that GitHub reads: docs.github.com, "SARIF support for code scanning", 2026.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple

from imgbudget import version
from imgbudget.linter.evaluate import page_of
from imgbudget.linter.reporting import Fragment
from imgbudget.model.location import Span
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.subjects import Finding
from imgbudget.output.base import TextStyle, count, figure, uri
from imgbudget.output.records import dump
from imgbudget.output.worst_first import WorstFirst, piece_of
from imgbudget.printable import one_line
from imgbudget.registry import AnyRule
from imgbudget.version import __version__


class RulePage(NamedTuple):
    """One rule: its identity, and its page in Markdown. `url` is the address of the page, if it has one."""

    code: str
    name: str
    summary: str
    severity: str
    level: str
    fix: str | None
    pedantic: bool
    preview: bool
    since: str
    url: str | None
    page: str


def rule_pages(rules: Iterable[AnyRule]) -> tuple[RulePage, ...]:
    """The pages of rules, in their order."""
    return tuple(
        RulePage(
            code=rule.code,
            name=rule.name,
            summary=rule.summary,
            severity=str(rule.severity),
            level=rule.level.value,
            fix=str(rule.fix) if rule.fix else None,
            pedantic=rule.pedantic,
            preview=rule.preview,
            since=rule.since,
            url=page_of(rule),
            page=with_blocks(rule.page),
        )
        for rule in rules
    )


def with_blocks(page: str) -> str:
    """The page of a rule in Markdown, with its examples in blocks: elsewhere `<png 9x9>` is a tag."""
    lines: list[str] = []
    for is_example, group in groupby(page.split("\n"), key=lambda line: line.startswith("<")):
        found = list(group)
        lines += ["```text", *found, "```"] if is_example else found
    return "\n".join(lines)


MOST = 25_000
"""Most results per run; GitHub rejects a file with more."""

MOST_NOTES = 1_000
"""Most files that could not be checked with a notification each."""

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_BASE = "%SRCROOT%"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_PROBLEMS = {"error": "error", "warning": "warning", "info": "recommendation"}


class Sarif(WorstFirst):
    """One run with the pages of all rules. Images have no lines: their region is line 1."""

    def __init__(self, style: TextStyle) -> None:
        super().__init__(MOST)
        self._style = style
        self._rules = [_descriptor(page) for page in style.rules]
        self._index = {page.code: i for i, page in enumerate(style.rules)}

    def render(self, result: FileResult) -> Fragment:
        """A result per finding."""
        return piece_of((finding, dump(self._result(finding))) for finding in result.findings)

    def _result(self, finding: Finding) -> dict[str, Any]:
        text = one_line(finding.message)
        if finding.help:
            text += f"\n{one_line(finding.help)}"
        artifact = self._artifact(finding.location.path)
        region = _region(finding.span) if finding.span else {"startLine": 1}
        location: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact, "region": region}}
        if finding.location.pointer is not None:
            logical = {"fullyQualifiedName": one_line(finding.location.pointer)}
            if finding.location.dotted:
                logical["name"] = one_line(finding.location.dotted)
            location["logicalLocations"] = [logical]
        known = {"ruleIndex": self._index[finding.code]} if finding.code in self._index else {}
        record: dict[str, Any] = {
            "ruleId": finding.code,
            **known,
            "level": _LEVELS[str(finding.severity)],
            "message": {"text": text},
            "locations": [location],
            # GitHub identifies alerts by the second; its own would be equal for all findings on one long line
            "partialFingerprints": {
                "imgbudget/v1": finding.fingerprint,
                "primaryLocationLineHash": f"{finding.fingerprint}:1",
            },
            "properties": {
                "measured": finding.measured,
                "limit": finding.limit,
                "unit": finding.unit,
                "model": finding.model,
                "platform": finding.platform,
                "fix": str(finding.fix_safety) if finding.fix_safety else None,
            },
        }
        if finding.edit and finding.fix:
            replaced = {
                "deletedRegion": _region(finding.edit.span),
                "insertedContent": {"text": finding.edit.text},
            }
            record["fixes"] = [
                {
                    "description": {"text": finding.fix.title},
                    "artifactChanges": [{"artifactLocation": artifact, "replacements": [replaced]}],
                }
            ]
        return record

    def _artifact(self, path: str) -> dict[str, str]:
        address = uri(self._style.in_repository(path))
        return {"uri": address} if address.startswith("file:") else {"uri": address, "uriBaseId": _BASE}

    def end(self, summary: Summary) -> str:
        """The whole document."""
        driver = {
            "name": "imgbudget",
            "semanticVersion": __version__,
            **({"informationUri": version.HOME} if version.HOME else {}),
            "rules": self._rules,
        }
        invocation = {
            "executionSuccessful": not summary.rules_failed,
            "toolExecutionNotifications": self._notifications(summary),
        }
        ran = "the root of the repository" if self._style.folder else "the folder in which imgbudget ran"
        base = {_BASE: {"description": {"text": ran}}}
        results = ",\n    ".join(self.worst())
        return (
            f'{{"$schema": {dump(_SCHEMA)},\n "version": "2.1.0",\n "runs": [{{\n'
            f'  "tool": {{"driver": {dump(driver)}}},\n'
            f'  "invocations": [{dump(invocation)}],\n'
            f'  "columnKind": "unicodeCodePoints",\n'
            f'  "originalUriBaseIds": {dump(base)},\n'
            f'  "results": [{results}]}}]}}\n'
        )

    def _notifications(self, summary: Summary) -> list[dict[str, Any]]:
        """Notifications of results left out and of files that could not be checked."""
        notes: list[dict[str, Any]] = []
        if self.left_out:
            text = f"{figure(self.left_out)} of {count(sum(self.found), 'finding')} were left out, the least "
            text += f"severe: GitHub accepts {figure(MOST)} results"
            notes.append({"level": "warning", "message": {"text": text}})
        for level, what, files in (
            ("warning", "not checked: ", summary.missed),
            ("note", "", list(summary.caveats)),
        ):
            for path, reason in files[:MOST_NOTES]:
                location = {"physicalLocation": {"artifactLocation": self._artifact(path)}}
                text = what + one_line(reason)
                notes.append({"level": level, "message": {"text": text}, "locations": [location]})
        if len(summary.missed) > MOST_NOTES:
            text = f"{figure(len(summary.missed) - MOST_NOTES)} more files were not checked"
            notes.append({"level": "warning", "message": {"text": text}})
        return notes


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _descriptor(page: RulePage) -> dict[str, Any]:
    """A rule as a SARIF descriptor, with its page as the help that GitHub shows for an alert."""
    fix = f"Fix: {page.fix}." if page.fix else "There is no fix."
    more = {"helpUri": page.url} if page.url else {}
    return {
        "id": page.code,
        "name": "".join(word.capitalize() for word in page.name.split("-")),
        "shortDescription": {"text": page.summary},
        "fullDescription": {"text": page.summary},
        "help": {"text": f"{page.summary} {fix} {page.url or ''}".rstrip(), "markdown": page.page},
        **more,
        "defaultConfiguration": {"level": _LEVELS[page.severity]},
        "properties": {
            "tags": ["image", page.name],
            "precision": "very-high",
            "problem.severity": _PROBLEMS[page.severity],
        },
    }
