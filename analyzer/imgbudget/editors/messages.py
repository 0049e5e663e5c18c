"""Values of imgbudget as those of the protocol, and back."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from imgbudget.editors.checks import CheckedText
from imgbudget.editors.edits import RangeEdit
from imgbudget.editors.text import EditorText, TextPlace
from imgbudget.errors import ConfigProblem
from imgbudget.model.subjects import Severity
from imgbudget.output.base import count
from imgbudget.output.rdjson import message_with_help

MOST_DIAGNOSTICS = 1000
"""Findings that are shown of a text; an editor becomes slow with more."""

SOURCE = "imgbudget"

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
_SUFFIXES = {"json": ".json", "jsonl": ".jsonl", "jsonlines": ".jsonl", "ndjson": ".jsonl", "yaml": ".yaml"}


def as_place(position: Any) -> TextPlace:
    """A position of the protocol."""
    return TextPlace(position.line, position.character)


def as_range(start: TextPlace, end: TextPlace) -> types.Range:
    """A range for the protocol."""
    return types.Range(types.Position(start.line, start.unit), types.Position(end.line, end.unit))


def roots_of(workspace: Any) -> list[str]:
    """The folders that are open in an editor; clients of old name a single one."""
    named = [to_fs_path(folder.uri) for folder in workspace.folders.values()] or [workspace.root_path]
    return [str(path) for path in named if path]


def name_of(uri: str, language: str | None, roots: Sequence[str]) -> str:
    """The path of a text; one that is not saved yet is taken for a file in the first folder that is open."""
    path = to_fs_path(uri)
    if path:
        return str(path)
    folder = next(filter(os.path.isdir, roots), None) or os.getcwd()
    return os.path.join(folder, f"untitled{_SUFFIXES.get((language or '').lower(), '')}")


def uri_of(path: str) -> str:
    """The URI of a file."""
    return str(from_fs_path(os.path.abspath(path)))


def diagnostics_of(checked: CheckedText) -> list[types.Diagnostic]:
    """The findings on a text, each with its number as data, and notes on the text as a whole."""
    start = as_range(TextPlace(0, 0), TextPlace(0, 0))
    found = []
    for note in checked.notes:
        severity = types.DiagnosticSeverity.Error if note.is_error else types.DiagnosticSeverity.Information
        found.append(types.Diagnostic(start, note.message, severity, source=SOURCE))
    for number, finding in enumerate(checked.findings[:MOST_DIAGNOSTICS]):
        link = types.CodeDescription(finding.url) if finding.url else None
        found.append(
            types.Diagnostic(
                range=as_range(*checked.range_of(finding.span)),
                message=message_with_help(finding),
                severity=_SEVERITIES[finding.severity],
                code=finding.code,
                code_description=link,
                source=SOURCE,
                data=number,
            )
        )
    if more := max(len(checked.findings) - MOST_DIAGNOSTICS, 0):
        text = f"{count(more, 'more finding')} not shown here; imgbudget check shows all"
        found.append(types.Diagnostic(start, text, types.DiagnosticSeverity.Information, source=SOURCE))
    return found


def problem_diagnostics(problems: Iterable[ConfigProblem]) -> dict[str, list[types.Diagnostic]]:
    """The mistakes in configurations by the URI of each file."""
    found: dict[str, list[types.Diagnostic]] = {}
    for problem in problems:
        line = (problem.line or 1) - 1
        place = as_range(TextPlace(line, 0), TextPlace(line + 1, 0))
        diagnostic = types.Diagnostic(place, problem.message, types.DiagnosticSeverity.Error, source=SOURCE)
        found.setdefault(uri_of(problem.path), []).append(diagnostic)
    return found


def changes_of(text: EditorText, edits: Sequence[RangeEdit]) -> list[types.TextEdit]:
    """Edits of bytes as edits of a text."""
    return [
        types.TextEdit(
            as_range(text.place(edit.start), text.place(edit.end)), edit.data.decode("utf-8", "surrogatepass")
        )
        for edit in edits
    ]


def wanted(kind: str, only: Sequence[Any] | None) -> bool:
    """Whether a client asks for actions of a kind, by itself or as one of those below another."""
    if only is None:
        return True
    names = [str(getattr(one, "value", one)) for one in only]
    return any(name in {"", kind} or kind.startswith(f"{name}.") for name in names)
