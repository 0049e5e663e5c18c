"""The public function `explain`, and what the command of that name shares with it."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

from imgbudget.api.reports import Json, TableReport, records_in
from imgbudget.api.settings import ModelSettings, body_bytes, run_options
from imgbudget.discovery.walk import StrPath, one_path
from imgbudget.errors import UsageError
from imgbudget.explaining import locate
from imgbudget.explaining.locate import Located
from imgbudget.explaining.match import Explanation, Match
from imgbudget.explaining.match import explain as explain_text
from imgbudget.linter.arguments import names_arguments
from imgbudget.linter.options import RunOptions, require_str
from imgbudget.linter.run import STDIN, Session, StandardInput, run
from imgbudget.linter.spans import spans_of
from imgbudget.linter.unused import why_without
from imgbudget.model.location import Location, Span
from imgbudget.model.subjects import Finding, Request
from imgbudget.output.base import count
from imgbudget.output.explain import LocatedMatch, explanation_document

if TYPE_CHECKING:
    from imgbudget.model.results import FileResult


class ErrorResult(NamedTuple):
    """What one error means; the names are those of `imgbudget explain --format json`.

    `code` and `name` are the rule that it breaks, None if there is none; `also` are further codes.
    `seen` counts how often the text has it, from `line` on. `location` and `paths` are what the text names;
    `measured`, `limit` and `values` its numbers. `blocks` are those of the request that it may be about, the
    most likely first, None if no request was given.
    """

    code: str | None
    name: str | None
    also: tuple[str, ...]
    text: str
    line: int
    seen: int
    status: int | None
    location: str | None
    paths: tuple[str, ...]
    measured: float | None
    limit: float | None
    unit: str | None
    values: dict[str, str]
    meaning: str
    remedy: str
    era: str
    source: str
    date: str
    blocks: tuple[Json, ...] | None
    note: str | None
    recorded: Json | None


class ExplainReport(TableReport, tuple[ErrorResult, ...]):  # noqa: SLOT001 - it has attributes
    """A result for each error that was recognised; `unknown` are lines that look like errors and were not."""

    unknown: tuple[str, ...]
    document: Json

    def __repr__(self) -> str:
        return f"<ExplainReport: {count(len(self), 'error')}, {len(self.unknown)} not recognised>"

    def to_dict(self) -> Json:
        """The document of `imgbudget explain --format json`."""
        return self.document

    def records(self) -> list[Json]:
        """The list `errors` of the document: a dictionary for each error."""
        return records_in(self.document, "errors")

    def _columns(self) -> tuple[str, ...]:
        return "code", "name", "line", "seen", "location", "meaning", "remedy"


@names_arguments
def explain(
    text: str,
    request: StrPath | Mapping[str, object] | bytes | None = None,
    options: RunOptions | None = None,
    **settings: Unpack[ModelSettings],
) -> ExplainReport:
    """What errors of an API mean: the rule that is broken, what to do, and the block that caused it.

    `text` is a message, an error envelope, a traceback or a log. `request` is the rejected request: the path
    of a file, a body as a dictionary, or JSON as bytes.

    Raises:
        UsageError: an empty text, or a request that is none.
        ConfigError: an invalid configuration.
    """
    require_str(text, "text")
    if not (text or "").strip():
        raise UsageError("the text to explain is empty")
    explanation = explain_text(text)
    found: list[LocatedMatch] = []
    if request is not None:
        path, body = STDIN, None
        if isinstance(request, Mapping | bytes | bytearray | memoryview):
            body = body_bytes(request)
        else:
            path = one_path(request, "request")
        asked = run_options(options, settings)._replace(client="", pixels=False, text=False)
        found, _ = located_matches(explanation, path, asked, body)
    document = explanation_document(explanation, found)
    report = ExplainReport(map(_result, document["errors"]))
    report.unknown = tuple(one.text for one in explanation.unknown)
    report.document = document
    return report


def _result(record: dict[str, Any]) -> ErrorResult:
    tuples = {
        name: None if value is None else tuple(value)
        for name, value in record.items()
        if value is None or isinstance(value, list)
    }
    return ErrorResult(**{**record, **tuples})


class _Checked(NamedTuple):
    """The refused request as our own check sees it; `text` is its body if it is no file."""

    path: str
    text: bytes | None
    requests: tuple[Request, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def located_matches(
    explanation: Explanation,
    request: str,
    options: RunOptions,
    text: bytes | None = None,
    *,
    optional: bool = False,
) -> tuple[list[LocatedMatch], tuple[str, ...]]:
    """What each error means in a request, in the order of the matches, and notes.

    `request` is the path of a file, or `-` with `text`.

    Raises:
        UsageError: there is no such file, or no request in it unless that is `optional`.
    """
    checked = _check(request, options, text, optional=optional)
    located = [locate(match, checked.requests, checked.findings) for match in explanation.matches]
    spans = _spans(checked, located)
    placed = [_placed(match, found, spans) for match, found in zip(explanation.matches, located, strict=True)]
    return placed, checked.notes


def _check(path: str, options: RunOptions, text: bytes | None, *, optional: bool) -> _Checked:
    """Run every rule on the request, whatever the configuration leaves out."""
    if os.path.isdir(path):
        raise UsageError(f"--request {path}: is a folder; name the file of the request")
    session = Session(options._replace(select=("ALL",), pedantic=True, use_ignores=False, nested=True))
    results: list[FileResult] = []
    stdin = StandardInput(lambda: text or b"")
    run(session, (path,), on_result=results.append, stdin=stdin, whole_run=False)
    (result,) = results
    if not result.requests and not optional:
        why = why_without(result, "request").removeprefix("no request: ")
        raise UsageError(f"--request {path}: holds no request: {why}")
    requests = tuple(checked.request for checked in result.requests)
    return _Checked(result.path, text, requests, result.findings, session.notes)


def _placed(match: Match, found: Located, spans: dict[Location, Span]) -> LocatedMatch:
    locations = []
    for candidate in found.candidates:
        field = candidate.location.at(candidate.field) if candidate.field else candidate.location
        location = field if field in spans else candidate.location
        locations.append((candidate, location, spans.get(location)))
    return LocatedMatch(match=match, locations=tuple(locations), note=found.note)


def _spans(checked: _Checked, located: list[Located]) -> dict[Location, Span]:
    wanted = set()
    for candidate in (candidate for found in located for candidate in found.candidates):
        wanted.add(candidate.location)
        if candidate.field:
            wanted.add(candidate.location.at(candidate.field))
    return spans_of(wanted, checked.path, checked.text)
